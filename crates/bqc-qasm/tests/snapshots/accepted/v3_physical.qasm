OPENQASM 2.0;
include "qelib1.inc";
qreg physical[4];
creg c[2];
h physical[0];
cx physical[0],physical[3];
measure physical[3] -> c[0];
barrier physical[0],physical[1];
barrier physical[0];
