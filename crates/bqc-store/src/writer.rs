//! Writes the segments of one process, and decides when records reach the disk.
//!
//! A record goes to the system at once, so that the death of this process loses none. It reaches the disk within half
//! a second, with the next 2048 records, and before every marker. A write that failed may have left half a record, and
//! after an fsync that failed nothing is known of what is on the disk. So a segment that failed is not written to
//! again. Either the writer ends there, or it says what may be lost once more in another segment.

use crate::lock;
use crate::names::Coming;
use crate::storage::Appender;
use bqc_wire::Entry;
use bqc_wire::segment::encode_record;
use std::io;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Records that may be lost with the power, at most: what a core makes of the smallest units in a tenth of the half
/// second after which records reach the disk anyway. A sync takes milliseconds, so far fewer would be felt.
pub(crate) const RECORDS_PER_SYNC: usize = 2048;
/// Tries of a patient writer at one record, each in a segment of its own, and of a patient reader.
pub(crate) const MAX_TRIES: u32 = 6;
/// After the first; twice as long after each of the others. All in all some three seconds.
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// How a writer deals with files that fill up or fail.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    /// Beside its head, in a segment; it then goes on in the next one.
    pub max_bytes: u64,
    /// Tries at a record. A writer of one try ends with the first file that fails.
    pub max_tries: u32,
}

/// What has failed for good.
#[derive(Debug)]
pub(crate) struct WriteFailure {
    /// "written to" or "brought to the disk".
    pub what: &'static str,
    pub source: io::Error,
}

/// Writes the segments of one process.
pub(crate) struct Writer {
    limits: Limits,
    state: Mutex<State>,
}

struct State {
    coming: Coming,
    /// None after it has failed.
    file: Option<Arc<dyn Appender>>,
    /// Path of the first segment, as long as nothing was added to it.
    unused: Option<String>,
    /// Who writes, and at which pass: said again in each segment. Empty where segments are not signed.
    opening: Vec<Vec<u8>>,
    /// What is in the segment beside its head.
    n_bytes: u64,
    /// Goes up with each segment.
    n_segments: u64,
    /// Records that are on the disk for sure.
    n_synced: usize,
    /// The records after these. All of them are in the file, if there is one.
    unsynced: Vec<Vec<u8>>,
    failure: Option<WriteFailure>,
    has_ended: bool,
}

impl Writer {
    /// Begins the first segment, with `opening` in it.
    pub(crate) fn begin(coming: Coming, limits: Limits, opening: Option<&Entry>) -> io::Result<Writer> {
        let opening = opening.map(encode_record).transpose().map_err(io::Error::other)?;
        let (file, unused, unsynced, failure) = (None, None, Vec::new(), None);
        let (n_bytes, n_segments, n_synced, has_ended) = (0, 0, 0, false);
        let opening = opening.into_iter().collect();
        let state =
            State { coming, file, unused, opening, n_bytes, n_segments, n_synced, unsynced, failure, has_ended };
        let writer = Writer { limits, state: Mutex::new(state) };
        writer.attempt("written to", |state| state.begin_segment());
        let failure = lock(&writer.state).failure.take();
        failure.map_or(Ok(writer), |failure| Err(failure.source))
    }

    /// Adds a record.
    pub(crate) fn append(&self, entry: &Entry) {
        // A result that is too long for a record is found again when it is needed.
        let Ok(record) = encode_record(entry) else { return };
        if entry.is_marker() {
            self.sync();
        }
        self.attempt("written to", |state| {
            if let (Entry::Pass(_), [_, ..]) = (entry, &state.opening[..]) {
                state.opening.truncate(1);
                state.opening.push(record.clone());
            }
            state.append(record, self.limits.max_bytes)
        });
        if entry.is_marker() || self.n_unsynced() >= RECORDS_PER_SYNC {
            self.sync();
        }
    }

    pub(crate) fn n_unsynced(&self) -> usize {
        lock(&self.state).unsynced.len()
    }

