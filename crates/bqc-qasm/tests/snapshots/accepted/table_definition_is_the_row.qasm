OPENQASM 2.0;
include "qelib1.inc";
gate ecr a,b { s a; rx(pi/2) b; cx a,b; x a; }
qreg q[2];
ecr q[0],q[1];
rx(1.5707963267948966) q[0];
rx(1.5707963267948966) q[1];
cx q[0],q[1];
rz(0.5) q[1];
cx q[0],q[1];
rx(-1.5707963267948966) q[0];
rx(-1.5707963267948966) q[1];
