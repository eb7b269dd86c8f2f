qreg q[1];
rz(pi/(1-1)) q[0];
