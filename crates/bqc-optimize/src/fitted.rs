//! How a block's changes are fitted: the states that it is known by, and the solver's sweeps over them.

use bqc_instantiate::{CxTemplate, LmSettings, RefineProblem, Solver, StateBatch, Sweeps, Target, sample_count};
use bqc_linalg::Stream;

/// How a change is fitted, and how near it has to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// What fits candidates.
    pub solver: Solver,
    /// Largest phase distance of a change that is kept.
    pub tolerance: f64,
}

/// Up to this width a success is checked on all `2^n` columns, above on [`VALIDATION_STATES`] fresh
/// random states: `4^n` amplitudes no longer fit. The block's verifier sees all columns in any case.
const EXACT_CHECK_WIDTH: usize = 8;
/// See [`EXACT_CHECK_WIDTH`].
const VALIDATION_STATES: usize = 16;

/// The states of one block, the same for all its candidates: what the solver works on, and what judges.
pub struct Fitted {
    /// None: all columns, which `check` holds.
    batch: Option<StateBatch>,
    check: StateBatch,
    /// None for Levenberg–Marquardt alone.
    sweeps: Option<Sweeps>,
    tolerance: f64,
}

impl Fitted {
    /// Of a block, for changes with so many parameters. What Levenberg–Marquardt needs is drawn first, so that it
    /// draws the same alone.
    pub fn new(block: &CxTemplate, n_parameters: usize, fit: Fit, stream: &mut Stream) -> Fitted {
        let n = block.n();
        let check = if n <= EXACT_CHECK_WIDTH {
            StateBatch::exact(block)
        } else {
            StateBatch::sampled(block, VALIDATION_STATES, stream)
        };
        let n_samples = sample_count(n, n_parameters);
        let batch = match n_samples >= 1 << n {
            false => Some(StateBatch::sampled(block, n_samples, stream)),
            true if check.is_exact() => None,
            true => Some(StateBatch::exact(block)),
        };
        let n_matrix_reals = 8 * (n + 2 * block.n_cx()) as u32;
        let states = batch.as_ref().unwrap_or(&check);
        // What is too wide for sweeps is left to Levenberg–Marquardt.
        let sweeps = Target::from_cx(block)
            .ok()
            .and_then(|target| fit.solver.sweeps(&target, states, n_matrix_reals, n_parameters as u32, stream));
        Fitted { batch, check, sweeps, tolerance: fit.tolerance }
    }

    /// What candidates are measured against, with these settings of Levenberg–Marquardt.
    pub fn problem<'a>(&'a self, settings: &'a LmSettings) -> RefineProblem<'a> {
        let Fitted { batch, check, sweeps, tolerance } = self;
        let batch = batch.as_ref().unwrap_or(check);
        RefineProblem { batch, check, sweeps: sweeps.as_ref(), settings, tolerance: *tolerance }
    }
}
