gate g(pi) q { rz(pi) q; }
