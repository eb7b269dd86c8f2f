//! All light passes together, on random circuits and on families.

use super::write::write;
use super::*;
use bqc_circuit::{BlockQubit, LoweredGate, Wire};
use bqc_linalg::Stream;
use bqc_verify::block_distance;
use proptest::prelude::*;
use std::f64::consts::FRAC_PI_4;

/// How a random circuit is made.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    CliffordT,
    Generic,
    ManyCx,
}

/// What light passes make smaller, the first first.
fn cost(circuit: &BlockCircuit, angles: Angles) -> [usize; 3] {
    let n_rotations = if angles == Angles::Kept { n_rotations(circuit) } else { 0 };
    [circuit.n_cx(), n_rotations, circuit.n_one_qubit()]
}

/// A circuit on `width` wires.
pub(crate) fn random(kind: Kind, width: usize, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    let mut circuit = BlockCircuit::new(width.try_into().unwrap());
    let mut wires: Vec<BlockQubit> = (0..width).map(BlockQubit::at).collect();
    let share_of_cx = if matches!(kind, Kind::ManyCx) { 0.8 } else { 0.4 };
    for _ in 0..n_gates {
        stream.shuffle(&mut wires);
        if width > 1 && stream.chance(share_of_cx) {
            circuit.push_cx(wires[0], wires[1]);
            continue;
        }
        let angles = match (kind, stream.below(4)) {
            (Kind::Generic, 0) => [stream.gaussian(), stream.gaussian(), stream.gaussian()],
            (Kind::Generic, 1) => [0.0, 0.0, stream.gaussian()],
            (_, 0) => [2.0 * FRAC_PI_4, 0.0, 4.0 * FRAC_PI_4],
            (_, 1) => [4.0 * FRAC_PI_4, 0.0, 4.0 * FRAC_PI_4],
            _ => [0.0, 0.0, FRAC_PI_4 * stream.below(8) as f64],
        };
        circuit.push_u3(wires[0], angles);
    }
    circuit
}

pub(crate) fn kinds() -> impl Strategy<Value = Kind> {
    prop_oneof![Just(Kind::CliffordT), Just(Kind::Generic), Just(Kind::ManyCx)]
}

/// A circuit of CX alone, by control and target.
fn cx_circuit(width: usize, wires: impl IntoIterator<Item = (usize, usize)>) -> BlockCircuit {
    let mut circuit = BlockCircuit::new(width.try_into().unwrap());
    wires.into_iter().for_each(|(control, target)| circuit.push_cx(BlockQubit::at(control), BlockQubit::at(target)));
    circuit
}

/// CX from one wire to all others, twice.
fn star_twice(width: usize) -> BlockCircuit {
    cx_circuit(width, (0..2).flat_map(|_| (1..width).map(|wire| (0, wire))))
}

/// CX from each wire to the next, and back.
fn mirrored_ladder(width: usize) -> BlockCircuit {
    cx_circuit(width, (1..width).chain((1..width).rev()).map(|wire| (wire - 1, wire)))
}

/// Wires up to which blocks reach.
const WIDE: usize = 250;

#[test]
fn stars_and_ladders_vanish() {
    for width in [2, 3, 10, 100, WIDE] {
        for circuit in [star_twice(width), mirrored_ladder(width)] {
            let (result, evidence) = light_with_evidence(&circuit, Angles::Free);
            assert!(result.gates.is_empty() && evidence.is_taken);
            assert!(evidence.n_steps <= 4 * circuit.gates.len() as u64, "{width}: {}", evidence.n_steps);
        }
    }
}

#[test]
fn steps_are_linear_in_the_gates() {
    for kind in [Kind::CliffordT, Kind::Generic, Kind::ManyCx] {
        for width in [4, 64] {
            for n_gates in [1000, 4000, 16_000] {
                let circuit = random(kind, width, n_gates, &mut Stream::new(n_gates as u64, 7, 10));
                let (_, evidence) = light_with_evidence(&circuit, Angles::Free);
                let per_gate = evidence.n_steps as f64 / (n_gates * evidence.passes.len()) as f64;
                assert!(per_gate < 4.0, "{kind:?} {width} {n_gates}: {per_gate}");
            }
        }
    }
}

#[test]
fn rows_of_operators_are_the_one_factor_of_the_width() {
    // A rotation on each wire and CX in a row: the steps of a gate grow by one for every 512 wires.
    let circuit = |width: usize| {
        let mut circuit = cx_circuit(width, []);
        for wire in 0..width {
            circuit.push_u3(BlockQubit::at(wire), [0.3, 0.0, 0.0]);
            circuit.push_cx(BlockQubit::at(wire), BlockQubit::at((wire + 1) % width));
        }
        circuit
    };
    for width in [10, WIDE] {
        let (_, evidence) = light_with_evidence(&circuit(width), Angles::Free);
        assert!(evidence.n_steps < (10 * evidence.passes.len() * width) as u64);
    }
}

