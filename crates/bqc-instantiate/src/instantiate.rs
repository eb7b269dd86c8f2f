//! The verb of QFactor: given a template, a target and starts, the best values that sweeps find.
//!
//! What is here is said once and holds for all engines: problems, outcomes, errors, where starts begin
//! and how many states they are fitted to.

use crate::qfactor::SweepSettings;
use crate::schedule::{CostPoint, Rules, Verdict};
use crate::{LmSettings, Target, Template, TemplateError, Values, samples};
use bqc_linalg::Stream;

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
    /// Whether Levenberg–Marquardt finishes what sweeps begin.
    pub finish: Option<Finish>,
}

/// Attempts of Levenberg–Marquardt in between the sweeps of a start. A solution that it finds is an
/// identity to rounding; where it finds none, the sweeps go on from where they were.
#[derive(Clone, Debug, PartialEq)]
pub struct Finish {
    /// Sweeps before the first attempt. Measured: 20 to 30 bring a weak start into the basin of a
    /// solution, and a start that has not got there is worth another attempt some times later.
    pub first_after_sweeps: u32,
    /// Sweeps before the next attempt, as a multiple of those before the last one; at least 2.
    pub next_after_times: u32,
    /// The solver's settings.
    pub lm: LmSettings,
}

impl Default for Finish {
    fn default() -> Finish {
        Finish { first_after_sweeps: 24, next_after_times: 4, lm: LmSettings::default() }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            sampling: Sampling::Sampled,
            n_samples: None,
            rules: Rules::default(),
            sweeps: SweepSettings::default(),
            sweeps_per_round: 8,
            finish: None,
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
    /// Iterations of Levenberg–Marquardt.
    pub lm_iterations: usize,
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
