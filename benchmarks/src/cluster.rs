//! What it costs to divide work over supervisors that share a folder: blocks that nobody works on, so that
//! nothing but claims, records, reading and joining is left.

use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit};
use bqc_cluster::{Care, Reader, Supervisor};
use bqc_linalg::Stream;
use bqc_optimize::BlockSettings;
use bqc_run::{Bench, Solved, Unit, Workshop};
use bqc_store::{Clock, Folder, Ledger, Storage, StoreError};
use bqc_wire::{SolvedRecord, WriterRecord};
use std::f64::consts::TAU;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Shards for each supervisor.
const SHARDS_EACH: usize = 20;
/// Claims, appends and syncs that are measured one by one.
const N_CALLS: usize = 500;
/// Wires and CX of the blocks whose checks are measured.
const CHECKED: [(u8, usize); 3] = [(5, 48), (10, 200), (12, 200)];
/// Checks of each.
const N_CHECKS: usize = 20;
/// What any plan has.
const PLAN: [u8; 32] = [1; 32];

/// One thing that was measured.
pub struct Figure {
    /// What.
    pub what: &'static str,
    /// At most what.
    pub goal: &'static str,
    /// Of the values.
    pub unit: &'static str,
    /// One a repetition.
    pub values: Vec<f64>,
}

/// Measures all of it, in folders of its own below `folder`.
pub fn measure(
    n_supervisors: u32,
    n_blocks: usize,
    repeats: usize,
    folder: Option<&Path>,
) -> Result<Vec<Figure>, Box<dyn std::error::Error>> {
    let units = units(n_blocks);
    let new = |what, goal, unit| Figure { what, goal, unit, values: Vec::with_capacity(repeats) };
    let mut figures = [
        new("all supervisors know all blocks", "< 10", "s"),
        new("blocks done twice", "< 15 %", "%"),
        new("merge", "< 2", "s"),
        new("one supervisor alone", "", "s"),
        new("reading and checking a block", "", "µs"),
        new("checking a block of 5 wires and 48 CX", "", "µs"),
        new("checking a window of 10 wires and 200 CX", "", "µs"),
        new("checking a window of 12 wires and 200 CX", "", "µs"),
        new("a claim", "", "µs"),
        new("a record of 200 bytes", "", "µs"),
        new("a record brought to the disk", "", "µs"),
        new("looking for news in a segment", "", "µs"),
    ];
    for _ in 0..repeats {
        let place = || folder.map_or_else(tempfile::tempdir, tempfile::tempdir_in);
        let run = place()?;
        let (divided, seconds) = timed(|| divide(run.path(), n_supervisors, &units));
        divided?;
        let (n_twice, merge_seconds) = merge(run.path(), &units)?;
        let alone = place()?;
        let (divided, seconds_alone) = timed(|| divide(alone.path(), 1, &units));
        divided?;
        let micro = |seconds: f64| seconds * 1e6;
        let (calls, checks) = (calls(alone.path())?.map(micro), CHECKED.map(|(n, n_cx)| micro(check(n.into(), n_cx))));
        let per_block = merge_seconds / n_blocks as f64 * 1e6;
        let twice = n_twice as f64 / n_blocks as f64 * 100.0;
        let values = [seconds, twice, merge_seconds, seconds_alone, per_block].into_iter().chain(checks).chain(calls);
        figures.iter_mut().zip(values).for_each(|(figure, value)| figure.values.push(value));
    }
    Ok(figures.into())
}

/// Runs `work` and gives the seconds on the clock that it took.
fn timed<R>(work: impl FnOnce() -> R) -> (R, f64) {
    let start = Instant::now();
    let result = work();
    (result, start.elapsed().as_secs_f64())
}

struct Since(Instant);

impl Clock for Since {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// Gives every block back as it is.
struct Idle;

impl Workshop for Idle {
    fn solve(&self, unit: &Unit, _: &AtomicBool) -> Solved {
        Solved { is_final: true, ..unit.stopped() }
    }
}

/// Counts what is done.
struct Counting(AtomicUsize);

impl Bench for Counting {
    fn begun(&self, _: usize) {}

