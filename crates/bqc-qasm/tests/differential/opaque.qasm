OPENQASM 2.0;
include "qelib1.inc";
opaque magic(a,b) x,y;
gate wrap(t) a,b { magic(t,-t) b,a; h a; }
qreg q[2];
magic(pi,0.25) q[0],q[1];
wrap(1.5) q[0],q[1];
