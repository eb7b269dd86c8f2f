//! Closed-form simplification of blocks and of whole lowered circuits: one-qubit gates joined,
//! identities dropped, pairs of equal CX cancelled. The rewritings
//! themselves are in `wires.rs`.

use crate::wires::{Item, Wires};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Circuit, Directive, GateCall, Operation, Qubit, gates};

/// A circuit and how far it may be from the one that it was made of.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The simplified circuit, on the same wires and bits.
    pub circuit: Circuit,
    /// At most this phase distance: the sum of the measured distances of all merges.
    pub bound: f64,
}

/// Joins the one-qubit gates of a block where they meet, drops identities, and cancels equal CX.
///
/// * Gates that are not changed keep their angles bit by bit, and nothing changes its order.
/// * Never more gates than before, and linear in their number.
/// * The result is the same unitary to about 1e-15 a gate; joining it needs a
///   [`VerifiedBlock`](crate::VerifiedBlock) as for everything else.
/// * A block with a CX on one wire twice is returned as it is: the verifier refuses it.
pub fn merge_one_qubit(block: &BlockCircuit) -> BlockCircuit {
    let mut wires = Wires::new(256);
    for gate in &block.gates {
        match *gate {
            BlockGate::Cx { control, target } if control == target => return block.clone(),
            BlockGate::Cx { control, target } => {
                wires.push(Item::Cx { control: control.0.into(), target: target.0.into() })
            }
            BlockGate::U3 { qubit, angles } => wires.push(Item::One { wire: qubit.0.into(), angles }),
        };
    }
    wires.simplify();
    let mut merged = BlockCircuit::new(block.width());
    merged.gates.extend(wires.items().iter().filter_map(|item| match *item {
        Item::Cx { control, target } => {
            Some(BlockGate::Cx { control: BlockQubit(control as u8), target: BlockQubit(target as u8) })
        }
        Item::One { wire, angles } => Some(BlockGate::U3 { qubit: BlockQubit(wire as u8), angles }),
        Item::Wall { .. } | Item::Gone => None,
    }));
    merged
}

/// The same for a whole circuit. Directives, and gates other than `cx` and `u3`, stay where they are
/// and nothing passes them.
pub fn merge_circuit(circuit: &Circuit) -> Merged {
    let mut wires = Wires::new(circuit.n_qubits());
    // The place of every `cx` and `u3`; `None` for what is kept as it is.
    let places: Vec<Option<usize>> = circuit.operations.iter().map(|o| push(&mut wires, circuit, o)).collect();
    wires.simplify();
    let mut merged = circuit.empty_like();
    for (operation, place) in circuit.operations.iter().zip(places) {
        match place.map(|p| wires.items()[p]) {
            None => merged.operations.push(operation.clone()),
            Some(Item::Cx { control, target }) => merged.push(GateCall::cx(Qubit(control), Qubit(target))),
            Some(Item::One { wire, angles }) => merged.push(GateCall::u3(angles, Qubit(wire))),
            Some(Item::Wall { .. } | Item::Gone) => {}
        }
    }
    Merged { circuit: merged, bound: wires.bound() }
}

/// Appends one operation, and returns its place if it may be rewritten.
fn push(wires: &mut Wires, circuit: &Circuit, operation: &Operation) -> Option<usize> {
    if let Operation::Gate(call) = operation {
        let q = call.qubits();
        if call.gate() == gates::CX && q[0] != q[1] {
            return Some(wires.push(Item::Cx { control: q[0].0, target: q[1].0 }));
        }
        if call.gate() == gates::U3 {
            let &[theta, phi, lambda] = call.angles() else { return None };
            return Some(wires.push(Item::One { wire: q[0].0, angles: [theta, phi, lambda] }));
        }
    }
    // `barrier;` without wires would order everything.
    let everywhere = matches!(operation, Operation::Directive(d) if **d == Directive::Barrier(vec![]));
    if everywhere {
        (0..circuit.n_qubits()).for_each(|w| _ = wires.push(Item::Wall { wire: w as u32 }));
    }
    operation.for_each_qubit(|q| _ = wires.push(Item::Wall { wire: q.0 }));
    None
}

#[cfg(test)]
mod tests;
