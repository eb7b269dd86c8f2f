//! Faults of the machine, made for real where it can be done: disks that are full, read-only or broken, too
//! little memory, and death at the moment of the output. Whatever fails, the user has a valid circuit or a clear
//! error, and no finished work is lost.
//!
//! Mounts need a namespace of the test's own, and a limit on memory a cgroup: where the system gives none, the
//! test is skipped (`test-skips`).
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use common::*;
use nix::sys::signal::Signal;
use processes::*;
use std::fs;
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;
use test_skips::{Need, skip};

/// Some five hundred blocks in six passes, half a second's work.
const OPTIONS: [&str; 8] = ["--flow", "delete", "-k", "4", "--passes", "6", "--workers", "2"];

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("in.qasm", &long(8, 10));
    fs::create_dir(folder.path("small")).unwrap();
    folder
}

fn expected() -> String {
    let folder = folder();
    assert_eq!(compile(&folder, &["-o", &folder.arg("out.qasm")]).0, 0);
    folder.read("out.qasm")
}

fn arguments<'a>(input: &'a str, extra: &[&'a str]) -> Vec<&'a str> {
    [&["compile", input, "-v"], &OPTIONS[..], extra].concat()
}

fn compile(folder: &Folder, extra: &[&str]) -> (i32, String) {
    let (code, _, stderr) = parts(&run(&arguments(&folder.arg("in.qasm"), extra)));
    (code, stderr)
}

/// Runs a compile with a file system of its own at `small`, as `mount -o` says. What is in it afterwards is
/// copied to `after`. None where nothing can be mounted.
fn compile_on(folder: &Folder, mount: &str, extra: &[&str]) -> Option<(i32, String)> {
    // The shell makes the mount, seen by it and its children alone, and adds to the arguments.
    let mounting = format!("mount -t tmpfs -o {mount} none \"$SMALL\"");
    let shell = |script: &str, arguments: &[&str]| -> Output {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_bqc")]).args(arguments);
        command.env("XDG_STATE_HOME", NO_STATE).env("SMALL", folder.path("small")).env("AFTER", folder.path("after"));
        command.stdin(Stdio::null()).output().unwrap_or_else(|e| panic!("unshare: {e}"))
    };
    let can_mount = match Command::new("unshare").arg("--version").output() {
        Err(e) if e.kind() == ErrorKind::NotFound => false,
        _ => shell(&mounting, &[]).status.success(),
    };
    if !can_mount {
        skip(Need::Mount, "a file system cannot be mounted here");
        return None;
    }
    let script = format!("{mounting} && {{ \"$0\" \"$@\"; code=$?; cp -r \"$SMALL\" \"$AFTER\"; exit $code; }}");
    let (code, _, stderr) = parts(&shell(&script, &arguments(&folder.arg("in.qasm"), extra)));
    Some((code, stderr))
}

#[test]
fn a_run_folder_on_a_full_disk_ends_and_the_run_does_not() {
    let (folder, expected) = (folder(), expected());
    let run_folder = folder.arg("small/run");
    let options = ["--run-dir", &run_folder, "-o", &folder.arg("out.qasm")];
    let Some((code, stderr)) = compile_on(&folder, "size=96k", &options) else { return };
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert_eq!(stderr.matches(": cannot be written to (No space left").count(), 1, "{stderr}");
    // What was written until then is whole, and the next run goes on from there.
    let (code, stderr) = compile(&folder, &["--run-dir", &folder.arg("after/run"), "-o", &folder.arg("out.qasm")]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(number(&stderr, "results were taken as known") > 10, "{stderr}");
}

#[test]
fn a_cache_on_a_full_disk_ends_and_the_run_does_not() {
    let (folder, expected) = (folder(), expected());
    let cache = folder.arg("small/cache");
    let options = ["--cache", &cache, "-o", &folder.arg("out.qasm")];
    let Some((code, stderr)) = compile_on(&folder, "size=96k", &options) else { return };
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("No space left"), "{stderr}");
}

#[test]
fn an_output_on_a_full_disk_is_an_error_that_loses_no_work() {
    let (folder, expected) = (folder(), expected());
    let output = folder.arg("small/out.qasm");
    let options = ["--run-dir", &folder.arg("run"), "-o", &output];
    let Some((code, stderr)) = compile_on(&folder, "size=8k", &options) else { return };
    assert!(code == 2 && stderr.contains(&format!("cannot write `{output}`: No space left")), "{stderr}");
    assert!(stderr.contains("the same command goes on from"), "{stderr}");
    // Not even a part of it is there.
    assert_eq!(fs::read_dir(folder.path("after")).unwrap().count(), 0);
    let (code, stderr) = compile(&folder, &["--run-dir", &folder.arg("run"), "-o", &folder.arg("out.qasm")]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("0 workers were started"), "everything was known: {stderr}");
}

#[test]
fn what_is_read_only_is_refused_before_any_work() {
    let folder = folder();
    for (option, name) in [("--run-dir", "run"), ("--cache", "cache"), ("-o", "out.qasm"), ("--report", "r.json")] {
        let path = folder.arg(&format!("small/{name}"));
        let Some((code, stderr)) = compile_on(&folder, "size=96k,ro", &[option, &path]) else { return };
        assert!(code == 2 && stderr.contains("Read-only file system") && stderr.contains("small"), "{stderr}");
        assert!(!stderr.contains("pass 1"), "{option}: {stderr}");
    }
}

#[test]
fn a_disk_that_cannot_be_read_is_an_error_that_says_where() {
    let folder = folder();
    // Reading the first bytes of a process's memory is an input/output error.
    let broken = Path::new("/proc/self/mem");
    for (option, name) in [("--run-dir", "run"), ("--cache", "cache")] {
        fs::create_dir(folder.path(name)).unwrap();
        symlink(broken, folder.path(name).join("00000000.seg")).unwrap();
        let (code, stderr) = compile(&folder, &[option, &folder.arg(name), "-o", &folder.arg("out.qasm")]);
        assert!(code == 2 && stderr.contains("00000000.seg") && stderr.contains("Input/output error"), "{stderr}");
    }
    let (code, _, stderr) = parts(&run(&["compile", broken.to_str().unwrap()]));
    assert!(code == 2 && stderr.contains("Input/output error"), "{stderr}");
}

#[test]
fn an_output_that_breaks_is_an_error_that_loses_no_work() {
    let (folder, expected) = (folder(), expected());
    // A terminal that has hung up: every write to it is an input/output error.
    let Ok(terminal) = nix::pty::openpty(None, None) else { return skip(Need::Pty, "there are no terminals here") };
    drop(terminal.master);
    let mut command = bqc(&arguments(&folder.arg("in.qasm"), &["--run-dir", &folder.arg("run"), "-o", "-"]));
    command.stdin(Stdio::null()).stdout(terminal.slave.as_fd().try_clone_to_owned().unwrap());
    let (code, _, stderr) = parts(&command.stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap());
    assert!(code == 2 && stderr.contains("cannot write `-`: Input/output error"), "{stderr}");
    assert!(stderr.contains("the same command goes on from"), "{stderr}");
    let (code, stderr) = compile(&folder, &["--run-dir", &folder.arg("run"), "-o", &folder.arg("out.qasm")]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("0 workers were started"), "everything was known: {stderr}");
}

/// The output's temporary file, once there is something in it.
fn half_written(folder: &Path) -> Option<PathBuf> {
    let mut paths = fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path());
    paths.find(|path| path.extension().is_some_and(|e| e == "tmp") && fs::metadata(path).is_ok_and(|m| m.len() > 0))
}

