//! What a run knows, on the disk. One format and one code for four things:
//!
//! * The **journal** of a run ([`Journal`] with [`Use::Run`]): one process writes at a time, and the next one goes on
//!   where it ended.
//! * The **cache** ([`Use::Cache`]): results of all runs, written by any number of processes.
//! * The **shared folder** of a run on many machines ([`Ledger`], [`Pen`]): each supervisor writes segments of its own
//!   and reads those of all others as they grow. A journal is the case of one node.
//! * **Checkpoints** of units under way, which lie in segments of their own and go when their units are done.
//!
//! All of them are folders of segments ([`bqc_wire::segment`]). A segment has one writer in its life. A [`Ledger`]
//! reads segments and decides which result of a unit counts. A [`Pen`] writes them and decides when they reach the
//! disk. Neither believes what it reads: the caller checks each result before it counts.
//!
//! ```text
//! 00000000.seg, 00000001.seg    a journal or a cache, its checkpoints included
//! segments/<writer>-<n>         results of one supervisor in a shared folder
//! checkpoints/<writer>-<n>      how far its units under way have come
//! ```
//!
//! The crate reads no clock. It starts one thread for each pen, which brings records to the disk.

mod checkpoints;
mod error;
mod folder;
mod journal;
mod known;
mod ledger;
mod names;
mod pen;
mod private;
mod status;
mod storage;
mod writer;

pub use error::{StoreError, is_full};
pub use folder::remove_oldest_runs;
pub use journal::{Journal, Use};
pub use known::KeyMap;
pub use ledger::{Fresh, Ledger, News, Writing};
pub use names::{CHECKPOINTS, SEGMENTS};
pub use pen::Pen;
pub use status::{Status, WriterState};
pub use storage::{Appender, Folder, Storage};

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Time since any moment, never falling. It is this process's own and is compared with itself alone.
pub trait Clock: Sync {
    /// Now.
    fn now(&self) -> Duration;
}

/// Locks a value that no panic leaves half changed.
fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
