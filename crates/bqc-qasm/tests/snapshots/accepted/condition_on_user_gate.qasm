OPENQASM 2.0;
include "qelib1.inc";
qreg q[2];
creg c[2];
if(c==2) rx(0.25) q[0];
if(c==2) cx q[0],q[1];
