//! MPS daemons: one for each GPU, for as long as the run lasts, however it ends; somebody else's is used and left
//! alone. On an imitation, and on the real program where it is installed.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/imitation.rs"]
mod imitation;
#[path = "common/processes.rs"]
mod processes;

use common::*;
use imitation::Machine;
use nix::sys::signal::Signal;
use processes::*;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use test_skips::{Need, skip};

const UUIDS: [&str; 2] = ["GPU-10101010-1010-1010-1010-101010101010", "GPU-11111111-1111-1111-1111-111111111111"];

/// A compile of a few blocks.
fn compile(machine: &Machine, extra: &[&str]) -> (i32, String) {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.qasm", &redundant()), folder.arg("out.qasm"));
    let args = ["compile", &input, "-o", &output, "-v", "--flow", "delete", "-k", "3", "--passes", "1"];
    let (code, _, stderr) = parts(&machine.host(bqc(&[&args[..], extra].concat())).output().unwrap());
    (code, stderr)
}

/// A search that goes on until it is ended, with two workers on each GPU.
fn endless(machine: &Machine, folder: &Folder) -> Child {
    let (input, output) = (folder.write("in.qasm", &long(6, 10)), folder.arg("out.qasm"));
    let args = ["compile", &input, "-o", &output, "-q", "--effort", "forever", "--workers-per-gpu", "2"];
    machine.host(bqc(&args)).stderr(Stdio::null()).spawn().unwrap()
}

#[test]
fn each_gpu_has_a_daemon_of_its_own_that_ends_with_the_run() {
    let machine = Machine::with_mps("gpus=2");
    let (code, stderr) = compile(&machine, &["--workers-per-gpu", "2"]);
    assert_eq!(code, 0, "{stderr}");
    let mut events = machine.mps_events();
    events.sort();
    let of_both = |what: &'static str| UUIDS.map(|uuid| format!("{what} {uuid}"));
    assert_eq!(events, [of_both("quit"), of_both("start")].concat());
    assert!(machine.mps_folders().is_empty());
    // One worker shares with nobody, unless somebody insists.
    for (mps, n_events) in [("auto", 0), ("require", 2)] {
        let machine = Machine::with_mps("gpus=2");
        let (code, stderr) = compile(&machine, &["--gpus", "1", "--workers-per-gpu", "1", "--mps", mps]);
        assert_eq!((code, machine.mps_events().len()), (0, n_events), "{stderr}");
    }
}

#[test]
fn a_daemon_that_does_not_start_leaves_one_worker_or_is_an_error() {
    let machine = || Machine::with_mps("").and("FAKE_MPS", "broken");
    let (code, stderr) = compile(&machine(), &["--workers-per-gpu", "2"]);
    assert_eq!(code, 0, "{stderr}");
    let words = "the MPS daemon does not start: it ended: exit status: 1; it said: [Control] no permission to do that; without MPS one worker has it alone";
    assert!(stderr.contains(words) && stderr.contains("1 workers were started, 0 lost"), "{stderr}");
    let machine = machine();
    let (code, stderr) = compile(&machine, &["--workers-per-gpu", "2", "--mps", "require"]);
    assert!(code == 2 && stderr.contains("--mps require: GPU 0 (Imaginary GPU): the MPS daemon"), "{stderr}");
    assert!(machine.mps_folders().is_empty());
}

#[test]
fn somebody_elses_daemon_is_used_and_left_alone() {
    let theirs = Folder::new();
    let machine = Machine::with_mps("gpus=2").and("CUDA_MPS_PIPE_DIRECTORY", &theirs.arg(""));
    let control = imitation::folder().join("bin/nvidia-cuda-mps-control");
    let mut daemon = Command::new(control).arg("-f").env("CUDA_MPS_PIPE_DIRECTORY", theirs.path("")).spawn().unwrap();
    wait_until("the daemon is there", || theirs.path("control").exists());
    let (code, stderr) = compile(&machine, &["--workers-per-gpu", "2"]);
    assert!(code == 0 && stderr.contains("2 workers as asked for, through the MPS daemon in `"), "{stderr}");
    assert!(daemon.try_wait().unwrap().is_none() && machine.mps_events().is_empty(), "{stderr}");
    let (code, stdout, _) = parts(&machine.host(bqc(&["doctor"])).output().unwrap());
    assert!(code == 0 && stdout.contains("MPS      a daemon of user "), "{stdout}");
    // It is gone when it is needed: then it is done without.
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    let (code, stdout, _) = parts(&machine.host(bqc(&["doctor"])).output().unwrap());
    assert!(code == 0 && stdout.contains("MPS      no daemon answers in `"), "{stdout}");
}

