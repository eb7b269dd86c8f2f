//! Passes over whole circuits and wide regions that need no numerics: exact rewritings, each in one module that
//! names its paper.
//!
//! A pass is a function from one [`BlockCircuit`](bqc_circuit::BlockCircuit) to another on the same wires: the caller
//! cuts a circuit with directives into regions without any, as wide as they come. A pass vouches for nothing. Its
//! result goes to `bqc-verify`, which shares no code with it, and what is not proved or measured there is not taken.

pub mod light;
pub mod pathsum;
pub mod pauli;
pub mod spell;
