OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
if (c == 1) { c[0] = measure q[0]; x q[1]; }
