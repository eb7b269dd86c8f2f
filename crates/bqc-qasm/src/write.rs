//! The writer: OpenQASM 2 that [`crate::parse`] reads back as the same circuit.
//!
//! One statement per line, registers under their own names, angles as the shortest decimal that is
//! the same f64. The file includes `qelib1.inc` and defines the used gates that no version of that
//! file contains. Gates that only Qiskit's longer version contains (`sx`, `p`, …) are used without a
//! definition, as Qiskit's own exporter does: a reader with the longer file refuses a second one. [`write_native`] defines
//! them too, because readers with the paper's file are more.

use crate::permutation::comment;
use bqc_circuit::gates::{Library, TABLE};
use bqc_circuit::{Circuit, Clbit, Directive, GateCall, Operation, PiFraction, Qubit, Register};
use std::io::{self, Write};

/// Writes `circuit` as OpenQASM 2. Pass a buffered writer: there is one small write per word.
///
/// # Errors
/// What `out` returns, and [`io::ErrorKind::InvalidInput`] for a circuit that OpenQASM 2 cannot say:
/// an angle that is not finite, an opaque gate with the name of a library gate in use, or a condition
/// within a condition. [`crate::parse`] returns no such circuit.
pub fn write(circuit: &Circuit, out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD)?;
    body(circuit, Angles::Decimals, out)
}

/// The same with angles that stand for a multiple of π/2^k as that multiple, `-3*pi/8`. What is read back is the same
/// circuit, as long as each angle is the double that this expression evaluates to; else the angle stays a decimal.
///
/// # Errors
/// Those of [`write()`].
pub fn write_exact(circuit: &Circuit, out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD)?;
    body(circuit, Angles::Fractions, out)
}

/// As [`write()`], with a comment in the head that says which qubits are on other wires at the end: see
/// [`crate::permutation_text`].
///
/// # Errors
/// As those of [`write()`].
pub fn write_permuted(circuit: &Circuit, moved: &[[Qubit; 2]], out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD)?;
    writeln!(out, "{}", comment(circuit, moved))?;
    body(circuit, Angles::Decimals, out)
}

/// As [`write()`], for readers of all kinds: the file defines every used gate that the paper's `qelib1.inc` lacks, and
/// its angles have no exponents. `moved`: as for [`write_permuted`]; none if there is to be no comment.
///
/// # Errors
/// As those of [`write()`].
pub fn write_native(circuit: &Circuit, moved: Option<&[[Qubit; 2]]>, out: &mut impl Write) -> io::Result<()> {
    out.write_all(HEAD)?;
    if let Some(moved) = moved {
        writeln!(out, "{}", comment(circuit, moved))?;
    }
    body(circuit, Angles::Plain, out)
}

/// What every file begins with.
const HEAD: &[u8] = b"OPENQASM 2.0;\ninclude \"qelib1.inc\";\n";

/// How angles are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Angles {
    Decimals,
    /// As multiples of π where they are.
    Fractions,
    /// As decimals without exponents, in a file that defines what the paper's library lacks.
    Plain,
}

/// Everything after the head.
fn body(circuit: &Circuit, form: Angles, out: &mut impl Write) -> io::Result<()> {
    let used = used_rows(circuit);
    let is_defined = |library| match form {
        Angles::Plain => library != Library::Paper,
        Angles::Decimals | Angles::Fractions => library == Library::Nowhere,
    };
    for (row, _) in TABLE.iter().zip(&used).filter(|(row, used)| **used && is_defined(row.library)) {
        if let Some(definition) = row.definition {
            writeln!(out, "{definition}")?;
        }
    }
    for gate in &circuit.opaque_gates {
        if TABLE.iter().zip(&used).any(|(row, &used)| row.qasm == gate.name && (used || row.library == Library::Paper))
        {
            return Err(invalid(format!("opaque gate `{}` has the name of a library gate", gate.name)));
        }
        let list = |letter, n| (0..n).map(|i| format!("{letter}{i}")).collect::<Vec<_>>().join(",");
        let parameters = if gate.n_angles == 0 { String::new() } else { format!("({})", list('p', gate.n_angles)) };
        writeln!(out, "opaque {}{parameters} {};", gate.name, list('q', gate.arity))?;
    }
    for register in &circuit.qregs {
        writeln!(out, "qreg {}[{}];", register.name, register.size)?;
    }
    for register in &circuit.cregs {
        writeln!(out, "creg {}[{}];", register.name, register.size)?;
    }
    let names = Names { qubits: ElementNames::of(&circuit.qregs), clbits: ElementNames::of(&circuit.cregs), form };
    circuit.operations.iter().try_for_each(|operation| statement(circuit, &names, operation, false, out))
}

/// Which rows of the table occur, by index, under conditions too.
fn used_rows(circuit: &Circuit) -> Vec<bool> {
    let mut used = vec![false; TABLE.len()];
    for mut operation in &circuit.operations {
        while let Operation::Directive(directive) = operation
            && let Directive::Conditional { operation: inner, .. } = &**directive
        {
            operation = inner;
        }
        if let Operation::Gate(call) = operation {
            used[call.gate().index()] = true;
        }
    }
    used
}

