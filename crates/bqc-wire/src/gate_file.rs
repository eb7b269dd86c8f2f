//! `bqc.gates/1`: a gate set in a file, as `--gates FILE.json` reads it. It has no other fields.

use crate::Document;
use serde::{Deserialize, Serialize};

/// The gates of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateFile {
    /// `bqc.gates/1`.
    pub schema: String,
    /// Names of gates of the table, as OpenQASM writes them.
    pub gates: Vec<String>,
}

impl Document for GateFile {
    const SCHEMA: &'static str = "bqc.gates/1";
}
