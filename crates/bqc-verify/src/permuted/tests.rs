//! Exchanges that are taken out, and circuits with permuted outputs, against matrices that are multiplied here.

use super::*;
use crate::VerifiedCircuit;
use bqc_circuit::{Directive, Lowered, Register};
use bqc_linalg::{Matrix, Stream, phase_distance};

/// The distance of `a` and `P·b`, where `P` brings qubit `q` from wire `wires[q]` to wire `q`.
fn distance(a: &Circuit, b: &Circuit, wires: &[usize]) -> f64 {
    let (a, b) = (a.unitary().unwrap(), b.unitary().unwrap());
    let mut moved = Matrix::zeros(b.rows(), b.cols());
    for row in 0..b.rows() {
        let image: usize = wires.iter().enumerate().map(|(qubit, wire)| (row >> wire & 1) << qubit).sum();
        (0..b.cols()).for_each(|col| moved[(image, col)] = b[(row, col)]);
    }
    phase_distance(&a, &moved)
}

fn exchange(circuit: &mut Circuit, a: u32, b: u32) {
    [(a, b), (b, a), (a, b)].into_iter().for_each(|(c, t)| circuit.push(GateCall::cx(Qubit(c), Qubit(t))));
}

/// Gates on `n` wires with exchanges among them and at the end.
fn random(n: u32, n_gates: usize, stream: &mut Stream) -> Circuit {
    let mut circuit = Circuit::with_qubits(n);
    for place in 0..n_gates {
        let mut wires: Vec<u32> = (0..n).collect();
        stream.shuffle(&mut wires);
        match stream.below(4) {
            _ if place + 3 > n_gates => exchange(&mut circuit, wires[0], wires[1]),
            0 => circuit.push(GateCall::u3([0; 3].map(|_| stream.gaussian()), Qubit(wires[0]))),
            1 => exchange(&mut circuit, wires[0], wires[1]),
            _ => circuit.push(GateCall::cx(Qubit(wires[0]), Qubit(wires[1]))),
        }
    }
    circuit
}

/// Every three gates in a row that are an exchange, wherever they stand.
fn all_exchanges(lowered: &Lowered) -> Vec<[u32; 3]> {
    let gate = |step: u32| lowered.steps.get(step as usize);
    let mut found: Vec<[u32; 3]> = Vec::new();
    for step in 0..lowered.steps.len() as u32 {
        let is_free = found.last().is_none_or(|last| last[2] < step);
        let is_pair = |step| matches!(gate(step), Some(bqc_circuit::Step::Gate(gate)) if gate.is_two_qubit());
        let wires = |step| match gate(step) {
            Some(bqc_circuit::Step::Gate(gate)) => gate.wires().to_vec(),
            _ => Vec::new(),
        };
        let (first, mut second) = (wires(step), wires(step + 1));
        second.reverse();
        if is_free && is_pair(step) && first == second && first == wires(step + 2) {
            found.push([step, step + 1, step + 2]);
        }
    }
    found
}

#[test]
fn the_output_with_its_permutation_is_the_input() {
    let mut stream = Stream::new(0, 5, 0);
    let options = CompareOptions::default();
    let mut n_moved = 0;
    for _ in 0..200 {
        let n = 2 + stream.below(4) as u32;
        let input = random(n, 20, &mut stream);
        let verified = VerifiedCircuit::lower(&input, true).unwrap();
        // At the end, and anywhere: gates that follow stand on the other wires.
        let places = [verified.final_exchanges(), all_exchanges(verified.circuit())];
        for exchanges in places {
            let output = verified.without_exchanges(&exchanges).unwrap();
            let permutation = output.permutation();
            let wires: Vec<usize> = (0..n).map(|q| permutation.wire_of(Qubit(q)).index()).collect();
            let circuit = output.circuit().to_circuit();
            assert!(distance(&input, &circuit, &wires) < 1e-13);
            assert_eq!(output.bound(), 0.0);
            let moved: Vec<[Qubit; 2]> = permutation.moved().collect();
            let found = compare_permuted(&input, &circuit, &moved, &options).unwrap().distance;
            assert!(found < 1e-13);
            // Another permutation is the input only by chance: as far as the reference says.
            let mut other = wires.clone();
            other.swap(0, stream.below(n as usize - 1) + 1);
            let of_other = OutputPermutation::new(other.iter().map(|&w| Qubit::at(w)).collect()).unwrap();
            let moved: Vec<[Qubit; 2]> = of_other.moved().collect();
            let found = compare_permuted(&input, &circuit, &moved, &options).unwrap().distance;
            let expected = distance(&input, &circuit, &other);
            assert!((found - expected).abs() < 1e-7, "{found} {expected}");
            n_moved += usize::from(!permutation.is_identity() && expected > 0.1);
            // The proof does the same again.
            let replayed = output.edits().into_iter().try_fold(verified.clone(), |v, edit| v.replay(edit).map(|r| r.0));
            let replayed = replayed.unwrap();
            assert!(replayed.is_same(&output) && replayed.permutation() == permutation);
        }
    }
    assert!(n_moved > 100, "{n_moved}");
}

