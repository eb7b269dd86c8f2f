//! QFactor and QFactor-Sample: coordinate ascent over the free gates of a template.
//!
//! Every free gate in turn is replaced by the unitary that fits its environment best (Kukliansky,
//! Younis, Cincio, Iancu, arXiv:2306.08152), with the overlap taken over sample states instead of all
//! columns (Kukliansky et al., arXiv:2405.12866). Both are the same kernel: exact QFactor is the sample
//! set of all basis states. Convergence is linear, often over thousands of sweeps; what sweeps are
//! good at is entering the basin of a solution from a poor start.

pub mod course;
pub mod plan;
pub(crate) mod run;
pub mod sweep;

pub use sweep::{SweepSettings, Sweeper};
