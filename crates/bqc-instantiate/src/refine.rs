//! The verb of the search: given many candidates for one target, the first that is an identity.
//!
//! Candidates are made from their index alone, so an engine may try one after the other and stop at
//! the first success (CPU) or thousands at once (GPU). Either way the lowest index that succeeds wins,
//! and the answer does not depend on timing.
//!
//! Which [`Solver`] fits a candidate is part of the problem: Levenberg–Marquardt alone, or after sweeps. What sweeps
//! have brought near a solution Levenberg–Marquardt takes to rounding error, so that thousands of accepted changes add
//! up to nothing; and whatever the solver says, the check states judge.

use crate::ops::{self, Fit};
use crate::qfactor::{Course, SweepSettings, Sweeper, Sweeps};
use crate::samples::{self, SampleSet, Sampler};
use crate::{CxTemplate, LmSettings, LmSolver, StateBatch, Target, Template};
use bqc_linalg::Stream;
use bqc_linalg::lanes::{AlignedBuffer, Level};
use bqc_schedule::{CostPoint, NO_VALIDATION, Rules, Verdict};
use std::sync::atomic::{AtomicBool, Ordering};

/// What fits a candidate to its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// Levenberg–Marquardt from the candidate's own values: quadratic, and quick to give up.
    #[default]
    Lm,
    /// QFactor: sweeps over all columns up to eight wires, above over random states (arXiv:2306.08152).
    /// Levenberg–Marquardt goes on from where they end, here and below.
    QFactor,
    /// QFactor-Sample: sweeps over random states (arXiv:2405.12866).
    QFactorSample,
    /// Some two dozen sweeps over random states, then Levenberg–Marquardt.
    Hybrid,
}

/// What candidates are measured against.
#[derive(Clone, Copy)]
pub struct RefineProblem<'a> {
    /// The states that Levenberg–Marquardt works on.
    pub batch: &'a StateBatch,
    /// The states that judge a success: all columns where that is affordable. Fewer rows than
    /// parameters fit anything, so this check is not optional.
    pub check: &'a StateBatch,
    /// The sweeps that come first, if there are any: see [`Solver::sweeps`].
    pub sweeps: Option<&'a Sweeps>,
    /// The settings of Levenberg–Marquardt.
    pub settings: &'a LmSettings,
    /// Largest phase distance on `check` that counts as the same unitary.
    pub tolerance: f64,
}

/// Writes candidate `index` into a template (whose old content is to be overwritten).
pub type MakeCandidate<'a> = dyn Fn(usize, &mut CxTemplate) + Sync + 'a;

/// The first success, and what it cost.
#[derive(Clone, Debug, Default)]
pub struct Refined {
    /// Index and refined template of the first candidate that is an identity.
    pub winner: Option<(usize, CxTemplate)>,
    /// Candidates that were solved: all up to the winner.
    pub n_tried: usize,
    /// Iterations of Levenberg–Marquardt in all of them.
    pub n_iterations: usize,
    /// Sweeps in all of them.
    pub n_sweeps: usize,
    /// Candidates that fitted the samples but not the check.
    pub n_overfit: usize,
}

impl Solver {
    /// All of them.
    pub const ALL: [Solver; 4] = [Solver::Lm, Solver::QFactor, Solver::QFactorSample, Solver::Hybrid];

    /// As it is typed and reported.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// One line of help.
    pub fn help(self) -> &'static str {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static str) {
        match self {
            Solver::Lm => ("lm", "Levenberg-Marquardt on sampled residuals"),
            Solver::QFactor => ("qfactor", "QFactor: sweeps over all columns, on more than 8 wires over random states"),
            Solver::QFactorSample => ("qfactor-sample", "QFactor-Sample: sweeps over random states"),
            Solver::Hybrid => ("hybrid", "Some two dozen sweeps over random states, then Levenberg-Marquardt"),
        }
    }

    /// The solver of that name.
    pub fn from_name(name: &str) -> Option<Solver> {
        Solver::ALL.into_iter().find(|solver| solver.name() == name)
    }

    /// Its place in [`Solver::ALL`], which names it in the bytes of a unit and never changes: a new one goes last.
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The solver of that code.
    pub fn from_code(code: u8) -> Option<Solver> {
        Solver::ALL.get(usize::from(code)).copied()
    }

    /// The sweeps of this solver before Levenberg–Marquardt; none for that alone, which draws nothing.
    ///
    /// * `batch`: the states of Levenberg–Marquardt, which those of the hybrid are as well.
    /// * `n_matrix_reals`, `n_parameters`: of a template that is fitted to the target: 8 and 3 for each free slot, less
    ///   what neighbours share.
    ///
    /// Cost: that of `target` on the states of all sets, of which a target wider than six wires has one.
    pub fn sweeps(
        self,
        target: &Target,
        batch: &StateBatch,
        n_matrix_reals: u32,
        n_parameters: u32,
        stream: &mut Stream,
    ) -> Option<Sweeps> {
        let (level, width) = (Level::detect(), target.width());
        let (sets, rules) = match self {
            Solver::Lm => return None,
            Solver::QFactor if width <= MAX_EXACT_WIDTH => {
                (vec![SampleSet { training: samples::exact(level, target), validation: None }], Rules::default())
            }
            Solver::QFactor | Solver::QFactorSample => {
                let mut sampler = Sampler::new(width, stream.bits(), 0);
                (sampler.sets(level, target, n_matrix_reals, n_parameters), Rules::default())
            }
            Solver::Hybrid => {
                let rules = Rules { max_sweeps: HYBRID_SWEEPS, min_sweeps: HYBRID_SWEEPS, ..Rules::default() };
                (vec![SampleSet { training: batch.clone(), validation: None }], rules)
            }
        };
        Some(Sweeps { sets, rules })
    }
}

