//! The gate table's definition texts, read as anybody's definitions are read, have the row's matrix.

use bqc_circuit::gates::Library;
use bqc_circuit::{GateId, Operation};
use bqc_linalg::{Stream, phase_distance};
use bqc_qasm::{ParseOptions, SourceText, parse};

/// Five dozen gates on five wires round to less.
const ROUNDING: f64 = 1e-14;

/// A file that defines the row under a name that no row has, and applies it once.
fn file(gate: GateId, definition: &str, angles: &[f64]) -> String {
    let row = gate.row();
    let own = definition.replacen(&format!("gate {}", row.qasm), "gate own_name", 1);
    let wires: Vec<String> = (0..row.arity).map(|i| format!("q[{i}]")).collect();
    let angles: Vec<String> = angles.iter().map(f64::to_string).collect();
    let arguments = if angles.is_empty() { String::new() } else { format!("({})", angles.join(",")) };
    let head = format!("OPENQASM 2.0;\ninclude \"qelib1.inc\";\n{own}\nqreg q[{}];\n", row.arity);
    format!("{head}own_name{arguments} {};\n", wires.join(","))
}

#[test]
fn every_definition_has_the_matrix_of_its_row() {
    let mut stream = Stream::new(0, 0, 0);
    for gate in GateId::all() {
        let row = gate.row();
        let Some(definition) = row.definition else { continue };
        for _ in 0..5 {
            let angles: Vec<f64> = (0..row.n_angles).map(|_| 8.0 * stream.uniform() - 4.0).collect();
            let source = SourceText::new(row.qasm, file(gate, definition, &angles));
            let circuit = parse(&source, &ParseOptions::default()).unwrap_or_else(|d| panic!("{}", d.render()));
            let is_printed = |o: &Operation| matches!(o, Operation::Gate(g) if g.row().library == Library::Paper);
            assert!(circuit.operations.iter().all(is_printed), "{} needs more than the paper's file", row.qasm);
            let distance = phase_distance(&circuit.unitary().unwrap(), &(row.unitary)(&angles));
            assert!(distance < ROUNDING, "{}({angles:?}): {distance:e}", row.qasm);
        }
    }
}
