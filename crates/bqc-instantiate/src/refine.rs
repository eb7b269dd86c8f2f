//! The verb of the search: given many candidates for one target, the first that is an identity.
//!
//! Candidates are made from their index alone, so an engine may try one after the other and stop at
//! the first success (CPU) or thousands at once (GPU). Either way the lowest index that succeeds wins,
//! and the answer does not depend on timing.
//!
//! Which [`Solver`] fits a candidate is part of the problem. What sweeps have brought near a solution
//! Levenberg–Marquardt takes to rounding error, so that thousands of accepted changes add up to
//! nothing; and whatever the solver says, the check states judge.

use crate::qfactor::{SweepSettings, Sweeper};
use crate::schedule::{CostPoint, Rules, Verdict};
use crate::{CxTemplate, LmSettings, LmSolver, StateBatch, Template, sample_count};
use bqc_linalg::lanes::{LANES, Level};
use std::sync::atomic::{AtomicBool, Ordering};

/// What fits a candidate to its target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Solver {
    /// Levenberg–Marquardt from the candidate's own values: quadratic, and quick to give up.
    #[default]
    Lm,
    /// QFactor: sweeps over all columns (arXiv:2306.08152).
    QFactor,
    /// QFactor-Sample: sweeps over random states (arXiv:2405.12866).
    QFactorSample,
    /// Some two dozen sweeps over random states, then Levenberg–Marquardt.
    Hybrid,
}

/// What candidates are measured against.
#[derive(Clone, Copy)]
pub struct RefineProblem<'a> {
    /// The states that the solver works on.
    pub batch: &'a StateBatch,
    /// The states that judge a success: all columns where that is affordable. Fewer rows than
    /// parameters fit anything, so this check is not optional.
    pub check: &'a StateBatch,
    /// What fits them. How many states it wants in `batch` says [`Solver::sample_count`].
    pub solver: Solver,
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
            Solver::QFactor => ("qfactor", "QFactor: sweeps over all columns"),
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

    /// How many states this solver works on, for `n` wires and a template with `n_parameters`: all
    /// `2^n` columns, or fewer random ones.
    pub fn sample_count(self, n: usize, n_parameters: usize) -> usize {
        let needed = sample_count(n, n_parameters);
        match self {
            Solver::Lm | Solver::Hybrid => needed,
            Solver::QFactor => 1 << n,
            // Sweeps take states in whole groups, and are the better for more of them.
            Solver::QFactorSample => needed.next_multiple_of(LANES).min(1 << n),
        }
    }
}

/// Sweeps of the hybrid before Levenberg–Marquardt. Measured: 20 to 30 bring a weak start into the
/// basin of a solution.
const HYBRID_SWEEPS: u32 = 24;

/// Sweeps between two judgements: some thousandths of what a success takes.
const SWEEPS_PER_ROUND: u32 = 8;

/// When the sweeps of a candidate end. Successes take some hundred to two thousand sweeps and gain a
/// factor of two or more in each hundred; what gains less than a tenth in a hundred is stuck. Success
/// is a phase distance of 1e-5, from where Levenberg–Marquardt needs two or three steps to rounding error.
fn sweep_rules() -> Rules {
    Rules { cost_tol: 1e-10, max_sweeps: 4000, plateau_sweeps: 100, plateau_ratio: 0.9, ..Rules::default() }
}

/// What refines candidates on one core, with its memory. Make one per thread and keep it.
pub struct Refiner {
    lm: LmSolver,
    level: Level,
    /// None until the first sweep.
    sweeper: Option<Sweeper>,
    history: Vec<CostPoint>,
    /// None while it is worked on.
    candidate: Option<CxTemplate>,
}

impl Refiner {
    /// A refiner for this CPU level.
    pub fn new(level: Level) -> Refiner {
        Refiner { lm: LmSolver::new(level), level, sweeper: None, history: Vec::new(), candidate: None }
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
        let is_worth_finishing = match problem.solver {
            Solver::Lm => true,
            Solver::Hybrid => {
                let rules = Rules { max_sweeps: HYBRID_SWEEPS, min_sweeps: HYBRID_SWEEPS, ..sweep_rules() };
                self.sweep(problem.batch, candidate, &rules, &mut refined.n_sweeps, stop);
                true
            }
            Solver::QFactor | Solver::QFactorSample => {
                let verdict = self.sweep(problem.batch, candidate, &sweep_rules(), &mut refined.n_sweeps, stop);
                verdict == Verdict::Converged
            }
        };
        if !is_worth_finishing {
            return false;
        }
        let outcome = self.lm.solve(problem.batch, candidate, problem.settings, stop);
        refined.n_iterations += outcome.iterations;
        outcome.found
    }

    /// Sweeps over the free slots of a candidate until the rules end it.
    fn sweep(
        &mut self,
        batch: &StateBatch,
        candidate: &mut CxTemplate,
        rules: &Rules,
        n_sweeps: &mut usize,
        stop: &AtomicBool,
    ) -> Verdict {
        let Ok((template, values)) = Template::from_cx(candidate) else { return Verdict::Stopped };
        match &mut self.sweeper {
            Some(sweeper) => sweeper.begin(&template, &values, batch),
            None => self.sweeper = Some(Sweeper::new(self.level, &template, &values, batch)),
        }
        let Some(sweeper) = &mut self.sweeper else { return Verdict::Stopped };
        self.history.clear();
        let mut sweeps = 0;
        let verdict = loop {
            self.history.push(CostPoint { sweeps, training: sweeper.cost(), validation: None });
            let verdict = rules.judge(&self.history, 0);
            if verdict != Verdict::Continue {
                break verdict;
            }
            if values.0.is_empty() {
                break Verdict::Plateau;
            }
            if stop.load(Ordering::Relaxed) {
                break Verdict::Stopped;
            }
            for _ in 0..SWEEPS_PER_ROUND {
                sweeper.sweep(batch, &SweepSettings::default());
            }
            sweeps += SWEEPS_PER_ROUND;
        };
        *n_sweeps += sweeps as usize;
        candidate.set_free_values(&sweeper.values());
        verdict
    }
}
