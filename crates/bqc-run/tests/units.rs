//! Units of work: the same result from the unit's bytes, nothing taken from outside unmeasured, and equal
//! blocks done once.

use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Qubit};
use bqc_instantiate::{CpuEngine, Engine, MakeCandidate, RefineProblem, Refined};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Flow, Objective};
use bqc_run::{
    InProcess, Refused, Settings, Solved, Trail, Unit, UnitError, Unobserved, Workshop, compile, compile_in,
};
use bqc_wire::checkpoint::PauliGateForm;
use bqc_wire::unit::GateForm;
use bqc_wire::{CheckpointRecord, PauliCheckpoint, UnitFlow, UnitRecord, WalkCheckpoint, WindowCheckpoint};
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
        let forged = |change: &dyn Fn(&mut WindowCheckpoint)| {
            let mut state = states[1].clone();
            let CheckpointRecord::Window(window) = &mut state else { panic!("it is a search in a window") };
            change(window);
            same(&state)
        };
        assert_eq!(forged(&|s| s.block.gates.push(GateForm::U3(0, [1e-3, 0.0, 0.0]))), 3);
        assert_eq!(forged(&|s| s.block.gates.push(GateForm::Cx(0, 0))), 3);
        assert_eq!(forged(&|s| s.block.gates.extend([GateForm::Cx(0, 1); 40])), 3);
        assert_eq!(forged(&|s| s.block.width -= 1), 3);
        assert_eq!(forged(&|s| s.bound = f64::NAN), if width > 8 { 3 } else { 1 });
        assert_eq!(forged(&|s| s.n_rounds = 4), 3);
        assert_eq!(forged(&|s| s.n_rounds = 0), 3);
        let other = |s: &mut WindowCheckpoint| s.last_good = if s.last_good.is_some() { None } else { Some(wrong(s)) };
        assert_eq!(forged(&other), 3);
    }
    let unit = Unit::new(&block(3, 20, 3), &BlockSettings::default(), 0, 0, "cpu");
    assert!(along(&unit, None).1.is_empty(), "a deletion leaves no trail");
}

/// An exact search of a block.
fn exact(width: u16, n_cx: usize, flow: UnitFlow) -> Unit {
    let mut block = block(width, n_cx, 3);
    for wire in 0..width {
        block.push_u3(BlockQubit(wire), [std::f64::consts::FRAC_PI_2, 0.0, std::f64::consts::PI]);
        block.push_cx(BlockQubit(wire), BlockQubit((wire + 1) % width));
        block.push_u3(BlockQubit(wire), [0.0, 0.0, 0.3]);
    }
    let record = Unit::new(&block, &BlockSettings::default(), 1, 1, "").to_record();
    Unit::from_record(UnitRecord { flow, ..record }).unwrap()
}

#[test]
fn an_exact_search_goes_on_from_its_checkpoints_to_the_same_bytes() {
    let mut stream = Stream::new(0, 7, 0);
    // The last number of steps is no multiple of a slice.
    let paulis = |n_moves| UnitFlow::Paulis { n_moves };
    let path_sums = |n_proposals| UnitFlow::PathSums { n_proposals };
    let mut n_improved = 0;
    for (width, n_cx, flow, n_states) in [
        (4, 30, paulis(6_000), 12),
        (14, 60, paulis(6_200), 13),
        (5, 30, path_sums(600_000), 12),
        (14, 60, path_sums(620_000), 13),
        (10, 700, paulis(6_000), 4),
    ] {
        let unit = exact(width, n_cx, flow);
        let (expected, states) = along(&unit, None);
        assert!(expected.is_final, "{}", expected.reason);
        n_improved += usize::from(expected.verified.circuit().n_cx() < unit.block().n_cx());
        assert!(n_states - 1 <= states.len() && states.len() <= n_states, "{}", states.len());
        for _ in 0..4 {
            let at = stream.below(states.len());
            let (found, rest) = along(&unit, Some(states[at].clone()));
            assert!(found.is_final && found.to_record() == expected.to_record(), "from state {at}");
            assert!(rest == states[at + 1..], "the states are the same, too");
            // What was found so far counts if the run ends here.
            let left = unit.left_at(&states[at]).unwrap();
            assert!(!left.is_final && left.verified.circuit().n_cx() <= unit.block().n_cx());
        }
        // Stopped anywhere: the last state is where the next one begins.
        let stop = AtomicBool::new(false);
        let (mut last, n_left) = (None, AtomicU64::new(1 + stream.below(states.len()) as u64));
        let note = &mut |state| {
            last = Some(state);
            stop.store(n_left.fetch_sub(1, Ordering::Relaxed) == 1, Ordering::Relaxed);
        };
        let stopped = unit.solve_along(&CpuEngine::new(), Trail { from: None, note }, &stop);
        assert!(!stopped.is_final);
        assert!(along(&unit, last).0.to_record() == expected.to_record());
    }
    assert!(n_improved >= 3, "{n_improved}");
}

