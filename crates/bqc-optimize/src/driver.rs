//! What happens to one block: the passes in their order, the verdict, and what is told about it.
//!
//! A pure function of the block, its key, the settings and the engine, unless it is stopped. It never
//! fails: a result that is not better, or does not pass the verifier, is dropped for the next best,
//! and the last of these is the original itself.

use crate::deletion::delete_gates;
use crate::verify::{Rejected, VerifiedBlock};
use bqc_circuit::BlockCircuit;
use bqc_instantiate::Engine;
use bqc_linalg::Stream;
use std::sync::atomic::{AtomicBool, Ordering};

/// Largest phase distance at which bqc calls two blocks the same unitary. Rounding alone reaches
/// some 1e-13 after a chain of passes; a numerical optimum that is no identity is rarely below 1e-7.
pub const IDENTITY_TOLERANCE: f64 = 1e-10;

/// How CX gates are removed from blocks of three wires and more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// Gates are deleted one by one, and the rest is instantiated again.
    #[default]
    Delete,
}

/// What is done with every block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockSettings {
    /// How CX gates are removed.
    pub flow: Flow,
    /// How often the flow is run, each time with other random numbers; the best result is kept.
    /// Zero leaves only the closed-form passes.
    pub starts: usize,
    /// Largest phase distance of a block from its original, dimensionless.
    pub tolerance: f64,
    /// The user's seed.
    pub seed: u64,
}

impl Default for BlockSettings {
    fn default() -> BlockSettings {
        BlockSettings { flow: Flow::Delete, starts: 1, tolerance: IDENTITY_TOLERANCE, seed: 0 }
    }
}

/// Why a block came out as it did.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Reason {
    /// It has fewer CX, or as many and fewer one-qubit gates.
    #[error("improved")]
    Improved,
    /// It kept its gates.
    #[error("unchanged: {why}")]
    Unchanged {
        /// Why nothing better was found.
        why: Unchanged,
    },
    /// It kept its gates because nothing better passed the verifier: a fault of bqc.
    #[error("failed: the best result was refused: {rejected}")]
    Failed {
        /// What the verifier said to the best result.
        rejected: Rejected,
    },
}

/// Why nothing better than the original was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unchanged {
    /// There are no gates to remove.
    #[error("nothing to remove")]
    Empty,
    /// No pass found anything.
    #[error("no smaller circuit was found")]
    NothingFound,
    /// It was stopped before anything was found.
    #[error("stopped before anything was found")]
    Stopped,
}

/// What became of one block.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockReport {
    /// CX gates of the original.
    pub cx_before: usize,
    /// CX gates of the result.
    pub cx_after: usize,
    /// One-qubit gates of the original.
    pub one_qubit_before: usize,
    /// One-qubit gates of the result.
    pub one_qubit_after: usize,
    /// Measured phase distance of the result from the original.
    pub distance: f64,
    /// Instantiations that were started.
    pub instantiations: usize,
    /// Results that the verifier refused, whether or not another one was taken.
    pub n_rejected: usize,
    /// Why the result is what it is.
    pub reason: Reason,
}

/// Purpose of the streams of the flow; the number of the start is added.
const FLOW_STREAM: u64 = 0x464c_4f57_0000_0000;

/// Rebuilds one block with fewer gates, by (CX, one-qubit gates) in this order.
///
/// * `key`: names the block's random streams, together with the seed.
/// * `stop`: ends the search early; the best result so far is returned.
/// * Never fails: the original comes back with the reason, at distance zero.
pub fn optimize_block(
    original: &BlockCircuit,
    key: u64,
    settings: &BlockSettings,
    engine: &dyn Engine,
    stop: &AtomicBool,
) -> (VerifiedBlock, BlockReport) {
    let mut instantiations = 0;
    let mut candidates = Vec::new();
    if original.width() > 2 {
        for start in 0..settings.starts {
            let mut stream = Stream::new(settings.seed, key, FLOW_STREAM + start as u64);
            let (found, counts) = match settings.flow {
                Flow::Delete => delete_gates(original, engine, settings.tolerance, &mut stream, stop),
            };
            instantiations += counts.n_instantiations;
            candidates.push(found);
        }
    }
    judge(original, candidates, instantiations, settings.tolerance, stop.load(Ordering::Relaxed))
}

/// The order in which results are preferred.
fn size(block: &BlockCircuit) -> (usize, usize) {
    (block.n_cx(), block.n_one_qubit())
}

/// The smallest candidate that passes the verifier, or the original.
fn judge(
    original: &BlockCircuit,
    mut candidates: Vec<BlockCircuit>,
    instantiations: usize,
    tolerance: f64,
    was_stopped: bool,
) -> (VerifiedBlock, BlockReport) {
    candidates.retain(|c| size(c) < size(original));
    candidates.sort_by_key(size);
    let mut rejections = Vec::new();
    let mut accepted = None;
    for candidate in candidates {
        match VerifiedBlock::check(original, candidate, tolerance) {
            Ok(block) => {
                accepted = Some(block);
                break;
            }
            Err(rejected) => rejections.push(rejected),
        }
    }
    let n_rejected = rejections.len();
    let reason = match (&accepted, rejections.into_iter().next()) {
        (Some(_), _) => Reason::Improved,
        (None, Some(rejected)) => Reason::Failed { rejected },
        (None, None) if original.gates.is_empty() => Reason::Unchanged { why: Unchanged::Empty },
        (None, None) if was_stopped => Reason::Unchanged { why: Unchanged::Stopped },
        (None, None) => Reason::Unchanged { why: Unchanged::NothingFound },
    };
    let block = accepted.unwrap_or_else(|| VerifiedBlock::unchanged(original.clone()));
    let report = BlockReport {
        cx_before: original.n_cx(),
        cx_after: block.circuit().n_cx(),
        one_qubit_before: original.n_one_qubit(),
        one_qubit_after: block.circuit().n_one_qubit(),
        distance: block.distance(),
        instantiations,
        n_rejected,
        reason,
    };
    (block, report)
}
