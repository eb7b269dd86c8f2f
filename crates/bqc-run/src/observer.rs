//! How a run tells what it is doing. Libraries own no terminal and no clock, so whoever watches
//! brings both.

use bqc_wire::BlockRecord;

/// Watches a run from outside. Called from all worker threads.
pub trait Observer: Sync {
    /// Seconds since a fixed moment, never falling. Used for the records alone, never for a decision.
    fn seconds(&self) -> f64;

    /// Something happened.
    fn event(&self, event: Event<'_>);
}

/// What happens in a run, in this order; blocks of one pass finish in any order.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// The circuit has been cut.
    PassStarted {
        /// From 0.
        pass: u32,
        /// Blocks of this pass.
        n_blocks: usize,
    },
    /// One block is done, one way or another.
    BlockFinished(&'a BlockRecord),
    /// The blocks have been joined and their one-qubit gates merged.
    PassFinished {
        /// From 0.
        pass: u32,
        /// CX gates that are left.
        n_two_qubit: usize,
        /// One-qubit gates that are left.
        n_one_qubit: usize,
    },
    /// The search begins again; the best circuit so far is kept.
    Restarted {
        /// CX gates of the best circuit so far.
        n_two_qubit: usize,
    },
    /// The result is being compared with the input as a whole.
    Checking {
        /// Wires of the circuit.
        n_qubits: usize,
    },
    /// In words, how a folder failed in which results are kept. The run goes on without it.
    FolderFailed(&'a str),
}

/// Sees nothing, and has a clock that stands still.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn seconds(&self) -> f64 {
        0.0
    }

    fn event(&self, _: Event<'_>) {}
}
