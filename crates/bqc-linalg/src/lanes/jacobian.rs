//! Tangents of a CX template, pulled to the middle of the circuit.
