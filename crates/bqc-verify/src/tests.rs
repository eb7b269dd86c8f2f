//! What the verifier must see: every kind of wrong result, at every size, by blocks and by circuits.

use super::*;
use crate::test_support::rewritten;
use bqc_circuit::{
    BlockCircuit, BlockGate, BlockQubit, Circuit, Clbit, Directive, GateCall, GateId, Lowered, LoweredGate, Operation,
    Qubit, Register,
};
use bqc_linalg::{Complex64, Matrix, Stream, Su2, phase_distance};
use proptest::prelude::*;

/// The block's matrix by the reference implementation of bqc-linalg.
fn reference(block: &BlockCircuit) -> Matrix {
    let mut u = Matrix::identity(1 << block.width());
    let image = [0, 3, 2, 1];
    let cx = Matrix::from_fn(4, 4, |r, c| Complex64::new(f64::from(image[c] == r), 0.0));
    for gate in &block.gates {
        match *gate {
            LoweredGate::Two { wires, .. } => u.apply_gate(&cx, &wires.map(|w| w.index())),
            LoweredGate::One { wire, angles: [t, p, l] } => u.apply_gate(&Su2::u3(t, p, l).matrix(), &[wire.index()]),
        }
    }
    u
}

proptest! {
    #[test]
    fn block_distances_are_those_of_the_matrices(seed in 0u64..1 << 40, width in 1u16..=6, n_gates in 0usize..30) {
        let mut stream = Stream::new(seed, 0, 0);
        let (a, b) = (BlockCircuit::random(width, n_gates, &mut stream), BlockCircuit::random(width, n_gates, &mut stream));
        let expected = phase_distance(&reference(&a), &reference(&b));
        prop_assert!((block_distance(&a, &b).unwrap() - expected).abs() < 1e-13);
        let same = rewritten(&a, &mut stream);
        prop_assert!(block_distance(&a, &same).unwrap() < 1e-14);
        // Whole circuits, exactly and on random states.
        let exact = compare_circuits(&a.to_circuit(), &same.to_circuit(), &CompareOptions::default()).unwrap();
        prop_assert!(exact.distance < 1e-14 && exact.method == Method::Exact);
        let sampled = CompareOptions { max_exact_qubits: 0, ..CompareOptions::default() };
        let estimate = compare_circuits(&a.to_circuit(), &same.to_circuit(), &sampled).unwrap();
        prop_assert!(estimate.distance < 1e-14);
    }

    #[test]
    fn small_errors_are_measured_at_their_size(seed in 0u64..1 << 40, width in 1u16..=9, exponent in 3i32..=13) {
        let mut stream = Stream::new(seed, 0, 1);
        let error = 10f64.powi(-exponent);
        let mut a = BlockCircuit::random(width, 20, &mut stream);
        let qubit = BlockQubit(stream.below(usize::from(width)) as u16);
        a.push_u3(qubit, [0.3, 0.2, 0.1]);
        let mut b = a.clone();
        let Some(LoweredGate::One { angles, .. }) = b.gates.last_mut() else { unreachable!() };
        angles[0] += error;
        // ‖Ry(ε) − 1‖_F/√4 = √2·|sin ε/4|·… = ε/√8 to first order, on any number of wires.
        let d = block_distance(&a, &b).unwrap();
        prop_assert!((d - error / 8f64.sqrt()).abs() < 1e-3 * error + 1e-15, "{d:e}");
    }
}