/// Sweeps of the hybrid before Levenberg–Marquardt. Measured: 20 to 30 bring a weak start into the
/// basin of a solution.
const HYBRID_SWEEPS: u32 = 24;

/// Widest blocks of which QFactor takes all columns. Each step of a sweep leaves `4^n` numbers behind: 1 MiB at this
/// width, 256 MiB at twelve wires.
const MAX_EXACT_WIDTH: u8 = 8;

/// What refines candidates on one core, with its memory. Make one per thread and keep it.
pub struct Refiner {
    lm: LmSolver,
    level: Level,
    /// None until the first sweep.
    sweeper: Option<Sweeper>,
    course: Course,
    /// None while it is worked on.
    candidate: Option<CxTemplate>,
}

impl Refiner {
    /// A refiner for this CPU level.
    pub fn new(level: Level) -> Refiner {
        Refiner { lm: LmSolver::new(level), level, sweeper: None, course: Course::default(), candidate: None }
    }

    /// Tries candidates `0..count` in order.
    pub fn refine_in_order(
        &mut self,
        problem: &RefineProblem<'_>,
        count: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Refined {
        let mut refined = Refined::default();
        let mut candidate = self.candidate.take().unwrap_or_else(|| CxTemplate::new(2));
        for index in 0..count {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            make(index, &mut candidate);
            refined.n_tried += 1;
            if self.fit(problem, &mut candidate, &mut refined, stop) {
                if self.lm.distance(problem.check, &candidate) <= problem.tolerance {
                    refined.winner = Some((index, candidate.clone()));
                    break;
                }
                refined.n_overfit += 1;
            }
        }
        self.candidate = Some(candidate);
        refined
    }

    /// Fits one candidate to the batch; returns whether it is an identity on it.
    fn fit(
        &mut self,
        problem: &RefineProblem<'_>,
        candidate: &mut CxTemplate,
        refined: &mut Refined,
        stop: &AtomicBool,
    ) -> bool {
        if let Some(sweeps) = problem.sweeps {
            let verdict = self.sweep(sweeps, candidate, stop);
            refined.n_sweeps += self.course.n_sweeps() as usize;
            if !Sweeps::is_worth_finishing(verdict) {
                return false;
            }
        }
        let outcome = self.lm.solve(problem.batch, candidate, problem.settings, stop);
        refined.n_iterations += outcome.iterations;
        outcome.found
    }

    /// Sweeps over the free slots of a candidate until the rules end it.
    fn sweep(&mut self, sweeps: &Sweeps, candidate: &mut CxTemplate, stop: &AtomicBool) -> Verdict {
        let Refiner { course, level, .. } = self;
        course.restart();
        let Ok((template, values)) = Template::from_cx(candidate) else { return Verdict::Stopped };
        let first = &sweeps.sets[0].training;
        let sweeper = match &mut self.sweeper {
            Some(sweeper) => {
                sweeper.begin(&template, &values, first);
                sweeper
            }
            None => self.sweeper.insert(Sweeper::new(*level, &template, &values, first)),
        };
        let settings = SweepSettings { beta: sweeps.rules.beta };
        let mut on_set = course.set_index();
        while course.verdict() == Verdict::Continue {
            let set = &sweeps.sets[course.set_index()];
            if course.set_index() != on_set {
                on_set = course.set_index();
                sweeper.restart_on(&set.training);
            } else if !course.points().is_empty() {
                if stop.load(Ordering::Relaxed) {
                    course.stop();
                    break;
                }
                for _ in 0..sweeps.rules.sweeps_per_point {
                    sweeper.sweep(&set.training, &settings);
                }
            }
            let validation = validate(*level, &template, set, sweeper);
            let verdict = course.record(sweeps, CostPoint { training: sweeper.cost(), validation });
            if verdict == Verdict::Continue && values.0.is_empty() {
                // Nothing can change.
                return Verdict::Plateau;
            }
        }
        candidate.set_free_values(&sweeper.values());
        course.verdict()
    }
}

/// The cost on the validation states, if the set has any.
fn validate(level: Level, template: &Template, set: &SampleSet, sweeper: &Sweeper) -> f64 {
    let Some(v) = &set.validation else { return NO_VALIDATION };
    let mut states = AlignedBuffer::zeroed(v.inputs().len());
    states.copy_from_slice(v.inputs());
    ops::push(level, v.n(), &template.ops(&sweeper.values()), &mut states);
    let Fit { cost, .. } = ops::fit(level, v.n_samples(), v.outputs(), &states);
    cost
}
