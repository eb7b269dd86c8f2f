//! Every feature of the language and every message, as files: `corpus/accepted` beside the circuit
//! that is written for it, `corpus/refused` beside the rendered message. `corpus3` has those of version 3.
//!
//! `BLESS_SNAPSHOTS=1 cargo test -p bqc-qasm --test snapshots` writes what was found in place of what
//! was expected; read the difference before committing it. A first line `//! max-qubits 10` sets a
//! limit by the name of its flag.

use bqc_qasm::{Limits, ParseOptions, SourceText, fuzz, parse, write};
use std::path::{Path, PathBuf};

/// The names of the cases, their texts and limits; those of version 3 have names that begin with `v3_`.
fn cases(kind: &str) -> Vec<(String, SourceText, Limits)> {
    let mut found = cases_of("corpus", kind, "");
    found.extend(cases_of("corpus3", kind, "v3_"));
    found
}

fn cases_of(corpus: &str, kind: &str, prefix: &str) -> Vec<(String, SourceText, Limits)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(corpus).join(kind);
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() > 5, "{} is nearly empty", folder.display());
    let case = |file: &PathBuf| {
        let name = format!("{prefix}{}", file.file_stem().unwrap().to_str().unwrap());
        let bytes = std::fs::read(file).unwrap();
        let limits = limits(&String::from_utf8_lossy(&bytes));
        (name.clone(), SourceText::new(format!("{name}.qasm"), bytes), limits)
    };
    files.iter().map(case).collect()
}

fn limits(text: &str) -> Limits {
    let mut limits = Limits::default();
    let Some(setting) = text.strip_prefix("//! ") else { return limits };
    let (flag, value) = setting.lines().next().unwrap().split_once(' ').unwrap();
    let value: u32 = value.parse().unwrap();
    match flag {
        "max-depth" => limits.max_depth = value,
        "max-qubits" => limits.max_qubits = value,
        "max-clbits" => limits.max_clbits = value,
        "max-operations" => limits.max_operations = value.into(),
        _ => panic!("no limit has the flag --{flag}"),
    }
    limits
}

/// Compares with the committed text, or replaces it.
fn check(file: &str, found: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(file);
    if std::env::var_os("BLESS_SNAPSHOTS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, found).unwrap();
        return Ok(());
    }
    match std::fs::read_to_string(&path) {
        Ok(expected) if expected == found => Ok(()),
        Ok(expected) => Err(format!("{file}: expected\n{expected}\nfound\n{found}")),
        Err(error) => Err(format!("{file}: {error}; found\n{found}")),
    }
}

fn report(results: impl Iterator<Item = Result<(), String>>) {
    let failures: Vec<String> = results.filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{} differ\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn accepted_sources_mean_what_is_written_for_them() {
    report(cases("accepted").into_iter().map(|(name, source, limits)| {
        let options = ParseOptions { limits, ..ParseOptions::default() };
        let circuit = parse(&source, &options).unwrap_or_else(|e| panic!("{}", e.render()));
        let mut text = Vec::new();
        write(&circuit, &mut text).unwrap();
        let text = String::from_utf8(text).unwrap();
        let again = parse(&SourceText::new("written", text.as_str()), &options).unwrap();
        assert_eq!(fuzz::without_lines(circuit), fuzz::without_lines(again), "{name}");
        check(&format!("accepted/{name}.qasm"), &text)
    }));
}

#[test]
fn refused_sources_have_these_messages() {
    report(cases("refused").into_iter().map(|(name, source, limits)| {
        let options = ParseOptions { limits, ..ParseOptions::default() };
        match parse(&source, &options) {
            Ok(_) => Err(format!("{name} was accepted")),
            Err(diagnostic) => {
                let place = format!("{name}.qasm:{}:{}: ", diagnostic.line(), diagnostic.column());
                assert!(diagnostic.to_string().starts_with(&place), "{diagnostic}");
                check(&format!("refused/{name}.txt"), &diagnostic.render())
            }
        }
    }));
}
