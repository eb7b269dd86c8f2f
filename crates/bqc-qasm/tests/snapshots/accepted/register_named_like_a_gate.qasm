OPENQASM 2.0;
include "qelib1.inc";
gate ecr a,b { s a; rx(pi/2) b; cx a,b; x a; }
qreg x[2];
qreg ecr[2];
creg u[2];
x x[0];
measure x[0] -> u[0];
measure x[1] -> u[1];
ecr ecr[0],ecr[1];
