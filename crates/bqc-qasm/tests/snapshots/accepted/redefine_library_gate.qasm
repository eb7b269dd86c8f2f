OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
h q[0];
ry(1.5707963267948966) q[0];
x q[0];
cz q[0],q[1];
