//! Whether a source has only gates of a set, and where it first has another one.

use crate::diagnostic::Failed;
use crate::problem::{Problem, clip};
use crate::reader::{ParseOptions, Reader};
use crate::source::SourceText;
use crate::token::Token;
use crate::v3;
use bqc_circuit::{Circuit, Directive, GateId, Operation};
use std::cell::OnceCell;

/// Reads a source as [`crate::parse`] does, and stops at the first statement that applies a gate which is not in a set:
/// after gates of the source are inlined, under conditions too. Opaque gates are in no set. Barriers, measurements and
/// resets are in every one.
///
/// * `set`: what the message calls the set.
/// * `has_gate`: whether a gate of the table is in it.
///
/// # Errors
/// The place of that statement, or of the first mistake.
pub fn check_gates(
    source: &SourceText,
    options: &ParseOptions,
    set: &str,
    has_gate: &dyn Fn(GateId) -> bool,
) -> Result<(), Box<crate::Diagnostic>> {
    let problem = |circuit: &Circuit, operation: &Operation| {
        let gate = foreign(operation, has_gate)?;
        let name = gate.unwrap_or_else(|opaque| circuit.opaque_gates[opaque].name.as_str());
        Some(Problem::ForeignGate { gate: clip(name), set: set.to_owned() })
    };
    if v3::is_version_3(&source.bytes) {
        return v3::check(source, options, &problem);
    }
    let files: Vec<OnceCell<SourceText>> = vec![OnceCell::new(); options.limits.includes()];
    let mut reader = Reader::new(source, options, &files)?;
    reader.header()?;
    loop {
        if reader.cursor.token != Token::End {
            checked_statement(&mut reader, &problem)?;
        } else if let Some(outer) = reader.outer.pop() {
            reader.cursor = outer;
        } else {
            return Ok(());
        }
    }
}

/// Reads one statement, and forgets the operations that it appends.
fn checked_statement(
    reader: &mut Reader,
    problem: &dyn Fn(&Circuit, &Operation) -> Option<Problem>,
) -> Result<(), Failed> {
    let span = reader.cursor.span;
    reader.statement()?;
    for operation in std::mem::take(&mut reader.circuit.operations) {
        if let Some(problem) = problem(&reader.circuit, &operation) {
            return Err(reader.cursor.error(span, problem));
        }
    }
    Ok(())
}

/// A gate that is not in the set: the name of a row, or the number of an opaque gate.
fn foreign(operation: &Operation, has_gate: &dyn Fn(GateId) -> bool) -> Option<Result<&'static str, usize>> {
    match operation {
        Operation::Gate(call) => (!has_gate(call.gate())).then(|| Ok(call.row().qasm)),
        Operation::Directive(directive) => match &**directive {
            Directive::Conditional { operation, .. } => foreign(operation, has_gate),
            Directive::Opaque { gate, .. } => Some(Err(*gate)),
            Directive::Barrier(_) | Directive::Measure { .. } | Directive::Reset(_) => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, names: &[&str]) -> Result<(), String> {
        let source = SourceText::new("a.qasm", text);
        let has_gate = |id: GateId| names.contains(&id.row().qasm);
        check_gates(&source, &ParseOptions::default(), "the set", &has_gate).map_err(|e| e.to_string())
    }

    #[test]
    fn the_first_gate_outside_of_a_set_is_named_with_its_place() {
        let text = "OPENQASM 2.0;\nqreg q[2];\ncreg c[1];\ngate g a { h a; }\nx q;\nmeasure q[0] -> c[0];\n  if(c==1) g q[1];\n";
        assert_eq!(check(text, &["x", "h"]), Ok(()));
        assert_eq!(check(text, &["x"]), Err("a.qasm:7:3: `h` is not a gate of the set".into()));
        assert_eq!(check(text, &["h"]), Err("a.qasm:5:1: `x` is not a gate of the set".into()));
        let opaque = "qreg q[1]; opaque magic a; barrier q; magic q[0];";
        assert_eq!(check(opaque, &["x"]), Err("a.qasm:1:39: `magic` is not a gate of the set".into()));
        let new = "OPENQASM 3.0;\nqubit[2] q;\ngate g a { h a; }\nx q[0];\nfor int i in [0:1] {\n  g q[i];\n}\n";
        assert_eq!(check(new, &["x", "h"]), Ok(()));
        assert_eq!(check(new, &["x"]), Err("a.qasm:5:1: `h` is not a gate of the set".into()));
        assert_eq!(check(new, &["h"]), Err("a.qasm:4:1: `x` is not a gate of the set".into()));
        assert!(check("OPENQASM 3.0; qubit q; x q[1];", &["x"]).unwrap_err().contains("1:"));
        assert!(check("qreg q[1]; x q[1];", &["x"]).unwrap_err().contains("1:"));
    }
}
