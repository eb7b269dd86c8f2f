//! `bqc worker`: the other end of `compile --workers`.
//!
//! Batch systems and service managers send their signals to all processes of a job, and what follows from
//! them is the supervisor's to decide. So a worker lives on: SIGINT and SIGUSR1 do nothing here, and
//! SIGTERM asks for the best result so far, which is what the supervisor will do next. When the supervisor
//! is in earnest it sends SIGKILL.

use crate::args::WorkerArgs;
use crate::exit::{Exit, Failure};
use bqc_instantiate::CpuEngine;
use signal_hook::consts::{SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Serves until the supervisor ends.
pub fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    let (cancelled, ignored) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    for (signal, raised) in [(SIGTERM, &cancelled), (SIGINT, &ignored), (SIGUSR1, &ignored)] {
        flag::register(signal, raised.clone()).map_err(|source| Failure::Setup { what: "signal handlers", source })?;
    }
    match bqc_pool::serve(&CpuEngine::default(), &cancelled, args.fault) {
        Ok(never) => match never {},
        Err(e) => Err(Failure::Usage(e.to_string())),
    }
}
