include "stdgates.inc";
qreg q[1];
p(0.5) q[0];
