//! Circuits as Pauli rotations and a Clifford.
mod angle;
mod axis;
mod choose;
mod clifford;
mod columns;
mod form;
mod frame;
mod greedy;
mod op;
mod permutation;
mod run;
mod synthesize;
#[cfg(test)]
mod test_support;
mod window;
mod write;

pub use greedy::{Direction, Greedy, Measure};
pub use synthesize::{MOST_WIRES, synthesize};
