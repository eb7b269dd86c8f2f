//! The pairs of qubits that two-qubit gates join, and which of them a compile has added. A circuit that was routed for a
//! machine may leave the couplings of that machine so.

use bqc_circuit::{Circuit, Directive, Operation};
use bqc_wire::PairFigures;

/// Pairs in input and output, and the new ones.
pub fn compare(input: &Circuit, output: &Circuit) -> PairFigures {
    let [before, after] = [input, output].map(pairs);
    let is_new = |pair: &&[u32; 2]| before.binary_search(pair).is_err();
    let new = after.iter().filter(is_new).map(|[a, b]| format!("{a}-{b}")).collect();
    PairFigures { input: before.len() as u64, output: after.len() as u64, new }
}

/// Pairs that some gate acts on, each in rising order, sorted. A wider gate joins all its qubits.
fn pairs(circuit: &Circuit) -> Vec<[u32; 2]> {
    let is_barrier = |operation: &&Operation| matches!(operation, Operation::Directive(directive) if matches!(**directive, Directive::Barrier(_)));
    let (mut pairs, mut qubits) = (Vec::new(), Vec::new());
    for operation in circuit.operations.iter().filter(|operation| !is_barrier(operation)) {
        qubits.clear();
        operation.for_each_qubit(|qubit| qubits.push(qubit.0));
        qubits.sort_unstable();
        for (i, a) in qubits.iter().enumerate() {
            pairs.extend(qubits[i + 1..].iter().map(|b| [*a, *b]));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// A line about the new pairs for people; none if there are none.
pub fn words(pairs: &PairFigures) -> Option<String> {
    const MOST: usize = 5;
    let (n, list) = (pairs.new.len(), pairs.new.iter().take(MOST).cloned().collect::<Vec<_>>().join(", "));
    let more = if n > MOST { ", …" } else { "" };
    let are = if n == 1 { "is" } else { "are" };
    (n > 0).then(|| format!("{n} of {} pairs of qubits that gates join {are} new: {list}{more}", pairs.output))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::{GateCall, GateId, Qubit};

    fn circuit(gates: &[&[u32]]) -> Circuit {
        let mut circuit = Circuit::with_qubits(8);
        for wires in gates {
            let name = ["", "h", "cx", "ccx"][wires.len()];
            let qubits: Vec<Qubit> = wires.iter().copied().map(Qubit).collect();
            circuit.push(GateCall::new(GateId::from_name(name).unwrap(), &[], &qubits));
        }
        circuit.operations.push(Operation::Directive(Box::new(Directive::Barrier((0..8).map(Qubit).collect()))));
        circuit
    }

    #[test]
    fn pairs_are_counted_once_and_new_ones_named() {
        let input = circuit(&[&[2, 1, 0], &[3], &[3, 2], &[2, 3]]);
        let found = compare(&input, &circuit(&[&[0, 1], &[3, 1], &[1, 3], &[0, 7]]));
        assert_eq!((found.input, found.output, &found.new[..]), (4, 3, &["0-7".to_string(), "1-3".into()][..]));
        assert_eq!(words(&found).unwrap(), "2 of 3 pairs of qubits that gates join are new: 0-7, 1-3");
        assert_eq!(words(&compare(&input, &input)), None);
        let many = circuit(&[&[2, 4], &[2, 5], &[2, 6], &[2, 7], &[4, 5], &[4, 6]]);
        let words = words(&compare(&input, &many)).unwrap();
        assert_eq!(words, "6 of 6 pairs of qubits that gates join are new: 2-4, 2-5, 2-6, 2-7, 4-5, …");
    }
}
