OPENQASM 3.0;
include "stdgates.inc";
bit[2] c;
h $0;
cx $0, $3;
c[0] = measure $3;
barrier $0, $1;
delay[100ns] $0;