    fn done(&self, _: usize, _: Solved) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Different blocks of one CX.
fn units(n: usize) -> Vec<Unit> {
    let settings = BlockSettings::default();
    let unit = |i: usize| {
        let mut block = BlockCircuit::new(2);
        block.push_u3(BlockQubit(0), [i as f64, 0.0, 0.0]);
        block.push_cx(BlockQubit(0), BlockQubit(1));
        Unit::new(&block, &settings, 0, 0, "cpu")
    };
    (0..n).map(unit).collect()
}

/// One pass by all supervisors, from joining the run until each knows all blocks.
fn divide(folder: &Path, n_supervisors: u32, units: &[Unit]) -> Result<(), StoreError> {
    thread::scope(|scope| {
        let one = |rank| scope.spawn(move || supervise(folder, rank, n_supervisors, units));
        let all: Vec<_> = (0..n_supervisors).map(one).collect();
        all.into_iter().try_for_each(|one| one.join().expect("a supervisor does not panic"))
    })
}

fn supervise(folder: &Path, rank: u32, n_ranks: u32, units: &[Unit]) -> Result<(), StoreError> {
    let (storage, clock) = (Folder::new(folder), Since(Instant::now()));
    let ledger = Ledger::new(&storage, &clock, PLAN);
    let record = WriterRecord { name: format!("bench-{rank}"), rank, ..WriterRecord::default() };
    let care = Care { lease: Care::LEASE, n_ranks };
    let n_shards = SHARDS_EACH * n_ranks as usize;
    let supervisor = Supervisor::join(&ledger, &Idle, record, care, n_shards, &|line| eprintln!("{line}"))?;
    let (all, stop, counting) = (units.iter().collect::<Vec<_>>(), AtomicBool::new(false), Counting(0.into()));
    let threads = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let threads = threads.map_err(|e| StoreError::Io { path: "threads".into(), source: io::Error::other(e) })?;
    supervisor.attend(|| {
        threads.install(|| supervisor.solve_all(&all, &stop, &counting));
        true
    });
    assert_eq!(counting.0.into_inner(), units.len());
    supervisor.take_failure().map_or(Ok(()), Err)
}

/// How many blocks were done twice, and the seconds that joining takes: reading all, and checking all.
fn merge(folder: &Path, units: &[Unit]) -> Result<(u64, f64), StoreError> {
    let (storage, clock) = (Folder::new(folder), Since(Instant::now()));
    let (all, stop, counting) = (units.iter().collect::<Vec<_>>(), AtomicBool::new(false), Counting(0.into()));
    let (missing, seconds) = timed(|| {
        let ledger = Ledger::new(&storage, &clock, PLAN);
        ledger.load()?;
        let reader = Reader::new(&ledger);
        reader.solve_all(&all, &stop, &counting);
        Ok(reader.missing())
    });
    assert_eq!(missing?, None);
    let n_twice = Ledger::new(&storage, &clock, PLAN).status("clock")?.n_twice;
    Ok((n_twice, seconds))
}

/// Seconds of checking a result for a random block of so many wires and CX, on one thread.
fn check(n_wires: u16, n_cx: usize) -> f64 {
    let mut stream = Stream::new(1, n_wires.into(), 0);
    let mut block = BlockCircuit::new(n_wires);
    let mut wires: Vec<BlockQubit> = (0..n_wires).map(BlockQubit).collect();
    for _ in 0..n_cx {
        stream.shuffle(&mut wires);
        block.push_cx(wires[0], wires[1]);
        wires[..2].iter().for_each(|&wire| block.push_u3(wire, [stream.uniform(), stream.uniform(), stream.uniform()]));
    }
    let unit = Unit::new(&block, &BlockSettings::default(), 0, 0, "cpu");
    // The same unitary by other numbers, so that nothing is known without measuring.
    for gate in &mut block.gates {
        if let BlockGate::One { angles, .. } = gate {
            angles[2] += TAU;
        }
    }
    let result = SolvedRecord { block: (&block).into(), distance: 1e-12, ..unit.stopped().to_record() };
    let (checked, seconds) = timed(|| (0..N_CHECKS).all(|_| unit.check(&result, true).is_ok()));
    assert!(checked, "the same unitary passes");
    seconds / N_CHECKS as f64
}

/// Seconds of a claim, an append, a sync, and a look at the end of a segment.
fn calls(folder: &Path) -> io::Result<[f64; 4]> {
    let storage = Folder::new(folder);
    storage.make_folder("claims/bench")?;
    let each = |seconds: f64| seconds / N_CALLS as f64;
    let claim = |i: usize| storage.create(&format!("claims/bench/{i}.0"))?.append(b"bench-0\n");
    let (claimed, claims) = timed(|| (0..N_CALLS).try_for_each(claim));
    let file = storage.create("segments/calls")?;
    let (appended, appends) = timed(|| (0..N_CALLS).try_for_each(|_| file.append(&[0; 200])));
    let (synced, syncs) = timed(|| (0..N_CALLS).try_for_each(|_| file.append(&[0; 200]).and_then(|()| file.sync())));
    let end = (2 * N_CALLS * 200) as u64;
    let look = || storage.read_from("segments/calls", end, 1 << 20).map(drop);
    let (looked, looks) = timed(|| (0..N_CALLS).try_for_each(|_| look()));
    claimed.and(appended).and(synced).and(looked)?;
    Ok([each(claims), each(appends), each(syncs), each(looks)])
}
