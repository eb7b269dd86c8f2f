//! Checkpoints of the units that are under way, on the disk. They lie in segments of their own, because only
//! the last of each unit counts and only until the unit is done: a segment that is full is replaced by one with
//! what still counts, and deleted.

use crate::folder::Coming;
use bqc_wire::segment::{Entry, encode_record};
use bqc_wire::{CheckpointRecord, UnitKey};
use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;

/// A segment is replaced when it is larger: hundreds of checkpoints, of ten kilobytes each.
const MAX_BYTES: u64 = 8 << 20;

/// What is to be remembered of units under way.
#[derive(Default)]
pub(crate) struct Noted {
    latest: HashMap<UnitKey, Box<CheckpointRecord>>,
    unwritten: HashSet<UnitKey>,
}

impl Noted {
    /// What segments said. It is written again, so that they can go.
    pub(crate) fn found(latest: HashMap<UnitKey, Box<CheckpointRecord>>) -> Noted {
        Noted { unwritten: latest.keys().copied().collect(), latest }
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
}

/// Where they are written. One thread has it.
pub(crate) struct CheckpointFile {
    coming: Coming,
    current: Option<(PathBuf, File)>,
    n_bytes: u64,
    /// Segments with nothing but checkpoints that are written again by now, or will be.
    stale: Vec<PathBuf>,
}

impl CheckpointFile {
    /// `stale`: segments of former processes with nothing but checkpoints.
    pub(crate) fn new(coming: Coming, stale: Vec<PathBuf>) -> CheckpointFile {
        CheckpointFile { coming, current: None, n_bytes: 0, stale }
    }

    /// Whether the next write has to bring all that still counts.
    pub(crate) fn wants_all(&self) -> bool {
        self.current.is_none() || self.n_bytes > MAX_BYTES
    }

    /// Brings checkpoints to the disk. To be asked [`CheckpointFile::wants_all`] before.
    pub(crate) fn write(&mut self, entries: &[Entry]) -> io::Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        // One too long for a record is none.
        let records: Vec<u8> = entries.iter().flat_map(|entry| encode_record(entry).unwrap_or_default()).collect();
        let (mut begun, mut n_before) = (None, self.n_bytes);
        if self.wants_all() {
            (begun, n_before) = (Some(self.coming.next()?), 0);
        }
        let Some((_, file)) = begun.as_mut().or(self.current.as_mut()) else { return Ok(()) };
        file.write_all(&records)?;
        file.sync_data()?;
        self.n_bytes = n_before + records.len() as u64;
        if let Some(begun) = begun {
            self.stale.extend(self.current.replace(begun).map(|(path, _)| path));
            self.delete_stale();
        }
        Ok(())
    }

    /// Deletes all of it: every unit is done.
    pub(crate) fn delete(mut self) {
        self.stale.extend(self.current.take().map(|(path, _)| path));
        self.delete_stale();
    }

    fn delete_stale(&mut self) {
        // One that stays is read again and does no harm.
        self.stale.drain(..).for_each(|path| _ = fs::remove_file(path));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_wire::BlockForm;
    use bqc_wire::segment::Replay;
    use bqc_wire::unit::GateForm;
    use std::path::Path;

    /// A large state of a unit of that number.
    fn state(n_rounds: u64) -> CheckpointRecord {
        let gates = vec![GateForm::U3(0, [0.1, 0.2, 0.3]); 10_000];
        let block = BlockForm { width: 1, gates };
        CheckpointRecord { n_rounds, block, bound: 0.0, last_good: None, rescan: false, counts: [0; 5], stream: 0 }
    }

    fn on_disk(folder: &Path) -> (u64, Noted) {
        let (mut n_bytes, mut found) = (0, HashMap::new());
        for (_, path) in crate::folder::segments(folder).unwrap() {
            let bytes = fs::read(path).unwrap();
            n_bytes += bytes.len() as u64;
            for entry in Replay::new(&bytes, &[0; 32]).unwrap() {
                if let Entry::Checkpoint(key, state) = entry {
                    found.insert(key, state);
                }
            }
        }
        (n_bytes, Noted::found(found))
    }

    #[test]
    fn hours_of_checkpoints_take_no_more_room_than_minutes() {
        let folder = tempfile::tempdir().unwrap();
        let coming = Coming { folder: folder.path().to_path_buf(), plan: [0; 32], number: 0 };
        let (mut file, mut noted) = (CheckpointFile::new(coming, Vec::new()), Noted::default());
        let key = |i: u64| UnitKey([i as u8; 32]);
        for i in 0..150 {
            noted.note(key(i % 3), state(i));
            if i == 140 {
                noted.forget(&key(0));
            }
            file.write(&noted.take_unwritten(file.wants_all())).unwrap();
            assert!(on_disk(folder.path()).0 < MAX_BYTES + (2 << 20) || i < 10);
        }
        // What counts is there, whichever segment it came to lie in.
        let (_, found) = on_disk(folder.path());
        for i in 147..150 {
            assert_eq!(found.get(&key(i % 3)).map(|s| s.n_rounds), Some(i));
        }
        assert!(file.write(&noted.take_unwritten(true)).is_ok() && on_disk(folder.path()).0 > 0);
        file.delete();
        assert_eq!(on_disk(folder.path()).0, 0);
    }
}
