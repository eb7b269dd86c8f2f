//! An array of tasks over many circuits on a real Slurm, and the scripts that `bqc slurm-script` prints.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;
#[path = "common/slurm.rs"]
mod slurm;

use bqc_wire::{Document, Report};
use common::*;
use nix::sys::signal::Signal;
use processes::*;
use slurm::{Slurm, is_installed};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use test_skips::{Need, skip};

const OPTIONS: &str = "--flow delete -k 4 --passes 6 --workers off";

/// The script for so many tasks, written to a file.
fn array_script(slurm: &Slurm, name: &str, n_tasks: u32, more: &str) {
    let script = "bqc slurm-script array --list list --out-dir results --time 30";
    slurm.bash(&format!("{script} --tasks {n_tasks} {more} -- {OPTIONS} > {name}"));
}

/// Bytes of the journals of one circuit.
fn n_journal_bytes(slurm: &Slurm, name: &str) -> u64 {
    let folders = fs::read_dir(slurm.path("results/runs")).into_iter().flatten().flatten();
    let of_circuit = folders.filter(|entry| entry.file_name().to_str().unwrap().starts_with(&format!("{name}-")));
    let files = of_circuit.flat_map(|entry| fs::read_dir(entry.path()).into_iter().flatten().flatten());
    files.map(|entry| entry.metadata().map_or(0, |m| m.len())).sum()
}

/// Lines of the summary by name: state and the rest.
fn summary(slurm: &Slurm) -> (i32, Vec<(String, String)>) {
    let output = slurm.output("bqc batch --quiet --summary results --format csv");
    let (code, stdout, stderr) = parts(&output);
    let row = |line: &str| {
        let mut cells = line.splitn(3, ',').map(str::to_owned);
        (cells.next().unwrap(), cells.next().unwrap_or_else(|| panic!("{line} {stderr}")))
    };
    (code, stdout.lines().skip(1).map(row).collect())
}

#[test]
fn an_array_of_eight_does_twenty_circuits_and_a_killed_task_is_made_good() {
    let Some(slurm) = Slurm::up(2, 2, 0) else { return };
    let mut list = String::new();
    for i in 0..20 {
        let text = match i {
            5 => "OPENQASM 2.0;\nqreg q[2];\nfrobnicate q[0];\n".to_owned(),
            13 => "this is no circuit".to_owned(),
            // The one of task 2 that takes longest.
            10 => long(8, 60),
            _ => long(4, 1 + i % 3),
        };
        list += &format!("{}\n", slurm.folder().write(&format!("c{i}.qasm"), &text));
    }
    slurm.folder().write("list", &list);
    array_script(&slurm, "array.sh", 8, "--max-requeues 0");
    let job = slurm.submit("array.sh");
    // The result of the light pass is 70 kB, that of a block some.
    wait_until("task 2 is at its long circuit", || n_journal_bytes(&slurm, "c10") > 120_000);
    slurm.bash(&format!("scancel --signal=KILL --full {job}_2"));
    slurm.wait(&job);
    let (code, rows) = summary(&slurm);
    assert_eq!((code, rows.len()), (75, 20), "{rows:?}\n{}", slurm.logs());
    let n_left = rows.iter().filter(|(_, state)| state == "missing").count();
    assert!((1..=3).contains(&n_left), "the share of the task that was killed: {rows:?}");

    // The same task again, alone.
    let times = |names: &[(String, String)]| -> Vec<_> {
        let time = |name: &str| fs::metadata(slurm.path(&format!("results/{name}.qasm"))).unwrap().modified().unwrap();
        names.iter().filter(|(_, state)| state == "complete").map(|(name, _)| time(name)).collect()
    };
    let before = times(&rows);
    let done_before: Vec<_> = rows.into_iter().filter(|(_, state)| state == "complete").collect();
    let job = slurm.submit("--array=2 array.sh");
    slurm.wait(&job);
    let (code, rows) = summary(&slurm);
    let count = |state: &str| rows.iter().filter(|(_, s)| s == state).count();
    assert_eq!((code, count("complete"), count("refused")), (2, 18, 2), "{rows:?}\n{}", slurm.logs());
    // Nothing twice: neither a circuit nor a block.
    assert_eq!(times(&done_before), before);
    let report = Report::from_json(&read(&slurm.path("results/c10.report.json"))).unwrap();
    assert!(report.known.taken > 5, "{:?}", report.known);
    let text = slurm.output("bqc batch --summary results");
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(text.contains("c5.qasm:3:1: gate `frobnicate`") && text.contains("c13.qasm:1:1"), "{text}");
}

