qreg q[1];
creg q[2];
