OPENQASM 3.0;
include "stdgates.inc";
gate g a { }
gate g a { }
