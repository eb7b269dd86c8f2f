//! One circuit over many machines that share nothing but a folder.
//!
//! Every supervisor does the same compile of the same plan, pass by pass, each step a function of the ones
//! before; only the units of a pass, where the time goes, are divided. A supervisor claims some of them,
//! writes what it finds into a segment of its own, and reads the segments of the others, until all
//! units of the pass are known to it; then it joins them, as each of the others does, to the same circuit.
//! So there is no coordinator, nobody who must not die, and nothing that depends on who did what:
//!
//! * A claim is a hint. Two that do the same unit find the same, and whoever comes too late has lost a
//!   little time. So nothing relies on locks, and nothing that a file system delays can make a wrong circuit.
//! * A supervisor lives while its segment grows, and is given up when nobody has seen it grow for a lease,
//!   by the own clock of who looks. Clocks of two machines are never compared.
//! * What comes from outside is checked again before it counts ([`bqc_run::Unit::check`]).
//! * Joining the finished run ([`Reader`]) is the same compile once more, with nothing but what is known.
//!
//! ```text
//! plan.json, circuit.qasm       what the run is about
//! segments/<supervisor>-<n>     what it has to say (`bqc_store`)
//! checkpoints/<supervisor>-<n>  how far its units under way have come, for those that take them over
//! claims/<pass>/<shard>.<n>     who begins with what, the n-th time
//! ```
//!
//! The crate reads no clock and starts no process: the binary brings a [`bqc_store::Clock`] and the workshop of its
//! node. What a supervisor does next given what it knows of the others is decided in `policy.rs`, a pure module.

mod claims;
mod policy;
mod reader;
mod shards;
mod state;
mod supervisor;

pub use policy::Care;
pub use reader::{Missing, Reader, Survey};
pub use shards::divide;
pub use supervisor::{Supervisor, Totals};

use std::sync::{Mutex, MutexGuard};

/// Name of the plan in its folder.
pub const PLAN_NAME: &str = "plan.json";
/// Name of the circuit beside it.
pub const CIRCUIT_NAME: &str = "circuit.qasm";
/// All that a run needs in its folder.
pub const OWN_NAMES: [&str; 5] = [PLAN_NAME, CIRCUIT_NAME, bqc_store::SEGMENTS, bqc_store::CHECKPOINTS, claims::CLAIMS];

/// A thread that panics while it holds one of these locks has left whole values behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
