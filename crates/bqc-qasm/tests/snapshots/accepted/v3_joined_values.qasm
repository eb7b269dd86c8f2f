OPENQASM 2.0;
include "qelib1.inc";
qreg q[4];
creg c[2];
measure q[0] -> c[0];
measure q[1] -> c[1];
if(c==1) x q[2];
if(c==1) x q[2];
rx(9.0) q[3];
