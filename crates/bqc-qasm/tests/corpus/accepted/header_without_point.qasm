OPENQASM 2;
qreg q[1];
x q;
