//! Numerical instantiation: the values of a template's free gates that make it do what a target does.
//!
//! A *template* is a circuit of one block whose free gates have no value yet. A *target* says what the block must do,
//! as a map from states to states, so that `M` samples of `2^n` numbers suffice and no `4^n` matrix is needed. One verb
//! serves deletion and search, whatever the solver: [`Engine::refine`] takes many candidates (a template with values
//! each) for one target and returns the first that is an identity, by Levenberg–Marquardt, or by the sweeps of QFactor
//! or QFactor-Sample and Levenberg–Marquardt after them. [`Engine::descend`] is the verb of growth, where failures go on.
//! An [`Engine`] does the arithmetic, on the CPU here and on GPUs in `bqc-cuda`; when to stop, to take more samples or
//! to give up is decided by pure functions that all engines share. Nothing here is trusted: what an engine returns is
//! measured again by a verifier that uses no code of this crate.
//!
//! # Where to begin
//!
//! [`refine`] holds problems, solvers and results, [`engine`] the trait and the CPU engine.
//!
//! | part | modules |
//! |---|---|
//! | templates and their values | [`template`] (any gates), [`cx_template`] (CX and a free gate in every gap), [`cx_form`](mod@cx_form) (from one to the other), [`ops`] (gates with values) |
//! | what a template is fitted to | [`target`], [`samples`] (states that it is known by), [`batch`] (pairs of states side by side) |
//! | solvers | [`lm`] (Levenberg–Marquardt), [`qfactor`] (sweeps and their course) |
//! | policy | [`schedule`] (stopping rules and sample counts, pure functions of the costs) |
//! | what engines are held to | [`conformance`] (cases that each must pass), [`reference`](mod@reference) (plain QFactor) |
//!
//! The arithmetic below, vectors and matrices, is `bqc-linalg`.

pub mod batch;
pub mod conformance;
pub mod cx_form;
pub mod cx_template;
pub mod engine;
pub mod lm;
pub mod ops;
pub mod qfactor;
pub mod reference;
pub mod refine;
pub mod samples;
pub mod target;
pub mod template;

pub use batch::{StateBatch, sample_count};
pub use bqc_schedule as schedule;
pub use cx_template::{CxTemplate, Rotation, Slot};
pub use engine::{CpuEngine, Engine};
pub use lm::{LmOutcome, LmSettings, LmSolver};
pub use qfactor::Sweeps;
pub use refine::{MakeCandidate, RefineProblem, Refined, Refiner, Solver};
pub use target::Target;
pub use template::{FreeValue, Template, TemplateError, TemplateGate, Values};
