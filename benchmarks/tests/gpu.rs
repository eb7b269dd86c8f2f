//! `bqc-bench gpu` on the imitated driver: everything runs, and a device that fails is no result.

#![cfg(target_os = "linux")]

#[path = "../../crates/bqc-cuda/tests/fake/compile.rs"]
mod fake;

use std::path::Path;
use std::process::Command;

#[test]
fn the_suite_runs_and_a_fault_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    fake::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), folder.path());
    let run = |scenario: &str| {
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bqc-bench"));
        bench.args(["gpu", "--quick", "--no-records"]).env("FAKE_CUDA", scenario);
        let output = bench.env("LD_LIBRARY_PATH", folder.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = run("well");
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let row = stdout.lines().find(|line| line.starts_with("| 3 | 8 | 8 |")).unwrap_or_else(|| panic!("{stdout}"));
    assert!(row.ends_with("| 0 |"), "no outcome differs: {row}");
    let (code, _, stderr) = run("late-fault");
    assert!(code == Some(2) && stderr.contains("the device context is lost"), "{stderr}");
}
