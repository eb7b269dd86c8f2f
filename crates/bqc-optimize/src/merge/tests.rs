//! Merging keeps the unitary, reports its rounding honestly, and finds what it should find.

use super::*;
use crate::test_support::random_clifford_t;
use bqc_circuit::{BlockGate, BlockQubit, Circuit, Clbit, Directive, GateCall, Operation, Qubit, Register};
use bqc_linalg::Stream;
use bqc_verify::{CompareOptions, VerifiedBlock, VerifiedCircuit, block_distance, compare_circuits};
use proptest::prelude::*;
use std::f64::consts::{FRAC_PI_2, PI};

/// The circuit with all moves made.
fn merge_circuit(circuit: &Circuit) -> VerifiedCircuit {
    VerifiedCircuit::lower(circuit, false).unwrap().rewrite(simplify).unwrap()
}

const H: [f64; 3] = [FRAC_PI_2, 0.0, PI];
const T: [f64; 3] = [0.0, 0.0, PI / 4.0];
const X: [f64; 3] = [PI, 0.0, PI];
const ROOT_X: [f64; 3] = [FRAC_PI_2, -FRAC_PI_2, FRAC_PI_2];

/// A block written as text: `cx 0 1` or a name and a wire.
fn block(width: u8, gates: &[(&str, u8, u8)]) -> BlockCircuit {
    let mut block = BlockCircuit::new(width.into());
    for &(name, a, b) in gates {
        let angles = match name {
            "cx" => {
                block.push_cx(BlockQubit(a.into()), BlockQubit(b.into()));
                continue;
            }
            "h" => H,
            "t" => T,
            "x" => X,
            "rx" => ROOT_X,
            "id" => [0.0; 3],
            other => panic!("no gate `{other}` in these tests"),
        };
        block.push_u3(BlockQubit(a.into()), angles);
    }
    block
}

#[test]
fn what_can_go_goes() {
    /// Name, gates before, expected `(CX, one-qubit gates)`.
    type Case<'a> = (&'a str, &'a [(&'a str, u8, u8)], (usize, usize));
    let cases: &[Case] = &[
        ("nothing", &[], (0, 0)),
        ("identities", &[("id", 0, 0), ("id", 1, 0)], (0, 0)),
        ("inverse neighbours", &[("h", 0, 0), ("h", 0, 0)], (0, 0)),
        ("three neighbours", &[("h", 0, 0), ("t", 0, 0), ("rx", 0, 0)], (0, 1)),
        ("equal cx", &[("cx", 0, 1), ("cx", 0, 1)], (0, 0)),
        ("opposite cx stay", &[("cx", 0, 1), ("cx", 1, 0)], (2, 0)),
        ("around a gate that is cancelled", &[("cx", 0, 1), ("h", 0, 0), ("h", 0, 0), ("cx", 0, 1)], (0, 0)),
        ("a blocked pair stays", &[("cx", 0, 1), ("h", 0, 0), ("cx", 0, 1)], (2, 1)),
        ("z on the control", &[("cx", 0, 1), ("t", 0, 0), ("cx", 0, 1)], (0, 1)),
        ("x on the target", &[("cx", 0, 1), ("rx", 1, 0), ("cx", 0, 1)], (0, 1)),
        ("z on the target blocks", &[("cx", 0, 1), ("t", 1, 0), ("cx", 0, 1)], (2, 1)),
        ("x on the control blocks", &[("cx", 0, 1), ("x", 0, 0), ("cx", 0, 1)], (2, 1)),
        ("z joins through a control", &[("t", 0, 0), ("cx", 0, 1), ("h", 0, 0)], (1, 1)),
        ("z joins backwards", &[("h", 0, 0), ("cx", 0, 1), ("t", 0, 0)], (1, 1)),
        ("x joins through a target", &[("rx", 1, 0), ("cx", 0, 1), ("h", 1, 0)], (1, 1)),
        ("not through the wrong end", &[("t", 1, 0), ("cx", 0, 1), ("h", 1, 0)], (1, 2)),
        ("a shared control", &[("cx", 0, 1), ("cx", 0, 2), ("cx", 0, 1)], (1, 0)),
        ("a shared target", &[("cx", 0, 2), ("cx", 1, 2), ("cx", 0, 2)], (1, 0)),
        ("a chain blocks", &[("cx", 0, 1), ("cx", 1, 2), ("cx", 0, 1)], (3, 0)),
        ("other wires do not matter", &[("cx", 0, 1), ("h", 2, 0), ("cx", 2, 3), ("cx", 0, 1)], (1, 1)),
        ("one end blocked", &[("cx", 0, 1), ("cx", 0, 2), ("cx", 2, 1), ("cx", 0, 1)], (2, 0)),
    ];
    for (name, gates, expected) in cases {
        let original = block(4, gates);
        let merged = merge_one_qubit(&original);
        // The last case has CX 2→1 between: a shared target, so the pair goes and two stay.
        assert_eq!((merged.n_cx(), merged.n_one_qubit()), *expected, "{name}: {:?}", merged.gates);
        assert!(block_distance(&original, &merged).unwrap() < 1e-15, "{name}");
    }
}

