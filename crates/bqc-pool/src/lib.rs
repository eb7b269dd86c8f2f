//! What a compile needs to survive: work in processes that may die, and results on the disk as soon as
//! they are known.
//!
//! [`Pool`] is the workshop that has its units done by worker processes, and [`serve`] is what these do
//! (both on Unix only).
//! [`Journal`] is a folder of segments (see [`bqc_wire::segment`]) of one run, or of all runs as a
//! cache. [`Kept`] is the workshop that looks there first. Whatever it finds is checked again before it
//! counts (see [`bqc_run::Unit::check`]), so that no file can make a wrong circuit.
//!
//! This crate alone among the libraries starts processes and reads a clock: a journal has to be on the
//! disk after a second, and a process that says nothing has to be given up. What happens to units and workers it
//! tells by `tracing` events, which go nowhere unless the binary says where.

mod checkpoints;
#[cfg(unix)]
mod fault;
mod folder;
mod journal;
mod kept;
#[cfg(unix)]
mod pool;
#[cfg(unix)]
mod process;
mod segment_file;
#[cfg(unix)]
mod watch;
#[cfg(unix)]
mod worker;

#[cfg(unix)]
pub use fault::{Fault, FaultKind};
pub use folder::remove_oldest_runs;
pub use journal::{Journal, JournalError, Use};
pub use kept::Kept;
#[cfg(unix)]
pub use pool::{Patience, Pool};
#[cfg(unix)]
pub use process::{Loss, Process, Program};
#[cfg(unix)]
pub use worker::{WorkerError, serve};
