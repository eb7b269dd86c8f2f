//! Published and hand-written files, each accepted or refused as its folder says. The folders are
//! measurement inputs and not part of the project: where they are absent the test says so loudly.

use bqc_circuit::Circuit;
use bqc_qasm::{Diagnostic, DirectoryIncludes, ParseOptions, SourceText, fuzz, parse, write};
use std::path::{Path, PathBuf};

/// `shared/<folder>` beside the workspace, if it is there.
fn shared(folder: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared").join(folder);
    if path.is_dir() {
        return Some(path);
    }
    println!("skipped: {} is absent, nothing of it was read", path.display());
    None
}

/// The `.qasm` files of a folder, in order.
fn qasm_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "qasm"));
    files.sort();
    assert!(!files.is_empty(), "{} holds no circuits", folder.display());
    files
}

fn read(file: &Path) -> Result<Circuit, Box<Diagnostic>> {
    let source = SourceText::new(file.display().to_string(), std::fs::read(file).unwrap());
    let includes = DirectoryIncludes::new(file.parent().map(Path::to_owned));
    parse(&source, &ParseOptions { includes: &includes, ..ParseOptions::default() })
}

#[test]
fn valid_files_are_accepted_and_written_back() {
    for folder in [
        "conformance/openqasm2_generic",
        "conformance/openqasm2_ibmqx2",
        "conformance/ours_valid2",
        "circuits/small",
        "circuits/large",
        "circuits/blocks",
    ] {
        for file in shared(folder).iter().flat_map(|folder| qasm_files(folder)) {
            let circuit = read(&file).unwrap_or_else(|e| panic!("{}", e.render()));
            let mut text = Vec::new();
            write(&circuit, &mut text).unwrap();
            let again = parse(&SourceText::new("written", text), &ParseOptions::default());
            let again = again.unwrap_or_else(|e| panic!("{}: {}", file.display(), e.render()));
            assert_eq!(fuzz::without_lines(circuit), fuzz::without_lines(again), "{}", file.display());
        }
    }
}

#[test]
fn invalid_files_are_refused_at_a_line() {
    for folder in ["conformance/ours_invalid2", "conformance/openqasm2_invalid"] {
        for file in shared(folder).iter().flat_map(|folder| qasm_files(folder)) {
            let diagnostic = read(&file).expect_err(&file.display().to_string());
            assert!(diagnostic.line() > 1 && diagnostic.help().is_some(), "{}", diagnostic.render());
        }
    }
}
