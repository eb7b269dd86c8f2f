OPENQASM 3.0;
include "stdgates.inc";
int[65] a;
