OPENQASM 3.0;
bit[2] a;
qubit q;
if (a[2] == 1) x q;
