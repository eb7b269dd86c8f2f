//! What a supervisor and its workers say to each other.
//!
//! Both sides say [`Hello`] first, and neither goes on if the other speaks another protocol: a binary
//! may have been replaced while its supervisor runs. Then the supervisor sends one unit of work after
//! the other, and the worker answers each of them once, with heartbeats and checkpoints until it does.

use crate::build_id::Build;
use crate::checkpoint::CheckpointRecord;
use crate::gpus::{DeviceTrouble, GpuList};
use crate::unit::{SolvedRecord, UnitRecord};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Raised with every change of what stands in a frame.
pub const PROTOCOL: u32 = 5;

/// What a [`Hello`] begins with.
const MAGIC: [u8; 8] = *b"bqc-pool";

/// Anything that may stand in a frame.
pub trait Message: Serialize + DeserializeOwned {}

/// The first message of either side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    magic: [u8; 8],
    protocol: u32,
    /// Version of bqc that says it, and its build.
    version: String,
    build: String,
    /// Name of the engine that does, or is to do, the arithmetic.
    pub engine: String,
}

/// The two sides must not work together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    /// Not a process of bqc at all.
    #[error("the process on the other side is no worker of bqc")]
    Stranger,
    /// Another protocol, version or build, whose results may be others.
    #[error(
        "the other side is bqc {version} (build {build}) with protocol {protocol}; this is bqc {ours} (build \
         {our_build}) with protocol {PROTOCOL}"
    )]
    OtherVersion {
        /// Its version.
        version: String,
        /// Its build.
        build: String,
        /// Its protocol.
        protocol: u32,
        /// Version of this side.
        ours: &'static str,
        /// Build of this side.
        our_build: Build,
    },
    /// Other arithmetic: results would depend on which worker has a unit.
    #[error("the other side computes with `{found}` where `{expected}` is expected")]
    OtherEngine {
        /// Its engine.
        found: String,
        /// The engine of this side.
        expected: String,
    },
}

impl Hello {
    /// What this version says, in a program of this build.
    pub fn new(engine: &str, build: &Build) -> Hello {
        let (version, build) = (env!("CARGO_PKG_VERSION").into(), build.as_str().into());
        Hello { magic: MAGIC, protocol: PROTOCOL, version, build, engine: engine.into() }
    }

    /// Whether the side that said this may work together with one of `build` that computes with `engine`.
    pub fn check(&self, engine: &str, build: &Build) -> Result<(), HelloError> {
        if self.magic != MAGIC {
            return Err(HelloError::Stranger);
        }
        let ours = env!("CARGO_PKG_VERSION");
        if self.protocol != PROTOCOL || self.version != ours || self.build != build.as_str() {
            return Err(HelloError::OtherVersion {
                version: self.version.clone(),
                build: self.build.clone(),
                protocol: self.protocol,
                ours,
                our_build: build.clone(),
            });
        }
        if self.engine != engine {
            return Err(HelloError::OtherEngine { found: self.engine.clone(), expected: engine.into() });
        }
        Ok(())
    }
}

/// From the supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ToWorker {
    /// Once, first.
    Hello(Hello),
    /// Work, to be answered with the same number.
    Solve {
        /// Number of this piece of work in this worker's life.
        task: u64,
        /// The work.
        unit: Box<UnitRecord>,
        /// Where another worker has left it, if one has.
        from: Option<Box<CheckpointRecord>>,
    },
    /// Answer with the best result so far.
    Cancel,
}

/// From a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// Once, first.
    Hello(Hello),
    /// The process still runs.
    Heartbeat,
    /// So far has the work come, in case that this process does not live to its end.
    Checkpoint {
        /// The number that the work came with.
        task: u64,
        /// To go on from.
        state: Box<CheckpointRecord>,
    },
    /// A result.
    Solved {
        /// The number that the work came with.
        task: u64,
        /// Whether it is all that the work asked for: nothing was cancelled.
        is_whole: bool,
        /// Whether the engine did all of it: a GPU's leaves work to the CPU when its device fails.
        is_own: bool,
        /// The result, as the worker has measured it.
        result: Box<SolvedRecord>,
    },
    /// The work failed: it panicked, or came to something that the verifier refuses.
    Failed {
        /// The number that the work came with.
        task: u64,
        /// Why.
        reason: String,
    },
    /// Instead of a hello, of an answer, or before one where memory was short: the worker's device is in
    /// trouble.
    Device {
        /// What to do about it.
        trouble: DeviceTrouble,
        /// In words.
        reason: String,
    },
    /// Instead of a hello, and then it ends: what it was started to find out. An error is why there is
    /// nothing to tell.
    Gpus(Result<GpuList, String>),
}

impl Message for ToWorker {}
impl Message for FromWorker {}