#[test]
fn death_at_the_outputs_rename_leaves_the_old_output_or_the_new_one() {
    let (folder, expected) = (folder(), expected());
    let (run_folder, output) = (folder.arg("run"), folder.arg("outputs/out.qasm"));
    fs::create_dir(folder.path("outputs")).unwrap();
    let options = ["--run-dir", &run_folder, "-o", &output];
    // From the second time on all is known, and little is left to do but to write.
    assert_eq!(compile(&folder, &options).0, 0);
    let (mut n_old, mut n_caught) = (0, 0);
    for round in 0..1000 {
        // Where a disk costs nothing the moment is short, and not often hit.
        if round >= 40 && n_old > 0 && n_caught > 0 {
            break;
        }
        fs::write(&output, "precious").unwrap();
        let mut child = bqc(&arguments(&folder.arg("in.qasm"), &options)).stderr(Stdio::null()).spawn().unwrap();
        while child.try_wait().unwrap().is_none() {
            if half_written(&folder.path("outputs")).is_some() {
                std::thread::sleep(Duration::from_micros(50 * (round % 8)));
                send(&child, Signal::SIGKILL);
                n_caught += 1;
                break;
            }
        }
        child.wait().unwrap();
        let found = folder.read("outputs/out.qasm");
        assert!(found == "precious" || found == expected, "{round}: {} bytes", found.len());
        n_old += usize::from(found == "precious");
    }
    assert!(n_caught > 0 && n_old > 0, "{n_caught} were caught, {n_old} before the rename");
    let (code, stderr) = compile(&folder, &options);
    assert_eq!((code, folder.read("outputs/out.qasm") == expected), (0, true), "{stderr}");
}

