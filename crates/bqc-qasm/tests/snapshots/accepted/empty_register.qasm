OPENQASM 2.0;
include "qelib1.inc";
qreg q[0];
qreg r[1];
creg c[0];
barrier r[0];
if(c==0) x r[0];
