//! A walk on CX networks that keeps the path sum, for wide regions of CX and rotations: multipliers, adders, networks
//! of Toffolis.
//!
//! A circuit is read as CX, Hadamards and rotations about z (`sum`). The rotations are a polynomial over parities
//! of path variables and have no place of their own: each needs a wire that carries its parity at some time. The walk
//! changes the network of CX and Hadamards by local moves (`neighbours`, `hadamards`), by sources of parities across
//! the whole circuit (`sources`) and by controlled signs that change their place (`gauge`). Every move is an
//! identity of circuits or of the sum's expression, and none lets a rotation lose its last wire; no numerics take part.
//! The walk is simulated annealing on the number of CX, in short cycles that begin at the best circuit so far
//! (`walk`). Angles of the result are sums of the input's.
//!
//! Sources: Amy, Maslov, Mosca (arXiv:1303.2042) for parities and rotations; Amy (arXiv:1805.06908) for rules of path
//! sums; the sources and gauge moves are described where they are made.

mod angle;
mod board;
mod chance;
mod gauge;
mod hadamards;
mod neighbours;
mod network;
mod phases;
mod settings;
mod sources;
mod state;
mod sum;
#[cfg(test)]
mod tests;
mod walk;
mod word;
mod write;

pub use settings::{Cycle, Settings};
pub use state::{SumState, WalkGate, WalkState};
pub use walk::Walk;
