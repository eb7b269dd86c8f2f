//! Random circuits and random two-qubit unitaries in every set: the same unitary by the matrices of the gate table, only
//! gates of the set, and the known numbers of two-qubit gates.

use bqc_circuit::{BlockCircuit, Circuit, GateCall, GateId, Item, Lowered, Operation, Qubit, Sequence};
use bqc_linalg::kak::TwoQubitCircuit;
use bqc_linalg::{Matrix, Matrix4, Stream, phase_distance};
use bqc_native::{Counts, GateSet, ROUNDING, SETS, Written, written, written_until};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// What rounding makes of a whole circuit of some dozens of gates.
const WHOLE: f64 = 1e-12;
/// How far a run may be from what it was: well above rounding, and well below any angle of these tests.
const TOLERANCE: f64 = 1e-12;

/// Lists beside the sets with names, one for each kind of gate that no named set has.
const LISTS: [&str; 14] = [
    "cz,u3",
    "cx,rz,sx",
    "cy,u",
    "ch,rz,rx",
    "rxx,rx,rz",
    "ryy,u1,sx,x",
    "rzx,p,rx",
    "cp,u3",
    "crz,rz,sx",
    "cu1,gpi,gpi2",
    "iswap,u3",
    "iswap,rz,sx,x",
    "sqrt_iswap,rz,rx",
    "sqrt_iswap,cz,r",
];

fn sets() -> Vec<GateSet> {
    let names = SETS.iter().map(|row| row.name).chain(LISTS);
    names.map(|name| GateSet::parse(name).unwrap_or_else(|e| panic!("{name}: {e}"))).collect()
}

fn call(name: &str, angles: &[f64], wires: &[u32]) -> GateCall {
    let wires: Vec<Qubit> = wires.iter().map(|w| Qubit(*w)).collect();
    GateCall::new(GateId::from_name(name).unwrap(), angles, &wires)
}

/// Writes a circuit in a set, checks every piece and the whole, and gives it.
fn check(circuit: &Circuit, set: &GateSet) -> Circuit {
    check_within(TOLERANCE, circuit, set)
}

/// The same with another tolerance.
fn check_within(tolerance: f64, circuit: &Circuit, set: &GateSet) -> Circuit {
    let lowered = Lowered::of(circuit);
    checked(&lowered, written(&lowered, set, tolerance), set, tolerance)
}

/// Checks what a circuit was written as.
fn checked(lowered: &Lowered, parts: Vec<Written>, set: &GateSet, tolerance: f64) -> Circuit {
    for part in &parts {
        let Written::Piece(piece) = part else { continue };
        let mut original = BlockCircuit::new(piece.wires.len() as u16);
        for step in &piece.steps {
            let Item::Gate(gate) = lowered.item(*step as usize) else { panic!("a wall is a piece of its own") };
            let place = |wire: Qubit| piece.wires.iter().position(|w| *w == wire).unwrap();
            original.gates.push(gate.map(|wire| bqc_circuit::BlockQubit(place(wire) as u16)));
        }
        let distance = phase_distance(&original.unitary(), &piece.replacement().unitary());
        assert!(distance <= tolerance + ROUNDING, "{set:?}: {distance:e} {piece:?}");
    }
    let native = Written::circuit(lowered, &parts);
    for operation in &native.operations {
        let Operation::Gate(call) = operation else { continue };
        assert!(set.contains(call.gate()), "{set:?}: {}", call.row().qasm);
        match (set.name(), call.row().qasm, call.angles()) {
            ("ibm-fractional", "rzz", angles) => assert!(angles[0] > 0.0 && angles[0] <= FRAC_PI_2),
            ("rigetti", "rx", angles) => assert!(angles[0] == FRAC_PI_2 || angles[0] == PI),
            ("ionq", "ms", angles) => assert!(angles[2] > 0.0 && angles[2] <= FRAC_PI_2),
            _ => {}
        }
    }
    native
}

