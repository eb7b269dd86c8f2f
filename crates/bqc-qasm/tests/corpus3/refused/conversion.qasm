OPENQASM 3.0;
include "stdgates.inc";
bool x = 100ns;
