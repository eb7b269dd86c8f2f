//! A workshop with folders: what they know is not done again, and never believed unmeasured.

use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_instantiate::CpuEngine;
use bqc_optimize::{BlockSettings, Flow};
use bqc_pool::Kept;
use bqc_run::{InProcess, Solved, Trail, Unit, Workshop};
use bqc_store::{Journal, Use};
use bqc_wire::unit::GateForm;
use bqc_wire::{BlockForm, Build, CheckpointRecord, Entry, KnownTotals, Outcome, Replay, SolvedRecord};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const BUILD: Build = Build::new("test");
const PLAN: [u8; 32] = [1; 32];
const CACHE: Use = Use::Cache { max_bytes: 1 << 20 };

fn open(folder: &Path) -> Journal {
    Journal::open(folder, &PLAN, &BUILD, Use::Run).unwrap()
}

struct Counting<'a>(InProcess<'a>, AtomicUsize);

impl Workshop for Counting<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.solve(unit, stop)
    }
}

fn unit() -> Unit {
    let mut block = BlockCircuit::new(3);
    for i in 0..12u8 {
        block.push_cx(BlockQubit((i % 3).into()), BlockQubit(((i + 1) % 3).into()));
        block.push_u3(BlockQubit((i % 3).into()), [0.0, 0.0, 0.7]);
    }
    Unit::new(&block, &BlockSettings::default(), 0, 0, "cpu")
}

#[test]
fn what_is_kept_is_not_done_again_and_a_wrong_entry_is() {
    let (run, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let engine = CpuEngine::new();
    let go = AtomicBool::new(false);
    let mut expected: Option<Solved> = None;
    let mut round = |n_done: usize, taken: u64, refused: u64| {
        let (journal, cached) =
            (open(run.path()), Journal::open(cache.path(), &PLAN, &BUILD, Use::Cache { max_bytes: 1 << 20 }).unwrap());
        let counting = Counting(InProcess(&engine), AtomicUsize::new(0));
        let kept = Kept::new(&counting, Some(&journal), Some(&cached));
        let solved = kept.solve(&unit(), &go);
        let counts = (counting.1.load(Ordering::Relaxed), kept.totals());
        assert_eq!(counts, (n_done, KnownTotals { taken, refused }));
        assert!(solved.is_final);
        assert_eq!(solved.verified, expected.get_or_insert(solved.clone()).verified);
    };
    round(1, 0, 0);
    round(0, 1, 0);
    // Only the cache has it, and then the journal as well.
    fs::read_dir(run.path()).unwrap().for_each(|e| fs::remove_file(e.unwrap().path()).unwrap());
    round(0, 1, 0);
    round(0, 1, 0);
    // Both say something else, under the right name and with a right checksum.
    let wrong = SolvedRecord {
        block: BlockForm { width: 3, gates: vec![GateForm::Cx(0, 1)] },
        distance: 0.0,
        instantiations: 1,
        outcome: Outcome::Improved,
        reason: "improved".into(),
    };
    let wrong = Entry::Solved { key: unit().key(), result: Box::new(wrong), is_settled: true, seconds: 0.0 };
    open(run.path()).append(&wrong);
    Journal::open(cache.path(), &PLAN, &BUILD, CACHE).unwrap().append(&wrong);
    round(1, 0, 2);
    round(0, 1, 0);
}

/// A unit of some rounds, and its states.
fn long_unit() -> (Unit, Solved, Vec<CheckpointRecord>) {
    let settings = BlockSettings { flow: Flow::Search { n_rounds: 3 }, ..BlockSettings::default() };
    let unit = Unit::new(unit().block(), &settings, 0, 0, "cpu");
    let mut states = Vec::new();
    let trail = Trail { from: None, note: &mut |state| states.push(state) };
    let solved = unit.solve_along(&CpuEngine::new(), trail, &AtomicBool::new(false));
    (unit, solved, states)
}

/// Notes how many rounds were left to do.
struct Rounds<'a>(InProcess<'a>, AtomicUsize);

impl Workshop for Rounds<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.solve_along(unit, Trail { from: None, note: &mut |_| {} }, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let count = &mut |state| {
            self.1.fetch_add(1, Ordering::Relaxed);
            (trail.note)(state);
        };
        self.0.solve_along(unit, Trail { from: trail.from, note: count }, stop)
    }
}

#[test]
fn a_unit_goes_on_from_where_the_journal_says_that_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let (unit, expected, states) = long_unit();
    let journal = open(folder.path());
    journal.note(unit.key(), states[0].clone());
    journal.note(unit.key(), states[1].clone());
    drop(journal);
    // It survives any number of runs, and does not pile up.
    for _ in 0..3 {
        let journal = open(folder.path());
        assert_eq!((journal.n_known(), journal.n_under_way()), (0, 1));
        assert_eq!(journal.checkpoint(&unit.key()).as_ref(), Some(&states[1]));
    }
    let n_with_checkpoints = fs::read_dir(folder.path()).unwrap().filter(|e| {
        let bytes = fs::read(e.as_ref().unwrap().path()).unwrap();
        Replay::new(&bytes, &PLAN).is_ok_and(|mut replay| replay.any(|e| matches!(e, Entry::Checkpoint(..))))
    });
    assert_eq!(n_with_checkpoints.count(), 1);
    let engine = CpuEngine::new();
    let journal = open(folder.path());
    let rounds = Rounds(InProcess(&engine), AtomicUsize::new(0));
    let solved = Kept::new(&rounds, Some(&journal), None).solve(&unit, &AtomicBool::new(false));
    assert_eq!((rounds.1.into_inner(), solved.to_record()), (1, expected.to_record()));
    assert_eq!(journal.n_under_way(), 0);
    drop(journal);
    let journal = open(folder.path());
    assert_eq!((journal.n_known(), journal.n_under_way()), (1, 0));
}

#[test]
fn checkpoints_are_there_before_their_process_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (unit, _, states) = long_unit();
    let journal = open(folder.path());
    journal.note(unit.key(), states[0].clone());
    let has = |state: &CheckpointRecord| {
        let segments = fs::read_dir(folder.path()).unwrap().map(|e| fs::read(e.unwrap().path()).unwrap());
        let mut entries = segments.flat_map(|bytes| Replay::new(&bytes, &PLAN).unwrap().collect::<Vec<_>>());
        entries.any(|entry| entry == Entry::Checkpoint(unit.key(), Box::new(state.clone())))
    };
    let start = std::time::Instant::now();
    for state in &states {
        journal.note(unit.key(), state.clone());
        while !has(state) {
            assert!(start.elapsed().as_secs() < 120, "it is not written");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[test]
fn what_was_cut_short_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let engine = CpuEngine::new();
    let journal = open(folder.path());
    Kept::new(&InProcess(&engine), Some(&journal), None).solve(&unit(), &AtomicBool::new(true));
    drop(journal);
    assert_eq!(open(folder.path()).n_known(), 0);
}
