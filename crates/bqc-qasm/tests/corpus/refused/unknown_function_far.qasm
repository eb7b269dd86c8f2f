qreg q[1];
rz(gamma(1)) q[0];
