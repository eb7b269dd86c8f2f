//! Reading what was written gives the same circuit, for any circuit that OpenQASM 2 can say.

use bqc_circuit::{Circuit, Clbit, Directive, GateCall, GateId, OpaqueGate, Operation, Qubit, Register};
use bqc_qasm::{ParseOptions, SourceText, fuzz, parse, write, write_native};
use proptest::prelude::*;

const N_QUBITS: u32 = 9;
const N_CLBITS: u32 = 5;

/// Nine wires and five bits in three registers each, and two opaque gates.
fn registers() -> Circuit {
    let register = |name: &str, first, size| Register { name: name.into(), first, size };
    let opaque = |name: &str, n_angles, arity| OpaqueGate { name: name.into(), n_angles, arity };
    Circuit {
        qregs: vec![register("q", 0, 5), register("_Anc", 5, 1), register("h", 6, 3)],
        cregs: vec![register("c", 0, 2), register("empty", 2, 0), register("m_1", 2, 3)],
        opaque_gates: vec![opaque("magic", 2, 3), opaque("delay", 0, 1)],
        operations: Vec::new(),
    }
}

/// Finite angles of every size, with their bits, and the common ones.
fn angle() -> impl Strategy<Value = f64> {
    let any = any::<u64>().prop_map(f64::from_bits).prop_filter("finite", |x| x.is_finite());
    prop_oneof![any, -7.0..7.0f64, Just(0.0), Just(-0.0), Just(1e-5), Just(1e16), Just(-5e-324), Just(f64::MAX)]
}

fn distinct_qubits(n: usize) -> impl Strategy<Value = Vec<Qubit>> {
    Just((0..N_QUBITS).map(Qubit).collect::<Vec<_>>()).prop_shuffle().prop_map(move |mut qubits| {
        qubits.truncate(n);
        qubits
    })
}

fn gate() -> impl Strategy<Value = Operation> {
    let rows: Vec<GateId> = GateId::all().collect();
    (proptest::sample::select(rows), proptest::collection::vec(angle(), 4), distinct_qubits(5)).prop_map(
        |(gate, angles, qubits)| {
            let row = gate.row();
            Operation::Gate(GateCall::new(gate, &angles[..row.n_angles], &qubits[..row.arity]))
        },
    )
}

fn directive(directive: impl Strategy<Value = Directive>) -> impl Strategy<Value = Operation> {
    directive.prop_map(|directive| Operation::Directive(Box::new(directive)))
}

/// What may stand behind a condition.
fn quantum_operation() -> impl Strategy<Value = Operation> {
    let measure = (0..N_QUBITS, 0..N_CLBITS)
        .prop_map(|(qubit, clbit)| Directive::Measure { qubit: Qubit(qubit), clbit: Clbit(clbit) });
    let reset = (0..N_QUBITS).prop_map(|qubit| Directive::Reset(Qubit(qubit)));
    let magic = (proptest::collection::vec(angle(), 2), distinct_qubits(3))
        .prop_map(|(angles, qubits)| Directive::Opaque { gate: 0, angles, qubits, line: 0 });
    let delay = distinct_qubits(1).prop_map(|qubits| Directive::Opaque { gate: 1, angles: vec![], qubits, line: 0 });
    prop_oneof![6 => gate(), 1 => directive(measure), 1 => directive(reset), 1 => directive(magic), 1 => directive(delay)]
}

fn operation() -> impl Strategy<Value = Operation> {
    let barrier = (1..N_QUBITS as usize).prop_flat_map(distinct_qubits).prop_map(Directive::Barrier);
    let conditional = (0..3usize, "[0-9]{1,30}", quantum_operation())
        .prop_map(|(creg, value, operation)| Directive::Conditional { creg, value, operation: Box::new(operation) });
    prop_oneof![6 => quantum_operation(), 1 => directive(barrier), 2 => directive(conditional)]
}

/// Equality of circuits that also tells -0.0 from 0.0: `Debug` prints every bit of a finite number.
fn same_bits(a: &Circuit, b: &Circuit) -> bool {
    a == b && format!("{a:?}") == format!("{b:?}")
}

proptest! {
    #[test]
    fn written_circuits_read_back_the_same(operations in proptest::collection::vec(operation(), 0..60)) {
        let circuit = Circuit { operations, ..registers() };
        let mut text = Vec::new();
        write(&circuit, &mut text).unwrap();
        let source = SourceText::new("written", text);
        let again = parse(&source, &ParseOptions::default()).map_err(|e| TestCaseError::fail(e.render()))?;
        prop_assert!(same_bits(&circuit, &fuzz::without_lines(again)), "{}", String::from_utf8_lossy(&source.bytes));
        // The same with definitions of all that the paper's library lacks.
        let mut text = Vec::new();
        write_native(&circuit, None, &mut text).unwrap();
        let source = SourceText::new("written", text);
        let again = parse(&source, &ParseOptions::default()).map_err(|e| TestCaseError::fail(e.render()))?;
        prop_assert!(same_bits(&circuit, &fuzz::without_lines(again)), "{}", String::from_utf8_lossy(&source.bytes));
    }
}

fn written(operations: Vec<Operation>) -> std::io::Result<()> {
    write(&Circuit { operations, ..registers() }, &mut Vec::new())
}

#[test]
fn what_openqasm_cannot_say_is_refused() {
    let z = Operation::Gate(GateCall::u3([0.0, 0.0, f64::NAN], Qubit(0)));
    assert_eq!(written(vec![z]).unwrap_err().to_string(), "the angle NaN is not finite");

    let condition = |operation| {
        let value = "1".to_owned();
        Operation::Directive(Box::new(Directive::Conditional { creg: 0, value, operation: Box::new(operation) }))
    };
    let cx = || Operation::Gate(GateCall::cx(Qubit(0), Qubit(1)));
    assert!(written(vec![condition(cx())]).is_ok());
    assert_eq!(written(vec![condition(condition(cx()))]).unwrap_err().to_string(), "a condition within a condition");

    let mut circuit = registers();
    circuit.opaque_gates[0].name = "cx".into();
    let error = write(&circuit, &mut Vec::new()).unwrap_err();
    assert_eq!(error.to_string(), "opaque gate `cx` has the name of a library gate");
}

#[test]
fn a_full_disk_is_an_error() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(write(&registers(), &mut Full).unwrap_err().kind(), std::io::ErrorKind::StorageFull);
}
