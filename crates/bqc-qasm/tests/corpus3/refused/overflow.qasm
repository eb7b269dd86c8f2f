OPENQASM 3.0;
include "stdgates.inc";
int a = 2**200;
