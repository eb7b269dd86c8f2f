gate g a { x a[0]; }
