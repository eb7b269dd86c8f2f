//! The verifier: recomputes how far a result is from its original, from the written-out angles.
//!
//! It assumes nothing about how a result was found and shares no arithmetic with the engines: plain
//! `f64`, full matrices column by column, OpenQASM's own definition of the gates. Every distance is
//! `d(U, V) = min_φ ‖U − e^{iφ}V‖_F / √(2N)`, summed as a residual because the trace form
//! `√(1 − |Tr U†V|/N)` loses everything below 1e-8. It is subadditive, so the distances of blocks add
//! up to a bound for the circuit. A [`VerifiedBlock`] exists only if this file has measured it.

mod compare;
mod matrix;
mod program;
mod residual;
mod states;

pub use compare::{CompareOptions, Comparison, Incomparable, Method, compare_circuits};
pub use matrix::{matrix_distance, state_distance};

use bqc_circuit::BlockCircuit;
use program::block_steps;
use states::States;

/// Widest block that is compared over all its columns. A block of 12 wires is a matrix of
/// 4096 × 4096, which takes seconds; each further wire takes four times as long.
pub const MAX_EXACT_QUBITS: usize = 12;

/// Amplitudes of one pass: real and imaginary parts of 2^13 amplitudes of both circuits are 256 KiB,
/// half of what a core's second-level cache holds.
const PASS_AMPLITUDES: usize = 1 << 13;

/// Up to this width [`VerifiedBlock::recheck`] measures over all columns.
const MAX_REMEASURED_WIDTH: u8 = 8;
/// Random states that may contradict a claimed distance, the purpose of their stream, and what the
/// rounding of some thousand gates may add.
const CLAIM_STATES: usize = 8;
/// See [`CLAIM_STATES`].
const CLAIMS: u64 = 0x434c_4149_4d53;
/// See [`CLAIM_STATES`].
const CLAIM_ROUNDING: f64 = 1e-12;

/// The original and what should replace it are not the same unitary, or cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// The candidate is something else. The distance may be NaN: an angle was not a number.
    #[error("phase distance {distance:e} is above the tolerance {tolerance:e}")]
    TooFar {
        /// Measured distance.
        distance: f64,
        /// What was allowed.
        tolerance: f64,
    },
    /// Blocks of different width.
    #[error("{candidate} wires stand where the original has {original}")]
    WidthDiffers {
        /// Wires of the original.
        original: u8,
        /// Wires of the candidate.
        candidate: u8,
    },
    /// A gate of one of them names a wire that the block has not, or one wire twice.
    #[error("a gate names a wire that the block of {width} wires has not, or one wire twice")]
    Malformed {
        /// Wires of the block.
        width: u8,
    },
    /// More wires than are compared over all columns.
    #[error("a block of {width} wires is too wide to be compared: the limit is {MAX_EXACT_QUBITS}")]
    TooWide {
        /// Wires of the block.
        width: u8,
    },
}

impl Rejected {
    /// The measured distance, where it came to a measurement.
    pub fn distance(&self) -> Option<f64> {
        match self {
            Rejected::TooFar { distance, .. } => Some(*distance),
            _ => None,
        }
    }
}

/// The phase distance of two blocks from their written-out angles, exact over all columns.
///
/// * Accuracy: relative to the result, above the rounding of the amplitudes, which is about 1e-16
///   times the root of the number of gates.
/// * NaN if an angle is not a finite number.
/// * Time: `2 · gates · 4^width` updates of an amplitude, memory at most 1 MiB a thread.
/// * Errors: every [`Rejected`] but `TooFar`.
pub fn block_distance(a: &BlockCircuit, b: &BlockCircuit) -> Result<f64, Rejected> {
    let width = a.width();
    if b.width() != width {
        return Err(Rejected::WidthDiffers { original: width, candidate: b.width() });
    }
    if usize::from(width) > MAX_EXACT_QUBITS {
        return Err(Rejected::TooWide { width });
    }
    let (Some(a), Some(b)) = (block_steps(a), block_steps(b)) else {
        return Err(Rejected::Malformed { width });
    };
    Ok(exact_distance(&a, &b, usize::from(width)))
}

