//! The verb of QFactor: given a template, a target and starts, the best values that sweeps find.
//!
//! A problem runs in rounds: every start that is still going makes some sweeps, then all are judged in
//! order by [`Rules::judge`]. The first start (by index, within a round) that converges and passes the
//! full check of all columns ends the problem. So the answer depends on neither threads nor timing.

use crate::ops::Fit;
use crate::qfactor::{SweepSettings, Sweeper};
use crate::samples::{self, N_VALIDATION, SampleSet, Sampler};
use crate::schedule::{CONVERGED_SLACK, CostPoint, Rules, Verdict};
use crate::{Target, Template, TemplateError, Values, ops};
use bqc_linalg::Stream;
use bqc_linalg::lanes::Level;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Purpose of the random stream of start 0; start `i` has the purpose `START_STREAM + i`.
const START_STREAM: u64 = 0x5354_4152_5400_0000;

/// Where a start begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Start {
    /// At these values.
    Warm(Values),
    /// At values from the Haar measure, different for every start.
    Random,
}

/// Which states a start is fitted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sampling {
    /// Random states, more of them when they are fitted better than the unitary: QFactor-Sample.
    #[default]
    Sampled,
    /// All basis states: QFactor.
    Exact,
}

/// How a problem is solved.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Which states are fitted.
    pub sampling: Sampling,
    /// Training states to begin with; none means [`samples::initial_count`]. Without effect when exact.
    pub n_samples: Option<usize>,
    /// When to stop.
    pub rules: Rules,
    /// How gates are updated.
    pub sweeps: SweepSettings,
    /// Sweeps between two judgements, at least 1. Each costs one pass of the validation states.
    pub sweeps_per_round: u32,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sampling: Sampling::Sampled,
            n_samples: None,
            rules: Rules::default(),
            sweeps: SweepSettings::default(),
            sweeps_per_round: 8,
        }
    }
}

/// A template to be fitted to a target.
#[derive(Clone, Debug)]
pub struct Problem<'a> {
    /// What may be changed.
    pub template: &'a Template,
    /// What it should do.
    pub target: &'a Target,
    /// Where to begin; at least one.
    pub starts: &'a [Start],
    /// How.
    pub settings: &'a Settings,
    /// The user's seed.
    pub seed: u64,
    /// Names the problem among all of a run: random numbers are derived from `(seed, key)`.
    pub key: u64,
}

/// What became of one start.
#[derive(Clone, Debug, PartialEq)]
pub struct StartReport {
    /// Why it ended; [`Verdict::Continue`] if another start ended the problem.
    pub verdict: Verdict,
    /// Sweeps made.
    pub sweeps: u32,
    /// Training states at the end.
    pub n_samples: usize,
    /// Costs, the start's own first. Where the sample set was changed, two points have the same number
    /// of sweeps.
    pub history: Vec<CostPoint>,
}

/// The best that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Values of the template's free gates.
    pub values: Values,
    /// Phase distance between template and target over all columns, whatever was trained on.
    pub distance: f64,
    /// Which start the values come from.
    pub best_start: usize,
    /// [`Verdict::Converged`] only if the full check confirms it.
    pub verdict: Verdict,
    /// One report a start.
    pub starts: Vec<StartReport>,
}

/// What is wrong with a problem.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProblemError {
    /// Template and target are not on the same wires.
    #[error("the template has {template} wires and the target {target}")]
    WidthsDiffer {
        /// Wires of the template.
        template: u8,
        /// Wires of the target.
        target: u8,
    },
    /// Nowhere to begin.
    #[error("a problem needs at least one start")]
    NoStarts,
    /// A warm start with values of another template, or not unitary.
    #[error("start {start}: {source}")]
    Start {
        /// Which of the starts.
        start: usize,
        /// What is wrong with it.
        source: TemplateError,
    },
}

/// A problem could not be solved. The block is unharmed and can be tried elsewhere.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum EngineError {
    /// Correct the problem.
    #[error(transparent)]
    Invalid(#[from] ProblemError),
    /// Ask for fewer starts or samples.
    #[error(
        "{device}: out of memory: {n_starts} starts of {width} qubits with {n_samples} samples need {needed_bytes} bytes, \
         {free_bytes} are free"
    )]
    OutOfMemory {
        /// The engine.
        device: String,
        /// Starts asked for.
        n_starts: usize,
        /// Wires of the template.
        width: u8,
        /// Training states.
        n_samples: usize,
        /// Bytes that they need.
        needed_bytes: u64,
        /// Bytes that there are.
        free_bytes: u64,
    },
    /// A fault the driver does not recover from. Restart this worker process.
    #[error("{device}: `{kernel}` faulted and the device context is lost")]
    ContextLost {
        /// The engine.
        device: String,
        /// What was running.
        kernel: &'static str,
    },
}

