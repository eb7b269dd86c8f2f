//! What happens to one block: the passes in their order, the verdict, and what is told about it.
//!
//! A pure function of the block, its key, the settings and the engine, unless it is stopped. It never
//! fails: a result that is not better, or does not pass the verifier, is dropped for the next best,
//! and the last of these is the original itself.

use crate::Context;
use crate::deletion::delete_gates;
use crate::fitted::Fit;
use crate::merge::merge_one_qubit;
use crate::objective::{Figures, Objective};
use crate::sabotage::Sabotage;
use crate::search::{WindowResult, WindowSettings, WindowState, search_window_from};
use crate::two_qubit::{resynthesize_runs, smaller_pair, smaller_runs};
use bqc_circuit::BlockCircuit;
use bqc_instantiate::Solver;
use bqc_linalg::Stream;
use bqc_verify::{Fault, VerifiedBlock};

/// Largest phase distance at which bqc calls two blocks the same unitary. Rounding alone reaches
/// some 1e-13 after a chain of passes; a numerical optimum that is no identity is rarely below 1e-7.
pub const IDENTITY_TOLERANCE: f64 = 1e-10;

/// How CX gates are removed from blocks of three wires and more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Gates are deleted one by one, and the rest is instantiated again.
    #[default]
    Delete,
    /// Moves that keep the CX count, and deletions, in blocks cut at random: see [`crate::search`].
    Search {
        /// Rounds of cuts.
        n_rounds: usize,
    },
    /// Not at all in blocks: whole regions are rewritten by exact passes alone, which keep the angles.
    Exact,
}

/// What is done with every block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSettings {
    /// How CX gates are removed.
    pub flow: Flow,
    /// How often the flow is run, each time with other random numbers; the caller keeps the best
    /// result by the objective. Zero leaves only the closed-form passes.
    pub starts: usize,
    /// What fits the candidates of deletion and search.
    pub solver: Solver,
    /// What to make small. The number of CX gates never rises, whatever it is.
    pub objective: Objective,
    /// Largest phase distance of a block from its original, dimensionless.
    pub tolerance: f64,
    /// The user's seed.
    pub seed: u64,
    /// For tests of the verifier.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

impl Default for BlockSettings {
    fn default() -> BlockSettings {
        let (solver, objective) = (Solver::default(), Objective::default());
        BlockSettings {
            flow: Flow::Delete,
            starts: 1,
            solver,
            objective,
            tolerance: IDENTITY_TOLERANCE,
            seed: 0,
            sabotage: None,
        }
    }
}

impl BlockSettings {
    /// The random numbers of one try (`start`) at the block that `key` names.
    pub fn stream(&self, key: u64, start: usize) -> Stream {
        Stream::new(self.seed, key, FLOW_STREAM + start as u64)
    }
}

/// Why a block came out as it did.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// It is better by the objective.
    #[error("improved")]
    Improved,
    /// It is another circuit, and no better: the search goes on from there.
    #[error("rearranged")]
    Rearranged,
    /// It kept its gates.
    #[error("unchanged: {why}")]
    Unchanged {
        /// Why nothing better was found.
        why: Unchanged,
    },
    /// It kept its gates because the verifier refused the best result, or how it was put together: a fault of bqc.
    #[error("failed: the best result was refused: {fault}")]
    Failed {
        /// What the verifier said.
        fault: Fault,
    },
}

/// Why nothing better than the original was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unchanged {
    /// There are no gates to remove.
    #[error("nothing to remove")]
    Empty,
    /// No pass found anything.
    #[error("no smaller circuit was found")]
    NothingFound,
    /// It was stopped before anything was found.
    #[error("stopped before anything was found")]
    Stopped,
}

