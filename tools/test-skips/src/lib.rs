//! Skipping a test that needs what a machine may lack, without being quiet about it.
//!
//! `BQC_REQUIRE` lists what the caller knows to be there, separated by commas: a skip for want of one of these is a
//! failure. Every other skip adds a line to `target/skips.txt`, which `.ci/run` removes first and prints last.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// Lists what must be there.
const VARIABLE: &str = "BQC_REQUIRE";

/// What a test may need and a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The command `bqc` beside the test's own programs, as a build of the whole workspace leaves it.
    Bqc,
    /// A limit on the memory of a group of processes, by either version of Linux's control groups.
    Cgroup,
    /// Linux, where alone GPUs are used.
    Linux,
    /// A file system of the test's own, mounted in a namespace.
    Mount,
    /// NVIDIA's program for the MPS daemon.
    Mps,
    /// A machine without NVIDIA's driver.
    NoDriver,
    /// The nightly toolchain with the source of `core`, which makes the PTX.
    Nvptx,
    /// NVIDIA's assembler.
    Ptxas,
    /// Pseudo-terminals.
    Pty,
    /// Qiskit, tket and PyZX, which read what bqc writes.
    Readers,
    /// A user whom permissions stop, which root is not.
    User,
    /// The linter of shell scripts.
    Shellcheck,
    /// A signal that whoever runs the tests does not ignore.
    Signals,
    /// Slurm's daemons and commands, and munge.
    Slurm,
}

impl Need {
    /// All of them.
    pub const ALL: [Need; 14] = [
        Need::Bqc,
        Need::Cgroup,
        Need::Linux,
        Need::Mount,
        Need::Mps,
        Need::NoDriver,
        Need::Nvptx,
        Need::Ptxas,
        Need::Pty,
        Need::Readers,
        Need::User,
        Need::Shellcheck,
        Need::Signals,
        Need::Slurm,
    ];

    /// As `BQC_REQUIRE` names it.
    pub fn name(self) -> &'static str {
        match self {
            Need::Bqc => "bqc",
            Need::Cgroup => "cgroup",
            Need::Linux => "linux",
            Need::Mount => "mount",
            Need::Mps => "mps",
            Need::NoDriver => "no-driver",
            Need::Nvptx => "nvptx",
            Need::Ptxas => "ptxas",
            Need::Pty => "pty",
            Need::Readers => "readers",
            Need::User => "user",
            Need::Shellcheck => "shellcheck",
            Need::Signals => "signals",
            Need::Slurm => "slurm",
        }
    }
}

/// Steps of `.ci/run` that may be skipped: `.ci/skip` does for them what [`skip`] does for tests.
const STEPS: [&str; 4] = ["fuzz", "macos", "msrv", "windows"];

/// Skips the test that calls this, because `need` is not there: to be followed by its end.
///
/// `why` says what exactly is missing, and how to get it. Panics if `BQC_REQUIRE` names the need, or names something
/// that no test needs, or if the skip cannot be recorded.
#[track_caller]
pub fn skip(need: Need, why: &str) {
    let thread = std::thread::current();
    let place = Location::caller();
    let test = thread.name().filter(|name| *name != "main").unwrap_or_else(|| place.file());
    let line = format!("{}: {test}: {why}", need.name());
    let required = std::env::var(VARIABLE).unwrap_or_default();
    if let Err(words) = skip_into(&records(), need, &line, &required) {
        panic!("{words}");
    }
}

/// `target/skips.txt`, wherever the target folder is.
fn records() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| OsString::from("target"));
    // Tests run in the folder of their package; a path that is absolute stays what it is.
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(target).join("skips.txt")
}

fn skip_into(records: &Path, need: Need, line: &str, required: &str) -> Result<(), String> {
    let required: BTreeSet<&str> = required.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    let known: BTreeSet<&str> = Need::ALL.iter().map(|need| need.name()).chain(STEPS).collect();
    let unknown: Vec<&&str> = required.difference(&known).collect();
    if !unknown.is_empty() {
        return Err(format!("{VARIABLE} names {unknown:?}, which no test needs; known are {known:?}"));
    }
    if required.contains(need.name()) {
        return Err(format!("{VARIABLE} requires `{}`, and the test would be skipped: {line}", need.name()));
    }
    println!("skipped: {line}");
    // One write of a short line: those of several processes do not mix.
    let file = OpenOptions::new().append(true).create(true).open(records);
    let written = file.and_then(|mut file| file.write_all(format!("{line}\n").as_bytes()));
    written.map_err(|e| format!("the skip cannot be recorded in {}: {e}", records.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_recorded_and_one_of_what_is_required_fails() {
        let folder = tempfile::tempdir().unwrap();
        let records = folder.path().join("skips.txt");
        let lines = || std::fs::read_to_string(&records).unwrap_or_default();
        for required in ["", "slurm", "slurm, mps", "fuzz"] {
            assert_eq!(skip_into(&records, Need::Ptxas, "ptxas: a: b", required), Ok(()));
        }
        assert_eq!(lines(), "ptxas: a: b\n".repeat(4));
        for required in ["ptxas", "slurm, ptxas"] {
            let words = skip_into(&records, Need::Ptxas, "ptxas: a: b", required).unwrap_err();
            assert!(words.contains("BQC_REQUIRE requires `ptxas`"), "{words}");
        }
        let words = skip_into(&records, Need::Ptxas, "ptxas: a: b", "slrum").unwrap_err();
        assert!(words.contains("slrum") && words.contains("slurm"), "{words}");
        assert_eq!(lines().lines().count(), 4);
        // A record that cannot be kept is no quiet one.
        assert!(skip_into(&folder.path().join("no/folder"), Need::Slurm, "x", "").is_err());
    }

    #[test]
    fn every_need_has_a_name_of_its_own() {
        let names: BTreeSet<&str> = Need::ALL.iter().map(|need| need.name()).chain(STEPS).collect();
        assert_eq!(names.len(), Need::ALL.len() + STEPS.len());
    }
}
