//! A folder of numbered segments: the journal of a run, or a cache for all runs. What processes before this one have
//! found is read as it is opened; what this one finds goes into segments of its own.
//!
//! When the disk fails, the journal says so and ends; the run goes on without it.

use crate::Clock;
use crate::checkpoints::{CheckpointFile, Latest, Noted};
use crate::error::StoreError;
use crate::folder::{Held, LOCK_LOOKS, delete_oldest, lock, refuse_other_use, remove};
use crate::ledger::{Ledger, Left};
use crate::names::{Coming, Names};
use crate::pen::Pen;
use crate::private::make_folder;
use crate::storage::Folder;
use crate::writer::{Limits, Writer};
use bqc_wire::unit::plan_hash;
use bqc_wire::{Build, CheckpointRecord, Entry, SolvedRecord, UnitKey};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

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

/// Results on the disk.
pub struct Journal {
    ledger: Ledger<'static>,
    cut_short: HashMap<UnitKey, SolvedRecord>,
    pen: Pen,
    usage: Use,
    folder: PathBuf,
    /// Held for as long as this lives; the system lets go of it however the process ends.
    _lock: Option<Held>,
}

/// The journal asks no segment when it grew.
struct Still;

impl Clock for Still {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl Journal {
    /// Opens `folder`, which is made if it is not there, reads what is known and begins a new segment.
    ///
    /// * `plan`: what the run is about, see [`bqc_wire::unit::plan_hash`]. A cache has none.
    /// * `build`: of the program that opens it.
    /// * Damaged segments count as far as they are whole. In a cache, segments of other builds are left out.
    pub fn open(folder: &Path, plan: &[u8; 32], build: &Build, usage: Use) -> Result<Journal, StoreError> {
        let of_caches = plan_hash(build, &[]);
        let plan = if usage == Use::Run { *plan } else { of_caches };
        refuse_other_use(folder, &of_caches, usage)?;
        let lock = if usage == Use::Run { Some(lock(folder, LOCK_LOOKS)?) } else { None };
        make_folder(folder).map_err(StoreError::io(folder))?;
        if let Use::Cache { max_bytes } = usage {
            delete_oldest(folder, max_bytes).map_err(StoreError::io(folder))?;
        }
        let (storage, names) = (Arc::new(Folder::new(folder)), Names::Numbered);
        let ledger = Ledger::of(storage.clone(), &Still, plan, names);
        let is_borne = |e: &StoreError| match e {
            // Segments of other builds, and one that another process has deleted since.
            StoreError::Other { .. } => usage != Use::Run,
            StoreError::Io { source, .. } => usage != Use::Run && source.kind() == io::ErrorKind::NotFound,
            _ => false,
        };
        ledger.read(is_borne).map_err(|e| e.below(folder))?;
        let coming = Coming { storage, plan, names, writer: String::new(), next: ledger.next_number() };
        let Left { checkpoints, cut_short } = ledger.take_left();
        let pen = Journal::pen(coming, &ledger, checkpoints, usage).map_err(StoreError::io(folder))?;
        Ok(Journal { ledger, cut_short, pen, usage, folder: folder.to_path_buf(), _lock: lock })
    }

    fn pen(coming: Coming, ledger: &Ledger<'_>, left: Latest, usage: Use) -> io::Result<Pen> {
        let mut noted = Noted::default();
        noted.find(left);
        let checkpoints =
            (usage == Use::Run).then(|| CheckpointFile::new(coming.clone(), ledger.only_checkpoints(), 1));
        let max_bytes = match usage {
            Use::Run => u64::MAX,
            Use::Cache { max_bytes } => max_bytes / SEGMENTS_OF_CACHE,
        };
        Pen::new(Writer::begin(coming, Limits { max_bytes, max_tries: 1 }, None)?, checkpoints, noted)
    }

    /// The first of what was known of a unit when the folder was opened that `check` accepts; it is told whether the
    /// result is settled.
    pub fn find<T>(&self, key: &UnitKey, check: impl FnMut((&SolvedRecord, bool)) -> Option<T>) -> Option<T> {
        self.ledger.find(key, check)
    }

    /// What was known about a unit when the folder was opened.
    pub fn get(&self, key: &UnitKey) -> Option<SolvedRecord> {
        self.find(key, |(record, _)| Some(record.clone()))
    }

    /// What a unit that is not known had come to when a run was stopped.
    pub fn cut_short(&self, key: &UnitKey) -> Option<&SolvedRecord> {
        self.cut_short.get(key)
    }

    /// Whether it has anything on a unit.
    pub fn has(&self, key: &UnitKey) -> bool {
        self.ledger.is_settled(key) || self.cut_short.contains_key(key) || self.checkpoint(key).is_some()
    }

    /// How many units were known then.
    pub fn n_known(&self) -> usize {
        self.ledger.n_settled()
    }

    /// How far a unit has come that is not known yet.
    pub fn checkpoint(&self, key: &UnitKey) -> Option<CheckpointRecord> {
        self.pen.checkpoint(key)
    }

    /// How many such units there are.
    pub fn n_under_way(&self) -> usize {
        self.pen.n_under_way()
    }

    /// Notes how far a unit has come. It is on the disk within half a second, and deleted when the unit is known.
    /// A cache notes nothing.
    pub fn note(&self, key: UnitKey, state: CheckpointRecord) {
        self.pen.note(key, state);
    }

    /// Adds a record; [`Journal::failure`] tells if that went wrong.
    pub fn append(&self, entry: &Entry) {
        self.pen.append(entry);
    }

    /// Why nothing has been written since, if so, and where.
    pub fn failure(&self) -> Option<String> {
        Some(format!("`{}`: {}", self.folder.display(), self.pen.trouble()?))
    }

    /// Where it lies.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Deletes the folder of a run that is over, while no other process can lock it. Files of others in it stay.
    pub fn remove(mut self) -> io::Result<()> {
        self.pen.end();
        remove(&self.folder)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.pen.end();
        // Most runs that find all in a cache add nothing.
        if self.usage != Use::Run {
            self.pen.remove_unused();
        }
    }
}