/// Every wrong variant of a block: a wrong wire, swapped CX, a dropped gate, an angle off by 1e-9.
fn wrong_variants(block: &BlockCircuit) -> Vec<(String, BlockCircuit)> {
    let mut variants = Vec::new();
    let mut add = |what: String, change: &dyn Fn(&mut Vec<BlockGate>)| {
        let mut wrong = block.clone();
        change(&mut wrong.gates);
        variants.push((what, wrong));
    };
    let next = |q: BlockQubit| BlockQubit((q.0 + 1) % block.width());
    for (i, gate) in block.gates.iter().enumerate() {
        add(format!("gate {i} dropped"), &|gates| _ = gates.remove(i));
        match *gate {
            LoweredGate::Two { wires: [control, target], .. } => {
                add(format!("cx {i} swapped"), &|gates| gates[i] = BlockGate::cx(target, control));
                if next(target) != control {
                    add(format!("cx {i} on a wrong wire"), &|gates| gates[i] = BlockGate::cx(control, next(target)));
                }
            }
            LoweredGate::One { wire: qubit, angles } => {
                add(format!("u3 {i} on a wrong wire"), &|gates| gates[i] = BlockGate::u3(next(qubit), angles));
                for k in 0..3 {
                    add(format!("angle {k} of gate {i} off by 1e-9"), &|gates| {
                        let mut angles = angles;
                        angles[k] += 1e-9;
                        gates[i] = BlockGate::u3(qubit, angles);
                    });
                }
            }
        }
    }
    variants
}

#[test]
fn every_wrong_variant_is_seen() {
    let mut stream = Stream::new(0, 0, 2);
    let sampled = CompareOptions { max_exact_qubits: 0, ..CompareOptions::default() };
    for width in [2, 3, 5, 8] {
        let block = BlockCircuit::random(width, 24, &mut stream);
        assert!(VerifiedBlock::check(&block, rewritten(&block, &mut stream), 1e-10).is_ok());
        for (what, wrong) in wrong_variants(&block) {
            let rejected = VerifiedBlock::check(&block, wrong.clone(), 1e-10).expect_err(&what);
            let distance = rejected.distance().unwrap();
            assert!(distance > 1e-10, "{what}: {distance:e}");
            for options in [&CompareOptions::default(), &sampled] {
                let seen = compare_circuits(&block.to_circuit(), &wrong.to_circuit(), options).unwrap().distance;
                assert!(seen > 1e-10, "{what}: {seen:e}");
            }
        }
    }
}

#[test]
fn what_is_not_a_number_is_rejected() {
    let good = BlockCircuit::random(3, 10, &mut Stream::new(0, 0, 3));
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for k in 0..3 {
            let mut block = good.clone();
            let mut angles = [0.1; 3];
            angles[k] = bad;
            block.push_u3(BlockQubit(1), angles);
            let distance = VerifiedBlock::check(&good, block.clone(), 1e-10).unwrap_err().distance().unwrap();
            assert!(distance.is_nan());
            assert!(VerifiedBlock::check(&block, block.clone(), 1.0).is_err());
            let whole = compare_circuits(&good.to_circuit(), &block.to_circuit(), &CompareOptions::default());
            assert!(whole.unwrap().distance.is_nan());
        }
    }
    assert!(VerifiedBlock::check(&good, good.clone(), f64::NAN).is_err());
    assert!(VerifiedBlock::check(&good, good.clone(), 0.0).is_ok());
}

#[test]
fn malformed_and_mismatched_blocks_are_rejected() {
    let good = BlockCircuit::new(2);
    let mut outside = BlockCircuit::new(2);
    outside.gates.push(BlockGate::cx(BlockQubit(0), BlockQubit(2)));
    let mut twice = BlockCircuit::new(2);
    twice.gates.push(BlockGate::cx(BlockQubit(1), BlockQubit(1)));
    let mut far = BlockCircuit::new(2);
    far.gates.push(BlockGate::u3(BlockQubit(7), [0.0; 3]));
    for bad in [outside, twice, far] {
        assert_eq!(VerifiedBlock::check(&good, bad, 1.0), Err(Rejected::Malformed { width: 2 }));
    }
    let wider = VerifiedBlock::check(&good, BlockCircuit::new(3), 1.0);
    assert_eq!(wider, Err(Rejected::WidthDiffers { original: 2, candidate: 3 }));
    // The same for wide ones, which Pauli forms look at first.
    let wide = BlockCircuit::new(130);
    for wires in [[0, 130], [129, 129]] {
        let mut bad = wide.clone();
        bad.gates.push(BlockGate::cx(BlockQubit(wires[0]), BlockQubit(wires[1])));
        assert_eq!(VerifiedBlock::check(&wide, bad, 1.0), Err(Rejected::Malformed { width: 130 }));
    }
    let narrow = VerifiedBlock::check(&wide, good, 1.0);
    assert_eq!(narrow, Err(Rejected::WidthDiffers { original: 130, candidate: 2 }));
    assert_eq!(VerifiedBlock::unchanged(wide.clone()).into_circuit(), wide);
}

