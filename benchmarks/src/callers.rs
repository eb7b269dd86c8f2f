//! The load of a whole run: many callers, each with a target of its own, who call the engine for a search
//! again and again, behind every success from the candidate that follows it. The GPU engine is called by as
//! many threads as it wants, the CPU engine by one a core. What each caller does beside, writing its
//! candidates above all, is in the time of both.
//!
//! One candidate in [`NEAR_EVERY`] is near a solution, the others have lost a CX: as many successes as
//! the moves of a search have, within a factor of two. Candidates that an engine tries behind a success are
//! thrown away and not counted.

use bqc_instantiate::{
    CxTemplate, Engine, LmSettings, MakeCandidate, RefineProblem, Refined, Rotation, Solver, StateBatch, sample_count,
};
use bqc_linalg::{Stream, Su2};
use bqc_optimize::Context;
use bqc_optimize::fitted::Fit;
use bqc_optimize::search::{ScanShare, Tries, search_block};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Wires and CX gates that are measured.
pub const SIZES: [(u8, usize); 4] = [(3, 14), (4, 24), (5, 16), (5, 24)];

/// Callers: blocks that a circuit of some thousand gates has.
pub const N_CALLERS: usize = 128;

/// How many times as fast as the CPU engine on all cores the GPU engine is to be.
pub const GOAL: f64 = 20.0;

/// One candidate in so many is near a solution.
pub const NEAR_EVERY: usize = 32;

/// Turns of those, radians.
const TURN: f64 = 0.05;

/// Largest phase distance of a success.
const TOLERANCE: f64 = 1e-10;

/// Key of the random streams of these candidates.
const CALLERS_STREAM: u64 = 0x4341_4c4c;

/// One caller's target and its states.
struct Call {
    target: CxTemplate,
    batch: StateBatch,
    check: StateBatch,
}

/// Callers and how many candidates each has.
pub struct Callers {
    calls: Vec<Call>,
    n_candidates: usize,
}

/// What an engine did for them.
pub struct Served {
    /// Wall seconds of each repetition.
    pub wall_seconds: Vec<f64>,
    /// Threads that called.
    pub n_threads: usize,
    /// Indices of every caller's successes.
    pub winners: Vec<Vec<usize>>,
}

impl Callers {
    /// `n_callers` with random targets of this size, `n_candidates` each.
    pub fn new(n: u8, n_cx: usize, n_callers: usize, n_candidates: usize) -> Callers {
        let call = |i: usize| {
            let mut s = Stream::new(i as u64, n_cx as u64, CALLERS_STREAM);
            let target = CxTemplate::random(n, n_cx, &mut s);
            let n_samples = sample_count(n.into(), 3 * usize::from(n) + 4 * n_cx);
            let batch = StateBatch::sampled(&target, n_samples, &mut s);
            Call { check: StateBatch::exact(&target), target, batch }
        };
        Callers { calls: (0..n_callers).map(call).collect(), n_candidates }
    }

    /// Candidates of all callers.
    pub fn len(&self) -> usize {
        self.calls.len() * self.n_candidates
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Has an engine serve all of them `repeats` times, and once before. `n_cores`: of this machine.
    pub fn run(&self, engine: &dyn Engine, n_cores: usize, repeats: usize) -> Served {
        let n_threads = engine.concurrency(n_cores).min(self.calls.len());
        let mut served = Served { wall_seconds: Vec::new(), n_threads, winners: Vec::new() };
        for repetition in 0..=repeats {
            let (start, next) = (Instant::now(), AtomicUsize::new(0));
            let winners: Vec<Mutex<Vec<usize>>> = self.calls.iter().map(|_| Mutex::default()).collect();
            std::thread::scope(|scope| {
                for _ in 0..n_threads {
                    scope.spawn(|| {
                        loop {
                            let at = next.fetch_add(1, Ordering::Relaxed);
                            let Some(call) = self.calls.get(at) else { break };
                            let found = call.serve(engine, self.n_candidates, at as u64);
                            *winners[at].lock().unwrap_or_else(PoisonError::into_inner) = found;
                        }
                    });
                }
            });
            if repetition > 0 {
                served.wall_seconds.push(start.elapsed().as_secs_f64());
            }
            let taken = |winners: Mutex<Vec<usize>>| winners.into_inner().unwrap_or_else(PoisonError::into_inner);
            served.winners = winners.into_iter().map(taken).collect();
        }
        served
    }
}

impl Call {
    /// All candidates in order, behind each success from the next one on; gives the successes.
    fn serve(&self, engine: &dyn Engine, n_candidates: usize, seed: u64) -> Vec<usize> {
        let (settings, go) = (LmSettings::default(), AtomicBool::new(false));
        let (batch, check) = (&self.batch, &self.check);
        let problem = RefineProblem { batch, check, sweeps: None, settings: &settings, tolerance: TOLERANCE };
        let (mut start, mut winners) = (0, Vec::new());
        while start < n_candidates {
            let make = |i: usize, out: &mut CxTemplate| self.make(seed, start + i, out);
            let Some((index, _)) = engine.refine(&problem, n_candidates - start, &make, &go).winner else { break };
            winners.push(start + index);
            start += index + 1;
        }
        winners
    }

    fn make(&self, seed: u64, index: usize, out: &mut CxTemplate) {
        let mut s = Stream::new(seed, index as u64, CALLERS_STREAM);
        out.copy_from(&self.target);
        if index % NEAR_EVERY == NEAR_EVERY - 1 {
            for slot in self.target.slots() {
                out.set(slot, out.value(slot) * Su2::exp([0; 3].map(|_| TURN * s.gaussian())));
            }
        } else {
            let rotation = if s.chance(0.5) { Rotation::Plus } else { Rotation::Minus };
            out.delete_cx(s.below(self.target.n_cx()), rotation);
        }
    }
}

/// An engine that finds nothing, and measures what its caller's candidates cost the host.
struct Preparing(Mutex<Vec<f64>>);

/// Moves that are written at a time.
const N_MOVES: usize = 256;

/// CPU seconds that one core takes to write one move of the search as the GPU engine hands it over, once per
/// repetition.
pub fn preparation_seconds(n: u8, n_cx: usize, repeats: usize) -> Vec<f64> {
    let mut s = Stream::new(n_cx as u64, n.into(), CALLERS_STREAM);
    let block = CxTemplate::random(n, n_cx, &mut s);
    let engine = Preparing(Mutex::default());
    let context = Context { engine: &engine, stop: &AtomicBool::new(false) };
    let tries = Tries { scan: ScanShare { plus: 0.0, minus: 0.0 }, n_moves: N_MOVES };
    let fit = Fit { solver: Solver::Lm, tolerance: TOLERANCE };
    // Nothing is found, so a search ends after one call.
    for _ in 0..=repeats {
        search_block(context, &block, tries, fit, &mut s);
    }
    let mut seconds = engine.0.into_inner().unwrap_or_else(PoisonError::into_inner);
    // The first one warms up.
    seconds.remove(0);
    seconds
}

impl Engine for Preparing {
    fn name(&self) -> &str {
        "preparing"
    }

    fn refine(&self, problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>, _: &AtomicBool) -> Refined {
        let start = crate::measure::thread_cpu_seconds();
        bqc_cuda::prepare(problem, count, make);
        let seconds = (crate::measure::thread_cpu_seconds() - start) / count.max(1) as f64;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seconds);
        Refined::default()
    }
}
