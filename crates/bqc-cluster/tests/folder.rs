//! Supervisors on one folder, in any weather: all come to the circuit that one process alone comes to.

mod common;

use bqc_circuit::{BlockCircuit, Circuit};
use bqc_cluster::{Care, Missing, Reader, Supervisor, Survey, Totals};
use bqc_instantiate::{CpuEngine, Engine};
use bqc_optimize::{BlockSettings, Flow};
use bqc_run::{Compiled, InProcess, Settings, Solved, Trail, Unit, Unobserved, Workshop, compile, compile_in};
use bqc_store::{Folder, Ledger, Storage, StoreError};
use bqc_wire::segment::{Replay, encode_head, encode_record};
use bqc_wire::{CheckpointRecord, Entry, Outcome, UnitKey, WriterRecord};
use common::*;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

const PLAN: [u8; 32] = [7; 32];
const N_SHARDS: usize = 20;
/// A lease that no test waits for.
const AN_HOUR_MS: u64 = 3_600_000;
/// How long a test waits for what must come: the end of one that would hang.
const PATIENCE: Duration = Duration::from_secs(120);

/// Does the work, slowly enough that all get some.
struct Slowly<'a> {
    engine: CpuEngine,
    pause: Duration,
    /// Called before each unit.
    before: &'a (dyn Fn(usize) + Sync),
    n: AtomicUsize,
}

impl Workshop for Slowly<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        (self.before)(self.n.fetch_add(1, Ordering::Relaxed));
        thread::sleep(self.pause);
        unit.solve(&self.engine, stop)
    }
}

fn slowly(pause_ms: u64, before: &(dyn Fn(usize) + Sync)) -> Slowly<'_> {
    Slowly { engine: CpuEngine::new(), pause: Duration::from_millis(pause_ms), before, n: AtomicUsize::new(0) }
}

fn record(id: u32) -> WriterRecord {
    WriterRecord { name: format!("host-{id}"), rank: id, ..WriterRecord::default() }
}