#[test]
fn several_passes_agree_with_one_phase() {
    // 10 wires are 64 passes; a global phase between the circuits must not leak into the sum.
    let mut stream = Stream::new(0, 0, 4);
    let block = BlockCircuit::random(10, 40, &mut stream);
    assert!(block_distance(&block, &rewritten(&block, &mut stream)).unwrap() < 1e-14);
    // A phase on one wire's |1⟩ is seen only between columns of different passes.
    let mut phased = block.clone();
    phased.gates.insert(0, BlockGate::u3(BlockQubit(9), [0.0, 0.0, 1e-9]));
    let d = block_distance(&block, &phased).unwrap();
    assert!((d - 1e-9 / 8f64.sqrt()).abs() < 1e-14, "{d:e}");
}

#[test]
fn estimates_are_close_to_the_distance() {
    let mut stream = Stream::new(0, 0, 5);
    for width in [4, 8] {
        let a = BlockCircuit::random(width, 30, &mut stream);
        let mut b = a.clone();
        b.push_u3(BlockQubit(1), [1e-6, 2e-6, 0.0]);
        let sampled = CompareOptions { max_exact_qubits: 0, n_states: 32, ..CompareOptions::default() };
        let exact = block_distance(&a, &b).unwrap();
        let estimate = compare_circuits(&a.to_circuit(), &b.to_circuit(), &sampled).unwrap();
        assert_eq!(estimate.method, Method::RandomStates { n_states: 32 });
        assert!((estimate.distance / exact - 1.0).abs() < 0.2, "{:e} {exact:e}", estimate.distance);
    }
}

fn directive(circuit: &mut Circuit, directive: Directive) {
    circuit.operations.push(Operation::Directive(Box::new(directive)));
}

fn with_bits(mut circuit: Circuit, size: u32) -> Circuit {
    circuit.cregs = vec![Register { name: "c".into(), first: 0, size }];
    circuit
}

fn measure(circuit: &mut Circuit, q: u32, c: u32) {
    directive(circuit, Directive::Measure { qubit: Qubit(q), clbit: Clbit(c) });
}

fn conditional(circuit: &mut Circuit, value: &str, call: GateCall) {
    let operation = Box::new(Operation::Gate(call));
    directive(circuit, Directive::Conditional { creg: 0, value: value.into(), operation });
}

fn append(circuit: &mut Circuit, block: &BlockCircuit) {
    circuit.operations.extend(block.to_circuit().operations);
}

#[test]
fn branches_are_compared() {
    let mut stream = Stream::new(0, 0, 6);
    let parts: Vec<BlockCircuit> = (0..3).map(|_| BlockCircuit::random(4, 15, &mut stream)).collect();
    let build = |parts: &[BlockCircuit]| {
        let mut circuit = with_bits(Circuit::with_qubits(4), 4);
        append(&mut circuit, &parts[0]);
        measure(&mut circuit, 2, 0);
        directive(&mut circuit, Directive::Reset(Qubit(1)));
        append(&mut circuit, &parts[1]);
        conditional(&mut circuit, "3", GateCall::u3([0.4, 0.5, 0.6], Qubit(0)));
        append(&mut circuit, &parts[2]);
        (0..4).for_each(|q| measure(&mut circuit, q, q));
        circuit
    };
    let original = build(&parts);
    let options = CompareOptions::default();
    let same: Vec<BlockCircuit> = parts.iter().map(|p| rewritten(p, &mut stream)).collect();
    let comparison = compare_circuits(&original, &build(&same), &options).unwrap();
    assert!(comparison.distance < 1e-13, "{:e}", comparison.distance);
    assert_eq!(comparison.method, Method::RandomBranches { n_branches: 16 });
    for k in 0..3 {
        for (what, wrong) in wrong_variants(&parts[k]) {
            let mut changed = parts.clone();
            changed[k] = wrong;
            let seen = compare_circuits(&original, &build(&changed), &options).unwrap().distance;
            // Gates just before a reset or a measurement may do nothing: those are not differences.
            if k == 2 {
                assert!(seen > 1e-11, "part {k}, {what}: {seen:e}");
            }
        }
    }
}

