//! A folder of segments: what is known from before, and a segment of this process's own for what comes.
//!
//! A record goes to the system at once, so that the death of this process loses none, and to the disk
//! within a second, every 256 records and before every marker. When the disk fails, the journal says so
//! and ends; the run goes on without it. A write that failed may have left half a record, and after an
//! fsync that failed nobody knows what is on the disk, so the segment is not written to again.

use crate::segment_file::SegmentFile;
use bqc_wire::segment::{Entry, Replay, SegmentError, encode_head, encode_record};
use bqc_wire::{SolvedRecord, UnitKey};
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Records that may be lost with the power, at most.
const RECORDS_PER_SYNC: usize = 256;
/// And for how long.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Name of the file that the one process that writes to a run's folder has locked.
const LOCK_NAME: &str = "lock";
/// How often a folder that is being removed is made again. Each try but the last has lost a race.
const LOCK_TRIES: usize = 100;
/// Extension of segments. Their names are numbers.
const EXTENSION: &str = "seg";

/// What a folder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The journal of one run: one process at a time, and one plan for ever.
    Run,
    /// Results of all runs, by any number of processes.
    Cache {
        /// When it is larger, the oldest segments are deleted as it is opened.
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
    /// It is another run's.
    #[error("`{}` belongs to another run: {source}; choose another folder, or remove this one", .path.display())]
    Other {
        /// The segment that says so.
        path: PathBuf,
        /// What it says.
        source: SegmentError,
    },
}

/// Results on the disk.
pub struct Journal {
    known: HashMap<UnitKey, SolvedRecord>,
    /// Whether a run was complete when the folder was opened.
    is_complete: bool,
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
    folder: PathBuf,
    /// Held for as long as this lives; the system lets go of it however the process ends.
    _lock: Option<File>,
}

/// What the thread that syncs shares with those that append.
struct Shared {
    writer: Mutex<Writer>,
    /// Wakes the syncing thread for the end.
    ended: Condvar,
}

