//! max-qubits 10
OPENQASM 3.0;
include "stdgates.inc";
qubit[11] q;
