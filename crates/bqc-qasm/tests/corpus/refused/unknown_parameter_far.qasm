gate g(theta) a { rz(x) a; }
