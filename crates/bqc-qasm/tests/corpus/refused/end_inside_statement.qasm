qreg q[2];
cx q[0],


