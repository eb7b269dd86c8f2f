//! `circuits/` holds exactly what the generator makes.

use bqc_benchmarks::generate::suite;
use bqc_benchmarks::manifest::{HEADER, files};
use bqc_circuit::{Circuit, Library, Operation};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// Most bytes that may be committed.
const MAX_BYTES: usize = 1_500_000;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../circuits")
}

#[test]
fn committed_files_are_the_generated_ones() {
    let generated = files(&suite());
    for file in &generated {
        let committed = fs::read_to_string(folder().join(&file.name)).unwrap_or_else(|e| panic!("{}: {e}", file.name));
        assert!(committed == file.text, "{} differs: run `bqc-bench generate`", file.name);
    }
    let expected: BTreeSet<String> = generated.iter().map(|f| f.name.clone()).collect();
    let found: BTreeSet<String> =
        fs::read_dir(folder()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(found, expected, "a file too many or too few");
    assert!(generated.iter().map(|f| f.text.len()).sum::<usize>() < MAX_BYTES);
}

#[test]
fn the_manifest_is_a_plain_table_of_distinct_rows() {
    let generated = files(&suite());
    let manifest = &generated.last().unwrap().text;
    let n_columns = HEADER.split(',').count();
    let rows: Vec<Vec<&str>> = manifest.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len() + 1, generated.len());
    assert!(rows.iter().all(|row| row.len() == n_columns && row.iter().all(|cell| !cell.is_empty())));
    for column in [0, 6] {
        assert_eq!(rows.iter().map(|row| row[column]).collect::<BTreeSet<_>>().len(), rows.len());
    }
    let widths: Vec<usize> = rows.iter().map(|row| row[2].parse().unwrap()).collect();
    assert!(widths.contains(&3) && widths.iter().any(|&w| w > 100));
}

#[test]
fn the_compiler_reads_what_was_generated() {
    for (entry, file) in suite().iter().zip(files(&suite())) {
        let source = bqc_qasm::SourceText::new(&file.name, file.text);
        let read: Circuit = bqc_qasm::parse(&source, &bqc_qasm::ParseOptions::default()).expect("generated text");
        assert!(read.operations == entry.circuit.operations, "{}", entry.name);
        assert_eq!(read.n_qubits(), entry.circuit.n_qubits());
        let is_known = |o: &Operation| matches!(o, Operation::Gate(call) if call.row().library == Library::Paper);
        assert!(read.operations.iter().all(is_known), "{}: a gate that old readers lack", entry.name);
    }
}
