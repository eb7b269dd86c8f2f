OPENQASM 3.0;
// `++` puts the left operand's bits first, which are the low ones, in names of bits and in values alike.
qubit[4] q;
bit[2] c;
c = measure q[0:1];
let r = c[0] ++ c[1];
if (r == 1) x q[2];
if (c[0] ++ c[1] == 1) x q[2];
const bit[2] low = "01";
const bit[2] high = "10";
const bit[4] both = low ++ high;
rx(int[8](both)) q[3];
