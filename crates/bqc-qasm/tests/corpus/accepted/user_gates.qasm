OPENQASM 2.0;
include "qelib1.inc";
gate maj a,b,c { cx c,b; cx c,a; ccx a,b,c; }
gate twice(t) a,b { rx(t/2) a; ry(-t) b; }
gate outer(x,y) a,b,c { twice(x+y) b,c; maj c,a,b; twice(y) a,b; }
qreg q[3];
outer(0.1,0.2) q[2],q[0],q[1];
