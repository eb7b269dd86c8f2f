qreg q[1]; creg c[1];
if(c[0]==1) x q[0];
