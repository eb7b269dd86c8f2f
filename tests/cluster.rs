//! One circuit over several supervisors on one folder: the bytes are those of one process, whoever dies,
//! sleeps or comes later.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use bqc_wire::{CheckMethod, CheckpointRecord, Document, Entry, Replay, Report, RunStatus, Status, UnitKey};
use common::*;
use nix::sys::signal::Signal;
use processes::*;
use std::fs;
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

/// Some seconds of work.
const OPTIONS: [&str; 8] = ["--flow", "delete", "-k", "4", "--passes", "3", "--starts", "4"];

/// A folder with an input of 528 CX on 10 wires, and its plan in `run`.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("in.qasm", &long(10, 11));
    assert_eq!(plan(&folder, &OPTIONS).0, 0);
    folder
}

fn plan(folder: &Folder, options: &[&str]) -> (i32, String) {
    let (input, run_dir) = (folder.arg("in.qasm"), folder.arg("run"));
    let (code, _, stderr) = parts(&run(&[&["plan", &input, "--run-dir", &run_dir], options].concat()));
    (code, stderr)
}

fn expected(folder: &Folder) -> String {
    let (input, output) = (folder.arg("in.qasm"), folder.arg("one.qasm"));
    assert_eq!(run(&[&["compile", &input, "-q", "-o", &output], &OPTIONS[..]].concat()).status.code(), Some(0));
    folder.read("one.qasm")
}

/// A supervisor with one worker, as the given task of a job of `n_ranks`.
fn start(folder: &Folder, job: &str, rank: usize, n_ranks: usize, extra: &[&str]) -> Child {
    let run_dir = folder.arg("run");
    let mut command = bqc(&[&["work", &run_dir, "-j", "1"], extra].concat());
    let task = [("SLURM_JOB_ID", job.to_owned()), ("SLURM_PROCID", rank.to_string())];
    command.envs(task).env("SLURM_NTASKS", n_ranks.to_string());
    command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(child: Child) -> (i32, String) {
    let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
    (code, stderr)
}

/// Waits until a supervisor has written some results.
fn wait_for_results(folder: &Folder, child: &Child) {
    let of_child = format!("-{}-", child.id());
    wait_until("results", || {
        let segments = fs::read_dir(folder.path("run/segments")).into_iter().flatten().flatten();
        let mut its = segments.filter(|e| e.file_name().to_str().unwrap().contains(&of_child));
        its.any(|segment| segment.metadata().is_ok_and(|m| m.len() > 2000))
    });
}

fn merge(folder: &Folder, extra: &[&str]) -> (i32, String) {
    let (run_dir, output) = (folder.arg("run"), folder.arg("out.qasm"));
    let (code, _, stderr) = parts(&run(&[&["merge", &run_dir, "-o", &output], extra].concat()));
    (code, stderr)
}

fn status(folder: &Folder) -> RunStatus {
    let (code, stdout, stderr) = parts(&run(&["status", &folder.arg("run"), "--json", "--lease", "4s"]));
    assert_eq!(code, 0, "{stderr}");
    RunStatus::from_json(&stdout).unwrap()
}

#[test]
fn one_is_killed_and_one_sleeps_past_its_lease_and_nothing_is_lost() {
    let folder = folder();
    let supervisors: Vec<Child> = (0..4).map(|rank| start(&folder, "1", rank, 4, &["--lease", "4s"])).collect();
    wait_for_results(&folder, &supervisors[1]);
    send(&supervisors[1], Signal::SIGKILL);
    wait_for_results(&folder, &supervisors[2]);
    send(&supervisors[2], Signal::SIGSTOP);
    wait_until("two that show no life", || status(&folder).stale == 2);
    send(&supervisors[2], Signal::SIGCONT);
    let ends: Vec<(i32, String)> = supervisors.into_iter().map(end).collect();
    let codes: Vec<i32> = ends.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes, [0, -1, 0, 0], "{ends:?}");

    assert_eq!(merge(&folder, &[]).0, 0);
    assert_eq!(folder.read("out.qasm"), expected(&folder));
    let status = status(&folder);
    assert_eq!((status.complete, status.supervisors.len()), (true, 4));
    assert!(status.done_twice * 100 < 15 * status.done, "{status:?}");
}

