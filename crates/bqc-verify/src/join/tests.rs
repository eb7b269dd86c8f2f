//! Every way to put pieces together wrongly is found, at widths that no comparison of whole circuits reaches.

use super::*;
use crate::{Composition, VerifiedCircuit};
use bqc_circuit::{BlockCircuit, Circuit, Clbit, Directive, GateCall, Operation, Qubit, Register};
use bqc_linalg::Stream;

/// Thirty wires: a ladder of CX with rotations, a measurement in the middle.
fn wide() -> VerifiedCircuit {
    let mut circuit = Circuit::with_qubits(30);
    circuit.cregs.push(Register { name: "c".into(), first: 0, size: 1 });
    for q in 0..29 {
        circuit.push(GateCall::cx(Qubit(q), Qubit(q + 1)));
        circuit.push(GateCall::u3([0.1, 0.2, f64::from(q)], Qubit(q + 1)));
        if q == 14 {
            let measure = Directive::Measure { qubit: Qubit(0), clbit: Clbit(0) };
            circuit.operations.push(Operation::Directive(Box::new(measure)));
        }
    }
    VerifiedCircuit::lower(&circuit, true).unwrap()
}

/// The wires of a window and its steps; no wires for a wall.
type Cut = (Vec<Qubit>, Vec<u32>);

/// Windows of four steps, and the wall.
fn cut() -> Vec<Cut> {
    let wires = |step: u32| {
        let q = if step < 30 { step / 2 } else { (step - 1) / 2 };
        [Qubit(q), Qubit(q + 1)]
    };
    let steps: Vec<u32> = (0..59).filter(|step| *step != 30).collect();
    let window = |steps: &[u32]| {
        let mut all: Vec<Qubit> = steps.iter().flat_map(|step| wires(*step)).collect();
        all.sort_unstable();
        all.dedup();
        (all, steps.to_vec())
    };
    let mut windows: Vec<_> = steps[..30].chunks(4).map(window).collect();
    windows.push((vec![], vec![30]));
    windows.extend(steps[30..].chunks(4).map(window));
    windows
}

fn block_of(circuit: &VerifiedCircuit, (wires, steps): &Cut) -> BlockCircuit {
    let mut block = BlockCircuit::new(wires.len() as u16);
    for step in steps {
        let Item::Gate(gate) = circuit.circuit().item(*step as usize) else { unreachable!() };
        block.gates.push(gate.map(|wire| BlockQubit::at(wires.iter().position(|w| *w == wire).unwrap())));
    }
    block
}

fn pieces<'a>(windows: &'a [Cut], replacements: &'a [Option<VerifiedBlock>]) -> Vec<Piece<'a, Qubit>> {
    let piece = |((wires, steps), replacement): (&'a Cut, &'a Option<VerifiedBlock>)| match wires[..] {
        [] => Piece::Wall(steps[0]),
        _ => Piece::Window { wires, steps, replacement: replacement.as_ref() },
    };
    windows.iter().zip(replacements).map(piece).collect()
}

/// A circuit, its windows, and for each window the same gates as a replacement.
fn example() -> (VerifiedCircuit, Vec<Cut>, Vec<Option<VerifiedBlock>>) {
    let (circuit, windows) = (wide(), cut());
    let same = |w: &Cut| (!w.0.is_empty()).then(|| VerifiedBlock::unchanged(block_of(&circuit, w)));
    let replacements = windows.iter().map(same).collect();
    (circuit, windows, replacements)
}

#[test]
fn a_window_that_names_a_wire_twice_is_refused() {
    // On two wires of its own, the gate between a gate of the other wire and its inverse is that gate; on one it is not.
    let mut input = Circuit::with_qubits(40);
    input.push(GateCall::u3([0.4, 0.0, 0.0], Qubit(5)));
    let circuit = VerifiedCircuit::lower(&input, true).unwrap();
    for n_more in [0, 20] {
        let wires: Vec<Qubit> = [5, 5].into_iter().chain(6..6 + n_more).map(Qubit).collect();
        let mut original = BlockCircuit::new(wires.len() as u16);
        original.push_u3(BlockQubit(0), [0.4, 0.0, 0.0]);
        let mut by = BlockCircuit::new(wires.len() as u16);
        by.push_u3(BlockQubit(1), [0.0, 0.0, 1.0]);
        by.push_u3(BlockQubit(0), [0.4, 0.0, 0.0]);
        by.push_u3(BlockQubit(1), [0.0, 0.0, -1.0]);
        let verified = VerifiedBlock::check(&original, by.clone(), 1e-12).unwrap();
        let piece = Piece::Window { wires: &wires, steps: &[0], replacement: Some(&verified) };
        assert_eq!(circuit.join(&[piece]).unwrap_err(), JoinError::OtherOriginal { step: 0 });
        let edit = bqc_circuit::PieceEdit::Replaced { wires: wires.clone(), steps: vec![0], by, distance: 1e-13 };
        assert!(circuit.replay(&bqc_circuit::Edit::Pieces(vec![edit])).is_err());
    }
}

