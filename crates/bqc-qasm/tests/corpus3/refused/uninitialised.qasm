OPENQASM 3.0;
include "stdgates.inc";
int a;
int d = a;
