qreg q[1];
rz(1e999) q[0];
