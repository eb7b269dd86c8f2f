//! Passes of exact rewritings (bqc-rewrite): what one does in a region, and how a pass cuts a circuit for it.
//!
//! They need no engine. A region is as wide as the circuit, so their results are proved by Pauli forms or path sums and
//! not measured over all columns (see [`VerifiedBlock::check`]). What is not proved there is not taken, and that is no
//! fault: it may be equal in a way that neither shows.

use crate::observer::Event;
use crate::pass::{Pass, PassResult, joined};
use crate::unit::state::{of_paulis, of_walk};
use crate::unit::{Refused, Unit};
use crate::workshop::Trail;
use bqc_circuit::{BlockCircuit, Sequence, Step};
use bqc_optimize::Flow;
use bqc_partition::{Block, Partition, Piece, regions};
use bqc_rewrite::Outputs;
use bqc_rewrite::light::{Angles, light_with_evidence, light_with_free_outputs};
use bqc_rewrite::pathsum::{Settings, Walk};
use bqc_rewrite::pauli::{BlockSearch, BlockSettings, Cooling, Direction, Greedy, synthesize};
use bqc_verify::{Rejected, VerifiedBlock, VerifiedCircuit};
use bqc_wire::{CheckpointRecord, ExactFlow, Outcome, UnitFlow};
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
    /// One exact pass of this size over all regions of `circuit`. If it `permutes` the outputs, what is last on all its
    /// wires may leave them on any.
    pub fn run_exact(&self, circuit: &VerifiedCircuit, exact: Exact, size: u32, permutes: bool) -> PassResult {
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
        let last = if permutes { last_blocks(circuit, &partition) } else { Vec::new() };
        let unit = |block: &Block, start| {
            let is_last = last.iter().any(|last| std::ptr::eq(*last, block));
            let outputs = if is_last { Outputs::Free } else { Outputs::Kept };
            let flow = self.unit_flow(exact.flow(outputs.n_cx(&block.circuit), size), outputs);
            Unit::rewriting(&block.circuit, flow, self.block, self.index, start)
        };
        let rebuilt = self.rebuild_all(&blocks, n_starts, unit);
        let result = joined(&partition, circuit, rebuilt, self.block.sabotage);
        if permutes { without_exchanges(result) } else { result }
    }
}

/// The blocks after which their wires have nothing but barriers and measurements at the end.
fn last_blocks<'p>(verified: &VerifiedCircuit, partition: &'p Partition) -> Vec<&'p Block> {
    let (circuit, follows) = (verified.circuit(), verified.walls_that_follow());
    let (mut is_used, mut last) = (vec![false; circuit.n_qubits()], Vec::new());
    for piece in partition.pieces.iter().rev() {
        let wires = match piece {
            Piece::Block(block) => {
                if block.qubits.iter().all(|wire| !is_used[wire.index()]) {
                    last.push(block);
                }
                block.qubits.clone()
            }
            Piece::Wall(step) => match circuit.item(*step as usize) {
                Step::Wall(number) if !follows[number as usize] => circuit.wall_wires(number),
                _ => continue,
            },
        };
        wires.iter().for_each(|wire| is_used[wire.index()] = true);
    }
    last
}

/// The exchanges at the end of a circuit become the permutation of its outputs.
fn without_exchanges(result: PassResult) -> PassResult {
    match result.circuit.without_exchanges(&result.circuit.final_exchanges()) {
        Ok(circuit) => PassResult { circuit, ..result },
        Err(fault) => PassResult { fault: result.fault.or(Some(fault.into())), ..result },
    }
}

