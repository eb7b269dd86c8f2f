//! All light passes together, on random circuits and on families.

use super::write::write;
use super::*;
use bqc_circuit::{BlockQubit, Wire};
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

proptest! {
    #[test]
    fn a_tape_is_its_circuit(seed in 0u64..1 << 48, kind in kinds(), width in 1usize..=8, n_gates in 0usize..120) {
        let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 3));
        let written = write(&Tape::of(&circuit).unwrap());
        prop_assert!(block_distance(&circuit, &written).unwrap() < 1e-13);
        prop_assert!(written.n_cx() <= circuit.n_cx());
    }
}
