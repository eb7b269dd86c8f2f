qreg q[1];
foo q[0];
