//! Run folders and caches: a run that was killed goes on where it was, to the same output, and nothing
//! that lies in a folder can make a wrong one.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;

use common::*;
use nix::sys::signal::Signal;
use processes::*;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

const OPTIONS: [&str; 6] = ["--flow", "delete", "-k", "4", "--passes", "6"];

/// A folder with an input of half a second's work.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("in.qasm", &long(8, 10));
    folder
}

fn arguments(folder: &Folder, extra: &[&str]) -> Vec<String> {
    let fixed = ["compile", &folder.arg("in.qasm"), "-o", &folder.arg("out.qasm"), "-v"];
    fixed.iter().chain(&OPTIONS).chain(extra).map(|s| s.to_string()).collect()
}

fn compile(folder: &Folder, extra: &[&str]) -> (i32, String) {
    let arguments = arguments(folder, extra);
    let (code, _, stderr) = parts(&run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
    (code, stderr)
}

fn expected() -> String {
    let folder = folder();
    assert_eq!(compile(&folder, &["--workers", "off"]).0, 0);
    folder.read("out.qasm")
}

#[test]
fn fifty_kills_of_the_supervisor_cost_nothing_and_leave_nobody() {
    let (folder, expected) = (folder(), expected());
    let run_folder = folder.arg("run");
    let mut moment = bqc_linalg::Stream::new(6, 0, 0);
    let (mut n_killed, mut n_known) = (0, 0);
    while n_killed < 50 {
        let mut child = bqc(&[])
            .args(arguments(&folder, &["--run-dir", &run_folder, "--workers", "2"]))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_secs_f64(0.001 + 0.08 * moment.uniform()));
        let workers = children(child.id());
        if child.try_wait().unwrap().is_some() {
            // It was through before: the output is there, and the next round begins anew.
            let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
            assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
            fs::remove_dir_all(&run_folder).unwrap();
            fs::remove_file(folder.path("out.qasm")).unwrap();
            n_known = 0;
            continue;
        }
        send(&child, Signal::SIGKILL);
        child.wait().unwrap();
        n_killed += 1;
        wait_until("the workers are gone", || !workers.iter().any(|&pid| is_alive(pid)));
        // What was known is never less than before.
        let n = if folder.path("run").exists() { n_known_in(&folder) } else { 0 };
        assert!(n >= n_known, "{n} results are known, {n_known} were");
        n_known = n;
    }
    let (code, stderr) = compile(&folder, &["--run-dir", &run_folder, "--workers", "2"]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
}

/// How many results the folder's segments hold.
fn n_known_in(folder: &Folder) -> usize {
    let mut keys = std::collections::HashSet::new();
    for entry in fs::read_dir(folder.path("run")).unwrap().flatten() {
        let bytes = fs::read(entry.path()).unwrap();
        let Some(plan) = bytes.get(12..44).and_then(|plan| plan.try_into().ok()) else { continue };
        for entry in bqc_wire::Replay::new(&bytes, &plan).unwrap() {
            if let bqc_wire::Entry::Solved { key, .. } = entry {
                keys.insert(key);
            }
        }
    }
    keys.len()
}

#[test]
fn an_interrupted_run_goes_on_and_a_complete_one_is_there_at_once() {
    let (folder, expected) = (folder(), expected());
    let options = ["--run-dir", &folder.arg("run")];
    let mut child = bqc(&[]).args(arguments(&folder, &options)).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("results", || folder.path("run").exists() && n_known_in(&folder) > 20);
    send(&child, Signal::SIGUSR1);
    let code = child.wait().unwrap().code();
    assert!(code == Some(75) || folder.read("out.qasm") == expected, "{code:?}");
    let n_known = n_known_in(&folder);
    let (code, stderr) = compile(&folder, &options);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert_eq!(number(&stderr, "results are known from the run folder"), n_known);
    assert_eq!(number(&stderr, "results were taken as known"), n_known, "nothing is done twice");
    // Again: everything is known, and nothing is added.
    let n_known = n_known_in(&folder);
    let (code, stderr) = compile(&folder, &options);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert_eq!((number(&stderr, "results were taken as known"), n_known_in(&folder)), (n_known, n_known));
}

#[test]
fn a_run_that_is_stopped_as_soon_as_it_is_taken_up_is_no_worse_than_before() {
    let folder = Folder::new();
    let input = long(8, 40);
    folder.write("in.qasm", &input);
    let options = ["--workers", "2", "--run-dir", &folder.arg("run")];
    let mut child = bqc(&[]).args(arguments(&folder, &options)).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("results", || folder.path("run").exists() && n_known_in(&folder) > 20);
    send(&child, Signal::SIGINT);
    child.wait().unwrap();
    let before = count(&folder.read("out.qasm"), "cx");
    assert!(before < 6 * count(&input, "ccx"));
    for _ in 0..2 {
        let (code, stderr) = compile(&folder, &[&options[..], &["--time-limit", "1ms"]].concat());
        assert_eq!((code, count(&folder.read("out.qasm"), "cx")), (0, before), "{stderr}");
    }
}

#[test]
fn an_input_that_is_to_be_replaced_stays_until_the_run_is_through() {
    let folder = Folder::new();
    let input = long(8, 200);
    let path = folder.write("in.qasm", &input);
    let options = ["--workers", "2", "-o", &path];
    let of_user = |extra: &[&str]| {
        let mut command = bqc(&["compile", &path, "-v"]);
        command.args(OPTIONS).args(options).args(extra).env("XDG_STATE_HOME", folder.path("state"));
        command.stderr(Stdio::piped());
        command
    };
    let child = of_user(&[]).spawn().unwrap();
    wait_until("a journal", || !runs(&folder).is_empty());
    wait_until("the handlers", || handles(child.id() as i32, Signal::SIGUSR1));
    send(&child, Signal::SIGINT);
    let (code, _, stderr) = parts(&child.wait_with_output().unwrap());
    assert_eq!(code, 75, "{stderr}");
    assert!(stderr.contains("is left as it is: it is the input") && stderr.contains("goes on from"), "{stderr}");
    assert_eq!(folder.read("in.qasm"), input);
    // By a limit it is replaced, and then there is nothing to go on with.
    let (code, _, stderr) = parts(&of_user(&["--resume", "--time-limit", "300ms"]).output().unwrap());
    assert!(code == 0 && !stderr.contains("goes on from"), "{stderr}");
    assert!(folder.read("in.qasm") != input && runs(&folder).is_empty(), "{stderr}");
}

#[test]
fn approximations_are_known_to_the_next_run_too() {
    let folder = Folder::new();
    folder.write("in.qasm", &long(6, 6));
    let options = ["--epsilon-total", "0.1", "--workers", "2", "--run-dir", &folder.arg("run")];
    let report = folder.arg("report.json");
    let (code, stderr) = compile(&folder, &[&options[..], &["--report", &report]].concat());
    assert_eq!(code, 0, "{stderr}");
    assert!(folder.read("report.json").contains("\"approximated\""), "nothing was approximated: {stderr}");
    let output = folder.read("out.qasm");
    let (code, stderr) = compile(&folder, &options);
    assert_eq!((code, folder.read("out.qasm") == output), (0, true), "{stderr}");
    assert!(stderr.contains("0 workers were started") && stderr.contains(", 0 refused"), "{stderr}");
}

#[test]
fn a_second_signal_does_not_lose_the_journal() {
    let folder = folder();
    folder.write("in.qasm", &long(8, 300));
    let options = ["--run-dir", &folder.arg("run")];
    let mut child = bqc(&[]).args(arguments(&folder, &options)).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("results", || folder.path("run").exists() && n_known_in(&folder) > 20);
    send(&child, Signal::SIGINT);
    send(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(n_known_in(&folder) > 20);
}

#[test]
fn the_default_run_folder_is_the_users_and_goes_when_the_run_is_complete() {
    let (folder, expected) = (folder(), expected());
    let of_user = |extra: &[&str]| {
        let mut command = bqc(&[]);
        command.args(arguments(&folder, extra)).env("XDG_STATE_HOME", folder.path("state"));
        parts(&command.output().unwrap())
    };
    let (code, _, stderr) = of_user(&["--resume", "--time-limit", "50ms"]);
    assert_eq!(code, 0, "{stderr}");
    let runs = folder.path("state/bqc/runs");
    if folder.read("out.qasm") != expected {
        assert_eq!(fs::read_dir(&runs).unwrap().count(), 1);
        assert!(stderr.contains("the same command goes on from"), "{stderr}");
    }
    let (code, _, stderr) = of_user(&["--resume"]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert_eq!(fs::read_dir(&runs).unwrap().count(), 0);
}

/// The folders of runs that a user's state folder holds.
fn runs(folder: &Folder) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder.path("state/bqc/runs")).into_iter().flatten().map(|e| e.unwrap().path()).collect()
}

/// A compile by a user who asks for no journal, and whose input takes a second of work.
fn of_user(folder: &Folder, extra: &[&str]) -> Command {
    let mut command = bqc(&[]);
    command.args(arguments(folder, extra)).env("XDG_STATE_HOME", folder.path("state")).stderr(Stdio::piped());
    command
}

#[test]
fn a_run_that_nobody_asked_to_keep_goes_on_after_a_kill_and_leaves_nothing_behind() {
    let folder = Folder::new();
    folder.write("in.qasm", &long(8, 40));
    assert_eq!(compile(&folder, &["--workers", "off"]).0, 0);
    let expected = folder.read("out.qasm");
    fs::remove_file(folder.path("out.qasm")).unwrap();
    let mut child = of_user(&folder, &[]).spawn().unwrap();
    wait_until("a journal", || {
        runs(&folder).iter().any(|run| fs::metadata(run.join("00000000.seg")).is_ok_and(|m| m.len() > 20_000))
    });
    send(&child, Signal::SIGKILL);
    child.wait().unwrap();
    // Beside other work, and while it runs a second time by mistake.
    let mut first = of_user(&folder, &[]).spawn().unwrap();
    let mut second = of_user(&folder, &["--report", &folder.arg("r.json")]).spawn().unwrap();
    assert_eq!((first.wait().unwrap().code(), second.wait().unwrap().code()), (Some(0), Some(0)));
    let talk = |child: &mut std::process::Child| std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    let (first, second) = (talk(&mut first), talk(&mut second));
    let is_resumed = |stderr: &String| stderr.contains("was interrupted before and goes on");
    assert!(is_resumed(&first) || is_resumed(&second), "{first}{second}");
    assert_eq!(folder.read("out.qasm"), expected);
    assert!(runs(&folder).is_empty());
}

#[test]
fn who_wants_no_journal_has_none_and_who_cannot_have_one_is_not_stopped() {
    let folder = folder();
    for extra in [&["--run-dir", "off"][..], &["--workers", "off"], &["--time-limit", "50ms"]] {
        let (code, _, stderr) = parts(&of_user(&folder, extra).output().unwrap());
        assert!(code == 0 && !stderr.contains("the same command goes on"), "{extra:?} {stderr}");
        assert!(runs(&folder).is_empty(), "{extra:?}");
    }
    let (code, _, stderr) = parts(&of_user(&folder, &[]).env("XDG_STATE_HOME", "/dev/null").output().unwrap());
    assert!(code == 0 && stderr.contains("no journal is kept: cannot use `/dev/null/bqc/runs/"), "{stderr}");
    // Whoever counts on it need not ask with -v; and a machine without home folders is no error.
    let input = folder.arg("in.qasm");
    let plain = |extra: &[&str]| {
        let mut command = bqc(&["compile", &input, "-o", "/dev/null", "--time-limit", "300ms"]);
        command.args(OPTIONS).args(extra).env_remove("XDG_STATE_HOME").env_remove("HOME");
        parts(&command.output().unwrap()).2
    };
    let line = "bqc: no journal is kept: there is no home folder for a journal; --run-dir DIR keeps one there\n";
    let stderr = plain(&[]);
    assert_eq!(stderr.matches(line).count(), 1, "{stderr}");
    assert_eq!((plain(&["--quiet"]).as_str(), plain(&["--run-dir", "off"]).contains("journal")), ("", false));
    let (code, _, stderr) =
        parts(&of_user(&folder, &["--resume"]).env("XDG_STATE_HOME", "/dev/null").output().unwrap());
    assert!(code == 2 && stderr.contains("cannot use `/dev/null/bqc/runs/"), "{stderr}");
    let (code, _, stderr) = parts(&of_user(&folder, &["--resume", "--run-dir", "off"]).output().unwrap());
    assert!(code == 2 && stderr.contains("cannot be used with"), "{stderr}");
}

#[test]
fn runs_that_nobody_comes_back_for_do_not_pile_up() {
    let folder = folder();
    let in_runs = |name: &str| folder.path("state/bqc/runs").join(name);
    for i in 0..20 {
        let run = in_runs(&format!("{i:016x}"));
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("00000000.seg"), "what it had").unwrap();
        fs::write(run.join("lock"), "").unwrap();
        let file = fs::File::open(&run).unwrap();
        file.set_modified(std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1000 * (i + 1))).unwrap();
    }
    // The oldest is in use, and one is nobody's run.
    let lock = fs::File::options().write(true).open(in_runs("0000000000000000/lock")).unwrap();
    lock.lock().unwrap();
    fs::create_dir(in_runs("notes")).unwrap();
    // Long enough to begin.
    assert_eq!(of_user(&folder, &["--time-limit", "300ms"]).output().unwrap().status.code(), Some(0));
    let mut left: Vec<_> = runs(&folder).iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    left.sort();
    assert_eq!((left.len(), left[0].as_str(), left[1].as_str()), (18, "0000000000000000", "0000000000000004"));
    assert!(left.contains(&"notes".to_owned()));
}