/// The distance over all `2^n` columns, in passes of bounded memory.
fn exact_distance(a: &[program::Step], b: &[program::Step], n: usize) -> f64 {
    let n_columns = 1usize << n;
    let per_pass = (PASS_AMPLITUDES >> n).clamp(1, n_columns);
    residual::distance(a, b, n, n_columns / per_pass, |p, states| states.set_basis(p * per_pass, per_pass))
}

/// The phase distance of two chains of `u3` on one wire, first gate first. An empty chain is the
/// identity. NaN if an angle is not a finite number.
pub(crate) fn chain_distance(a: &[[f64; 3]], b: &[[f64; 3]]) -> f64 {
    let steps = |chain: &[[f64; 3]]| -> Vec<program::Step> {
        chain.iter().map(|&angles| program::Step::One { qubit: 0, gate: program::u3(angles) }).collect()
    };
    exact_distance(&steps(a), &steps(b), 1)
}

/// A block whose distance from its original has been measured and found within a tolerance.
///
/// Only this type can be joined into a result, and only [`VerifiedBlock::check`],
/// [`VerifiedBlock::recheck`] and [`VerifiedBlock::unchanged`] make it.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedBlock {
    circuit: BlockCircuit,
    distance: f64,
}

impl VerifiedBlock {
    /// Measures `candidate` against `original` and takes it if the distance is at most `tolerance`.
    /// A distance that is not a number is never within a tolerance.
    pub fn check(original: &BlockCircuit, candidate: BlockCircuit, tolerance: f64) -> Result<VerifiedBlock, Rejected> {
        let distance = block_distance(original, &candidate)?;
        if distance <= tolerance {
            Ok(VerifiedBlock { circuit: candidate, distance })
        } else {
            Err(Rejected::TooFar { distance, tolerance })
        }
    }

    /// Takes a candidate that another process has found, and measured or known by the sum of its changes
    /// to be within `claimed`.
    ///
    /// Up to eight wires it is measured again over all columns. Wider ones, where that takes longer than
    /// finding them, keep the claimed distance if eight random states do not contradict it: the estimate
    /// (see [`compare_circuits`]) may be up to twice the claim, and whatever rounding makes. A result that
    /// is something else altogether is at a distance near one, and its estimate as well.
    pub fn recheck(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        claimed: f64,
        tolerance: f64,
    ) -> Result<VerifiedBlock, Rejected> {
        let width = original.width();
        if width <= MAX_REMEASURED_WIDTH || candidate.width() != width {
            return VerifiedBlock::check(original, candidate, tolerance);
        }
        if usize::from(width) > MAX_EXACT_QUBITS {
            return Err(Rejected::TooWide { width });
        }
        let (Some(a), Some(b)) = (block_steps(original), block_steps(&candidate)) else {
            return Err(Rejected::Malformed { width });
        };
        let states = |_, states: &mut States| {
            states.set_random(CLAIM_STATES, &mut bqc_linalg::Stream::new(0, width.into(), CLAIMS));
        };
        let estimate = residual::distance(&a, &b, width.into(), 1, states);
        // Written so that a distance that is not a number is refused.
        let is_near = estimate <= 2.0 * claimed + CLAIM_ROUNDING;
        match (is_near, claimed >= 0.0 && claimed <= tolerance) {
            (true, true) => Ok(VerifiedBlock { circuit: candidate, distance: claimed }),
            (true, false) => Err(Rejected::TooFar { distance: claimed, tolerance }),
            (false, _) => Err(Rejected::TooFar { distance: estimate, tolerance: claimed }),
        }
    }

    /// The original itself, at distance zero.
    pub fn unchanged(original: BlockCircuit) -> VerifiedBlock {
        VerifiedBlock { circuit: original, distance: 0.0 }
    }

    /// Verified pieces joined again: by subadditivity the distance of the whole is at most the sum of
    /// theirs. For windows that are too wide to be compared over all columns in each search.
    pub(crate) fn joined(circuit: BlockCircuit, sum_of_distances: f64) -> VerifiedBlock {
        VerifiedBlock { circuit, distance: sum_of_distances }
    }

    /// The gates.
    pub fn circuit(&self) -> &BlockCircuit {
        &self.circuit
    }

    /// Measured distance from the original.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// The gates, by value.
    pub fn into_circuit(self) -> BlockCircuit {
        self.circuit
    }
}

#[cfg(test)]
mod tests;