#[test]
fn a_region_of_a_hundred_wires_is_replaced_and_proved_again() {
    // Rotations, some of which merge across a ladder of CX that they commute with; a measurement behind them.
    let mut input = Circuit::with_qubits(120);
    input.cregs.push(Register { name: "c".into(), first: 0, size: 1 });
    for q in 0..119 {
        input.push(GateCall::u3([0.0, 0.0, 0.1], Qubit(q)));
        input.push(GateCall::cx(Qubit(q), Qubit(q + 1)));
        input.push(GateCall::u3([0.0, 0.0, 0.2], Qubit(q)));
    }
    let measure = Directive::Measure { qubit: Qubit(0), clbit: Clbit(0) };
    input.operations.push(Operation::Directive(Box::new(measure)));
    let circuit = VerifiedCircuit::lower(&input, true).unwrap();
    let wires: Vec<Qubit> = (0..120).map(Qubit).collect();
    let steps: Vec<u32> = (0..3 * 119).collect();
    let original = block_of(&circuit, &(wires.clone(), steps.clone()));
    let mut merged = BlockCircuit::new(120);
    for q in 0..119 {
        merged.push_cx(BlockQubit(q), BlockQubit(q + 1));
        merged.push_u3(BlockQubit(q), [0.0, 0.0, 0.1 + 0.2]);
    }
    let verified = VerifiedBlock::check(&original, merged.clone(), 1e-12).unwrap();
    assert_eq!(verified.evidence(), crate::Evidence::Paulis);
    let piece = Piece::Window { wires: &wires, steps: &steps, replacement: Some(&verified) };
    let joined = circuit.join(&[piece, Piece::Wall(3 * 119)]).unwrap();
    assert!(joined.bound() < 1e-12 && joined.circuit().steps.len() == 2 * 119 + 1);
    let (again, counts) = circuit.replay(joined.edits()[0]).unwrap();
    assert!(again.is_same(&joined) && again.bound() == joined.bound());
    assert_eq!(counts, crate::WindowCounts { n_paulis: 1, ..Default::default() });
    // Another replacement does not hold, whatever the edit says of it.
    merged.gates.swap_remove(100);
    assert!(matches!(VerifiedBlock::check(&original, merged, 1e-12), Err(crate::Rejected::Unproved { .. })));
}

#[test]
fn a_window_that_path_sums_prove_is_counted_as_such() {
    let [direct, around] = crate::pathsum::tests::product_around_a_helper(14);
    let mut input = Circuit::with_qubits(14);
    for gate in &around.gates {
        input.push(match *gate {
            LoweredGate::One { wire, angles } => GateCall::u3(angles, Qubit(wire.0.into())),
            LoweredGate::Two { wires: [c, t], .. } => GateCall::cx(Qubit(c.0.into()), Qubit(t.0.into())),
        });
    }
    let circuit = VerifiedCircuit::lower(&input, true).unwrap();
    let wires: Vec<Qubit> = (0..14).map(Qubit).collect();
    let steps: Vec<u32> = (0..around.gates.len() as u32).collect();
    let verified = VerifiedBlock::check(&around, direct, 1e-12).unwrap();
    assert_eq!(verified.evidence(), crate::Evidence::PathSums);
    let piece = Piece::Window { wires: &wires, steps: &steps, replacement: Some(&verified) };
    let joined = circuit.join(&[piece]).unwrap();
    let (again, counts) = circuit.replay(joined.edits()[0]).unwrap();
    assert!(again.is_same(&joined) && again.bound() == joined.bound());
    assert_eq!(counts, crate::WindowCounts { n_path_sums: 1, ..Default::default() });
}

