qreg q[1];
rz(cot(1)) q[0];
