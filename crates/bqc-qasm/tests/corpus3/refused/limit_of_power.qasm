//! max-operations 100
OPENQASM 3.0;
include "stdgates.inc";
qubit q;
gate g a { h a; t a; }
pow(1000) @ g q;
