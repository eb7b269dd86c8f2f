OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
gate g(t) a {
  rx(1/t) a;
}
g(0) q[0];
