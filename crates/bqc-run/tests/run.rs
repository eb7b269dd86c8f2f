//! A whole run with engines that work, lie and panic, and with everything that a circuit can hold.

use bqc_circuit::{Circuit, Clbit, Directive, GateCall, GateId, OpaqueGate, Operation, Qubit, Register, Stats};
use bqc_instantiate::{CpuEngine, CxTemplate, Engine, MakeCandidate, RefineProblem, Refined};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Figures, Flow, Objective};
use bqc_run::{CompileError, Compiled, Effort, Event, Observer, Settings, Unobserved, compile};
use bqc_verify::{CompareOptions, compare_circuits};
use bqc_wire::{BlockTotals, Outcome};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

fn settings() -> Settings {
    Settings {
        block_size: 3,
        max_block_cx: 24,
        max_passes: 4,
        patience: 6,
        min_gain: 0.0,
        permutes_output: false,
        epsilon_total: 0.0,
        n_threads: 2,
        gates: Default::default(),
        block: BlockSettings::default(),
        max_check_updates: 1e9,
        is_recorded: false,
        exact_passes: 1,
        restarts: 0,
        has_block_records: true,
    }
}

fn run(circuit: &Circuit, settings: &Settings, engine: &dyn Engine) -> Compiled {
    compile(circuit, settings, engine, &AtomicBool::new(false), &Unobserved).unwrap()
}

fn gate(name: &str, angles: &[f64], qubits: &[u32]) -> Operation {
    let qubits: Vec<Qubit> = qubits.iter().copied().map(Qubit).collect();
    Operation::Gate(GateCall::new(GateId::from_name(name).unwrap(), angles, &qubits))
}

fn directive(directive: Directive) -> Operation {
    Operation::Directive(Box::new(directive))
}

/// Toffoli gates and rotations at random places: much to delete.
fn circuit(n_qubits: u32, n_gates: usize) -> Circuit {
    let mut stream = Stream::new(1, 2, 3);
    let mut circuit = Circuit::with_qubits(n_qubits);
    let mut wires: Vec<u32> = (0..n_qubits).collect();
    for _ in 0..n_gates {
        stream.shuffle(&mut wires);
        circuit.operations.push(gate("ccx", &[], &wires[..3]));
        circuit.operations.push(gate("rz", &[stream.uniform()], &wires[..1]));
    }
    circuit
}

fn with_directives() -> Circuit {
    let mut mixed = circuit(4, 4);
    mixed.cregs = vec![Register { name: "c".into(), first: 0, size: 2 }];
    let conditional =
        Directive::Conditional { creg: 0, value: "2".into(), operation: Box::new(gate("swap", &[], &[1, 2])) };
    let between = [
        directive(Directive::Measure { qubit: Qubit(1), clbit: Clbit(0) }),
        directive(Directive::Barrier(vec![Qubit(0), Qubit(3)])),
        directive(conditional),
        directive(Directive::Reset(Qubit(1))),
    ];
    mixed.operations.extend(between);
    mixed.operations.extend(circuit(4, 4).operations);
    mixed
}

fn directives(circuit: &Circuit) -> Vec<&Operation> {
    circuit.operations.iter().filter(|o| matches!(o, Operation::Directive(_))).collect()
}

#[test]
fn the_result_is_smaller_and_the_same() {
    for (n_qubits, n_gates) in [(3, 5), (6, 20)] {
        let input = circuit(n_qubits, n_gates);
        let compiled = run(&input, &settings(), &CpuEngine::new());
        assert!(Stats::of(compiled.circuit()).n_two_qubit < Stats::of(&input).n_two_qubit);
        let found = compare_circuits(&input, compiled.circuit(), &CompareOptions::default()).unwrap();
        assert!(found.distance <= compiled.error_bound() + 1e-13, "{found:?}, bound {:e}", compiled.error_bound());
        assert!(compiled.error_bound() < 1e-10 && compiled.difference.is_none() && !compiled.was_stopped);
        assert_eq!(compiled.comparison.as_ref().map(|c| c.method), Ok(found.method));
        assert_eq!(&bqc_circuit::Lowered::of(compiled.circuit()).to_circuit(), compiled.circuit());
    }
}

