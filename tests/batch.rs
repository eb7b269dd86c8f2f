//! `bqc batch` without a batch system: shares, records, resuming, other tasks at the same circuit.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use bqc_wire::{BatchOutcome, BatchRecord, Document, Report};
use common::*;
use nix::sys::signal::Signal;
use processes::*;
use std::fs;
use std::process::{Child, Stdio};
use std::time::SystemTime;

const OPTIONS: [&str; 8] = ["--flow", "delete", "-k", "4", "--passes", "6", "--workers", "off"];

/// Six circuits of which two cannot be compiled, and a list of them.
fn folder() -> Folder {
    let folder = Folder::new();
    for (name, n_rounds) in [("one", 1), ("two", 2), ("three", 3), ("four", 4)] {
        folder.write(&format!("{name}.qasm"), &long(4, n_rounds));
    }
    folder.write("broken.qasm", "OPENQASM 2.0;\nqreg q[2];\nfrobnicate q[0];\n");
    let names = ["one.qasm", "two.qasm", "broken.qasm", "three.qasm", "missing.qasm", "four.qasm"];
    let lines: String = names.map(|name| format!("{}\n", folder.arg(name))).concat();
    folder.write("list", &format!("# all of them\n\n{lines}"));
    folder
}

fn batch(folder: &Folder, extra: &[&str]) -> (i32, String) {
    let (code, stdout, stderr) = parts(&started(folder, extra).wait_with_output().unwrap());
    assert_eq!(stdout, "");
    (code, stderr)
}