/// What became of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockReport {
    /// CX gates of the original.
    pub cx_before: usize,
    /// CX gates of the result.
    pub cx_after: usize,
    /// One-qubit gates of the original.
    pub one_qubit_before: usize,
    /// One-qubit gates of the result.
    pub one_qubit_after: usize,
    /// Measured phase distance of the result from the original.
    pub distance: f64,
    /// Instantiations that were started.
    pub instantiations: usize,
    /// Results that the verifier refused, whether or not another one was taken.
    pub n_rejected: usize,
    /// Why the result is what it is.
    pub reason: Reason,
}

/// The part of a block's tolerance that each run of two-qubit gates may use: a hundred runs of a block
/// may use it up, and identities are met at 1e-14 anyway.
const RUN_SHARE: f64 = 1e-2;

/// Purpose of the streams of the flow; the number of the start is added.
const FLOW_STREAM: u64 = 0x464c_4f57_0000_0000;

/// Where a search begins, and who is told how far it has come.
pub struct Trail<'a> {
    /// A state of the same search, by the same engine; none: from the block itself on.
    pub from: Option<WindowState>,
    /// Called after every round.
    pub note: &'a mut dyn FnMut(&WindowState),
}

/// Rebuilds one block better by the objective, and never with more CX.
///
/// * `stream`: of [`BlockSettings::stream`].
/// * `trail`: where a search begins does not change its result. Deletion leaves no trail: it takes moments.
/// * If it is stopped, the best result so far is returned.
/// * Never fails: the original comes back with the reason, at distance zero.
pub fn optimize_block(
    context: Context<'_>,
    original: &BlockCircuit,
    settings: &BlockSettings,
    mut stream: Stream,
    trail: Trail<'_>,
) -> (VerifiedBlock, BlockReport) {
    let BlockSettings { tolerance, objective, .. } = *settings;
    let mut task = Task { original, tolerance, objective, instantiations: 0, candidates: Vec::new() };
    if settings.flow == Flow::Exact {
        return task.judge(context.is_stopped());
    }
    let merged = merge_one_qubit(original);
    let closed_form = match original.width() {
        2 => smaller_pair(original, &merged, settings.tolerance).unwrap_or_else(|| merged.clone()),
        _ => smaller_runs(merged.clone(), settings.tolerance * RUN_SHARE),
    };
    if original.width() > 2 && closed_form.n_cx() > 0 && settings.starts > 0 {
        match settings.flow {
            Flow::Delete => {
                let fit = Fit { solver: settings.solver, tolerance: tolerance / 2.0 };
                task.delete(context, &closed_form, fit, &mut stream)
            }
            Flow::Exact => {}
            Flow::Search { n_rounds } => {
                let defaults = WindowSettings::default();
                let fit = Fit { solver: settings.solver, ..defaults.fit };
                let settings = WindowSettings { n_rounds, objective, fit, sabotage: settings.sabotage, ..defaults };
                let mut state = trail.from.unwrap_or_else(|| WindowState::start(original, objective, stream));
                let result = search_window_from(context, &mut state, &settings, trail.note);
                if let Some(found) = task.searched(result) {
                    return found;
                }
            }
        }
    }
    task.candidates.push(closed_form);
    task.candidates.push(merged);
    task.judge(context.is_stopped())
}

/// One block while it is rebuilt.
struct Task<'a> {
    original: &'a BlockCircuit,
    tolerance: f64,
    objective: Objective,
    instantiations: usize,
    /// Not verified yet.
    candidates: Vec<BlockCircuit>,
}

