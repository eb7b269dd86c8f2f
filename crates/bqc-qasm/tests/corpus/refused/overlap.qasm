qreg q[3];
cx q[0],q;
