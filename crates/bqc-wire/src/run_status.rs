//! `bqc status --json`: how far a run over many machines is.

use crate::document::Document;
use serde::{Deserialize, Serialize};

/// A run at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunStatus {
    /// `bqc.run-status/1`.
    pub schema: String,
    /// Whether a supervisor has seen all of it done.
    pub complete: bool,
    /// The foremost pass, from 1; none before anybody has begun.
    pub pass: Option<u32>,
    /// Its units, and how many of them are done.
    pub pass_units: u64,
    /// See `pass_units`.
    pub pass_done: u64,
    /// Shards that it is divided into.
    pub pass_shards: u64,
    /// Units done in all passes.
    pub done: u64,
    /// How often one was done that was done already.
    pub done_twice: u64,
    /// Time in units over all threads.
    pub unit_seconds: f64,
    /// Units a second at present.
    pub rate: f64,
    /// Until the foremost pass is done, at this rate.
    pub seconds_left: Option<f64>,
    /// Supervisors at work, and those of which nothing was heard for too long.
    pub running: u64,
    /// See `running`.
    pub stale: u64,
    /// Every supervisor that there ever was.
    pub supervisors: Vec<SupervisorStatus>,
}

/// One supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SupervisorStatus {
    /// Its machine.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// Its job, if Slurm has started it.
    pub job: Option<String>,
    /// Its rank there.
    pub rank: u32,
    /// `running`, `stale`, `stopped` or `complete`; `unknown` where it has not ended and nobody can tell when
    /// something was heard of it, because the folder cannot be written to.
    pub state: String,
    /// Units that it has done.
    pub done: u64,
    /// Since something was heard of it; none if the folder does not tell.
    pub silent_seconds: Option<f64>,
}

impl Document for RunStatus {
    const SCHEMA: &'static str = "bqc.run-status/1";
}
