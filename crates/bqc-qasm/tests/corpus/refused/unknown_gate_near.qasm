qreg q[3];
CCX q[0],q[1],q[2];
