//! The `openqasm` crate as an oracle: on what it can read, it must see the same operations.
//!
//! It is handed a `qelib1.inc` in which every row of the gate table is `opaque`, so that it expands the
//! source's own gates and no others, which is what our reader does. Its angles are f32 and rational
//! multiples of π: they are compared to 1e-6 relative. It panics on conditionals and refuses
//! redefinitions, exponents without point and a byte-order mark, so such sources are left out; the test
//! counts what it compared and says what it left out.

use bqc_circuit::gates::TABLE;
use bqc_circuit::{Circuit, Directive, Operation};
use bqc_qasm::{ParseOptions, SourceText, parse};
use openqasm::ast::Symbol;
use openqasm::parser::{FilePolicy, FileResult};
use openqasm::translate::{GateWriter, Linearize, ProgramVisitor, Value};
use std::convert::Infallible;
use std::path::{Path, PathBuf};

/// f32 has a relative precision of 6e-8, and expressions lose some of it.
const ANGLE_TOL: f64 = 1e-6;

/// One operation in the terms of both readers.
#[derive(Debug, PartialEq)]
struct Step {
    name: String,
    angles: Vec<f64>,
    wires: Vec<usize>,
}

impl Step {
    fn agrees(&self, other: &Step) -> bool {
        let close = |(a, b): (&f64, &f64)| (a - b).abs() <= ANGLE_TOL * a.abs().max(1.0);
        self.name == other.name && self.wires == other.wires && self.angles.iter().zip(&other.angles).all(close)
    }
}

/// What our reader sees; nothing if the crate cannot represent it.
fn ours(circuit: &Circuit) -> Option<Vec<Step>> {
    let wires = |qubits: &[bqc_circuit::Qubit]| qubits.iter().map(|q| q.index()).collect::<Vec<_>>();
    let step = |name: &str, wires| Step { name: name.into(), angles: vec![], wires };
    let see = |operation: &Operation| match operation {
        Operation::Gate(call) => {
            Some(Step { name: call.row().qasm.into(), angles: call.angles().to_vec(), wires: wires(call.qubits()) })
        }
        Operation::Directive(directive) => match &**directive {
            Directive::Barrier(qubits) => {
                let mut wires = wires(qubits);
                wires.sort();
                Some(step("barrier", wires))
            }
            Directive::Measure { qubit, clbit } => Some(step("measure", vec![qubit.index(), clbit.index()])),
            Directive::Reset(qubit) => Some(step("reset", vec![qubit.index()])),
            Directive::Opaque { gate, angles, qubits, .. } => {
                let name = circuit.opaque_gates[*gate].name.clone();
                Some(Step { name, angles: angles.clone(), wires: wires(qubits) })
            }
            Directive::Conditional { .. } => None,
        },
    };
    circuit.operations.iter().map(see).collect()
}

/// Collects what the crate sees.
struct Collector<'s>(&'s mut Vec<Step>);

impl Collector<'_> {
    fn step(&mut self, name: &str, angles: &[Value], wires: Vec<usize>) -> Result<(), Infallible> {
        let angles = angles.iter().map(|value| f64::from(value.into_float())).collect();
        self.0.push(Step { name: name.into(), angles, wires });
        Ok(())
    }
}

