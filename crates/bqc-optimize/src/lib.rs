//! Optimisation passes over blocks, and the verifier that judges their results.

pub mod deletion;
pub mod driver;
pub mod search;
pub mod verify;

pub use driver::{
    BlockReport, BlockSettings, Flow, IDENTITY_TOLERANCE, Reason, Unchanged, optimize_block,
};
pub use verify::{
    CompareOptions, Comparison, Incomparable, Method, Rejected, VerifiedBlock, block_distance, compare_circuits,
};
