//! Circuits as Pauli rotations and a Clifford: synthesis of whole circuits, and search over blocks.
//!
//! Every circuit over `cx` and `u3` is a sequence of rotations `exp(−iθP/2)` about Pauli strings, followed by a Clifford.
//! [`synthesize`] finds the rotations, merges those that meet through others that they commute with, and writes all of
//! it anew, one two-wire Clifford at a time (arXiv:2103.08602, arXiv:2404.03280). [`BlockSearch`] does the same to one
//! small block of a circuit after the other, at random, and keeps what is not worse.
//!
//! Both are exact: only the rounding of sums of angles separates the result from the input, up to global phase.
//! Parts of an angle below 1e-13 rad beside a multiple of π/4 count as rounding. Nothing here vouches for a result;
//! `bqc-verify` does.
//!
//! | part | modules |
//! |---|---|
//! | rules of one wire, each tested against matrices | `axis`, `angle`, `frame` |
//! | circuits of pair gates, rotations and frames | `op`, `permutation`, `write` |
//! | strings, by wire and by row, and merging | `columns`, `merge`, `form` |
//! | greedy synthesis | `greedy`, `window`, `choose`, `clifford`, `run`, `synthesize` |
//! | block search | `cut`, `resynthesis`, `search`, `state` |

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
mod resynthesis;
mod run;
mod search;
mod state;
mod synthesize;
#[cfg(test)]
mod test_support;
mod window;
mod write;

pub use axis::Axis;
pub use frame::{Frame, Signed};
pub use greedy::{Direction, Greedy, Measure};
pub use op::Op;
pub use search::{BlockSearch, BlockSettings, Cooling};
pub use state::SearchState;
pub use synthesize::{MOST_WIRES, synthesize};
