OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
bit[2] c;
bit b;
c = measure q[0:1];
b = measure q[2];
if (b) x q[0];
if (!b) { y q[0]; z q[0]; }
if (b == 1) { x q[1]; } else { h q[1]; }
if (c == 2) x q[0];
if (int[2](c) == 1) x q[0];
if (c != 0) x q[2];
if (c[1]) x q[1];
if (c[0] && !c[1]) s q[1];
if (c == "10") { if (c[1]) t q[0]; }
if (c < 4) tdg q[0];
switch (c) {
  case 0, 3 { x q[0]; }
  case 1 { y q[0]; }
  default { z q[0]; }
}
if (b == 0) { reset q[2]; barrier q; b = measure q[2]; }
