qreg qubits[2];
h qubit[0];
