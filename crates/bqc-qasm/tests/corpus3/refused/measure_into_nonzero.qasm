OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
bit[2] w = "11";
measure q[0:1] -> w;
