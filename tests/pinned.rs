//! The bytes of three outputs, pinned by their SHA-256: a change of what every compile writes cannot go unnoticed.
//!
//! Renew them when a change is meant to change results, and only then, with one command:
//!
//! `BQC_RENEW=1 cargo test --release --test pinned`
//!
//! That rewrites `tests/pinned.txt`. The commit that does so says why results change and what became of the counts of
//! gates. Between machines the last digits of an angle depend on the system's sine and cosine, so the pins are those
//! of Linux on x86-64 with glibc.

mod common;

use bqc_wire::plan::sha256;
use common::*;
use std::path::PathBuf;
use test_skips::{Need, skip};

/// Set to rewrite the pins.
const RENEW: &str = "BQC_RENEW";

/// Circuit and options. The seed is that of a user who gives none.
const CASES: [&str; 3] =
    ["adder_n4 --effort 2 --seed 0", "barenco_tof_n5 --effort 1 --seed 0", "qft_n5 --flow delete --seed 0"];

#[test]
fn outputs_are_those_of_before() {
    if !cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        return skip(Need::Linux, "the pinned outputs are those of Linux on x86-64 with glibc");
    }
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("tests/pinned.txt");
    let found: String = CASES.iter().map(|case| format!("{}  {case}\n", sha256(compiled(case).as_bytes()))).collect();
    if std::env::var_os(RENEW).is_some() {
        std::fs::write(&path, &found).unwrap();
    }
    let words = format!("outputs have changed; if they are meant to: {RENEW}=1 cargo test --release --test pinned");
    assert_eq!(found, read(&path), "{words}");
}

/// What comes out of a case: the same in this process as in workers.
fn compiled(case: &str) -> String {
    let (circuit, options) = case.split_once(' ').unwrap();
    let input = format!("{}/circuits/{circuit}.qasm", env!("CARGO_MANIFEST_DIR"));
    let of = |workers: &str| {
        let options: Vec<&str> = options.split(' ').collect();
        let (code, stdout, stderr) =
            parts(&run(&[&["compile", &input, "-q", "--run-dir", "off", "--workers", workers], &options[..]].concat()));
        assert_eq!(code, 0, "{case}: {stderr}");
        stdout
    };
    let in_process = of("off");
    assert_eq!(in_process, of("2"), "{case}: worker processes make another output");
    in_process
}
