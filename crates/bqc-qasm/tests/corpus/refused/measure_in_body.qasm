creg c[1];
gate g a { measure a -> c[0]; }
