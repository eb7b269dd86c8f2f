//! `bqc worker`: the other end of `compile --workers`.

use crate::args::WorkerArgs;
use crate::exit::{Exit, Failure};
use bqc_instantiate::CpuEngine;

/// Serves until the supervisor ends.
pub fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    match bqc_pool::serve(&CpuEngine::default(), args.fault) {
        Ok(never) => match never {},
        Err(e) => Err(Failure::Usage(e.to_string())),
    }
}