#[test]
fn the_default_run_folder_stays_until_the_output_is_written() {
    let folder = folder();
    let of_user = |extra: &[&str]| {
        let mut command = bqc(&["compile", &folder.arg("in.qasm"), "-v", "--resume"]);
        command.args(OPTIONS).args(extra).env("XDG_STATE_HOME", folder.path("state"));
        parts(&command.output().unwrap())
    };
    let runs = folder.path("state/bqc/runs");
    // A device that is always full.
    let (code, _, stderr) = of_user(&["-o", "/dev/full"]);
    assert!(code == 2 && stderr.contains("cannot write `/dev/full`"), "{stderr}");
    assert!(stderr.contains("the same command goes on from"), "{stderr}");
    assert_eq!(fs::read_dir(&runs).unwrap().count(), 1);
    // A block that failed, and may not fail the next time.
    let (code, _, stderr) = of_user(&["-o", &folder.arg("out.qasm"), "--seed", "1", "--worker-fault", "abort%3"]);
    assert!(code == 3 && stderr.contains("the same command goes on from"), "{stderr}");
    assert_eq!(fs::read_dir(&runs).unwrap().count(), 2);
    let (code, _, stderr) = of_user(&["-o", &folder.arg("out.qasm")]);
    assert_eq!(code, 0, "{stderr}");
    assert!(number(&stderr, "results were taken as known") > 50, "{stderr}");
    assert_eq!((folder.read("out.qasm"), fs::read_dir(&runs).unwrap().count()), (expected(), 1));
}