fn started(folder: &Folder, extra: &[&str]) -> Child {
    let mut command = bqc(&["batch", "--list", &folder.arg("list"), "--out-dir", &folder.arg("out")]);
    command.args(OPTIONS).args(extra).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn summary(folder: &Folder, extra: &[&str]) -> (i32, String) {
    let out = folder.arg("out");
    let (code, stdout, _) = parts(&run(&[&["batch", "--summary", &out], extra].concat()));
    (code, stdout)
}

fn record(folder: &Folder, name: &str) -> BatchRecord {
    BatchRecord::from_json(&folder.read(&format!("out/{name}.batch.json"))).unwrap()
}

fn modified(folder: &Folder, name: &str) -> SystemTime {
    fs::metadata(folder.path(&format!("out/{name}.qasm"))).unwrap().modified().unwrap()
}

/// A folder with one circuit of a second's work and more.
fn long_folder() -> Folder {
    let folder = Folder::new();
    let path = folder.write("long.qasm", &long(8, 100));
    folder.write("list", &path);
    folder
}

fn run_folders(folder: &Folder) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(folder.path("out/runs")).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

/// Bytes of all journals.
fn n_journal_bytes(folder: &Folder) -> u64 {
    let files = run_folders(folder).into_iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    files.map(|entry| entry.metadata().map_or(0, |m| m.len())).sum()
}

#[test]
fn the_good_are_done_the_bad_recorded_and_nothing_is_done_twice() {
    let folder = folder();
    let (code, stderr) = batch(&folder, &[]);
    assert_eq!(code, 2, "{stderr}");
    assert!(stderr.contains("4 done (0 with faults), 0 were done before, 2 refused, 0 left to do"), "{stderr}");
    // The largest came first.
    assert!(stderr.find("four: 4 qubits") < stderr.find("one: 4 qubits"), "{stderr}");
    for name in ["one", "two", "three", "four"] {
        let (input, output) = (folder.arg(&format!("{name}.qasm")), folder.arg(&format!("out/{name}.qasm")));
        // The same bytes as when it is compiled alone.
        let (alone, report) = (folder.arg("alone.qasm"), folder.read(&format!("out/{name}.report.json")));
        assert!(run(&[&["compile", &input, "-o", &alone, "-q"], &OPTIONS[..]].concat()).status.success());
        assert_eq!(folder.read("alone.qasm"), read(output.as_ref()));
        let (report, record) = (Report::from_json(&report).unwrap(), record(&folder, name));
        assert_eq!(record.outcome, BatchOutcome::Complete);
        assert_eq!(record.figures.unwrap().two_qubit_gates_after, report.output.two_qubit_gates);
    }
    let error = record(&folder, "broken").error.unwrap();
    assert!(error.contains("broken.qasm:3:1") && error.contains("frobnicate") && !error.contains('\n'), "{error}");
    assert!(record(&folder, "missing").error.unwrap().contains("No such file"));
    assert_eq!(run_folders(&folder).len(), 0, "journals of circuits that are done");

    let before = modified(&folder, "four");
    let (code, stderr) = batch(&folder, &[]);
    assert!(code == 2 && stderr.contains("0 done (0 with faults), 4 were done before, 2 refused"), "{stderr}");
    assert_eq!(modified(&folder, "four"), before);
    // Other settings, another input, or an output that is not what was written are reasons to do it.
    assert!(batch(&folder, &["--seed", "1"]).1.contains("4 done"));
    folder.write("two.qasm", &long(4, 1));
    fs::write(folder.path("out/one.qasm"), "").unwrap();
    assert_eq!(summary(&folder, &[]).0, 75);
    let (code, stderr) = batch(&folder, &["--seed", "1"]);
    assert!(code == 2 && stderr.contains("2 done (0 with faults), 2 were done before"), "{stderr}");
    // What was mended is done.
    folder.write("broken.qasm", &long(3, 1));
    folder.write("missing.qasm", &long(3, 2));
    let (code, stderr) = batch(&folder, &["--seed", "1"]);
    assert!(code == 0 && stderr.contains("2 done (0 with faults), 4 were done before, 0 refused"), "{stderr}");
    assert_eq!(summary(&folder, &[]).0, 0);
}

#[test]
fn an_input_that_is_away_for_a_while_costs_no_result() {
    let folder = Folder::new();
    let path = folder.write("one.qasm", &long(4, 1));
    folder.write("list", &path);
    assert_eq!(batch(&folder, &[]).0, 0);
    let before = folder.read("out/one.batch.json");
    fs::rename(&path, folder.path("away")).unwrap();
    let (code, stderr) = batch(&folder, &[]);
    assert!(code == 2 && stderr.contains("No such file") && stderr.contains("1 refused"), "{stderr}");
    assert_eq!(folder.read("out/one.batch.json"), before);
    assert_eq!(summary(&folder, &[]).0, 0);
    fs::rename(folder.path("away"), &path).unwrap();
    assert!(batch(&folder, &[]).1.contains("1 were done before"));
    // An input that is there, and no circuit any more, is another matter.
    folder.write("one.qasm", "OPENQASM 2.0;\nfrobnicate q[0];\n");
    assert_eq!(batch(&folder, &[]).0, 2);
    assert_eq!(record(&folder, "one").outcome, BatchOutcome::Refused);
}

#[test]
fn a_result_that_cannot_be_written_keeps_no_other_from_it() {
    let folder = folder();
    let long_name = folder.write(&format!("{}.qasm", "n".repeat(245)), &long(3, 1));
    folder.write("list", &["four.qasm", "two.qasm", "one.qasm"].map(|name| folder.arg(name) + "\n").concat());
    fs::write(folder.path("list"), folder.read("list") + &long_name).unwrap();
    fs::create_dir_all(folder.path("out/two.qasm")).unwrap();
    let (code, stderr) = batch(&folder, &[]);
    assert!(code == 2 && stderr.contains("two is left out") && stderr.contains("it is a folder"), "{stderr}");
    assert!(stderr.contains("3 done (0 with faults), 0 were done before, 1 refused, 0 left to do"), "{stderr}");
    assert_eq!(summary(&folder, &[]).0, 2);
    // Where nothing can be written there is no sense in going on, and it is said how far it came.
    fs::remove_file(folder.path("out/one.batch.json")).unwrap();
    fs::create_dir(folder.path("out/one.batch.json")).unwrap();
    let (code, stderr) = batch(&folder, &[]);
    assert!(code == 2 && stderr.contains("cannot write") && stderr.contains("left to do"), "{stderr}");
}

#[test]
fn the_summary_forgets_what_was_taken_from_a_list_and_never_done() {
    let folder = Folder::new();
    let [one, two] = ["one.qasm", "two.qasm"].map(|name| folder.write(name, &long(3, 1)));
    let list = |lines: &[&str]| folder.write("list", &lines.join("\n"));
    list(&[&one, "no/such.qasm"]);
    assert_eq!(batch(&folder, &[]).0, 2);
    assert_eq!(summary(&folder, &[]).0, 2);
    list(&[&two, "never/begun.qasm"]);
    assert_eq!(batch(&folder, &["--shard", "0/2"]).0, 0);
    let names =
        |table: &str| table.lines().skip(1).map(|l| l.split(',').next().unwrap().to_owned()).collect::<Vec<_>>();
    let (code, table) = summary(&folder, &["--format", "csv"]);
    assert_eq!((code, names(&table)), (75, ["two", "begun", "one"].map(String::from).to_vec()));
    list(&[&two]);
    assert_eq!(batch(&folder, &[]).0, 0);
    let (code, table) = summary(&folder, &["--format", "csv"]);
    assert_eq!((code, names(&table)), (0, ["two", "one"].map(String::from).to_vec()));
    // What was mistyped was never asked for.
    assert_eq!(parts(&run(&["batch", &one, "oen.qasm", "--out-dir", &folder.arg("out")])).0, 2);
    assert_eq!(summary(&folder, &[]).0, 0);
}

#[test]
fn circuits_of_one_name_keep_results_of_their_own() {
    let folder = Folder::new();
    ["a", "b"].iter().for_each(|name| fs::create_dir(folder.path(name)).unwrap());
    let list = |name: &str, text: &str| folder.write("list", &folder.write(name, text));
    list("a/x.qasm", &long(4, 1));
    assert_eq!(batch(&folder, &[]).0, 0);
    let output = folder.read("out/x.qasm");
    list("b/x.qasm", &long(3, 1));
    assert!(batch(&folder, &[]).1.contains("1 done"));
    assert_eq!(folder.read("out/x.qasm"), output);
    // Both in one list, each is known.
    let both = format!("{}\n{}\n", folder.arg("a/x.qasm"), folder.arg("b/x.qasm"));
    folder.write("list", &both);
    assert!(batch(&folder, &[]).1.contains("2 were done before"));
    let (code, table) = summary(&folder, &["--format", "csv"]);
    assert!(code == 0 && table.lines().count() == 3, "{table}");
    assert!(table.lines().any(|line| line.starts_with("x,complete,4,") && line.ends_with("a/x.qasm")), "{table}");
    // Another process is faster.
    list("b/y.qasm", &long(8, 400));
    let child = started(&folder, &["-j", "1"]);
    wait_until("a journal", || n_journal_bytes(&folder) > 0);
    let other = folder.read("out/x.batch.json");
    folder.write("out/y.batch.json", &other);
    send(&child, Signal::SIGUSR1);
    let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
    assert!(code == 75 && stderr.contains("have got this name"), "{stderr}");
    assert!(folder.read("out/y.batch.json") == other && !folder.path("out/y.qasm").exists());
}

#[test]
fn shares_make_up_the_whole_and_the_summary_knows_what_is_missing() {
    let folder = folder();
    assert_eq!(batch(&folder, &["--shard", "1/3"]).0, 2, "two and missing");
    let (code, table) = summary(&folder, &["--format", "csv"]);
    assert_eq!(code, 75);
    let states =
        |table: &str| table.lines().skip(1).map(|line| line.split(',').nth(1).unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(states(&table), ["missing", "complete", "missing", "missing", "refused", "missing"]);
    assert_eq!(summary(&folder, &["--shard", "1/3"]).0, 2);
    // More shares than circuits: the last of them have nothing to do, and that is no fault.
    let list = folder.arg("list");
    assert_eq!(batch(&folder, &["--shard", "7/8"]).0, 0);
    assert_eq!(summary(&folder, &["--list", &list, "--shard", "7/8"]).0, 0);
    // A task of an array knows its share by itself.
    for id in ["5", "7"] {
        let mut command = bqc(&["batch", "--list", &folder.arg("list"), "--out-dir", &folder.arg("out")]);
        let variables =
            [("TASK_ID", id), ("TASK_COUNT", "3"), ("TASK_MIN", "5"), ("TASK_MAX", "7"), ("TASK_STEP", "1")];
        command.args(OPTIONS).envs(variables.map(|(name, value)| (format!("SLURM_ARRAY_{name}"), value)));
        let (_, _, stderr) = parts(&command.output().unwrap());
        assert!(stderr.contains(&format!("share {}/3: ", id.parse::<u32>().unwrap() - 5)), "{stderr}");
    }
    let (code, table) = summary(&folder, &["--format", "csv"]);
    assert_eq!(states(&table), ["complete", "complete", "refused", "complete", "refused", "complete"]);
    assert_eq!(code, 2);
    let (_, html) = summary(&folder, &["--format", "html"]);
    assert!(html.contains("6 circuits: 4 done, 2 refused, 0 left to do"), "{html}");
}

#[test]
fn an_interrupted_circuit_goes_on_and_comes_out_the_same() {
    let folder = long_folder();
    let mut child = started(&folder, &[]);
    wait_until("results", || n_journal_bytes(&folder) > 4000);
    send(&child, Signal::SIGUSR1);
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert_eq!(record(&folder, "long").outcome, BatchOutcome::Unfinished);
    assert_eq!(parts(&run(&["verify", &folder.arg("long.qasm"), &folder.arg("out/long.qasm")])).0, 0);
    assert_eq!(summary(&folder, &[]).0, 75);
    // Killed in the middle of it, too.
    let n_bytes = n_journal_bytes(&folder);
    let mut child = started(&folder, &[]);
    wait_until("more results", || n_journal_bytes(&folder) > n_bytes + 2000);
    send(&child, Signal::SIGKILL);
    child.wait().unwrap();
    // The end of the batch's time is no end of the circuit's.
    let (code, stderr) = batch(&folder, &["--time-limit", "50ms"]);
    assert_eq!(code, 75, "{stderr}");
    let (code, stderr) = batch(&folder, &[]);
    assert_eq!(code, 0, "{stderr}");
    let report = Report::from_json(&folder.read("out/long.report.json")).unwrap();
    assert!(report.known.taken > 0, "{:?}", report.known);
    let alone = folder.arg("alone.qasm");
    assert!(run(&[&["compile", &folder.arg("long.qasm"), "-o", &alone], &OPTIONS[..]].concat()).status.success());
    assert_eq!(folder.read("alone.qasm"), folder.read("out/long.qasm"));
}

#[test]
fn half_a_result_takes_no_better_ones_place() {
    let folder = long_folder();
    folder.write("long.qasm", &long(8, 400));
    let stopped = |options: &[&str]| {
        let n_bytes = n_journal_bytes(&folder);
        let child = started(&folder, &[&["-j", "1"], options].concat());
        wait_until("a run of its own", || n_journal_bytes(&folder) > n_bytes);
        send(&child, Signal::SIGUSR1);
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 75, "{stderr}");
        stderr
    };
    stopped(&[]);
    // As if the first had found more than the second can.
    let mut first = record(&folder, "long");
    first.figures.as_mut().unwrap().two_qubit_gates_after = 1;
    folder.write("out/long.batch.json", &first.to_json());
    let before = modified(&folder, "long");
    let stderr = stopped(&[]);
    assert!(stderr.contains("as it was found before") && stderr.contains("the same command goes on"), "{stderr}");
    assert_eq!(modified(&folder, "long"), before);
    let second = record(&folder, "long");
    assert_eq!((second.outcome, &second.output_sha256), (BatchOutcome::Unfinished, &first.output_sha256));
    assert!(second.figures.unwrap().wall_seconds > first.figures.unwrap().wall_seconds);
    // With other settings it is another matter.
    stopped(&["--seed", "1"]);
    assert!(modified(&folder, "long") > before);
}

#[test]
fn a_circuits_own_limit_is_an_end_until_it_is_raised() {
    let folder = long_folder();
    let limited = ["-j", "1", "--circuit-time-limit", "1s"];
    folder.write("long.qasm", &long(8, 400));
    let (code, stderr) = batch(&folder, &limited);
    assert!(code == 0 && stderr.contains("its time limit"), "{stderr}");
    assert!(!stderr.contains("the same command goes on"), "it does not: {stderr}");
    assert_eq!(record(&folder, "long").outcome, BatchOutcome::TimeLimit);
    assert!(batch(&folder, &limited).1.contains("1 were done before"));
    let (code, stderr) = batch(&folder, &["--circuit-time-limit", "1h"]);
    assert!(code == 0 && stderr.contains("1 done"), "{stderr}");
    assert_eq!(record(&folder, "long").outcome, BatchOutcome::Complete);
    let report = Report::from_json(&folder.read("out/long.report.json")).unwrap();
    assert!(report.known.taken > 0, "the shorter run was not forgotten");
}

#[test]
fn two_tasks_at_the_same_circuits_do_each_once() {
    let folder = long_folder();
    folder.write("list", &format!("{}\n{}\n", folder.arg("long.qasm"), folder.write("short.qasm", &long(4, 2))));
    let children = [started(&folder, &[]), started(&folder, &[])];
    let mut n_done = 0;
    for child in children {
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{stderr}");
        let words = stderr.lines().last().unwrap().split(": ").nth(1).unwrap();
        n_done += words.split(' ').next().unwrap().parse::<u32>().unwrap();
    }
    assert_eq!(n_done, 2);
    assert_eq!(run_folders(&folder).len(), 0, "journals of circuits that are done");
    assert_eq!(summary(&folder, &[]).0, 0);
}

#[test]
fn a_task_that_shows_no_life_is_not_waited_for() {
    let folder = long_folder();
    let mut child = started(&folder, &[]);
    wait_until("results", || n_journal_bytes(&folder) > 4000);
    send(&child, Signal::SIGSTOP);
    let (code, stderr) = batch(&folder, &["--lease", "1s"]);
    assert!(code == 0 && stderr.contains("shows no life"), "{stderr}");
    let report = Report::from_json(&folder.read("out/long.report.json")).unwrap();
    assert!(report.known.taken > 0, "{:?}", report.known);
    let output = folder.read("out/long.qasm");
    // It wakes up, and does no harm; half a result is not written over a whole one.
    send(&child, Signal::SIGCONT);
    send(&child, Signal::SIGUSR1);
    child.wait().unwrap();
    assert_eq!(folder.read("out/long.qasm"), output);
    assert_eq!(summary(&folder, &[]).0, 0);
}

#[test]
fn a_task_of_slurm_uses_the_cores_that_it_was_given() {
    let folder = folder();
    let of_task = |n_cores: &str| {
        let out = folder.arg("out");
        let mut command = bqc(&["batch", &folder.arg("one.qasm"), "--out-dir", &out]);
        command.args(OPTIONS).env("SLURM_CPUS_PER_TASK", n_cores);
        assert!(command.status().unwrap().success());
        let report = Report::from_json(&folder.read("out/one.report.json")).unwrap();
        fs::remove_dir_all(out).unwrap();
        report.settings.threads
    };
    let n_cores = std::thread::available_parallelism().unwrap().get() as u64;
    assert_eq!(["1", "1000000", "x"].map(of_task), [1, n_cores, n_cores]);
}

#[test]
fn what_makes_no_sense_is_refused_before_any_work() {
    let folder = folder();
    let (list, out) = (folder.arg("list"), folder.arg("out"));
    let one = folder.arg("one.qasm");
    let here = folder.arg("");
    for (arguments, word) in [
        (vec!["batch", "--out-dir", &out], "no circuit"),
        (vec!["batch", "--out-dir", &out, "-"], "names no file"),
        (vec!["batch", "--list", &list], "--out-dir"),
        (vec!["batch", "--list", &list, "--out-dir", &one], "cannot write"),
        (vec!["batch", &one, "--out-dir", &here], "the input's place"),
        (vec!["batch", "--list", &list, "--out-dir", &out, "--shard", "3/3"], "no share"),
        (vec!["batch", "--list", &list, "--out-dir", &out, "--workers", "2", "-j", "1"], "contradicts"),
        (vec!["batch", "--summary", "nowhere"], "cannot read"),
        (vec!["batch", &one, "--list", &list, "--out-dir", &out], "cannot be used with"),
    ] {
        let (code, _, stderr) = parts(&run(&arguments));
        assert!(code == 2 && stderr.contains(word), "{arguments:?}: {stderr}");
    }
    assert!(!folder.path("out/one.qasm").exists());
}
