//! Optimisation passes over blocks, and the verifier that judges their results.

pub mod approximate;
pub mod deletion;
pub mod driver;
pub mod merge;
pub mod objective;
pub mod search;
pub mod synthesis;
#[cfg(test)]
mod test_support;
pub mod two_qubit;
pub mod verify;
mod wires;

pub use approximate::{Shortened, shorten};
pub use driver::{
    BlockReport, BlockSettings, Flow, IDENTITY_TOLERANCE, Reason, Trail, Unchanged, optimize_block, optimize_block_from,
};
pub use merge::{Merged, merge_circuit, merge_one_qubit};
pub use objective::{Figures, Objective, Rank};
pub use two_qubit::{resynthesize_pair, resynthesize_runs};
pub use verify::{
    CompareOptions, Comparison, Incomparable, Method, Rejected, VerifiedBlock, block_distance, compare_circuits,
    matrix_distance, state_distance,
};
