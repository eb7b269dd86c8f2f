OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
rz(1.0) q[0];
rz(2.0) q[1];
