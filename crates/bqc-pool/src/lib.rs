//! What a compile needs to survive: work in processes that may die, and nothing done twice.
//!
//! [`Pool`] is the workshop that has its units done by worker processes, on the CPU or pinned to GPUs that they
//! share through [MPS](mps), and [`serve`] is what these do (all on Unix only).
//! [`Kept`] is the workshop that looks first into the journal of the run and the cache ([`bqc_store::Journal`]).
//! What it finds is checked again before it counts (see [`bqc_run::Unit::check`]), so that no file can make a wrong
//! circuit.
//!
//! This crate alone among the libraries starts processes and reads a clock: a process that says nothing has to be given
//! up. What happens to units and workers it tells by `tracing` events, which go nowhere unless the binary says where.

#[cfg(unix)]
mod fault;
mod kept;
#[cfg(unix)]
mod ladder;
#[cfg(unix)]
pub mod mps;
#[cfg(unix)]
mod placement;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod probe;
#[cfg(unix)]
mod process;
#[cfg(unix)]
mod seats;
mod share;
#[cfg(unix)]
mod smi;
mod standin;
#[cfg(unix)]
mod watch;
#[cfg(unix)]
mod worker;

#[cfg(unix)]
pub use fault::{Fault, FaultKind};
pub use kept::Kept;
#[cfg(unix)]
pub use placement::{GpuPlace, Launch};
#[cfg(unix)]
pub use pool::{Leftover, Patience, Pool};
#[cfg(unix)]
pub use probe::list_gpus;
#[cfg(unix)]
pub use process::{Loss, Process, Program};
pub use share::{Bound, Share};
#[cfg(unix)]
pub use smi::{SmiGpu, smi};
pub use standin::Standin;
#[cfg(unix)]
pub use worker::{Device, DeviceReport, WorkerError, serve, serve_on, tell_gpus};