/// Its workers are to share the GPU again after a fault, and the daemon is not there any more.
#[test]
fn a_daemon_of_ours_that_has_died_is_started_again() {
    let folder = Folder::new();
    let (input, output) = (folder.write("in.qasm", &redundant()), folder.arg("out.qasm"));
    let args = ["compile", &input, "-o", &output, "--flow", "delete", "-k", "3", "--workers-per-gpu", "2"];
    // It is to die before its first workers have failed, and those are fast.
    let is_started_again = (0..20).any(|_| {
        let machine = Machine::with_mps("faults");
        let child = machine.host(bqc(&args)).stderr(Stdio::piped()).spawn().unwrap();
        let guards = || children(child.id()).into_iter();
        let daemon = || guards().flat_map(|guard| children(guard as u32)).find(|pid| is_daemon(*pid));
        // A worker is started as soon as the daemon has answered.
        wait_until("a worker beside the guard", || daemon().is_some() && guards().count() >= 2);
        kill_pid(daemon().unwrap());
        let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
        assert_eq!(code, 0, "{stderr}");
        let events = machine.mps_events();
        assert!(events.last().unwrap().starts_with("quit") && machine.mps_folders().is_empty(), "{events:?}");
        events.iter().filter(|event| event.starts_with("start")).count() >= 2
    });
    assert!(is_started_again);
}

#[test]
fn the_output_does_not_wait_for_a_daemon_that_does_not_want_to_end() {
    let (machine, folder) = (Machine::with_mps("").and("FAKE_MPS", "stubborn"), Folder::new());
    let (input, output) = (folder.write("in.qasm", &long(4, 2)), folder.arg("out.qasm"));
    let few = ["--flow", "delete", "-k", "3", "--passes", "1", "--workers-per-gpu", "2"];
    let mut command = bqc(&["compile", &input, "-o", &output]);
    let mut child = machine
        .host({
            command.args(few);
            command
        })
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("the daemon", || machine.mps_events().len() == 1);
    let daemons: Vec<i32> = children(child.id()).into_iter().flat_map(|guard| children(guard as u32)).collect();
    wait_until("the output", || folder.path("out.qasm").exists());
    let is_there = daemons.iter().any(|pid| is_daemon(*pid) && is_alive(*pid));
    assert!(is_there && child.try_wait().unwrap().is_none(), "{daemons:?}");
    // From outside, so that the test is over before its patience is.
    daemons.into_iter().for_each(|pid| _ = kill_pid(pid));
    assert!(child.wait().unwrap().success() && machine.mps_folders().is_empty());
}

#[test]
fn a_signal_while_daemons_are_started_keeps_the_others_from_it() {
    let (machine, folder) = (Machine::with_mps("gpus=3").and("FAKE_MPS", "slow"), Folder::new());
    let mut child = endless(&machine, &folder);
    wait_until("the first daemon", || !machine.mps_folders().is_empty());
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert_eq!(machine.mps_events().len(), 2, "one start and its end: {:?}", machine.mps_events());
    assert!(folder.read("out.qasm").contains("OPENQASM") && machine.mps_folders().is_empty());
}

/// Waits until the run's daemons are there; gives their process ids.
fn daemons(machine: &Machine, child: &Child) -> Vec<i32> {
    wait_until("both daemons", || machine.mps_events().len() == 2);
    let guards = children(child.id());
    wait_until("workers", || machine.used_gpus().len() == 2);
    guards.iter().flat_map(|guard| children(*guard as u32)).filter(|pid| is_daemon(*pid)).collect()
}

fn is_daemon(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("nvidia-cuda-mps"))
}

