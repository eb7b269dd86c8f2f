OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
creg d[2];
if(c==1) measure q[0] -> d[0];
if(c==1) measure q[1] -> d[1];
if(c==1) measure q[1] -> c[1];
