OPENQASM 3.0;
#pragma a note
pragma another
include "stdgates.inc";
qubit[3] q;
bit[3] c;
@note on what follows
h q[0];
box { x q[0]; x q[0]; }
box[200ns] { cx q[0], q[1]; delay[2*20us] q[1]; }
delay[1ms] q;
nop q[0];
measure q[1];
for int i in [0:1] { bit local; local = measure q[i]; if (local) x q[2]; }
duration d = 20ns + 2 * 10ns;
delay[d] q[0];
{ int scoped = 3; rz(scoped) q[0]; }