#[test]
fn another_input_or_other_settings_are_refused_in_a_run_folder() {
    let folder = folder();
    let run_folder = folder.arg("run");
    assert_eq!(compile(&folder, &["--run-dir", &run_folder]).0, 0);
    // How many do the work is nothing that matters.
    assert_eq!(compile(&folder, &["--run-dir", &run_folder, "-j", "1"]).0, 0);
    for other in [&["--seed", "1"][..], &["--epsilon", "1e-9"], &["--objective", "depth"], &["--solver", "hybrid"]] {
        let (code, stderr) = compile(&folder, &[&["--run-dir", &run_folder], other].concat());
        assert_eq!(code, 2, "{other:?} {stderr}");
        assert!(stderr.contains("another input, other settings") && stderr.contains("choose another"), "{stderr}");
    }
    folder.write("in.qasm", &long(8, 11));
    assert_eq!(compile(&folder, &["--run-dir", &run_folder]).0, 2);
}

#[test]
fn two_supervisors_do_not_share_a_run_folder() {
    let folder = folder();
    folder.write("in.qasm", &long(8, 300));
    let options = ["--run-dir", &folder.arg("run")];
    let slowly = [&options[..], &["--workers", "1"]].concat();
    let mut child = bqc(&[]).args(arguments(&folder, &slowly)).stderr(Stdio::piped()).spawn().unwrap();
    wait_until("a segment", || folder.path("run/00000000.seg").exists());
    let (code, stderr) = compile(&folder, &options);
    assert!(code == 2 && stderr.contains("in use by another run"), "{stderr}");
    send(&child, Signal::SIGKILL);
    child.wait().unwrap();
    // The lock went with its holder.
    let (code, stderr) = compile(&folder, &[&options[..], &["--time-limit", "10ms"]].concat());
    assert_eq!(code, 0, "{stderr}");
}

