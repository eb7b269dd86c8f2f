//! `bqc status`: how far a run is, from its folder alone.

use super::{Monotonic, RunDir};
use crate::args::StatusArgs;
use crate::exit::{Exit, Failure};
use crate::output::print;
use bqc_store::{Ledger, Status, WriterState};
use bqc_wire::{Document, RunStatus, SupervisorStatus};
use std::fmt::Write as _;
use std::thread;
use std::time::{Duration, Instant};

/// Between two looks. Each makes and removes a file in a folder that a file server keeps.
const LEAST_PAUSE: Duration = Duration::from_millis(100);

/// Runs the command.
pub fn status(args: &StatusArgs, start: Instant) -> Result<Exit, Failure> {
    let run = RunDir::open(&args.run_dir)?;
    let clock = Monotonic(start);
    let ledger = Ledger::new(&run.storage, &clock, run.plan.hash());
    loop {
        let status = document(&run.status(&ledger)?, args.lease);
        let text = if args.json { status.to_json() } else { text(&status) };
        let is_read = print(&text)?;
        if !args.watch || status.complete || !is_read {
            return Ok(Exit::Complete);
        }
        thread::sleep(args.every.max(LEAST_PAUSE));
    }
}

fn document(status: &Status, lease: Duration) -> RunStatus {
    let states: Vec<SupervisorStatus> = status.writers.iter().map(|writer| supervisor(writer, lease)).collect();
    let count = |state: &str| states.iter().filter(|s| s.state == state).count() as u64;
    let pass = status.pass.as_ref();
    RunStatus {
        schema: RunStatus::SCHEMA.into(),
        complete: status.is_complete,
        pass: pass.map(|(pass, _)| pass.pass + 1),
        pass_units: pass.map_or(0, |(pass, _)| pass.n_units),
        pass_done: pass.map_or(0, |(_, n_done)| *n_done),
        pass_shards: pass.map_or(0, |(pass, _)| pass.n_shards),
        done: status.n_done,
        done_twice: status.n_twice,
        unit_seconds: status.unit_seconds,
        rate: status.rate(lease),
        seconds_left: if status.is_complete { Some(0.0) } else { status.seconds_left(lease) },
        running: count("running"),
        stale: count("stale"),
        supervisors: states,
    }
}

fn supervisor(writer: &WriterState, lease: Duration) -> SupervisorStatus {
    let state = match writer.ended {
        Some(true) => "complete",
        Some(false) => "stopped",
        None => match writer.is_running(lease) {
            Some(true) => "running",
            Some(false) => "stale",
            None => "unknown",
        },
    };
    let record = &writer.record;
    SupervisorStatus {
        host: record.host.clone(),
        pid: record.pid,
        job: record.job.clone(),
        rank: record.rank,
        state: state.into(),
        done: writer.n_done,
        silent_seconds: writer.silent_seconds,
    }
}

/// Some lines, and one for each supervisor.
fn text(status: &RunStatus) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        _ = writeln!(text, "{words}");
    };
    let RunStatus { pass_units, pass_done, pass_shards, done, done_twice, running, stale, .. } = status;
    line(match status.pass {
        _ if status.complete => format!("complete: {done} blocks done, {done_twice} of them twice"),
        None => "nobody has begun".into(),
        Some(pass) => format!(
            "pass {pass}: {pass_done} of {pass_units} blocks done, in {pass_shards} shards; {done} in all, {done_twice} twice"
        ),
    });
    let n_unknown = status.supervisors.iter().filter(|s| s.state == "unknown").count();
    if n_unknown > 0 && !status.complete {
        line(format!("who of {n_unknown} supervisors is at work cannot be told: the folder cannot be written to"));
    } else if !status.complete {
        let left = status
            .seconds_left
            .map_or("no end in sight".to_owned(), |seconds| format!("{} to the end of the pass", time(seconds)));
        line(format!("{running} supervisors running, {stale} stale, {:.3} blocks a second, {left}", status.rate));
    }
    for s in &status.supervisors {
        let job = s.job.as_ref().map_or(String::new(), |job| format!(", job {job} rank {}", s.rank));
        let silent = match (s.state.as_str(), s.silent_seconds) {
            ("running" | "stale", Some(seconds)) => format!(", heard of {} ago", time(seconds)),
            _ => String::new(),
        };
        line(format!("{:9} {} pid {}{job}: {} blocks{silent}", s.state, s.host, s.pid, s.done));
    }
    text
}

/// `7 s`, `3 min`, `2.5 h`.
fn time(seconds: f64) -> String {
    match seconds {
        s if s < 120.0 => format!("{s:.0} s"),
        s if s < 7200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3600.0),
    }
}
