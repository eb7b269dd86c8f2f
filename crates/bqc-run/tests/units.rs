//! Units of work: the same result from the unit's bytes, nothing taken from outside unmeasured, and equal
//! blocks done once.

use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Qubit};
use bqc_instantiate::{CpuEngine, Engine, EngineError, MakeCandidate, Outcome, Problem, RefineProblem, Refined};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Flow, Objective};
use bqc_run::{
    InProcess, Refused, Settings, Solved, Trail, Unit, UnitError, Unobserved, Workshop, compile, compile_in,
};
use bqc_wire::unit::GateForm;
use bqc_wire::{CheckpointRecord, UnitRecord};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn block(width: u16, n_cx: usize, seed: u64) -> BlockCircuit {
    let mut stream = Stream::new(seed, width.into(), 0);
    let mut block = BlockCircuit::new(width);
    let mut wires: Vec<BlockQubit> = (0..width).map(BlockQubit).collect();
    for _ in 0..n_cx {
        stream.shuffle(&mut wires);
        block.push_cx(wires[0], wires[1]);
        block.push_u3(wires[1], [0.0, 0.0, std::f64::consts::FRAC_PI_4]);
    }
    block
}

fn solved(flow: Flow, width: u16, n_cx: usize) -> (Unit, Solved) {
    let settings = BlockSettings { flow, ..BlockSettings::default() };
    let engine = CpuEngine::new();
    let unit = Unit::new(&block(width, n_cx, 3), &settings, 1, 2, "cpu");
    let solved = unit.solve(&engine, &AtomicBool::new(false));
    (unit, solved)
}

#[test]
fn a_unit_from_bytes_has_the_same_result_and_it_passes_the_check() {
    for (flow, width, n_cx) in
        [(Flow::Delete, 3, 20), (Flow::Search { n_rounds: 1 }, 4, 30), (Flow::Search { n_rounds: 1 }, 9, 40)]
    {
        let (unit, solved) = solved(flow, width, n_cx);
        assert!(solved.is_final && solved.verified.circuit() != unit.block(), "{flow:?}: {}", solved.reason);
        let again = Unit::from_record(unit.to_record()).unwrap();
        assert_eq!((again.key(), again.block()), (unit.key(), unit.block()));
        let twin = again.solve(&CpuEngine::new(), &AtomicBool::new(false));
        assert_eq!(twin.verified, solved.verified);
        let checked = unit.check(&solved.to_record(), true).unwrap();
        assert!(checked.is_final);
        assert_eq!(checked.verified, solved.verified, "the distance is the same to the bit");
    }
}

#[test]
fn a_shortening_from_bytes_has_the_same_result_and_only_shorter_ones_are_taken() {
    let block = block(3, 20, 3);
    let (engine, go) = (CpuEngine::new(), AtomicBool::new(false));
    let first = Unit::shortening(&block, &block, 0.0, 0.5, "cpu");
    let solved = first.solve(&engine, &go);
    assert!(solved.is_final && solved.verified.circuit().n_cx() < 20, "{}", solved.reason);
    let again = Unit::from_record(first.to_record()).unwrap();
    assert_eq!(again.solve(&engine, &go).to_record(), solved.to_record());
    assert_eq!(first.check(&solved.to_record(), true).unwrap().verified, solved.verified);
    // From there on the same result is no shorter.
    let found = &solved.verified;
    let second = Unit::shortening(&block, found.circuit(), found.distance(), 0.5, "cpu");
    assert_eq!(second.check(&solved.to_record(), true).unwrap_err(), Refused::NoBetter);
    let mut shortest = BlockCircuit::new(3);
    shortest.push_cx(BlockQubit(0), BlockQubit(2));
    let nothing = Unit::shortening(&shortest, &shortest, 0.0, 1e-3, "cpu").solve(&engine, &go);
    assert!(nothing.is_final && nothing.verified.circuit() == &shortest);
    let mut damaged = first.to_record();
    let Some(gate) = damaged.block.gates.first().copied() else { panic!("it has gates") };
    damaged.flow =
        bqc_wire::UnitFlow::Shorten { from: bqc_wire::BlockForm { width: 1, gates: vec![gate] }, distance: 0.0 };
    assert!(Unit::from_record(damaged).is_err());
    for (solver, objective, error) in
        [(4, 0, UnitError::Solver { code: 4 }), (0, 255, UnitError::Objective { code: 255 })]
    {
        let unknown = UnitRecord { solver, objective, ..first.to_record() };
        assert_eq!(Unit::from_record(unknown).unwrap_err(), error);
    }
}

