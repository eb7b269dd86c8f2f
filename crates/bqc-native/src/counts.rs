//! What a circuit in native gates costs.

use crate::GateSet;
use bqc_circuit::gates::Gate;
use bqc_circuit::{Circuit, Directive, GateCall, Operation};
use bqc_linalg::Matrix;

/// Gates of a circuit as they are written, those under `if` with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Gates on two wires or more.
    pub n_two_qubit: usize,
    /// One-qubit gates that a machine does by a pulse.
    pub n_pulses: usize,
    /// One-qubit gates that are rotations about Z: a machine turns the phase of later pulses instead.
    pub n_virtual: usize,
    /// Longest chain of gates that share wires, rotations about Z not counted; nothing else is a step.
    pub depth: usize,
    /// Longest chain of gates on two wires or more that share wires.
    pub two_qubit_depth: usize,
}

impl Counts {
    /// Counts a circuit. Linear in its size.
    pub fn of(circuit: &Circuit) -> Counts {
        let (mut counts, mut ready) = (Counts::default(), vec![[0usize; 2]; circuit.n_qubits()]);
        for operation in &circuit.operations {
            let mut wires = Vec::new();
            operation.for_each_qubit(|wire| wires.push(wire.index()));
            let steps = gate_of(operation).map_or([0, 0], |call| counts.count(call));
            let after = [0, 1].map(|kind| wires.iter().map(|wire| ready[*wire][kind]).max().unwrap_or(0) + steps[kind]);
            wires.iter().for_each(|wire| ready[*wire] = after);
        }
        [counts.depth, counts.two_qubit_depth] = [0, 1].map(|kind| ready.iter().map(|of| of[kind]).max().unwrap_or(0));
        counts
    }

    /// Counts a gate; gives how many steps it takes in both depths.
    fn count(&mut self, call: &GateCall) -> [usize; 2] {
        let row = call.row();
        let counter = match row.arity {
            1 if is_virtual(row, call.angles()) => &mut self.n_virtual,
            1 => &mut self.n_pulses,
            _ => &mut self.n_two_qubit,
        };
        *counter += 1;
        [row.arity > 1 || !is_virtual(row, call.angles()), row.arity > 1].map(usize::from)
    }
}

/// Whether a gate is a pulse on one wire.
pub(crate) fn is_pulse(call: &GateCall) -> bool {
    call.row().arity == 1 && !is_virtual(call.row(), call.angles())
}

/// Whether a one-qubit gate is a rotation about Z.
fn is_virtual(row: &Gate, angles: &[f64]) -> bool {
    let matrix: Matrix = (row.unitary)(angles);
    matrix[(0, 1)].norm() + matrix[(1, 0)].norm() < 1e-15
}

/// Gates of a circuit that are not in the set, those under `if` with them: what [`written`](crate::written) leaves under
/// `if` as it was.
pub fn n_foreign(circuit: &Circuit, set: &GateSet) -> usize {
    circuit.operations.iter().filter_map(gate_of).filter(|call| !set.contains(call.gate())).count()
}

/// The gate of an operation, under conditions too.
fn gate_of(mut operation: &Operation) -> Option<&GateCall> {
    loop {
        match operation {
            Operation::Gate(call) => return Some(call),
            Operation::Directive(directive) => match &**directive {
                Directive::Conditional { operation: inner, .. } => operation = inner,
                _ => return None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::{GateId, Qubit};

    fn call(name: &str, angles: &[f64], wires: &[u32]) -> GateCall {
        let wires: Vec<Qubit> = wires.iter().map(|w| Qubit(*w)).collect();
        GateCall::new(GateId::from_name(name).unwrap(), angles, &wires)
    }

    #[test]
    fn rotations_about_z_are_no_pulses() {
        let mut circuit = Circuit::with_qubits(2);
        let calls = [
            call("rz", &[0.3], &[0]),
            call("sx", &[], &[0]),
            call("cz", &[], &[0, 1]),
            call("phxz", &[0.0, 0.3, 0.0], &[1]),
            call("phxz", &[0.1, 0.3, 0.0], &[1]),
        ];
        calls.into_iter().for_each(|call| circuit.push(call));
        assert_eq!(
            Counts::of(&circuit),
            Counts { n_two_qubit: 1, n_pulses: 2, n_virtual: 2, depth: 3, two_qubit_depth: 1 }
        );
        assert_eq!(n_foreign(&circuit, &GateSet::parse("google").unwrap()), 2);
    }
}
