//! Checkpoints: where the work at a unit stands, in bytes.
//!
//! Each kind of search has all that decides what comes after, so that whoever goes on from a checkpoint comes to the same
//! result. Whoever reads one checks it first: it may be damaged, or another unit's.

use crate::unit::BlockForm;
use serde::{Deserialize, Serialize};

/// Where the search of a unit stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum CheckpointRecord {
    /// A search in a window, between two rounds.
    Window(WindowCheckpoint),
    /// A search over Pauli blocks, between two moves.
    Paulis(PauliCheckpoint),
    /// A walk that keeps its path sum, between two proposals.
    PathSums(WalkCheckpoint),
}

impl CheckpointRecord {
    /// How far it is, in rounds, moves or proposals: of two of one unit, the larger is further.
    pub fn progress(&self) -> u64 {
        match self {
            CheckpointRecord::Window(state) => state.n_rounds,
            CheckpointRecord::Paulis(state) => state.n_moves,
            CheckpointRecord::PathSums(state) => state.n_proposals,
        }
    }
}

/// A search in a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowCheckpoint {
    /// Rounds that are done.
    pub n_rounds: u64,
    /// What they have made.
    pub block: BlockForm,
    /// Sum of the distances of all changes.
    pub bound: f64,
    /// The last circuit that does not fall behind the ones before, and its bound, where the objective asks for one.
    pub last_good: Option<(BlockForm, f64)>,
    /// Whether the next round scans all gates.
    pub rescan: bool,
    /// Deletions, moves, accepted moves, gates removed, iterations so far.
    pub counts: [u64; 5],
    /// Position of the random numbers.
    pub stream: u64,
}

/// A gate of a Pauli circuit; axes are 1, 2, 3 for X, Z, Y.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum PauliGateForm {
    /// `exp(iπ/4 (1−P)(1−Q))`: wires and axes.
    Pair([u32; 2], [u8; 2]),
    /// `exp(−iθP/2)`: wire, axis and θ in radians.
    Turn(u32, u8, f64),
}

/// What ends a wire: the wire it is on, and the images of X and Z, each an axis and whether it has a minus.
pub type PauliFrameForm = (u32, [(u8, bool); 2]);

/// A search over Pauli blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauliCheckpoint {
    /// Moves that are done.
    pub n_moves: u64,
    /// Gates that the sweep has passed, and what stands behind them.
    pub done: (Vec<PauliGateForm>, Vec<PauliFrameForm>),
    /// Gates to come, and what ends the outputs.
    pub coming: (Vec<PauliGateForm>, Vec<PauliFrameForm>),
    /// Whether the sweep has taken a block.
    pub is_under_way: bool,
    /// Most wires and most CX of the sweep's blocks.
    pub size: [u64; 2],
    /// Blocks that were synthesised.
    pub n_syntheses: u64,
    /// Position of the random numbers.
    pub stream: u64,
    /// The best circuit so far.
    pub best: (Vec<PauliGateForm>, Vec<PauliFrameForm>),
}

/// A gate of a walk's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WalkGateForm {
    /// Control and target.
    Cx(u16, u16),
    /// Wire, number, label of what comes out, and whether a Z follows.
    Hadamard(u16, u32, u128, bool),
}

/// A path sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PathSumForm {
    /// Places for gates.
    pub n_places: u32,
    /// How many places after the one before each gate stands, and the gate.
    pub gates: Vec<(u32, WalkGateForm)>,
    /// For each wire, whether a Z stands at the beginning, and whether an X at the end.
    pub signs: Vec<(bool, bool)>,
    /// Label, eighths of a turn, and the rest in radians.
    pub rotations: Vec<(u128, u8, f64)>,
}

/// A walk that keeps its path sum.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WalkCheckpoint {
    /// Proposals that are done.
    pub n_proposals: u64,
    /// Where the walk stands.
    pub now: PathSumForm,
    /// The best that has been kept.
    pub best: PathSumForm,
    /// CX of the best so far.
    pub least: u64,
    /// Proposals since the best was kept.
    pub n_since: u64,
    /// The cycle.
    pub cycle: u32,
    /// Most Hadamards of this cycle.
    pub most_hadamards: u64,
    /// Rotations when those that had come and gone were forgotten.
    pub n_rotations: u64,
    /// Whether moves to more CX wait until the best is kept, and whether one of them was refused.
    pub held: [bool; 2],
    /// Position of the random numbers.
    pub stream: u64,
}
