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
//! segments/<supervisor>-<n>     what it has to say (`bqc_wire::share`)
//! claims/<pass>/<shard>.<n>     who begins with what, the n-th time
//! ```
//!
//! The crate reads no clock and starts no process: the binary brings a [`Clock`] and the workshop of its node.

mod claims;
mod ledger;
mod reader;
mod shards;
mod state;
mod status;
mod storage;
mod supervisor;
mod writer;

pub use ledger::{FolderError, Ledger};
pub use reader::{Missing, Reader, Survey};
pub use shards::divide;
pub use status::{Status, WriterState};
pub use storage::{Appender, Folder, Storage};
pub use supervisor::{Care, Supervisor, Totals};

/// Name of the plan in its folder.
pub const PLAN_NAME: &str = "plan.json";
/// Name of the circuit beside it.
pub const CIRCUIT_NAME: &str = "circuit.qasm";
/// All that a run needs in its folder.
pub const OWN_NAMES: [&str; 4] = [PLAN_NAME, CIRCUIT_NAME, ledger::SEGMENTS, claims::CLAIMS];

/// Time since any moment, never falling. It is this process's own and is compared with itself alone.
pub trait Clock: Sync {
    /// Now.
    fn now(&self) -> std::time::Duration;
}
