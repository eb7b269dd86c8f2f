OPENQASM 3;
include "../a.inc";
