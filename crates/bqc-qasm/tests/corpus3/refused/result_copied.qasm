OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
def f(qubit a, qubit d) -> bit {
  bit t;
  t = measure a;
  bit u;
  u = measure d;
  if (true) { return u; }
  return t;
}
b = f(q[0], q[1]);
