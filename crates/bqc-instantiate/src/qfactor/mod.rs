//! QFactor and QFactor-Sample: coordinate ascent over the free gates of a template.
//!
//! Every free gate in turn is replaced by the unitary that fits its environment best (Kukliansky,
//! Younis, Cincio, Iancu, arXiv:2306.08152), with the overlap taken over sample states instead of all
//! columns (Kukliansky et al., arXiv:2405.12866). Both are the same kernel: exact QFactor is the sample
//! set of all basis states. Convergence is linear, often over thousands of sweeps; what sweeps are
//! good at is entering the basin of a solution from a poor start.

pub mod course;
pub mod plan;
pub mod sweep;

pub use course::Course;
pub use sweep::{SweepSettings, Sweeper};

use crate::samples::SampleSet;
use bqc_schedule::{Rules, Verdict};

/// How sweeps prepare candidates for Levenberg–Marquardt: the same for all candidates of a target.
#[derive(Clone, Debug)]
pub struct Sweeps {
    /// What candidates are fitted to: at least one set. A candidate that is overtrained on one goes on with the next.
    pub sets: Vec<SampleSet>,
    /// When they end.
    pub rules: Rules,
    /// Whether Levenberg–Marquardt goes on from candidates that have not converged too.
    pub finishes_all: bool,
}

impl Sweeps {
    /// Whether Levenberg–Marquardt goes on from where sweeps have ended so.
    pub fn is_worth_finishing(&self, verdict: Verdict) -> bool {
        self.finishes_all && verdict != Verdict::Stopped || verdict == Verdict::Converged
    }
}
