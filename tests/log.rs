//! `--log`: what happens in a run, as JSON lines that a program can read while it happens.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use common::*;
use nix::sys::signal::Signal;
use processes::*;
use serde_json::Value;
use std::collections::HashSet;
use std::process::Stdio;

const OPTIONS: [&str; 8] = ["--flow", "delete", "-k", "3", "--passes", "2", "--workers", "2"];

/// Compiles `long(8, 10)` with a log; gives what the log says by then.
fn compile(folder: &Folder, extra: &[&str]) -> (i32, Vec<Value>) {
    let input = folder.write("in.qasm", &long(8, 10));
    let (output, log) = (folder.arg("out.qasm"), folder.arg("log"));
    let args = [&["compile", &input, "-o", &output, "--log", &log], &OPTIONS[..], extra].concat();
    (run(&args).status.code().unwrap(), lines(folder))
}

fn lines(folder: &Folder) -> Vec<Value> {
    folder
        .read("log")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}")))
        .collect()
}

fn of<'a>(lines: &'a [Value], message: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["message"] == message).collect()
}

#[test]
fn a_batch_tells_of_all_its_circuits() {
    let folder = Folder::new();
    let inputs = [1, 2].map(|n| folder.write(&format!("{n}.qasm"), &long(3, n)));
    let broken = folder.write("broken.qasm", "no circuit");
    let (log, out) = (folder.arg("log"), folder.arg("out"));
    let of_log = |log: &str| {
        let inputs = [inputs[0].as_str(), &inputs[1], &broken];
        let output = run(&[&["batch"], &inputs[..], &["--out-dir", &out, "--log", log, "--flow", "delete"]].concat());
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for spoilt in
        [inputs[0].clone(), folder.arg("nowhere/log"), folder.arg("out/1.qasm"), folder.arg("out/2.batch.json")]
    {
        let (code, stderr) = of_log(&spoilt);
        assert!(code == 2 && stderr.contains(&spoilt), "{stderr}");
    }
    assert!(!folder.path("out/1.qasm").exists());
    assert_eq!(of_log(&log).0, 2);
    let log = lines(&folder);
    let begun: Vec<_> = of(&log, "run started").iter().map(|line| line["input"].as_str().unwrap()).collect();
    assert_eq!(begun, [&inputs[1], &inputs[0]]);
    assert_eq!((of(&log, "run ended").len(), of(&log, "circuit left out").len()), (2, 1));
}

#[test]
fn each_worker_and_each_unit_is_in_the_log() {
    let folder = Folder::new();
    let report = folder.arg("report.json");
    let (code, log) = compile(&folder, &["--report", &report, "--worker-fault", "abort@30"]);
    assert_eq!(code, 0);
    assert!(log.iter().all(|line| line["timestamp"].is_string() && line["level"].is_string()));
    assert_eq!(log[0]["message"], "run started");
    assert_eq!((&log[0]["workers"], &log[0]["build"]), (&2.into(), &env!("BQC_BUILD").into()));
    assert!(log[0]["settings"].as_str().unwrap().contains("block_size: 3"));
    let report: Value = serde_json::from_str(&folder.read("report.json")).unwrap();
    let (started, lost) = (of(&log, "worker started"), of(&log, "worker lost"));
    assert_eq!(started.len() as u64, report["workers"]["started"].as_u64().unwrap());
    assert_eq!(lost.len() as u64, report["workers"]["lost"].as_u64().unwrap());
    let ids: HashSet<u64> = started.iter().map(|line| line["worker"].as_u64().unwrap()).collect();
    assert!(!lost.is_empty() && lost.iter().all(|line| ids.contains(&line["worker"].as_u64().unwrap())));
    assert!(lost.iter().all(|line| line["reason"].as_str().unwrap().contains("SIGABRT")), "{lost:?}");
    // Every unit once, though equal blocks are one unit.
    let solved = of(&log, "unit solved");
    let units: HashSet<&str> = solved.iter().map(|line| line["unit"].as_str().unwrap()).collect();
    assert!(units.len() == solved.len() && units.iter().all(|unit| unit.len() == 64));
    assert!((10..=report["block_records"].as_array().unwrap().len()).contains(&units.len()));
    for line in solved {
        assert!(ids.contains(&line["worker"].as_u64().unwrap()) && line["seconds"].as_f64().unwrap() >= 0.0);
        assert!(line["cx_after"].as_u64().unwrap() <= line["cx_before"].as_u64().unwrap());
    }
    assert_eq!((of(&log, "pass started").len(), of(&log, "pass finished").len()), (3, 3));
    let end = log.last().unwrap();
    assert_eq!((&end["message"], &end["exit"]), (&"run ended".into(), &0.into()));
    assert_eq!(end["cx_after"], report["output"]["two_qubit_gates"]);
}

#[test]
fn a_second_run_is_added_and_says_what_was_known() {
    let folder = Folder::new();
    let run_folder = folder.arg("run");
    let (_, first) = compile(&folder, &["--run-dir", &run_folder]);
    assert_eq!(of(&first, "folder opened")[0]["n_known"], 0);
    let n_units = of(&first, "unit solved").len();
    let (_, both) = compile(&folder, &["--run-dir", &run_folder]);
    let second = &both[first.len()..];
    assert_eq!(of(second, "folder opened")[0]["n_known"], n_units);
    let known = of(second, "unit known");
    assert!(known.len() == n_units && known.iter().all(|line| line["from"] == "journal"));
    assert!(of(second, "unit solved").is_empty());
}

#[test]
fn the_signal_and_the_error_that_end_a_run_are_in_the_log() {
    let folder = Folder::new();
    let (input, log) = (folder.write("in.qasm", &long(8, 100)), folder.arg("log"));
    let args = ["compile", &input, "-o", &folder.arg("out.qasm"), "--log", &log, "--workers", "2"];
    let mut child = bqc(&args).stderr(Stdio::null()).spawn().unwrap();
    wait_until("a unit", || folder.path("log").exists() && folder.read("log").contains("unit solved"));
    send(&child, Signal::SIGUSR1);
    assert_eq!(child.wait().unwrap().code(), Some(75));
    let said = lines(&folder);
    assert_eq!(of(&said, "stopping")[0]["signal"], Signal::SIGUSR1 as i32);
    assert_eq!(said.last().unwrap()["status"], "Interrupted");
    std::fs::remove_file(&log).unwrap();
    assert_eq!(run(&["compile", "no such file", "--log", &log]).status.code(), Some(2));
    assert!(lines(&folder)[0]["reason"].as_str().unwrap().contains("no such file"));
}

#[test]
fn a_log_that_cannot_be_written_is_refused_and_one_that_fills_up_ends_no_run() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let (code, _, stderr) = parts(&run(&["compile", &input, "--log", &folder.arg("missing/log")]));
    assert!(code == 2 && stderr.contains("missing/log"), "{stderr}");
    let (code, _, stderr) = parts(&run(&["compile", &input, "--log", "-"]));
    assert!(code == 2 && stderr.contains("the log goes to a file") && !std::path::Path::new("-").exists(), "{stderr}");
    let (code, stdout, stderr) = parts(&run(&["compile", &input, "--log", "/dev/full"]));
    assert!(code == 0 && stdout.contains("OPENQASM") && !stderr.contains("subscriber"), "{stderr}");
}

#[test]
fn a_log_spoils_neither_the_input_nor_an_output() {
    let folder = Folder::new();
    let (input, output, report) = (folder.write("in.qasm", &redundant()), folder.arg("out"), folder.arg("r.json"));
    folder.write("out", "what was there");
    for log in [&input, &output, &report] {
        let (code, _, stderr) = parts(&run(&["compile", &input, "-o", &output, "--report", &report, "--log", log]));
        assert!(code == 2 && stderr.contains("choose another file for --log"), "{log}: {stderr}");
    }
    assert_eq!((folder.read("in.qasm"), folder.read("out")), (redundant(), "what was there".into()));
    assert_eq!(folder.names(), ["in.qasm", "out"]);
}
