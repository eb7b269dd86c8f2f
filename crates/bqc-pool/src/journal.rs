//! A folder of segments: what is known from before, and segments of this process's own for what comes.
//!
//! A record goes to the system at once, so that the death of this process loses none, and to the disk
//! within half a second, every 256 records and before every marker. When the disk fails, the journal says so
//! and ends; the run goes on without it. A write that failed may have left half a record, and after an
//! fsync that failed nobody knows what is on the disk, so the segment is not written to again.
//!
//! How far units under way have come is written each half second too, in segments of its own.

use crate::checkpoints::{CheckpointFile, Noted};
use crate::folder::{Coming, Held, delete_oldest, lock, refuse_other_use, remove, segments};
use crate::segment_file::SegmentFile;
use bqc_wire::segment::{Entry, Replay, SegmentError, encode_record};
use bqc_wire::unit::plan_hash;
use bqc_wire::{Build, CheckpointRecord, SolvedRecord, UnitKey};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Records that may be lost with the power, at most.
const RECORDS_PER_SYNC: usize = 256;
/// And for how long.
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// How long to wait for the lock of a run's folder. A supervisor that was killed as it started a worker leaves it to a
/// process that has not begun yet, and lets go of it as it does.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// A full cache has about so many segments of one size, so that what has to go is a small part of it.
const SEGMENTS_OF_CACHE: u64 = 16;

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The journal of one run: one process at a time, and one plan for ever.
    Run,
    /// Results of all runs, by any number of processes.
    Cache {
        /// When it is larger, the oldest segments are deleted as it is opened. Each is a sixteenth of this.
        max_bytes: u64,
    },
}

/// A folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system's refusal.
    #[error("cannot use `{}`: {source}", .path.display())]
    Io {
        /// What was being read or written.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Another process writes to it.
    #[error("`{}` is in use by another run of bqc; wait for it, or choose another folder", .folder.display())]
    Busy {
        /// The folder.
        folder: PathBuf,
    },
    /// It is the folder of a run where a cache should be, or a cache where that of a run should be.
    #[error("`{}` is {what}; choose another folder for {wanted}", .folder.display())]
    OtherUse {
        /// The folder.
        folder: PathBuf,
        /// What it is.
        what: &'static str,
        /// What it was to be.
        wanted: &'static str,
    },
    /// It is another run's.
    #[error("`{}` belongs to another run: {source}; choose another folder, or remove this one", .path.display())]
    Other {
        /// The segment that says so.
        path: PathBuf,
        /// What it says.
        source: SegmentError,
    },
}

/// Whether there is no room on the disk, or none for this user.
pub fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Results on the disk.
pub struct Journal {
    known: HashMap<UnitKey, SolvedRecord>,
    cut_short: HashMap<UnitKey, SolvedRecord>,
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
    folder: PathBuf,
    /// A cache's segment, to be deleted again if nothing is appended: most runs that find all add nothing.
    unused: Option<PathBuf>,
    /// Held for as long as this lives; the system lets go of it however the process ends.
    _lock: Option<Held>,
}

/// What the thread that syncs shares with those that append.
struct Shared {
    writer: Mutex<Writer>,
    noted: Mutex<Noted>,
    /// Wakes the syncing thread for the end.
    ended: Condvar,
}

struct Writer {
    /// None once it has failed.
    file: Option<Arc<dyn SegmentFile>>,
    /// Where more segments come from when this one is full.
    coming: Option<Coming>,
    /// What is in it beside its head, and how much that may be.
    n_bytes: u64,
    max_bytes: u64,
    n_appended: usize,
    /// How many of these are on the disk for sure.
    n_synced: usize,
    failure: Option<String>,
    is_over: bool,
}

