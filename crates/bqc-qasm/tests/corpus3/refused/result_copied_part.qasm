OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
def f(qubit a, bit[2] t) -> bit { return t[0]; }
b = f(q[0], c[0:1]);
