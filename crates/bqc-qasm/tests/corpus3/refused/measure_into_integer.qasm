OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
int n = measure q[0];
