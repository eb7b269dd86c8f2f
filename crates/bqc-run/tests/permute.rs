//! Runs that may leave qubits on other wires: against matrices that are multiplied here, and with everything that
//! follows a qubit or keeps its wire.

use bqc_circuit::{Circuit, Clbit, Directive, GateCall, GateId, Operation, Qubit, Register, Stats};
use bqc_instantiate::CpuEngine;
use bqc_linalg::{Matrix, Stream, phase_distance};
use bqc_optimize::Sabotage;
use bqc_run::{Compiled, Effort, Settings, Unobserved, compile};
use bqc_verify::{CompareOptions, VerifiedCircuit, compare_permuted};
use std::sync::atomic::AtomicBool;

fn run(circuit: &Circuit, settings: &Settings) -> Compiled {
    compile(circuit, settings, &CpuEngine::new(), &AtomicBool::new(false), &Unobserved).unwrap()
}

fn permuting(effort: Effort) -> Settings {
    let settings = Settings::effort(effort);
    Settings { permutes_output: true, is_recorded: true, max_passes: settings.max_passes.min(2), ..settings }
}

fn push(circuit: &mut Circuit, name: &str, angles: &[f64], qubits: &[u32]) {
    let qubits: Vec<Qubit> = qubits.iter().copied().map(Qubit).collect();
    circuit.push(GateCall::new(GateId::from_name(name).unwrap(), angles, &qubits));
}

/// SWAPs, Toffoli gates, CX and rotations on random wires.
fn random(n: u32, n_gates: usize, stream: &mut Stream) -> Circuit {
    let mut circuit = Circuit::with_qubits(n);
    let mut wires: Vec<u32> = (0..n).collect();
    for _ in 0..n_gates {
        stream.shuffle(&mut wires);
        match stream.below(5) {
            0 => push(&mut circuit, "swap", &[], &wires[..2]),
            1 if n > 2 => push(&mut circuit, "cswap", &[], &wires[..3]),
            2 => push(&mut circuit, "u3", &[0; 3].map(|_| stream.gaussian()), &wires[..1]),
            3 => push(&mut circuit, "h", &[], &wires[..1]),
            _ => push(&mut circuit, "cx", &[], &wires[..2]),
        }
    }
    circuit
}

/// The unitary of a circuit after each qubit has come from its wire to its own place.
fn put_back(circuit: &Circuit, moved: &[[Qubit; 2]]) -> Matrix {
    let unitary = circuit.unitary().unwrap();
    let mut wires: Vec<usize> = (0..circuit.n_qubits()).collect();
    moved.iter().for_each(|[qubit, wire]| wires[qubit.0 as usize] = wire.0 as usize);
    let mut back = Matrix::zeros(unitary.rows(), unitary.cols());
    for row in 0..unitary.rows() {
        let image: usize = wires.iter().enumerate().map(|(qubit, wire)| (row >> wire & 1) << qubit).sum();
        (0..unitary.cols()).for_each(|col| back[(image, col)] = unitary[(row, col)]);
    }
    back
}

#[test]
fn the_output_with_its_permutation_is_the_input() {
    let mut stream = Stream::new(0, 9, 0);
    let (mut n_kept, mut n_permuted, mut n_moved) = (0, 0, 0);
    for effort in [Effort::E1, Effort::E2] {
        for _ in 0..12 {
            let n = 2 + stream.below(4) as u32;
            let input = random(n, 12, &mut stream);
            let compiled = run(&input, &permuting(effort));
            let (circuit, moved) = (compiled.circuit(), compiled.moved());
            assert!(compiled.difference.is_none() && compiled.faults.is_empty(), "{:?}", compiled.faults);
            let distance = phase_distance(&input.unitary().unwrap(), &put_back(circuit, &moved));
            assert!(distance <= compiled.error_bound() + 1e-12, "{distance:e}");
            // The proof comes to the same circuit with the same permutation.
            let replay = |v: VerifiedCircuit, edit: &&bqc_circuit::Edit| v.replay(edit).map(|(v, _)| v);
            let begin = VerifiedCircuit::lower(&input, false).unwrap();
            let replayed = compiled.output.edits().iter().try_fold(begin, replay).unwrap();
            assert_eq!(replayed.permutation().moved().collect::<Vec<_>>(), moved);
            assert_eq!(&replayed.circuit().to_circuit(), circuit);
            // A wrong permutation is a difference, unless it happens to be one of the circuit's symmetries.
            let mut wrong = vec![[Qubit(0), Qubit(1)], [Qubit(1), Qubit(0)]];
            wrong.extend((2..n).map(|q| [Qubit(q); 2]));
            let reference = phase_distance(&input.unitary().unwrap(), &put_back(circuit, &wrong));
            let found = compare_permuted(&input, circuit, &wrong, &CompareOptions::default()).unwrap().distance;
            assert!((reference - found).abs() < 1e-7, "{reference:e} {found:e}");
            let kept = run(&input, &Settings { permutes_output: false, ..permuting(effort) });
            assert!(kept.moved().is_empty());
            n_kept += Stats::of(kept.circuit()).n_two_qubit;
            n_permuted += Stats::of(circuit).n_two_qubit;
            n_moved += usize::from(!moved.is_empty());
        }
    }
    assert!(n_permuted < n_kept && n_moved > 10, "{n_permuted} {n_kept} {n_moved}");
}

