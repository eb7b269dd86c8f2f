//! Checkpoints of the units that are under way. They lie in segments of their own, because only the last of each unit
//! counts and only until the unit is done: a segment that is full is replaced by one with what still counts, and
//! deleted.

use crate::names::Coming;
use crate::storage::Appender;
use bqc_wire::segment::encode_record;
use bqc_wire::{CheckpointRecord, Entry, UnitKey};
use std::collections::{HashMap, HashSet};
use std::io;
use std::sync::Arc;

/// A segment is replaced when it is larger: hundreds of checkpoints, of ten kilobytes each.
const MAX_BYTES: u64 = 8 << 20;

/// How far units have come, the last of each.
pub(crate) type Latest = HashMap<UnitKey, Box<CheckpointRecord>>;

/// What is to be remembered of units under way.
#[derive(Default)]
pub(crate) struct Noted {
    latest: Latest,
    unwritten: HashSet<UnitKey>,
}

impl Noted {
    /// Adds what segments of other processes say, unless more is known. It is written again, so that it stays when
    /// they go.
    pub(crate) fn find(&mut self, found: Latest) {
        for (key, state) in found {
            if self.latest.get(&key).is_none_or(|known| known.progress() < state.progress()) {
                self.latest.insert(key, state);
                self.unwritten.insert(key);
            }
        }
    }

    pub(crate) fn get(&self, key: &UnitKey) -> Option<&CheckpointRecord> {
        self.latest.get(key).map(|state| &**state)
    }

    pub(crate) fn note(&mut self, key: UnitKey, state: CheckpointRecord) {
        self.latest.insert(key, Box::new(state));
        self.unwritten.insert(key);
    }

    /// The unit is done.
    pub(crate) fn forget(&mut self, key: &UnitKey) {
        self.latest.remove(key);
        self.unwritten.remove(key);
    }

    pub(crate) fn n_units(&self) -> usize {
        self.latest.len()
    }

    /// What is not on the disk yet, or all of it if there is any such. It is taken as written from now on.
    pub(crate) fn take_unwritten(&mut self, all: bool) -> Vec<Entry> {
        let unwritten = std::mem::take(&mut self.unwritten);
        let is_wanted = |key: &UnitKey| unwritten.contains(key) || (all && !unwritten.is_empty());
        let wanted = self.latest.iter().filter(|(key, _)| is_wanted(key));
        wanted.map(|(key, state)| Entry::Checkpoint(*key, state.clone())).collect()
    }

    /// Nothing is on the disk for sure any more.
    pub(crate) fn write_again(&mut self) {
        self.unwritten = self.latest.keys().copied().collect();
    }
}

/// Where they are written. One thread has it.
pub(crate) struct CheckpointFile {
    coming: Coming,
    current: Option<(String, Arc<dyn Appender>)>,
    n_bytes: u64,
    /// Segments with nothing but checkpoints that are written again by now, or will be.
    stale: Vec<String>,
    n_tries_left: u32,
}

impl CheckpointFile {
    /// `stale`: segments of former processes with nothing but checkpoints. `max_tries`: writes that may fail.
    pub(crate) fn new(coming: Coming, stale: Vec<String>, max_tries: u32) -> CheckpointFile {
        CheckpointFile { coming, current: None, n_bytes: 0, stale, n_tries_left: max_tries }
    }

    /// Writes what was noted since the last time.
    pub(crate) fn write(&mut self, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        // One too long for a record is left out.
        let records: Vec<u8> = entries.iter().flat_map(|entry| encode_record(entry).unwrap_or_default()).collect();
        match &self.current {
            Some((_, file)) if !self.wants_all() => {
                file.append(&records)?;
                file.sync()?;
                self.n_bytes += records.len() as u64;
            }
            _ => {
                let begun = self.coming.begin(&records)?;
                self.stale.extend(self.current.replace(begun).map(|(path, _)| path));
                self.n_bytes = records.len() as u64;
                self.delete_stale();
            }
        }
        Ok(())
    }

    /// Whether the next write has to bring all that still counts.
    pub(crate) fn wants_all(&self) -> bool {
        self.current.is_none() || self.n_bytes > MAX_BYTES
    }

    /// Leaves the segment after a failure. Gives false if that was the last try.
    pub(crate) fn leave(&mut self) -> bool {
        self.stale.extend(self.current.take().map(|(path, _)| path));
        self.n_tries_left = self.n_tries_left.saturating_sub(1);
        self.n_tries_left > 0
    }

    /// Deletes all of it: every unit is done.
    pub(crate) fn delete(mut self) {
        self.leave();
        self.delete_stale();
    }

    fn delete_stale(&mut self) {
        // One that stays is read again and does no harm.
        self.stale.drain(..).for_each(|path| _ = self.coming.storage.remove(&path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Names;
    use crate::storage::{Folder, Storage};
    use bqc_wire::segment::Replay;
    use bqc_wire::unit::GateForm;
    use bqc_wire::{BlockForm, WindowCheckpoint};

    /// A large state of a unit of that number.
    fn state(n_rounds: u64) -> CheckpointRecord {
        let gates = vec![GateForm::U3(0, [0.1, 0.2, 0.3]); 10_000];
        let block = BlockForm { width: 1, gates };
        let (last_good, counts) = (None, [0; 5]);
        let state = WindowCheckpoint { n_rounds, block, bound: 0.0, last_good, rescan: false, counts, stream: 0 };
        CheckpointRecord::Window(state)
    }

    fn on_disk(folder: &Folder) -> (u64, Latest) {
        let (mut n_bytes, mut found) = (0, Latest::new());
        let mut names = folder.list("").unwrap();
        names.sort();
        for name in names {
            let bytes = folder.read_from(&name, 0, usize::MAX).unwrap();
            n_bytes += bytes.len() as u64;
            for entry in Replay::new(&bytes, &[0; 32]).unwrap() {
                if let Entry::Checkpoint(key, state) = entry {
                    found.insert(key, state);
                }
            }
        }
        (n_bytes, found)
    }

    #[test]
    fn hours_of_checkpoints_take_no_more_room_than_minutes() {
        let root = tempfile::tempdir().unwrap();
        let folder = Folder::new(root.path());
        let (storage, writer) = (Arc::new(folder.clone()), String::new());
        let coming = Coming { storage, plan: [0; 32], names: Names::Numbered, writer, next: 0 };
        let (mut file, mut noted) = (CheckpointFile::new(coming, Vec::new(), 1), Noted::default());
        let key = |i: u64| UnitKey([i as u8; 32]);
        for i in 0..150 {
            noted.note(key(i % 3), state(i));
            if i == 140 {
                noted.forget(&key(0));
            }
            file.write(&noted.take_unwritten(file.wants_all())).unwrap();
            assert!(on_disk(&folder).0 < MAX_BYTES + (2 << 20) || i < 10);
        }
        // What counts is there, whichever segment it came to lie in.
        let (_, found) = on_disk(&folder);
        for i in 147..150 {
            assert_eq!(found.get(&key(i % 3)).map(|s| s.progress()), Some(i));
        }
        assert!(file.write(&noted.take_unwritten(true)).is_ok() && on_disk(&folder).0 > 0);
        file.delete();
        assert_eq!(on_disk(&folder).0, 0);
    }
}
