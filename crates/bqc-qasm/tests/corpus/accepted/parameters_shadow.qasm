gate g(x,h) x,h { rz(x) x; rz(h) h; }
qreg q[2];
g(1,2) q[0],q[1];
