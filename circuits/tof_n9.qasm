// X with 5 controls and ancillas that are zero
// Nielsen and Chuang figure 4.10
OPENQASM 2.0;
include "qelib1.inc";
qreg q[9];
ccx q[0],q[1],q[5];
ccx q[5],q[2],q[6];
ccx q[6],q[3],q[7];
ccx q[7],q[4],q[8];
ccx q[6],q[3],q[7];
ccx q[5],q[2],q[6];
ccx q[0],q[1],q[5];
