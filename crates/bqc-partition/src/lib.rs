//! Cuts a circuit into blocks of few qubits.
