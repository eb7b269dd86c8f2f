//! A run that keeps the input's angles (`--exact`): what it takes from a pass, and how it writes the result.
//!
//! Only exact passes take part. What one has made is taken if it is better by the objective, has no more rotations that
//! are not Clifford, and is proved to be the same by algebra: at distance zero, unless the region has angles that are no
//! multiples of π/2^23, whose sums round. At the end one-qubit gates become words over `h`, `s`, `t`, `x`, `z` and `rz`
//! (bqc-rewrite, `spell.rs`), in the same way.

use crate::compile::{Run, Settings};
use crate::pass::join;
use crate::unit::Unit;
use crate::version::Version;
use bqc_circuit::{BlockCircuit, Circuit, LoweredGate, PiFraction, Stats};
use bqc_optimize::{Figures, Flow, Objective};
use bqc_partition::{Block, regions};
use bqc_rewrite::spell::{settled, spelled};
use bqc_verify::{Rejected, VerifiedBlock};
use bqc_wire::UnitFlow;
use rayon::prelude::*;
use std::sync::Arc;

/// What the sums of an angle that is no multiple of π/2^23 may round to, in phase distance, for each such angle of a
/// region: some fifty roundings of an angle near π.
const ROUNDING_OF_AN_ANGLE: f64 = 1e-14;

/// Most CX gates of a piece that is written in one go: pieces are written in parallel.
const PIECE_CX: usize = 20_000;

/// Whether a run keeps the input's angles.
pub(crate) fn keeps_angles(settings: &Settings) -> bool {
    settings.block.flow == Flow::Exact
}

impl Unit {
    /// Whether the result has to keep the block's angles.
    pub(crate) fn keeps_angles(&self) -> bool {
        matches!(self.flow(), UnitFlow::Exact { .. })
    }

    /// A candidate in the block's place, if it has the block's angles and that can be proved.
    pub(crate) fn proved(&self, candidate: BlockCircuit) -> Result<VerifiedBlock, Rejected> {
        proved(self.block(), candidate)
    }

    /// What an exact pass has made of the block, with its angles as they were meant: sums of doubles stray from the
    /// multiples of π/2^k by some 1e-15, and so do other angles of the block when quarter turns are added to them.
    pub(crate) fn with_meant_angles(&self, found: BlockCircuit) -> BlockCircuit {
        let settled = if self.keeps_angles() { settled(found) } else { return found };
        match n_rounding(self.block()) {
            0 => settled,
            _ => spelled(&settled, self.block()).unwrap_or(settled),
        }
    }
}

/// Whether a candidate is better by the objective without one rotation or two-qubit gate more.
pub(crate) fn is_better(objective: Objective, candidate: &BlockCircuit, block: &BlockCircuit) -> bool {
    let has_no_more = candidate.n_rotations() <= block.n_rotations() && candidate.n_cx() <= block.n_cx();
    has_no_more && objective.rank_block(candidate) < objective.rank_block(block)
}

fn proved(block: &BlockCircuit, candidate: BlockCircuit) -> Result<VerifiedBlock, Rejected> {
    VerifiedBlock::check_by_algebra(block, candidate, ROUNDING_OF_AN_ANGLE * n_rounding(block) as f64)
}

/// Angles of a block that are no multiples of π/2^23.
fn n_rounding(block: &BlockCircuit) -> usize {
    let of_gate = |gate: &LoweredGate<_>| match gate {
        LoweredGate::One { angles, .. } => angles.iter().filter(|angle| PiFraction::of(**angle).is_none()).count(),
        LoweredGate::Two { .. } => 0,
    };
    block.gates.iter().map(of_gate).sum()
}

/// In words, how a result has more rotations than its input: a fault of bqc.
pub(crate) fn more_rotations(input: &Circuit, found: &Figures) -> Option<String> {
    let (before, after) = (Stats::of(input).n_rotations, found.n_rotations);
    (after > before).then(|| format!("the result has {after} rotations that are not Clifford, the input {before}"))
}

/// How far a gate as doubles may be from what algebra takes it for, in phase distance: fifteen digits of an angle near π.
const ROUNDING_OF_A_GATE: f64 = 5e-15;

/// How far the gates of both circuits as doubles may be from what algebra takes them for, in phase distance, if all stray
/// in one direction.
pub(crate) fn rounding_of_doubles(input: &Circuit, found: &Figures) -> f64 {
    ROUNDING_OF_A_GATE * (Stats::of(input).n_gates() + found.n_two_qubit + found.n_one_qubit) as f64
}

impl Run<'_> {
    /// The circuit in words over the named gates, as far as the verifier proves them. What it refuses stays as it is,
    /// and is a fault.
    pub(crate) fn spelled(&mut self, version: Arc<Version>) -> Arc<Version> {
        let circuit = &version.circuit;
        let partition = regions(circuit.circuit(), PIECE_CX, 0);
        let blocks: Vec<&Block> = partition.blocks().collect();
        let written = |block: &&Block| {
            let candidate = spelled(&block.circuit, &block.circuit)
                .filter(|word| word.n_rotations() <= block.circuit.n_rotations());
            candidate.map(|word| proved(&block.circuit, word)).transpose()
        };
        let written: Vec<Result<Option<VerifiedBlock>, Rejected>> = blocks.par_iter().map(written).collect();
        let of_block = |nth: usize| written.get(nth).and_then(|word| word.as_ref().ok()?.as_ref());
        let (joined, fault) = join(&partition, circuit, of_block, None);
        let refused = written.iter().filter_map(|word| word.as_ref().err().cloned());
        self.faults.extend(refused.map(Into::into).chain(fault));
        Arc::new(Version::new(joined))
    }
}
