qreg q[1];
rz(theta) q[0];
