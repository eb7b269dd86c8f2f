gate g(t) a,b { rx(t) a; cx a,b; }
qreg q[2]; creg c[2];
if(c==2) g(0.25) q[0],q[1];
