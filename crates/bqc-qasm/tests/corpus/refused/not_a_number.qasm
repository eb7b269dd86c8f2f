qreg q[1];
rz(sqrt(-1)) q[0];
