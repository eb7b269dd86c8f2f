OPENQASM 3.0;
include "stdgates.inc";
def f(mutable array[int[8], 2] a) { }