#[test]
fn untouched_gates_keep_their_bits() {
    let original = BlockCircuit::random(1, 1, &mut Stream::new(8, 0, 0));
    assert_eq!(merge_one_qubit(&original), original);
    let mut malformed = BlockCircuit::new(2);
    malformed.gates.push(BlockGate::cx(BlockQubit(1), BlockQubit(1)));
    assert_eq!(merge_one_qubit(&malformed), malformed);
}

#[test]
fn nothing_passes_a_directive() {
    let t = |q| Operation::Gate(GateCall::u3(T, Qubit(q)));
    let directive = |d| Operation::Directive(Box::new(d));
    let walls = [
        directive(Directive::Barrier(vec![Qubit(0)])),
        directive(Directive::Barrier(vec![])),
        directive(Directive::Measure { qubit: Qubit(0), clbit: Clbit(0) }),
        directive(Directive::Reset(Qubit(0))),
        directive(Directive::Conditional { creg: 0, value: "1".into(), operation: Box::new(t(0)) }),
    ];
    for wall in walls {
        let mut circuit = Circuit::with_qubits(2);
        circuit.cregs = vec![Register { name: "c".into(), first: 0, size: 1 }];
        circuit.operations = vec![t(0), t(1), wall, t(0), t(1)];
        let merged = merge_circuit(&circuit).circuit().to_circuit();
        // Wire 1 is free to join unless the barrier is everywhere; wire 0 keeps both gates.
        let on_zero = |c: &Circuit| c.operations.iter().filter(|o| **o == t(0)).count();
        assert_eq!(on_zero(&merged), 2);
        let gates = merged.operations.iter().filter(|o| matches!(o, Operation::Gate(_))).count();
        assert!(gates == 3 || merged == circuit);
    }
}

#[test]
fn long_circuits_take_linear_time() {
    // A quarter of a million gates: quadratic passes would take hours.
    let mut stream = Stream::new(8, 0, 1);
    let n_wires = 50;
    let mut circuit = Circuit::with_qubits(n_wires);
    for _ in 0..250_000 {
        let a = stream.below(n_wires as usize) as u32;
        if stream.chance(0.5) {
            circuit.push(GateCall::cx(Qubit(a), Qubit((a + 1) % n_wires)));
        } else {
            circuit.push(GateCall::u3(if stream.chance(0.5) { T } else { H }, Qubit(a)));
        }
    }
    let merged = merge_circuit(&circuit);
    assert!(merged.circuit().steps.len() < 200_000);
    assert!(merged.bound() > 0.0 && merged.bound() < 1e-9, "{:e}", merged.bound());
}

proptest! {
    #[test]
    fn blocks_keep_their_unitary(seed in 0u64..1 << 48, width in 1u16..=5, n_gates in 0usize..60, generic in any::<bool>()) {
        let mut stream = Stream::new(seed, 2, 0);
        let make = if generic { BlockCircuit::random } else { random_clifford_t };
        let original = make(width, n_gates, &mut stream);
        let merged = merge_one_qubit(&original);
        prop_assert!(VerifiedBlock::check(&original, merged.clone(), 3e-14).is_ok());
        prop_assert!(merged.n_cx() <= original.n_cx() && merged.n_one_qubit() <= original.n_one_qubit());
        // Nothing is left to do, and no two one-qubit gates are neighbours.
        let again = merge_one_qubit(&merged);
        prop_assert_eq!((again.n_cx(), again.n_one_qubit()), (merged.n_cx(), merged.n_one_qubit()));
    }

    #[test]
    fn the_bound_holds(seed in 0u64..1 << 48, width in 1u16..=5, n_gates in 0usize..60, error in 0.0f64..2e-13) {
        let mut stream = Stream::new(seed, 2, 1);
        let mut original = random_clifford_t(width, n_gates, &mut stream);
        // Errors about as large as what is called zero.
        for gate in &mut original.gates {
            if let BlockGate::One { angles, .. } = gate {
                angles.iter_mut().for_each(|a| *a += error * (stream.uniform() - 0.5));
            }
        }
        let circuit = original.to_circuit();
        let merged = merge_circuit(&circuit);
        let distance = {
            let merged = merged.circuit().to_circuit();
            compare_circuits(&circuit, &merged, &CompareOptions::default()).unwrap().distance
        };
        // Both are measured with rounding of their own, some 1e-16 a gate.
        prop_assert!(distance <= merged.bound() + 2e-16 * (1 + n_gates) as f64, "{:e} {:e}", distance, merged.bound());
    }
}
