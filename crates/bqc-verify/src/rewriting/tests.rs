//! Moves that are what they say are made, and all others are refused.

use super::*;
use bqc_circuit::{BlockCircuit, Circuit, Clbit, Directive, GateCall, Lowered, Operation, Qubit, Register};
use std::f64::consts::PI;

const A: BlockQubit = BlockQubit(0);
const B: BlockQubit = BlockQubit(1);
const C: BlockQubit = BlockQubit(2);

fn block(gates: &[LoweredGate<BlockQubit>]) -> BlockCircuit {
    let mut block = BlockCircuit::new(3);
    block.gates.extend(gates);
    block
}

fn rz(wire: BlockQubit, angle: f64) -> LoweredGate<BlockQubit> {
    LoweredGate::u3(wire, [0.0, 0.0, angle])
}

fn rx(wire: BlockQubit, angle: f64) -> LoweredGate<BlockQubit> {
    LoweredGate::u3(wire, [angle, -PI / 2.0, PI / 2.0])
}

fn cx(control: BlockQubit, target: BlockQubit) -> LoweredGate<BlockQubit> {
    LoweredGate::cx(control, target)
}

fn result(gates: &[LoweredGate<BlockQubit>], moves: &[Move]) -> Result<Vec<LoweredGate<BlockQubit>>, MoveError> {
    let mut rewriting = Rewriting::of(&block(gates));
    moves.iter().try_for_each(|step| rewriting.apply(*step))?;
    assert!(rewriting.bound < 1e-15);
    let gates = rewriting.finish().0.into_iter().filter_map(|item| match item {
        Item::Gate(gate) => Some(gate),
        Item::Wall(_) => None,
    });
    Ok(gates.collect())
}

fn fuse(place: u32, n_hops: u32, moved: f64, product: f64) -> Move {
    let z = |angle| [0.0, 0.0, angle];
    Move::Fuse { place, is_forth: true, n_hops, moved: Some(z(moved)), product: z(product) }
}

#[test]
fn a_rotation_passes_controls_and_joins_the_next() {
    let gates = [rz(A, 0.3), cx(A, B), cx(A, C), rz(A, 0.4)];
    assert_eq!(result(&gates, &[fuse(0, 2, 0.3, 0.7)]).unwrap(), [cx(A, B), cx(A, C), rz(A, 0.7)]);
    // Not what comes out, not as many gates on the way, not the same rotation on the way.
    assert!(matches!(result(&gates, &[fuse(0, 2, 0.3, 0.8)]), Err(MoveError::TooFar { .. })));
    for n_hops in [0, 1, 3, 7] {
        assert_eq!(result(&gates, &[fuse(0, n_hops, 0.3, 0.7)]), Err(MoveError::InTheWay { place: 0 }));
    }
    assert!(matches!(result(&gates, &[fuse(0, 2, 0.4, 0.8)]), Err(MoveError::TooFar { .. })));
    // On a target the same rotation does not commute.
    let gates = [rz(A, 0.3), cx(B, A), rz(A, 0.4)];
    assert!(matches!(result(&gates, &[fuse(0, 1, 0.3, 0.7)]), Err(MoveError::TooFar { .. })));
    let gates = [rx(A, 0.3), cx(B, A), rx(A, 0.4)];
    let [moved, product] = [0.3, 0.7].map(|angle| [angle, -PI / 2.0, PI / 2.0]);
    let step = Move::Fuse { place: 0, is_forth: true, n_hops: 1, moved: Some(moved), product };
    assert_eq!(result(&gates, &[step]).unwrap(), [cx(B, A), rx(A, 0.7)]);
    assert!(matches!(result(&gates, &[fuse(1, 0, 0.3, 0.7)]), Err(MoveError::OtherGate { place: 1 })));
    assert!(matches!(result(&gates, &[fuse(9, 0, 0.3, 0.7)]), Err(MoveError::OtherGate { place: 9 })));
}

#[test]
fn only_an_identity_is_dropped_and_only_the_same_gate_turned() {
    let gates = [rz(A, 2.0 * PI), rz(A, 1e-6)];
    assert_eq!(result(&gates, &[Move::Drop { place: 0 }]).unwrap(), [rz(A, 1e-6)]);
    assert!(matches!(result(&gates, &[Move::Drop { place: 1 }]), Err(MoveError::TooFar { place: 1, .. })));
    let twice = [Move::Drop { place: 0 }; 2];
    assert_eq!(result(&gates, &twice), Err(MoveError::OtherGate { place: 0 }));
    let turn = |angles| Move::Turn { place: 1, angles };
    assert!(result(&gates, &[turn([0.0, 1e-6, 0.0])]).is_ok());
    assert!(matches!(result(&gates, &[turn([0.0, 2e-6, 0.0])]), Err(MoveError::TooFar { .. })));
    assert!(matches!(result(&gates, &[turn([f64::NAN, 0.0, 0.0])]), Err(MoveError::TooFar { .. })));
}

#[test]
fn twins_cancel_past_what_commutes_with_them() {
    let cancel = |place, twin| [Move::Cancel { place, twin }];
    let between = [cx(A, B), rz(A, 0.3), cx(A, C), rx(B, 0.2), cx(C, B), cx(A, B)];
    assert_eq!(result(&between, &cancel(0, 5)).unwrap(), between[1..5]);
    assert!(matches!(result(&between, &cancel(0, 2)), Err(MoveError::OtherGate { .. })));
    assert!(matches!(result(&between, &cancel(5, 0)), Err(MoveError::InTheWay { .. })));
    assert!(matches!(result(&between, &cancel(0, 0)), Err(MoveError::OtherGate { .. })));
    for blocked in [rx(A, 0.3), rz(B, 0.3), cx(B, A), cx(C, A), cx(B, C)] {
        let gates = [cx(A, B), blocked, cx(A, B)];
        assert!(matches!(result(&gates, &cancel(0, 2)), Err(MoveError::TooFar { .. })), "{blocked:?}");
    }
    let turned = [cx(A, B), cx(B, A)];
    assert!(matches!(result(&turned, &cancel(0, 1)), Err(MoveError::OtherGate { .. })));
}

#[test]
fn nothing_passes_a_wall() {
    let mut circuit = Circuit::with_qubits(2);
    circuit.cregs.push(Register { name: "c".into(), first: 0, size: 1 });
    let cx = GateCall::cx(Qubit(0), Qubit(1));
    let measure = Directive::Measure { qubit: Qubit(1), clbit: Clbit(0) };
    circuit.operations = vec![Operation::Gate(cx), Operation::Directive(Box::new(measure)), Operation::Gate(cx)];
    let mut rewriting = Rewriting::of(&Lowered::of(&circuit));
    let refused = rewriting.apply(Move::Cancel { place: 0, twin: 2 });
    assert_eq!(refused, Err(MoveError::InTheWay { place: 0 }));
    assert_eq!((rewriting.n_removed(), rewriting.gate(1)), (0, None));
}
