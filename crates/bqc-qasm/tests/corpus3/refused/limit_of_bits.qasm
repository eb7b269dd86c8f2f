//! max-clbits 10
OPENQASM 3.0;
include "stdgates.inc";
bit[11] q;