impl Journal {
    /// Opens `folder`, which is made if it is not there, reads what is known and begins a new segment.
    ///
    /// * `plan`: what the run is about, see [`bqc_wire::unit::plan_hash`]. A cache has none.
    /// * `build`: of the program that opens it.
    /// * Damaged segments count as far as they are whole. In a cache, those of other builds are left out.
    pub fn open(folder: &Path, plan: &[u8; 32], build: &Build, usage: Use) -> Result<Journal, JournalError> {
        let of_caches = plan_hash(build, &[]);
        let plan = if usage == Use::Run { plan } else { &of_caches };
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| JournalError::Io { path, source }
        };
        refuse_other_use(folder, &of_caches, usage)?;
        let lock = if usage == Use::Run { Some(lock(folder, LOCK_PATIENCE)?) } else { None };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let mut segments = segments(folder).map_err(io(folder))?;
        if let Use::Cache { max_bytes } = usage {
            delete_oldest(&mut segments, max_bytes);
        }
        let mut found = Found::default();
        for (_, path) in &segments {
            let bytes = match (fs::read(path), usage) {
                (Ok(bytes), _) => bytes,
                // Another process may have deleted it since.
                (Err(e), Use::Cache { .. }) if e.kind() == io::ErrorKind::NotFound => continue,
                (Err(e), _) => return Err(io(path)(e)),
            };
            match (Replay::new(&bytes, plan), usage) {
                (Ok(replay), _) => found.read(path, replay),
                (Err(_), Use::Cache { .. }) => {}
                (Err(source), Use::Run) => return Err(JournalError::Other { path: path.clone(), source }),
            }
        }
        let number = segments.last().map_or(0, |(n, _)| n + 1);
        let mut coming = Coming { folder: folder.to_path_buf(), plan: *plan, number };
        let (path, file) = coming.next().map_err(io(folder))?;
        let stale = std::mem::take(&mut found.stale);
        let checkpoint_file = (usage == Use::Run).then(|| CheckpointFile::new(coming.clone(), stale));
        let (max_bytes, unused) = match usage {
            Use::Run => (u64::MAX, None),
            Use::Cache { max_bytes } => (max_bytes / SEGMENTS_OF_CACHE, Some(path)),
        };
        let writer = Writer::new(Arc::new(file), Some(coming), max_bytes);
        let mut journal = Journal::on(writer, found, checkpoint_file, folder, lock).map_err(io(folder))?;
        journal.unused = unused;
        Ok(journal)
    }

    fn on(
        writer: Writer,
        Found { known, cut_short, checkpoints, .. }: Found,
        checkpoint_file: Option<CheckpointFile>,
        folder: &Path,
        lock: Option<Held>,
    ) -> io::Result<Journal> {
        let noted = Mutex::new(Noted::found(checkpoints));
        let shared = Arc::new(Shared { writer: Mutex::new(writer), noted, ended: Condvar::new() });
        let of_syncer = shared.clone();
        let sync = move || of_syncer.sync_again_and_again(checkpoint_file);
        let syncer = thread::Builder::new().name("journal".into()).spawn(sync)?;
        let folder = folder.to_path_buf();
        Ok(Journal { known, cut_short, shared, syncer: Some(syncer), folder, unused: None, _lock: lock })
    }

    /// What was known about a unit when the folder was opened.
    pub fn get(&self, key: &UnitKey) -> Option<&SolvedRecord> {
        self.known.get(key)
    }

    /// What a unit that is not known had come to when a run was stopped.
    pub fn cut_short(&self, key: &UnitKey) -> Option<&SolvedRecord> {
        self.cut_short.get(key)
    }

    /// Whether it has anything on a unit.
    pub fn has(&self, key: &UnitKey) -> bool {
        self.known.contains_key(key) || self.cut_short.contains_key(key) || self.checkpoint(key).is_some()
    }

    /// How many units were known then.
    pub fn n_known(&self) -> usize {
        self.known.len()
    }

    /// How far a unit has come that is not known yet.
    pub fn checkpoint(&self, key: &UnitKey) -> Option<CheckpointRecord> {
        self.shared.noted().get(key).cloned()
    }

    /// How many such units there are.
    pub fn n_under_way(&self) -> usize {
        self.shared.noted().n_units()
    }

    /// Notes how far a unit has come. It is on the disk within half a second, and deleted when the unit is known.
    /// A cache notes nothing.
    pub fn note(&self, key: UnitKey, state: CheckpointRecord) {
        self.shared.noted().note(key, state);
    }

    /// Adds a record; [`Journal::failure`] tells if that went wrong.
    pub fn append(&self, entry: &Entry) {
        if entry.is_marker() {
            self.shared.sync();
        }
        let n_unsynced = self.shared.lock().append(entry);
        if let Entry::Solved(key, _) = entry {
            self.shared.noted().forget(key);
        }
        if entry.is_marker() || n_unsynced >= RECORDS_PER_SYNC {
            self.shared.sync();
        }
    }

    /// Why nothing has been written since, if so, and where.
    pub fn failure(&self) -> Option<String> {
        let failure = self.shared.lock().failure.clone()?;
        Some(format!("`{}`: {failure}", self.folder.display()))
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes the folder, which nobody needs any more, while no other process can lock it. What somebody
    /// else has put there stays.
    pub fn remove(mut self) -> io::Result<()> {
        self.end();
        remove(&self.folder)
    }

    /// Nothing is written after this.
    fn end(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.ended.notify_all();
        if let Some(syncer) = self.syncer.take() {
            // It syncs what is left; a panic in it has nothing to say that `failure` does not.
            _ = syncer.join();
        }
        if let Some(path) = self.unused.take()
            && self.shared.lock().n_appended == 0
        {
            // One that stays takes no more than its head.
            _ = fs::remove_file(path);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Writer> {
        // A thread that panics while it holds the lock has left at most half a record behind.
        self.writer.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        // A thread that panics while it holds the lock has left whole values behind.
        self.noted.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn sync_again_and_again(&self, mut checkpoint_file: Option<CheckpointFile>) {
        loop {
            let is_over = self.lock().is_over;
            checkpoint_file = checkpoint_file.and_then(|file| self.write_checkpoints(file));
            self.sync();
            if is_over {
                if let Some(file) = checkpoint_file.filter(|_| self.noted().n_units() == 0) {
                    file.delete();
                }
                return;
            }
            // Those that append go on meanwhile; a wait that ends badly is one that ends.
            _ = self.ended.wait_timeout_while(self.lock(), SYNC_EVERY, |w| !w.is_over);
        }
    }

    /// Writes what was noted since the last time. Gives the file back if it can be written to again.
    fn write_checkpoints(&self, mut file: CheckpointFile) -> Option<CheckpointFile> {
        let entries = self.noted().take_unwritten(file.wants_all());
        let Err(e) = file.write(&entries) else { return Some(file) };
        let text = format!("checkpoints cannot be written ({e}); a kill loses what is under way, and nothing else");
        self.lock().failure.get_or_insert(text);
        None
    }

    /// Brings to the disk what was appended before.
    fn sync(&self) {
        let (file, n_appended) = {
            let writer = self.lock();
            match &writer.file {
                Some(file) if writer.n_synced < writer.n_appended => (file.clone(), writer.n_appended),
                _ => return,
            }
        };
        let result = file.sync();
        let mut writer = self.lock();
        match result {
            Ok(()) => writer.n_synced = writer.n_synced.max(n_appended),
            Err(e) => writer.fail("brought to the disk", &e),
        }
    }
}

impl Writer {
    fn new(file: Arc<dyn SegmentFile>, coming: Option<Coming>, max_bytes: u64) -> Writer {
        let (n_bytes, n_appended, n_synced, failure, is_over) = Default::default();
        Writer { file: Some(file), coming, n_bytes, max_bytes, n_appended, n_synced, failure, is_over }
    }

    /// Returns how many records are not known to be on the disk.
    fn append(&mut self, entry: &Entry) -> usize {
        // A result too long for a record is simply found again by the next run.
        if let (Some(file), Ok(record)) = (self.file.clone(), encode_record(entry)) {
            let full = self.n_bytes > 0 && self.n_bytes + record.len() as u64 > self.max_bytes;
            let file = if full { self.begin_next(file) } else { Ok(file) };
            match file.and_then(|file| file.append(&record)) {
                Ok(()) => {
                    self.n_appended += 1;
                    self.n_bytes += record.len() as u64;
                }
                Err(e) => self.fail("written to", &e),
            }
        }
        self.n_appended - self.n_synced
    }

    /// Goes on in another segment. The one before is on the disk then, so that nobody has to remember it.
    fn begin_next(&mut self, before: Arc<dyn SegmentFile>) -> io::Result<Arc<dyn SegmentFile>> {
        let Some(coming) = &mut self.coming else { return Ok(before) };
        before.sync()?;
        let (_, file) = coming.next()?;
        let file: Arc<dyn SegmentFile> = Arc::new(file);
        (self.n_synced, self.n_bytes) = (self.n_appended, 0);
        self.file = Some(file.clone());
        Ok(file)
    }

    fn fail(&mut self, what: &str, error: &io::Error) {
        let advice = if is_full(error) { "; make room before the next run" } else { "" };
        self.failure = Some(format!(
            "cannot be {what} ({error}); the run goes on, and what it finds now is not kept there{advice}"
        ));
        self.file = None;
    }
}

/// What segments say.
#[derive(Default)]
struct Found {
    known: HashMap<UnitKey, SolvedRecord>,
    /// Of units that are not known, as the next.
    cut_short: HashMap<UnitKey, SolvedRecord>,
    checkpoints: HashMap<UnitKey, Box<CheckpointRecord>>,
    /// Segments with nothing but checkpoints.
    stale: Vec<PathBuf>,
}

impl Found {
    fn read(&mut self, path: &Path, replay: Replay<'_>) {
        let (mut has_checkpoints, mut has_others) = (false, false);
        for entry in replay {
            let is_checkpoint = matches!(entry, Entry::Checkpoint(..));
            has_checkpoints |= is_checkpoint;
            has_others |= !is_checkpoint;
            match entry {
                Entry::Solved(key, record) => {
                    self.checkpoints.remove(&key);
                    self.cut_short.remove(&key);
                    self.known.insert(key, *record);
                }
                Entry::Checkpoint(key, state) if !self.known.contains_key(&key) => {
                    self.checkpoints.insert(key, state);
                }
                // The last is the best: no other is written.
                Entry::CutShort(key, record) if !self.known.contains_key(&key) => {
                    self.cut_short.insert(key, *record);
                }
                _ => {}
            }
        }
        if has_checkpoints && !has_others {
            self.stale.push(path.to_path_buf());
        }
    }
}

#[cfg(test)]
mod tests;