#[test]
fn no_daemon_outlives_its_supervisor_however_that_ends() {
    for ending in ["kill", "twice", "once", "guard"] {
        let (machine, folder) = (Machine::with_mps("gpus=2"), Folder::new());
        let mut child = endless(&machine, &folder);
        let daemons = daemons(&machine, &child);
        assert_eq!(daemons.len(), 2, "{ending}");
        match ending {
            "kill" => send(&child, Signal::SIGKILL),
            "twice" => {
                send(&child, Signal::SIGINT);
                std::thread::sleep(Duration::from_millis(20));
                // It may be through already.
                _ = kill_with(child.id(), Signal::SIGINT);
            }
            "guard" => {
                let guards = children(child.id()).into_iter().filter(|pid| !children(*pid as u32).is_empty());
                guards.for_each(|pid| _ = kill_pid(pid));
                send(&child, Signal::SIGINT);
            }
            _ => send(&child, Signal::SIGTERM),
        }
        child.wait().unwrap();
        wait_until(&format!("{ending}: the daemons are gone"), || !daemons.iter().any(|pid| is_alive(*pid)));
        wait_until(&format!("{ending}: their folders are gone"), || machine.mps_folders().is_empty());
    }
}

fn kill_with(pid: u32, signal: Signal) -> bool {
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid as i32), signal).is_ok()
}

/// A guard by itself.
fn guard(command: Command, folder: &Path) -> (Child, String) {
    let mut command = command;
    let mut child = command
        .arg("mps-guard")
        .arg(folder)
        .arg(UUIDS[0])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    (child, line.trim().to_string())
}

#[test]
fn a_guard_ends_a_daemon_that_does_not_want_to() {
    let (machine, folder) = (Machine::with_mps("").and("FAKE_MPS", "stubborn"), Folder::new());
    std::fs::create_dir(folder.path("pipe")).unwrap();
    let (mut child, line) = guard(machine.host(bqc(&[])), &folder.path("pipe"));
    assert_eq!(line, "ready");
    // Signals are for others.
    send(&child, Signal::SIGTERM);
    send(&child, Signal::SIGINT);
    std::thread::sleep(Duration::from_millis(50));
    let daemon = children(child.id());
    assert_eq!(daemon.len(), 1);
    // The daemon is ended from outside, so that the test is over before its patience is.
    drop(child.stdin.take());
    std::thread::sleep(Duration::from_millis(200));
    assert!(is_alive(daemon[0]), "it was asked to quit, and does not");
    kill_pid(daemon[0]);
    assert!(child.wait().unwrap().success() && !folder.path("pipe").exists());
}

/// The real program needs no GPU to be a daemon.
#[test]
fn the_real_daemon_starts_answers_and_ends() {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join("nvidia-cuda-mps-control").exists());
    if !is_there {
        return skip(Need::Mps, "nvidia-cuda-mps-control is not in the PATH; .ci/mps unpacks it");
    }
    let folder = tempfile::Builder::new().prefix("mps").tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    std::fs::create_dir(&pipe).unwrap();
    let ask = |command: &str| {
        let mut control = Command::new("nvidia-cuda-mps-control");
        control.env("CUDA_MPS_PIPE_DIRECTORY", &pipe).stdin(Stdio::piped()).stdout(Stdio::null());
        let mut control = control.spawn().unwrap();
        // Where there is no daemon it may end before it has read anything.
        _ = writeln!(control.stdin.take().unwrap(), "{command}");
        control.wait().unwrap().success()
    };
    assert!(!ask("get_server_list"), "nobody is there yet");
    let (mut child, line) = guard(bqc(&[]), &pipe);
    assert_eq!(line, "ready");
    assert!(ask("get_server_list"));
    let daemon = children(child.id());
    assert_eq!(daemon.len(), 1);
    // Doctor finds it, and says whose it is.
    let (_, stdout, _) = parts(&bqc(&["doctor"]).env("CUDA_MPS_PIPE_DIRECTORY", &pipe).output().unwrap());
    let has_driver = stdout.lines().any(|line| line.starts_with("driver") && line.contains("CUDA "));
    assert!(!has_driver || stdout.contains("a daemon of user"), "{stdout}");
    // A second one in the same place does not start, and takes nothing from the first.
    let second = guard(bqc(&[]), &pipe);
    assert!(second.1.starts_with("the MPS daemon does not start"), "{}", second.1);
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
    assert!(!is_alive(daemon[0]) && !pipe.exists());
}
