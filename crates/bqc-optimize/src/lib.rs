//! Optimisation passes over blocks.

pub mod approximate;
mod clifford_t;
mod context;
pub mod deletion;
pub mod driver;
pub mod fitted;
mod freezing;
pub mod merge;
pub mod objective;
mod sabotage;
pub mod search;
pub mod synthesis;
#[cfg(test)]
mod test_support;
pub mod two_qubit;

pub use approximate::{Shortened, shorten};
pub use clifford_t::{n_generic, to_clifford_t};
pub use context::Context;
pub use driver::{BlockReport, BlockSettings, Flow, IDENTITY_TOLERANCE, Reason, Trail, Unchanged, optimize_block};
pub use merge::{merge_one_qubit, simplify};
pub use objective::{Figures, Objective, Rank};
#[doc(hidden)]
pub use sabotage::Sabotage;
pub use two_qubit::{resynthesize_pair, resynthesize_runs};
