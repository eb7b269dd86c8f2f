qreg _q[1]; creg C_1[1]; qreg measured[1];
gate Gate_2 A { x A; }
Gate_2 _q[0];
measure measured[0] -> C_1[0];
