//! max-operations 100
OPENQASM 3.0;
include "stdgates.inc";
qubit[12] q;
ctrl(11) @ x q[0], q[1], q[2], q[3], q[4], q[5], q[6], q[7], q[8], q[9], q[10], q[11];
