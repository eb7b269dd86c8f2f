//! `bqc.stats/1`: what `bqc stats --json` prints.

use crate::{CircuitFigures, Document};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Figures of one circuit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatsReport {
    /// `bqc.stats/1`.
    pub schema: String,
    /// Version of bqc that wrote it.
    pub version: String,
    /// The circuit after translation to {CX, U3}.
    pub circuit: CircuitFigures,
    /// Longest chain of two-qubit gates.
    pub two_qubit_depth: u64,
    /// Number of classical bits.
    pub clbits: u64,
    /// Gates outside and inside of `if` as the source names them, after broadcast and inlining.
    pub gates: BTreeMap<String, u64>,
    /// Barriers, measurements, resets, conditionals and applications of opaque gates.
    pub directives: u64,
    /// What a compile would cut.
    pub partition: PartitionPreview,
}

impl Document for StatsReport {
    const SCHEMA: &'static str = "bqc.stats/1";
}

/// The blocks of a first pass.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionPreview {
    /// Most wires of a block.
    pub block_size: u8,
    /// Number of blocks.
    pub blocks: u64,
    /// Number of blocks by width in wires.
    pub blocks_by_width: BTreeMap<u16, u64>,
    /// Most CX gates in one block.
    pub largest_two_qubit_gates: u64,
}
