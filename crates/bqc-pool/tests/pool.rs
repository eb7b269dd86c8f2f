//! The supervisor with processes that are no workers: each is given up for its own reason. The block stays
//! as it is if one of them had it, and is rebuilt here if none did.
#![cfg(unix)]

use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_instantiate::{CpuEngine, Engine};
use bqc_optimize::{BlockSettings, Flow};
use bqc_pool::{Patience, Pool, Program};
use bqc_run::{Solved, Trail, Unit, Workshop};
use bqc_wire::{Build, FrameDecoder, FromWorker, Hello, Outcome, ToWorker, WorkerTotals, encode_frame};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const BUILD: Build = Build::new("test");

fn unit(engine: &dyn Engine) -> Unit {
    let mut block = BlockCircuit::new(3);
    for i in 0..12u8 {
        block.push_cx(BlockQubit((i % 3).into()), BlockQubit(((i + 1) % 3).into()));
        block.push_u3(BlockQubit((i % 3).into()), [0.0, 0.0, 0.7]);
    }
    Unit::new(&block, &BlockSettings::default(), 0, 0, engine.name())
}

/// Has the unit done by `program`, which hears nothing for two seconds at most, and gives what came out, what was said and what was counted.
fn solve(path: &str, arguments: &[&str], stop: &AtomicBool) -> (Solved, Vec<String>, WorkerTotals) {
    let engine = CpuEngine::new();
    let arguments = arguments.iter().map(Into::into).collect();
    // Long enough for a shell on a busy machine.
    let [grace, silence, minute] = [100, 2000, 60_000].map(Duration::from_millis);
    let patience = Patience { hello: silence, silence, unit: minute, per_work: Duration::ZERO, grace };
    let said = Mutex::new(Vec::new());
    let warn = |line: &str| said.lock().unwrap().push(line.to_string());
    let pool = Pool::new(Program { path: path.into(), arguments, build: BUILD }, patience, &engine, &warn).unwrap();
    let solved = pool.solve(&unit(&engine), stop);
    let totals = pool.totals();
    drop(pool);
    (solved, said.into_inner().unwrap(), totals)
}

fn shell(script: &str) -> (Solved, Vec<String>, WorkerTotals) {
    solve("/bin/sh", &["-c", script], &AtomicBool::new(false))
}

/// A script that says hello as a worker would, by giving back what it is told, and then does `then`.
fn greeting(then: &str) -> String {
    let engine = CpuEngine::new();
    let n = encode_frame(&ToWorker::Hello(Hello::new(engine.name(), &BUILD))).unwrap().len();
    format!("dd bs=1 count={n} 2>/dev/null; {then}")
}

#[test]
fn what_cannot_be_started_is_replaced_by_this_process() {
    let (solved, said, totals) = solve("/nonexistent/bqc", &[], &AtomicBool::new(false));
    assert_eq!(totals, WorkerTotals { in_process: 1, ..WorkerTotals::default() });
    assert!(said[0].contains("cannot start a worker") && said[0].contains("/nonexistent/bqc"), "{said:?}");
    let engine = CpuEngine::new();
    let here = unit(&engine).solve(&engine, &AtomicBool::new(false));
    assert!(solved.is_final && solved.outcome == Outcome::Improved);
    assert_eq!(solved.verified, here.verified);
}

#[test]
fn what_does_not_say_hello_is_replaced_by_this_process() {
    for (script, words) in [
        ("exit 7", "the worker ended: exit status: 7"),
        ("echo to whom it may concern >&2; exit 1", "it said: to whom it may concern"),
        ("echo one two three four five six", "nonsense"),
        ("exec sleep 100", "the worker said nothing for 2.0 s"),
        ("while :; do echo no end of complaints; done >&2", "the worker said nothing for 2.0 s"),
    ] {
        let (solved, said, totals) = shell(script);
        assert_eq!((solved.outcome, solved.is_final, totals.in_process), (Outcome::Improved, true, 1), "{script}");
        assert!(said[0].contains(words) && said[0].contains("in this process instead"), "{said:?}");
        assert_eq!((totals.started, totals.lost), (1, 1));
    }
}

#[test]
fn a_program_that_starts_in_vain_is_not_started_for_every_block() {
    let engine = CpuEngine::new();
    let program = Program { path: "/bin/false".into(), arguments: Vec::new(), build: BUILD };
    let pool = Pool::new(program, Patience::default(), &engine, &|_| {}).unwrap();
    for _ in 0..10 {
        assert_eq!(pool.solve(&unit(&engine), &AtomicBool::new(false)).outcome, Outcome::Improved);
    }
    assert_eq!(pool.totals(), WorkerTotals { started: 3, lost: 3, in_process: 10, ..WorkerTotals::default() });
}

/// Its first worker dies of the unit, and then there is none any more.
#[test]
fn a_block_that_has_cost_a_worker_is_not_tried_in_this_process() {
    let folder = tempfile::tempdir().unwrap();
    // A name for the shell, so that nobody has the program open to write when it is started.
    let path = folder.path().join("worker");
    std::os::unix::fs::symlink("/bin/sh", &path).unwrap();
    let path = path.to_str().unwrap();
    let script = format!("rm {path}; {}", greeting("kill -ABRT $$"));
    let (solved, _, totals) = solve(path, &["-c", &script], &AtomicBool::new(false));
    assert_eq!((solved.outcome, totals.in_process, totals.started), (Outcome::Failed, 0, 1), "{}", solved.reason);
    assert!(solved.reason.contains("SIGABRT") && solved.reason.contains("cannot start"), "{}", solved.reason);
}

