OPENQASM 3.0;
include "stdgates.inc";
array[int[8], 1000, 1000] a;
