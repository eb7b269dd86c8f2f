gate g(t,t) a { rz(t) a; }