#[test]
fn a_gate_moved_across_a_condition_is_seen() {
    let h = GateCall::u3([std::f64::consts::FRAC_PI_2, 0.0, std::f64::consts::PI], Qubit(0));
    let build = |before: bool| {
        let mut circuit = with_bits(Circuit::with_qubits(1), 8);
        if before {
            circuit.push(h);
        }
        conditional(&mut circuit, "200", GateCall::u3([0.4, 0.5, 0.6], Qubit(0)));
        if !before {
            circuit.push(h);
        }
        circuit
    };
    let seen = compare_circuits(&build(true), &build(false), &CompareOptions::default()).unwrap();
    assert!(seen.distance > 1e-3);
}

#[test]
fn directives_must_be_the_same() {
    let options = CompareOptions::default();
    let base = || with_bits(Circuit::with_qubits(2), 2);
    let mut a = base();
    measure(&mut a, 0, 0);
    measure(&mut a, 1, 1);
    let mut crossed = base();
    measure(&mut crossed, 0, 1);
    measure(&mut crossed, 1, 0);
    let mut missing = base();
    measure(&mut missing, 0, 0);
    let mut overwritten = base();
    measure(&mut overwritten, 1, 0);
    measure(&mut overwritten, 0, 0);
    let mut original = base();
    measure(&mut original, 0, 0);
    measure(&mut original, 1, 0);
    for (a, b) in [(&a, &crossed), (&a, &missing), (&original, &overwritten)] {
        let refused = compare_circuits(a, b, &options).unwrap_err();
        assert!(refused.is_difference() && matches!(refused, Incomparable::DirectivesDiffer { .. }));
    }
    // Independent measurements may change places, and barriers do not count.
    let mut swapped = base();
    measure(&mut swapped, 1, 1);
    directive(&mut swapped, Directive::Barrier(vec![Qubit(0), Qubit(1)]));
    measure(&mut swapped, 0, 0);
    assert_eq!(compare_circuits(&a, &swapped, &options).unwrap().distance, 0.0);
    // A gate after the measurement in one of them: compared through the branches.
    let mut after = a.clone();
    after.push(GateCall::u3([0.0; 3], Qubit(0)));
    assert_eq!(compare_circuits(&a, &after, &options).unwrap().distance, 0.0);
    after.push(GateCall::u3([0.3, 0.0, 0.0], Qubit(0)));
    assert!(compare_circuits(&a, &after, &options).unwrap().distance > 1e-3);
}

#[test]
fn idle_wires_do_not_count_and_limits_are_named() {
    let mut a = Circuit::with_qubits(100);
    a.push(GateCall::cx(Qubit(3), Qubit(97)));
    let mut b = a.clone();
    b.push(GateCall::u3([1e-7, 0.0, 0.0], Qubit(50)));
    let comparison = compare_circuits(&a, &b, &CompareOptions::default()).unwrap();
    assert_eq!((comparison.n_qubits, comparison.method), (3, Method::Exact));
    assert!((comparison.distance - 1e-7 / 8f64.sqrt()).abs() < 1e-14);
    let mut wide = Circuit::with_qubits(100);
    (1..30).for_each(|q| wide.push(GateCall::cx(Qubit(0), Qubit(q))));
    let without = CompareOptions { with_bounds: false, ..CompareOptions::default() };
    let refused = compare_circuits(&wide, &wide, &without).unwrap_err();
    assert_eq!(refused, Incomparable::TooManyWires { n_qubits: 30, limit: 20 });
    let poor = CompareOptions { max_updates: 10.0, ..without };
    assert!(matches!(compare_circuits(&a, &b, &poor), Err(Incomparable::TooMuchWork { .. })));
    // What is too much for states is not for Pauli forms, which find a bound.
    let poor = CompareOptions { max_updates: 10.0, ..CompareOptions::default() };
    let comparison = compare_circuits(&a, &b, &poor).unwrap();
    assert_eq!((comparison.n_qubits, comparison.method), (3, Method::Paulis));
    assert!((comparison.distance - 1e-7 / 8f64.sqrt()).abs() < 1e-14, "{:e}", comparison.distance);
    let other = compare_circuits(&a, &Circuit::with_qubits(99), &CompareOptions::default());
    assert_eq!(other, Err(Incomparable::WiresDiffer { a: 100, b: 99 }));
    let empty = compare_circuits(&Circuit::with_qubits(0), &Circuit::with_qubits(0), &CompareOptions::default());
    assert_eq!(empty.unwrap().distance, 0.0);
    let mut malformed = Circuit::with_qubits(2);
    malformed.push(GateCall::cx(Qubit(0), Qubit(2)));
    assert_eq!(compare_circuits(&malformed, &malformed, &CompareOptions::default()), Err(Incomparable::Malformed));
}

