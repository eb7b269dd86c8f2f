//! Whole files, each accepted or refused as its folder says: the corpus of this crate, and the circuits that the
//! project bundles.

use bqc_circuit::Circuit;
use bqc_qasm::{Diagnostic, DirectoryIncludes, ParseOptions, SourceText, fuzz, parse, write};
use std::path::{Path, PathBuf};

/// A folder by its path in this crate.
fn folder(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
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
    for path in ["tests/corpus/accepted", "tests/corpus3/accepted", "tests/differential", "../../circuits"] {
        for file in qasm_files(&folder(path)) {
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
    let files = ["tests/corpus/refused", "tests/corpus3/refused"].map(|path| qasm_files(&folder(path)));
    for file in files.into_iter().flatten() {
        // Some are refused by a limit that `snapshots.rs` sets.
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        if text.starts_with("//! ") {
            continue;
        }
        let diagnostic = read(&file).expect_err(&file.display().to_string());
        let n_lines = text.lines().count().max(1);
        assert!((1..=n_lines + 1).contains(&(diagnostic.line() as usize)), "{}", diagnostic.render());
    }
}
