OPENQASM 3.0;
include "stdgates.inc";
opaque g a;
