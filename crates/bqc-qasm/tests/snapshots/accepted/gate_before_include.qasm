OPENQASM 2.0;
include "qelib1.inc";
qreg q[1];
u3(1.5707963267948966,0.0,3.141592653589793) q[0];
