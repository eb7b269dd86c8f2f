//! Optimisation passes over blocks, and the verifier that judges their results.

pub mod deletion;
pub mod verify;

pub use verify::{VerifiedBlock, block_distance, compare_circuits};