/// Whether a problem can be worked on at all; every engine asks this first.
pub fn check(problem: &Problem<'_>) -> Result<(), ProblemError> {
    let (template, target) = (problem.template.width(), problem.target.width());
    if template != target {
        return Err(ProblemError::WidthsDiffer { template, target });
    }
    if problem.starts.is_empty() {
        return Err(ProblemError::NoStarts);
    }
    for (start, s) in problem.starts.iter().enumerate() {
        if let Start::Warm(values) = s {
            problem.template.check_values(values).map_err(|source| ProblemError::Start { start, source })?;
        }
    }
    Ok(())
}

/// The values that start `index` begins at; every engine begins at these.
pub fn start_values(problem: &Problem<'_>, index: usize) -> Values {
    match &problem.starts[index] {
        Start::Warm(values) => values.clone(),
        Start::Random => {
            let purpose = START_STREAM.wrapping_add(index as u64);
            problem.template.random_values(&mut Stream::new(problem.seed, problem.key, purpose))
        }
    }
}

/// Training states that a problem begins with; every engine begins with as many.
pub fn first_count(problem: &Problem<'_>) -> usize {
    let width = problem.template.width();
    match problem.settings.sampling {
        Sampling::Exact => 1 << width,
        Sampling::Sampled => {
            let wish = problem.settings.n_samples.unwrap_or_else(|| samples::initial_count(problem.template));
            samples::feasible_count(width, wish.max(1))
        }
    }
}

/// Solves one problem on the caller's thread pool.
pub(crate) fn solve(
    level: Level,
    device: &str,
    memory_limit_bytes: u64,
    problem: &Problem<'_>,
    stop: &AtomicBool,
) -> Result<Outcome, EngineError> {
    check(problem)?;
    if problem.template.n_free() == 0 {
        return Ok(without_freedom(level, problem));
    }
    let n_samples = first_count(problem);
    let needed_bytes = needed_bytes(problem, n_samples);
    if needed_bytes > memory_limit_bytes {
        let (n_starts, width) = (problem.starts.len(), problem.template.width());
        let (device, free_bytes) = (device.to_string(), memory_limit_bytes);
        return Err(EngineError::OutOfMemory { device, n_starts, width, n_samples, needed_bytes, free_bytes });
    }
    Ok(Run::new(level, memory_limit_bytes, problem, n_samples).run(stop))
}

/// Bytes of all states of a problem with this many training states.
fn needed_bytes(problem: &Problem<'_>, n_samples: usize) -> u64 {
    let batches = problem.starts.len() * Sweeper::n_batches(problem.template) + 2;
    samples::batch_bytes(problem.template.width(), n_samples).saturating_mul(batches as u64)
}

/// A template without free gates has one value, and either fits or not.
fn without_freedom(level: Level, problem: &Problem<'_>) -> Outcome {
    let values = Values::default();
    let distance = problem.target.phase_distance(level, &problem.template.ops(&values));
    let cost = distance * distance;
    let verdict = if cost <= problem.settings.rules.cost_tol { Verdict::Converged } else { Verdict::Plateau };
    let history = vec![CostPoint { sweeps: 0, training: cost, validation: None }];
    let report = StartReport { verdict, sweeps: 0, n_samples: 1 << problem.template.width(), history };
    Outcome { values, distance, best_start: 0, verdict, starts: vec![report; problem.starts.len()] }
}

struct Run<'a> {
    level: Level,
    memory_limit_bytes: u64,
    problem: &'a Problem<'a>,
    sampler: Sampler,
    /// Each twice as large as the one before, drawn when the first start needs it.
    sets: Vec<SampleSet>,
    starts: Vec<Running>,
}

struct Running {
    sweeper: Sweeper,
    /// Which of the sample sets it is fitted to, and which the sweeper was last begun on.
    set: usize,
    set_of_sweeper: usize,
    sweeps: u32,
    history: Vec<CostPoint>,
    /// Where in the history the present sample set begins.
    segment: usize,
    verdict: Verdict,
}

