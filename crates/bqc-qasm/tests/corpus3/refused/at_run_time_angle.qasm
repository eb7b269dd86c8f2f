OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
b = measure q[0];
int x = b;
rx(x) q[1];