/// A limit on addresses, which a worker meets when it asks for more.
#[test]
fn a_worker_that_is_refused_memory_costs_a_retry() {
    let (folder, expected) = (folder(), expected());
    let output = folder.arg("out.qasm");
    let input = folder.arg("in.qasm");
    let arguments = arguments(&input, &["-o", &output, "--worker-fault", "memory@90"]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 1000000; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bqc")]).args(arguments);
    let (code, _, stderr) = parts(&command.env("XDG_STATE_HOME", NO_STATE).output().unwrap());
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("SIGABRT") && stderr.contains("memory allocation of"), "{stderr}");
}

/// A group of processes with so much memory between them; gone at the end.
struct MemoryGroup(PathBuf);

impl MemoryGroup {
    /// By either version of the system's interface; none where it is not to be had.
    fn new(name: &str, n_bytes: u64) -> Option<MemoryGroup> {
        [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")].into_iter().find_map(
            |(root, limit)| {
                let group = MemoryGroup(Path::new(root).join(format!("{name}-{}", std::process::id())));
                fs::create_dir(&group.0).ok()?;
                fs::write(group.0.join(limit), n_bytes.to_string()).ok()?;
                // What does not fit shall not be put on a disk.
                _ = fs::write(group.0.join("memory.swap.max"), "0");
                Some(group)
            },
        )
    }
}

impl Drop for MemoryGroup {
    fn drop(&mut self) {
        // The processes are gone, or about to be.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The system kills whoever has most, which is no supervisor.
#[test]
fn a_worker_that_is_killed_for_want_of_memory_costs_a_retry() {
    let (folder, expected) = (folder(), expected());
    let Some(group) = MemoryGroup::new("bqc-test", 256 << 20) else {
        return skip(Need::Cgroup, "a limit on memory cannot be set here");
    };
    let input = folder.arg("in.qasm");
    let output = folder.arg("out.qasm");
    let arguments = arguments(&input, &["-o", &output, "--worker-fault", "memory@90"]);
    let mut command = Command::new("sh");
    command.args(["-c", "echo $$ >\"$GROUP\" && exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bqc")]).args(arguments);
    command.env("XDG_STATE_HOME", NO_STATE);
    let (code, _, stderr) = parts(&command.env("GROUP", group.0.join("cgroup.procs")).output().unwrap());
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("the worker ended: signal: 9 (SIGKILL)"), "{stderr}");
}

#[test]
fn every_fault_of_the_list_has_its_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = read(&root.join("crates/bqc-pool/README.md"));
    let rows: Vec<&str> = list.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() > 30);
    for row in rows {
        let quoted: Vec<&str> = row.split('`').skip(1).step_by(2).collect();
        let [.., file, test] = quoted[..] else { panic!("no test: {row}") };
        assert!(read(&root.join(file)).contains(&format!("fn {test}(")), "`{file}` has no `{test}`");
    }
}
