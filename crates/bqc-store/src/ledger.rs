//! Reads the segments of a folder as they grow, and knows what they say.
//!
//! Each segment is read from where the last look ended. What is not whole yet is looked at again; a record that never
//! gets whole, because its writer has died over it, only ends that segment.

use crate::checkpoints::{CheckpointFile, Latest, Noted};
use crate::error::StoreError;
use crate::known::{KeyMap, Known};
use crate::names::{CHECKPOINTS, Coming, Names, SEGMENTS};
use crate::pen::Pen;
use crate::storage::Storage;
use crate::writer::{FIRST_PAUSE, Limits, MAX_TRIES, Writer};
use crate::{Clock, lock};
use bqc_wire::segment::{HEAD_BYTES, check_head};
use bqc_wire::{Entry, PassKey, PassRecord, Replay, SolvedRecord, UnitKey, WriterRecord};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;
use std::time::Duration;

/// Read at once, at most, so that a long segment needs no more memory than its records.
const CHUNK_BYTES: usize = 8 << 20;
/// Looks at checkpoints whose writer puts another segment in the place of one just then.
const MAX_LOOKS: usize = 3;

/// All that was said in one folder.
pub struct Ledger<'a> {
    storage: Arc<dyn Storage>,
    clock: &'a dyn Clock,
    plan: [u8; 32],
    names: Names,
    segments: Mutex<BTreeMap<String, Segment>>,
    writers: Mutex<BTreeMap<String, Writing>>,
    known: RwLock<KeyMap<Known>>,
    left: Mutex<Left>,
}

/// What numbered segments say of units that were not done when their process ended.
#[derive(Default)]
pub(crate) struct Left {
    pub checkpoints: Latest,
    /// The best of each that was cut short.
    pub cut_short: HashMap<UnitKey, SolvedRecord>,
}

/// A segment as far as it was read.
#[derive(Default)]
struct Segment {
    /// Whole records end here.
    n_read: u64,
    /// Name of its writer, if it is signed.
    writer: Option<String>,
    /// The pass that its writer was at.
    pass: PassKey,
    has_checkpoints: bool,
    has_others: bool,
}

/// What a writer says of itself, over all of its segments.
#[derive(Clone)]
pub struct Writing {
    /// Who it is.
    pub record: WriterRecord,
    /// What it said last.
    pub news: News,
    /// Name of the segment that grew last.
    pub segment: String,
    /// When it was seen to grow last, by our clock.
    pub grown: Duration,
}

/// The last of each.
#[derive(Clone, Default)]
pub struct News {
    /// The pass that the writer is at.
    pub pass: Option<PassRecord>,
    /// Units done in that pass by this writer.
    pub n_in_pass: u64,
    /// Units done in all passes.
    pub n_solved: u64,
    /// Time in units, all threads together.
    pub unit_seconds: f64,
    /// Since the writer's start.
    pub seconds: f64,
    /// Whether it has ended, and seen the run complete.
    pub ended: Option<bool>,
}

/// A result as it was read.
pub struct Fresh {
    /// The unit.
    pub key: UnitKey,
    /// What came of it, not checked.
    pub record: SolvedRecord,
    /// Whether another try would give the same.
    pub is_settled: bool,
    /// The pass that its writer was at.
    pub pass: PassKey,
}

impl<'a> Ledger<'a> {
    /// Of the shared folder of the run whose plan has this hash. Nothing is read yet.
    pub fn new(storage: &(impl Storage + Clone + 'static), clock: &'a dyn Clock, plan: [u8; 32]) -> Ledger<'a> {
        Ledger::of(Arc::new(storage.clone()), clock, plan, Names::Signed(SEGMENTS))
    }

    /// Of segments with these names.
    pub(crate) fn of(storage: Arc<dyn Storage>, clock: &'a dyn Clock, plan: [u8; 32], names: Names) -> Ledger<'a> {
        let (segments, writers, known, left) = Default::default();
        Ledger { storage, clock, plan, names, segments, writers, known, left }
    }

    /// The folder.
    pub fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    /// The clock by which segments are seen to grow.
    pub fn clock(&self) -> &'a dyn Clock {
        self.clock
    }

    /// Begins to write to the shared folder, as the writer that `record` names.
    pub fn pen(&self, record: WriterRecord) -> Result<Pen, StoreError> {
        let coming = |folder| -> Result<Coming, StoreError> {
            self.storage.make_folder(folder).map_err(StoreError::io(folder))?;
            let (storage, names, writer) = (self.storage.clone(), Names::Signed(folder), record.name.clone());
            Ok(Coming { storage, plan: self.plan, names, writer, next: 0 })
        };
        let checkpoints = CheckpointFile::new(coming(CHECKPOINTS)?, Vec::new(), MAX_TRIES);
        let limits = Limits { max_bytes: u64::MAX, max_tries: MAX_TRIES };
        let writer = Writer::begin(coming(SEGMENTS)?, limits, Some(&Entry::Writer(record.clone())));
        let pen = writer.and_then(|writer| Pen::new(writer, Some(checkpoints), Noted::default()));
        pen.map_err(StoreError::io(SEGMENTS))
    }

