//! `bqc-bench gpu` and `benchmarks/gpu/run.sh` on the imitated driver: everything runs, and a device that
//! fails is no result.

#![cfg(target_os = "linux")]

#[path = "../../crates/bqc-cuda/tests/fake/compile.rs"]
mod fake;

use std::path::Path;
use std::process::Command;
use test_skips::{Need, skip};

#[test]
fn the_suite_runs_and_a_fault_ends_it() {
    let folder = tempfile::tempdir().unwrap();
    fake::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), folder.path());
    let records = folder.path().join("records");
    let run = |arguments: &[&str], scenario: &str| {
        let mut bench = Command::new(env!("CARGO_BIN_EXE_bqc-bench"));
        bench.args(arguments).arg("--quick").arg("--records").arg(&records).env("FAKE_CUDA", scenario);
        let output = bench.env("LD_LIBRARY_PATH", folder.path()).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, stdout, stderr) = run(&["gpu"], "well");
    assert_eq!(code, Some(0), "{stdout}{stderr}");
    let row = stdout.lines().find(|line| line.starts_with("| 3 | 8 | 8 |")).unwrap_or_else(|| panic!("{stdout}"));
    assert!(row.ends_with("| 0 |"), "no outcome differs: {row}");
    let summary = || std::fs::read_to_string(records.join("SUMMARY.md")).unwrap();
    assert!(summary().contains(row) && !summary().contains("Unfinished"), "{}", summary());
    let (code, _, stderr) = run(&["gpu"], "late-fault");
    assert!(code == Some(2) && stderr.contains("the device context is lost"), "{stderr}");
    // What was said before the fault is in the summary, and that it is not all.
    let left = summary();
    assert!(left.contains("cases of candidates") && left.contains("Unfinished") && !left.contains(row), "{left}");
    let (code, _, stderr) = run(&["instantiate", "--need-gpu"], "no-device");
    assert!(code == Some(2) && stderr.contains("no GPU: "), "{stderr}");
}

/// The whole script, where the compiler has been built beside this suite's program.
#[test]
fn the_script_records_everything_or_says_why_not() {
    let programs = Path::new(env!("CARGO_BIN_EXE_bqc-bench")).parent().unwrap();
    if !programs.join("bqc").exists() {
        let why = format!("the script needs `bqc` in {}; build the whole workspace", programs.display());
        return skip(Need::Bqc, &why);
    }
    let folder = tempfile::tempdir().unwrap();
    fake::compile(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), folder.path());
    let run_steps = |scenario: &str, steps: &[&str]| {
        let records = folder.path().join(scenario);
        let packed = folder.path().join("packed");
        let mut script = Command::new("bash");
        script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/gpu/run.sh")).args(["--quick", "--programs"]).arg(programs);
        script
            .args(steps)
            .arg("--records")
            .arg(&records)
            .env("OUT", packed)
            .env("FAKE_CUDA", scenario)
            .env("LD_LIBRARY_PATH", folder.path());
        let output = script.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned(), records)
    };
    let run = |scenario: &str| run_steps(scenario, &[]);
    let (code, stderr, records) = run("well");
    assert_eq!(code, Some(0), "{stderr}");
    let read = |name: &str| std::fs::read_to_string(records.join(name)).unwrap();
    assert!(read("doctor.txt").contains("GFLOP/s in f64"));
    assert!(read("gpu-device.csv").contains("device,Imaginary GPU") && read("gpu.csv").lines().count() == 3);
    let compiled = read("compile.csv");
    assert!(compiled.contains("adder_n4,cuda,1,") && compiled.contains("adder_n4,cpu,1,"), "{compiled}");
    let summary = read("SUMMARY.md");
    assert!(summary.contains("## gpu\n") && summary.contains("## gpu compile") && summary.contains("| adder_n4 |"));
    let packed = Command::new("tar").arg("-tzf").arg(folder.path().join("packed/well.tar.gz")).output().unwrap();
    let packed = String::from_utf8_lossy(&packed.stdout).into_owned();
    let of_all =
        ["SUMMARY.md", "gpu.csv", "instantiate.csv", "compile.csv", "doctor.txt", "templates/template_3_9.qasm"];
    assert!(of_all.iter().all(|name| packed.lines().any(|line| line == format!("well/{name}"))), "{packed}");
    // One step again: its section is replaced, and the others stay.
    assert_eq!(run_steps("well", &["--steps", "jax compile"]).0, Some(0));
    let count = |title: &str| read("SUMMARY.md").lines().filter(|line| *line == title).count();
    assert!(["## gpu", "## instantiate", "## gpu compile", "## gpu qfactor-jax"].iter().all(|title| count(title) == 1));
    assert_eq!(run_steps("well", &["--steps", "gpu all"]).0, Some(1));
    let (code, stderr, _) = run("exclusive");
    assert!(code == Some(1) && stderr.contains("no GPU is usable here"), "{stderr}");
    assert!(summary.contains("## instantiate") && read("instantiate.csv").contains("sweeps,3,9,gpu,0,"), "{summary}");
    // What fails keeps nothing else from being measured.
    let (code, stderr, records) = run("late-fault");
    assert!(code == Some(1) && stderr.contains("failed: gpu"), "{stderr}");
    let compiled = std::fs::read_to_string(records.join("compile.csv")).unwrap();
    assert!(records.join("instantiate.csv").exists() && compiled.contains("adder_n4,cpu,1,"), "{compiled}");
}
