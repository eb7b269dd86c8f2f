//! Circuits to compile, and how fast parts of the compiler are.
//!
//! [`generate`] builds the circuits of `circuits/`, [`manifest`] lists them, [`speed`] measures the
//! partitioner. Nothing of the compiler depends on this package.

pub mod generate;
pub mod manifest;
pub mod speed;