fn random_circuit(n_qubits: u32, n_gates: usize, s: &mut Stream) -> Circuit {
    let names = ["h", "t", "s", "x", "rz", "rx", "u3", "cx", "cz", "rzz", "swap", "iswap", "cx", "rzz", "cp", "ccx"];
    let mut circuit = Circuit::with_qubits(n_qubits);
    for _ in 0..n_gates {
        let row = GateId::from_name(names[s.below(names.len())]).unwrap().row();
        let mut wires: Vec<u32> = (0..n_qubits).collect();
        s.shuffle(&mut wires);
        let angles = (0..row.n_angles).map(|_| match s.below(3) {
            0 => s.below(8) as f64 * FRAC_PI_4,
            1 => s.below(4) as f64 * FRAC_PI_2,
            _ => s.uniform() * 6.0 - 3.0,
        });
        let angles: Vec<f64> = angles.collect();
        circuit.push(call(row.qasm, &angles, &wires[..row.arity]));
    }
    circuit
}

#[test]
fn random_circuits_keep_their_unitary_in_every_set() {
    let mut s = Stream::new(0, 14, 10);
    for round in 0..40 {
        let circuit = random_circuit(3 + round % 3, 5 + round as usize, &mut s);
        for set in sets() {
            let native = check(&circuit, &set);
            let distance = phase_distance(&circuit.unitary().unwrap(), &native.unitary().unwrap());
            assert!(distance < WHOLE, "{set:?}: {distance:e}");
            let most = Lowered::of(&circuit).n_two_qubit();
            let has_cx = !set.name().contains("iswap") || set.name().contains("cz");
            if has_cx {
                assert!(Counts::of(&native).n_two_qubit <= most, "{set:?}");
            }
        }
    }
}

/// A unitary on two wires as CX and u3.
fn two_qubit(u: &Matrix4) -> Circuit {
    use bqc_linalg::kak::TwoQubitGate;
    let mut circuit = Circuit::with_qubits(2);
    for gate in TwoQubitCircuit::synthesize(u, 1e-14).unwrap().gates {
        match gate {
            TwoQubitGate::One { wire, value } => circuit.push(GateCall::u3(value.u3_angles(), Qubit(wire.into()))),
            TwoQubitGate::Cx { control, target } => {
                circuit.push(GateCall::cx(Qubit(control.into()), Qubit(target.into())));
            }
        }
    }
    circuit
}

/// `exp(i(x XX + y YY + z ZZ))` between random one-qubit gates, as a circuit of the gate table.
fn of_class([x, y, z]: [f64; 3], s: &mut Stream) -> Matrix4 {
    let mut u = Matrix::identity(4);
    let mut locals = |u: &mut Matrix| (0..2).for_each(|wire| u.apply_gate(&s.su2().matrix(), &[wire]));
    locals(&mut u);
    for (name, angle) in [("rxx", x), ("ryy", y), ("rzz", z)] {
        let gate = GateId::from_name(name).unwrap();
        u.apply_gate(&(gate.row().unitary)(&[-2.0 * angle]), &[0, 1]);
    }
    locals(&mut u);
    Matrix4::from_matrix(&u).unwrap()
}

