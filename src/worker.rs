//! `bqc worker`: the other end of `compile --workers`.

use crate::args::WorkerArgs;
use crate::exit::{Exit, Failure};
use bqc_instantiate::CpuEngine;

/// Serves until the supervisor ends.
pub fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    bqc_pool::serve(&CpuEngine::default(), args.fault).map_err(|e| Failure::Usage(e.to_string()))?;
    Ok(Exit::Complete)
}