/// What a unit has become, and the states that it went through.
fn along(unit: &Unit, from: Option<CheckpointRecord>) -> (Solved, Vec<CheckpointRecord>) {
    let mut states = Vec::new();
    let trail = Trail { from, note: &mut |state| states.push(state) };
    let solved = unit.solve_along(&CpuEngine::new(), trail, &AtomicBool::new(false));
    (solved, states)
}

#[test]
fn a_unit_goes_on_from_its_checkpoints_and_from_no_others() {
    for (width, objective) in [(4, Objective::Cx), (9, Objective::Depth)] {
        let settings = BlockSettings { flow: Flow::Search { n_rounds: 3 }, objective, ..BlockSettings::default() };
        let unit = Unit::new(&block(width, 30, 3), &settings, 1, 2, "cpu");
        let (expected, states) = along(&unit, None);
        assert_eq!(states.len(), 3);
        let same = |from: &CheckpointRecord| {
            let (found, states) = along(&unit, Some(from.clone()));
            assert!(found.is_final && found.to_record() == expected.to_record());
            states.len()
        };
        assert_eq!(states.iter().map(same).collect::<Vec<_>>(), [2, 1, 0]);
        // What cannot be a state of this search is left out: the unit begins at its beginning.
        let forged = |change: &dyn Fn(&mut CheckpointRecord)| {
            let mut state = states[1].clone();
            change(&mut state);
            same(&state)
        };
        assert_eq!(forged(&|s| s.block.gates.push(GateForm::U3(0, [1e-3, 0.0, 0.0]))), 3);
        assert_eq!(forged(&|s| s.block.gates.push(GateForm::Cx(0, 0))), 3);
        assert_eq!(forged(&|s| s.block.gates.extend([GateForm::Cx(0, 1); 40])), 3);
        assert_eq!(forged(&|s| s.block.width -= 1), 3);
        assert_eq!(forged(&|s| s.bound = f64::NAN), if width > 8 { 3 } else { 1 });
        assert_eq!(forged(&|s| s.n_rounds = 4), 3);
        assert_eq!(forged(&|s| s.n_rounds = 0), 3);
        let other = |s: &mut CheckpointRecord| s.last_good = if s.last_good.is_some() { None } else { Some(wrong(s)) };
        assert_eq!(forged(&other), 3);
    }
    let unit = Unit::new(&block(3, 20, 3), &BlockSettings::default(), 0, 0, "cpu");
    assert!(along(&unit, None).1.is_empty(), "a deletion leaves no trail");
}

fn wrong(state: &CheckpointRecord) -> (bqc_wire::BlockForm, f64) {
    (state.block.clone(), state.bound)
}

#[test]
fn a_stopped_unit_is_not_final() {
    let unit = Unit::new(&block(3, 20, 3), &BlockSettings::default(), 0, 0, "cpu");
    assert!(!unit.solve(&CpuEngine::new(), &AtomicBool::new(true)).is_final);
}

/// An engine whose device fails in its second call.
#[derive(Default)]
struct Failing {
    cpu: CpuEngine,
    n_calls: AtomicU64,
}

impl Engine for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn instantiate(&self, problems: &[Problem<'_>], stop: &AtomicBool) -> Vec<Result<Outcome, EngineError>> {
        self.cpu.instantiate(problems, stop)
    }

    fn refine(&self, p: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>, stop: &AtomicBool) -> Refined {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        self.cpu.refine(p, count, make, stop)
    }

    fn n_substituted(&self) -> u64 {
        u64::from(self.n_calls.load(Ordering::Relaxed) >= 2)
    }
}

