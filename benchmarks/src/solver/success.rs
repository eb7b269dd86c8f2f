//! Successes per millisecond: what a method costs including all the calls that fail.
//!
//! Deletion: every CX of a block is taken out once, with each kind of rotation. Whole problems: templates
//! that are known to have a solution, from near it and from random values, by sweeps, by
//! Levenberg–Marquardt, and by sweeps that Levenberg–Marquardt finishes.

use super::attempts::Sample;
use super::iterations::shaken;
use super::random_template;
use crate::measure::timed;
use bqc_instantiate::schedule::Verdict;
use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, EngineError, Finish, LmSettings, LmSolver, Problem, Rotation, Sampling, Settings,
    Slot, Start, StateBatch, Target, Template, sample_count,
};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use bqc_optimize::IDENTITY_TOLERANCE;
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

/// How a whole problem is solved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Levenberg–Marquardt alone.
    Lm,
    /// Sweeps, finished by it.
    Hybrid(Sampling),
    /// Sweeps alone. They count as successful at BQSKit's tolerance, a phase distance of 1e-5, since
    /// they would take forever to an identity.
    Sweeps(Sampling),
}

impl Method {
    /// All of them.
    pub const ALL: [Method; 5] = [
        Method::Lm,
        Method::Hybrid(Sampling::Sampled),
        Method::Hybrid(Sampling::Exact),
        Method::Sweeps(Sampling::Sampled),
        Method::Sweeps(Sampling::Exact),
    ];

    /// Whether it is a method of its own on `n` wires: on three, sample states are all columns.
    pub fn differs_at(self, n: u8) -> bool {
        n > 3 || !matches!(self, Method::Hybrid(Sampling::Sampled) | Method::Sweeps(Sampling::Sampled))
    }

    /// For tables.
    pub fn name(self) -> &'static str {
        match self {
            Method::Lm => "LM",
            Method::Hybrid(Sampling::Sampled) => "QFactor-Sample then LM",
            Method::Hybrid(Sampling::Exact) => "QFactor then LM",
            Method::Sweeps(Sampling::Sampled) => "QFactor-Sample to 1e-5",
            Method::Sweeps(Sampling::Exact) => "QFactor to 1e-5",
        }
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

/// Sweeps a start may take: more would make the suite long and change no conclusion.
const MAX_SWEEPS: u32 = 4000;

/// Solves `n_problems` templates of `n_cx` CX from one start each.
pub fn whole(
    level: Level,
    n: u8,
    n_cx: usize,
    from: From,
    method: Method,
    n_problems: u64,
) -> Result<Successes, WholeError> {
    let mut successes = Successes::default();
    for key in 0..n_problems {
        let mut stream = Stream::new(key, n.into(), n_cx as u64);
        let solution = random_template(n, n_cx, &mut stream);
        let start = match from {
            From::Near => shaken(&solution, 0.1, &mut stream),
            From::Random => haar(&solution, &mut stream),
        };
        let (is_found, seconds) = match method {
            Method::Lm => {
                let mut candidate = start;
                let mut solver = LmSolver::new(level);
                let batches = Batches::of(&solution, &mut stream);
                timed(|| batches.solve(&mut solver, &mut candidate))
            }
            Method::Hybrid(sampling) => by_sweeps(level, &solution, &start, sampling, true, key)?,
            Method::Sweeps(sampling) => by_sweeps(level, &solution, &start, sampling, false, key)?,
        };
        successes.add(is_found, seconds);
    }
    Ok(successes)
}

/// Why a whole problem could not be set up.
pub type WholeError = Box<dyn std::error::Error>;

fn haar(template: &CxTemplate, stream: &mut Stream) -> CxTemplate {
    let mut random = template.clone();
    for slot in template.slots().collect::<Vec<Slot>>() {
        random.set(slot, stream.su2());
    }
    random
}

fn by_sweeps(
    level: Level,
    solution: &CxTemplate,
    start: &CxTemplate,
    sampling: Sampling,
    is_finished: bool,
    key: u64,
) -> Result<(bool, f64), WholeError> {
    let (template, solved) = Template::from_cx(solution)?;
    let (_, values) = Template::from_cx(start)?;
    let target = Target::from_template(&template, &solved)?;
    let mut settings = Settings { sampling, finish: is_finished.then(Finish::default), ..Settings::default() };
    settings.rules.max_sweeps = MAX_SWEEPS;
    if is_finished {
        settings.rules.cost_tol = IDENTITY_TOLERANCE * IDENTITY_TOLERANCE;
    }
    let starts = [Start::Warm(values)];
    let problem = Problem { template: &template, target: &target, starts: &starts, settings: &settings, seed: 0, key };
    let engine = CpuEngine::with_level(level);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (outcomes, seconds) = pool.install(|| timed(|| engine.instantiate(&[problem], &AtomicBool::new(false))));
    let outcome: Result<_, EngineError> = outcomes.into_iter().next().ok_or("one outcome a problem")?;
    Ok((outcome?.verdict == Verdict::Converged, seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_finds_what_is_near() {
        for method in Method::ALL {
            let successes = whole(Level::detect(), 3, 5, From::Near, method, 3).unwrap();
            assert_eq!(successes.n_calls, 3);
            assert!(successes.n_found > 0, "{}", method.name());
            assert!(successes.per_millisecond() > 0.0 && successes.share() <= 1.0);
        }
    }
}