#[test]
fn a_damaged_journal_costs_time_and_nothing_else() {
    let (folder, expected) = (folder(), expected());
    let options = ["--run-dir", &folder.arg("run")];
    assert_eq!(compile(&folder, &options).0, 0);
    let path = folder.path("run/00000000.seg");
    let whole = fs::read(&path).unwrap();
    for n in [whole.len() / 2, 48, 20, 0] {
        let mut torn = whole[..n].to_vec();
        if let Some(byte) = torn.get_mut(n / 2) {
            *byte ^= 4;
        }
        fs::remove_dir_all(folder.path("run")).unwrap();
        fs::create_dir(folder.path("run")).unwrap();
        fs::write(&path, &torn).unwrap();
        let (code, stderr) = compile(&folder, &options);
        assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{n}: {stderr}");
    }
}

/// A file that may not grow beyond some kilobytes stands for a full disk.
#[test]
fn a_full_disk_ends_the_journal_and_not_the_run() {
    let (folder, expected) = (folder(), expected());
    let arguments = arguments(&folder, &["--run-dir", &folder.arg("run"), "-o", &folder.arg("out.qasm")]);
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -f 64; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_bqc")]);
    let mut arguments = arguments;
    arguments.drain(arguments.len() - 2..);
    let (code, _, stderr) = parts(&command.args(arguments).output().unwrap());
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    // Once, and not only when all is over.
    let failure = format!("`{}`: cannot be written to", folder.arg("run"));
    assert_eq!(stderr.matches(&failure).count(), 1, "{stderr}");
    assert!(stderr.find(&failure) < stderr.find("comparing the whole"), "{stderr}");
    let n_known = n_known_in(&folder);
    let (code, stderr) = compile(&folder, &["--run-dir", &folder.arg("run")]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert_eq!(number(&stderr, "results were taken as known"), n_known);
}

#[test]
fn a_folder_that_cannot_be_one_is_refused() {
    let folder = folder();
    let file = folder.write("file", "text");
    for options in [["--run-dir", &file], ["--cache", &file]] {
        let (code, stderr) = compile(&folder, &options);
        assert!(code == 2 && stderr.contains("cannot use"), "{stderr}");
    }
}

#[test]
fn a_cache_serves_other_runs_and_is_not_believed() {
    let (folder, expected) = (folder(), expected());
    let cache = folder.arg("cache");
    let (code, stderr) = compile(&folder, &["--cache", &cache]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    let (code, stderr) = compile(&folder, &["--cache", &cache, "--workers", "2"]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(number(&stderr, "results were taken as known") > 50, "{stderr}");
    assert!(stderr.contains("0 workers were started"), "{stderr}");
    // Every result says something else now, under the same names and with right checksums.
    let bytes = fs::read(folder.path("cache/00000000.seg")).unwrap();
    let plan = bytes[12..44].try_into().unwrap();
    let mut wrong = bqc_wire::segment::encode_head(&plan).to_vec();
    for entry in bqc_wire::Replay::new(&bytes, &plan).unwrap() {
        let bqc_wire::Entry::Solved { key, mut result, is_settled, seconds } = entry else { continue };
        result.block.gates.push(bqc_wire::unit::GateForm::U3(0, [0.1, 0.0, 0.0]));
        let entry = bqc_wire::Entry::Solved { key, result, is_settled, seconds };
        wrong.extend(bqc_wire::segment::encode_record(&entry).unwrap());
    }
    fs::write(folder.path("cache/00000000.seg"), &wrong).unwrap();
    let (code, stderr) = compile(&folder, &["--cache", &cache]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(stderr.contains("0 results were taken as known") && !stderr.contains(" 0 refused"), "{stderr}");
    // The same as another build would have left it: not even looked at, and not in the way.
    let mut of_others = bqc_wire::segment::encode_head(&[7; 32]).to_vec();
    of_others.extend(&wrong[of_others.len()..]);
    fs::remove_dir_all(folder.path("cache")).unwrap();
    fs::create_dir(folder.path("cache")).unwrap();
    fs::write(folder.path("cache/00000000.seg"), of_others).unwrap();
    let (code, stderr) = compile(&folder, &["--cache", &cache]);
    assert_eq!((code, folder.read("out.qasm") == expected), (0, true), "{stderr}");
    assert!(number(&stderr, "results are known from the cache") == 0 && !stderr.contains("refused"), "{stderr}");
}

#[test]
fn an_old_run_is_still_there_for_whoever_comes_back() {
    let folder = folder();
    let (code, _, stderr) = parts(&of_user(&folder, &["--worker-fault", "abort%3"]).output().unwrap());
    assert!(code == 3 && stderr.contains("the same command goes on from"), "{stderr}");
    let own = runs(&folder).pop().unwrap();
    let at = |seconds| std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    for i in 0..17 {
        let run = folder.path("state/bqc/runs").join(format!("{i:016x}"));
        fs::create_dir_all(&run).unwrap();
        fs::write(run.join("lock"), "").unwrap();
        fs::File::open(&run).unwrap().set_modified(at(2000 + i)).unwrap();
    }
    fs::File::open(&own).unwrap().set_modified(at(1000)).unwrap();
    let (code, _, stderr) = parts(&of_user(&folder, &[]).output().unwrap());
    assert!(code == 0 && stderr.contains("was interrupted before and goes on"), "{stderr}");
    assert_eq!((folder.read("out.qasm"), own.exists()), (expected(), false));
}

#[test]
fn a_run_folder_is_no_cache() {
    let folder = folder();
    let run = folder.arg("run");
    assert_eq!(compile(&folder, &["--run-dir", &run]).0, 0);
    let (code, stderr) = compile(&folder, &["--run-dir", &run, "--cache", &run]);
    assert!(code == 2 && stderr.contains("choose another folder for --cache"), "{stderr}");
    // By another run, at another time; it was spoilt for its own.
    let (code, stderr) = compile(&folder, &["--seed", "1", "--cache", &run]);
    assert!(code == 2 && stderr.contains("is the run folder of a run; choose another"), "{stderr}");
    let (code, stderr) = compile(&folder, &["--run-dir", &run]);
    assert!(code == 0 && number(&stderr, "results were taken as known") > 50, "{stderr}");
}

#[test]
fn a_cache_is_no_run_folder_and_stays_a_cache() {
    let folder = folder();
    let cache = folder.arg("cache");
    assert_eq!(compile(&folder, &["--cache", &cache]).0, 0);
    let (code, stderr) = compile(&folder, &["--run-dir", &cache]);
    assert!(code == 2 && stderr.contains("is a cache; choose another folder for --run-dir"), "{stderr}");
    let (code, stderr) = compile(&folder, &["--cache", &cache]);
    assert!(code == 0 && number(&stderr, "results were taken as known") > 50, "{stderr}");
}
