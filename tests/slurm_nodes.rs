//! One circuit on several nodes of a real Slurm, and what happens to nodes, ranks and daemons meanwhile. The
//! outcome is always the same: the bytes that one process makes by itself, and little work done twice.
#![cfg(target_os = "linux")]

mod common;
#[path = "common/processes.rs"]
mod processes;
#[path = "common/slurm.rs"]
mod slurm;

use bqc_wire::{Document, RunStatus};
use common::*;
use nix::sys::signal::Signal;
use processes::*;
use slurm::Slurm;
use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

const OPTIONS: [&str; 2] = ["--flow", "delete"];
/// Share of the blocks that may be done twice.
const MOST_TWICE: f64 = 0.15;

/// Ten wires and 1200 CX: some seconds of work for two cores.
fn circuit() -> String {
    let text = long(10, 25);
    assert_eq!(count(&text, "ccx") * 6, 1200);
    text
}

/// What one process makes of it.
fn expected() -> &'static str {
    static EXPECTED: OnceLock<String> = OnceLock::new();
    EXPECTED.get_or_init(|| {
        let folder = Folder::new();
        let (input, output) = (folder.write("in.qasm", &circuit()), folder.arg("out.qasm"));
        assert!(run(&[&["compile", &input, "-o", &output], &OPTIONS[..]].concat()).status.success());
        folder.read("out.qasm")
    })
}

/// A Slurm of so many nodes of two cores, the plan in `run`, and a script `job.sh` for some of the nodes.
fn planned(n_nodes: u32, n_nodes_of_job: u32) -> Option<Slurm> {
    let slurm = Slurm::up(n_nodes, 2, 0)?;
    slurm.folder().write("in.qasm", &circuit());
    slurm.bash(&format!("bqc plan in.qasm --run-dir run {}", OPTIONS.join(" ")));
    let request = format!("--nodes {n_nodes_of_job} --cpus 1 --time 30 --max-requeues 3");
    slurm.bash(&format!("bqc slurm-script multi-node --run-dir run -o out.qasm {request} -- --lease 5s > job.sh"));
    Some(slurm)
}

fn status(slurm: &Slurm) -> RunStatus {
    RunStatus::from_json(&slurm.bash("bqc status run --json")).unwrap()
}

/// Waits until so many blocks are done.
fn wait_for_blocks(slurm: &Slurm, n: u64) {
    // Less often than the files change, so that the watching costs little.
    wait_until(&format!("{n} blocks"), || {
        std::thread::sleep(Duration::from_millis(50));
        status(slurm).done >= n
    });
}

/// What a site's health check does, sooner than Slurm would by itself.
fn declare_down(slurm: &Slurm, node: u32) {
    slurm.bash(&format!("scontrol update nodename=n{node} state=down reason=lost"));
}

/// The end of all: the whole circuit as expected, and how much was done twice.
fn assert_complete(slurm: &Slurm) {
    let status = status(slurm);
    assert!(status.complete, "{}", slurm.logs());
    assert!(slurm.folder().read("out.qasm") == expected(), "{}", slurm.logs());
    let share = status.done_twice as f64 / status.done as f64;
    assert!(share <= MOST_TWICE, "{} of {} blocks were done twice", status.done_twice, status.done);
    eprintln!("{} of {} blocks were done twice", status.done_twice, status.done);
}

#[test]
fn four_nodes_make_the_bytes_of_one() {
    let Some(slurm) = planned(4, 4) else { return };
    let job = slurm.submit("job.sh");
    slurm.begin_together("work", 4);
    slurm.wait(&job);
    assert_complete(&slurm);
    slurm.bash("bqc verify in.qasm out.qasm");
    let status = status(&slurm);
    assert_eq!(status.supervisors.len(), 4);
    assert!(status.supervisors.iter().all(|s| s.state == "complete" && s.done > 0), "{:?}", status.supervisors);
    let mut hosts: Vec<&str> = status.supervisors.iter().map(|s| s.host.as_str()).collect();
    hosts.sort();
    assert_eq!(hosts, ["n0", "n1", "n2", "n3"]);
}

#[test]
fn a_killed_rank_costs_its_lease() {
    let Some(slurm) = planned(4, 4) else { return };
    let job = slurm.submit("job.sh");
    slurm.begin_together("work", 4);
    wait_for_blocks(&slurm, 100);
    let pids = slurm.bqc("work", Some(2));
    assert_eq!(pids.len(), 1);
    assert!(kill_pid(pids[0]));
    slurm.wait(&job);
    // What srun says of it is no reason to do anything.
    assert!(slurm.logs().contains("srun ended with 137, merge with 0, restarts so far: 0"), "{}", slurm.logs());
    assert_complete(&slurm);
}