    /// Brings to the disk what was added before. Other threads may add records meanwhile.
    pub(crate) fn sync(&self) {
        let (file, n_records, n_segments) = {
            let state = lock(&self.state);
            if state.unsynced.is_empty() {
                return;
            }
            (state.file.clone(), state.n_synced + state.unsynced.len(), state.n_segments)
        };
        let synced = file.map_or(Ok(()), |file| file.sync());
        self.attempt("brought to the disk", |state| match synced {
            // A segment that was begun since says it again.
            _ if state.n_segments != n_segments => Ok(()),
            Ok(()) if state.file.is_some() => {
                // Another thread may have synced some of them meanwhile.
                let n_more = n_records.saturating_sub(state.n_synced);
                state.unsynced.drain(..n_more);
                state.n_synced += n_more;
                Ok(())
            }
            Ok(()) => state.begin_segment(),
            Err(e) => Err(e),
        });
    }

    /// Acts; after a failure, begins other segments with all that may be lost, as often as the limits say.
    fn attempt(&self, what: &'static str, act: impl FnOnce(&mut State) -> io::Result<()>) {
        let guarded = |act: &mut dyn FnMut(&mut State) -> io::Result<()>| {
            let mut state = lock(&self.state);
            if state.has_ended {
                return Ok(());
            }
            act(&mut state).inspect_err(|_| state.file = None)
        };
        let mut act = Some(act);
        let mut result = guarded(&mut |state| act.take().map_or(Ok(()), |act| act(state)));
        let mut pause = FIRST_PAUSE;
        for _ in 1..self.limits.max_tries {
            if result.is_ok() {
                return;
            }
            thread::sleep(pause);
            pause *= 2;
            result = guarded(&mut |state| if state.file.is_some() { Ok(()) } else { state.begin_segment() });
        }
        if let Err(source) = result {
            let mut state = lock(&self.state);
            state.failure.get_or_insert(WriteFailure { what, source });
            state.has_ended = self.limits.max_tries == 1;
        }
    }

    /// Whether what was added last is in a file.
    pub(crate) fn is_writing(&self) -> bool {
        lock(&self.state).file.is_some()
    }

    /// Looks at the first failure that no further try has mended.
    pub(crate) fn failure<T>(&self, look: impl FnOnce(&mut Option<WriteFailure>) -> T) -> T {
        look(&mut lock(&self.state).failure)
    }

    /// Deletes the only segment if nothing was added to it.
    pub(crate) fn remove_unused(&self) {
        let state = lock(&self.state);
        if let Some(path) = &state.unused {
            // One that stays takes no more room than its head.
            _ = state.coming.storage.remove(path);
        }
    }
}

impl State {
    fn append(&mut self, record: Vec<u8>, max_bytes: u64) -> io::Result<()> {
        self.unused = None;
        let n_bytes = record.len() as u64;
        if let Some(file) = self.file.take_if(|_| self.n_bytes > 0 && self.n_bytes + n_bytes > max_bytes) {
            // It is on the disk before the next begins, so that nothing of it is said again.
            file.sync()?;
            self.forget_synced();
        }
        let Some(file) = &self.file else {
            self.unsynced.push(record);
            return self.begin_segment();
        };
        self.n_bytes += n_bytes;
        let appended = file.append(&record);
        self.unsynced.push(record);
        appended
    }

    /// Begins another segment, and says in it what may be lost.
    fn begin_segment(&mut self) -> io::Result<()> {
        let records = [self.opening.concat(), self.unsynced.concat()].concat();
        self.n_segments += 1;
        let (path, file) = self.coming.begin(&records)?;
        self.unused = (self.n_segments == 1 && self.unsynced.is_empty()).then_some(path);
        self.n_bytes = records.len() as u64;
        self.forget_synced();
        self.file = Some(file);
        Ok(())
    }

    /// All records are on the disk.
    fn forget_synced(&mut self) {
        self.n_synced += self.unsynced.len();
        self.unsynced.clear();
    }
}