/// Every row of the gate table on scattered wires: the matrix against the lowering, exactly and on
/// random states, and a change of one angle or of the wires' order is seen.
#[test]
fn every_gate_of_the_table_is_its_lowering() {
    let mut stream = Stream::new(0, 0, 7);
    let sampled = CompareOptions { max_exact_qubits: 0, ..CompareOptions::default() };
    for gate in GateId::all() {
        let mut wires: Vec<Qubit> = (0..7).map(Qubit).collect();
        stream.shuffle(&mut wires);
        let wires = &wires[..gate.row().arity];
        let angles: Vec<f64> = (0..gate.row().n_angles).map(|_| stream.uniform() * 6.0 - 3.0).collect();
        let with = |angles: &[f64], wires: &[Qubit]| {
            let mut circuit = BlockCircuit::random(7, 12, &mut Stream::new(0, 0, 8)).to_circuit();
            circuit.push(GateCall::new(gate, angles, wires));
            circuit
        };
        let circuit = with(&angles, wires);
        for options in [&CompareOptions::default(), &sampled] {
            let name = gate.row().qasm;
            let same = compare_circuits(&circuit, &Lowered::of(&circuit).to_circuit(), options).unwrap().distance;
            assert!(same < 1e-14, "{name}: {same:e}");
            for k in 0..angles.len() {
                let mut other = angles.clone();
                other[k] += 1e-8;
                // `u0` is a pulse that waits: its angle is a duration.
                let seen = compare_circuits(&circuit, &with(&other, wires), options).unwrap().distance;
                assert!(seen > 1e-10 || name == "u0", "angle {k} of {name}: {seen:e}");
            }
            if wires.len() == 2 {
                let swapped = [wires[1], wires[0]];
                let seen = compare_circuits(&circuit, &with(&angles, &swapped), options).unwrap().distance;
                let matrix = (gate.row().unitary)(&angles);
                let exchanged = Matrix::from_fn(4, 4, |r, c| matrix[([0, 2, 1, 3][r], [0, 2, 1, 3][c])]);
                let expected = phase_distance(&matrix, &exchanged);
                let close = (seen - expected).abs() <= 0.5 * expected + 1e-14;
                assert!(close, "{name} with exchanged wires: {seen:e}, not {expected:e}");
            }
        }
    }
}

#[test]
fn claims_of_others_are_contradicted_where_they_are_wrong() {
    for width in [3, 8, 9, 11] {
        let block = BlockCircuit::random(width, 60, &mut Stream::new(5, width.into(), 0));
        let same = rewritten(&block, &mut Stream::new(5, width.into(), 1));
        let taken = VerifiedBlock::check_claim(&block, same.clone(), 1e-13, 1e-10).unwrap();
        assert!(taken.circuit() == &same && taken.distance() <= 1e-13, "{width}");
        for (what, wrong) in wrong_variants(&block) {
            assert!(VerifiedBlock::check_claim(&block, wrong, 1e-13, 1e-10).is_err(), "{width}: {what}");
        }
        // A wide one is judged by the claim too, a narrow one by what it is.
        for claim in [1e-9, -1.0, f64::NAN] {
            let result = VerifiedBlock::check_claim(&block, same.clone(), claim, 1e-10);
            assert_eq!(result.is_ok(), width <= 8, "{width}: {claim}");
        }
    }
}

