OPENQASM 3.0;
qubit q;
rx(0.5);
