//! Passes over whole circuits and wide regions that need no numerics: exact rewritings, each in one module that
//! names its paper.
//!
//! A pass is a function from one [`BlockCircuit`] to another on the same wires: the caller cuts a circuit with
//! directives into regions without any, as wide as they come. A pass vouches for nothing. Its result goes to
//! `bqc-verify`, which shares no code with it, and what is not proved or measured there is not taken.
//!
//! Where the outputs may come to any wires ([`Outputs::Free`]), the result still is the same unitary: it ends with the
//! exchanges of wires that its permutation takes, three CX each, which no pass counts and the caller takes out
//! ([`BlockCircuit::split_exchanges`]).

pub mod light;
pub mod pathsum;
pub mod pauli;
pub mod spell;

use bqc_circuit::{BlockCircuit, BlockQubit};

/// On which wires the outputs of a circuit may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Outputs {
    /// Each on its own.
    #[default]
    Kept,
    /// On any: exchanges of wires at the end of the circuit cost nothing.
    Free,
}

impl Outputs {
    /// What a pass works on: the circuit, without the exchanges at its end if they cost nothing, and their wires.
    pub(crate) fn split(self, circuit: &BlockCircuit) -> (BlockCircuit, Vec<[BlockQubit; 2]>) {
        match self {
            Outputs::Kept => (circuit.clone(), Vec::new()),
            Outputs::Free => circuit.split_exchanges(),
        }
    }

    /// Two-qubit gates of a circuit, without the exchanges at its end if they cost nothing.
    pub fn n_cx(self, circuit: &BlockCircuit) -> usize {
        match self {
            Outputs::Kept => circuit.n_cx(),
            Outputs::Free => circuit.n_cx() - 3 * bqc_circuit::final_exchanges(circuit, |_| false).len(),
        }
    }
}
