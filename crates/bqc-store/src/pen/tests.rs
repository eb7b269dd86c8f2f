//! Disks that fail, and what is in the file after they have.

use super::*;
use crate::names::{Coming, Names};
use crate::storage::{Appender, Storage};
use crate::writer::{Limits, RECORDS_PER_SYNC};
use bqc_wire::segment::{HEAD_BYTES, Replay};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Outcome, SolvedRecord};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Takes so many bytes behind the head of its one segment, and so many syncs.
#[derive(Clone)]
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
    n_syncs_left: Arc<AtomicUsize>,
    /// How long it takes to sync.
    pause: Duration,
}

impl Appender for Disk {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut taken = self.bytes.lock().unwrap();
        let n = bytes.len().min((HEAD_BYTES.saturating_add(self.room)) - taken.len());
        taken.extend(&bytes[..n]);
        if n < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        thread::sleep(self.pause);
        let less = |n: usize| n.checked_sub(1);
        let left = self.n_syncs_left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        left.map(drop).map_err(|_| io::Error::other("the disk is on fire"))
    }
}

impl Storage for Disk {
    fn make_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn create(&self, _: &str) -> io::Result<Box<dyn Appender>> {
        Ok(Box::new(self.clone()))
    }

    fn list(&self, _: &str) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    fn read_from(&self, _: &str, _: u64, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn replace(&self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync_folder(&self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn remove(&self, _: &str) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn seconds_between(&self, _: &str, _: &str) -> io::Result<f64> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn solved(i: u8) -> Entry {
    let block = BlockForm { width: 2, gates: vec![GateForm::Cx(0, 1)] };
    let (outcome, reason) = (Outcome::Unchanged, "unchanged".into());
    let record = SolvedRecord { block, distance: 0.0, instantiations: i.into(), outcome, reason };
    Entry::Solved { key: UnitKey([i; 32]), result: Box::new(record), is_settled: true, seconds: 0.0 }
}

/// A journal on such a disk, whose first sync is that of the head.
fn on_disk(room: usize, n_syncs: usize, pause: Duration) -> (Pen, Arc<Mutex<Vec<u8>>>) {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let n_syncs_left = Arc::new(AtomicUsize::new(n_syncs.saturating_add(1)));
    let storage = Arc::new(Disk { bytes: bytes.clone(), room, n_syncs_left, pause });
    let coming = Coming { storage, plan: [0; 32], names: Names::Numbered, writer: String::new(), next: 0 };
    let writer = Writer::begin(coming, Limits { max_bytes: u64::MAX, max_tries: 1 }, None).unwrap();
    (Pen::new(writer, None, Noted::default()).unwrap(), bytes)
}

fn entries(bytes: &Arc<Mutex<Vec<u8>>>) -> Vec<Entry> {
    Replay::new(&bytes.lock().unwrap(), &[0; 32]).unwrap().collect()
}

#[test]
fn a_full_disk_ends_the_journal_and_leaves_what_is_whole() {
    let (journal, bytes) = on_disk(200, usize::MAX, Duration::ZERO);
    for i in 0..20 {
        journal.append(&solved(i));
    }
    assert!(journal.trouble().unwrap().contains("cannot be written to"));
    let found = entries(&bytes);
    assert!((1..5).contains(&found.len()));
    assert_eq!(found, (0..found.len() as u8).map(solved).collect::<Vec<_>>());
    // Half a record was taken, and nothing after it.
    assert_eq!(bytes.lock().unwrap().len(), 48 + 200);
}

#[test]
fn a_sync_that_fails_ends_the_journal() {
    let (journal, bytes) = on_disk(usize::MAX, 1, Duration::ZERO);
    journal.append(&solved(0));
    journal.append(&Entry::PassDone(0));
    journal.append(&solved(1));
    assert!(journal.trouble().unwrap().contains("on fire"));
    // The marker was written after the one sync that worked, and the one after it failed.
    assert_eq!(entries(&bytes), [solved(0), Entry::PassDone(0)]);
}

#[test]
fn records_are_synced_by_number_by_time_and_at_the_end() {
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    (0..3 * RECORDS_PER_SYNC).for_each(|i| journal.append(&solved(i as u8)));
    // The first may have been synced by time, so that the last are not yet synced by number.
    let n_unsynced = journal.shared.writer.n_unsynced();
    assert!(n_unsynced < RECORDS_PER_SYNC, "{n_unsynced}");
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    journal.append(&solved(0));
    let start = Instant::now();
    while journal.shared.writer.n_unsynced() > 0 {
        assert!(start.elapsed().as_secs() < 120, "nobody syncs it");
        thread::sleep(Duration::from_millis(10));
    }
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    journal.append(&solved(0));
    let shared = journal.shared.clone();
    drop(journal);
    assert_eq!(shared.writer.n_unsynced(), 0);
}

#[test]
fn nobody_who_appends_waits_for_the_disk() {
    let (journal, bytes) = on_disk(usize::MAX, usize::MAX, Duration::from_secs(2));
    journal.append(&solved(0));
    thread::scope(|scope| {
        let syncing = scope.spawn(|| journal.shared.writer.sync());
        thread::sleep(Duration::from_millis(100));
        journal.append(&solved(1));
        assert!(!syncing.is_finished());
    });
    drop(journal);
    assert_eq!(entries(&bytes), [solved(0), solved(1)]);
}

#[test]
fn many_threads_may_sync_at_once() {
    let (journal, bytes) = on_disk(usize::MAX, usize::MAX, Duration::from_millis(1));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..50).for_each(|i| journal.append(&if i % 2 == 0 { solved(i) } else { Entry::PassDone(0) }))
            });
        }
    });
    assert_eq!((journal.trouble(), entries(&bytes).len()), (None, 200));
}
