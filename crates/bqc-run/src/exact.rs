//! Passes of exact rewritings (bqc-rewrite): what one does in a region, and how a pass cuts a circuit for it.
//!
//! They need no engine. A region is as wide as the circuit, so their results are proved by Pauli forms and not measured
//! over all columns (see [`VerifiedBlock::check`]); what is not proved there is not taken, and that is no fault: an
//! equality that needs other means than Paulis is none that the evidence could see.

use crate::observer::Event;
use crate::pass::{Pass, PassResult, joined};
use crate::unit::Unit;
use bqc_circuit::BlockCircuit;
use bqc_optimize::Flow;
use bqc_partition::{Block, regions};
use bqc_rewrite::light::{Angles, light_with_evidence};
use bqc_rewrite::pathsum::{Settings, Walk};
use bqc_rewrite::pauli::{BlockSearch, BlockSettings, Cooling, Direction, Greedy, synthesize};
use bqc_verify::{Rejected, VerifiedBlock, VerifiedCircuit};
use bqc_wire::{ExactFlow, Outcome, UnitFlow};
use std::sync::atomic::{AtomicBool, Ordering};

/// What an exact pass does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exact {
    /// The light passes, which take some microseconds a gate.
    Light,
    /// Synthesis of the whole region from its Pauli form, then the search over Pauli blocks.
    Paulis,
    /// The walk on the CX network that keeps the path sum.
    PathSums,
}

/// Moves of the Pauli search for each CX gate of a region in a pass of size 1, and at most. A core does some hundred
/// thousand a second, and large circuits have more to gain from what comes after.
const MOVES_PER_CX: u64 = 250;
const MOST_MOVES: u64 = 200_000;
/// The same for proposals of the walk, of which a core does ten million a second in some hundred CX and one in some
/// thousand: so fewer in all the more CX there are.
const PROPOSALS_PER_CX: u64 = 25_000;
const MOST_PROPOSALS_TIMES_CX: u64 = 20_000_000_000;

/// A region of so many CX gates is tried by one start: synthesis alone takes a large part of a second.
const CX_FOR_ONE_START: usize = 5_000;

/// Between two looks at the flag that ends a run: some milliseconds of work.
const MOVES_A_SLICE: u64 = 500;
const PROPOSALS_A_SLICE: u64 = 50_000;

/// Most CX gates of a region: more are divided among the cores, and what lies on a border comes to lie inside in the
/// next pass.
const REGION_CX: usize = 20_000;

impl Exact {
    /// The work of one unit in a region of so many CX gates.
    fn flow(self, n_cx: usize, size: u32) -> ExactFlow {
        let n_cx = n_cx as u64;
        let budget = |per_cx: u64, most: u64| (per_cx * n_cx).min(most) * u64::from(size);
        match self {
            Exact::Light => ExactFlow::Light,
            Exact::Paulis => ExactFlow::Paulis { n_moves: budget(MOVES_PER_CX, MOST_MOVES) },
            Exact::PathSums => {
                ExactFlow::PathSums { n_proposals: budget(PROPOSALS_PER_CX, MOST_PROPOSALS_TIMES_CX / n_cx.max(1)) }
            }
        }
    }
}

impl Pass<'_> {
    /// One exact pass of this size over all regions of `circuit`.
    pub fn run_exact(&self, circuit: &VerifiedCircuit, exact: Exact, size: u32) -> PassResult {
        let shift = if self.index.is_multiple_of(2) { 0 } else { REGION_CX / 2 };
        let partition = regions(circuit.circuit(), REGION_CX, shift);
        let blocks: Vec<&Block> = partition.blocks().collect();
        self.around.observer.event(Event::PassStarted { pass: self.index, n_blocks: blocks.len() });
        let largest = blocks.iter().map(|block| block.circuit.n_cx()).max().unwrap_or(0);
        let n_starts = match exact {
            Exact::Light => 1,
            _ if largest >= CX_FOR_ONE_START => 1,
            Exact::Paulis | Exact::PathSums => self.starts_per_block(blocks.len()),
        };
        let unit = |block: &Block, start| {
            let flow = exact.flow(block.circuit.n_cx(), size);
            Unit::rewriting(&block.circuit, self.unit_flow(flow), self.block, self.index, start)
        };
        let rebuilt = self.rebuild_all(&blocks, n_starts, unit);
        joined(&partition, circuit, rebuilt, self.block.sabotage)
    }
}

