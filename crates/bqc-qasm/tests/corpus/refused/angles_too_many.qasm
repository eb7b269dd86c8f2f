qreg q[1];
h(0.5) q[0];
