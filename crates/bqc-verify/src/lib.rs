//! The verifier: recomputes how far a result is from its original, from the written-out angles, and is the only
//! place where results are put together.
//!
//! It assumes nothing about how a result was found and shares no arithmetic with the engines: plain
//! `f64`, full matrices column by column, OpenQASM's own definition of the gates. Every distance is
//! `d(U, V) = min_φ ‖U − e^{iφ}V‖_F / √(2N)`, summed as a residual because the trace form
//! `√(1 − |Tr U†V|/N)` loses everything below 1e-8. It is subadditive, so the distances of blocks add
//! up to a bound for the circuit.
//!
//! What a compile promises is a type:
//! * a [`VerifiedBlock`] comes into being only by measuring it against its original (`block`), over all columns if it
//!   is narrow, by Pauli forms or sums over paths at any width (`pauli`, `pathsum`);
//! * a [`Composition`] is a window that is rebuilt piece by piece: it takes verified pieces in a legal bracketing of
//!   its gates, and rewritings of single gates that are measured as they are made (`compose`, `join`, `rewriting`);
//! * a [`VerifiedCircuit`] is the same for a whole circuit, and what a compile writes (`circuit`). Exchanges of wires
//!   that are taken out of it become the permutation of its outputs, which it carries (`exchange`, `permuted`).

mod block;
mod circuit;
mod compare;
mod compose;
mod exchange;
mod join;
mod matrix;
mod mix;
mod pathsum;
mod pauli;
mod permuted;
mod program;
mod residual;
mod rewriting;
mod states;
#[cfg(test)]
mod test_support;

use std::sync::atomic::AtomicBool;

pub use block::{Evidence, Rejected, VerifiedBlock, block_distance};
pub use circuit::{LoweringError, Output, ReplayError, VerifiedCircuit, WindowCounts};
pub use compare::{CompareOptions, Comparison, Incomparable, Method, compare_circuits};
pub use compose::Composition;
pub use exchange::ExchangeError;
pub use join::{JoinError, Piece};
pub use matrix::{matrix_distance, state_distance};
pub use permuted::compare_permuted;
pub use rewriting::{Direction, MoveError, Rewriting};

/// The verifier refuses something that bqc itself has made: a fault of bqc. What was there before stays.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Fault {
    /// A result is not what it replaces.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// Pieces are put together wrongly.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// A rewriting is not one.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// What was taken out is no exchange.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
    /// A gate to be written is not what it lowers to.
    #[error(transparent)]
    Lowering(#[from] LoweringError),
    /// Gates to be written are not those of the verified circuit.
    #[error("the gates to be written do not lower to the verified circuit")]
    OtherGates,
}

/// Widest block that is compared over all its columns. A block of 12 wires is a matrix of
/// 4096 × 4096, which takes seconds; each further wire takes four times as long.
pub const MAX_EXACT_QUBITS: usize = 12;

/// Amplitudes of one pass: real and imaginary parts of 2^13 amplitudes of both circuits are 256 KiB,
/// half of what a core's second-level cache holds.
const PASS_AMPLITUDES: usize = 1 << 13;

/// For comparisons that nothing stops.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The distance over all `2^n` columns, in passes of bounded memory.
fn exact_distance(a: &[program::Step], b: &[program::Step], n: usize) -> f64 {
    exact_distance_until([a, b], n, &NEVER).unwrap_or(f64::NAN)
}

/// The same; none if it is stopped.
fn exact_distance_until(both: [&[program::Step]; 2], n: usize, stop: &AtomicBool) -> Option<f64> {
    let n_columns = 1usize << n;
    let per_pass = (PASS_AMPLITUDES >> n).clamp(1, n_columns);
    let pass = |p: usize, states: &mut states::States| states.set_basis(p * per_pass, per_pass);
    residual::distance_until(both, n, n_columns / per_pass, pass, stop)
}

/// The phase distance of two chains of `u3` on one wire, first gate first. An empty chain is the
/// identity. NaN if an angle is not a finite number.
pub(crate) fn chain_distance(a: &[[f64; 3]], b: &[[f64; 3]]) -> f64 {
    let steps = |chain: &[[f64; 3]]| -> Vec<program::Step> {
        chain.iter().map(|&angles| program::Step::One { qubit: 0, gate: program::u3(angles) }).collect()
    };
    exact_distance(&steps(a), &steps(b), 1)
}

#[cfg(test)]
mod tests;
