//! Closed-form resynthesis of two-qubit gates: whole blocks of two wires, and runs inside wider ones.
//!
//! A run is a maximal sequence of gates on one pair of wires that nothing interrupts. It is one
//! two-qubit unitary and needs at most three CX ([`bqc_linalg::kak`]). A run is replaced only if that
//! makes it smaller and the verifier confirms the replacement.

use crate::merge::merge_one_qubit;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate, TwoQubitGate as Coupler};
use bqc_linalg::kak::{TwoQubitCircuit, TwoQubitGate};
use bqc_linalg::{Matrix4, Su2};
use bqc_verify::VerifiedBlock;

/// The smallest circuit of a block of two wires, by (CX, one-qubit gates), within `tolerance` of it.
/// The block with merged one-qubit gates if nothing smaller is found, and for any other width.
pub fn resynthesize_pair(block: &BlockCircuit, tolerance: f64) -> BlockCircuit {
    let merged = merge_one_qubit(block);
    smaller_pair(block, &merged, tolerance).unwrap_or(merged)
}

/// What is smaller than `merged`, which is a block of two wires after [`merge_one_qubit`], and within `tolerance` of the
/// block. None if nothing is.
pub(crate) fn smaller_pair(block: &BlockCircuit, merged: &BlockCircuit, tolerance: f64) -> Option<BlockCircuit> {
    if block.width() != 2 || merged.n_cx() == 0 || is_smallest(merged, tolerance) {
        return None;
    }
    // Half is left for the rounding of everything around.
    let shortest = TwoQubitCircuit::synthesize(&unitary(block), tolerance / 2.0)?;
    let mut candidate = BlockCircuit::new(2);
    candidate.gates.extend(shortest.gates.iter().map(|gate| match *gate {
        TwoQubitGate::One { wire, value } => BlockGate::from_su2(BlockQubit(wire.into()), value),
        TwoQubitGate::Cx { control, target } => BlockGate::cx(BlockQubit(control.into()), BlockQubit(target.into())),
    }));
    if candidate.n_cx() > merged.n_cx() {
        return None;
    }
    let candidate = merge_one_qubit(&candidate);
    let is_smaller = (candidate.n_cx(), candidate.n_one_qubit()) < (merged.n_cx(), merged.n_one_qubit());
    let verified = is_smaller.then(|| VerifiedBlock::check(block, candidate, tolerance).ok())?;
    verified.map(VerifiedBlock::into_circuit)
}

/// Whether a block is a CX, alone or with one gate that is not within `tolerance` of the identity: most runs of circuits
/// with many wires are. Nothing smaller is near it: gates without a CX are at a distance of `√(1 − 1/√2)` from every CX,
/// and the other CX of the two wires differs from it by more than a gate on one of them.
fn is_smallest(block: &BlockCircuit, tolerance: f64) -> bool {
    let is_far = |gate: &BlockGate| match *gate {
        // The phase distance is at least this over the root of two.
        LoweredGate::One { angles: [t, p, l], .. } => Su2::u3(t, p, l).distance_to_identity() > 2.0 * tolerance,
        LoweredGate::Two { .. } => true,
    };
    block.n_cx() == 1 && block.gates.len() <= 2 && tolerance < 0.1 && block.gates.iter().all(is_far)
}

/// Replaces every run of a block that becomes smaller, each within `tolerance`, and merges one-qubit
/// gates, until nothing changes. The distance from the block is at most the number of replaced runs
/// times `tolerance`, beside rounding; the caller verifies it.
pub fn resynthesize_runs(block: &BlockCircuit, tolerance: f64) -> BlockCircuit {
    smaller_runs(merge_one_qubit(block), tolerance)
}

/// The same from a block after [`merge_one_qubit`] on.
pub(crate) fn smaller_runs(merged: BlockCircuit, tolerance: f64) -> BlockCircuit {
    let mut best = merged;
    loop {
        let next = merge_one_qubit(&replace_runs(&best, tolerance));
        // A pair of counts falls in every round, so this ends.
        if (next.n_cx(), next.n_one_qubit()) >= (best.n_cx(), best.n_one_qubit()) {
            return best;
        }
        best = next;
    }
}

/// A run that is still growing: its wires, and its gates on the wires 0 and 1 of a pair.
struct Run {
    wires: [BlockQubit; 2],
    gates: BlockCircuit,
}

impl Run {
    fn wire_in_pair(&self, qubit: BlockQubit) -> BlockQubit {
        BlockQubit(u16::from(self.wires[1] == qubit))
    }

    fn push(&mut self, gate: BlockGate) {
        let gate = gate.map(|wire| self.wire_in_pair(wire));
        self.gates.gates.push(gate);
    }

    /// The run's gates, or the smaller ones that stand for them, on the block's wires.
    fn finish(self, tolerance: f64) -> impl Iterator<Item = BlockGate> {
        let gates = if self.gates.n_cx() < 2 { self.gates } else { resynthesize_pair(&self.gates, tolerance) };
        let wires = self.wires;
        gates.gates.into_iter().map(move |gate| gate.on(&wires))
    }
}