#[test]
fn a_second_job_goes_on_where_all_of_the_first_were_killed() {
    let folder = folder();
    let (code, stderr) = merge(&folder, &[]);
    assert!(code == 75 && stderr.contains("pass 1 lacks") && stderr.contains("nobody works on it"), "{stderr}");
    let first: Vec<Child> = (0..2).map(|rank| start(&folder, "1", rank, 2, &["--lease", "4s"])).collect();
    first.iter().for_each(|child| wait_for_results(&folder, child));
    first.iter().for_each(|child| send(child, Signal::SIGKILL));
    first.into_iter().for_each(|child| assert_eq!(end(child).0, -1));
    let n_done = status(&folder).done;
    // The lease of who was killed is over one day.
    for segment in fs::read_dir(folder.path("run/segments")).unwrap().flatten() {
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        fs::File::options().append(true).open(segment.path()).unwrap().set_modified(long_ago).unwrap();
    }
    let (code, stderr) = merge(&folder, &[]);
    assert!(code == 75 && stderr.contains("nobody works on it"), "{stderr}");

    let (code, stderr) = merge(&folder, &["--partial"]);
    assert!(code == 75 && stderr.contains("what is there is joined"), "{stderr}");
    let verified = run(&["verify", &folder.arg("in.qasm"), &folder.arg("out.qasm")]);
    assert_eq!(verified.status.code(), Some(0));
    let partial = folder.read("out.qasm");
    assert!(count(&partial, "cx") <= 528);
    fs::remove_file(folder.path("out.qasm")).unwrap();
    assert_eq!(merge(&folder, &[]).0, 75);
    assert!(!folder.path("out.qasm").exists());

    // A signal ends one in order: it says that the run can be gone on with.
    let stopped = start(&folder, "2", 0, 2, &[]);
    wait_for_results(&folder, &stopped);
    send(&stopped, Signal::SIGUSR1);
    let (code, stderr) = end(stopped);
    assert!(code == 75 && stderr.contains("goes on"), "{code} {stderr}");
    let second: Vec<Child> = (0..2).map(|rank| start(&folder, "3", rank, 2, &["--lease", "4s"])).collect();
    for child in second {
        let (code, stderr) = end(child);
        assert!(code == 0 && stderr.contains("complete: "), "{code} {stderr}");
    }
    assert_eq!(merge(&folder, &["--report", &folder.arg("report.json")]).0, 0);
    assert_eq!(folder.read("out.qasm"), expected(&folder));
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert_eq!((report.status, report.whole_check.method), (Status::Complete, CheckMethod::Exact));
    let status = status(&folder);
    assert!(n_done > 0 && status.done_twice * 100 < 15 * status.done, "{status:?}");

    // A complete run is complete for whoever comes last, and nothing is done again.
    let (code, stderr) = end(start(&folder, "4", 0, 1, &[]));
    assert!(code == 0 && stderr.contains("complete: 0 blocks done here"), "{stderr}");
}

/// Whether a state is of some kind of search.
type Kind = fn(&CheckpointRecord) -> bool;

/// The checkpoints of a supervisor in the folder that are of a kind: units, and how many rounds, moves or proposals of
/// them are done.
fn steps_noted(folder: &Folder, child: &Child, is_of_kind: Kind) -> Vec<(UnitKey, u64)> {
    let of_child = format!("-{}-", child.id());
    let entries = fs::read_dir(folder.path("run/checkpoints")).into_iter().flatten().flatten();
    let its = entries.filter(|e| e.file_name().to_str().unwrap().contains(&of_child));
    // One may go while it is looked at.
    let mut steps = Vec::new();
    for bytes in its.filter_map(|e| fs::read(e.path()).ok()) {
        let Some(plan) = bytes.get(12..44).and_then(|plan| plan.try_into().ok()) else { continue };
        for entry in Replay::new(&bytes, &plan).unwrap() {
            if let Entry::Checkpoint(key, state) = entry
                && is_of_kind(&state)
            {
                steps.push((key, state.progress()));
            }
        }
    }
    steps
}

/// Kills one supervisor after the other when a search of the next kind has come to so many rounds, moves or proposals,
/// and lets another go on to the end.
fn is_gone_on_with(circuit: &str, options: &[&str], kills: &[(Kind, u64)]) {
    let folder = Folder::new();
    let input = folder.write("in.qasm", circuit);
    let output = folder.arg("one.qasm");
    assert_eq!(run(&[&["compile", &input, "-q", "-o", &output], options].concat()).status.code(), Some(0));
    assert_eq!(plan(&folder, options).0, 0);

    let job = |number: usize| start(&folder, &number.to_string(), 0, 1, &["--lease", "2s"]);
    // The kind of search in which the supervisor before was killed, its unit and how far that was; and what the next
    // ones note of the same unit.
    let mut left: Option<(Kind, UnitKey, u64)> = None;
    let mut steps = Vec::new();
    let mut note = |child: &Child, left: &Option<(Kind, UnitKey, u64)>| {
        let Some((kind, unit, n_before)) = left else { return };
        let noted = steps_noted(&folder, child, *kind).into_iter().filter(|(key, _)| key == unit);
        steps.extend(noted.map(|(_, n)| (*n_before, n)));
    };
    for (number, &(kind, n_steps)) in kills.iter().enumerate() {
        let child = job(number);
        let furthest = || steps_noted(&folder, &child, kind).into_iter().max_by_key(|(_, n)| *n);
        wait_until("some steps", || {
            note(&child, &left);
            furthest().is_some_and(|(_, n)| n >= n_steps)
        });
        send(&child, Signal::SIGKILL);
        let (unit, n_before) = furthest().unwrap();
        left = Some((kind, unit, n_before));
        assert_eq!(end(child).0, -1);
    }
    let mut last = job(kills.len());
    wait_until("its end", || {
        note(&last, &left);
        last.try_wait().unwrap().is_some()
    });
    let (code, stderr) = end(last);
    assert!(code == 0 && number(&stderr, "blocks gone on with") == 1, "{code} {stderr}");
    // None of the steps before were done again.
    assert!(!steps.is_empty() && steps.iter().all(|(n_before, n)| n >= n_before), "{steps:?}");
    assert_eq!(merge(&folder, &[]).0, 0);
    assert_eq!(folder.read("out.qasm"), folder.read("one.qasm"));
    assert_eq!(fs::read_dir(folder.path("run/checkpoints")).unwrap().count(), 0);
}