fn care(lease_ms: u64, n_ranks: u32) -> Care {
    Care { lease: Duration::from_millis(lease_ms), n_ranks }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "not after {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// One supervisor from beginning to end.
fn work(
    storage: &Client,
    inner: &dyn Workshop,
    record: WriterRecord,
    care: Care,
    settings: &Settings,
) -> (Compiled, Totals, Option<StoreError>) {
    // No two clocks began at the same time.
    let clock = Since(Instant::now(), Duration::from_secs(1000 * u64::from(record.rank)));
    let ledger = Ledger::new(storage, &clock, PLAN);
    let join = || Supervisor::join(&ledger, inner, record.clone(), care, N_SHARDS, &|_| {});
    let supervisor = (0..100).find_map(|_| join().ok()).unwrap();
    let (engine, stop, mut result) = (CpuEngine::new(), AtomicBool::new(false), None);
    supervisor.attend(|| {
        loop {
            let compiled =
                compile_in(&supervisor, &circuit(6, 6), settings, engine.family(), &stop, &Unobserved).unwrap();
            if compiled.was_stopped || !supervisor.has_changed_its_mind() {
                return !result.insert(compiled).was_stopped;
            }
        }
    });
    (result.unwrap(), supervisor.totals(), supervisor.take_failure())
}

/// What one process alone makes of it.
fn alone(settings: &Settings) -> Circuit {
    compile(&circuit(6, 6), settings, &CpuEngine::new(), &AtomicBool::new(false), &Unobserved)
        .unwrap()
        .circuit()
        .clone()
}

/// The run joined by a client for whom everything works.
fn joined(server: &Arc<Server>, settings: &Settings) -> (Compiled, Option<Missing>) {
    let (client, clock) = (Client::new(server, 99, Weather::default()), Since(Instant::now(), Duration::ZERO));
    let ledger = Ledger::new(&client, &clock, PLAN);
    ledger.load().unwrap();
    let reader = Reader::new(&ledger);
    let (engine, stop) = (CpuEngine::new(), AtomicBool::new(false));
    let compiled = compile_in(&reader, &circuit(6, 6), settings, engine.family(), &stop, &Unobserved).unwrap();
    (compiled, reader.missing())
}

fn n_twice(server: &Arc<Server>) -> u64 {
    let (client, clock) = (Client::new(server, 98, Weather::default()), Since(Instant::now(), Duration::ZERO));
    Ledger::new(&client, &clock, PLAN).status("clock").unwrap().n_twice
}

#[test]
fn supervisors_divide_the_work_and_agree_with_one_alone() {
    let (server, settings) = (Arc::new(Server::default()), settings(2));
    let begun: [AtomicBool; 4] = Default::default();
    let results: Vec<(Compiled, Totals, _)> = thread::scope(|scope| {
        let one = |id: u32| {
            let client = Client::new(&server, id.into(), Weather::default());
            let (settings, begun) = (&settings, &begun);
            // Whoever comes first waits for all others, so that each does some.
            let before = move |_| {
                begun[id as usize].store(true, Ordering::Relaxed);
                wait_until("all have begun", || begun.iter().all(|b| b.load(Ordering::Relaxed)));
            };
            scope.spawn(move || work(&client, &slowly(1, &before), record(id), care(AN_HOUR_MS, 4), settings))
        };
        (0..4).map(one).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let expected = alone(&settings);
    for (compiled, totals, failure) in &results {
        assert!(failure.is_none() && !compiled.was_stopped);
        assert_eq!(compiled.circuit().clone(), expected);
        assert!(totals.done >= 1 && totals.taken >= 3 && totals.refused == 0, "{totals:?}");
    }
    let (compiled, missing) = joined(&server, &settings);
    assert_eq!((compiled.circuit().clone(), missing), (expected, None));
    assert_eq!(n_twice(&server), 0);
}

#[test]
fn no_weather_changes_the_circuit() {
    let settings = settings(2);
    let expected = alone(&settings);
    let all = Weather {
        delay: Duration::from_millis(40),
        failing: 0.05,
        torn: 0.05,
        repeated: 0.1,
        holes: 0.1,
        skew_seconds: 0.0,
        no_claims: false,
        is_read_only: false,
    };
    let calm = Weather::default();
    let weathers = [
        Weather { delay: Duration::from_millis(80), ..calm },
        Weather { failing: 0.1, torn: 0.1, ..calm },
        Weather { repeated: 0.3, ..calm },
        Weather { holes: 0.3, delay: Duration::from_millis(20), ..calm },
        all,
    ];
    for (nth, weather) in weathers.into_iter().enumerate() {
        let server = Arc::new(Server::default());
        let results: Vec<(Compiled, Totals, _)> = thread::scope(|scope| {
            let one = |id: u32| {
                let skew_seconds = [3600.0, -3600.0, 0.0][id as usize];
                let client = Client::new(&server, id.into(), Weather { skew_seconds, ..weather });
                let settings = &settings;
                scope.spawn(move || work(&client, &slowly(1, &|_| {}), record(id), care(400, 3), settings))
            };
            (0..3).map(one).collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let n_complete = results.iter().filter(|(compiled, _, failure)| {
            // One whose folder fails six times in a row gives up, be it over its last word; the others go on.
            let is_complete = failure.is_none();
            assert!(!compiled.was_stopped || !is_complete);
            assert!(!is_complete || compiled.circuit().clone() == expected, "weather {nth}");
            is_complete
        });
        assert!(n_complete.count() > 0, "weather {nth}: {:?}", results.iter().map(|r| &r.2).collect::<Vec<_>>());
        let (compiled, missing) = joined(&server, &settings);
        assert_eq!((&compiled.circuit().clone(), missing), (&expected, None), "weather {nth}");
    }
}

#[test]
fn the_work_of_one_that_is_cut_off_is_done_by_the_others() {
    let (server, settings) = (Arc::new(Server::default()), settings(1));
    let dead = Client::new(&server, 0, Weather::default());
    let is_cut = AtomicBool::new(false);
    let cut = |n: usize| {
        if n == 1 {
            dead.cut_off();
            is_cut.store(true, Ordering::Relaxed);
        }
    };
    let (others, dead_result) = thread::scope(|scope| {
        let (settings, server) = (&settings, &server);
        let dying = scope.spawn(|| work(&dead, &slowly(1, &cut), record(0), care(300, 3), settings));
        // Alone it would be through with all before.
        wait_until("it is cut off", || is_cut.load(Ordering::Relaxed));
        let one = |id: u32| {
            let client = Client::new(server, id.into(), Weather::default());
            scope.spawn(move || work(&client, &slowly(1, &|_| {}), record(id), care(300, 3), settings))
        };
        let others: Vec<_> = (1..3).map(one).collect::<Vec<_>>().into_iter().map(|t| t.join().unwrap()).collect();
        (others, dying.join().unwrap())
    });
    assert!(dead_result.0.was_stopped && dead_result.2.is_some());
    let expected = alone(&settings);
    assert!(others.iter().all(|(compiled, _, failure)| failure.is_none() && compiled.circuit().clone() == expected));
    assert!(others.iter().map(|(_, totals, _)| totals.taken_over).sum::<u64>() > 0);
}

#[test]
fn one_that_stops_is_gone_on_with_and_what_is_there_can_be_joined() {
    let (server, settings) = (Arc::new(Server::default()), settings(2));
    let client = Client::new(&server, 0, Weather::default());
    let (ended, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let before = |n: usize| {
        ended.store(n, Ordering::Relaxed);
        if n == 10 {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let clock = Since(Instant::now(), Duration::ZERO);
    let ledger = Ledger::new(&client, &clock, PLAN);
    let inner = slowly(0, &before);
    let supervisor = Supervisor::join(&ledger, &inner, record(0), care(60_000, 1), N_SHARDS, &|_| {}).unwrap();
    let engine = CpuEngine::new();
    let is_complete = supervisor.attend(|| {
        !compile_in(&supervisor, &circuit(6, 6), &settings, engine.family(), &stop, &Unobserved).unwrap().was_stopped
    });
    assert!(!is_complete && ended.load(Ordering::Relaxed) == 10);

    let (partial, missing) = joined(&server, &settings);
    let missing = missing.unwrap();
    assert_eq!((missing.pass, missing.n_units - missing.n_missing), (0, 10), "{missing:?}");
    assert!(partial.was_stopped && partial.difference.is_none());
    assert!(partial.comparison.unwrap().distance < 1e-10);

    // It has ended in order, so nobody waits for its lease.
    let (done, is_done) = channel();
    let (others_server, others_settings) = (server.clone(), settings.clone());
    thread::spawn(move || {
        let other = Client::new(&others_server, 1, Weather::default());
        _ = done.send(work(&other, &slowly(0, &|_| {}), record(1), care(AN_HOUR_MS, 1), &others_settings));
    });
    let (compiled, totals, _) = is_done.recv_timeout(PATIENCE).expect("it waits for the lease");
    assert_eq!((totals.taken, compiled.circuit().clone()), (10, alone(&settings)));
    assert_eq!((joined(&server, &settings).1, n_twice(&server)), (None, 0));
}

/// A pass of one shard, begun by four who are stopped: each claim follows that of one who has ended. The owner of
/// the last is slow, and is helped in spite of their number.
#[test]
fn one_that_is_slow_is_helped_however_many_were_stopped_before() {
    let (server, settings) = (Arc::new(Server::default()), settings(1));
    let supervise = |id: u32, lease_ms: u64, before: &(dyn Fn(&AtomicBool) + Sync)| {
        let (client, clock) =
            (Client::new(&server, id.into(), Weather::default()), Since(Instant::now(), Duration::ZERO));
        let (ledger, stop) = (Ledger::new(&client, &clock, PLAN), AtomicBool::new(false));
        let before = |_| before(&stop);
        let (inner, engine) = (slowly(0, &before), CpuEngine::new());
        let supervisor = Supervisor::join(&ledger, &inner, record(id), care(lease_ms, 1), 1, &|_| {}).unwrap();
        supervisor.attend(|| {
            !compile_in(&supervisor, &circuit(6, 6), &settings, engine.family(), &stop, &Unobserved)
                .unwrap()
                .was_stopped
        });
        let Totals { done, cut_short, taken_over, .. } = supervisor.totals();
        assert!(!stop.load(Ordering::Relaxed) || (done, cut_short) == (0, 1));
        (taken_over, stop.load(Ordering::Relaxed))
    };
    let client = Client::new(&server, 9, Weather::default());
    for id in 0..4 {
        let (n_taken_over, was_stopped) = supervise(id, AN_HOUR_MS, &|stop| stop.store(true, Ordering::Relaxed));
        // None claims once more what it leaves.
        assert_eq!((n_taken_over, was_stopped), (u64::from(id > 0), true));
        assert_eq!(client.claims(), 1 + id as usize);
    }
    let (is_begun, is_done) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let slow = scope.spawn(|| {
            supervise(4, 3000, &|_| {
                is_begun.store(true, Ordering::Relaxed);
                wait_until("another one has done it", || is_done.load(Ordering::Relaxed));
            })
        });
        wait_until("it has begun", || is_begun.load(Ordering::Relaxed));
        assert_eq!(supervise(5, 3000, &|_| {}), (1, false));
        is_done.store(true, Ordering::Relaxed);
        assert_eq!(slow.join().unwrap().0, 1);
    });
}

/// Tells after each round to how many its unit has come.
struct Rounds<'a> {
    engine: CpuEngine,
    after: &'a (dyn Fn(u64) + Sync),
}

impl Workshop for Rounds<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.solve_along(unit, Trail { from: None, note: &mut |_| {} }, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let note = &mut |state: CheckpointRecord| {
            let n_rounds = state.progress();
            (trail.note)(state);
            (self.after)(n_rounds);
        };
        unit.solve_along(&self.engine, Trail { from: trail.from, note }, stop)
    }
}

/// How many rounds the checkpoints in the folder have come to at most.
fn n_rounds_on_disk(server: &Arc<Server>) -> u64 {
    let client = Client::new(server, 97, Weather::default());
    let names = client.list("checkpoints").unwrap();
    let read = |name: &String| client.read_from(&format!("checkpoints/{name}"), 0, usize::MAX).unwrap();
    let entries = names.iter().map(read).flat_map(|bytes| Replay::new(&bytes, &PLAN).unwrap().collect::<Vec<_>>());
    let n_rounds = |entry| if let Entry::Checkpoint(_, state) = entry { Some(state.progress()) } else { None };
    entries.filter_map(n_rounds).max().unwrap_or(0)
}

/// Passes of one unit each. The first supervisor is cut off within a unit, the second is stopped within the same.
#[test]
fn a_unit_that_is_taken_over_goes_on_from_its_last_round() {
    let block = BlockSettings { flow: Flow::Search { n_rounds: 8 }, starts: 1, ..BlockSettings::default() };
    // Passes that gain little have twice as many rounds as those before: two, four, eight.
    let settings = Settings { block_size: 6, max_block_cx: 1000, block, ..settings(6) };
    let server = Arc::new(Server::default());
    let rounds = |after| Rounds { engine: CpuEngine::new(), after };
    let [n_whole, n_first, n_second, n_third] = [(); 4].map(|()| AtomicUsize::new(0));
    let n_of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let longest = AtomicU64::new(0);
    let whole = |n_rounds| {
        n_whole.fetch_add(1, Ordering::Relaxed);
        longest.fetch_max(n_rounds, Ordering::Relaxed);
    };
    let (engine, go) = (CpuEngine::new(), AtomicBool::new(false));
    let expected = compile_in(&rounds(&whole), &circuit(6, 6), &settings, engine.family(), &go, &Unobserved)
        .unwrap()
        .circuit()
        .clone();
    assert!(longest.load(Ordering::Relaxed) > 7, "there is no unit of more than seven rounds");

    let (dead, is_cut) = (Client::new(&server, 0, Weather::default()), AtomicBool::new(false));
    let cut = |n_rounds| {
        if is_cut.load(Ordering::Relaxed) {
            return;
        }
        n_first.fetch_add(1, Ordering::Relaxed);
        if n_rounds == 5 {
            wait_until("it is on the disk", || n_rounds_on_disk(&server) == 5);
            dead.cut_off();
            is_cut.store(true, Ordering::Relaxed);
        }
    };
    let (_, totals, failure) = work(&dead, &rounds(&cut), record(0), care(300, 1), &settings);
    assert!(failure.is_some() && totals.gone_on == 0);

    // The second one goes on from there, and is stopped two rounds later.
    let stopping = Client::new(&server, 1, Weather::default());
    let (clock, stop) = (Since(Instant::now(), Duration::ZERO), AtomicBool::new(false));
    let ledger = Ledger::new(&stopping, &clock, PLAN);
    let stop_at = |n_rounds| {
        n_second.fetch_add(1, Ordering::Relaxed);
        stop.store(n_rounds == 7, Ordering::Relaxed);
    };
    let second = rounds(&stop_at);
    let supervisor = Supervisor::join(&ledger, &second, record(1), care(300, 1), N_SHARDS, &|_| {}).unwrap();
    supervisor.attend(|| {
        !compile_in(&supervisor, &circuit(6, 6), &settings, engine.family(), &stop, &Unobserved).unwrap().was_stopped
    });
    assert_eq!((supervisor.totals().gone_on, supervisor.totals().cut_short), (1, 1));
    drop(supervisor);
    assert_eq!(n_rounds_on_disk(&server), 7);

    let count = |_| _ = n_third.fetch_add(1, Ordering::Relaxed);
    let client = Client::new(&server, 2, Weather::default());
    let (compiled, totals, failure) = work(&client, &rounds(&count), record(2), care(300, 1), &settings);
    assert!(failure.is_none() && !compiled.was_stopped);
    // Not a round is done twice.
    let n_all = n_of(&n_first) + n_of(&n_second) + n_of(&n_third);
    assert_eq!((n_of(&n_second), totals.gone_on, n_all), (2, 1, n_of(&n_whole)));
    assert_eq!((&compiled.circuit().clone(), joined(&server, &settings).1), (&expected, None));
    // All units are done: what was noted of them is gone.
    assert_eq!(n_rounds_on_disk(&server), 0);
}

/// Notes the units of the first pass.
#[derive(Default)]
struct Noting(Mutex<Vec<Unit>>);

impl Workshop for Noting {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.0.lock().unwrap().push(unit.clone());
        stop.store(true, Ordering::Relaxed);
        unit.stopped()
    }
}

fn first_units(settings: &Settings) -> Vec<Unit> {
    let noting = Noting::default();
    let (engine, stop) = (CpuEngine::new(), AtomicBool::new(false));
    compile_in(&noting, &circuit(6, 6), settings, engine.family(), &stop, &Unobserved).unwrap();
    noting.0.into_inner().unwrap()
}

/// A supervisor says that it has found nothing at all for the units, and that this is the same.
fn forge(server: &Arc<Server>, name: &str, units: &[Unit]) {
    let forger = Client::new(server, 5, Weather::default());
    let file = forger.create(&format!("segments/{name}-0")).unwrap();
    file.append(&encode_head(&PLAN)).unwrap();
    let say = |share: &Entry| file.append(&encode_record(share).unwrap()).unwrap();
    say(&Entry::Writer(WriterRecord { name: name.into(), ..WriterRecord::default() }));
    for unit in units {
        let mut solved = unit.stopped().to_record();
        let block = BlockCircuit::new(unit.block().width());
        (solved.block, solved.outcome) = ((&block).into(), Outcome::Improved);
        let key = unit.key();
        say(&Entry::Solved { key, result: Box::new(solved), is_settled: true, seconds: 0.0 });
    }
}

#[test]
fn wrong_results_are_refused_and_done_anew() {
    let (server, settings) = (Arc::new(Server::default()), settings(1));
    let units = first_units(&settings);
    assert!(units.len() > 10);
    forge(&server, "forger", &units);
    let client = Client::new(&server, 0, Weather::default());
    let (compiled, totals, _) = work(&client, &slowly(0, &|_| {}), record(0), care(60_000, 1), &settings);
    let expected = alone(&settings);
    assert_eq!(compiled.circuit().clone(), expected);
    assert_eq!((totals.refused, totals.taken), (units.len() as u64, 0));
    // Whoever joins it finds both, and takes what is right, however often the wrong one is said.
    for name in ["forger", "zealot"] {
        if name == "zealot" {
            forge(&server, name, &units);
        }
        let (compiled, missing) = joined(&server, &settings);
        assert_eq!((compiled.circuit().clone(), missing), (expected.clone(), None), "{name}");
    }
}

/// Fails so often at each unit.
struct Failing {
    n_failures: usize,
    engine: CpuEngine,
    failed: Mutex<HashMap<UnitKey, usize>>,
}

impl Workshop for Failing {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        let mut failed = self.failed.lock().unwrap();
        let n = failed.entry(unit.key()).or_default();
        *n += 1;
        if *n <= self.n_failures { unit.failed("a test says so".into()) } else { unit.solve(&self.engine, stop) }
    }
}

#[test]
fn what_fails_once_is_tried_again_and_what_fails_twice_stays_as_it_was() {
    let settings = settings(1);
    for (n_failures, n_kept) in [(1, 0), (2, first_units(&settings).len())] {
        let server = Arc::new(Server::default());
        let client = Client::new(&server, 0, Weather::default());
        let failing = Failing { n_failures, engine: CpuEngine::new(), failed: Mutex::default() };
        let (compiled, _, _) = work(&client, &failing, record(0), care(60_000, 1), &settings);
        let n_failed = compiled.records.iter().filter(|r| r.outcome == Outcome::Failed).count();
        assert_eq!(n_failed, n_kept, "{n_failures} failures");
        assert!(!compiled.was_stopped && compiled.difference.is_none());
        let (again, missing) = joined(&server, &settings);
        assert_eq!((again.circuit().clone() == compiled.circuit().clone(), missing), (true, None));
    }
}

/// What is refused is refused again: it is no reason to go through the run once more.
#[test]
fn a_run_of_wrong_results_and_failures_comes_to_its_end() {
    let (server, settings) = (Arc::new(Server::default()), settings(1));
    let units = first_units(&settings);
    forge(&server, "forger", &units);
    let (done, is_done) = channel();
    thread::spawn(move || {
        let client = Client::new(&server, 0, Weather::default());
        let failing = Failing { n_failures: 2, engine: CpuEngine::new(), failed: Mutex::default() };
        let (compiled, totals, _) = work(&client, &failing, record(0), care(60_000, 1), &settings);
        _ = done.send((compiled.was_stopped, totals.done, joined(&server, &settings).1));
    });
    let end = is_done.recv_timeout(PATIENCE).expect("it goes on for ever");
    assert_eq!(end, (false, 2 * units.len() as u64, None));
}

/// Where nothing can be claimed any more nobody waits for ever.
#[test]
fn who_can_claim_nothing_ends_with_the_reason() {
    let server = Arc::new(Server::default());
    let (done, is_done) = channel();
    thread::spawn(move || {
        let client = Client::new(&server, 0, Weather { no_claims: true, ..Weather::default() });
        let (compiled, totals, failure) = work(&client, &slowly(0, &|_| {}), record(0), care(300, 1), &settings(1));
        _ = done.send((compiled.was_stopped, totals.done, failure.map(|e| e.to_string())));
    });
    let (was_stopped, n_done, failure) = is_done.recv_timeout(PATIENCE).expect("it waits for ever");
    assert!(was_stopped && n_done == 0 && failure.as_ref().is_some_and(|e| e.contains("`claims`")), "{failure:?}");
}

#[test]
fn what_cannot_be_read_for_a_moment_is_read() {
    let server = Arc::new(Server::default());
    for name in ["a", "b", "c"] {
        forge(&server, name, &[]);
    }
    let client = Client::new(&server, 1, Weather { failing: 0.1, ..Weather::default() });
    for _ in 0..10 {
        let clock = Since(Instant::now(), Duration::ZERO);
        let ledger = Ledger::new(&client, &clock, PLAN);
        ledger.load().unwrap();
    }
}

#[test]
fn a_folder_of_another_run_is_refused() {
    let server = Arc::new(Server::default());
    let client = Client::new(&server, 0, Weather::default());
    client.create("segments/other-0").unwrap().append(&encode_head(&[8; 32])).unwrap();
    let clock = Since(Instant::now(), Duration::ZERO);
    let ledger = Ledger::new(&client, &clock, PLAN);
    let inner = InProcess(&CpuEngine::new());
    let refused = Supervisor::join(&ledger, &inner, record(0), care(1000, 1), N_SHARDS, &|_| {}).err().unwrap();
    assert!(refused.to_string().contains("belongs to another run"), "{refused}");
}

/// File systems leave what they cannot delete yet, and people what they like.
#[test]
fn what_is_no_segment_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let storage = Folder::new(folder.path());
    let segments = folder.path().join("segments");
    for name in ["folder-0", "folder"] {
        std::fs::create_dir_all(segments.join(name)).unwrap();
    }
    for name in [".nfs000-1", "note", "host-1-a.bak", "host-1-x", "-"] {
        std::fs::write(segments.join(name), encode_head(&[8; 32])).unwrap();
    }
    let clock = Since(Instant::now(), Duration::ZERO);
    Ledger::new(&storage, &clock, PLAN).load().unwrap();
    // What looks like one has to be one.
    std::fs::write(segments.join("host-1-0"), encode_head(&[8; 32])).unwrap();
    assert!(Ledger::new(&storage, &clock, PLAN).load().is_err());
}

#[test]
fn nobody_is_called_running_where_the_folder_does_not_tell() {
    let server = Arc::new(Server::default());
    forge(&server, "host-1", &[]);
    let status = |weather| {
        let client = Client::new(&server, 0, weather);
        let clock = Since(Instant::now(), Duration::ZERO);
        Ledger::new(&client, &clock, PLAN).status("clock").unwrap()
    };
    let (lease, read_only) = (Duration::from_millis(AN_HOUR_MS), Weather { is_read_only: true, ..Weather::default() });
    assert_eq!(status(Weather::default()).writers[0].is_running(lease), Some(true));
    assert_eq!(status(read_only).writers[0].is_running(lease), None);
    assert_eq!(status(read_only).rate(lease), 0.0);
}

#[test]
fn a_survey_sees_the_first_pass() {
    let (survey, settings) = (Survey::new(7), settings(3));
    let (engine, stop) = (CpuEngine::new(), AtomicBool::new(false));
    compile_in(&survey, &circuit(6, 6), &settings, engine.family(), &stop, &Unobserved).unwrap();
    let (pass, units) = (survey.first_pass(), first_units(&settings));
    assert_eq!((pass.units, pass.shards), (units.len() as u64, 7));
    assert_eq!(pass.most_cx, 6);
}
