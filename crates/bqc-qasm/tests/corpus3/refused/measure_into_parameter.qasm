OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
def f(bit a, qubit t) { a = measure t; }
f(c[0], q[0]);
