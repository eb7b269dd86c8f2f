OPENQASM 3.0;
include "stdgates.inc";
extern f(int) -> bit;
