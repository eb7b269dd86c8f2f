gate g a { x a;