/// One round of [`resynthesize_runs`]. Gates of a run are written where the run ends: everything
/// between its gates lies on other wires.
fn replace_runs(block: &BlockCircuit, tolerance: f64) -> BlockCircuit {
    let mut result = BlockCircuit::new(block.width());
    let mut runs: Vec<Run> = Vec::new();
    // One-qubit gates on wires without a run: they open the next one.
    let mut loose: Vec<BlockGate> = Vec::new();
    for &gate in &block.gates {
        match gate {
            LoweredGate::One { wire, .. } => match runs.iter_mut().find(|r| r.wires.contains(&wire)) {
                Some(run) => run.push(gate),
                None => loose.push(gate),
            },
            LoweredGate::Two { wires: [control, target], .. } => {
                let on = |r: &Run| r.wires.contains(&control) || r.wires.contains(&target);
                if let Some(run) = runs.iter_mut().find(|r| r.wires.contains(&control) && r.wires.contains(&target)) {
                    run.push(gate);
                    continue;
                }
                for ended in runs.extract_if(.., |r| on(r)) {
                    result.gates.extend(ended.finish(tolerance));
                }
                let mut run = Run { wires: [control, target], gates: BlockCircuit::new(2) };
                for first in loose.extract_if(
                    ..,
                    |g| matches!(*g, LoweredGate::One { wire, .. } if wire == control || wire == target),
                ) {
                    run.push(first);
                }
                run.push(gate);
                runs.push(run);
            }
        }
    }
    for run in runs {
        result.gates.extend(run.finish(tolerance));
    }
    result.gates.extend(loose);
    result
}

/// The matrix of a block of two wires.
fn unitary(block: &BlockCircuit) -> Matrix4 {
    let local = |wire: BlockQubit| u8::from(wire != BlockQubit(0));
    block.gates.iter().fold(Matrix4::identity(), |u, gate| {
        let gate = match *gate {
            LoweredGate::Two { gate: Coupler::Cx, wires: [control, target], .. } => {
                TwoQubitGate::Cx { control: local(control), target: local(target) }
            }
            LoweredGate::One { wire, angles: [t, p, l] } => {
                TwoQubitGate::One { wire: local(wire), value: Su2::u3(t, p, l).normalized() }
            }
        };
        gate.matrix() * u
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::random_clifford_t;
    use bqc_linalg::Stream;
    use proptest::prelude::*;

    #[test]
    fn three_alternating_cx_stay_and_four_become_fewer() {
        let mut swap = BlockCircuit::new(2);
        for i in 0..4 {
            swap.push_cx(BlockQubit(i % 2), BlockQubit(1 - i % 2));
            let n_cx = resynthesize_pair(&swap, 1e-10).n_cx();
            assert_eq!(n_cx, [1, 2, 3, 2][usize::from(i)]);
        }
    }

    #[test]
    fn a_cx_with_one_gate_is_left_as_it_is() {
        let mut stream = Stream::new(0, 2, 9);
        for (at, wire, angle) in (0..8).map(|k| (k & 1, k >> 1 & 1, if k < 4 { 1e-9 } else { stream.uniform() })) {
            let mut block = BlockCircuit::new(2);
            block.push_cx(BlockQubit(0), BlockQubit(1));
            block.gates.insert(at, BlockGate::u3(BlockQubit(wire as u16), [angle, 0.3, -0.3]));
            let matrix = unitary(&block);
            assert!(is_smallest(&block, 1e-10) && !is_smallest(&block, 1e-8 + angle));
            let fewest = TwoQubitCircuit::synthesize(&matrix, 5e-11).unwrap();
            assert!(fewest.gates.len() >= 2 && fewest.n_cx() == 1, "{fewest:?}");
            assert_eq!(resynthesize_pair(&block, 1e-10), block);
        }
    }

    #[test]
    fn a_run_ends_where_another_gate_touches_it() {
        // CX 0→1 and back, three times, with CX 1→2 in the middle of the third.
        let mut block = BlockCircuit::new(3);
        for i in 0..6 {
            if i == 5 {
                block.push_cx(BlockQubit(1), BlockQubit(2));
            }
            block.push_cx(BlockQubit(i % 2), BlockQubit(1 - i % 2));
            block.push_u3(BlockQubit(i % 2), [0.3, 0.1, f64::from(i)]);
        }
        let result = resynthesize_runs(&block, 1e-12);
        assert_eq!(result.n_cx(), 3 + 2);
        assert!(VerifiedBlock::check(&block, result, 1e-13).is_ok());
    }

    #[test]
    fn what_is_not_a_number_is_left_alone() {
        let mut block = BlockCircuit::new(2);
        for _ in 0..4 {
            block.push_cx(BlockQubit(0), BlockQubit(1));
            block.push_u3(BlockQubit(1), [f64::NAN, 0.0, 0.0]);
        }
        assert_eq!(resynthesize_pair(&block, 1e-10).n_cx(), 4);
        assert_eq!(resynthesize_runs(&block, 1e-10).n_cx(), 4);
    }

    proptest! {
        #[test]
        fn pairs_keep_their_unitary(seed in 0u64..1 << 48, n_gates in 0usize..30, generic in any::<bool>()) {
            let mut stream = Stream::new(seed, 3, 0);
            let make = if generic { BlockCircuit::random } else { random_clifford_t };
            let block = make(2, n_gates, &mut stream);
            let result = resynthesize_pair(&block, 1e-10);
            prop_assert!(result.n_cx() <= 3.min(block.n_cx()));
            prop_assert!(result.n_one_qubit() <= 8);
            prop_assert!(VerifiedBlock::check(&block, result, 1e-13).is_ok());
        }

        #[test]
        fn runs_keep_the_unitary(seed in 0u64..1 << 48, width in 1u16..=5, n_gates in 0usize..80, generic in any::<bool>()) {
            let mut stream = Stream::new(seed, 3, 1);
            let make = if generic { BlockCircuit::random } else { random_clifford_t };
            let block = make(width, n_gates, &mut stream);
            let result = resynthesize_runs(&block, 1e-12);
            prop_assert!((result.n_cx(), result.n_one_qubit()) <= (block.n_cx(), block.n_one_qubit()));
            prop_assert!(VerifiedBlock::check(&block, result, 1e-13).is_ok());
        }
    }
}