impl GateWriter for Collector<'_> {
    type Error = Infallible;

    fn initialize(&mut self, _: &[Symbol], _: &[Symbol]) -> Result<(), Infallible> {
        Ok(())
    }
    fn write_cx(&mut self, copy: usize, xor: usize) -> Result<(), Infallible> {
        self.step("cx", &[], vec![copy, xor])
    }
    fn write_u(&mut self, theta: Value, phi: Value, lambda: Value, reg: usize) -> Result<(), Infallible> {
        self.step("u3", &[theta, phi, lambda], vec![reg])
    }
    fn write_opaque(&mut self, name: &Symbol, angles: &[Value], wires: &[usize]) -> Result<(), Infallible> {
        self.step(name.as_str(), angles, wires.to_vec())
    }
    fn write_barrier(&mut self, wires: &[usize]) -> Result<(), Infallible> {
        let mut wires = wires.to_vec();
        wires.sort();
        self.step("barrier", &[], wires)
    }
    fn write_measure(&mut self, from: usize, to: usize) -> Result<(), Infallible> {
        self.step("measure", &[], vec![from, to])
    }
    fn write_reset(&mut self, wire: usize) -> Result<(), Infallible> {
        self.step("reset", &[], vec![wire])
    }
    fn start_conditional(&mut self, _: usize, _: usize, _: u64) -> Result<(), Infallible> {
        Ok(())
    }
    fn end_conditional(&mut self) -> Result<(), Infallible> {
        Ok(())
    }
}

/// Every row of the table as an opaque gate.
fn opaque_library() -> String {
    let list = |letter: char, n: usize| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>().join(",");
    let declare = |row: &bqc_circuit::Gate| {
        let parameters = if row.n_angles == 0 { String::new() } else { format!("({})", list('p', row.n_angles)) };
        format!("opaque {}{parameters} {};\n", row.qasm, list('q', row.arity))
    };
    TABLE.iter().map(declare).collect()
}

/// What the crate sees, or why it does not.
fn theirs(text: &str) -> Result<Vec<Step>, String> {
    let mut library = |path: &Path| match path.to_str() {
        Some("qelib1.inc") => FileResult::Success(opaque_library()),
        _ => FileResult::Error(format!("no file {}", path.display()).into()),
    };
    let mut cache = openqasm::SourceCache::new();
    let mut parser = openqasm::Parser::new(&mut cache).with_file_policy(FilePolicy::Custom(&mut library));
    parser.parse_source::<String>(text.to_owned(), None);
    let program = parser.done().map_err(|errors| format!("{errors:?}"))?;
    program.type_check().map_err(|errors| format!("{errors:?}"))?;
    let mut steps = Vec::new();
    let collector = Collector(&mut steps);
    Linearize::new(collector, usize::MAX).visit_program(&program).map_err(|error| format!("{error:?}"))?;
    Ok(steps)
}

/// Compares one source; says why it could not be, and panics if the readers differ.
fn compare(name: &str, text: &str) -> Result<(), String> {
    let circuit =
        parse(&SourceText::new(name, text), &ParseOptions::default()).unwrap_or_else(|e| panic!("{}", e.render()));
    let ours = ours(&circuit).ok_or("it has conditionals, on which the crate panics")?;
    let theirs = theirs(text)?;
    assert_eq!(ours.len(), theirs.len(), "{name}: numbers of operations");
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!(a.agrees(b), "{name}, operation {i}: we see {a:?}, the crate {b:?}");
    }
    Ok(())
}

/// Compares all sources of a folder; returns how many could be.
fn compare_folder(folder: &Path) -> usize {
    let mut files: Vec<PathBuf> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "qasm"));
    files.sort();
    let mut n_compared = 0;
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        match compare(&file.display().to_string(), &text) {
            Ok(()) => n_compared += 1,
            Err(reason) => {
                let reason: String = reason.chars().take(120).collect();
                println!("left out {}: {reason}", file.display());
            }
        }
    }
    n_compared
}

#[test]
fn committed_circuits_are_seen_alike() {
    let n_compared = compare_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/differential"));
    assert_eq!(n_compared, 8, "every committed circuit is one that the crate can read");
}

#[test]
fn the_accepted_corpus_is_seen_alike_where_the_crate_reads_it() {
    let n_compared = compare_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/accepted"));
    assert!(n_compared >= 8, "{n_compared} were compared");
}

#[test]
fn published_circuits_are_seen_alike_where_the_crate_reads_them() {
    let n_compared = compare_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../circuits"));
    assert!(n_compared >= 40, "{n_compared} were compared");
}
