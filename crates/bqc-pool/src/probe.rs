//! Asking for the GPUs by way of a process that ends: the driver counts whoever asks it among its clients, a
//! supervisor must not be one (MPS waits after a fault until all clients have ended), and a driver that
//! crashes takes nothing with it.

use crate::placement::Launch;
use crate::process::{Loss, Process, Program};
use bqc_wire::{FromWorker, GpuList};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often to look whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The GPUs as a process of `program` finds them, or why it finds none, in words. None if `stop` was set.
pub fn list_gpus(
    program: &Program,
    launch: &Launch,
    patience: Duration,
    stop: &AtomicBool,
) -> Result<Option<Result<GpuList, String>>, Loss> {
    let until = Instant::now() + patience;
    let mut process = Process::start_with(program, launch)?;
    while !stop.load(Ordering::Relaxed) {
        match process.receive(until.min(Instant::now() + LOOK_EVERY))? {
            Some(FromWorker::Gpus(found)) => {
                // It closes what it has opened, which the driver likes better than to find out.
                process.end(Duration::from_secs(2));
                return Ok(Some(found));
            }
            Some(_) => return Err(Loss::Unasked),
            None if Instant::now() < until => {}
            None => return Err(Loss::Silent(patience)),
        }
    }
    Ok(None)
}
