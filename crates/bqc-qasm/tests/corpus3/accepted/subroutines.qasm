OPENQASM 3.0;
include "stdgates.inc";
const int n = 2;
def prepare(qubit[n] q, float x) { h q[0]; rz(x) q[1]; cx q[0], q[1]; }
def parity(int a, int b) -> int { if (a > b) { return a - b; } return a + b; }
def check(qubit q) -> bit { h q; return measure q; }
def check_two(qubit[2] q) -> bit[2] { bit[2] r; r[0] = check(q[0]); r[1] = measure q[1]; return r; }
qubit[4] q;
bit b;
bit[2] c;
prepare(q[0:1], pi/4);
prepare(q[{3, 2}], parity(3, 1) * 1.0);
b = check(q[0]);
bit d = check(q[1]);
c = check_two(q[2:3]);
if (b) x q[0];
check(q[3]);