fn measure(circuit: &mut Circuit, qubit: u32, clbit: u32) {
    let directive = Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(clbit) };
    circuit.operations.push(Operation::Directive(Box::new(directive)));
}

fn with_bits(mut circuit: Circuit) -> Circuit {
    circuit.cregs.push(Register { name: "c".into(), first: 0, size: circuit.n_qubits() as u32 });
    circuit
}

/// The bits of a circuit that takes basis states to basis states, of which each measured wire is measured at the end.
fn bits(circuit: &Circuit) -> Vec<Option<bool>> {
    let mut gates = circuit.empty_like();
    gates.operations = circuit.operations.iter().filter(|o| matches!(o, Operation::Gate(_))).cloned().collect();
    let unitary = gates.unitary().unwrap();
    let state = (0..unitary.rows()).find(|&row| unitary[(row, 0)].norm_sqr() > 0.999).unwrap();
    let mut bits = vec![None; circuit.n_clbits()];
    for operation in &circuit.operations {
        if let Operation::Directive(directive) = operation
            && let Directive::Measure { qubit, clbit } = **directive
        {
            bits[clbit.0 as usize] = Some(state >> qubit.0 & 1 == 1);
        }
    }
    bits
}

#[test]
fn measured_circuits_keep_their_bits() {
    let mut stream = Stream::new(0, 9, 1);
    let mut n_followed = 0;
    for round in 0..16 {
        let n = 5;
        let mut gates = Circuit::with_qubits(n);
        let mut wires: Vec<u32> = (0..n).collect();
        for _ in 0..14 {
            stream.shuffle(&mut wires);
            match stream.below(4) {
                0 => push(&mut gates, "x", &[], &wires[..1]),
                1 => push(&mut gates, "swap", &[], &wires[..2]),
                2 => push(&mut gates, "ccx", &[], &wires[..3]),
                _ => push(&mut gates, "cx", &[], &wires[..2]),
            }
        }
        // All of them in another order than their bits, or some, behind a barrier or not.
        stream.shuffle(&mut wires);
        let mut input = with_bits(gates);
        if round % 2 == 0 {
            input.operations.push(Operation::Directive(Box::new(Directive::Barrier((0..n).map(Qubit).collect()))));
        }
        let n_measured = if round % 4 < 2 { n } else { 3 };
        (0..n_measured).for_each(|bit| measure(&mut input, wires[bit as usize], bit));
        let effort = [Effort::E1, Effort::E2][round % 2];
        let compiled = run(&input, &permuting(effort));
        assert!(compiled.difference.is_none() && compiled.faults.is_empty());
        assert_eq!(bits(compiled.circuit()), bits(&input));
        assert!(n_measured < n || compiled.moved().is_empty(), "bits say where the qubits are");
        let found = compare_permuted(&input, compiled.circuit(), &compiled.moved(), &CompareOptions::default());
        assert!(found.unwrap().distance < 1e-10);
        n_followed += usize::from(measured_wires(compiled.circuit()) != measured_wires(&input));
    }
    assert!(n_followed > 6, "{n_followed}");
}

/// By classical bit: the wire that is measured into it.
fn measured_wires(circuit: &Circuit) -> Vec<(Clbit, Qubit)> {
    let of = |operation: &Operation| match operation {
        Operation::Directive(directive) => match **directive {
            Directive::Measure { qubit, clbit } => Some((clbit, qubit)),
            _ => None,
        },
        Operation::Gate(_) => None,
    };
    let mut wires: Vec<(Clbit, Qubit)> = circuit.operations.iter().filter_map(of).collect();
    wires.sort();
    wires
}

