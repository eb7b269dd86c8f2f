OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
float t = 0.5;
gate g a { rx(t) a; }
g q[1];
