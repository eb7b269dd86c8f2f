//! Runs that are stopped, taken up again, and stopped earlier than before.

use super::*;
use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, GateCall, GateId, Qubit, Stats};
use bqc_instantiate::{CpuEngine, Engine};
use bqc_optimize::{BlockSettings, Flow};
use bqc_run::{Compiled, InProcess, Settings, Unobserved, compile_in};
use bqc_store::Use;
use bqc_wire::Build;
use std::path::Path;

const BUILD: Build = Build::new("test");

/// Stops the run when so many rounds are done, within whichever unit that is.
struct StopsAfter<'a> {
    engine: InProcess<'a>,
    n_left: AtomicUsize,
    stop: &'a AtomicBool,
}

impl Workshop for StopsAfter<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.solve_along(unit, Trail { from: None, note: &mut |_| {} }, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let note = &mut |state| {
            (trail.note)(state);
            if self.n_left.fetch_sub(1, Ordering::Relaxed) <= 1 {
                self.stop.store(true, Ordering::Relaxed);
            }
        };
        self.engine.solve_along(unit, Trail { from: trail.from, note }, stop)
    }
}

/// Pairs of Toffoli gates that nearly undo each other.
fn circuit() -> Circuit {
    let mut circuit = Circuit::with_qubits(6);
    let mut push = |name, angles: &[f64], wires: &[u32]| {
        let wires: Vec<Qubit> = wires.iter().map(|wire| Qubit(wire % 6)).collect();
        circuit.push(GateCall::new(GateId::from_name(name).unwrap(), angles, &wires));
    };
    for i in 0..8 {
        push("ccx", &[], &[i, i + 1, i + 2]);
        push("rz", &[0.3], &[i]);
        push("ccx", &[], &[i, i + 1, i + 2]);
        push("h", &[], &[i + 1]);
    }
    circuit
}

/// What a run makes of it that goes on with a journal, and whether it was stopped behind what that knows.
fn run(folder: &Path, n_rounds: usize, max_replay: Duration) -> (Compiled, bool) {
    let block = BlockSettings { flow: Flow::Search { n_rounds: 4 }, ..BlockSettings::default() };
    let settings = Settings {
        gates: Default::default(),
        block_size: 4,
        max_block_cx: 12,
        max_passes: 3,
        patience: 3,
        min_gain: 0.0,
        permutes_output: false,
        epsilon_total: 0.0,
        n_threads: 1,
        block,
        max_check_updates: 1e9,
        is_recorded: false,
        exact_passes: 0,
        restarts: 0,
        has_block_records: true,
    };
    let engine = CpuEngine::new();
    let stop = AtomicBool::new(n_rounds == 0);
    let inner = StopsAfter { engine: InProcess(&engine), n_left: n_rounds.into(), stop: &stop };
    let journal = Journal::open(folder, &[1; 32], &BUILD, Use::Run).unwrap();
    let mut kept = Kept::new(&inner, Some(&journal), None);
    kept.max_replay = max_replay;
    let compiled = compile_in(&kept, &circuit(), &settings, engine.family(), &stop, &Unobserved).unwrap();
    (compiled, kept.is_behind())
}

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_run_that_is_taken_up_and_stopped_at_once_has_what_it_had_before() {
    let n_cx = |circuit: &Circuit| Stats::of(circuit).n_two_qubit;
    let n_before = n_cx(&circuit());
    let mut shortest = n_before;
    for n_rounds in [1, 3, 5, 7] {
        let folder = tempfile::tempdir().unwrap();
        let (first, _) = run(folder.path(), n_rounds, LONG);
        assert!(first.was_stopped, "{n_rounds}");
        shortest = shortest.min(n_cx(first.circuit()));
        for again in 0..3 {
            let (next, is_behind) = run(folder.path(), 0, LONG);
            assert_eq!(
                (next.circuit(), next.was_stopped, is_behind),
                (first.circuit(), true, false),
                "{n_rounds} {again}"
            );
        }
        // What was cut short is done all the same.
        let (whole, _) = run(folder.path(), usize::MAX, LONG);
        let (expected, _) = run(tempfile::tempdir().unwrap().path(), usize::MAX, LONG);
        assert_eq!((whole.circuit(), whole.was_stopped), (expected.circuit(), false));
        // A run that is known to its end is over, not stopped.
        let (replayed, is_behind) = run(folder.path(), 0, LONG);
        assert_eq!((replayed.circuit(), replayed.was_stopped, is_behind), (expected.circuit(), false, false));
    }
    assert!(shortest < n_before, "there was something to lose");
}

#[test]
fn who_is_not_given_the_time_for_what_is_known_says_so() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!run(folder.path(), 7, LONG).1);
    let (stopped, is_behind) = run(folder.path(), 0, Duration::ZERO);
    assert!(stopped.was_stopped && is_behind);
    assert_eq!(stopped.circuit(), run(tempfile::tempdir().unwrap().path(), 0, Duration::ZERO).0.circuit());
}

#[test]
fn of_a_run_that_was_killed_the_checkpoints_count() {
    let folder = tempfile::tempdir().unwrap();
    let (engine, go, stop) = (CpuEngine::new(), AtomicBool::new(false), AtomicBool::new(true));
    let mut block = BlockCircuit::new(3);
    for i in 0..12u8 {
        block.push_cx(BlockQubit((i % 3).into()), BlockQubit(((i + 1) % 3).into()));
        block.push_u3(BlockQubit((i % 3).into()), [0.0, 0.0, 0.7]);
    }
    let settings = BlockSettings { flow: Flow::Search { n_rounds: 3 }, ..BlockSettings::default() };
    let unit = Unit::new(&block, &settings, 0, 0, "cpu");
    let mut states = Vec::new();
    unit.solve_along(&engine, Trail { from: None, note: &mut |state| states.push(state) }, &go);
    let left = unit.left_at(&states[1]).unwrap();
    assert!(left.verified.circuit().n_cx() < block.n_cx() && !left.is_final);
    {
        let journal = Journal::open(folder.path(), &[1; 32], &BUILD, Use::Run).unwrap();
        journal.note(unit.key(), states[1].clone());
    }
    // A workshop that begins nothing when the run is to stop.
    struct Closed;
    impl Workshop for Closed {
        fn solve(&self, unit: &Unit, _: &AtomicBool) -> Solved {
            unit.stopped()
        }
    }
    for _ in 0..2 {
        let journal = Journal::open(folder.path(), &[1; 32], &BUILD, Use::Run).unwrap();
        let solved = Kept::new(&Closed, Some(&journal), None).solve(&unit, &stop);
        assert_eq!(solved.verified.circuit(), left.verified.circuit());
    }
}
