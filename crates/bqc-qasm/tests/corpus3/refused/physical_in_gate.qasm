OPENQASM 3.0;
include "stdgates.inc";
gate g a { x $0; }
g $1;