#[test]
fn strangers_are_given_up_and_the_block_stays() {
    for (script, words) in [
        (greeting("exec sleep 100"), "the worker said nothing for"),
        // Everything comes back as it went: a greeting, and then something that no worker says.
        ("exec cat".into(), "a frame holds no message"),
        (greeting("printf 12"), "ended within a frame, after 2 bytes"),
        (greeting("echo this is a text; kill -9 $$"), "longer than the limit"),
        (greeting("while :; do echo no end of complaints; done >&2"), "the worker said nothing for"),
    ] {
        let (solved, said, totals) = shell(&script);
        assert!(solved.reason.contains("3 workers failed: ") && solved.reason.contains(words), "{}", solved.reason);
        assert_eq!((solved.outcome, solved.is_final, totals.lost), (Outcome::Failed, false, 3), "{script}");
        assert_eq!(solved.verified.circuit(), unit(&CpuEngine::new()).block());
        assert_eq!((said.len(), totals.in_process), (3, 0));
    }
}

/// A worker that is asked for what it has and gives the block itself.
#[test]
fn a_result_that_was_cut_short_is_taken_and_told() {
    let unit = unit(&CpuEngine::new());
    let result = Box::new(unit.stopped().to_record());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answer");
    std::fs::write(
        &path,
        encode_frame(&FromWorker::Solved { task: 0, is_whole: false, is_own: true, result }).unwrap(),
    )
    .unwrap();
    let (solved, said, totals) = shell(&greeting(&format!("cat {}; exec sleep 100", path.display())));
    assert_eq!((solved.outcome, solved.is_final), (Outcome::Unchanged, false));
    assert_eq!(totals, WorkerTotals { started: 1, cut_short: 1, ..WorkerTotals::default() });
    assert!(said[0].contains("3 wires and 12 CX took too long and was cut short"), "{said:?}");
}

/// Workers that send a checkpoint and abort, and keep what they were asked.
#[test]
fn the_second_worker_goes_on_where_the_first_was_and_the_third_begins_anew() {
    let engine = CpuEngine::new();
    let settings = BlockSettings { flow: Flow::Search { n_rounds: 3 }, ..BlockSettings::default() };
    let unit = Unit::new(unit(&engine).block(), &settings, 0, 0, engine.name());
    let mut states = Vec::new();
    unit.solve_along(&engine, Trail { from: None, note: &mut |state| states.push(state) }, &AtomicBool::new(false));
    let folder = tempfile::tempdir().unwrap();
    let says = folder.path().join("says");
    let state = Box::new(states[1].clone());
    std::fs::write(&says, encode_frame(&FromWorker::Checkpoint { task: 0, state: state.clone() }).unwrap()).unwrap();
    let script = format!("cat {0}/says; timeout 2 cat >{0}/asked.$$; kill -ABRT $$", folder.path().display());
    let program =
        Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), greeting(&script).into()], build: BUILD };
    let pool = Pool::new(program, Patience::default(), &engine, &|_| {}).unwrap();
    let mut noted = Vec::new();
    let first = Some(states[0].clone());
    let trail = Trail { from: first.clone(), note: &mut |state| noted.push(state) };
    let solved = pool.solve_along(&unit, trail, &AtomicBool::new(false));
    assert!(solved.outcome == Outcome::Failed && solved.reason.contains("SIGABRT"), "{}", solved.reason);
    assert_eq!(noted, vec![states[1].clone(); 3]);
    let entries = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap());
    let mut asked: Vec<_> = entries.filter(|e| e.file_name() != "says").collect();
    asked.sort_by_key(|e| e.metadata().unwrap().modified().unwrap());
    let from = |bytes: Vec<u8>| {
        let mut decoder = FrameDecoder::new();
        decoder.push(&bytes);
        let Some(ToWorker::Solve { from, .. }) = decoder.next_message().unwrap() else { panic!("nothing was asked") };
        from
    };
    let found: Vec<_> = asked.iter().map(|e| from(std::fs::read(e.path()).unwrap())).collect();
    assert_eq!(found, [first.map(Box::new), Some(state), None]);
}

#[test]
fn what_is_killed_from_outside_is_tried_for_longer() {
    let engine = CpuEngine::new();
    let killed_after = |script: &str, unit_may_take: Duration| {
        let program =
            Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), greeting(script).into()], build: BUILD };
        let patience = Patience { unit: unit_may_take, per_work: Duration::ZERO, ..Patience::default() };
        let pool = Pool::new(program, patience, &engine, &|_| {}).unwrap();
        let solved = pool.solve(&unit(&engine), &AtomicBool::new(false));
        assert!(solved.reason.contains("signal: 9"), "{}", solved.reason);
        pool.totals().started
    };
    // By number, and by the time that is lost.
    assert_eq!(killed_after("kill -9 $$", Duration::from_secs(3600)), 203);
    let n = killed_after("sleep 0.1; kill -9 $$", Duration::from_millis(250));
    assert!((3..=5).contains(&n), "{n}");
}

#[test]
fn a_stop_ends_the_waiting_and_is_no_failure() {
    // One that has not said hello yet, and has long to do so, and one that has.
    for script in ["exec sleep 100".into(), greeting("exec sleep 100")] {
        let (stop, engine) = (AtomicBool::new(false), CpuEngine::new());
        let patience = Patience { grace: Duration::from_millis(100), ..Patience::default() };
        let program = Program { path: "/bin/sh".into(), arguments: vec!["-c".into(), script.into()], build: BUILD };
        let pool = Pool::new(program, patience, &engine, &|_| {}).unwrap();
        let solved = std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(30));
                stop.store(true, Ordering::Relaxed);
            });
            pool.solve(&unit(&engine), &stop)
        });
        assert_eq!((solved.outcome, solved.is_final), (Outcome::Unchanged, false));
        assert!(solved.reason.contains("stopped"), "{}", solved.reason);
    }
}
