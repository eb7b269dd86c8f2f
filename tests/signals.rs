//! Signals: the first yields a valid circuit and exit code 75, a second SIGINT or SIGTERM ends at once.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use bqc_wire::{CheckMethod, Document, Report, Status};
use common::*;
use nix::sys::signal::Signal;
use processes::*;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use test_skips::{Need, skip};

/// A compile that would take minutes, once its first block is done.
fn started(folder: &Folder) -> Child {
    started_with(folder, &[])
}

fn started_with(folder: &Folder, extra: &[&str]) -> Child {
    let input = folder.write("in.qasm", &long(6, 1000));
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let args = ["compile", &input, "-o", &output, "--report", &report, "--passes", "1000", "-k", "5", "-v"];
    let child = bqc(&args).args(extra).stderr(Stdio::piped()).spawn().unwrap();
    // The last of the handlers.
    wait_until("the handlers", || handles(child.id() as i32, Signal::SIGUSR1));
    child
}

#[test]
fn the_first_signal_writes_the_best_circuit_so_far() {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGXCPU] {
        let folder = Folder::new();
        let mut child = started(&folder);
        assert!(child.try_wait().unwrap().is_none(), "it ended before the signal");
        if !handles(child.id() as i32, signal) {
            send(&child, Signal::SIGKILL);
            child.wait().unwrap();
            skip(Need::Signals, &format!("{signal} is ignored by whoever runs the tests, and so by what they start"));
            continue;
        }
        send(&child, signal);
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 75, "{stderr}");
        assert!(stderr.contains("interrupted"), "{stderr}");
        // Its user has no folder for a journal.
        assert!(stderr.contains("nothing was kept to go on from; with --run-dir DIR"), "{stderr}");
        let report = Report::from_json(&folder.read("report.json")).unwrap();
        assert_eq!(report.status, Status::Interrupted);
        assert!(report.output.two_qubit_gates <= report.input.two_qubit_gates);
        let (code, stdout, stderr) = parts(&run(&["verify", &folder.arg("in.qasm"), &folder.arg("out.qasm")]));
        assert_eq!(code, 0, "{stdout}{stderr}");
    }
}

#[test]
fn the_second_signal_ends_at_once_and_leaves_the_output_alone() {
    let folder = Folder::new();
    folder.write("out.qasm", "precious");
    // Its workers stop at their first task: it would wait for them until their grace is over, and then write.
    let mut child = started_with(&folder, &["--workers", "2", "--worker-fault", "freeze"]);
    let is_stopped = |pid: i32| state(pid).is_some_and(|(state, _)| state == 'T');
    wait_until("both have a task", || children(child.id()).into_iter().filter(|&pid| is_stopped(pid)).count() == 2);
    send(&child, Signal::SIGINT);
    wait_until("the end", || {
        send(&child, Signal::SIGTERM);
        child.try_wait().unwrap().is_some()
    });
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert_eq!(folder.read("out.qasm"), "precious");
    assert_eq!(folder.names(), ["in.qasm", "out.qasm"]);
}

#[test]
fn the_first_signal_ends_a_comparison_and_the_circuit_is_written() {
    let folder = Folder::new();
    // Little to search in blocks of two wires, and seconds to compare.
    let input = folder.write("in.qasm", &long(20, 20));
    let (output, report) = (folder.arg("out.qasm"), folder.arg("report.json"));
    let args = ["compile", &input, "-o", &output, "--report", &report, "--flow", "delete", "-k", "2", "-v"];
    let mut child = bqc(&args).args(["--passes", "1", "--workers", "off"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("comparing the whole circuit")));
    send(&child, Signal::SIGINT);
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{rest:?}");
    let report = Report::from_json(&folder.read("report.json")).unwrap();
    assert_eq!((report.status, report.whole_check.method), (Status::Complete, CheckMethod::None));
    assert_eq!(report.whole_check.skipped.as_deref(), Some("it was ended early"));
    assert!(rest.iter().any(|line| line.contains("not compared: it was ended early")), "{rest:?}");
    assert_eq!(folder.names().len(), 3);
}

/// As `timeout` sends them, to a process and to its group, and a terminal that is closed.
#[test]
fn signals_that_come_together_cost_no_output() {
    for together in [[Signal::SIGINT, Signal::SIGTERM], [Signal::SIGHUP, Signal::SIGXCPU]] {
        let folder = Folder::new();
        let child = started(&folder);
        send(&child, Signal::SIGSTOP);
        together.into_iter().for_each(|signal| send(&child, signal));
        send(&child, Signal::SIGCONT);
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!((code, folder.names().len()), (75, 3), "{together:?}: {stderr}");
    }
}

#[test]
fn who_was_started_to_outlive_a_terminal_does() {
    let folder = Folder::new();
    let arguments =
        ["--passes", "1000", "-k", "5", "-o", &folder.arg("out.qasm"), &folder.write("in.qasm", &long(6, 1000))];
    let mut command = on_plain_machine(Command::new("sh"));
    command.args(["-c", "trap '' HUP; exec \"$0\" compile \"$@\"", env!("CARGO_BIN_EXE_bqc")]).args(arguments);
    let child = command.stderr(Stdio::piped()).spawn().unwrap();
    wait_until("the handlers", || handles(child.id() as i32, Signal::SIGUSR1));
    assert!(!handles(child.id() as i32, Signal::SIGHUP) && handles(child.id() as i32, Signal::SIGXCPU));
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(75));
}
