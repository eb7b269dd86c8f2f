//! Worker processes: the same output as threads give, whatever happens to the workers, and none of them
//! outlives its supervisor.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use bqc_wire::{Document, Outcome, Report};
use common::*;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use processes::*;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Some 240 blocks in four passes, a fifth of a second of work.
const MANY: [&str; 6] = ["--flow", "delete", "-k", "3", "--passes", "4"];

/// Compiles `long(8, 10)` with `extra` options; gives the output too.
fn compile(folder: &Folder, extra: &[&str]) -> (i32, String, String) {
    let input = folder.write("in.qasm", &long(8, 10));
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let mut args = vec!["compile", &input, "-o", &output, "--report", &report, "-v"];
    args.extend(extra);
    let (code, _, stderr) = parts(&run(&args));
    (code, folder.read("out.qasm"), stderr)
}

fn undisturbed(options: &[&str]) -> String {
    let (code, output, stderr) = compile(&Folder::new(), &[options, &["--workers", "off"]].concat());
    assert!(code == 0 && !stderr.contains("workers were started"), "{stderr}");
    output
}

#[test]
fn processes_make_what_threads_make() {
    for options in [
        &MANY[..],
        &["--effort", "1", "-k", "4", "--passes", "1"],
        &["--effort", "1", "-k", "4", "--epsilon-total", "1e-6"],
    ] {
        let expected = undisturbed(options);
        for n in ["1", "3"] {
            let (code, output, stderr) = compile(&Folder::new(), &[options, &["--workers", n]].concat());
            assert_eq!((code, output == expected), (0, true), "{options:?} {n}: {stderr}");
            assert!(stderr.contains(", 0 lost"), "{stderr}");
        }
    }
}

#[test]
fn the_report_says_which_worker_did_what_and_when() {
    let folder = Folder::new();
    let (code, _, stderr) = compile(&folder, &[&MANY[..], &["--workers", "2", "--worker-fault", "abort@90"]].concat());
    assert_eq!(code, 0, "{stderr}");
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    let totals = report.workers.unwrap();
    assert!(totals.lost >= 1 && totals.started >= totals.lost && totals.in_process == 0, "{totals:?}");
    let mut workers: Vec<u32> = report.block_records.iter().filter_map(|r| r.worker).collect();
    workers.sort();
    workers.dedup();
    assert!(workers.len() >= 2 && workers.len() as u64 <= totals.started);
    for record in &report.block_records {
        assert!(record.start_seconds > 0.0 && record.start_seconds + record.seconds <= report.wall_seconds);
    }
    let (_, _, stderr) = compile(&folder, &[&MANY[..], &["--workers", "off"]].concat());
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert!(report.workers.is_none() && report.block_records.iter().all(|r| r.worker.is_none()), "{stderr}");
}

#[test]
fn auto_starts_processes_where_it_pays() {
    let (_, _, stderr) = compile(&Folder::new(), &[&MANY[..], &["--workers", "auto"]].concat());
    assert!(stderr.contains("workers were started"), "{stderr}");
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let (code, _, stderr) = parts(&run(&["compile", &input, "-o", &folder.arg("out.qasm"), "-v", "--workers", "auto"]));
    assert!(code == 0 && !stderr.contains("workers were started"), "{stderr}");
    // A small circuit with much effort takes minutes.
    let effort = ["--effort", "5", "--time-limit", "1ms", "-v", "--workers", "auto"];
    let (code, _, stderr) = parts(&run(&[&["compile", &input, "-o", &folder.arg("out.qasm")], &effort[..]].concat()));
    assert!(code == 0 && stderr.contains("workers were started"), "{stderr}");
}

