OPENQASM 2.0;
include "qelib1.inc";
opaque iswap q0,q1;
qreg q[2];
iswap q[0],q[1];
