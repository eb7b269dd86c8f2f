opaque magic(a,b) x,y;
opaque plain x;
opaque empty() x;
qreg q[2]; creg c[1];
magic(pi,-2.5e-3) q[0],q[1];
plain q;
empty q[1];
if(c==0) plain q[1];
gate g(t) a,b { magic(t,2*t) b,a; }
g(0.5) q[0],q[1];