#[test]
fn a_dead_node_is_done_without() {
    let Some(slurm) = planned(4, 4) else { return };
    let job = slurm.submit("job.sh");
    slurm.begin_together("work", 4);
    wait_for_blocks(&slurm, 100);
    slurm.script("--kill", Some(3));
    // A killed process may have to wait for the disk before it is gone.
    wait_until("the end of what ran there", || slurm.bqc("work", Some(3)).is_empty());
    declare_down(&slurm, 3);
    slurm.wait(&job);
    assert!(slurm.logs().contains("merge with 0"), "{}", slurm.logs());
    assert_complete(&slurm);
}

#[test]
fn the_controller_may_die_and_come_back() {
    let Some(slurm) = planned(2, 2) else { return };
    let job = slurm.submit("job.sh");
    slurm.begin_together("work", 2);
    wait_for_blocks(&slurm, 50);
    // The controller writes down every few seconds which jobs run, and from then on may be killed.
    let pids = slurm.bqc("work", None);
    pids.iter().for_each(|&pid| assert!(send_pid(pid, Signal::SIGSTOP)));
    // They are for changes only, and one may have been noted just before.
    let now = SystemTime::now();
    slurm.bash(&format!("scontrol update job={job} comment=changed"));
    let written = || fs::metadata(slurm.path("slurm/state/job_state")).is_ok_and(|m| m.modified().unwrap() > now);
    wait_until("the controller's notes", written);
    assert!(kill_pid(slurm.daemon("slurmctld")));
    pids.iter().for_each(|&pid| assert!(send_pid(pid, Signal::SIGCONT)));
    // Nobody notices: the job ends while there is no controller.
    wait_until("the output", || slurm.path("out.qasm").exists());
    slurm.script("--controller", None);
    slurm.wait(&job);
    assert_complete(&slurm);
}

#[test]
fn a_rank_that_slept_past_its_lease_does_no_harm() {
    let Some(slurm) = planned(2, 2) else { return };
    let job = slurm.submit("job.sh");
    slurm.begin_together("work", 2);
    wait_for_blocks(&slurm, 50);
    let pids = slurm.bqc("work", Some(1));
    assert_eq!(pids.len(), 1);
    send_pid(pids[0], Signal::SIGSTOP);
    // The other one does what is left and, if the sleeper has begun with something, takes it over.
    wait_until("the other one is through", || {
        std::thread::sleep(Duration::from_millis(100));
        status(&slurm).supervisors.iter().any(|s| s.state == "complete")
    });
    send_pid(pids[0], Signal::SIGCONT);
    slurm.wait(&job);
    assert!(status(&slurm).supervisors.iter().all(|s| s.state == "complete"), "{:?}", status(&slurm));
    assert_complete(&slurm);
}

#[test]
fn two_jobs_share_one_folder() {
    let Some(slurm) = planned(4, 2) else { return };
    let jobs = [slurm.submit("job.sh"), slurm.submit("job.sh")];
    slurm.begin_together("work", 4);
    for job in &jobs {
        slurm.wait(job);
    }
    assert_complete(&slurm);
    let jobs: Vec<_> = jobs.into_iter().map(Some).collect();
    let status = status(&slurm);
    assert!(jobs.iter().all(|job| status.supervisors.iter().any(|s| &s.job == job && s.done > 0)), "{status:?}");
}

#[test]
fn an_orphan_of_a_lost_node_and_the_requeued_job_do_not_disturb_each_other() {
    let Some(slurm) = planned(2, 1) else { return };
    let job = slurm.submit("job.sh");
    wait_for_blocks(&slurm, 50);
    let (lost, other) = if slurm.bqc("work", Some(0)).is_empty() { (1, 0) } else { (0, 1) };
    let pids = slurm.bqc("work", Some(lost));
    let &[orphan] = &pids[..] else { panic!("{pids:?}") };
    let parent = state(orphan).unwrap().1;
    slurm.script("--lose", Some(lost));
    // Linux hangs up on stopped processes whose parent goes, so the parent goes first.
    wait_until("it is an orphan", || state(orphan).unwrap().1 != parent);
    // Else it would be through before Slurm has noticed that its node is lost.
    assert!(send_pid(orphan, Signal::SIGSTOP));
    declare_down(&slurm, lost);
    wait_until("queued again", || slurm.job_value(&job, "Restarts") == "1");
    wait_until("running again", || !slurm.bqc("work", Some(other)).is_empty());
    assert!(send_pid(orphan, Signal::SIGCONT));
    slurm.wait(&job);
    wait_until("the orphan's end", || !is_alive(orphan));
    assert_complete(&slurm);
    assert_eq!(status(&slurm).supervisors.len(), 2);
}