#[test]
fn what_is_no_state_of_an_exact_search_is_left_out() {
    let units = [
        exact(4, 30, UnitFlow::Paulis { n_moves: 3_000 }),
        exact(4, 30, UnitFlow::PathSums { n_proposals: 300_000 }),
        exact(5, 30, UnitFlow::Paulis { n_moves: 3_000 }),
        exact(5, 30, UnitFlow::PathSums { n_proposals: 300_000 }),
    ];
    let states = units.each_ref().map(|unit| along(unit, None).1[2].clone());
    // Another unit's, or another search's of the same block.
    for (unit, expected) in units.iter().map(|unit| (unit, along(unit, None))) {
        let n_kept = states.iter().filter(|state| along(unit, Some((*state).clone())).1.len() < 6).count();
        assert_eq!((n_kept, expected.1.len()), (1, 6));
        for state in &states {
            assert!(along(unit, Some(state.clone())).0.to_record() == expected.0.to_record());
        }
    }
    let is_left_out = |index: usize, state: CheckpointRecord| {
        assert!(unit_refuses(&units[index], &state));
        along(&units[index], Some(state)).1.len() == 6
    };
    let paulis = |change: &dyn Fn(&mut PauliCheckpoint)| {
        let CheckpointRecord::Paulis(mut state) = states[0].clone() else { panic!("it is of Pauli blocks") };
        change(&mut state);
        is_left_out(0, CheckpointRecord::Paulis(state))
    };
    let pair = |a, b| PauliGateForm::Pair([a, b], [1, 2]);
    assert!(paulis(&|s| s.coming.0.push(pair(0, 1))));
    assert!(paulis(&|s| s.best.0.push(pair(0, 1))));
    assert!(paulis(&|s| s.done.0.push(pair(0, 9))));
    assert!(paulis(&|s| s.coming.0.push(PauliGateForm::Turn(0, 1, 1e-3))));
    assert!(paulis(&|s| s.best.1.clear()));
    assert!(paulis(&|s| s.size = [u64::MAX; 2]));
    for n_moves in [0, 499, 3_500] {
        assert!(paulis(&|s| s.n_moves = n_moves));
    }
    let walk = |change: &dyn Fn(&mut WalkCheckpoint)| {
        let CheckpointRecord::PathSums(mut state) = states[1].clone() else { panic!("it is of a walk") };
        change(&mut state);
        is_left_out(1, CheckpointRecord::PathSums(state))
    };
    assert!(walk(&|s| s.now.signs[0].0 ^= true));
    assert!(walk(&|s| s.best.signs[0].1 ^= true));
    assert!(walk(&|s| s.now.rotations[0].1 ^= 1));
    assert!(walk(&|s| s.now.gates[1].0 = u32::MAX));
    assert!(walk(&|s| s.now.gates.clear()));
    assert!(walk(&|s| s.least = 0));
    assert!(walk(&|s| s.n_proposals = 1));
}

fn unit_refuses(unit: &Unit, state: &CheckpointRecord) -> bool {
    unit.left_at(state).is_err()
}

fn wrong(state: &WindowCheckpoint) -> (bqc_wire::BlockForm, f64) {
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
        gates: Default::default(),
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