/// Passes of a single block of 180 CX on twelve wires, whose rounds take a while. The supervisor is killed when some of
/// the rounds of one of them are done.
#[test]
fn a_long_block_goes_on_from_its_last_round_when_its_supervisor_is_killed() {
    let options = ["--effort", "3", "--passes", "3", "--starts", "1", "--solver", "qfactor"];
    is_gone_on_with(&long(12, 3), &options, &[(|state| matches!(state, CheckpointRecord::Window(_)), 5)]);
}

/// Exact passes of one region: the first walk over path sums takes some seconds, and so does the second search over Pauli
/// blocks.
#[test]
fn exact_searches_go_on_from_their_last_moves_when_their_supervisors_are_killed() {
    let options = ["--effort", "3", "--passes", "1", "--starts", "1"];
    let paulis: Kind = |state| matches!(state, CheckpointRecord::Paulis(_));
    let path_sums: Kind = |state| matches!(state, CheckpointRecord::PathSums(_));
    is_gone_on_with(&long(10, 90), &options, &[(path_sums, 100_000), (paulis, 1_000)]);
}

#[test]
fn a_node_takes_results_from_a_cache_and_adds_its_own() {
    let folder = folder();
    let cache = folder.arg("cache");
    let (input, output) = (folder.arg("in.qasm"), folder.arg("one.qasm"));
    // Both ways: what a node has found a compile finds, and what a compile has found a node finds.
    let compile =
        || parts(&run(&[&["compile", &input, "-v", "-o", &output, "--cache", &cache], &OPTIONS[..]].concat()));
    let (code, stderr) = end(start(&folder, "1", 0, 1, &["--cache", &cache]));
    assert!(code == 0 && !stderr.contains("known from the cache"), "{code} {stderr}");
    let n_blocks = number(&stderr, "blocks done here");
    let (code, _, stderr) = compile();
    assert!(code == 0 && number(&stderr, "results were taken as known") == n_blocks, "{n_blocks}: {stderr}");
    fs::remove_dir_all(folder.path("run")).unwrap();
    assert_eq!(plan(&folder, &OPTIONS).0, 0);
    let (code, stderr) = end(start(&folder, "2", 0, 1, &["--cache", &cache]));
    assert!(code == 0 && number(&stderr, "known from the cache") == n_blocks, "{n_blocks}: {stderr}");
    assert_eq!((merge(&folder, &[]).0, folder.read("out.qasm")), (0, expected(&folder)));
    // The folder of a plan is none.
    let (code, stderr) = end(start(&folder, "3", 0, 1, &["--cache", &folder.arg("run")]));
    assert!(code == 2 && stderr.contains("holds a plan; choose another folder for --cache"), "{code} {stderr}");
}

#[test]
fn a_job_that_is_requeued_does_not_wait_for_itself() {
    let folder = folder();
    let first = start(&folder, "7", 0, 1, &[]);
    wait_for_results(&folder, &first);
    send(&first, Signal::SIGKILL);
    end(first);
    // What the same job had claimed is free at once.
    let mut again = bqc(&["work", &folder.arg("run"), "-j", "2", "--lease", "24h"]);
    let mut again =
        again.env("SLURM_JOB_ID", "7").env("SLURM_RESTART_COUNT", "1").stderr(Stdio::null()).spawn().unwrap();
    wait_until("its end", || again.try_wait().unwrap().is_some());
    assert_eq!(again.wait().unwrap().code(), Some(0));
    assert_eq!((merge(&folder, &[]).0, folder.read("out.qasm")), (0, expected(&folder)));
}

