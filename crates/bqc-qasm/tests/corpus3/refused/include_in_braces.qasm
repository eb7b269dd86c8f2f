OPENQASM 3;
if (true) { include "stdgates.inc"; }
