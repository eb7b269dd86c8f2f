//! `--gates`: a name, a list, or a file with a list.

use crate::exit::Failure;
use crate::input::read_bytes;
use bqc_native::{GateSet, SETS};
use bqc_wire::{Document, GateFile};
use std::path::Path;

/// The gate set that a command line names.
pub fn gate_set(text: &str) -> Result<GateSet, Failure> {
    let unusable = |why: String| Failure::Usage(format!("--gates {text}: {why}"));
    let list = match Path::new(text).extension().is_some_and(|end| end == "json") {
        true => {
            let bytes = read_bytes(Path::new(text))?;
            let file = GateFile::from_json(&String::from_utf8_lossy(&bytes)).map_err(|e| unusable(e.to_string()))?;
            file.gates.join(",")
        }
        false => text.to_owned(),
    };
    GateSet::parse(&list).map_err(|e| unusable(e.to_string()))
}

/// The sets with names, for help.
pub fn help() -> String {
    let rows = SETS.iter().map(|row| format!("  {:<18} {:<24} {}", row.name, row.gates.join(","), row.source));
    format!("Gate sets:\n{}", rows.collect::<Vec<_>>().join("\n"))
}