/// Slurm looks at its clock twice a minute, so both kinds of jobs wait for it together.
#[test]
fn the_time_limit_queues_jobs_again_and_their_second_runs_complete() {
    let Some(slurm) = Slurm::up(3, 1, 0) else { return };
    let path = slurm.folder().write("long.qasm", &long(8, 40));
    slurm.folder().write("list", &path);
    array_script(&slurm, "array.sh", 1, "--max-requeues 3");
    slurm.bash("bqc plan long.qasm --run-dir run --flow delete -k 4 --passes 6");
    let script = "bqc slurm-script multi-node --run-dir run -o out.qasm --nodes 2 --cpus 1 --time 30";
    slurm.bash(&format!("{script} --max-requeues 3 > nodes.sh"));
    // So short a time no script asks for.
    let jobs = ["array.sh", "nodes.sh"].map(|name| slurm.submit(&format!("--time=1 --signal=B:USR1@50 {name}")));
    let n_bytes_of_run = || {
        let entries = fs::read_dir(slurm.path("run/segments")).into_iter().flatten().flatten();
        entries.map(|entry| entry.metadata().map_or(0, |m| m.len())).sum::<u64>()
    };
    let pids = [slurm.begin_together("batch", 1), slurm.begin_together("work", 2)].concat();
    // They sleep until the signal comes, so that they are not through before.
    // More than the light pass and a dozen blocks.
    wait_until("results of the array", || n_journal_bytes(&slurm, "long") > 100_000);
    assert!(send_pid(pids[0], Signal::SIGSTOP));
    wait_until("results of the nodes", || n_bytes_of_run() > 4000);
    pids[1..].iter().for_each(|&pid| assert!(send_pid(pid, Signal::SIGSTOP)));
    wait_until("Slurm's signal", || pids.iter().all(|&pid| has_pending(pid, Signal::SIGUSR1)));
    pids.iter().for_each(|&pid| assert!(send_pid(pid, Signal::SIGCONT)));
    // Slurm starts them again when the credentials of their first runs have expired. Who hurries it has nodes
    // that refuse the second run, if that begins in the second in which the first one's end was told to them.
    for job in &jobs {
        wait_until("queued again", || slurm.job_value(job, "Restarts") == "1");
        // However slow the machine is, there is no second signal.
        slurm.output(&format!("scontrol update job={job} TimeLimit=30"));
        slurm.wait(job);
    }
    let logs = slurm.logs();
    let first = ["batch ended with 75, share 0/1 with 75, restarts so far: 0", "merge with 75, restarts so far: 0"];
    assert!(first.iter().all(|line| logs.contains(line)), "{logs}");
    assert!(logs.contains("batch ended with 0, share 0/1 with 0, restarts so far: 1"), "{logs}");
    assert!(logs.contains("merge with 0, restarts so far: 1"), "{logs}");
    let (code, rows) = summary(&slurm);
    assert_eq!((code, rows[0].1.as_str()), (0, "complete"), "{logs}");
    let report = Report::from_json(&read(&slurm.path("results/long.report.json"))).unwrap();
    assert!(report.known.taken > 10, "{:?}", report.known);
    assert!(read(&slurm.path("results/long.qasm")) == slurm.folder().read("out.qasm"));
}

