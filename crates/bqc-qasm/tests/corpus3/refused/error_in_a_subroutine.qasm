OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
def f(qubit[2] a) {
  x a[2];
}
f(q[0:1]);
