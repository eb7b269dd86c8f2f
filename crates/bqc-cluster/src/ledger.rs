//! What all supervisors have written so far, read as it grows.
//!
//! Each segment is read from where the last look ended. What is not whole yet is looked at again; a record
//! that never gets whole, because its writer has died over it, only ends that segment.

use crate::Clock;
use crate::storage::Storage;
use crate::writer::{FIRST_PAUSE, MAX_TRIES};
use bqc_wire::segment::{HEAD_BYTES, check_head};
use bqc_wire::{Outcome, PassKey, PassRecord, Replay, SegmentError, Share, SolvedRecord, UnitKey, WriterRecord};
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::io;
use std::sync::{Mutex, MutexGuard, RwLock};
use std::thread;
use std::time::Duration;

/// Folder of the segments.
pub(crate) const SEGMENTS: &str = "segments";
/// Read at once, at most, so that a long segment needs no more memory than its records.
const CHUNK_BYTES: usize = 8 << 20;
/// Tries at a unit that may fail, or be cut short, before one of them is taken.
const MAX_UNSETTLED: usize = 2;

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// The system's refusal.
    #[error("cannot use `{name}` in the run folder: {source}")]
    Io {
        /// Which file.
        name: String,
        /// The system's reason.
        source: io::Error,
    },
    /// It is another run's.
    #[error("`{name}` in the run folder belongs to another run: {source}")]
    Other {
        /// The segment that says so.
        name: String,
        /// What it says.
        source: SegmentError,
    },
}

/// All that was said in one folder.
pub struct Ledger<'a> {
    storage: &'a dyn Storage,
    clock: &'a dyn Clock,
    plan: [u8; 32],
    segments: Mutex<BTreeMap<String, Segment>>,
    known: RwLock<KeyMap<Known>>,
}

/// By units. Their names are as random as any hash of them.
pub(crate) type KeyMap<T> = HashMap<UnitKey, T, BuildHasherDefault<KeyHasher>>;

/// Takes eight bytes of a unit's name for its hash.
#[derive(Default)]
pub(crate) struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length, which is the same for all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A segment as far as it was read.
struct Segment {
    /// Whole records end here.
    n_read: u64,
    /// When it was seen to grow last, by our clock.
    grown: Duration,
    writer: Option<WriterRecord>,
    news: News,
}

/// What a segment says of its writer, the last of each.
#[derive(Clone, Default)]
pub(crate) struct News {
    pub pass: Option<PassRecord>,
    /// Units done in that pass by this writer.
    pub n_in_pass: u64,
    pub n_solved: u64,
    /// Time in units, all threads together.
    pub unit_seconds: f64,
    /// Since the writer's start.
    pub seconds: f64,
    /// Whether it has ended, and seen the run complete.
    pub ended: Option<bool>,
}

/// A writer, over all of its segments.
pub(crate) struct Writing {
    pub record: WriterRecord,
    pub news: News,
    /// Name of the segment that grew last.
    pub segment: String,
    /// When it was seen to grow last, by our clock.
    pub grown: Duration,
}

/// A result as it was read.
pub(crate) struct Fresh {
    pub key: UnitKey,
    pub record: SolvedRecord,
    pub is_settled: bool,
    /// The pass that its writer was at.
    pub pass: PassKey,
}

/// What is known of one unit.
#[derive(Default)]
struct Known {
    /// Results that any try would have, different ones in order of their bytes. There is only one, unless
    /// somebody's machine computes wrongly.
    settled: Vec<SolvedRecord>,
    /// Tries that failed or were cut short.
    unsettled: Vec<SolvedRecord>,
    n_records: u64,
    /// The pass that asked for it: a unit is one pass's.
    pass: PassKey,
}

impl Known {
    /// What may be taken, the best first, and whether another try would give the same.
    fn candidates(&self) -> impl Iterator<Item = (&SolvedRecord, bool)> {
        let unsettled = if self.unsettled.len() >= MAX_UNSETTLED { &self.unsettled[..] } else { &[] };
        let settled = self.settled.iter().map(|record| (record, true));
        settled.chain(unsettled.iter().map(|record| (record, false)))
    }

