// A comment before the version.
/* And one
   over lines. */
OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit d;
h q[0];
cx q[0], q[1];
rz(-3*pi/8) q[2];
rz(0.25) r;
U(0.3, 0.2, 0.1) q[1];
cx q[2], r;
h q;
cx q, r;
barrier q, r;
c = measure q;
measure r -> d;
reset q[0];
c[1] = measure q[1];
measure q[0:1] -> c[0:1];
