gate g(theta) a { rz(thata) a; }
