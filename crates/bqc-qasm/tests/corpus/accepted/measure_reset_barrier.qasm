qreg q[2]; qreg r[1]; creg c[2];
measure q -> c;
measure r[0] -> c[1];
reset q;
reset r[0];
barrier q,r[0];
barrier q[1];