    /// Gives `pen` what these writers of the shared folder have noted of units that are wanted. What cannot be read is
    /// left out: such units begin anew.
    pub fn take_over(&self, writers: &BTreeSet<String>, pen: &Pen, is_wanted: impl Fn(&UnitKey) -> bool) {
        let names = Names::Signed(CHECKPOINTS);
        for _ in 0..MAX_LOOKS {
            let mut has_gone = false;
            let listed = self.storage.list(CHECKPOINTS).unwrap_or_default();
            for writer in writers {
                let mut latest = Latest::new();
                let mut its: Vec<&String> = listed.iter().filter(|name| names.is_of(name, writer)).collect();
                its.sort_by_key(|name| names.number(name));
                for name in its {
                    let read = read_on(&*self.storage, &self.plan, &names.path(name), &mut 0, &mut |entry| {
                        if let Entry::Checkpoint(key, state) = entry
                            && is_wanted(&key)
                        {
                            latest.insert(key, state);
                        }
                    });
                    has_gone |= read.is_err();
                }
                pen.find(latest);
            }
            if !has_gone {
                return;
            }
        }
    }

    /// Deletes all checkpoints of the shared folder: every unit of the run is done. Other supervisors lose nothing.
    pub fn remove_checkpoints(&self) {
        let listed = self.storage.list(CHECKPOINTS).unwrap_or_default();
        // One that stays does no harm.
        listed.iter().for_each(|name| _ = self.storage.remove(&Names::Signed(CHECKPOINTS).path(name)));
    }

    /// Reads what is new and keeps it. What cannot be read is tried again for some seconds: network file systems
    /// have moods. The first error is told when all else was read.
    pub fn load(&self) -> Result<(), StoreError> {
        let (mut pause, mut n_tries) = (FIRST_PAUSE, 1);
        loop {
            let read = self.read(|_| false);
            if !matches!(read, Err(StoreError::Io { .. })) || n_tries == MAX_TRIES {
                return read;
            }
            thread::sleep(pause);
            (pause, n_tries) = (pause * 2, n_tries + 1);
        }
    }

    /// Reads what is new once and keeps it. The first error that is not `borne` is told when all else was read.
    pub(crate) fn read(&self, borne: impl Fn(&StoreError) -> bool) -> Result<(), StoreError> {
        let (fresh, read) = self.look(None, borne);
        self.keep(fresh);
        read
    }

    /// Reads what is new, but for the segments of one writer, and hands out its results. The first error is told
    /// when all else was read.
    pub fn refresh(&self, but: Option<&str>) -> (Vec<Fresh>, Result<(), StoreError>) {
        self.look(but, |_| false)
    }

    fn look(&self, but: Option<&str>, borne: impl Fn(&StoreError) -> bool) -> (Vec<Fresh>, Result<(), StoreError>) {
        let mut segments = lock(&self.segments);
        let names = match self.storage.list(self.names.folder()) {
            Ok(names) => names,
            Err(e) => return (Vec::new(), Err(StoreError::io(self.names.folder())(e))),
        };
        for name in names {
            let is_left_out = but.is_some_and(|but| self.names.is_of(&name, but));
            // A name once seen is not forgotten if a listing lacks it.
            if !is_left_out && self.names.number(&name).is_some() && !segments.contains_key(&name) {
                segments.insert(name, Segment::default());
            }
        }
        let (mut fresh, mut first_error) = (Vec::new(), None);
        for (name, segment) in segments.iter_mut() {
            let mut n_read = segment.n_read;
            let take = &mut |entry| fresh.extend(self.take(segment, entry));
            let read = read_on(&*self.storage, &self.plan, &self.names.path(name), &mut n_read, take);
            let has_grown = n_read > std::mem::replace(&mut segment.n_read, n_read);
            if let (true, Some(writer)) = (has_grown, &segment.writer)
                && let Some(writing) = lock(&self.writers).get_mut(writer)
            {
                (writing.segment, writing.grown) = (name.clone(), self.clock.now());
            }
            if let Err(e) = read
                && !borne(&e)
            {
                first_error.get_or_insert(e);
            }
        }
        (fresh, first_error.map_or(Ok(()), Err))
    }

    /// Notes what an entry says; the result in it, if there is one.
    fn take(&self, segment: &mut Segment, entry: Entry) -> Option<Fresh> {
        let is_checkpoint = matches!(entry, Entry::Checkpoint(..));
        segment.has_checkpoints |= is_checkpoint;
        segment.has_others |= !is_checkpoint;
        let mut writers = lock(&self.writers);
        if let Entry::Writer(record) = &entry {
            segment.writer = Some(record.name.clone());
            let (record, news, segment) = (record.clone(), News::default(), String::new());
            writers.entry(record.name.clone()).or_insert(Writing { record, news, segment, grown: Duration::ZERO });
        }
        if let Some(writing) = segment.writer.as_ref().and_then(|writer| writers.get_mut(writer)) {
            writing.news.take(&entry);
        }
        match entry {
            Entry::Pass(pass) => segment.pass = pass.key,
            Entry::Solved { key, result, is_settled, .. } => {
                return Some(Fresh { key, record: *result, is_settled, pass: segment.pass });
            }
            Entry::Checkpoint(key, state) => _ = lock(&self.left).checkpoints.insert(key, state),
            // The last is the best: no other is written.
            Entry::CutShort(key, record) => _ = lock(&self.left).cut_short.insert(key, *record),
            _ => {}
        }
        None
    }

