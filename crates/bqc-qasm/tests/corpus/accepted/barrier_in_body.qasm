gate g a,b { x a; barrier a,b; x b; }
qreg q[2]; creg c[1];
g q[1],q[0];
if(c==1) g q[0],q[1];
