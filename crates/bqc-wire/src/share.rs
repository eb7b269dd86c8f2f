//! What the supervisors of one run say to each other through a shared folder: entries of segments, each of
//! which one of them writes and all of them read (see [`segment`](mod@crate::segment)).
//!
//! A segment that grows is the sign of life of who writes it. Nobody's clock stands in here: seconds count
//! from the writer's own start.

use crate::segment::Record;
use crate::unit::{SolvedRecord, UnitKey};
use serde::{Deserialize, Serialize};

/// Names a pass by all of its units.
pub type PassKey = [u8; 16];

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Share {
    /// Who writes: the first entry of every segment.
    Writer(WriterRecord),
    /// The writer has come to a pass.
    Pass(PassRecord),
    /// A unit is done.
    Solved {
        /// Its name.
        key: UnitKey,
        /// What came of it.
        result: Box<SolvedRecord>,
        /// Whether another try would give the same: nothing failed and nothing was cut short.
        is_settled: bool,
        /// How long it took, in seconds.
        seconds: f64,
    },
    /// The writer lives.
    Beat {
        /// Since its start.
        seconds: f64,
    },
    /// The writer writes nothing more.
    Ended {
        /// Since its start.
        seconds: f64,
        /// Whether it has seen the whole run done.
        is_complete: bool,
    },
}

/// A supervisor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriterRecord {
    /// Name of its own: no two that ever write to one folder share one.
    pub name: String,
    /// Machine.
    pub host: String,
    /// Process.
    pub pid: u32,
    /// The batch system's job, if it is part of one.
    pub job: Option<String>,
    /// Rank in that job.
    pub rank: u32,
    /// How often the job had been started before.
    pub n_restarts: u32,
    /// Units that it does at a time.
    pub n_threads: u32,
}

/// A pass as one supervisor sees it; all see the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PassRecord {
    /// Its name.
    pub key: PassKey,
    /// From 0: how many its writer had come to before. Approximations take several.
    pub pass: u32,
    /// Units that are different from each other.
    pub n_units: u64,
    /// Shards that they are divided into.
    pub n_shards: u64,
    /// Since the writer's start.
    pub seconds: f64,
}

impl Share {
    /// A result in bytes, in whose order different results of one unit are taken.
    pub fn solved_bytes(result: &SolvedRecord) -> Vec<u8> {
        // Plain data into memory: there is no way to fail.
        postcard::to_stdvec(result).expect("plain data is always representable")
    }
}

impl Record for Share {
    fn kind(&self) -> u8 {
        // Other numbers than those of journals: a segment of the one is none of the other.
        match self {
            Share::Writer(_) => 17,
            Share::Pass(_) => 18,
            Share::Solved { .. } => 19,
            Share::Beat { .. } => 20,
            Share::Ended { .. } => 21,
        }
    }
}