impl Pass<'_> {
    /// An exact pass as the settings ask for it: one that keeps angles is proved by algebra.
    fn unit_flow(&self, by: ExactFlow) -> UnitFlow {
        match by {
            by if self.block.flow == Flow::Exact => UnitFlow::Exact { by },
            ExactFlow::Light => UnitFlow::Light,
            ExactFlow::Paulis { n_moves } => UnitFlow::Paulis { n_moves },
            ExactFlow::PathSums { n_proposals } => UnitFlow::PathSums { n_proposals },
        }
    }
}

impl Unit {
    /// Rewrites the block exactly: what replaces it, how that ended, and why in words. None if the unit asks for
    /// something else.
    pub(crate) fn rewritten(&self, stop: &AtomicBool) -> Option<(VerifiedBlock, Outcome, String)> {
        let (block, seed) = (self.block(), self.key().stream_key());
        let found = match self.flow().exact()? {
            ExactFlow::Light => Some(light_with_evidence(block, Angles::Kept).0),
            ExactFlow::Paulis { n_moves } => by_paulis(block, n_moves, self.start(), seed, stop),
            ExactFlow::PathSums { n_proposals } => by_path_sums(block, n_proposals, seed, stop),
        };
        let found = found.map(|found| self.with_meant_angles(found));
        let unchanged = |outcome, reason| (VerifiedBlock::unchanged(block.clone()), outcome, reason);
        Some(match found.filter(|found| self.is_better(found)).map(|found| self.verified(found)) {
            None => unchanged(Outcome::Unchanged, "unchanged: nothing better was found".into()),
            Some(Ok(verified)) => (verified, Outcome::Improved, "improved".into()),
            Some(Err(rejected @ Rejected::Unproved { .. })) => {
                unchanged(Outcome::Unchanged, format!("unchanged: {rejected}"))
            }
            Some(Err(rejected)) => unchanged(Outcome::Failed, rejected.to_string()),
        })
    }
}

/// Attempts at synthesis of the whole region, besides one from each end with the usual parameters.
const RANDOM_ATTEMPTS: u64 = 8;
/// Larger regions get no random attempts: one takes seconds.
const MOST_CX_FOR_ATTEMPTS: usize = 5_000;

/// The best of some syntheses from the Pauli form of the whole; none if all are above the block.
fn synthesized(block: &BlockCircuit, seed: u64, stop: &AtomicBool) -> Option<BlockCircuit> {
    let usual = |direction| Greedy { direction, ..Greedy::default() };
    let n_random = if block.n_cx() <= MOST_CX_FOR_ATTEMPTS { RANDOM_ATTEMPTS } else { 0 };
    let random = (0..n_random).map(|i| Greedy::random(seed.wrapping_add(i)));
    let all = [Direction::Forward, Direction::Backward].map(usual).into_iter().chain(random);
    let mut best: Option<BlockCircuit> = None;
    for greedy in all {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let limit = best.as_ref().map_or(block.n_cx(), BlockCircuit::n_cx);
        best = synthesize(block, &greedy, Some(limit)).filter(|found| found.n_cx() < limit).or(best);
    }
    best
}

/// Temperatures at which the starts of a search over Pauli blocks begin, in turn: the first is best for chemistry, the
/// second for arithmetic.
const PEAKS: [f64; 2] = [0.7, 0.4];

/// The search over Pauli blocks, from the block or what synthesis has made of it.
fn by_paulis(block: &BlockCircuit, n_moves: u64, start: u32, seed: u64, stop: &AtomicBool) -> Option<BlockCircuit> {
    let synthesized = synthesized(block, seed, stop);
    let cooling = Cooling { peak: PEAKS[start as usize % PEAKS.len()] };
    let settings = BlockSettings { cooling, ..BlockSettings::default() };
    let mut search = BlockSearch::new(synthesized.as_ref().unwrap_or(block), settings, seed)?;
    in_slices(n_moves, MOVES_A_SLICE, stop, |slice, progress| search.run(slice, progress));
    Some(search.best())
}

/// The walk on CX networks, from the block.
fn by_path_sums(block: &BlockCircuit, n_proposals: u64, seed: u64, stop: &AtomicBool) -> Option<BlockCircuit> {
    let mut walk = Walk::new(block, Settings::default(), seed)?;
    in_slices(n_proposals, PROPOSALS_A_SLICE, stop, |slice, progress| walk.run(slice, progress));
    Some(walk.best())
}

/// Does `n` of something a slice at a time until `stop` is set; `run` gets the size of a slice and the progress before
/// it, from 0 to 1.
fn in_slices(n: u64, slice: u64, stop: &AtomicBool, mut run: impl FnMut(u64, f64)) {
    let mut n_done = 0;
    while n_done < n && !stop.load(Ordering::Relaxed) {
        let now = slice.min(n - n_done);
        run(now, n_done as f64 / n as f64);
        n_done += now;
    }
}
