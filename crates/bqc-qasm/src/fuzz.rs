//! What must hold for any bytes whatever; called by the fuzz targets in `fuzz/` and, over a committed
//! corpus and its mutations, by the tests on a stable toolchain.

use crate::{Limits, ParseOptions, SourceText, parse, write};
use bqc_circuit::{Circuit, Directive, Operation};

/// Bounds that keep one call in the milliseconds, so that a fuzzer sees many of them.
const LIMITS: Limits = Limits {
    max_depth: 50,
    max_qubits: 1000,
    max_clbits: 1000,
    max_operations: 10_000,
    max_include_depth: 4,
    max_includes: 8,
};

/// A message has at most two excerpts of some 130 characters each and a few lines of prose.
const MAX_MESSAGE_BYTES: usize = 4000;

/// Parses `bytes`. What can be read must be writable, and what was written must read as the same
/// circuit. What cannot be read must have a message of readable length. Says whether it could be read.
///
/// # Panics
/// If any of that fails: a bug in this crate.
pub fn read(bytes: &[u8]) -> bool {
    let options = ParseOptions { limits: LIMITS, ..ParseOptions::default() };
    let circuit = match parse(&SourceText::new("input", bytes), &options) {
        Ok(circuit) => circuit,
        Err(diagnostic) => {
            let message = diagnostic.render();
            assert!(message.len() < MAX_MESSAGE_BYTES, "{message}");
            return false;
        }
    };
    let mut text = Vec::new();
    write(&circuit, &mut text).expect("a circuit that was read can be written");
    // What was written has no statement that counts more than the one it came from, so the same limits
    // hold.
    let again = parse(&SourceText::new("written", text), &options).unwrap_or_else(|e| panic!("{}", e.render()));
    assert_eq!(without_lines(circuit), without_lines(again), "reading what was written");
    true
}

/// The same for bytes that are read as version 3, whether they say so or not.
///
/// # Panics
/// As [`read`].
pub fn read_version_3(bytes: &[u8]) -> bool {
    if crate::v3::is_version_3(bytes) {
        return read(bytes);
    }
    read(&[b"OPENQASM 3.0;\n", bytes].concat())
}

/// The circuit without the source lines of opaque gates, which writing moves.
pub fn without_lines(mut circuit: Circuit) -> Circuit {
    fn clear(operation: &mut Operation) {
        if let Operation::Directive(directive) = operation {
            match &mut **directive {
                Directive::Opaque { line, .. } => *line = 0,
                Directive::Conditional { operation, .. } => clear(operation),
                _ => {}
            }
        }
    }
    circuit.operations.iter_mut().for_each(clear);
    circuit
}
