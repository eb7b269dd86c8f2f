//! Segments: append-only files of a journal, each with one writer in its life.
//!
//! A head of 48 bytes: magic, `u32` version, the plan's SHA-256, `u32` CRC-32C of all that. Then
//! records: `u32` length of the payload, `u32` CRC-32C of kind and payload, `u8` kind, payload. All
//! numbers are little-endian. A process may die and a disk may fill up at any byte: what counts is the
//! longest prefix of whole records, and nothing behind the first bad one is looked at. So nothing may
//! be appended to a segment after it has been closed: a run that is taken up begins a new one.

use crate::frame::decode;
use crate::unit::{CheckpointRecord, SolvedRecord, UnitKey};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Raised with every change of what stands in a segment.
pub const SEGMENT_VERSION: u32 = 4;
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

/// What a record says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Entry {
    /// A unit is done.
    Solved(UnitKey, Box<SolvedRecord>),
    /// All units of a pass are done and stand before this.
    PassDone(u32),
    /// The run is done.
    RunDone,
    /// A unit is under way and has come so far.
    Checkpoint(UnitKey, Box<CheckpointRecord>),
    /// A unit was cut short as its run was stopped, and this was the best of it. The next run does it anew, or goes
    /// on from its checkpoint.
    CutShort(UnitKey, Box<SolvedRecord>),
}

/// What may stand in a segment.
pub trait Record: Serialize + DeserializeOwned {
    /// Number of its kind, which stands beside the checksum.
    fn kind(&self) -> u8;
}

impl Entry {
    const SOLVED: u8 = 1;
    const PASS_DONE: u8 = 2;
    const RUN_DONE: u8 = 3;
    const CHECKPOINT: u8 = 4;
    const CUT_SHORT: u8 = 5;

    /// Whether everything before it must be on the disk before it is.
    pub fn is_marker(&self) -> bool {
        matches!(self, Entry::PassDone(_) | Entry::RunDone)
    }
}

impl Record for Entry {
    fn kind(&self) -> u8 {
        match self {
            Entry::Solved(..) => Entry::SOLVED,
            Entry::PassDone(_) => Entry::PASS_DONE,
            Entry::RunDone => Entry::RUN_DONE,
            Entry::Checkpoint(..) => Entry::CHECKPOINT,
            Entry::CutShort(..) => Entry::CUT_SHORT,
        }
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
pub fn encode_record(entry: &impl Record) -> Result<Vec<u8>, SegmentError> {
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
pub struct Replay<'a, E = Entry> {
    bytes: &'a [u8],
    n_valid: usize,
    entries: PhantomData<fn() -> E>,
}

impl<'a> Replay<'a> {
    /// Looks at the head. One that was never completed, or is damaged, makes an empty segment.
    pub fn new(bytes: &'a [u8], plan: &[u8; 32]) -> Result<Replay<'a>, SegmentError> {
        Ok(if check_head(bytes, plan)? { Replay::at(bytes, HEAD_BYTES) } else { Replay::at(&[], 0) })
    }
}

impl<'a, E: Record> Replay<'a, E> {
    /// Goes on behind what was read before: `n_valid` bytes of these.
    pub fn at(bytes: &'a [u8], n_valid: usize) -> Replay<'a, E> {
        Replay { bytes, n_valid, entries: PhantomData }
    }

    /// Length of the valid prefix as far as it has been read.
    pub fn n_valid_bytes(&self) -> usize {
        self.n_valid
    }
}

impl<E: Record> Iterator for Replay<'_, E> {
    type Item = E;

    fn next(&mut self) -> Option<E> {
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
        let entry: E = decode(&body[1..]).ok()?;
        if entry.kind() != body[0] {
            return None;
        }
        self.n_valid += RECORD_HEAD_BYTES + n_bytes;
        Some(entry)
    }
}