/// Classes of two-qubit unitaries, and how many gates each takes: CX alone, one rotation by any angle, `iswap` alone,
/// `iswap` and CX, square roots of `iswap`. Sources: quant-ph/0308045 for CX and, by the SWAP in it, for `iswap`;
/// coordinates that are not zero for rotations; arXiv:2105.06074 for square roots.
fn classes() -> Vec<([f64; 3], [usize; 5])> {
    let (q, e) = (FRAC_PI_4, FRAC_PI_4 / 2.0);
    vec![
        ([0.0, 0.0, 0.0], [0, 0, 0, 0, 0]),
        ([q, 0.0, 0.0], [1, 1, 2, 1, 2]),
        ([0.3, 0.0, 0.0], [2, 1, 2, 2, 2]),
        ([q, q, 0.0], [2, 2, 1, 1, 2]),
        ([e, e, 0.0], [2, 2, 2, 2, 1]),
        ([0.5, 0.3, 0.0], [2, 2, 2, 2, 2]),
        ([0.5, 0.45, 0.0], [2, 2, 2, 2, 2]),
        ([q, 0.3, 0.2], [3, 3, 3, 2, 2]),
        ([q, q, 0.2], [3, 3, 3, 2, 3]),
        ([q, q, q], [3, 3, 3, 2, 3]),
        ([0.6, 0.2, 0.1], [3, 3, 3, 3, 2]),
        ([0.6, 0.2, -0.1], [3, 3, 3, 3, 2]),
        // Just outside of a class of one or two roots, where the angles of closed forms have few digits.
        ([e, e, 5e-9], [3, 3, 3, 3, 3]),
        ([e, e, 2e-8], [3, 3, 3, 3, 3]),
        ([q, q, e + 1e-8], [3, 3, 3, 2, 3]),
        ([q, q - 1e-8, e], [3, 3, 3, 2, 3]),
        ([q, e, e + 1e-8], [3, 3, 3, 2, 3]),
        ([q - 2e-9, e, e], [3, 3, 3, 3, 3]),
        ([0.3, e, e + 5e-8], [3, 3, 3, 3, 3]),
        ([q, e, 1e-8], [3, 3, 3, 2, 2]),
        ([e + 1e-8, 0.0, 0.0], [2, 1, 2, 2, 2]),
        ([e, 1e-8, 1e-8], [3, 3, 3, 3, 2]),
        // At the borders of these classes.
        ([q - 1e-7, 0.0, 0.0], [2, 1, 2, 2, 2]),
        ([0.5, 0.3 - 1e-7, 0.2], [3, 3, 3, 3, 2]),
        ([0.5, 0.3 + 1e-7, 0.2], [3, 3, 3, 3, 3]),
        ([0.5, 0.4, 0.3], [3, 3, 3, 3, 3]),
        ([0.5, 0.4, -0.3], [3, 3, 3, 3, 3]),
    ]
}

#[test]
fn two_qubit_unitaries_take_the_known_numbers_of_gates() {
    let known = |set: &GateSet, numbers: &[usize; 5]| {
        let has = |name: &&str| set.contains(GateId::from_name(name).unwrap());
        let is_rotating = ["rzz", "zz", "rxx", "ryy", "rzx", "ms", "cp", "cu1", "crz"].iter().any(&has);
        match (is_rotating, has(&"iswap"), has(&"sqrt_iswap"), has(&"cz")) {
            (true, ..) => numbers[1],
            (_, true, _, true) => numbers[3],
            (_, true, ..) => numbers[2],
            (_, _, true, true) => numbers[0].min(numbers[4]),
            (_, _, true, false) => numbers[4],
            _ => numbers[0],
        }
    };
    let mut s = Stream::new(0, 14, 11);
    for (class, numbers) in classes() {
        for _ in 0..8 {
            let u = of_class(class, &mut s);
            let circuit = two_qubit(&u);
            for set in sets() {
                let native = check(&circuit, &set);
                assert_eq!(Counts::of(&native).n_two_qubit, known(&set, &numbers), "{set:?} {class:?}");
                let distance = phase_distance(&u.matrix(), &native.unitary().unwrap());
                assert!(distance < 1e-13, "{set:?} {class:?}: {distance:e}");
            }
        }
    }
}

#[test]
fn the_tolerance_is_spent_once() {
    // One of these rotations is dropped within the tolerance, and what is left is next to the border of a class.
    let mut circuit = Circuit::with_qubits(2);
    let angles = [("rxx", -FRAC_PI_2), ("ryy", -FRAC_PI_2 + 2.6e-10), ("rzz", -2.6e-10)];
    angles.into_iter().for_each(|(name, angle)| circuit.push(call(name, &[angle], &[0, 1])));
    for set in sets() {
        check_within(1e-10, &circuit, &set);
    }
}

