//! Segments: append-only files of a store, each with one writer in its life. Journals, caches, checkpoints and the
//! folder that many machines share all consist of them.
//!
//! A head of 48 bytes: magic, `u32` version, the plan's SHA-256, `u32` CRC-32C of all that. Then
//! records: `u32` length of the payload, `u32` CRC-32C of kind and payload, `u8` kind, payload. All
//! numbers are little-endian. A process may die and a disk may fill up at any byte: what counts is the
//! longest prefix of whole records, and nothing behind the first bad one is looked at. So nothing may
//! be appended to a segment after it has been closed: a run that is taken up begins a new one.

use crate::checkpoint::CheckpointRecord;
use crate::frame::decode;
use crate::unit::{SolvedRecord, UnitKey};
use serde::{Deserialize, Serialize};

/// Raised with every change of what stands in a segment.
pub const SEGMENT_VERSION: u32 = 6;
/// Bytes before the first record.
pub const HEAD_BYTES: usize = 48;
/// Longest payload of a record, in bytes.
pub const MAX_RECORD_BYTES: usize = crate::MAX_FRAME_BYTES;

const MAGIC: &[u8; 8] = b"bqcseg\r\n";
const RECORD_HEAD_BYTES: usize = 9;

/// A file is no segment that may be read here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    /// Written by another version.
    #[error("the segment has format {found}, and this version of bqc reads {SEGMENT_VERSION}")]
    Version {
        /// Its format.
        found: u32,
    },
    /// It belongs to another plan.
    #[error("the segment belongs to another input, other settings or another build of bqc")]
    OtherPlan,
    /// A payload that no reader would take.
    #[error("a record of {n_bytes} bytes is longer than the limit of {MAX_RECORD_BYTES}")]
    TooLong {
        /// Its length.
        n_bytes: usize,
    },
}

/// What a record says. Seconds count from the start of the process that writes: no clocks are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// Which supervisor writes: the first record of each segment of a shared folder.
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
    /// A unit was cut short as its run was stopped, and this was the best of it. The next run does it anew, or goes
    /// on from its checkpoint.
    CutShort(UnitKey, Box<SolvedRecord>),
    /// A unit is under way and has come so far.
    Checkpoint(UnitKey, Box<CheckpointRecord>),
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
    /// All units of a pass are done and stand before this.
    PassDone(u32),
    /// The run is done.
    RunDone,
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

/// Names a pass by all of its units.
pub type PassKey = [u8; 16];

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

impl Entry {
    /// Number of its kind, which stands beside the checksum.
    fn kind(&self) -> u8 {
        match self {
            Entry::Solved { .. } => 1,
            Entry::PassDone(_) => 2,
            Entry::RunDone => 3,
            Entry::Checkpoint(..) => 4,
            Entry::CutShort(..) => 5,
            Entry::Writer(_) => 17,
            Entry::Pass(_) => 18,
            Entry::Beat { .. } => 20,
            Entry::Ended { .. } => 21,
        }
    }

    /// Whether everything before it must be on the disk before it is.
    pub fn is_marker(&self) -> bool {
        matches!(self, Entry::PassDone(_) | Entry::RunDone | Entry::Ended { .. })
    }
}

/// The head of a segment of `plan`.
pub fn encode_head(plan: &[u8; 32]) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&SEGMENT_VERSION.to_le_bytes());
    head[12..44].copy_from_slice(plan);
    let checksum = crc32c::crc32c(&head[..44]);
    head[44..].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// The bytes of a record, to be appended with one call.
pub fn encode_record(entry: &Entry) -> Result<Vec<u8>, SegmentError> {
    let mut record = vec![0; RECORD_HEAD_BYTES];
    record[8] = entry.kind();
    // Plain data into memory: there is no way to fail.
    record = postcard::to_extend(entry, record).expect("plain data is always representable");
    let n_bytes = record.len() - RECORD_HEAD_BYTES;
    if n_bytes > MAX_RECORD_BYTES {
        return Err(SegmentError::TooLong { n_bytes });
    }
    let checksum = crc32c::crc32c(&record[8..]);
    record[..4].copy_from_slice(&(n_bytes as u32).to_le_bytes());
    record[4..8].copy_from_slice(&checksum.to_le_bytes());
    Ok(record)
}

/// Whether a segment begins with a whole head, and it is one of `plan`.
pub fn check_head(bytes: &[u8], plan: &[u8; 32]) -> Result<bool, SegmentError> {
    let Some(head) = bytes.first_chunk::<HEAD_BYTES>() else { return Ok(false) };
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    if head[..8] != MAGIC[..] || word(44) != crc32c::crc32c(&head[..44]) {
        return Ok(false);
    }
    match word(8) {
        SEGMENT_VERSION if head[12..44] == plan[..] => Ok(true),
        SEGMENT_VERSION => Err(SegmentError::OtherPlan),
        found => Err(SegmentError::Version { found }),
    }
}

/// Reads a segment of `plan`, record by record, up to the first that is not whole.
#[derive(Clone, Debug)]
pub struct Replay<'a> {
    bytes: &'a [u8],
    n_valid: usize,
}

impl<'a> Replay<'a> {
    /// Looks at the head. One that was never completed, or is damaged, makes an empty segment.
    pub fn new(bytes: &'a [u8], plan: &[u8; 32]) -> Result<Replay<'a>, SegmentError> {
        Ok(if check_head(bytes, plan)? { Replay::at(bytes, HEAD_BYTES) } else { Replay::at(&[], 0) })
    }

    /// Goes on behind what was read before: `n_valid` bytes of these.
    pub fn at(bytes: &'a [u8], n_valid: usize) -> Replay<'a> {
        Replay { bytes, n_valid }
    }

    /// Length of the valid prefix as far as it has been read.
    pub fn n_valid_bytes(&self) -> usize {
        self.n_valid
    }
}

impl Iterator for Replay<'_> {
    type Item = Entry;

    fn next(&mut self) -> Option<Entry> {
        let rest = self.bytes.get(self.n_valid..)?;
        let (head, rest) = rest.split_at_checked(8)?;
        let n_bytes = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let expected = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
        if n_bytes > MAX_RECORD_BYTES {
            return None;
        }
        let body = rest.get(..n_bytes + 1)?;
        if crc32c::crc32c(body) != expected {
            return None;
        }
        let entry: Entry = decode(&body[1..]).ok()?;
        if entry.kind() != body[0] {
            return None;
        }
        self.n_valid += RECORD_HEAD_BYTES + n_bytes;
        Some(entry)
    }
}
