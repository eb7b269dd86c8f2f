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
    /// How it stands to the gate set that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate_set: Option<GateSetFigures>,
}

/// A circuit and a gate set. Gates are those of the source, after broadcast and inlining.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateSetFigures {
    /// Name of the set, or its gates.
    pub name: String,
    /// Whether all gates are in the set.
    pub conforms: bool,
    /// `file:line:column: message` of the first gate that is not; `null` if all are.
    pub offence: Option<String>,
    /// Gates on two wires or more.
    pub two_qubit_gates: u64,
    /// One-qubit gates that a machine does by a pulse.
    pub pulses: u64,
    /// One-qubit gates that are rotations about Z.
    pub virtual_rz: u64,
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
