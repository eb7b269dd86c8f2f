gate r a { x a; r a; }
qreg q[1];
r q[0];