#[test]
fn a_private_slurm_ends_with_whoever_wanted_it() {
    let Some(slurm) = Slurm::up(1, 1, 0) else { return };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slurm/up.sh");
    let mut owner = Command::new("sleep").arg("1000").spawn().unwrap();
    let folder = slurm.path("second");
    let output = Command::new(script).arg(&folder).arg("2").env("OWNER", owner.id().to_string()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pid = |name: &str| read(&folder.join(name)).trim().parse::<i32>().unwrap();
    let daemons = ["munged.pid", "slurmctld.pid", "slurmd.n0.pid", "slurmd.n1.pid"].map(pid);
    assert!(daemons.iter().all(|&pid| is_alive(pid)));
    owner.kill().unwrap();
    owner.wait().unwrap();
    wait_until("the end of the daemons", || !daemons.iter().any(|&pid| is_alive(pid)));
    // The other one is not concerned.
    slurm.bash("srun --nodes=1 true");
}

/// A job of which nobody takes notice, with a signal that comes while its modules are loaded.
#[test]
fn a_signal_that_comes_before_the_work_ends_the_work() {
    let folder = Folder::new();
    let program = |name: &str, text: &str| {
        let path = folder.write(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    program("scontrol", "exit 1");
    let bqc = program("bqc", "case \"$*\" in *--summary*) exit 75;; esac\nexec sleep 1000");
    let arguments = ["array", "--list", "l", "--out-dir", "d", "--tasks", "2", "--time", "5", "--module", "x"];
    let (_, script, _) = parts(&run(&[&["slurm-script"], &arguments[..], &["--program", &bqc]].concat()));
    folder.write("job.sh", &script);
    let line = "module() { kill -USR1 $$; }; export -f module; PATH=$PWD:$PATH exec bash job.sh";
    let mut job = Command::new("bash");
    job.args(["-c", line]).current_dir(folder.path(""));
    let output = job.env("SLURM_ARRAY_TASK_ID", "0").env("SLURM_ARRAY_JOB_ID", "1").output().unwrap();
    let (code, stdout, stderr) = parts(&output);
    assert!(code == 75 && stdout.contains("batch ended with 138, share 0/2 with 75"), "{code} {stdout} {stderr}");
}

#[test]
fn scripts_pass_shellcheck_and_take_nothing_that_could_break_out() {
    if !is_installed("shellcheck") {
        return skip(Need::Shellcheck, "there is no `shellcheck`; apt-get install shellcheck");
    }
    let evil = "a'b; touch broken $(touch broken) `touch broken` \"\n#SBATCH --uid=0";
    let folder = Folder::new();
    let common =
        ["--time", "2-12:00:00", "--gpus-per-node", "a100:4", "--cpus", "8", "--memory", "16G", "--module", evil];
    let names = ["--partition", "gpu", "--account", "x", "--qos", "y", "--constraint", "a&b", "--program", evil];
    for (i, kind) in [
        vec!["multi-node", "--run-dir", evil, "-o", evil, "--nodes", "4"],
        vec!["array", "--list", evil, "--out-dir", evil, "--tasks", "8", "--at-once", "2"],
    ]
    .into_iter()
    .enumerate()
    {
        let plain = [&kind[..], &["--time", "5"]].concat();
        for arguments in [plain, [&kind[..], &common, &names, &["--", evil, "--report"]].concat()] {
            let (code, script, stderr) = parts(&run(&[&["slurm-script"], &arguments[..]].concat()));
            assert_eq!(code, 0, "{stderr}");
            let path = folder.write(&format!("{i}.sh"), &script);
            let check = Command::new("shellcheck").arg(&path).output().unwrap();
            assert!(check.status.success(), "{}\n{script}", String::from_utf8_lossy(&check.stdout));
            // The words come out as they went in; the rest of the script is left away.
            let end = script.find("command -v").unwrap();
            let head = script[..end].replace(" || exit 2", "");
            let line = format!(
                "module() {{ [ \"$2\" = \"$EVIL\" ]; }}\n{head}\n[ \"$bqc\" = \"$EVIL\" ] || [ \"$bqc\" = bqc ]"
            );
            let mut bash = Command::new("bash");
            bash.args(["-c", &line]).env("EVIL", evil).current_dir(folder.path(""));
            assert!(bash.status().unwrap().success(), "{line}");
            assert!(!folder.path("broken").exists());
            // Slurm reads requests up to the first command, and none of them came in with a value.
            assert!(!script.split("\nset -u").next().unwrap().contains("uid"), "{script}");
        }
    }
    for option in
        ["--partition", "--account", "--constraint", "--name", "--qos", "--gpus-per-node", "--memory", "--time"]
    {
        let arguments = ["slurm-script", "array", "--list", "l", "--out-dir", "d", "--tasks", "2", "--time", "5"];
        let (code, stdout, stderr) = parts(&run(&[&arguments[..], &[option, "x\n#SBATCH --uid=0"]].concat()));
        assert!(code == 2 && stdout.is_empty() && stderr.contains(option), "{stderr}");
    }
}
