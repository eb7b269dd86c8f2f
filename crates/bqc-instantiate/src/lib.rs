//! Numerical instantiation: templates, targets, QFactor, QFactor-Sample, Levenberg-Marquardt, the CPU engine.

pub mod batch;
pub mod cx_template;
pub mod engine;
pub mod lm;
pub mod refine;

pub use batch::{StateBatch, sample_count};
pub use cx_template::{CxTemplate, Rotation, Slot};
pub use engine::{CpuEngine, Engine};
pub use lm::{LmOutcome, LmSettings, LmSolver};
pub use refine::{MakeCandidate, RefineProblem, Refined};