/// `name[index]` of every wire and bit, made once, and how angles are written.
struct Names {
    qubits: ElementNames,
    clbits: ElementNames,
    form: Angles,
}

struct ElementNames {
    text: String,
    /// Where each name ends; it begins where the one before ends.
    ends: Vec<usize>,
}

impl ElementNames {
    fn of(registers: &[Register]) -> ElementNames {
        let (mut text, mut ends) = (String::new(), Vec::new());
        for register in registers {
            for index in 0..register.size {
                text += &format!("{}[{index}]", register.name);
                ends.push(text.len());
            }
        }
        ElementNames { text, ends }
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text.as_bytes()[start..self.ends[index]]
    }
}

fn statement(
    circuit: &Circuit,
    names: &Names,
    operation: &Operation,
    conditional: bool,
    out: &mut impl Write,
) -> io::Result<()> {
    let directive = match operation {
        Operation::Gate(call) => return gate(names, call, out),
        Operation::Directive(directive) => &**directive,
    };
    let qubit = |qubit: &Qubit| names.qubits.get(qubit.index());
    let clbit = |clbit: &Clbit| names.clbits.get(clbit.index());
    match directive {
        // Nothing stands between no wires.
        Directive::Barrier(qubits) if qubits.is_empty() => Ok(()),
        Directive::Barrier(qubits) => {
            out.write_all(b"barrier ")?;
            operands(names, qubits, out)
        }
        Directive::Measure { qubit: q, clbit: c } => {
            out.write_all(b"measure ")?;
            out.write_all(qubit(q))?;
            out.write_all(b" -> ")?;
            out.write_all(clbit(c))?;
            out.write_all(b";\n")
        }
        Directive::Reset(q) => {
            out.write_all(b"reset ")?;
            out.write_all(qubit(q))?;
            out.write_all(b";\n")
        }
        Directive::Conditional { .. } if conditional => Err(invalid("a condition within a condition".into())),
        Directive::Conditional { creg, value, operation } => {
            write!(out, "if({}=={value}) ", circuit.cregs[*creg].name)?;
            statement(circuit, names, operation, true, out)
        }
        Directive::Opaque { gate, angles: list, qubits, .. } => {
            out.write_all(circuit.opaque_gates[*gate].name.as_bytes())?;
            angles(names, list, out)?;
            out.write_all(b" ")?;
            operands(names, qubits, out)
        }
    }
}

fn gate(names: &Names, call: &GateCall, out: &mut impl Write) -> io::Result<()> {
    out.write_all(call.row().qasm.as_bytes())?;
    angles(names, call.angles(), out)?;
    out.write_all(b" ")?;
    operands(names, call.qubits(), out)
}

/// `a,b;` and the end of the line.
fn operands(names: &Names, qubits: &[Qubit], out: &mut impl Write) -> io::Result<()> {
    for (i, qubit) in qubits.iter().enumerate() {
        if i > 0 {
            out.write_all(b",")?;
        }
        out.write_all(names.qubits.get(qubit.index()))?;
    }
    out.write_all(b";\n")
}

/// `(1.5,-0.25)`, or nothing for no angles.
fn angles(names: &Names, angles: &[f64], out: &mut impl Write) -> io::Result<()> {
    for (i, &value) in angles.iter().enumerate() {
        out.write_all(if i == 0 { b"(" } else { b"," })?;
        match PiFraction::of(value).filter(|pi| names.form == Angles::Fractions && is_read_as(pi, value)) {
            Some(fraction) => write!(out, "{fraction}")?,
            None if names.form == Angles::Plain => plain_angle(value, out)?,
            None => angle(value, out)?,
        }
    }
    if angles.is_empty() { Ok(()) } else { out.write_all(b")") }
}

/// Whether the expression of a fraction evaluates to this very double.
fn is_read_as(fraction: &PiFraction, value: f64) -> bool {
    fraction.radians().to_bits() == value.to_bits()
}

/// The shortest decimal without an exponent that reads back as `value`.
fn plain_angle(value: f64, out: &mut impl Write) -> io::Result<()> {
    match value {
        _ if !value.is_finite() => angle(value, out),
        // Without a fraction Rust writes no decimal point.
        _ if value.fract() == 0.0 => write!(out, "{value:.1}"),
        _ => write!(out, "{value}"),
    }
}

/// The shortest decimal that reads back as `value`. The specification's real numbers have a decimal
/// point, which Rust leaves out before an exponent.
fn angle(value: f64, out: &mut impl Write) -> io::Result<()> {
    if !value.is_finite() {
        return Err(invalid(format!("the angle {value} is not finite")));
    }
    let magnitude = value.abs();
    // Where Rust's `{:?}` has a decimal point and no exponent.
    if magnitude == 0.0 || (1e-4..1e16).contains(&magnitude) {
        return write!(out, "{value:?}");
    }
    let text = format!("{value:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !digits.contains('.') => write!(out, "{digits}.0e{exponent}"),
        _ => out.write_all(text.as_bytes()),
    }
}

fn invalid(message: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, message)
}
