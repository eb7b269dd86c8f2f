OPENQASM 3.0;
include "stdgates.inc";
qubit[12] q;
bit[2] a;
bit[12] c;
bit[12] whole;
bit d;
c = measure q;
if (c[0]) x q[0];
if (c[5] == 0) { y q[1]; d = measure q[2]; } else z q[1];
if (!c[6]) { if (c[6] == 0) h q[0]; }
bool last = c[-1];
if (last) s q[0];
if (whole == 4095) t q[0];
if (a[1]) id q[0];
if (c[5]) { c[4] = measure q[3]; c[5] = measure q[3]; }