#[test]
fn angles_are_moved_within_small_tolerances() {
    for shift in [4e-13, 9e-13, 2e-13] {
        let mut circuit = Circuit::with_qubits(2);
        for angle in [FRAC_PI_2 + shift, PI - shift, shift] {
            circuit.push(call("ry", &[angle], &[0]));
            circuit.push(call("rx", &[angle], &[1]));
            circuit.push(call("cx", &[], &[0, 1]));
            circuit.push(call("rz", &[0.3], &[1]));
            circuit.push(call("cx", &[], &[0, 1]));
        }
        for set in sets() {
            for tolerance in [0.0, 1e-14, 1e-13, 1e-12] {
                check_within(tolerance, &circuit, &set);
            }
        }
    }
}

#[test]
fn pieces_that_are_refused_are_written_in_other_ways() {
    let mut s = Stream::new(0, 14, 13);
    for round in 0..6 {
        let circuit = random_circuit(4, 20 + round, &mut s);
        let lowered = Lowered::of(&circuit);
        for set in sets() {
            for n_refused in [1, 2, 9] {
                let (tries, last) = (std::cell::Cell::new(0), std::cell::Cell::new(None));
                let parts = written_until(&lowered, &set, TOLERANCE, &|piece| {
                    // Each piece is refused as often, until there is no other way.
                    let is_same = last.replace(piece.steps.first().copied()) == piece.steps.first().copied();
                    tries.set(if is_same { tries.get() + 1 } else { 1 });
                    tries.get() > n_refused
                });
                let native = checked(&lowered, parts, &set, TOLERANCE);
                let distance = phase_distance(&circuit.unitary().unwrap(), &native.unitary().unwrap());
                assert!(distance < WHOLE, "{set:?}: {distance:e}");
                if n_refused > 1 && set.contains(GateId::from_name("cz").unwrap()) {
                    assert_eq!(Counts::of(&native).n_two_qubit, lowered.n_two_qubit(), "{set:?}: CX by CX");
                }
            }
        }
    }
}

/// Random unitaries for each set.
const N_RANDOM: usize = 400;

#[test]
fn random_two_qubit_unitaries_are_near_and_short() {
    let mut s = Stream::new(0, 14, 12);
    let mut n_short = 0;
    for _ in 0..N_RANDOM {
        let u = Matrix4::haar(&mut s);
        let circuit = two_qubit(&u);
        for set in sets() {
            let native = check(&circuit, &set);
            let n = Counts::of(&native).n_two_qubit;
            assert!(n <= 3, "{set:?}");
            n_short += usize::from(set.name() == "google-sqrt-iswap" && n == 2);
            let distance = phase_distance(&u.matrix(), &native.unitary().unwrap());
            assert!(distance < 1e-13, "{set:?}: {distance:e}");
        }
    }
    // 79 % of Haar-random unitaries take two square roots of iswap (arXiv:2105.06074).
    let share = n_short as f64 / N_RANDOM as f64;
    assert!((share - 0.79).abs() < 0.07, "{share}");
}

#[test]
fn qaoa_takes_one_rotation_an_edge_and_one_pulse_a_mixer() {
    let mut circuit = Circuit::with_qubits(4);
    (0..4).for_each(|w| circuit.push(call("h", &[], &[w])));
    for layer in 0..2 {
        for [a, b] in [[0, 1], [1, 2], [2, 3], [3, 0]] {
            circuit.push(call("cx", &[], &[a, b]));
            circuit.push(call("rz", &[0.3 + f64::from(layer)], &[b]));
            circuit.push(call("cx", &[], &[a, b]));
        }
        (0..4).for_each(|w| circuit.push(call("rx", &[0.7], &[w])));
    }
    for (name, n_pulses) in [("ibm-fractional", 12), ("quantinuum", 12)] {
        let native = check(&circuit, &GateSet::parse(name).unwrap());
        let counts = Counts::of(&native);
        assert_eq!((counts.n_two_qubit, counts.n_pulses), (8, n_pulses), "{name}");
    }
}