    fn add(&mut self, record: SolvedRecord, is_settled: bool) {
        self.n_records += 1;
        let rank = |r: &SolvedRecord| (r.outcome == Outcome::Failed, Share::solved_bytes(r));
        let list = if is_settled { &mut self.settled } else { &mut self.unsettled };
        if is_settled && list.first() == Some(&record) {
            // Said again, or done twice. What else is known stays: this one may be refused.
            return;
        }
        let key = rank(&record);
        let at = list.partition_point(|other| rank(other) < key);
        // Tries that came to the same are tries; a result that is known is not known better.
        if !is_settled || list.get(at) != Some(&record) {
            list.insert(at, record);
        }
    }
}

impl<'a> Ledger<'a> {
    /// Of the run whose plan has this hash. Nothing is read yet.
    pub fn new(storage: &'a dyn Storage, clock: &'a dyn Clock, plan: [u8; 32]) -> Ledger<'a> {
        Ledger { storage, clock, plan, segments: Mutex::default(), known: RwLock::default() }
    }

    pub(crate) fn storage(&self) -> &'a dyn Storage {
        self.storage
    }

    pub(crate) fn clock(&self) -> &'a dyn Clock {
        self.clock
    }

    pub(crate) fn plan(&self) -> &[u8; 32] {
        &self.plan
    }

    /// Reads what is new and keeps it. What cannot be read is tried again for some seconds: network file systems
    /// have moods. The first error is told when all else was read.
    pub fn load(&self) -> Result<(), FolderError> {
        let (mut pause, mut n_tries) = (FIRST_PAUSE, 1);
        loop {
            let (fresh, read) = self.refresh(None);
            self.keep(fresh);
            if !matches!(read, Err(FolderError::Io { .. })) || n_tries == MAX_TRIES {
                return read;
            }
            thread::sleep(pause);
            (pause, n_tries) = (pause * 2, n_tries + 1);
        }
    }

    /// Reads what is new, but for the segments of one writer, and hands out its results. The first error is told
    /// when all else was read.
    pub(crate) fn refresh(&self, but: Option<&str>) -> (Vec<Fresh>, Result<(), FolderError>) {
        let mut segments = lock(&self.segments);
        let io = |name: &str, source| FolderError::Io { name: name.into(), source };
        let names = match self.storage.list(SEGMENTS) {
            Ok(names) => names,
            Err(e) => return (Vec::new(), Err(io(SEGMENTS, e))),
        };
        let now = self.clock.now();
        for name in names {
            let is_ours = but.is_some_and(|but| name.strip_prefix(but).is_some_and(|rest| rest.starts_with('-')));
            // A name once seen is not forgotten if a listing lacks it.
            if !is_ours && is_segment(&name) && !segments.contains_key(&name) {
                segments.insert(name, Segment::new(now));
            }
        }
        let (mut fresh, mut first_error) = (Vec::new(), None);
        for (name, segment) in segments.iter_mut() {
            if let Err(e) = self.read_on(name, segment, &mut fresh) {
                first_error.get_or_insert(e);
            }
        }
        (fresh, first_error.map_or(Ok(()), Err))
    }

    /// Reads one segment on.
    fn read_on(&self, name: &str, segment: &mut Segment, fresh: &mut Vec<Fresh>) -> Result<(), FolderError> {
        let path = format!("{SEGMENTS}/{name}");
        loop {
            let read = self.storage.read_from(&path, segment.n_read, CHUNK_BYTES);
            let bytes = read.map_err(|source| FolderError::Io { name: path.clone(), source })?;
            let mut start = 0;
            if segment.n_read == 0 {
                let head = check_head(&bytes, &self.plan);
                if !head.map_err(|source| FolderError::Other { name: path.clone(), source })? {
                    return Ok(());
                }
                start = HEAD_BYTES;
            }
            let mut replay = Replay::<Share>::at(&bytes, start);
            for share in replay.by_ref() {
                fresh.extend(segment.take(share));
            }
            let n_valid = replay.n_valid_bytes();
            if n_valid > 0 {
                segment.n_read += n_valid as u64;
                segment.grown = self.clock.now();
            }
            if n_valid == 0 || bytes.len() < CHUNK_BYTES {
                return Ok(());
            }
        }
    }

    /// Keeps results, to be found later.
    pub(crate) fn keep(&self, fresh: Vec<Fresh>) {
        if fresh.is_empty() {
            return;
        }
        let mut known = self.known.write().unwrap_or_else(|e| e.into_inner());
        for Fresh { key, record, is_settled, pass } in fresh {
            let of_unit = known.entry(key).or_default();
            of_unit.add(record, is_settled);
            of_unit.pass = pass;
        }
    }

    /// The first of what is known of a unit that `check` accepts.
    pub(crate) fn find<T>(&self, key: &UnitKey, check: impl FnMut((&SolvedRecord, bool)) -> Option<T>) -> Option<T> {
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        known.get(key)?.candidates().find_map(check)
    }

    /// Lets go of what nobody will ask for any more: a large circuit has gigabytes of it.
    pub(crate) fn forget(&self, keys: impl Iterator<Item = UnitKey>) {
        let mut known = self.known.write().unwrap_or_else(|e| e.into_inner());
        keys.for_each(|key| drop(known.remove(&key)));
    }

    /// Lets go of everything, to be read from the beginning.
    pub(crate) fn rewind(&self) {
        lock(&self.segments).clear();
        self.known.write().unwrap_or_else(|e| e.into_inner()).clear();
    }

    /// All writers, by name.
    pub(crate) fn writers(&self) -> BTreeMap<String, Writing> {
        let mut writers = BTreeMap::<String, Writing>::new();
        for (name, segment) in lock(&self.segments).iter() {
            let Some(record) = &segment.writer else { continue };
            let (news, segment_name, grown) = (segment.news.clone(), name.clone(), segment.grown);
            let new = || Writing { record: record.clone(), news: News::default(), segment: String::new(), grown };
            let writing = writers.entry(record.name.clone()).or_insert_with(new);
            writing.add(news, segment_name, grown);
        }
        writers
    }

    /// Segments that were seen so far.
    pub(crate) fn n_segments(&self) -> usize {
        lock(&self.segments).len()
    }

    /// Units of which anything is known, and how often one was done in vain: for the second time.
    pub(crate) fn counts(&self) -> (u64, u64) {
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        let n_records: u64 = known.values().map(|k| k.n_records).sum();
        (known.len() as u64, n_records - known.len() as u64)
    }

    /// Units of a pass of which anything is known.
    pub(crate) fn n_known_of(&self, pass: &PassKey) -> u64 {
        let known = self.known.read().unwrap_or_else(|e| e.into_inner());
        known.values().filter(|k| k.pass == *pass).count() as u64
    }
}

