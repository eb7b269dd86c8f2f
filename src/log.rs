//! `--log FILE`: what happens in a run, one JSON object a line, as it happens.
//!
//! Each has `timestamp` (UTC), `level`, `message` and what belongs to that message; keys may be added, and none
//! changes its meaning. Lines are appended, so that the runs of one compile, interrupted and taken up again, are
//! in one file. Without the option nothing is written, and the events of the libraries go nowhere. A disk that
//! is full ends no run.

use crate::build_id::BUILD;
use crate::exit::Failure;
use crate::input::is_standard_stream;
use bqc_compiler::{Event, Settings};
use bqc_wire::Report;
use std::fs::File;
use std::path::Path;
use std::sync::Mutex;
use tracing::{info, warn};

/// Opens the log, if there is to be one. The first of a process is that of all its runs.
pub fn start(path: Option<&Path>) -> Result<(), Failure> {
    let Some(path) = path else { return Ok(()) };
    if is_standard_stream(path) {
        return Err(Failure::Usage("the log goes to a file, and `-` is none; write --log /dev/stderr, or ./-".into()));
    }
    let file = File::options().append(true).create(true).open(path).map_err(|e| Failure::write(path, e))?;
    let json = tracing_subscriber::fmt().json().flatten_event(true).with_target(false).with_current_span(false);
    let subscriber = json.with_span_list(false).with_writer(Mutex::new(file)).log_internal_errors(false).finish();
    // An error means that there is one already.
    _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// A run begins.
pub fn run_started(input: &Path, settings: &Settings, engine: &str, workers: Option<usize>) {
    let (input, version) = (input.display().to_string(), env!("CARGO_PKG_VERSION"));
    let (settings, workers) = (settings.to_line(), workers.map(|n| n as u64));
    info!(input, version, build = BUILD.as_str(), engine, workers, pid = std::process::id(), settings, "run started");
}

/// The folder of a run or of all runs has been opened.
pub fn folder_opened(what: &str, folder: &Path, n_known: usize, n_under_way: usize) {
    let folder = folder.display().to_string();
    info!(what, folder, n_known = n_known as u64, n_under_way = n_under_way as u64, "folder opened");
}

/// What an observer is told, block records left out: units are told where they are done.
pub fn event(event: Event<'_>) {
    match event {
        Event::PassStarted { pass, n_blocks } => info!(pass, n_blocks = n_blocks as u64, "pass started"),
        Event::PassFinished { pass, n_two_qubit, n_one_qubit } => {
            let (two_qubit_gates, one_qubit_gates) = (n_two_qubit as u64, n_one_qubit as u64);
            info!(pass, two_qubit_gates, one_qubit_gates, "pass finished");
        }
        Event::Restarted { n_two_qubit } => info!(best_two_qubit_gates = n_two_qubit as u64, "restarted"),
        Event::Checking { n_qubits } => info!(n_qubits = n_qubits as u64, "comparing"),
        Event::FolderFailed(line) => warn!(line, "warning"),
        Event::BlockFinished(_) => {}
    }
}

/// The run is to stop: by the signal of this number, or by the time limit.
pub fn stopping(signal: Option<i32>) {
    warn!(signal, "stopping");
}

/// The run is over, and what it has made is written.
pub fn run_ended(report: &Report, exit: i32) {
    let (before, after) = (report.input.two_qubit_gates, report.output.two_qubit_gates);
    let (status, seconds, bound) = (format!("{:?}", report.status), report.wall_seconds, report.error_bound);
    let (passes, blocks, failed) = (report.passes, report.blocks.total, report.blocks.failed);
    info!(status, exit, seconds, passes, blocks, failed, cx_before = before, cx_after = after, bound, "run ended");
}

/// The run is over, and what was at its output's place is still there.
pub fn output_left(output: &str, why: &str, exit: i32) {
    warn!(output, why, exit, "output left");
}

/// A circuit of many cannot be compiled.
pub fn left_out(input: &Path, reason: &str) {
    warn!(input = input.display().to_string(), reason, "circuit left out");
}

/// The run is over, and there is nothing that it has made.
pub fn run_failed(failure: &Failure) {
    tracing::error!(reason = failure.to_string(), "run failed");
}
