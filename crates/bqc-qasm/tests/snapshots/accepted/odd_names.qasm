OPENQASM 2.0;
include "qelib1.inc";
qreg _q[1];
qreg measured[1];
creg C_1[1];
x _q[0];
measure measured[0] -> C_1[0];