#[test]
fn records_are_in_order_and_add_up() {
    let input = circuit(6, 20);
    let compiled = run(&input, &settings(), &CpuEngine::new());
    let places: Vec<(u32, u32)> = compiled.records.iter().map(|r| (r.pass, r.block)).collect();
    assert!(places.is_sorted() && places.first() == Some(&(0, 0)));
    assert_eq!(places.last().map(|p| p.0 + 1), Some(compiled.n_passes));
    let of_blocks: f64 = compiled.records.iter().map(|r| r.distance).sum();
    assert!(of_blocks <= compiled.error_bound());
    for record in &compiled.records {
        assert!(record.after.two_qubit_gates <= record.before.two_qubit_gates);
        // The light pass at the beginning sees all wires.
        let most = if record.pass == 0 { 6 } else { 3 };
        assert!((1..=most).contains(&record.wires.len()) && record.wires.iter().all(|w| *w < 6));
    }
}

#[test]
fn threads_change_nothing() {
    let input = circuit(7, 25);
    let results = [1, 2, 5].map(|n_threads| {
        let mut compiled = run(&input, &Settings { n_threads, ..settings() }, &CpuEngine::new());
        compiled.records.iter_mut().for_each(|r| r.seconds = 0.0);
        (compiled.circuit().clone(), compiled.error_bound(), compiled.records)
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn directives_stay_in_order() {
    let input = with_directives();
    let compiled = run(&input, &settings(), &CpuEngine::new());
    assert_eq!(directives(compiled.circuit()), directives(&input));
    assert!(Stats::of(compiled.circuit()).n_two_qubit < Stats::of(&input).n_two_qubit);
    assert!(compiled.comparison.is_ok() && compiled.difference.is_none());
}

#[test]
fn circuits_without_blocks_are_fine() {
    let mut only_directives = Circuit::with_qubits(2);
    only_directives.operations.push(directive(Directive::Barrier(vec![Qubit(0), Qubit(1)])));
    for input in [Circuit::default(), Circuit::with_qubits(5), only_directives] {
        let compiled = run(&input, &settings(), &CpuEngine::new());
        assert_eq!((compiled.circuit().clone(), compiled.error_bound()), (input, 0.0));
    }
}

#[test]
fn an_opaque_gate_is_refused_with_its_line() {
    let applied = directive(Directive::Opaque { gate: 0, angles: vec![], qubits: vec![Qubit(0)], line: 17 });
    let inside = directive(Directive::Conditional { creg: 0, value: "1".into(), operation: Box::new(applied.clone()) });
    for operation in [applied, inside] {
        let mut input = Circuit::with_qubits(1);
        input.cregs.push(Register { name: "c".into(), first: 0, size: 1 });
        input.opaque_gates.push(OpaqueGate { name: "magic".into(), n_angles: 0, arity: 1 });
        input.operations.push(operation);
        let refused = compile(&input, &settings(), &CpuEngine::new(), &AtomicBool::new(false), &Unobserved);
        assert_eq!(refused.unwrap_err(), CompileError::Opaque { gate: "magic".into(), line: 17 });
    }
}

#[test]
fn a_run_that_is_stopped_before_it_begins_answers_all_the_same() {
    let input = circuit(5, 10);
    let compiled = compile(&input, &settings(), &CpuEngine::new(), &AtomicBool::new(true), &Unobserved).unwrap();
    assert!(compiled.was_stopped && compiled.difference.is_none());
    // The light pass is over before it could be stopped.
    assert_eq!((compiled.n_passes, compiled.records.len()), (1, 1));
    assert!(Stats::of(compiled.circuit()).n_two_qubit <= Stats::of(&input).n_two_qubit);
}

/// Sets `stop` when some blocks are done, and keeps what it saw.
struct Stopper<'a> {
    stop: &'a AtomicBool,
    n_blocks: AtomicU64,
    log: Mutex<Vec<String>>,
}

impl Observer for Stopper<'_> {
    fn seconds(&self) -> f64 {
        self.n_blocks.load(Ordering::Relaxed) as f64
    }

    fn event(&self, event: Event<'_>) {
        let word = match event {
            Event::PassStarted { .. } => "started",
            Event::PassFinished { .. } => "finished",
            Event::Restarted { .. } => "restarted",
            Event::Checking { .. } => "checking",
            Event::FolderFailed(_) => "failed",
            Event::BlockFinished(_) => {
                if self.n_blocks.fetch_add(1, Ordering::Relaxed) == 3 {
                    self.stop.store(true, Ordering::Relaxed);
                }
                return;
            }
        };
        self.log.lock().unwrap().push(word.into());
    }
}

#[test]
fn a_run_that_is_stopped_half_way_keeps_what_it_has() {
    let input = circuit(8, 60);
    let stop = AtomicBool::new(false);
    let stopper = Stopper { stop: &stop, n_blocks: AtomicU64::new(0), log: Mutex::default() };
    let compiled = compile(&input, &settings(), &CpuEngine::new(), &stop, &stopper).unwrap();
    assert!(compiled.was_stopped && compiled.difference.is_none());
    assert_eq!(stopper.log.into_inner().unwrap(), ["started", "finished", "started", "finished", "checking"]);
    assert!(Stats::of(compiled.circuit()).n_two_qubit < Stats::of(&input).n_two_qubit);
}

/// Keeps what passes leave, in CX, and what restarts say of the best.
#[derive(Default)]
struct Counts {
    passes: Mutex<Vec<usize>>,
    restarts: Mutex<Vec<(usize, usize)>>,
}

impl Observer for Counts {
    fn seconds(&self) -> f64 {
        0.0
    }

    fn event(&self, event: Event<'_>) {
        let mut passes = self.passes.lock().unwrap();
        match event {
            Event::PassFinished { n_two_qubit, .. } => passes.push(n_two_qubit),
            Event::Restarted { n_two_qubit } => self.restarts.lock().unwrap().push((passes.len(), n_two_qubit)),
            _ => {}
        }
    }
}

#[test]
fn restarts_give_the_best_circuit_of_all() {
    let input = circuit(5, 8);
    let settings = Settings { restarts: 2, n_threads: 2, ..Settings::effort(Effort::E2) };
    let counts = Counts::default();
    let compiled = compile(&input, &settings, &CpuEngine::new(), &AtomicBool::new(false), &counts).unwrap();
    let (passes, restarts) = (counts.passes.into_inner().unwrap(), counts.restarts.into_inner().unwrap());
    assert!(restarts.len() >= 2 && compiled.difference.is_none());
    for (n_passes, best) in restarts {
        assert_eq!(Some(&best), passes[..n_passes].iter().min());
    }
    assert_eq!(Some(&Stats::of(compiled.circuit()).n_two_qubit), passes.iter().min());
    let found = compare_circuits(&input, compiled.circuit(), &CompareOptions::default()).unwrap();
    assert!(found.distance < 1e-12);
}

/// An engine of which only the verb under test does something.
struct Faulty<F>(F);

impl<F: Fn(&RefineProblem<'_>, &MakeCandidate<'_>) -> Refined + Send + Sync> Engine for Faulty<F> {
    fn name(&self) -> &str {
        "faulty"
    }

    fn refine(&self, problem: &RefineProblem<'_>, _: usize, make: &MakeCandidate<'_>, _: &AtomicBool) -> Refined {
        (self.0)(problem, make)
    }
}

#[test]
fn a_block_that_panics_keeps_its_gates() {
    let input = circuit(6, 20);
    let engine = Faulty(|_: &RefineProblem<'_>, _: &MakeCandidate<'_>| panic!("boom {}", 7));
    let compiled = run(&input, &Settings { max_passes: 1, ..settings() }, &engine);
    let totals = BlockTotals::of(&compiled.records);
    assert!(totals.failed > 0 && compiled.difference.is_none());
    let failed = compiled.records.iter().find(|r| r.outcome == Outcome::Failed).unwrap();
    assert_eq!(failed.reason, "the block's task panicked: boom 7");
    assert_eq!((failed.before, failed.distance), (failed.after, 0.0));
    let found = compare_circuits(&input, compiled.circuit(), &CompareOptions::default()).unwrap();
    assert!(found.distance < 1e-13);
}

#[test]
fn an_engine_that_lies_changes_nothing() {
    let input = circuit(6, 20);
    // Calls the first candidate a success without solving anything.
    let engine = Faulty(|problem: &RefineProblem<'_>, make: &MakeCandidate<'_>| {
        let mut candidate = CxTemplate::new(problem.batch.n() as u8);
        make(0, &mut candidate);
        Refined { winner: Some((0, candidate)), n_tried: 1, ..Refined::default() }
    });
    let compiled = run(&input, &Settings { max_passes: 1, ..settings() }, &engine);
    assert!(compiled.difference.is_none());
    let found = compare_circuits(&input, compiled.circuit(), &CompareOptions::default()).unwrap();
    assert!(found.distance <= compiled.error_bound() + 1e-13, "{:e}", found.distance);
}

/// A Trotter circuit of the Ising chain in a transverse field.
fn ising(n_qubits: u32, n_steps: usize, angle: f64) -> Circuit {
    let mut circuit = Circuit::with_qubits(n_qubits);
    for _ in 0..n_steps {
        for q in 0..n_qubits - 1 {
            circuit.operations.push(gate("cx", &[], &[q, q + 1]));
            circuit.operations.push(gate("rz", &[angle], &[q + 1]));
            circuit.operations.push(gate("cx", &[], &[q, q + 1]));
        }
        (0..n_qubits).for_each(|q| circuit.operations.push(gate("rx", &[1.3 * angle], &[q])));
    }
    circuit
}

#[test]
fn a_budget_is_spent_and_never_exceeded() {
    for (n_qubits, n_steps, angle) in [(4, 3, 1e-2), (6, 2, 1e-3)] {
        let input = ising(n_qubits, n_steps, angle);
        let counts = [0.0, 1e-12, 1e-6, 1e-4, 1e-3, 1e-2, 0.1].map(|epsilon_total| {
            let compiled = run(&input, &Settings { epsilon_total, ..settings() }, &CpuEngine::new());
            assert!(compiled.difference.is_none());
            let found = compare_circuits(&input, compiled.circuit(), &CompareOptions::default()).unwrap();
            assert!(found.distance <= compiled.error_bound() + 1e-13, "{found:?}, bound {:e}", compiled.error_bound());
            let limit = if epsilon_total > 0.0 { epsilon_total } else { 1e-10 };
            assert!(compiled.error_bound() <= limit, "bound {:e}, budget {epsilon_total:e}", compiled.error_bound());
            Stats::of(compiled.circuit()).n_two_qubit
        });
        println!("{n_qubits} wires: {counts:?}");
        // A budget below the tolerance of an identity forbids what the default allows, so 0 and 1e-12
        // stand for themselves; from there on more is never worse.
        let budgets = &counts[2..];
        assert!(budgets.is_sorted_by(|a, b| a >= b), "a larger budget gave more gates: {counts:?}");
        assert!(budgets[0] <= counts[0] && counts[6] < counts[1], "{counts:?}");
    }
}

#[test]
fn a_budget_is_spent_alike_by_any_number_of_threads() {
    let input = ising(7, 2, 1e-2);
    let budget = Settings { epsilon_total: 1e-2, ..settings() };
    let results = [1, 2, 5].map(|n_threads| {
        let compiled = run(&input, &Settings { n_threads, ..budget.clone() }, &CpuEngine::new());
        assert!(compiled.records.iter().any(|r| r.reason == "approximated" && r.distance > 1e-8));
        (compiled.circuit().clone(), compiled.error_bound())
    });
    assert!(results[0] == results[1] && results[0] == results[2]);
}

#[test]
fn a_budget_below_the_rounding_of_identities_gives_no_more_than_it_says() {
    let input = circuit(6, 20);
    for epsilon_total in [1e-300, 1e-16, 1e-15] {
        let compiled = run(&input, &Settings { epsilon_total, ..settings() }, &CpuEngine::new());
        assert!(compiled.error_bound() <= epsilon_total && compiled.difference.is_none());
    }
}

#[test]
fn every_objective_is_best_by_its_own_measure() {
    let input = circuit(6, 6);
    // Sums over seeds: one run's luck is larger than the difference. In the number of gates that of depth is as
    // good over ten seeds, so over these a gate each is luck.
    const N_SEEDS: u64 = 3;
    let total = |objective: Objective| {
        (0..N_SEEDS).fold((0, 0), |(n_two_qubit, depth), seed| {
            let flow = Flow::Search { n_rounds: 6 };
            let block = BlockSettings { flow, objective, seed, starts: 2, ..BlockSettings::default() };
            let settings = Settings { block_size: 6, max_block_cx: 200, max_passes: 8, block, ..settings() };
            let compiled = run(&input, &settings, &CpuEngine::new());
            assert!(compiled.difference.is_none());
            let (before, after) = (Stats::of(&input), Stats::of(compiled.circuit()));
            let rank = |stats| objective.rank(&Figures::of_stats(stats));
            assert!(rank(&after) < rank(&before) && after.n_two_qubit <= before.n_two_qubit);
            (n_two_qubit + after.n_two_qubit, depth + after.two_qubit_depth)
        })
    };
    let [(cx, cx_depth), (depth_cx, depth), (_, weighted_depth)] = Objective::NUMERICAL.map(total);
    println!("cx {cx} and {depth_cx}, depth {cx_depth}, {depth} and {weighted_depth}");
    assert!(cx <= depth_cx + N_SEEDS as usize && depth < cx_depth && weighted_depth <= cx_depth);
}

/// Walks follow a search that has gained, from gates that are over Clifford and T again.
#[test]
fn walks_follow_what_windows_have_found() {
    let mut stream = Stream::new(4, 5, 6);
    // Far more CX than three wires need, whichever rotations stand between them.
    let mut circuit = Circuit::with_qubits(3);
    let mut wires: Vec<u32> = (0..3).collect();
    for _ in 0..40 {
        stream.shuffle(&mut wires);
        circuit.operations.push(gate("h", &[], &wires[..1]));
        circuit.operations.push(gate("t", &[], &wires[..1]));
        circuit.operations.push(gate("cx", &[], &wires[..2]));
    }
    let one_start = BlockSettings { starts: 1, ..Settings::effort(Effort::E3).block };
    let settings = Settings {
        block: one_start,
        exact_passes: 2,
        restarts: 0,
        has_block_records: true,
        ..Settings::effort(Effort::E3)
    };
    let compiled = run(&circuit, &settings, &CpuEngine::new());
    assert_eq!((&compiled.difference, compiled.faults.len()), (&None, 0));
    let compared = compare_circuits(&circuit, compiled.circuit(), &CompareOptions::default()).unwrap();
    assert!(compared.distance < 1e-10, "{compared:?}");
    let passes_with = |reason: &str| {
        let mut passes: Vec<u32> =
            compiled.records.iter().filter(|record| record.reason.contains(reason)).map(|record| record.pass).collect();
        passes.dedup();
        passes
    };
    let clifford_t = passes_with("Clifford+T");
    assert!(clifford_t.len() >= 3 && clifford_t[0] > 3, "{clifford_t:?}");
    assert!(compiled.n_passes > clifford_t[2] + 2, "no walks after {clifford_t:?} of {}", compiled.n_passes);
}
