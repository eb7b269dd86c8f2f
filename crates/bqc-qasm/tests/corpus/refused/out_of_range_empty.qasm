qreg q[0];
h q[0];
