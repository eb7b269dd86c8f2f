//! The writing end of a store: what this process adds to a folder, results in one kind of segment and checkpoints in
//! another. A thread of its own brings both to the disk, so that the threads that do the work rarely wait for it.

use crate::checkpoints::{CheckpointFile, Latest, Noted};
use crate::error::{StoreError, is_full};
use crate::lock;
use crate::writer::{WriteFailure, Writer};
use bqc_wire::{CheckpointRecord, Entry, UnitKey};
use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long a record or a checkpoint may be missing from the disk.
const SYNC_EVERY: Duration = Duration::from_millis(500);

/// Adds records to a folder.
pub struct Pen {
    shared: Arc<Shared>,
    syncer: Option<JoinHandle<()>>,
}

/// What the thread that syncs shares with the threads that append.
struct Shared {
    writer: Writer,
    noted: Mutex<Noted>,
    /// Why checkpoints cannot be written any more.
    checkpoint_failure: Mutex<Option<io::Error>>,
    is_over: Mutex<bool>,
    /// Wakes the syncing thread for the end.
    ended: Condvar,
}

impl Pen {
    /// `noted`: what is known of units under way. A store without `checkpoints` writes none.
    pub(crate) fn new(writer: Writer, checkpoints: Option<CheckpointFile>, noted: Noted) -> io::Result<Pen> {
        let (checkpoint_failure, is_over, ended) = Default::default();
        let shared = Arc::new(Shared { writer, noted: Mutex::new(noted), checkpoint_failure, is_over, ended });
        let of_syncer = shared.clone();
        let sync = move || of_syncer.sync_again_and_again(checkpoints);
        let syncer = thread::Builder::new().name("store".into()).spawn(sync)?;
        Ok(Pen { shared, syncer: Some(syncer) })
    }

    /// Adds a record; [`Pen::take_failure`] and [`Pen::trouble`] tell if that went wrong.
    pub fn append(&self, entry: &Entry) {
        self.shared.writer.append(entry);
        if let Entry::Solved { key, .. } = entry
            && self.shared.writer.is_writing()
        {
            self.forget([key]);
        }
    }

    /// Notes how far a unit has come. It is on the disk within half a second, and goes when the unit is done.
    pub fn note(&self, key: UnitKey, state: CheckpointRecord) {
        lock(&self.shared.noted).note(key, state);
    }

    /// Goes on with what other processes have left.
    pub(crate) fn find(&self, found: Latest) {
        lock(&self.shared.noted).find(found);
    }

    /// How far a unit has come.
    pub fn checkpoint(&self, key: &UnitKey) -> Option<CheckpointRecord> {
        lock(&self.shared.noted).get(key).cloned()
    }

    /// These units are done.
    pub fn forget<'k>(&self, keys: impl IntoIterator<Item = &'k UnitKey>) {
        let mut noted = lock(&self.shared.noted);
        keys.into_iter().for_each(|key| noted.forget(key));
    }

    /// Units that are under way.
    pub fn n_under_way(&self) -> usize {
        lock(&self.shared.noted).n_units()
    }

    /// What has failed for good since the last call: something was not written.
    pub fn take_failure(&self) -> Option<StoreError> {
        let failure = self.shared.writer.failure(Option::take)?;
        Some(StoreError::Io { path: crate::SEGMENTS.into(), source: failure.source })
    }

    /// What has gone wrong so far, in words that follow the name of the folder.
    pub fn trouble(&self) -> Option<String> {
        let words = |failure: &WriteFailure| {
            let WriteFailure { what, source } = failure;
            let advice = if is_full(source) { "; make room before the next run" } else { "" };
            format!("cannot be {what} ({source}); the run goes on, and what it finds now is not kept there{advice}")
        };
        let of_checkpoints = |e: &io::Error| {
            format!("checkpoints cannot be written ({e}); a kill loses what is under way, and nothing else")
        };
        let failure = self.shared.writer.failure(|failure| failure.as_ref().map(words));
        failure.or_else(|| lock(&self.shared.checkpoint_failure).as_ref().map(of_checkpoints))
    }

    /// Deletes the segment if nothing was added to it. To be called after [`Pen::end`].
    pub(crate) fn remove_unused(&self) {
        self.shared.writer.remove_unused();
    }

    /// Brings all of it to the disk. Nothing is written after this.
    pub fn end(&mut self) {
        *lock(&self.shared.is_over) = true;
        self.shared.ended.notify_all();
        if let Some(syncer) = self.syncer.take() {
            // A panic in it has nothing to say that a failure does not.
            _ = syncer.join();
        }
    }
}

impl Drop for Pen {
    fn drop(&mut self) {
        self.end();
    }
}

impl Shared {
    fn sync_again_and_again(&self, mut checkpoints: Option<CheckpointFile>) {
        loop {
            let is_over = *lock(&self.is_over);
            checkpoints = checkpoints.and_then(|file| self.write_checkpoints(file));
            self.writer.sync();
            if is_over {
                if let Some(file) = checkpoints.filter(|_| lock(&self.noted).n_units() == 0) {
                    file.delete();
                }
                return;
            }
            // A wait that ends early costs a look.
            _ = self.ended.wait_timeout_while(lock(&self.is_over), SYNC_EVERY, |is_over| !*is_over);
        }
    }

    /// Writes what was noted since the last time. Gives the file back if it can be written to again.
    fn write_checkpoints(&self, mut file: CheckpointFile) -> Option<CheckpointFile> {
        let entries = lock(&self.noted).take_unwritten(file.wants_all());
        let Err(e) = file.write(&entries) else { return Some(file) };
        if file.leave() {
            lock(&self.noted).write_again();
            return Some(file);
        }
        lock(&self.checkpoint_failure).get_or_insert(e);
        None
    }
}

#[cfg(test)]
mod tests;