/// Each worker does nineteen tasks well and fails at the next.
#[test]
fn a_worker_that_fails_costs_a_retry() {
    let expected = undisturbed(&MANY);
    for (fault, words) in [
        ("kill", "SIGKILL"),
        ("segv", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("exit", "the worker ended: exit status: 0"),
        ("garbage", "longer than the limit"),
        ("huge", "a frame of 4294967295 bytes"),
        ("short", "ended within a frame"),
        ("unasked", "something that it was not asked"),
        ("wrong", "refused: phase distance"),
        ("panic", "panicked: a fault on request"),
        ("print", ", 0 lost"),
    ] {
        let fault = format!("{fault}@20");
        let options = [&MANY[..], &["--workers", "2", "--worker-fault", &fault]].concat();
        let (code, output, stderr) = compile(&Folder::new(), &options);
        assert_eq!((code, output == expected), (0, true), "{fault}: {stderr}");
        assert!(stderr.contains(words), "{fault}: {stderr}");
    }
}

#[test]
fn a_worker_that_dies_within_a_search_costs_what_it_did_since_its_checkpoint() {
    let options = ["--effort", "1", "-k", "4", "--passes", "1"];
    let expected = undisturbed(&options);
    let faults = ["--workers", "2", "--worker-fault", "later@3"];
    let (code, output, stderr) = compile(&Folder::new(), &[&options[..], &faults].concat());
    assert_eq!((code, output == expected), (0, true), "{stderr}");
    assert!(stderr.contains("SIGABRT"), "{stderr}");
}

#[test]
fn a_worker_that_hangs_or_is_stopped_is_given_up() {
    let options = ["--flow", "delete", "-k", "3", "--passes", "1"];
    let expected = undisturbed(&options);
    // So late that the worker that comes after does not fail as well.
    for (fault, words) in [("hang@35", &["took more than"][..]), ("freeze@35", &["took more than", "said nothing for"])]
    {
        let faults = ["--workers", "1", "--worker-fault", fault, "--worker-patience", "2s"];
        let (code, output, stderr) = compile(&Folder::new(), &[&options[..], &faults].concat());
        assert_eq!((code, output == expected), (0, true), "{fault}: {stderr}");
        assert!(words.iter().any(|words| stderr.contains(&format!("the worker {words}"))), "{fault}: {stderr}");
    }
}

/// The same blocks fail on every worker.
#[test]
fn a_block_that_kills_three_workers_stays_as_it_is() {
    for (fault, words) in [
        ("abort%3", "SIGABRT"),
        ("segv%3", "SIGSEGV"),
        ("wrong%3", "refused"),
        ("panic%3", "panicked: a fault on request"),
        ("garbage%3", "nonsense"),
    ] {
        let folder = Folder::new();
        let options = ["--flow", "delete", "-k", "3", "--passes", "1", "--workers", "2", "--worker-fault", fault];
        let (code, _, stderr) = compile(&folder, &options);
        assert_eq!(code, 3, "{fault}: {stderr}");
        let report = Report::from_json(&folder.read("report.json")).unwrap();
        let failed: Vec<_> = report.block_records.iter().filter(|r| r.outcome == Outcome::Failed).collect();
        assert!(!failed.is_empty() && failed.len() < report.block_records.len());
        for record in failed {
            assert!(record.reason.contains("3 workers failed: ") && record.reason.contains(words), "{}", record.reason);
            assert_eq!(record.before, record.after);
        }
        assert!(report.output.two_qubit_gates < report.input.two_qubit_gates, "the others are done");
        assert_eq!(run(&["verify", &folder.arg("in.qasm"), &folder.arg("out.qasm")]).status.code(), Some(0));
    }
}

/// A compile that takes minutes, with two workers at work.
fn started(folder: &Folder, extra: &[&str]) -> Child {
    started_from(Path::new(env!("CARGO_BIN_EXE_bqc")), folder, extra)
}

fn started_from(binary: &Path, folder: &Folder, extra: &[&str]) -> Child {
    let input = folder.write("long.qasm", &long(6, 1000));
    let output = folder.arg("out.qasm");
    let args = ["compile", &input, "-o", &output, "--passes", "1000", "-k", "5", "-v", "--workers", "2"];
    let mut command = on_plain_machine(Command::new(binary));
    let child = command.args(args).args(extra).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("two workers that can bear a signal", || {
        let workers = children(child.id());
        workers.len() == 2 && workers.iter().all(|&pid| has_begun(pid, "worker") && handles(pid, Signal::SIGUSR1))
    });
    child
}

#[test]
fn workers_die_with_their_supervisor() {
    let folder = Folder::new();
    let mut child = started(&folder, &[]);
    let workers = children(child.id());
    send(&child, Signal::SIGKILL);
    child.wait().unwrap();
    wait_until("the workers are gone", || !workers.iter().any(|&pid| is_alive(pid)));
}

#[test]
fn each_signal_yields_a_valid_circuit_and_exit_75() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1] {
        let folder = Folder::new();
        let child = started(&folder, &[]);
        let workers = children(child.id());
        std::thread::sleep(Duration::from_millis(200));
        send(&child, signal);
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 75, "{stderr}");
        assert!(!workers.iter().any(|&pid| is_alive(pid)));
        let (code, stdout, stderr) = parts(&run(&["verify", &folder.arg("long.qasm"), &folder.arg("out.qasm")]));
        assert_eq!(code, 0, "{stdout}{stderr}");
    }
}

/// As an update does.
#[test]
fn a_binary_that_is_replaced_goes_on_as_it_was() {
    let folder = Folder::new();
    let binary = folder.path("bqc");
    // Nobody can execute what this process, or a child of another test that is about to be one, has open to write.
    assert!(Command::new("cp").arg(env!("CARGO_BIN_EXE_bqc")).arg(&binary).status().unwrap().success());
    let child = started_from(&binary, &folder, &[]);
    std::fs::remove_file(&binary).unwrap();
    std::fs::write(&binary, "something else").unwrap();
    let first = children(child.id());
    first.iter().for_each(|&pid| assert!(kill_pid(pid)));
    wait_until("two others", || children(child.id()).iter().filter(|pid| !first.contains(pid)).count() == 2);
    send(&child, Signal::SIGINT);
    let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
    assert!(code == 75 && stderr.contains("2 lost") && !stderr.contains("in this process"), "{stderr}");
}

