//! `circuits/` as a table: one row a file, with counts and checksum, so that a changed file, a missing
//! one and one too many are all seen.

use crate::generate::{Entry, text};
use bqc_circuit::Stats;
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A file's name and its bytes.
pub struct GeneratedFile {
    /// Name inside `circuits/`.
    pub name: String,
    /// Content.
    pub text: String,
}

/// The manifest's first line. `gates` counts gates as written, `two_qubit_gates` after lowering to
/// {CX, U3}.
pub const HEADER: &str = "name,file,qubits,gates,two_qubit_gates,bytes,sha256,construction,source";

/// Every file of `circuits/`: the circuits in order, then `manifest.csv`.
pub fn files(entries: &[Entry]) -> Vec<GeneratedFile> {
    let mut manifest = format!("{HEADER}\n");
    let mut files = Vec::new();
    for entry in entries {
        let file = GeneratedFile { name: format!("{}.qasm", entry.name), text: text::openqasm(entry) };
        push_row(&mut manifest, entry, &file);
        files.push(file);
    }
    files.push(GeneratedFile { name: "manifest.csv".into(), text: manifest });
    files
}

fn push_row(manifest: &mut String, entry: &Entry, file: &GeneratedFile) {
    let stats = Stats::of(&entry.circuit);
    let checksum = Sha256::digest(file.text.as_bytes());
    let _ = write!(manifest, "{},{},{},", entry.name, file.name, stats.n_qubits);
    let _ = write!(manifest, "{},{},{},", entry.circuit.operations.len(), stats.n_two_qubit, file.text.len());
    checksum.iter().for_each(|byte| {
        let _ = write!(manifest, "{byte:02x}");
    });
    let _ = writeln!(manifest, ",{},{}", entry.construction, entry.source);
}
