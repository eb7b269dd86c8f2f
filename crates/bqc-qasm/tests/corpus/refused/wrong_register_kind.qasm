qreg q[1]; creg c[1];
h c[0];
