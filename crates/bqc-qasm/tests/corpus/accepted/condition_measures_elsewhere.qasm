qreg q[2]; creg c[2]; creg d[2];
if(c==1) measure q -> d;
if(c==1) measure q[1] -> c[1];