impl Pass<'_> {
    /// An exact pass as the settings ask for it: one that keeps angles is proved by algebra.
    fn unit_flow(&self, by: ExactFlow, outputs: Outputs) -> UnitFlow {
        match (by, outputs) {
            (by, _) if self.block.flow == Flow::Exact => UnitFlow::Exact { by },
            (ExactFlow::Light, Outputs::Kept) => UnitFlow::Light,
            (ExactFlow::Light, Outputs::Free) => UnitFlow::FreeLight,
            (ExactFlow::Paulis { n_moves }, Outputs::Kept) => UnitFlow::Paulis { n_moves },
            (ExactFlow::Paulis { n_moves }, Outputs::Free) => UnitFlow::FreePaulis { n_moves },
            (ExactFlow::PathSums { n_proposals }, _) => UnitFlow::PathSums { n_proposals },
        }
    }
}

impl Unit {
    /// Rewrites the block exactly: what replaces it, how that ended, and why in words. None if the unit asks for
    /// something else.
    pub(crate) fn rewritten(
        &self,
        trail: &mut Trail<'_>,
        stop: &AtomicBool,
    ) -> Option<(VerifiedBlock, Outcome, String)> {
        let found = match (self.flow().exact()?, self.outputs()) {
            (ExactFlow::Light, Outputs::Kept) => Some(light_with_evidence(self.block(), Angles::Kept).0),
            (ExactFlow::Light, Outputs::Free) => Some(light_with_free_outputs(self.block(), Angles::Kept).0),
            (ExactFlow::Paulis { n_moves }, _) => self.by_paulis(n_moves, trail, stop),
            (ExactFlow::PathSums { n_proposals }, _) => self.by_path_sums(n_proposals, trail, stop),
        };
        let found = found.map(|found| self.with_meant_angles(found));
        let unchanged = |outcome, reason| (VerifiedBlock::unchanged(self.block().clone()), outcome, reason);
        Some(match found.filter(|found| self.is_better(found)).map(|found| self.verified(found)) {
            None => unchanged(Outcome::Unchanged, "unchanged: nothing better was found".into()),
            Some(Ok(verified)) => (verified, Outcome::Improved, "improved".into()),
            Some(Err(rejected @ Rejected::Unproved { .. })) => {
                unchanged(Outcome::Unchanged, format!("unchanged: {rejected}"))
            }
            Some(Err(rejected)) => unchanged(Outcome::Failed, rejected.to_string()),
        })
    }

    fn pauli_settings(&self) -> BlockSettings {
        let cooling = Cooling { peak: PEAKS[self.start() as usize % PEAKS.len()] };
        BlockSettings { cooling, outputs: self.outputs(), ..BlockSettings::default() }
    }

    /// The search over Pauli blocks, from the block or what synthesis has made of it, or from where it was left.
    fn by_paulis(&self, n_moves: u64, trail: &mut Trail<'_>, stop: &AtomicBool) -> Option<BlockCircuit> {
        let (block, seed, settings) = (self.block(), self.key().stream_key(), self.pauli_settings());
        let resumed = |state: CheckpointRecord| self.paulis_at(&state, settings.clone(), n_moves, MOVES_A_SLICE).ok();
        let left = trail.from.take().and_then(resumed);
        let begun = || {
            let synthesized = synthesized(block, self.outputs(), seed, stop);
            Some((BlockSearch::new(synthesized.as_ref().unwrap_or(block), settings, seed)?, 0))
        };
        let (mut search, n_done) = left.or_else(begun)?;
        let slices = Slices { n: n_moves, n_done, size: MOVES_A_SLICE, n_gates: block.gates.len() };
        slices.run(&mut search, stop, BlockSearch::run, |search, n| (trail.note)(of_paulis(search, n)));
        Some(search.best())
    }

    /// The walk on CX networks, from the block or from where it was left.
    fn by_path_sums(&self, n_proposals: u64, trail: &mut Trail<'_>, stop: &AtomicBool) -> Option<BlockCircuit> {
        let (block, seed, settings) = (self.block(), self.key().stream_key(), Settings::default());
        let resumed =
            |state: CheckpointRecord| self.walk_at(&state, settings.clone(), n_proposals, PROPOSALS_A_SLICE).ok();
        let left = trail.from.take().and_then(resumed);
        let (mut walk, n_done) = left.or_else(|| Some((Walk::new(block, settings, seed)?, 0)))?;
        let slices = Slices { n: n_proposals, n_done, size: PROPOSALS_A_SLICE, n_gates: block.gates.len() };
        slices.run(&mut walk, stop, Walk::run, |walk, n| (trail.note)(of_walk(walk, n)));
        Some(walk.best())
    }

