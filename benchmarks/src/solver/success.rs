//! Successes per millisecond: what a method costs including all the calls that fail.
//!
//! Deletion: every CX of a block is taken out once, with each kind of rotation. Whole problems: templates
//! that are known to have a solution, from near it and from random values, by every solver that compiling has.

use super::attempts::Sample;
use super::iterations::shaken;
use super::random_template;
use crate::measure::timed;
use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, LmSettings, LmSolver, Rotation, Slot, Solver, StateBatch, sample_count,
};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use bqc_optimize::IDENTITY_TOLERANCE;
use bqc_optimize::fitted::{Fit, Fitted};
use std::sync::atomic::AtomicBool;

/// Successes of some calls and what all of them cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Successes {
    /// Calls.
    pub n_calls: usize,
    /// Calls that ended at an identity, checked on all columns.
    pub n_found: usize,
    /// CPU seconds of all calls.
    pub seconds: f64,
}

impl Successes {
    /// Found by tried.
    pub fn share(&self) -> f64 {
        self.n_found as f64 / self.n_calls.max(1) as f64
    }

    /// Found per millisecond of CPU time, the failures' included.
    pub fn per_millisecond(&self) -> f64 {
        self.n_found as f64 / (self.seconds * 1e3)
    }

    fn add(&mut self, is_found: bool, seconds: f64) {
        self.n_calls += 1;
        self.n_found += usize::from(is_found);
        self.seconds += seconds;
    }
}

/// Deletes every CX of the original blocks once, leaving `rotation` behind.
pub fn deletions(level: Level, samples: &[Sample], rotation: Rotation) -> Successes {
    let mut solver = LmSolver::new(level);
    let mut successes = Successes::default();
    for (key, sample) in samples.iter().enumerate() {
        let block = CxTemplate::from_block(&sample.original);
        let batches = Batches::of(&block, &mut Stream::new(3, key as u64, 0));
        for i in 0..block.n_cx() {
            let mut candidate = block.clone();
            candidate.delete_cx(i, rotation);
            let (is_found, seconds) = timed(|| batches.solve(&mut solver, &mut candidate));
            successes.add(is_found, seconds);
        }
    }
    successes
}

/// A target, for the solver and for the check.
struct Batches {
    work: StateBatch,
    check: StateBatch,
}

impl Batches {
    fn of(target: &CxTemplate, stream: &mut Stream) -> Batches {
        let n = target.n();
        let n_samples = sample_count(n, 3 * n + 4 * target.n_cx());
        let check = StateBatch::exact(target);
        let work = if n_samples >= 1 << n { check.clone() } else { StateBatch::sampled(target, n_samples, stream) };
        Batches { work, check }
    }

    fn solve(&self, solver: &mut LmSolver, candidate: &mut CxTemplate) -> bool {
        let outcome = solver.solve(&self.work, candidate, &LmSettings::default(), &AtomicBool::new(false));
        outcome.found && solver.distance(&self.check, candidate) <= IDENTITY_TOLERANCE
    }
}

/// Where whole problems begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// 0.1 rad a component from a solution.
    Near,
    /// Haar random values.
    Random,
}

/// Solves `n_problems` templates of `n_cx` CX from one start each.
pub fn whole(level: Level, n: u8, n_cx: usize, from: From, solver: Solver, n_problems: u64) -> Successes {
    let mut successes = Successes::default();
    let engine = CpuEngine::with_level(level);
    for key in 0..n_problems {
        let mut stream = Stream::new(key, n.into(), n_cx as u64);
        let solution = random_template(n, n_cx, &mut stream);
        let start = match from {
            From::Near => shaken(&solution, 0.1, &mut stream),
            From::Random => haar(&solution, &mut stream),
        };
        let fit = Fit { solver, tolerance: IDENTITY_TOLERANCE };
        let fitted = Fitted::new(&solution, 3 * usize::from(n) + 4 * n_cx, fit, &mut stream);
        let (settings, go) = (LmSettings::default(), AtomicBool::new(false));
        let make = |_: usize, out: &mut CxTemplate| out.copy_from(&start);
        let (refined, seconds) = timed(|| engine.refine(&fitted.problem(&settings), 1, &make, &go));
        successes.add(refined.winner.is_some(), seconds);
    }
    successes
}

fn haar(template: &CxTemplate, stream: &mut Stream) -> CxTemplate {
    let mut random = template.clone();
    for slot in template.slots().collect::<Vec<Slot>>() {
        random.set(slot, stream.su2());
    }
    random
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_solver_finds_what_is_near() {
        for solver in Solver::ALL {
            let successes = whole(Level::detect(), 3, 5, From::Near, solver, 3);
            assert_eq!(successes.n_calls, 3);
            assert!(successes.n_found > 0, "{}", solver.name());
            assert!(successes.per_millisecond() > 0.0 && successes.share() <= 1.0);
        }
    }
}
