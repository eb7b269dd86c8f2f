OPENQASM 2.0;
include "qelib1.inc";
qreg a[2]; creg c[1]; qreg b[3]; creg d[2];
cx a[1],b[2];
measure b[0] -> d[1];
