//! The files' text. A writer of its own, because the manifest promises these bytes: the compiler's
//! output may change its form, the committed circuits may not.

use super::Entry;
use bqc_circuit::{GateCall, Operation};
use std::f64::consts::PI;
use std::fmt::Write;

/// Smallest part of π that is written as a fraction: `pi/2^20`.
const MAX_HALVINGS: u32 = 20;

/// The OpenQASM 2 text of a generated circuit. Panics on directives, which no construction has.
pub fn openqasm(entry: &Entry) -> String {
    let mut text = format!("// {}\n// {}\nOPENQASM 2.0;\ninclude \"qelib1.inc\";\n", entry.construction, entry.source);
    text.push_str(&format!("qreg q[{}];\n", entry.circuit.n_qubits()));
    for operation in &entry.circuit.operations {
        let Operation::Gate(call) = operation else { panic!("{}: only gates are generated", entry.name) };
        push_gate(&mut text, call);
    }
    text
}

fn push_gate(text: &mut String, call: &GateCall) {
    text.push_str(call.row().qasm);
    if !call.angles().is_empty() {
        let angles: Vec<String> = call.angles().iter().map(|&a| angle(a)).collect();
        let _ = write!(text, "({})", angles.join(","));
    }
    let wires: Vec<String> = call.qubits().iter().map(|q| format!("q[{}]", q.0)).collect();
    let _ = writeln!(text, " {};", wires.join(","));
}

/// `±pi/2^k` where the value is exactly that, else the shortest decimals that give the value.
fn angle(value: f64) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    match (0..=MAX_HALVINGS).find(|&k| value.abs() * 2f64.powi(k as i32) == PI) {
        Some(0) => format!("{sign}pi"),
        Some(k) => format!("{sign}pi/{}", 1u32 << k),
        None => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_are_short_and_exact() {
        let written = [PI, -PI / 2.0, PI / 1024.0, 0.25, -1e-9, 2.0, PI / 3.0].map(angle);
        let expected = ["pi", "-pi/2", "pi/1024", "0.25", "-0.000000001", "2", "1.0471975511965976"];
        assert_eq!(written, expected);
    }
}
