//! max-qubits 10
qreg a[8];
qreg b[3];