/// As batch systems and service managers send it.
#[test]
fn a_signal_to_all_processes_costs_no_worker() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGUSR1] {
        let folder = Folder::new();
        let child = started(&folder, &[]);
        for pid in children(child.id()) {
            kill(Pid::from_raw(pid), signal).unwrap();
        }
        // The supervisor has time to notice the death of any.
        std::thread::sleep(Duration::from_millis(200));
        send(&child, signal);
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert!(code == 75 && stderr.contains("2 workers were started, 0 lost"), "{signal}: {stderr}");
    }
}

#[test]
fn a_second_signal_ends_at_once_and_leaves_no_worker() {
    let folder = Folder::new();
    // The workers stop at their first task, so the supervisor cannot be through by itself: it would wait for
    // them until their grace is over, and then write.
    let mut child = started(&folder, &["--worker-fault", "freeze"]);
    let workers = children(child.id());
    let is_stopped = |pid: &i32| state(*pid).is_some_and(|(state, _)| state == 'T');
    wait_until("both have a task", || workers.iter().all(is_stopped));
    send(&child, Signal::SIGINT);
    wait_until("the end", || {
        send(&child, Signal::SIGTERM);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(75));
    wait_until("the workers are gone", || !workers.iter().any(|&pid| is_alive(pid)));
    assert!(!folder.path("out.qasm").exists());
}

/// In one run: its workers are killed until two hundred are gone, or as many as a fast machine leaves time for.
#[test]
fn killing_workers_two_hundred_times_changes_nothing() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &long(8, 100));
    let output = folder.arg("out.qasm");
    let compile = |workers: &str| {
        let args = ["compile", &input, "-o", &output, "-v", "--workers", workers, "--flow", "delete", "-k", "4"];
        let mut command = bqc(&args);
        command.args(["--passes", "6"]).stderr(Stdio::piped());
        command
    };
    let reference = compile("off").output().unwrap();
    assert_eq!(reference.status.code(), Some(0));
    let expected = folder.read("out.qasm");
    std::fs::remove_file(&output).unwrap();
    let mut moment = bqc_linalg::Stream::new(5, 0, 0);
    let mut child = compile("2").spawn().unwrap();
    // Somebody reads what it says, so that it does not wait for that.
    let mut stderr = child.stderr.take().unwrap();
    let said = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let mut killed = HashSet::new();
    while killed.len() < 200 && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_secs_f64(0.01 * moment.uniform()));
        let mut workers = children(child.id());
        workers.retain(|pid| !killed.contains(pid));
        if !workers.is_empty() {
            let pid = workers[moment.below(workers.len())];
            if kill_pid(pid) {
                killed.insert(pid);
            }
        }
    }
    let n_killed = killed.len();
    let code = child.wait().unwrap().code();
    let stderr = said.join().unwrap();
    assert_eq!((code, folder.read("out.qasm") == expected), (Some(0), true), "{stderr}");
    let n_lost: usize =
        stderr.lines().find_map(|line| line.split(", ").nth(1)?.strip_suffix(" lost")?.parse().ok()).unwrap();
    // Some are killed while they are not needed; nobody misses those.
    assert!(n_killed >= 20 && n_lost * 4 >= n_killed * 3 && n_lost <= n_killed, "{n_lost} of {n_killed}");
}

#[test]
fn a_worker_alone_refuses_nonsense_and_ends_with_its_input() {
    let output = run(&["worker"]);
    let greets = output.stdout.windows(8).any(|bytes| bytes == b"bqc-pool");
    assert_eq!((output.status.code(), greets), (Some(0), true), "it greets, and nobody is there");
    let mut child =
        bqc(&["worker"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(&[0xff; 100]).unwrap();
    let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
    assert!(code == 2 && stderr.contains("nonsense"), "{code} {stderr}");
}

#[test]
fn numbers_of_workers_that_make_no_sense_are_refused() {
    for text in ["0", "-1", "many", "2000"] {
        let (code, _, stderr) = parts(&run(&["compile", "in.qasm", &format!("--workers={text}")]));
        assert!(code == 2 && stderr.contains("auto, off or a number"), "{stderr}");
    }
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    let (code, _, stderr) = parts(&run(&["compile", &input, "-j", "2", "--workers", "8"]));
    assert!(code == 2 && stderr.contains("--threads 2 contradicts --workers 8"), "{stderr}");
    assert_eq!(run(&["compile", &input, "-j", "2", "--workers", "2"]).status.code(), Some(0));
}

#[test]
fn a_closed_stderr_ends_no_run() {
    let folder = Folder::new();
    let input = folder.write("in.qasm", &redundant());
    for extra in [&["--workers", "off"][..], &["--workers", "2", "--worker-fault", "abort"]] {
        let output = folder.arg("out.qasm");
        let args = [&["compile", &input, "-o", &output, "-v"], extra].concat();
        let mut child = bqc(&args).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stderr.take());
        let code = child.wait().unwrap().code();
        assert!(matches!(code, Some(0 | 3)), "{extra:?} {code:?}");
        assert!(folder.read("out.qasm").contains("OPENQASM"), "{extra:?}");
        std::fs::remove_file(output).unwrap();
    }
    let mut child = bqc(&["compile", "no such file"]).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(2));
}
