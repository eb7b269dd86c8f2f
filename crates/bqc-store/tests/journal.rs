//! Folders: what one process leaves another finds, in spite of damage.

use bqc_store::{Journal, StoreError, Use};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Build, Entry, Outcome, SolvedRecord, UnitKey};
use std::fs;
use std::path::Path;

const BUILD: Build = Build::new("test");
const PLAN: [u8; 32] = [1; 32];
const CACHE: Use = Use::Cache { max_bytes: 1 << 20 };

fn solved(i: u8) -> Entry {
    let block = BlockForm { width: 2, gates: vec![GateForm::Cx(0, 1)] };
    let (outcome, reason) = (Outcome::Unchanged, "unchanged".into());
    let record = SolvedRecord { block, distance: 0.0, instantiations: i.into(), outcome, reason };
    Entry::Solved { key: UnitKey([i; 32]), result: Box::new(record), is_settled: true, seconds: 0.0 }
}

fn open(folder: &Path) -> Journal {
    Journal::open(folder, &PLAN, &BUILD, Use::Run).unwrap()
}

fn n_segments(folder: &Path) -> usize {
    fs::read_dir(folder).unwrap().filter(|e| e.as_ref().unwrap().path().extension().is_some()).count()
}

#[test]
fn a_journal_is_found_again_and_each_process_has_a_segment() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    for i in 0..3 {
        let journal = open(&path);
        assert_eq!(journal.n_known(), i);
        journal.append(&solved(i as u8));
        assert_eq!(journal.failure(), None);
        drop(journal);
        assert_eq!(n_segments(&path), i + 1);
    }
    open(&path).append(&Entry::RunDone);
    assert_eq!(open(&path).n_known(), 3);
}

#[test]
fn two_processes_never_share_a_run_and_do_share_a_cache() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    assert!(matches!(Journal::open(folder.path(), &PLAN, &BUILD, Use::Run), Err(StoreError::Busy { .. })));
    drop(first);
    drop(open(folder.path()));
    let cache = tempfile::tempdir().unwrap();
    let open = || Journal::open(cache.path(), &PLAN, &BUILD, CACHE).unwrap();
    let (a, b) = (open(), open());
    a.append(&solved(1));
    b.append(&solved(2));
    drop((a, b));
    assert_eq!(open().n_known(), 2);
}

#[test]
fn a_folder_that_is_removed_is_nobody_elses_until_it_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("run");
    for i in 0..20 {
        let first = open(&folder);
        first.append(&solved(1));
        let next = std::thread::scope(|scope| {
            let next = scope.spawn(|| {
                loop {
                    match Journal::open(&folder, &PLAN, &BUILD, Use::Run) {
                        Err(StoreError::Busy { .. }) => {}
                        other => return other.unwrap(),
                    }
                }
            });
            first.remove().unwrap();
            next.join().unwrap()
        });
        // Whole and alone: what it writes is found again, and nobody else gets in.
        assert_eq!(next.n_known(), 0, "{i}");
        assert!(matches!(Journal::open(&folder, &PLAN, &BUILD, Use::Run), Err(StoreError::Busy { .. })));
        next.append(&solved(2));
        assert_eq!((next.failure(), n_segments(&folder)), (None, 1));
        next.remove().unwrap();
        assert!(!folder.exists());
    }
}

#[test]
fn another_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let refused = Journal::open(folder.path(), &[2; 32], &BUILD, Use::Run).err().unwrap();
    assert!(matches!(refused, StoreError::Other { .. }));
    assert!(refused.to_string().contains("another input, other settings or another build"), "{refused}");
}

#[test]
fn a_damaged_segment_costs_only_its_tail_and_the_others_nothing() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..3 {
        let journal = open(folder.path());
        journal.append(&solved(2 * i));
        journal.append(&solved(2 * i + 1));
    }
    let path = folder.path().join("00000001.seg");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 3);
    fs::write(&path, &bytes).unwrap();
    let journal = open(folder.path());
    assert_eq!(journal.n_known(), 5);
    assert!(journal.get(&UnitKey([3; 32])).is_none());
    journal.append(&solved(3));
    drop(journal);
    fs::write(folder.path().join("00000000.seg"), b"").unwrap();
    assert_eq!(open(folder.path()).n_known(), 4);
}

#[test]
fn what_cannot_be_a_folder_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "text").unwrap();
    let refused = Journal::open(&file, &PLAN, &BUILD, Use::Run).err().unwrap();
    assert!(matches!(&refused, StoreError::Io { path, .. } if *path == file), "{refused}");
}

#[test]
fn a_cache_keeps_its_newest_segments() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..10 {
        Journal::open(folder.path(), &PLAN, &BUILD, CACHE).unwrap().append(&solved(i));
    }
    let of_one = fs::metadata(folder.path().join("00000000.seg")).unwrap().len();
    let cache = Journal::open(folder.path(), &PLAN, &BUILD, Use::Cache { max_bytes: 3 * of_one + 1 }).unwrap();
    assert_eq!(cache.n_known(), 3);
    assert!(cache.get(&UnitKey([9; 32])).is_some() && cache.get(&UnitKey([6; 32])).is_none());
    assert_eq!(n_segments(folder.path()), 4);
}

#[test]
fn a_long_run_fills_a_cache_piece_by_piece() {
    let folder = tempfile::tempdir().unwrap();
    let max_bytes = 4096;
    let open = || Journal::open(folder.path(), &PLAN, &BUILD, Use::Cache { max_bytes }).unwrap();
    let cache = open();
    (0..250).for_each(|i| cache.append(&solved(i)));
    assert_eq!(cache.failure(), None);
    drop(cache);
    let n_bytes =
        || -> u64 { fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().metadata().unwrap().len()).sum() };
    assert!(n_bytes() > 2 * max_bytes);
    // Of more than fits, the newest stays.
    let cache = open();
    assert!((20..50).contains(&cache.n_known()), "{}", cache.n_known());
    assert!(cache.get(&UnitKey([249; 32])).is_some() && cache.get(&UnitKey([0; 32])).is_none());
    drop(cache);
    assert!(n_bytes() <= max_bytes);
    // Who adds nothing leaves nothing.
    let n = n_segments(folder.path());
    (0..3).for_each(|_| drop(open()));
    assert_eq!(n_segments(folder.path()), n);
}

#[test]
fn a_cache_leaves_out_what_other_versions_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let cache = || Journal::open(folder.path(), &PLAN, &BUILD, CACHE).unwrap();
    cache().append(&solved(1));
    // The segment of another plan is as foreign to a cache as one of another version.
    drop(Journal::open(&folder.path().join("run"), &PLAN, &BUILD, Use::Run).unwrap());
    fs::rename(folder.path().join("run/00000000.seg"), folder.path().join("00000001.seg")).unwrap();
    fs::write(folder.path().join("00000002.seg"), "no segment at all").unwrap();
    fs::write(folder.path().join("notes.txt"), "nobody's business").unwrap();
    assert_eq!(cache().n_known(), 1);
}

/// A supervisor that was killed leaves its lock to a worker that has not begun yet, for a moment.
#[test]
fn a_lock_that_is_let_go_of_soon_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Journal::open(folder.path(), &[1; 32], &BUILD, Use::Run);
    let first = open().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(std::time::Duration::from_millis(20));
            drop(first);
        });
        assert!(open().is_ok());
    });
    let _held = open().unwrap();
    assert!(matches!(open(), Err(StoreError::Busy { .. })));
}
