gate U(a,b,c) q { rz(a) q; }