    /// What processes before this one have left of units that are not known.
    pub(crate) fn take_left(&self) -> Left {
        let mut left = std::mem::take(&mut *lock(&self.left));
        left.checkpoints.retain(|key, _| !self.is_settled(key));
        left.cut_short.retain(|key, _| !self.is_settled(key));
        left
    }

    /// Segments that hold checkpoints and nothing else.
    pub(crate) fn only_checkpoints(&self) -> Vec<String> {
        let segments = lock(&self.segments);
        let only = segments.iter().filter(|(_, segment)| segment.has_checkpoints && !segment.has_others);
        only.map(|(name, _)| self.names.path(name)).collect()
    }

    /// The number that comes after those of all segments.
    pub(crate) fn next_number(&self) -> u64 {
        lock(&self.segments).keys().filter_map(|name| self.names.number(name)).max().map_or(0, |number| number + 1)
    }

    /// Keeps results, to be found later.
    pub fn keep(&self, fresh: Vec<Fresh>) {
        if fresh.is_empty() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for Fresh { key, record, is_settled, pass } in fresh {
            let of_unit = known.entry(key).or_default();
            match self.names {
                Names::Numbered => of_unit.add_newest(record, is_settled),
                Names::Signed(_) => of_unit.add(record, is_settled),
            }
            of_unit.pass = pass;
        }
    }

    /// Whether a unit has a settled result, checked or not.
    pub(crate) fn is_settled(&self, key: &UnitKey) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key).is_some_and(Known::is_settled)
    }

    /// Units with a settled result.
    pub(crate) fn n_settled(&self) -> usize {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|known| known.is_settled()).count()
    }

    /// The first of what is known of a unit that `check` accepts.
    pub fn find<T>(&self, key: &UnitKey, check: impl FnMut((&SolvedRecord, bool)) -> Option<T>) -> Option<T> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(key)?.candidates().find_map(check)
    }

    /// Lets go of units that are not asked for any more: a large circuit has gigabytes of them.
    pub fn forget(&self, keys: impl Iterator<Item = UnitKey>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        keys.for_each(|key| drop(known.remove(&key)));
    }

    /// Lets go of everything, to be read from the beginning.
    pub fn rewind(&self) {
        lock(&self.segments).clear();
        lock(&self.writers).clear();
        self.known.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// All writers, by name.
    pub fn writers(&self) -> BTreeMap<String, Writing> {
        lock(&self.writers).clone()
    }

    /// Segments that were seen so far.
    pub fn n_segments(&self) -> usize {
        lock(&self.segments).len()
    }

    /// Units of which anything is known, and how often one was done in vain: for the second time.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let n_records: u64 = known.values().map(|k| k.n_records).sum();
        (known.len() as u64, n_records - known.len() as u64)
    }

    /// Units of a pass of which anything is known.
    pub(crate) fn n_known_of(&self, pass: &PassKey) -> u64 {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.values().filter(|k| k.pass == *pass).count() as u64
    }
}

impl News {
    fn take(&mut self, entry: &Entry) {
        match entry {
            // Said again in each segment.
            Entry::Pass(pass)
                if self.pass.as_ref().is_none_or(|known| known.key != pass.key && known.seconds <= pass.seconds) =>
            {
                (self.seconds, self.pass, self.n_in_pass) = (pass.seconds, Some(pass.clone()), 0);
            }
            Entry::Solved { seconds, .. } => {
                self.n_solved += 1;
                self.n_in_pass += 1;
                self.unit_seconds += seconds;
            }
            Entry::Beat { seconds } => self.seconds = *seconds,
            Entry::Ended { seconds, is_complete } => (self.seconds, self.ended) = (*seconds, Some(*is_complete)),
            _ => {}
        }
    }
}

/// Reads a segment on from `n_read`, and hands out its entries. A segment that does not begin with a whole head yet is
/// an empty one.
fn read_on(
    storage: &dyn Storage,
    plan: &[u8; 32],
    path: &str,
    n_read: &mut u64,
    take: &mut dyn FnMut(Entry),
) -> Result<(), StoreError> {
    loop {
        let bytes = storage.read_from(path, *n_read, CHUNK_BYTES).map_err(StoreError::io(path))?;
        let mut start = 0;
        if *n_read == 0 {
            let head = check_head(&bytes, plan);
            if !head.map_err(|source| StoreError::Other { path: path.into(), source })? {
                return Ok(());
            }
            start = HEAD_BYTES;
        }
        let mut replay = Replay::at(&bytes, start);
        replay.by_ref().for_each(&mut *take);
        let n_valid = replay.n_valid_bytes();
        *n_read += n_valid as u64;
        if n_valid == 0 || bytes.len() < CHUNK_BYTES {
            return Ok(());
        }
    }
}
