//! Numerical instantiation: templates, targets, QFactor, QFactor-Sample, Levenberg-Marquardt, the CPU engine.

pub mod batch;
pub mod conformance;
pub mod cx_form;
pub mod cx_template;
pub mod engine;
pub mod instantiate;
pub mod lm;
pub mod ops;
pub mod qfactor;
pub mod reference;
pub mod refine;
pub mod samples;
pub mod schedule;
pub mod target;
pub mod template;

pub use batch::{StateBatch, sample_count};
pub use cx_template::{CxTemplate, Rotation, Slot};
pub use engine::{CpuEngine, Engine};
pub use instantiate::{EngineError, Finish, Outcome, Problem, ProblemError, Sampling, Settings, Start, StartReport};
pub use lm::{LmOutcome, LmSettings, LmSolver};
pub use refine::{MakeCandidate, RefineProblem, Refined, Refiner, Solver};
pub use target::Target;
pub use template::{FreeValue, Template, TemplateError, TemplateGate, Values};
