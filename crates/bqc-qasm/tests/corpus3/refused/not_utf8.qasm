OPENQASM 3;
qubit ÿ;
