//! What a compile needs to survive: results on the disk as soon as they are known.
//!
//! [`Journal`] is a folder of segments (see [`bqc_wire::segment`]) of one run, or of all runs as a
//! cache. [`Kept`] is the workshop that looks there first. Whatever it finds is measured again before
//! it counts, so that no file can make a wrong circuit.
//!
//! This crate alone among the libraries starts processes and reads a clock: a journal has to be on the
//! disk after a second, and a process that says nothing has to be given up.

mod journal;
mod kept;
mod segment_file;

pub use journal::{Journal, JournalError, Use};
pub use kept::Kept;
