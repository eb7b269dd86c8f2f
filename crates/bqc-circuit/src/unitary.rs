//! Reference unitaries of whole circuits: plain, slow, and what faster ones are compared with.

use crate::{BlockCircuit, Circuit, Directive, Operation};
use bqc_linalg::Matrix;

impl Circuit {
    /// The `2^n × 2^n` matrix, wire q = bit q of the index; none if an operation is not unitary
    /// (`measure`, `reset`, `if`, `opaque`). Barriers are the identity.
    ///
    /// Takes `4^n · 16` bytes and that times the number of gates in operations: up to some 12 wires.
    pub fn unitary(&self) -> Option<Matrix> {
        let mut state = Matrix::identity(1 << self.n_qubits());
        self.apply_to(&mut state)?;
        Some(state)
    }

    /// Applies the circuit from the left to `columns`, a `2^n × m` matrix of m states; none, with
    /// `columns` half way, if an operation is not unitary.
    pub fn apply_to(&self, columns: &mut Matrix) -> Option<()> {
        for operation in &self.operations {
            match operation {
                Operation::Gate(call) => {
                    let qubits: Vec<usize> = call.qubits().iter().map(|q| q.index()).collect();
                    columns.apply_gate(&(call.row().unitary)(call.angles()), &qubits);
                }
                Operation::Directive(directive) => match **directive {
                    Directive::Barrier(_) => {}
                    _ => return None,
                },
            }
        }
        Some(())
    }
}

impl BlockCircuit {
    /// The `2^width × 2^width` matrix, wire q = bit q of the index.
    pub fn unitary(&self) -> Matrix {
        let mut state = Matrix::identity(1 << self.width());
        for gate in &self.gates {
            let wires: Vec<usize> = gate.wires().iter().map(|wire| wire.index()).collect();
            state.apply_gate(&gate.matrix(), &wires);
        }
        state
    }
}