#[test]
fn a_composition_is_measured_against_its_original_at_every_width() {
    for width in [3, 8, 9, 12] {
        let mut stream = Stream::new(6, width.into(), 0);
        let block = BlockCircuit::random(width, 60, &mut stream);
        let composition = Composition::start(&block);
        assert_eq!(composition.clone().verify(&block, 1e-10).unwrap().distance(), 0.0);
        let other = BlockCircuit::random(width, 60, &mut stream);
        assert_eq!(composition.verify(&other, 1.0), Err(Rejected::OtherOriginal));
        // One of the same gates, in another order: only the measurement can see that.
        for (what, wrong) in wrong_variants(&block) {
            assert!(VerifiedBlock::check_claim(&block, wrong, 0.0, 1e-10).is_err(), "{width}: {what}");
        }
    }
}

#[test]
fn the_evidence_is_the_strongest_that_there_is() {
    let quarter = [0.0, 0.0, std::f64::consts::FRAC_PI_4];
    // Two rotations that become one across a CX that they commute with: every width has columns or Pauli forms.
    for width in [2, 8, 9, 12, 13, 150] {
        let (a, b) = (BlockQubit(0), BlockQubit(width - 1));
        let [mut original, mut merged, mut wrong] = [0; 3].map(|_| BlockCircuit::new(width));
        original.push_u3(a, quarter);
        original.push_cx(a, b);
        original.push_u3(a, [0.0, 0.0, 0.3]);
        merged.push_u3(a, [0.0, 0.0, quarter[2] + 0.3]);
        merged.push_cx(a, b);
        wrong.push_u3(a, [0.0, 0.0, quarter[2] - 0.3]);
        wrong.push_cx(a, b);
        let checked = VerifiedBlock::check(&original, merged.clone(), 1e-12).unwrap();
        let expected = if width <= 8 { Evidence::Columns } else { Evidence::Paulis };
        assert_eq!((checked.evidence(), checked.circuit()), (expected, &merged), "{width}");
        assert!(checked.distance() < 1e-15);
        let refused = VerifiedBlock::check(&original, wrong.clone(), 1e-12).unwrap_err();
        assert_eq!(matches!(refused, Rejected::TooFar { .. }), width <= 12, "{width}");
        assert_eq!(matches!(refused, Rejected::Unproved { .. }), width > 12, "{width}");
        // A claim is compared with random states up to twelve wires, unless Pauli forms are asked for first.
        let claimed = VerifiedBlock::check_claim(&original, merged.clone(), 1e-13, 1e-12).unwrap();
        let by = if (9..=12).contains(&width) { Evidence::States } else { expected };
        assert_eq!(claimed.evidence(), by, "{width}");
        let proved = VerifiedBlock::prove_claim(&original, merged.clone(), 1e-13, 1e-12).unwrap();
        assert_eq!(proved.evidence(), expected, "{width}");
        assert!(VerifiedBlock::prove_claim(&original, wrong, 1e-13, 1e-12).is_err());
        if width > 8 {
            assert_eq!(VerifiedBlock::prove_claim(&original, merged, 1e-10, 1e-12).is_ok(), width > 12);
        }
    }
    // Generic gates that only their product makes equal.
    for width in [9, 13] {
        let mut stream = Stream::new(8, 0, 0);
        let block = BlockCircuit::random(width, 40, &mut stream);
        let checked = VerifiedBlock::check(&block, rewritten(&block, &mut stream), 1e-10).unwrap();
        assert_eq!(checked.evidence(), Evidence::Paulis);
    }
}

#[test]
fn blocks_that_take_too_long_over_all_columns_are_left_unproved() {
    let mut stream = Stream::new(3, 0, 0);
    let block = BlockCircuit::random(12, 1400, &mut stream);
    let mut other = block.clone();
    let first = other.gates.iter_mut().find_map(|gate| match gate {
        LoweredGate::One { angles, .. } => Some(angles),
        LoweredGate::Two { .. } => None,
    });
    first.unwrap()[0] += 1e-3;
    assert!(matches!(VerifiedBlock::check(&block, other, 1e-10), Err(Rejected::Unproved { width: 12, .. })));
    // The same gates are proved at once.
    assert!(VerifiedBlock::check(&block, block.clone(), 1e-10).is_ok());
}
