//! Circuits as Pauli rotations and a Clifford.
mod angle;
mod axis;
mod choose;
mod clifford;
mod columns;
mod cut;
mod form;
mod frame;
mod greedy;
mod merge;
mod op;
mod permutation;
mod run;
mod search;
mod synthesize;
#[cfg(test)]
mod test_support;
mod window;
mod write;

pub use greedy::{Direction, Greedy, Measure};
pub use search::{BlockSearch, BlockSettings, Cooling};
pub use synthesize::{MOST_WIRES, synthesize};