#[test]
fn what_cannot_be_read_is_returned() {
    let mut circuit = star_twice(3);
    circuit.push_u3(BlockQubit::at(0), [f64::NAN, 0.0, 0.0]);
    let (result, evidence) = light_with_evidence(&circuit, Angles::Free);
    assert!(result.gates.len() == circuit.gates.len() && !evidence.is_taken);
    let mut circuit = star_twice(3);
    circuit.gates.push(bqc_circuit::BlockGate::cx(BlockQubit::at(1), BlockQubit::at(1)));
    assert_eq!(light(&circuit), circuit);
    let empty = cx_circuit(4, []);
    assert_eq!(light(&empty), empty);
}

#[test]
fn hadamard_gates_around_a_cx_go() {
    let h = [2.0 * FRAC_PI_4, 0.0, 4.0 * FRAC_PI_4];
    let (a, b) = (BlockQubit::at(0), BlockQubit::at(1));
    let mut circuit = cx_circuit(2, []);
    let hadamard = |circuit: &mut BlockCircuit| [a, b].into_iter().for_each(|wire| circuit.push_u3(wire, h));
    hadamard(&mut circuit);
    circuit.push_cx(a, b);
    hadamard(&mut circuit);
    assert_eq!(light(&circuit), cx_circuit(2, [(1, 0)]));
}

proptest! {
    #[test]
    fn a_tape_is_its_circuit(seed in 0u64..1 << 48, kind in kinds(), width in 1usize..=8, n_gates in 0usize..120) {
        let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 3));
        let written = write(&Tape::of(&circuit).unwrap(), Angles::Free);
        prop_assert!(block_distance(&circuit, &written).unwrap() < 1e-13);
        prop_assert!(written.n_cx() <= circuit.n_cx());
    }

    #[test]
    fn light_keeps_the_unitary(seed in 0u64..1 << 48, kind in kinds(), width in 2usize..=8, n_gates in 0usize..300) {
        let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 11));
        let result = light(&circuit);
        prop_assert!(block_distance(&circuit, &result).unwrap() < 1e-12);
        prop_assert!(cost(&result, Angles::Free) <= cost(&circuit, Angles::Free));
        prop_assert_eq!(light(&circuit), result.clone());
        prop_assert!(cost(&light(&result), Angles::Free) <= cost(&result, Angles::Free));
    }

    #[test]
    fn free_outputs_keep_the_unitary_with_the_exchanges_at_the_end(
        seed in 0u64..1 << 48, kind in kinds(), width in 2usize..=8, n_gates in 0usize..300
    ) {
        let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 13));
        let (result, evidence) = light_with_free_outputs(&circuit, Angles::Free);
        prop_assert!(block_distance(&circuit, &result).unwrap() < 1e-12);
        let (n_cx, n_kept) = (crate::Outputs::Free.n_cx(&result), light(&circuit).n_cx());
        prop_assert!(n_cx <= crate::Outputs::Free.n_cx(&circuit) && n_cx <= n_kept);
        prop_assert!(evidence.is_taken || result == circuit);
        let again = light_with_free_outputs(&result, Angles::Free).0;
        prop_assert!(crate::Outputs::Free.n_cx(&again) <= n_cx);
        prop_assert!(block_distance(&circuit, &again).unwrap() < 1e-12);
    }

    #[test]
    fn clifford_and_t_gates_stay_exact(seed in 0u64..1 << 48, width in 1usize..=8, n_gates in 0usize..300) {
        let circuit = random(Kind::CliffordT, width, n_gates, &mut Stream::new(seed, 7, 12));
        let n_t = |circuit: &BlockCircuit| -> usize {
            let angles = circuit.gates.iter().filter_map(|gate| match gate {
                LoweredGate::One { angles, .. } => Some(angles),
                LoweredGate::Two { .. } => None,
            });
            // Exact to the last bit: n · π/4 with an integer n.
            let t_gates = angles.flatten().map(|angle| {
                let n = (angle / FRAC_PI_4).round();
                assert_eq!(n * FRAC_PI_4, *angle);
                n.rem_euclid(2.0) as usize
            });
            t_gates.sum()
        };
        let (result, evidence) = light_with_evidence(&circuit, Angles::Kept);
        prop_assert!(n_t(&result) <= n_t(&circuit), "{} {}", n_t(&result), n_t(&circuit));
        prop_assert!(n_t(&result) <= evidence.passes[0].n_rotations || !evidence.is_taken);
        prop_assert!(cost(&result, Angles::Kept) <= cost(&circuit, Angles::Kept));
        prop_assert!(block_distance(&circuit, &result).unwrap() < 1e-12);
    }
}
