OPENQASM 3.0;
include "stdgates.inc";
qubit[3] q;
qubit r;
bit[3] c;
bit b;
array[int[8], 2] a = {1, 2};
a[2] = 1;