impl Writing {
    fn add(&mut self, news: News, segment: String, grown: Duration) {
        self.news.n_solved += news.n_solved;
        self.news.unit_seconds += news.unit_seconds;
        // A segment that was begun later says more; its time is later too.
        if self.segment.is_empty() || news.seconds >= self.news.seconds {
            self.news.seconds = news.seconds;
            self.news.ended = news.ended;
            self.segment = segment;
            match (&self.news.pass, news.pass) {
                (Some(known), Some(pass)) if known.key == pass.key => self.news.n_in_pass += news.n_in_pass,
                (_, Some(pass)) => (self.news.pass, self.news.n_in_pass) = (Some(pass), news.n_in_pass),
                (_, None) => {}
            }
        }
        self.grown = self.grown.max(grown);
    }
}

impl Segment {
    fn new(now: Duration) -> Segment {
        Segment { n_read: 0, grown: now, writer: None, news: News::default() }
    }

    /// Notes what an entry says of its writer; the result in it, if there is one.
    fn take(&mut self, share: Share) -> Option<Fresh> {
        let news = &mut self.news;
        match share {
            Share::Writer(writer) => self.writer = Some(writer),
            Share::Pass(pass) => {
                news.seconds = pass.seconds;
                (news.pass, news.n_in_pass) = (Some(pass), 0);
            }
            Share::Solved { key, result, is_settled, seconds } => {
                news.n_solved += 1;
                news.n_in_pass += 1;
                news.unit_seconds += seconds;
                let pass = news.pass.as_ref().map_or([0; 16], |pass| pass.key);
                return Some(Fresh { key, record: *result, is_settled, pass });
            }
            Share::Beat { seconds } => news.seconds = seconds,
            Share::Ended { seconds, is_complete } => (news.seconds, news.ended) = (seconds, Some(is_complete)),
        }
        None
    }
}

/// Whether a file of this name is a supervisor's: its name and a number. File systems and people leave others.
fn is_segment(name: &str) -> bool {
    let number = name.rsplit_once('-').map(|(_, number)| number);
    !name.starts_with('.') && number.is_some_and(|number| number.parse::<u32>().is_ok())
}

/// A thread that panics while it holds one of these locks has left whole values behind.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
