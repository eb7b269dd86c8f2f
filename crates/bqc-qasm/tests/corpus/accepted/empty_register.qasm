qreg q[0]; qreg r[1]; creg c[0];
h q;
barrier q;
barrier q,r;
measure q -> c;
if(c==0) x r[0];
