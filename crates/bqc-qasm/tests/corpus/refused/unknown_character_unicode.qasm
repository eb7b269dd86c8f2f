qreg q[1];
rz(π) q[0];
