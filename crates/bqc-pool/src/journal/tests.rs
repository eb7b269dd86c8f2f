//! Disks that fail, and what is in the file after they have.

use super::*;
use bqc_wire::segment::{HEAD_BYTES, encode_head};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Outcome};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Takes so many bytes, and so many syncs.
struct Disk {
    bytes: Arc<Mutex<Vec<u8>>>,
    room: usize,
    n_syncs_left: AtomicUsize,
    /// How long it takes to sync.
    pause: Duration,
}

impl SegmentFile for Disk {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut taken = self.bytes.lock().unwrap();
        let n = bytes.len().min(self.room - (taken.len() - HEAD_BYTES));
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

fn solved(i: u8) -> Entry {
    let block = BlockForm { width: 2, gates: vec![GateForm::Cx(0, 1)] };
    let (outcome, reason) = (Outcome::Unchanged, "unchanged".into());
    let record = SolvedRecord { block, distance: 0.0, instantiations: i.into(), outcome, reason };
    Entry::Solved(UnitKey([i; 32]), Box::new(record))
}

fn on_disk(room: usize, n_syncs: usize, pause: Duration) -> (Journal, Arc<Mutex<Vec<u8>>>) {
    let bytes = Arc::new(Mutex::new(encode_head(&[0; 32]).to_vec()));
    let disk = Disk { bytes: bytes.clone(), room, n_syncs_left: n_syncs.into(), pause };
    let writer = Writer::new(Arc::new(disk), None, u64::MAX);
    (Journal::on(writer, Found::default(), None, Path::new(""), None).unwrap(), bytes)
}

impl Writer {
    fn is_synced(&self) -> bool {
        self.n_synced == self.n_appended
    }
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
    assert!(journal.failure().unwrap().contains("cannot be written to"));
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
    assert!(journal.failure().unwrap().contains("on fire"));
    // The marker was written after the one sync that worked, and the one after it failed.
    assert_eq!(entries(&bytes), [solved(0), Entry::PassDone(0)]);
}

#[test]
fn records_are_synced_by_number_by_time_and_at_the_end() {
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    (0..3 * RECORDS_PER_SYNC).for_each(|i| journal.append(&solved(i as u8)));
    // The first may have been synced by time, so that the last are not yet synced by number.
    let n_unsynced = 3 * RECORDS_PER_SYNC - journal.shared.lock().n_synced;
    assert!(n_unsynced < RECORDS_PER_SYNC, "{n_unsynced}");
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    journal.append(&solved(0));
    let start = Instant::now();
    while !journal.shared.lock().is_synced() {
        assert!(start.elapsed().as_secs() < 120, "nobody syncs it");
        thread::sleep(Duration::from_millis(10));
    }
    let (journal, _) = on_disk(usize::MAX, usize::MAX, Duration::ZERO);
    journal.append(&solved(0));
    let shared = journal.shared.clone();
    drop(journal);
    assert!(shared.lock().is_synced());
}

#[test]
fn nobody_who_appends_waits_for_the_disk() {
    let (journal, bytes) = on_disk(usize::MAX, usize::MAX, Duration::from_secs(2));
    journal.append(&solved(0));
    thread::scope(|scope| {
        let syncing = scope.spawn(|| journal.shared.sync());
        thread::sleep(Duration::from_millis(100));
        journal.append(&solved(1));
        assert!(!syncing.is_finished());
    });
    drop(journal);
    assert_eq!(entries(&bytes), [solved(0), solved(1)]);
}
