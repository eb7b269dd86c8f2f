//! Wide circuits with directives: what is the same is proved, and what is not, never.

use crate::{CompareOptions, Comparison, Incomparable, Method, compare_circuits};
use bqc_circuit::{Circuit, Clbit, Directive, GateCall, GateId, Operation, Qubit, Register};
use bqc_linalg::Stream;

const N_QUBITS: u32 = 40;

fn gate(circuit: &mut Circuit, name: &str, angles: &[f64], wires: &[u32]) {
    let wires: Vec<Qubit> = wires.iter().copied().map(Qubit).collect();
    let id = GateId::all().find(|id| id.row().qasm == name).unwrap();
    circuit.push(GateCall::new(id, angles, &wires));
}

fn directive(circuit: &mut Circuit, directive: Directive) {
    circuit.operations.push(Operation::Directive(Box::new(directive)));
}

/// What differs between the versions of a circuit.
#[derive(Clone, Copy, Default)]
struct Version {
    /// Rotations that are one in one version are two in the other, CCX gates have their controls exchanged.
    is_rewritten: bool,
    /// An angle of the second part is off by so much.
    error: f64,
    /// A gate of the second part stands before the measurement.
    is_moved: bool,
    /// A gate of a wire that no directive touches stands behind the directives instead of before them.
    is_late: bool,
    /// The first gate is missing.
    is_short: bool,
}

/// Gates on forty wires, a measurement, a reset and a condition in the middle, gates, measurements at the end.
fn build(version: Version) -> Circuit {
    let mut c = Circuit::with_qubits(N_QUBITS);
    c.cregs = vec![Register { name: "c".into(), first: 0, size: 3 }];
    let mut s = Stream::new(1, 0, 0);
    let layer = |c: &mut Circuit, s: &mut Stream, error: f64| {
        for q in 0..N_QUBITS - 2 {
            let angle = s.uniform() * 3.0;
            let [a, b] = if version.is_rewritten { [q + 1, q] } else { [q, q + 1] };
            gate(c, "ccx", &[], &[a, b, q + 2]);
            if version.is_rewritten {
                gate(c, "rz", &[angle - 0.25], &[q]);
                gate(c, "cx", &[], &[q, q + 1]);
                gate(c, "u1", &[0.25 + error], &[q]);
            } else {
                gate(c, "rz", &[angle], &[q]);
                gate(c, "cx", &[], &[q, q + 1]);
            }
            gate(c, "h", &[], &[q + 1]);
        }
    };
    if !version.is_short {
        gate(&mut c, "t", &[], &[N_QUBITS - 1]);
    }
    layer(&mut c, &mut s, 0.0);
    if version.is_moved {
        gate(&mut c, "h", &[], &[3]);
    }
    if !version.is_late {
        gate(&mut c, "h", &[], &[N_QUBITS - 1]);
    }
    directive(&mut c, Directive::Measure { qubit: Qubit(3), clbit: Clbit(0) });
    directive(&mut c, Directive::Reset(Qubit(7)));
    let flip = GateCall::u3([0.4, 0.0, 0.0], Qubit(5));
    let operation = Box::new(Operation::Gate(flip));
    directive(&mut c, Directive::Conditional { creg: 0, value: "1".into(), operation });
    if !version.is_moved {
        gate(&mut c, "h", &[], &[3]);
    }
    if version.is_late {
        gate(&mut c, "h", &[], &[N_QUBITS - 1]);
    }
    layer(&mut c, &mut s, version.error);
    directive(&mut c, Directive::Measure { qubit: Qubit(9), clbit: Clbit(2) });
    c
}

fn compared(a: &Circuit, b: &Circuit) -> Result<Comparison, Incomparable> {
    compare_circuits(a, b, &CompareOptions::default())
}

#[test]
fn equal_circuits_with_directives_are_proved() {
    let (original, rewritten) =
        (build(Version::default()), Version { is_rewritten: true, is_late: true, ..Version::default() });
    let same = compared(&original, &build(rewritten)).unwrap();
    assert_eq!((same.method, same.n_qubits), (Method::Paulis, N_QUBITS as usize));
    assert!(same.distance < 1e-12, "{:e}", same.distance);
    let itself = compared(&original, &original).unwrap();
    assert!(itself.distance < 1e-12 && itself.method.to_string().contains("Pauli"));
}

#[test]
fn what_differs_is_never_proved() {
    let original = build(Version::default());
    let wrong = [
        Version { is_rewritten: true, error: 1e-3, ..Version::default() },
        Version { is_moved: true, ..Version::default() },
        Version { is_short: true, ..Version::default() },
    ];
    for version in wrong {
        let found = compared(&original, &build(version));
        let is_far = matches!(found, Ok(Comparison { distance, .. }) if distance > 1e-4);
        assert!(is_far || matches!(found, Err(Incomparable::TooManyWires { .. })), "{found:?}");
    }
    // A measurement of another wire is known to differ.
    let mut other = original.clone();
    directive(&mut other, Directive::Measure { qubit: Qubit(10), clbit: Clbit(1) });
    assert!(compared(&original, &other).unwrap_err().is_difference());
}

#[test]
fn a_product_of_controls_is_proved_by_a_path_sum() {
    // Into a helper in any state and from there to the target, twice, along forty wires.
    let build = |is_around: bool, angle: f64| {
        let mut c = Circuit::with_qubits(N_QUBITS);
        for q in 0..N_QUBITS - 3 {
            let wires = [q, q + 1, q + 2, q + 3];
            match is_around {
                false => gate(&mut c, "ccx", &[], &[wires[0], wires[1], wires[3]]),
                true => {
                    for _ in 0..2 {
                        gate(&mut c, "ccx", &[], &wires[..3]);
                        gate(&mut c, "cx", &[], &wires[2..]);
                    }
                }
            }
            gate(&mut c, "h", &[], &wires[..1]);
            gate(&mut c, "rz", &[0.1 * f64::from(q) + if q == 20 { angle } else { 0.0 }], &wires[..1]);
        }
        c
    };
    let options = CompareOptions::default();
    let Comparison { distance, method, .. } =
        compare_circuits(&build(false, 0.0), &build(true, 0.0), &options).unwrap();
    assert!(distance < 1e-11 && method == Method::PathSums, "{distance:e} {method}");
    let other = compare_circuits(&build(false, 0.0), &build(true, 1e-3), &options);
    assert!(other.is_ok_and(|found| found.distance > 1e-4 && found.method == Method::PathSums));
    let none = CompareOptions { with_bounds: false, ..options };
    assert!(matches!(
        compare_circuits(&build(false, 0.0), &build(true, 0.0), &none),
        Err(Incomparable::TooManyWires { n_qubits: 40, .. })
    ));
}
