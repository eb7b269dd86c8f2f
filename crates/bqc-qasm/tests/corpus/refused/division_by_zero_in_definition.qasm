gate g a { rz(1/0) a; }
