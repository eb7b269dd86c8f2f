OPENQASM 3.0;
include "stdgates.inc";
array[int[8], 2, 2] a = {{1, 2}, {3}};
