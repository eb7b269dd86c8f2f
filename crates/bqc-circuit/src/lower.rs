//! The lowered form of a circuit: `cx` and `u3` only, what partition and optimisation work on.
//!
//! Up to global phase (see [`gates`](crate::gates)). Directives stay as they are and where they are,
//! and so does a gate inside an `if`: a conditional gate cuts blocks like any directive, and
//! replacing it would make several conditional statements of one.

use crate::gates::{CX, Lowering, U3};
use crate::{Circuit, GateCall, Operation};

/// The same circuit over {`cx`, `u3`} and directives. Linear in the number of gates.
pub fn lower(circuit: &Circuit) -> Circuit {
    let mut lowered = circuit.empty_like();
    lowered.operations.reserve(circuit.operations.len());
    for operation in &circuit.operations {
        match operation {
            Operation::Gate(call) => lower_call(call, &mut lowered.operations),
            directive => lowered.operations.push(directive.clone()),
        }
    }
    lowered
}

/// Appends the lowered form of one gate.
pub fn lower_call(call: &GateCall, operations: &mut Vec<Operation>) {
    (call.row().lower)(call.angles(), &mut Lowering::new(call.qubits(), operations));
}

impl Circuit {
    /// Whether every gate outside an `if` is `cx` or `u3`.
    pub fn is_lowered(&self) -> bool {
        self.operations.iter().all(|operation| match operation {
            Operation::Gate(call) => matches!(call.gate(), CX | U3),
            Operation::Directive(_) => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Directive, GateId, Qubit};
    use bqc_linalg::{Stream, phase_distance};

    #[test]
    fn random_circuits_keep_their_unitary() {
        let mut stream = Stream::new(0, 3, 0);
        let gates: Vec<GateId> = GateId::all().collect();
        for _ in 0..20 {
            let mut circuit = Circuit::with_qubits(6);
            for _ in 0..20 {
                let gate = gates[stream.below(gates.len())];
                let mut wires: Vec<Qubit> = (0..6).map(Qubit).collect();
                stream.shuffle(&mut wires);
                let angles: Vec<f64> = (0..gate.row().n_angles).map(|_| stream.gaussian()).collect();
                circuit.push(GateCall::new(gate, &angles, &wires[..gate.row().arity]));
            }
            let lowered = lower(&circuit);
            assert!(lowered.is_lowered() && !circuit.is_lowered());
            assert!(phase_distance(&circuit.unitary().unwrap(), &lowered.unitary().unwrap()) < 1e-13);
        }
    }

    #[test]
    fn directives_and_conditional_gates_stay() {
        let swap = GateCall::new(GateId::from_name("swap").unwrap(), &[], &[Qubit(0), Qubit(1)]);
        let conditional = Operation::Directive(Box::new(Directive::Conditional {
            creg: 0,
            value: "1".into(),
            operation: Box::new(Operation::Gate(swap)),
        }));
        let mut circuit = Circuit::with_qubits(2);
        circuit.cregs.push(crate::Register { name: "c".into(), first: 0, size: 1 });
        circuit.operations = vec![conditional.clone(), Operation::Gate(swap), conditional.clone()];
        let lowered = lower(&circuit);
        assert_eq!(lowered.operations.len(), 5);
        assert_eq!((&lowered.operations[0], &lowered.operations[4]), (&conditional, &conditional));
        assert!(lowered.is_lowered());
    }
}