impl<'a> Run<'a> {
    fn new(level: Level, memory_limit_bytes: u64, problem: &'a Problem<'a>, n_samples: usize) -> Run<'a> {
        let mut sampler = Sampler::new(problem.template.width(), problem.seed, problem.key);
        let set = sampler.draw(level, problem.target, n_samples);
        let starts = (0..problem.starts.len())
            .into_par_iter()
            .map(|index| {
                let sweeper = Sweeper::new(level, problem.template, &start_values(problem, index), &set.training);
                let mut running = Running {
                    sweeper,
                    set: 0,
                    set_of_sweeper: 0,
                    sweeps: 0,
                    history: Vec::new(),
                    segment: 0,
                    verdict: Verdict::Continue,
                };
                running.record(level, problem, &set);
                running
            })
            .collect();
        Run { level, memory_limit_bytes, problem, sampler, sets: vec![set], starts }
    }

    fn run(mut self, stop: &AtomicBool) -> Outcome {
        loop {
            for index in 0..self.starts.len() {
                if self.starts[index].verdict != Verdict::Continue {
                    continue;
                }
                self.starts[index].verdict =
                    if stop.load(Ordering::Relaxed) { Verdict::Stopped } else { self.judge(index) };
                if self.starts[index].verdict == Verdict::Converged {
                    return self.finish(Some(index));
                }
            }
            if self.starts.iter().all(|s| s.verdict != Verdict::Continue) {
                return self.finish(None);
            }
            let (level, problem, sets) = (self.level, self.problem, &self.sets);
            let going = self.starts.par_iter_mut().filter(|s| s.verdict == Verdict::Continue);
            going.for_each(|s| s.advance(level, problem, &sets[s.set], stop));
        }
    }

    /// The rules' verdict, with the full check behind a convergence and growth behind overtraining.
    fn judge(&mut self, index: usize) -> Verdict {
        let start = &self.starts[index];
        let rules = &self.problem.settings.rules;
        let verdict = rules.judge(&start.history[start.segment..], N_VALIDATION);
        let exact = self.sets[start.set].is_exact();
        match verdict {
            Verdict::Converged if !exact => {
                let distance = self.distance(index);
                if distance * distance <= CONVERGED_SLACK * rules.cost_tol { verdict } else { self.grow(index) }
            }
            Verdict::Overtrained => self.grow(index),
            other => other,
        }
    }

    /// Gives a start twice the samples, or says why not.
    fn grow(&mut self, index: usize) -> Verdict {
        let set = self.starts[index].set;
        if self.sets[set].is_exact() {
            // A basis cannot be overtrained; that it was judged so would be a fault of the rules.
            return Verdict::Overtrained;
        }
        if set + 1 == self.sets.len() {
            let wish = 2 * self.sets[set].training.n_samples();
            let n_samples = samples::feasible_count(self.problem.template.width(), wish);
            if needed_bytes(self.problem, n_samples) > self.memory_limit_bytes {
                return Verdict::Overtrained;
            }
            self.sets.push(self.sampler.draw(self.level, self.problem.target, n_samples));
        }
        self.starts[index].set += 1;
        Verdict::Continue
    }

    fn distance(&self, index: usize) -> f64 {
        let ops = self.problem.template.ops(&self.starts[index].sweeper.values());
        self.problem.target.phase_distance(self.level, &ops)
    }

    /// The outcome: the start that converged, or the one with the lowest cost on what it has not
    /// been trained on.
    fn finish(self, converged: Option<usize>) -> Outcome {
        let cost = |s: &Running| {
            let last = s.history[s.history.len() - 1];
            let worst = last.training.max(last.validation.unwrap_or(0.0));
            if worst.is_nan() { f64::INFINITY } else { worst }
        };
        let by_cost = |a: &usize, b: &usize| cost(&self.starts[*a]).total_cmp(&cost(&self.starts[*b]));
        let lowest = (0..self.starts.len()).min_by(by_cost).unwrap_or(0);
        let best_start = converged.unwrap_or(lowest);
        let distance = self.distance(best_start);
        let values = self.starts[best_start].sweeper.values();
        let verdict = self.starts[best_start].verdict;
        let report = |s: Running| StartReport {
            verdict: s.verdict,
            sweeps: s.sweeps,
            n_samples: self.sets[s.set_of_sweeper].training.n_samples(),
            history: s.history,
        };
        Outcome { values, distance, best_start, verdict, starts: self.starts.into_iter().map(report).collect() }
    }
}

impl Running {
    /// One round: begins on the new samples if they have changed, or makes some sweeps.
    fn advance(&mut self, level: Level, problem: &Problem<'_>, set: &SampleSet, stop: &AtomicBool) {
        if self.set != self.set_of_sweeper {
            self.sweeper.restart_on(&set.training);
            self.set_of_sweeper = self.set;
            self.segment = self.history.len();
        } else {
            for _ in 0..problem.settings.sweeps_per_round.max(1) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                self.sweeper.sweep(&set.training, &problem.settings.sweeps);
                self.sweeps += 1;
            }
        }
        self.record(level, problem, set);
    }

    fn record(&mut self, level: Level, problem: &Problem<'_>, set: &SampleSet) {
        let validation = set.validation.as_ref().map(|v| {
            let mut states = bqc_linalg::lanes::AlignedBuffer::zeroed(v.inputs().len());
            states.copy_from_slice(v.inputs());
            ops::push(level, v.n(), &problem.template.ops(&self.sweeper.values()), &mut states);
            let Fit { cost, .. } = ops::fit(level, v.n_samples(), v.outputs(), &states);
            cost
        });
        self.history.push(CostPoint { sweeps: self.sweeps, training: self.sweeper.cost(), validation });
    }
}