#[test]
fn a_plan_is_never_changed() {
    let folder = folder();
    let (code, stderr) = plan(&folder, &OPTIONS);
    assert!(code == 0 && stderr.contains("planned before"), "{stderr}");
    let (code, stderr) = plan(&folder, &[]);
    assert!(code == 2 && stderr.contains("the plan of other settings"), "{stderr}");
    folder.write("in.qasm", &redundant());
    let (code, stderr) = plan(&folder, &OPTIONS);
    assert!(code == 2 && stderr.contains("the plan of another circuit"), "{stderr}");

    let work = || parts(&run(&["work", &folder.arg("run")]));
    let (circuit, text) = (folder.read("run/circuit.qasm"), folder.read("run/plan.json"));
    folder.write("run/circuit.qasm", &circuit.replacen("cx", "cz", 1));
    let (code, _, stderr) = work();
    assert!(code == 2 && stderr.contains("has been changed since it was planned"), "{stderr}");
    folder.write("run/circuit.qasm", &circuit);
    assert!(text.contains("seed: 0"), "{text}");
    folder.write("run/plan.json", &text.replacen("seed: 0", "seed: 1", 1));
    let (code, _, stderr) = work();
    assert!(code == 2 && stderr.contains("changed since it was made"), "{stderr}");
    folder.write("run/plan.json", &text.replacen("bqc.plan/2", "bqc.plan/9", 1));
    let (code, _, stderr) = work();
    assert!(code == 2 && stderr.contains("bqc.plan/9"), "{stderr}");
    for command in ["work", "merge", "status"] {
        let (code, _, stderr) = parts(&run(&[command, &folder.arg("nowhere")]));
        assert!(code == 2 && stderr.contains("holds no plan"), "{stderr}");
    }
    for (options, words) in [(["--effort", "forever"], "never be complete"), (["--threads", "3"], "for `bqc work`")] {
        let (code, _, stderr) =
            parts(&run(&[&["plan", &folder.arg("in.qasm"), "--run-dir", &folder.arg("r")], &options[..]].concat()));
        assert!(code == 2 && stderr.contains(words), "{stderr}");
        assert!(!folder.path("r").exists());
    }
}

#[test]
fn no_output_takes_the_place_of_what_a_plan_needs() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    assert_eq!(plan(&folder, &OPTIONS).0, 0);
    let run_dir = folder.arg("run");
    assert_eq!(end(start(&folder, "1", 0, 1, &[])).0, 0);
    let segment = fs::read_dir(folder.path("run/segments")).unwrap().next().unwrap().unwrap().path();
    std::os::unix::fs::symlink(folder.path("run/circuit.qasm"), folder.path("link")).unwrap();
    let own = ["run/circuit.qasm", "run/plan.json", "link"].map(|name| folder.arg(name));
    for output in own.iter().map(String::as_str).chain(segment.to_str()) {
        for command in [
            &["merge", &run_dir, "-o", output][..],
            &["merge", &run_dir, "--report", output],
            &["compile", &input, "-o", output],
            &["compile", &input, "--report", output],
        ] {
            let (code, _, stderr) = parts(&run(command));
            assert!(code == 2 && stderr.contains("it belongs to a plan; choose another file"), "{stderr}");
        }
    }
    assert_eq!(run(&["merge", &run_dir, "-o", &folder.arg("run/out.qasm")]).status.code(), Some(0));
    // Without a plan these are names like any other.
    assert_eq!(run(&["compile", &input, "-o", &folder.arg("circuit.qasm")]).status.code(), Some(0));
}

#[test]
fn what_cannot_be_printed_is_an_error() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    assert_eq!(plan(&folder, &OPTIONS).0, 0);
    let run_dir = folder.arg("run");
    for command in [
        &["status", &run_dir][..],
        &["status", &run_dir, "--json"],
        &["slurm-script", "multi-node", "--run-dir", &run_dir, "-o", "out.qasm", "--nodes", "2", "--time", "1:00:00"],
        &["stats", &input],
        &["verify", &input, &input],
    ] {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let (code, _, stderr) = parts(&bqc(command).stdout(full).output().unwrap());
        assert!(code == 2 && stderr.contains("No space left"), "{command:?}: {code} {stderr}");
    }
}

#[test]
fn approximations_and_walkers_are_the_same_on_two_machines() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &long(4, 2));
    let output = folder.arg("one.qasm");
    let options = ["--effort", "1", "--starts", "4", "--passes", "3", "--epsilon-total", "1e-3"];
    assert_eq!(run(&[&["compile", &input, "-q", "-o", &output], &options[..]].concat()).status.code(), Some(0));
    assert_eq!(plan(&folder, &options).0, 0);
    let both = [0, 1].map(|rank| start(&folder, "1", rank, 2, &[]));
    both.into_iter().for_each(|child| assert_eq!(end(child).0, 0));
    assert_eq!(merge(&folder, &[]).0, 0);
    assert_eq!(folder.read("out.qasm"), folder.read("one.qasm"));
}