#[test]
fn conditions_resets_and_measurements_in_the_midst_keep_their_wires() {
    let mut stream = Stream::new(0, 9, 2);
    let gate = |name: &str, qubits: &[u32]| {
        let mut circuit = Circuit::with_qubits(4);
        push(&mut circuit, name, &[], qubits);
        circuit.operations.remove(0)
    };
    let directive = |directive| Operation::Directive(Box::new(directive));
    let condition =
        |qubit| Directive::Conditional { creg: 0, value: "1".into(), operation: Box::new(gate("x", &[qubit])) };
    let measured = |qubit, clbit| Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(clbit) };
    let ends: [Vec<Directive>; 4] = [
        // A bit that is read later, one that is written twice, a reset wire, and a wire that is measured twice.
        vec![measured(0, 0), condition(3), measured(3, 1)],
        vec![measured(0, 2), measured(1, 2), measured(2, 0)],
        vec![Directive::Reset(Qubit(1)), measured(0, 0)],
        vec![measured(0, 0), measured(0, 1), measured(2, 2)],
    ];
    for end in ends {
        for is_last in [true, false] {
            let mut input = with_bits(random(4, 8, &mut stream));
            [[0, 1], [2, 3]].iter().for_each(|pair| push(&mut input, "swap", &[], pair));
            input.operations.extend(end.iter().cloned().map(directive));
            if !is_last {
                input.operations.extend(random(4, 8, &mut stream).operations);
                [[0, 2], [1, 3]].iter().for_each(|pair| push(&mut input, "swap", &[], pair));
            }
            let compiled = run(&input, &permuting(Effort::E2));
            assert!(compiled.difference.is_none() && compiled.faults.is_empty(), "{:?}", compiled.difference);
            let options = CompareOptions::default();
            let found = compare_permuted(&input, compiled.circuit(), &compiled.moved(), &options).unwrap();
            assert!(found.distance < 1e-10, "{found:?}");
            assert!(is_last || !compiled.moved().is_empty(), "what comes after the directives is free");
        }
    }
}

#[test]
fn measurements_that_only_seem_to_end_a_wire_keep_it() {
    let swap = |circuit: &mut Circuit, pair: [u32; 2]| push(circuit, "swap", &[], &pair);
    let vanishing = |circuit: &mut Circuit| (0..2).for_each(|_| push(circuit, "h", &[], &[0]));
    // Gates after the measurement vanish, with an exchange before it, after it, or both.
    for (before, after) in [(true, false), (false, true), (true, true)] {
        for effort in [Effort::E1, Effort::E2] {
            let mut input = with_bits(random(3, 6, &mut Stream::new(0, 9, 4)));
            if before {
                swap(&mut input, [0, 2]);
            }
            measure(&mut input, 0, 0);
            vanishing(&mut input);
            if after {
                swap(&mut input, [0, 2]);
            }
            measure(&mut input, 1, 1);
            let compiled = run(&input, &permuting(effort));
            assert!(compiled.difference.is_none() && compiled.faults.is_empty(), "{:?}", compiled.difference);
            let moved = compiled.moved();
            assert!(!after || moved.len() == 2 && measured_wires(compiled.circuit())[0].1 == Qubit(0), "{moved:?}");
            assert!(after || measured_wires(compiled.circuit())[0].1 == Qubit(0), "its wire is not at its end");
            let found = compare_permuted(&input, compiled.circuit(), &moved, &CompareOptions::default());
            assert!(found.as_ref().is_ok_and(|found| found.distance < 1e-10), "{found:?}");
        }
    }
}

#[test]
fn a_swapped_wire_is_refused_with_free_outputs_too() {
    let input = random(4, 20, &mut Stream::new(0, 9, 3));
    for sabotage in [Sabotage::SwapWires, Sabotage::DropGate] {
        let mut settings = permuting(Effort::E2);
        settings.block.sabotage = Some(sabotage);
        let compiled = run(&input, &settings);
        assert!(!compiled.faults.is_empty());
        let distance = phase_distance(&input.unitary().unwrap(), &put_back(compiled.circuit(), &compiled.moved()));
        assert!(distance < 1e-10, "{distance:e}");
    }
}
