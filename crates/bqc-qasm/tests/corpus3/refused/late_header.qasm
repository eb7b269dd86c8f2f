OPENQASM 3.0;
include "stdgates.inc";
OPENQASM 3.0;