#[test]
fn what_another_engine_did_in_its_place_is_not_kept_under_an_engines_name() {
    let engine = Failing::default();
    let unit = Unit::new(&block(3, 20, 3), &BlockSettings::default(), 0, 0, engine.name());
    let first = unit.solve(&engine, &AtomicBool::new(false));
    assert!(engine.n_substituted() == 1 && !first.is_final);
    // From then on the number rests here; a real engine's goes on with every call.
    assert!(unit.solve(&engine, &AtomicBool::new(false)).is_final);
    assert_eq!(first.verified, unit.solve(&CpuEngine::new(), &AtomicBool::new(false)).verified);
}

#[test]
fn wrong_results_from_outside_are_refused() {
    let (unit, solved) = solved(Flow::Delete, 3, 20);
    let good = solved.to_record();
    let refused = |change: &dyn Fn(&mut bqc_wire::SolvedRecord)| {
        let mut record = good.clone();
        change(&mut record);
        unit.check(&record, true).unwrap_err()
    };
    assert!(matches!(refused(&|r| r.block.gates.clear()), Refused::Rejected(_)));
    assert!(matches!(refused(&|r| r.block.gates.push(GateForm::U3(0, [1e-9, 0.0, 0.0]))), Refused::Rejected(_)));
    assert!(matches!(refused(&|r| r.block.gates.push(GateForm::U3(0, [f64::NAN; 3]))), Refused::Rejected(_)));
    assert!(matches!(refused(&|r| r.block.gates.push(GateForm::Cx(0, 9))), Refused::Form(_)));
    assert!(matches!(refused(&|r| r.block.gates.extend([GateForm::Cx(0, 1); 40])), Refused::Longer { .. }));
    assert!(matches!(refused(&|r| r.block = unit.to_record().block), Refused::NoBetter));
    let unchanged = |r: &mut bqc_wire::SolvedRecord| {
        r.block = unit.to_record().block;
        r.outcome = bqc_wire::Outcome::Unchanged;
    };
    let mut record = good.clone();
    unchanged(&mut record);
    assert_eq!(unit.check(&record, true).unwrap().verified.distance(), 0.0);
}

/// Counts how often each unit is asked for.
struct Counting<'a>(InProcess<'a>, Mutex<HashMap<bqc_wire::UnitKey, usize>>);

impl Workshop for Counting<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        *self.1.lock().unwrap().entry(unit.key()).or_default() += 1;
        self.0.solve(unit, stop)
    }
}

#[test]
fn equal_blocks_are_solved_once_a_pass() {
    // The same block on twelve triples of wires.
    let mut circuit = Circuit::with_qubits(36);
    let one = block(3, 12, 7);
    for i in 0..12 {
        let qubits = [Qubit(3 * i), Qubit(3 * i + 1), Qubit(3 * i + 2)];
        one.on(&qubits).for_each(|gate| circuit.push(gate.to_call()));
    }
    let settings = Settings {
        block_size: 3,
        max_block_cx: 24,
        max_passes: 2,
        patience: 6,
        min_gain: 0.0,
        permutes_output: false,
        epsilon_total: 0.0,
        n_threads: 2,
        block: BlockSettings::default(),
        max_check_updates: 1e9,
        is_recorded: false,
        exact_passes: 1,
        restarts: 0,
        has_block_records: true,
    };
    let engine = CpuEngine::new();
    let go = AtomicBool::new(false);
    let counting = Counting(InProcess(&engine), Mutex::default());
    let compiled = compile_in(&counting, &circuit, &settings, engine.family(), &go, &Unobserved).unwrap();
    let counts = counting.1.into_inner().unwrap();
    // After the light pass over all of it.
    assert_eq!(compiled.records.iter().filter(|r| r.pass == 1).count(), 12);
    assert!(counts.values().all(|&n| n == 1) && counts.len() < compiled.records.len() / 2, "{counts:?}");
    let plain = compile(&circuit, &settings, &engine, &go, &Unobserved).unwrap();
    assert_eq!(plain.circuit(), compiled.circuit());
}