#[test]
fn what_is_no_exchange_is_not_taken_out() {
    let mut circuit = Circuit::with_qubits(3);
    exchange(&mut circuit, 0, 1);
    circuit.push(GateCall::cx(Qubit(1), Qubit(0)));
    circuit.push(GateCall::u3([0.1; 3], Qubit(2)));
    circuit.push(GateCall::cx(Qubit(0), Qubit(1)));
    circuit.push(GateCall::cx(Qubit(0), Qubit(2)));
    circuit.push(GateCall::cx(Qubit(1), Qubit(0)));
    let verified = VerifiedCircuit::lower(&circuit, false).unwrap();
    assert!(verified.without_exchanges(&[[0, 1, 2]]).is_ok());
    assert!(verified.without_exchanges(&[[1, 2, 3]]).is_ok());
    let wrong: [&[[u32; 3]]; 9] = [
        // Out of order, twice the same, overlapping, with another gate, with one between, missing, and incomplete.
        &[[2, 1, 0]],
        &[[0, 1, 1]],
        &[[0, 1, 2], [0, 1, 2]],
        &[[0, 1, 2], [2, 3, 5]],
        &[[3, 5, 4]],
        &[[3, 5, 7]],
        &[[0, 1, 8]],
        &[[5, 6, 7]],
        &[[0, 2, 3]],
    ];
    for exchanges in wrong {
        assert!(verified.without_exchanges(exchanges).is_err(), "{exchanges:?}");
    }
}

/// A circuit that measures qubit `q` into bit `bits[q]` at the end.
fn measured(gates: &Circuit, wires: &[(u32, u32)]) -> Circuit {
    let mut circuit = gates.clone();
    circuit.cregs.push(Register { name: "c".into(), first: 0, size: 4 });
    for &(qubit, clbit) in wires {
        let directive = Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(clbit) };
        circuit.operations.push(Operation::Directive(Box::new(directive)));
    }
    circuit
}

#[test]
fn measurements_follow_their_qubits_and_bits_stay() {
    let options = CompareOptions::default();
    let mut stream = Stream::new(0, 5, 1);
    for _ in 0..20 {
        let mut gates = random(3, 12, &mut stream);
        exchange(&mut gates, 0, 1);
        let input = measured(&gates, &[(0, 3), (1, 0)]);
        let verified = VerifiedCircuit::lower(&input, true).unwrap();
        let exchanges = verified.final_exchanges();
        let output = verified.without_exchanges(&exchanges).unwrap();
        let (circuit, permutation) = (output.circuit().to_circuit(), output.permutation());
        let wire_of = |bit: u32| {
            circuit.operations.iter().find_map(|operation| match operation {
                Operation::Directive(d) => match **d {
                    Directive::Measure { qubit, clbit } if clbit == Clbit(bit) => Some(qubit),
                    _ => None,
                },
                Operation::Gate(_) => None,
            })
        };
        assert_eq!([wire_of(3), wire_of(0)], [0, 1].map(|q| Some(permutation.wire_of(Qubit(q)))));
        let moved = output.moved();
        assert!(moved.iter().all(|[qubit, _]| *qubit == Qubit(2)));
        assert!(compare_permuted(&input, &circuit, &moved, &options).unwrap().distance < 1e-13);
        // Naming what the bits say is allowed, and something else is not.
        let all: Vec<[Qubit; 2]> = permutation.moved().collect();
        assert!(compare_permuted(&input, &circuit, &all, &options).unwrap().distance < 1e-13);
        let other = (permutation.wire_of(Qubit(0)).0 + 1) % 3;
        let wrong = compare_permuted(&input, &circuit, &[[Qubit(0), Qubit(other)]], &options);
        assert!(matches!(wrong, Err(Incomparable::NoPermutation { .. })), "{wrong:?}");
    }
}

#[test]
fn bits_that_changed_their_qubits_are_a_difference() {
    let options = CompareOptions::default();
    let mut gates = Circuit::with_qubits(2);
    gates.push(GateCall::u3([0.3, 0.1, 0.2], Qubit(0)));
    let input = measured(&gates, &[(0, 0), (1, 1)]);
    let other = measured(&gates, &[(0, 1), (1, 0)]);
    assert!(compare_permuted(&input, &other, &[], &options).unwrap().distance > 0.1);
    // One qubit is measured where the other, which is not measured, has its wire.
    let (input, other) = (measured(&gates, &[(0, 0)]), measured(&gates, &[(1, 0)]));
    let found = compare_permuted(&input, &other, &[], &options);
    assert!(matches!(found, Err(Incomparable::DirectivesDiffer { .. })), "{found:?}");
    let named = compare_permuted(&input, &other, &[[Qubit(1), Qubit(0)]], &options);
    assert!(named.unwrap().distance > 0.1);
}

#[test]
fn a_list_counts_whatever_bits_there_are() {
    let mut input = Circuit::with_qubits(2);
    input.push(GateCall::u3([0.3, 0.1, 0.2], Qubit(0)));
    let with_bits = measured(&input, &[]);
    let moved = [[0, 1], [1, 0]].map(|pair| pair.map(Qubit));
    let options = CompareOptions::default();
    assert!(compare_permuted(&input, &with_bits, &[], &options).unwrap().distance < 1e-15);
    assert!(compare_permuted(&input, &with_bits, &moved, &options).unwrap().distance > 0.1);
}

#[test]
fn lists_that_are_no_permutation_are_refused() {
    let circuit = Circuit::with_qubits(2);
    for moved in [[[0, 1], [1, 1]], [[0, 2], [1, 0]], [[2, 0], [0, 1]], [[0, 1], [0, 0]]] {
        let moved = moved.map(|pair| pair.map(Qubit));
        let found = compare_permuted(&circuit, &circuit, &moved, &CompareOptions::default());
        assert!(matches!(found, Err(Incomparable::NoPermutation { .. })), "{moved:?}");
    }
}
