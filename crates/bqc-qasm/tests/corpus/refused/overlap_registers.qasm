qreg q[3];
cx q,q;
