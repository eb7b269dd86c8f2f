//! The segment of one supervisor: what it has found, and that it lives.
//!
//! A file that fails is left where it is, and what may not have reached the disk is said again in another one.
//! Records reach the disk within a second.

use crate::ledger::{FolderError, SEGMENTS, lock};
use crate::storage::{Appender, Storage};
use bqc_wire::segment::{encode_head, encode_record};
use bqc_wire::{PassRecord, Share, WriterRecord};
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Tries at one record, each in a segment of its own, and at reading the folder.
pub(crate) const MAX_TRIES: u32 = 6;
/// After the first; twice as long after each of the others. All in all some three seconds.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Segments that one supervisor may have begun and lost.
const MAX_SEGMENTS: u32 = 10_000;

/// Writes the segments of one supervisor.
pub(crate) struct Writer<'a> {
    storage: &'a dyn Storage,
    plan: [u8; 32],
    record: WriterRecord,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    file: Option<Arc<dyn Appender>>,
    /// Number of the segment that comes next.
    next: u32,
    /// The pass under way, said again in each segment.
    pass: Option<PassRecord>,
    /// What is not on the disk for sure. All of it is in the file, if there is one.
    unsynced: Vec<Vec<u8>>,
}

impl<'a> Writer<'a> {
    /// Begins the first segment.
    pub(crate) fn new(
        storage: &'a dyn Storage,
        plan: &[u8; 32],
        record: WriterRecord,
    ) -> Result<Writer<'a>, FolderError> {
        let io = |source| FolderError::Io { name: SEGMENTS.into(), source };
        storage.make_folder(SEGMENTS).map_err(io)?;
        let writer = Writer { storage, plan: *plan, record, state: Mutex::default() };
        writer.retry(|state| writer.open(state)).map_err(io)?;
        Ok(writer)
    }

    /// Says something. An error is one that some seconds and some new segments have not mended.
    pub(crate) fn say(&self, share: &Share) -> io::Result<()> {
        // A result that is too long for a record is done by everyone anew.
        let Ok(bytes) = encode_record(share) else { return Ok(()) };
        let mut is_noted = false;
        self.retry(|state| {
            if !std::mem::replace(&mut is_noted, true) {
                if let Share::Pass(pass) = share {
                    state.pass = Some(pass.clone());
                }
                state.unsynced.push(bytes.clone());
                if let Some(file) = &state.file {
                    return file.append(&bytes);
                }
            }
            // A new segment says all that is not on the disk, this too.
            if state.file.is_some() { Ok(()) } else { self.open(state) }
        })
    }

    /// Brings to the disk what was said before. Nobody who says something waits for the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (file, n_said, next) = {
            let state = lock(&self.state);
            (state.file.clone(), state.unsynced.len(), state.next)
        };
        if n_said == 0 {
            return Ok(());
        }
        let is_synced = file.is_some_and(|file| file.sync().is_ok());
        let mut state = lock(&self.state);
        if state.next != next {
            // There is another segment since, which says it again.
            return Ok(());
        }
        if is_synced {
            state.unsynced.drain(..n_said);
            return Ok(());
        }
        state.file = None;
        drop(state);
        self.retry(|state| if state.file.is_some() { Ok(()) } else { self.open(state) })
    }

    /// Tries until it works, with a new segment for each try.
    fn retry(&self, mut act: impl FnMut(&mut State) -> io::Result<()>) -> io::Result<()> {
        let mut pause = FIRST_PAUSE;
        let mut n_tries = 1;
        loop {
            let result = {
                let mut state = lock(&self.state);
                let result = act(&mut state);
                if result.is_err() {
                    state.file = None;
                }
                result
            };
            if result.is_ok() || n_tries == MAX_TRIES {
                return result;
            }
            thread::sleep(pause);
            (pause, n_tries) = (pause * 2, n_tries + 1);
        }
    }

    /// Begins another segment, and says in it what may be lost.
    fn open(&self, state: &mut State) -> io::Result<()> {
        let file = loop {
            if state.next == MAX_SEGMENTS {
                return Err(io::Error::other(format!("{MAX_SEGMENTS} segments of this process have failed")));
            }
            let name = format!("{SEGMENTS}/{}-{}", self.record.name, state.next);
            state.next += 1;
            match self.storage.create(&name) {
                // Ours, by a request that was repeated, or not: another one is.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => continue,
                other => break other?,
            }
        };
        let mut bytes = encode_head(&self.plan).to_vec();
        let pass = state.pass.clone().map(Share::Pass);
        for share in [Share::Writer(self.record.clone())].into_iter().chain(pass) {
            bytes.extend(encode_record(&share).map_err(io::Error::other)?);
        }
        state.unsynced.iter().for_each(|record| bytes.extend(record));
        file.append(&bytes)?;
        state.file = Some(file.into());
        Ok(())
    }
}
