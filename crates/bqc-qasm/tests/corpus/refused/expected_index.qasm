qreg q[2];
h q[x];
