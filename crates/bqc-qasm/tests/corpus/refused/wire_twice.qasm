gate g a,b,a { x a; }