#[test]
fn a_bracketing_is_the_circuit() {
    let (circuit, windows, replacements) = example();
    let joined = circuit.join(&pieces(&windows, &replacements)).unwrap();
    assert_eq!((joined.circuit(), joined.bound()), (circuit.circuit(), 0.0));
    assert_eq!(joined.edits().len(), 1);
    let again = joined.edits().into_iter().try_fold(circuit.clone(), |c, edit| c.replay(edit).map(|(c, _)| c)).unwrap();
    assert_eq!(again.circuit(), joined.circuit());
    assert!(again.is_same(&VerifiedCircuit::lower(&joined.circuit().to_circuit(), false).unwrap()));
}

#[test]
fn two_swapped_wires_of_a_window_are_found() {
    let (circuit, mut windows, replacements) = example();
    windows[3].0.swap(0, 1);
    assert_eq!(circuit.join(&pieces(&windows, &replacements)).unwrap_err(), JoinError::OtherOriginal { step: 12 });
    windows[3].0[1] = Qubit(29);
    let refused = circuit.join(&pieces(&windows, &replacements)).unwrap_err();
    assert!(matches!(refused, JoinError::ForeignWire { step: 12, .. }), "{refused}");
}

#[test]
fn windows_that_depend_on_each_other_keep_their_order() {
    let (circuit, mut windows, mut replacements) = example();
    windows.swap(2, 3);
    replacements.swap(2, 3);
    assert!(matches!(circuit.join(&pieces(&windows, &replacements)), Err(JoinError::OutOfOrder { step: 12, .. })));
    let (circuit, mut windows, replacements) = example();
    windows[2].1.swap(0, 1);
    assert!(matches!(circuit.join(&pieces(&windows, &replacements)), Err(JoinError::OutOfOrder { step: 9, .. })));
}

#[test]
fn nothing_is_missing_twice_or_something_else() {
    let (circuit, windows, replacements) = example();
    let all = pieces(&windows, &replacements);
    assert_eq!(circuit.join(&all[..all.len() - 1]).unwrap_err(), JoinError::Missing { n_missing: 4 });
    let mut twice = all.clone();
    twice.push(all[0]);
    assert!(matches!(circuit.join(&twice), Err(JoinError::OutOfOrder { step: 0, .. })));
    let mut two_walls = all.clone();
    two_walls.push(Piece::Wall(30));
    assert_eq!(circuit.join(&two_walls).unwrap_err(), JoinError::WallOutOfOrder { step: 30 });
    for step in [0, 59, u32::MAX] {
        assert_eq!(circuit.join(&[Piece::Wall(step)]).unwrap_err(), JoinError::OtherStep { step });
    }
    let wall_as_gate = Piece::Window { wires: &[], steps: &[30], replacement: None };
    assert_eq!(circuit.join(&[wall_as_gate]).unwrap_err(), JoinError::OtherStep { step: 30 });
    // Measured, but against other gates.
    let mut wrong = replacements.clone();
    wrong[5] = replacements[6].clone();
    assert_eq!(circuit.join(&pieces(&windows, &wrong)).unwrap_err(), JoinError::OtherOriginal { step: 20 });
}

#[test]
fn a_window_is_composed_of_verified_pieces_in_their_order() {
    let block = BlockCircuit::random(12, 40, &mut Stream::new(1, 1, 1));
    let wires: Vec<BlockQubit> = (0..12).map(BlockQubit).collect();
    let own = |steps: &[u32]| {
        let mut part = BlockCircuit::new(12);
        part.gates.extend(steps.iter().map(|s| block.gates[*s as usize]));
        VerifiedBlock::unchanged(part)
    };
    let (first, second): (Vec<u32>, Vec<u32>) = ((0..20).collect(), (20..40).collect());
    let (a, b) = (own(&first), own(&second));
    let piece = |steps, verified| Piece::Window { wires: &wires[..], steps, replacement: Some(verified) };
    let mut composition = Composition::start(&block);
    composition.join([piece(&first[..], &a), piece(&second[..], &b)]).unwrap();
    assert_eq!((composition.circuit(), composition.bound()), (&block, 0.0));
    let refused = composition.join([piece(&second[..], &b), piece(&first[..], &a)]);
    assert!(matches!(refused, Err(JoinError::OutOfOrder { .. })));
    assert_eq!(composition.circuit(), &block, "nothing has changed");
}
