//! Circuits to compile, and suites that measure the compiler.
//!
//! [`generate`] builds the circuits of `circuits/`, [`manifest`] lists them, [`speed`] measures the
//! partitioner, [`solver`] the numerical kernels and the moves of the search, [`search`] and
//! [`mod@compile`] the program as a user runs it, [`gpu`] and `callers` the GPU engine beside the CPU engine,
//! [`mod@instantiate`] whole instantiations on either, [`mod@pool`] worker processes and journals, [`cluster`] what
//! dividing work over a shared folder costs. [`measure`], [`machine`] and [`record`] are how: CPU time, medians with
//! quartiles, what it was measured on, and where the figures go. Nothing of the compiler depends on this package.

pub mod binary;
#[cfg(target_os = "linux")]
pub mod callers;
pub mod cluster;
pub mod compile;
pub mod generate;
pub mod gpu;
pub mod instantiate;
pub mod list;
pub mod machine;
pub mod manifest;
pub mod measure;
#[cfg(target_os = "linux")]
pub mod pool;
pub mod record;
pub mod search;
pub mod solver;
pub mod speed;