    /// The best circuit in a state of an exact search from outside.
    pub(crate) fn best_at(&self, state: &CheckpointRecord) -> Result<BlockCircuit, Refused> {
        match self.flow().exact() {
            Some(ExactFlow::Paulis { n_moves }) => {
                let (search, _) = self.paulis_at(state, self.pauli_settings(), n_moves, MOVES_A_SLICE)?;
                Ok(self.with_meant_angles(search.best()))
            }
            Some(ExactFlow::PathSums { n_proposals }) => {
                let (walk, _) = self.walk_at(state, Settings::default(), n_proposals, PROPOSALS_A_SLICE)?;
                Ok(self.with_meant_angles(walk.best()))
            }
            _ => Err(Refused::NoState { n_steps: 0 }),
        }
    }
}

/// Attempts at synthesis of the whole region, besides one from each end with the usual parameters.
const RANDOM_ATTEMPTS: u64 = 8;
/// Larger regions get no random attempts: one takes seconds.
const MOST_CX_FOR_ATTEMPTS: usize = 5_000;

/// The best of some syntheses from the Pauli form of the whole; none if all are above the block.
fn synthesized(block: &BlockCircuit, outputs: Outputs, seed: u64, stop: &AtomicBool) -> Option<BlockCircuit> {
    let usual = |direction| Greedy { direction, ..Greedy::default() };
    let n_random = if block.n_cx() <= MOST_CX_FOR_ATTEMPTS { RANDOM_ATTEMPTS } else { 0 };
    let random = (0..n_random).map(|i| Greedy::random(seed.wrapping_add(i)));
    let all = [Direction::Forward, Direction::Backward].map(usual).into_iter().chain(random);
    let mut best: Option<BlockCircuit> = None;
    for greedy in all {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let limit = outputs.n_cx(best.as_ref().unwrap_or(block));
        let greedy = Greedy { outputs, ..greedy };
        best = synthesize(block, &greedy, Some(limit)).filter(|found| outputs.n_cx(found) < limit).or(best);
    }
    best
}

/// Temperatures at which the starts of a search over Pauli blocks begin, in turn: the first is best for chemistry, the
/// second for arithmetic.
const PEAKS: [f64; 2] = [0.7, 0.4];

/// Gates of a region for each slice between two states on a trail, so that writing states takes about a hundredth of the
/// time.
const GATES_A_SLICE: usize = 500;
/// Regions of more gates leave no trail: a state has to fit into a message, and takes 100 bytes a gate at most.
const MOST_GATES_ON_TRAIL: usize = 30_000;

/// Steps of a search that are done a slice at a time.
struct Slices {
    n: u64,
    /// Whole slices that are done.
    n_done: u64,
    size: u64,
    n_gates: usize,
}

impl Slices {
    /// Does them until `stop` is set; `run` gets the size of a slice and the progress before it, from 0 to 1, and `note`
    /// how many steps are done, now and then.
    fn run<S>(
        mut self,
        search: &mut S,
        stop: &AtomicBool,
        run: impl Fn(&mut S, u64, f64),
        mut note: impl FnMut(&S, u64),
    ) {
        let slices_a_state = 1 + (self.n_gates / GATES_A_SLICE) as u64;
        while self.n_done < self.n && !stop.load(Ordering::Relaxed) {
            let now = self.size.min(self.n - self.n_done);
            run(search, now, self.n_done as f64 / self.n as f64);
            self.n_done += now;
            if (self.n_done / self.size).is_multiple_of(slices_a_state) && self.n_gates <= MOST_GATES_ON_TRAIL {
                note(search, self.n_done);
            }
        }
    }
}
