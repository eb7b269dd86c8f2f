OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
for int i in [0:2] { b = measure q[0]; if (b) break; }
