//! max-operations 100
OPENQASM 3.0;
include "stdgates.inc";
for int i in [0:1000000000000] { }