impl Task<'_> {
    fn delete(&mut self, context: Context<'_>, from: &BlockCircuit, fit: Fit, stream: &mut Stream) {
        let (found, n_instantiations) = delete_gates(context, from, fit, stream);
        self.instantiations += n_instantiations;
        self.candidates.push(resynthesize_runs(&found, self.tolerance * RUN_SHARE));
        // Kept in case the runs' tolerances add up to too much.
        self.candidates.push(found);
    }

    /// What a search has found, if it may be taken at once although it may be no smaller; the block itself if the
    /// verifier found a fault.
    fn searched(&mut self, found: WindowResult) -> Option<(VerifiedBlock, BlockReport)> {
        let WindowResult { composition, counts, fault } = found;
        self.instantiations += counts.n_deletions + counts.n_moves;
        if composition.bound() > self.tolerance && fault.is_none() {
            return None;
        }
        let verified = match fault {
            Some(fault) => Err(fault),
            None => composition.verify(self.original, self.tolerance).map_err(Fault::from),
        };
        let verified = match verified {
            Ok(verified) => verified,
            Err(fault) => {
                let kept = VerifiedBlock::unchanged(self.original.clone());
                return Some(self.done(kept, 1, Reason::Failed { fault }));
            }
        };
        let found = verified.circuit();
        let order = self.objective.rank_block(found).cmp(&self.objective.rank_block(self.original));
        let goes_on = self.objective.goes_on_from(&Figures::of_block(found), &Figures::of_block(self.original));
        if !goes_on || found == self.original {
            return None;
        }
        let reason = if order.is_lt() { Reason::Improved } else { Reason::Rearranged };
        Some(self.done(verified, 0, reason))
    }

    /// The best candidate that passes the verifier, or the original.
    fn judge(mut self, was_stopped: bool) -> (VerifiedBlock, BlockReport) {
        let mut candidates = std::mem::take(&mut self.candidates);
        let rank = |block: &BlockCircuit| self.objective.rank_block(block);
        candidates.retain(|c| c.n_cx() <= self.original.n_cx() && rank(c) < rank(self.original));
        candidates.sort_by_key(rank);
        let mut rejections = Vec::new();
        let mut checks = candidates.into_iter().map(|c| VerifiedBlock::check(self.original, c, self.tolerance));
        let accepted = checks.find_map(|check| check.map_err(|rejected| rejections.push(rejected)).ok());
        let n_rejected = rejections.len();
        let reason = match (&accepted, rejections.into_iter().next()) {
            (Some(_), _) => Reason::Improved,
            (None, Some(rejected)) => Reason::Failed { fault: rejected.into() },
            (None, None) if self.original.gates.is_empty() => Reason::Unchanged { why: Unchanged::Empty },
            (None, None) if was_stopped => Reason::Unchanged { why: Unchanged::Stopped },
            (None, None) => Reason::Unchanged { why: Unchanged::NothingFound },
        };
        let block = accepted.unwrap_or_else(|| VerifiedBlock::unchanged(self.original.clone()));
        self.done(block, n_rejected, reason)
    }

    fn done(&self, block: VerifiedBlock, n_rejected: usize, reason: Reason) -> (VerifiedBlock, BlockReport) {
        let report = BlockReport {
            cx_before: self.original.n_cx(),
            cx_after: block.circuit().n_cx(),
            one_qubit_before: self.original.n_one_qubit(),
            one_qubit_after: block.circuit().n_one_qubit(),
            distance: block.distance(),
            instantiations: self.instantiations,
            n_rejected,
            reason,
        };
        (block, report)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{on_cpu, random_clifford_t, stopped};
    use bqc_instantiate::{CxTemplate, Engine, MakeCandidate, RefineProblem, Refined};
    use bqc_verify::block_distance;
    use std::sync::atomic::AtomicBool;

    /// One try at a block, from its beginning on.
    fn optimized(
        context: Context<'_>,
        block: &BlockCircuit,
        settings: &BlockSettings,
        start: usize,
    ) -> (VerifiedBlock, BlockReport) {
        optimize_block(context, block, settings, settings.stream(7, start), Trail { from: None, note: &mut |_| {} })
    }

    /// An engine that is not to be believed.
    fn lying() -> Context<'static> {
        Context { engine: &LyingEngine, ..on_cpu() }
    }

    /// Calls every first candidate an identity, without looking.
    struct LyingEngine;

    impl Engine for LyingEngine {
        fn name(&self) -> &str {
            "lying"
        }

        fn refine(&self, problem: &RefineProblem<'_>, _: usize, make: &MakeCandidate<'_>, _: &AtomicBool) -> Refined {
            let mut candidate = CxTemplate::new(problem.batch.n() as u8);
            make(0, &mut candidate);
            Refined { winner: Some((0, candidate)), n_tried: 1, ..Refined::default() }
        }
    }

    #[test]
    fn a_search_believes_no_engine_either() {
        for seed in 0..10 {
            let block = BlockCircuit::random(4, 30, &mut Stream::new(seed, 4, 2));
            let settings = BlockSettings { flow: Flow::Search { n_rounds: 2 }, ..BlockSettings::default() };
            let (verified, _) = optimized(lying(), &block, &settings, 0);
            assert!(block_distance(&block, verified.circuit()).unwrap() <= settings.tolerance);
        }
    }

    /// The order of the default objective.
    fn size(block: &BlockCircuit) -> (usize, usize) {
        (block.n_cx(), block.n_one_qubit())
    }

    #[test]
    fn every_solver_deletes_gates_and_is_verified() {
        // Three wires never need more than twenty CX.
        let block = random_clifford_t(3, 50, &mut Stream::new(1, 3, 5));
        let from = resynthesize_runs(&block, 1e-12);
        for solver in Solver::ALL {
            let fit = Fit { solver, tolerance: 1e-11 };
            let (fewer, _) = delete_gates(on_cpu(), &from, fit, &mut Stream::new(0, 0, 0));
            assert!(fewer.n_cx() < from.n_cx() && block_distance(&from, &fewer).unwrap() < 1e-11, "{solver:?}");
            for flow in [Flow::Delete, Flow::Search { n_rounds: 1 }] {
                let settings = BlockSettings { flow, solver, ..BlockSettings::default() };
                let run = || optimized(on_cpu(), &block, &settings, 0);
                let (verified, report) = run();
                assert!(report.cx_after < report.cx_before && report.n_rejected == 0, "{solver:?} {flow:?}");
                assert!(block_distance(&block, verified.circuit()).unwrap() <= 1e-11, "{solver:?} {flow:?}");
                assert_eq!(run(), (verified, report), "the same key gives the same result");
            }
        }
    }

    #[test]
    fn every_objective_gets_better_by_its_own_measure_and_keeps_the_count() {
        for objective in Objective::NUMERICAL {
            for (flow, seed) in
                [(Flow::Delete, 1), (Flow::Search { n_rounds: 3 }, 2), (Flow::Search { n_rounds: 3 }, 3)]
            {
                let block = random_clifford_t(4, 70, &mut Stream::new(seed, 4, 4));
                let settings = BlockSettings { flow, seed, objective, ..BlockSettings::default() };
                let (verified, report) = optimized(on_cpu(), &block, &settings, 0);
                let found = verified.circuit();
                assert!(objective.rank_block(found) < objective.rank_block(&block), "{objective:?} {flow:?}");
                assert!(found.n_cx() <= block.n_cx() && report.reason == Reason::Improved);
            }
        }
    }

    #[test]
    fn a_search_is_verified_never_longer_and_a_function_of_its_key() {
        for (seed, width) in [(1, 3), (2, 4), (3, 5), (4, 9)] {
            let block = random_clifford_t(width, 60, &mut Stream::new(seed, 4, 3));
            let settings = BlockSettings { flow: Flow::Search { n_rounds: 2 }, seed, ..BlockSettings::default() };
            let run = |start| optimized(on_cpu(), &block, &settings, start);
            let (verified, report) = run(0);
            assert!(report.cx_after <= block.n_cx() && report.cx_after == verified.circuit().n_cx());
            assert!(block_distance(&block, verified.circuit()).unwrap() <= verified.distance() + 1e-13);
            assert!(verified.distance() < 1e-11, "{:e}", verified.distance());
            assert_eq!(run(0), (verified, report), "the same key gives the same result");
        }
    }

    #[test]
    fn a_search_goes_on_from_every_state_to_the_same_result() {
        for (objective, width) in [(Objective::Cx, 4), (Objective::Depth, 3), (Objective::Weighted, 9)] {
            let block = random_clifford_t(width, 40, &mut Stream::new(5, 4, 3));
            let settings = BlockSettings { flow: Flow::Search { n_rounds: 3 }, objective, ..BlockSettings::default() };
            let mut states = Vec::new();
            let trail = Trail { from: None, note: &mut |state| states.push(state.clone()) };
            let expected = optimize_block(on_cpu(), &block, &settings, settings.stream(7, 0), trail);
            assert_eq!(states.iter().map(|s| s.n_rounds).collect::<Vec<_>>(), [1, 2, 3]);
            for state in states {
                let mut n_more = 0;
                let (n_rounds, trail) = (state.n_rounds, Trail { from: Some(state), note: &mut |_| n_more += 1 });
                let found = optimize_block(on_cpu(), &block, &settings, settings.stream(7, 0), trail);
                assert_eq!((found, n_more), (expected.clone(), 3 - n_rounds), "{objective:?}");
            }
        }
    }

    #[test]
    fn nothing_that_a_wrong_engine_says_is_believed() {
        for seed in 0..20 {
            let block = BlockCircuit::random(3, 30, &mut Stream::new(seed, 4, 0));
            let settings = BlockSettings::default();
            let (verified, report) = optimized(lying(), &block, &settings, 0);
            assert!(report.n_rejected > 0);
            assert!(block_distance(&block, verified.circuit()).unwrap() <= settings.tolerance);
            match report.reason {
                Reason::Failed { fault } => {
                    let Fault::Rejected(rejected) = fault else { panic!("{fault}") };
                    assert!(rejected.distance().unwrap() > settings.tolerance);
                    assert_eq!(verified.circuit(), &block);
                }
                Reason::Improved => {
                    let rank = |b| settings.objective.rank_block(b);
                    assert!(rank(verified.circuit()) < rank(&block));
                }
                other => panic!("the engine lied and nobody noticed: {other}"),
            }
        }
    }

    #[test]
    fn results_are_verified_and_never_larger() {
        for seed in 0..30u64 {
            let mut stream = Stream::new(seed, 4, 1);
            let width = 1 + (seed % 4) as u16;
            let block = random_clifford_t(width, 25, &mut stream);
            let settings = BlockSettings { seed, ..BlockSettings::default() };
            let run = || optimized(on_cpu(), &block, &settings, 0);
            let (verified, report) = run();
            assert!(size(verified.circuit()) <= size(&block));
            assert_eq!((report.cx_after, report.one_qubit_after), size(verified.circuit()));
            assert_eq!((report.cx_before, report.one_qubit_before), size(&block));
            assert_eq!((report.n_rejected, report.distance), (0, verified.distance()));
            assert!(verified.distance() <= 1e-12, "{:e}", verified.distance());
            assert_eq!(run(), (verified, report), "the same key gives the same result");
        }
    }

    #[test]
    fn reasons_say_why() {
        let run = |block: &BlockCircuit, context| optimized(context, block, &BlockSettings::default(), 0).1.reason;
        assert_eq!(run(&BlockCircuit::new(3), on_cpu()), Reason::Unchanged { why: Unchanged::Empty });
        let mut minimal = BlockCircuit::new(3);
        minimal.push_cx(bqc_circuit::BlockQubit(0), bqc_circuit::BlockQubit(2));
        assert_eq!(run(&minimal, on_cpu()), Reason::Unchanged { why: Unchanged::NothingFound });
        assert_eq!(run(&minimal, stopped()), Reason::Unchanged { why: Unchanged::Stopped });
        let mut broken = minimal.clone();
        broken.push_u3(bqc_circuit::BlockQubit(0), [f64::NAN, 0.0, 0.0]);
        assert!(!matches!(run(&broken, on_cpu()), Reason::Improved));
    }
}
