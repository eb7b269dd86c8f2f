gate g a { x a; }
gate g a { y a; }
