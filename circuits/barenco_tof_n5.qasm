// X with 3 controls and ancillas in any state
// arXiv:quant-ph/9503016 lemma 7.2
OPENQASM 2.0;
include "qelib1.inc";
qreg q[5];
ccx q[3],q[2],q[4];
ccx q[0],q[1],q[3];
ccx q[3],q[2],q[4];
ccx q[0],q[1],q[3];
