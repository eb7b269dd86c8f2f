//! The verb of the search: given many candidates for one target, the first that is an identity.
//!
//! Candidates are made from their index alone, so an engine may try one after the other and stop at
//! the first success (CPU) or thousands at once (GPU). Either way the lowest index that succeeds wins,
//! and the answer does not depend on timing.

use crate::{CxTemplate, LmSettings, LmSolver, StateBatch};
use std::sync::atomic::{AtomicBool, Ordering};

/// What candidates are measured against.
#[derive(Clone, Copy)]
pub struct RefineProblem<'a> {
    /// The states that the solver works on.
    pub batch: &'a StateBatch,
    /// The states that judge a success: all columns where that is affordable. Fewer rows than
    /// parameters fit anything, so this check is not optional.
    pub check: &'a StateBatch,
    /// The solver's settings.
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
    /// Iterations in all of them.
    pub n_iterations: usize,
    /// Candidates that fitted the samples but not the check.
    pub n_overfit: usize,
}

/// Tries candidates `0..count` in order on one core.
pub fn refine_in_order(
    solver: &mut LmSolver,
    problem: &RefineProblem<'_>,
    count: usize,
    make: &MakeCandidate<'_>,
    stop: &AtomicBool,
) -> Refined {
    let mut refined = Refined::default();
    let mut candidate = CxTemplate::new(problem.batch.n() as u8);
    for index in 0..count {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        make(index, &mut candidate);
        let outcome = solver.solve(problem.batch, &mut candidate, problem.settings, stop);
        refined.n_tried += 1;
        refined.n_iterations += outcome.iterations;
        if outcome.found {
            if solver.distance(problem.check, &candidate) <= problem.tolerance {
                refined.winner = Some((index, candidate));
                break;
            }
            refined.n_overfit += 1;
        }
    }
    refined
}