struct Writer {
    /// None once it has failed.
    file: Option<Arc<dyn SegmentFile>>,
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
    /// * Damaged segments count as far as they are whole. In a cache, those of other versions are left out.
    pub fn open(folder: &Path, plan: &[u8; 32], usage: Use) -> Result<Journal, JournalError> {
        let plan = if usage == Use::Run { plan } else { &[0; 32] };
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| JournalError::Io { path, source }
        };
        let lock = if usage == Use::Run { Some(lock(folder)?) } else { None };
        fs::create_dir_all(folder).map_err(io(folder))?;
        let mut segments = segments(folder).map_err(io(folder))?;
        if let Use::Cache { max_bytes } = usage {
            delete_oldest(&mut segments, max_bytes);
        }
        let (mut known, mut is_complete) = (HashMap::new(), false);
        for (_, path) in &segments {
            let bytes = match (fs::read(path), usage) {
                (Ok(bytes), _) => bytes,
                // Another process may have deleted it since.
                (Err(e), Use::Cache { .. }) if e.kind() == io::ErrorKind::NotFound => continue,
                (Err(e), _) => return Err(io(path)(e)),
            };
            match (Replay::new(&bytes, plan), usage) {
                (Ok(replay), _) => is_complete |= read_into(&mut known, replay),
                (Err(_), Use::Cache { .. }) => {}
                (Err(source), Use::Run) => return Err(JournalError::Other { path: path.clone(), source }),
            }
        }
        let (path, file) = new_segment(folder, segments.last().map_or(0, |(n, _)| n + 1)).map_err(io(folder))?;
        let file: Arc<dyn SegmentFile> = Arc::new(file);
        file.append(&encode_head(plan)).and_then(|()| file.sync()).map_err(io(&path))?;
        // Only then does the name itself survive a loss of power. Elsewhere folders are no files.
        #[cfg(unix)]
        File::open(folder).and_then(|f| f.sync_all()).map_err(io(folder))?;
        Journal::on(file, known, is_complete, folder, lock).map_err(io(folder))
    }

    fn on(
        file: Arc<dyn SegmentFile>,
        known: HashMap<UnitKey, SolvedRecord>,
        is_complete: bool,
        folder: &Path,
        lock: Option<File>,
    ) -> io::Result<Journal> {
        let writer = Writer { file: Some(file), n_appended: 0, n_synced: 0, failure: None, is_over: false };
        let shared = Arc::new(Shared { writer: Mutex::new(writer), ended: Condvar::new() });
        let of_syncer = shared.clone();
        let syncer = thread::Builder::new().name("journal".into()).spawn(move || of_syncer.sync_each_second())?;
        let folder = folder.to_path_buf();
        Ok(Journal { known, is_complete, shared, syncer: Some(syncer), folder, _lock: lock })
    }

    /// What was known about a unit when the folder was opened.
    pub fn get(&self, key: &UnitKey) -> Option<&SolvedRecord> {
        self.known.get(key)
    }

    /// How many units were known then.
    pub fn n_known(&self) -> usize {
        self.known.len()
    }

    /// Whether a run had come to its end then.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Adds a record; [`Journal::failure`] tells if that went wrong.
    pub fn append(&self, entry: &Entry) {
        if entry.is_marker() {
            self.shared.sync();
        }
        let n_unsynced = self.shared.lock().append(entry);
        if entry.is_marker() || n_unsynced >= RECORDS_PER_SYNC {
            self.shared.sync();
        }
    }

    /// Why nothing has been written since, if so.
    pub fn failure(&self) -> Option<String> {
        self.shared.lock().failure.clone()
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes the folder, which nobody needs any more, while no other process can lock it. What somebody
    /// else has put there stays.
    pub fn remove(mut self) -> io::Result<()> {
        self.end();
        for (_, path) in segments(&self.folder)? {
            fs::remove_file(path)?;
        }
        // From here on another process may begin a run of its own in what is left, and then it stays.
        fs::remove_file(self.folder.join(LOCK_NAME))?;
        match fs::remove_dir(&self.folder) {
            Err(e) if e.kind() != io::ErrorKind::DirectoryNotEmpty => Err(e),
            _ => Ok(()),
        }
    }

    /// Nothing is written after this.
    fn end(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.ended.notify_all();
        if let Some(syncer) = self.syncer.take() {
            // It syncs what is left; a panic in it has nothing to say that `failure` does not.
            _ = syncer.join();
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

    fn sync_each_second(&self) {
        loop {
            let is_over = self.lock().is_over;
            self.sync();
            if is_over {
                return;
            }
            // Those that append go on meanwhile; a wait that ends badly is one that ends.
            _ = self.ended.wait_timeout_while(self.lock(), SYNC_EVERY, |w| !w.is_over);
        }
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
    /// Returns how many records are not known to be on the disk.
    fn append(&mut self, entry: &Entry) -> usize {
        // A result too long for a record is simply found again by the next run.
        if let (Some(file), Ok(record)) = (&self.file, encode_record(entry)) {
            match file.append(&record) {
                Ok(()) => self.n_appended += 1,
                Err(e) => self.fail("written to", &e),
            }
        }
        self.n_appended - self.n_synced
    }

    fn fail(&mut self, what: &str, error: &io::Error) {
        self.failure = Some(format!("the journal cannot be {what} ({error}); what was found since is not in it"));
        self.file = None;
    }
}

/// Puts what a segment says into `known`. Returns whether it says that a run was complete.
fn read_into(known: &mut HashMap<UnitKey, SolvedRecord>, replay: Replay<'_>) -> bool {
    let mut is_complete = false;
    for entry in replay {
        match entry {
            Entry::Solved(key, record) => _ = known.insert(key, *record),
            Entry::RunDone => is_complete = true,
            Entry::PassDone(_) => {}
        }
    }
    is_complete
}

/// Makes the folder, if need be, and locks it.
fn lock(folder: &Path) -> Result<File, JournalError> {
    let path = folder.join(LOCK_NAME);
    let io = |source| JournalError::Io { path: path.clone(), source };
    for _ in 0..LOCK_TRIES {
        match fs::create_dir_all(folder) {
            // It was there, and is not any more.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && !folder.exists() => continue,
            other => other.map_err(|source| JournalError::Io { path: folder.to_path_buf(), source })?,
        }
        let file = match OpenOptions::new().create(true).truncate(false).write(true).open(&path) {
            // The run that had it has removed the folder since.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            other => other.map_err(io)?,
        };
        match file.try_lock() {
            Ok(()) if is_at(&file, &path) => return Ok(file),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
    }
    Err(JournalError::Busy { folder: folder.to_path_buf() })
}

/// Whether the path still leads to this file: a lock on one that was deleted keeps nobody out.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let same = |a: fs::Metadata, b: fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    file.metadata().is_ok_and(|a| fs::metadata(path).is_ok_and(|b| same(a, b)))
}

/// Elsewhere a file that is open is not deleted.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

/// The segments of a folder with their numbers, oldest first. Other files are nobody's business.
fn segments(folder: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut segments = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
        if let (Some(number), true) = (number, path.extension().is_some_and(|e| e == EXTENSION)) {
            segments.push((number, path));
        }
    }
    segments.sort();
    Ok(segments)
}

/// Keeps the newest segments that fit.
fn delete_oldest(segments: &mut Vec<(u64, PathBuf)>, max_bytes: u64) {
    let mut total = 0u64;
    let n_kept = segments.iter().rev().take_while(|(_, path)| {
        total = total.saturating_add(fs::metadata(path).map_or(0, |m| m.len()));
        total <= max_bytes
    });
    let n_deleted = segments.len() - n_kept.count();
    for (_, path) in segments.drain(..n_deleted) {
        // A cache that cannot be made smaller is still a cache.
        _ = fs::remove_file(path);
    }
}

/// A file of a number that no other process has.
fn new_segment(folder: &Path, first: u64) -> io::Result<(PathBuf, File)> {
    let mut number = first;
    loop {
        let path = folder.join(format!("{number:08}.{EXTENSION}"));
        match OpenOptions::new().append(true).create_new(true).open(&path) {
            Ok(file) => return Ok((path, file)),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(e) => return Err(e),
        }
    }
}

#[cfg(test)]
mod tests;
