// X with 10 controls and ancillas that are zero
// Nielsen and Chuang figure 4.10
OPENQASM 2.0;
include "qelib1.inc";
qreg q[19];
ccx q[0],q[1],q[10];
ccx q[10],q[2],q[11];
ccx q[11],q[3],q[12];
ccx q[12],q[4],q[13];
ccx q[13],q[5],q[14];
ccx q[14],q[6],q[15];
ccx q[15],q[7],q[16];
ccx q[16],q[8],q[17];
ccx q[17],q[9],q[18];
ccx q[16],q[8],q[17];
ccx q[15],q[7],q[16];
ccx q[14],q[6],q[15];
ccx q[13],q[5],q[14];
ccx q[12],q[4],q[13];
ccx q[11],q[3],q[12];
ccx q[10],q[2],q[11];
ccx q[0],q[1],q[10];
