//! Leaves under controls, as rows of the table: exact, up to the phase of the whole circuit.
//!
//! With one control the row itself is used where there is one (`ctrl @ x` is `cx`). Otherwise everything comes down to
//! phases under controls, which [`Rows::phase`] writes. Sources: Barenco et al., arXiv:quant-ph/9503016, lemma 4.3 (a
//! rotation between two `x`) and section 5.

use crate::v3::leaf::{Base, Control, Leaf, call};
use crate::v3::rows::Rows;
use bqc_circuit::{GateCall, Qubit};
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

/// Appends the gates of `leaf`, which is no barrier.
pub(crate) fn expand(leaf: &Leaf, rows: &mut Rows) {
    if leaf.controls.is_empty() {
        if let Base::Gate(call) = leaf.base {
            rows.push(call);
        }
        return;
    }
    let negative = leaf.controls.iter().filter(|control| !control.on_one).map(|control| control.qubit);
    negative.clone().for_each(|qubit| rows.gate("x", &[], &[qubit]));
    let inner = leaf.uncontrolled();
    let controls: Vec<Qubit> = inner.controls.iter().map(|control| control.qubit).collect();
    rows.phase(inner.phase, &controls);
    if let Base::Gate(gate) = &inner.base {
        match *gate.qubits() {
            [target] => one_qubit(gate, &controls, target, rows),
            [a, b] => two_qubits(&inner, gate, &controls, a, b, rows),
            _ => lowered(&inner, rows),
        }
    }
    negative.for_each(|qubit| rows.gate("x", &[], &[qubit]));
}

/// What has no form of its own: every gate of the lowered form under the controls.
fn lowered(leaf: &Leaf, rows: &mut Rows) {
    // The phase of the leaf has been written.
    let leaf = Leaf { phase: 0.0, ..leaf.clone() };
    for inner in leaf.lowered() {
        if rows.is_full() {
            return;
        }
        let controls = inner.controls.iter().map(|&control| Control { on_one: true, ..control });
        expand(&Leaf { controls: controls.collect(), ..inner }, rows);
    }
}

/// `gate` on `target` under at least one control.
fn one_qubit(gate: &GateCall, controls: &[Qubit], target: Qubit, rows: &mut Rows) {
    let (name, angles) = (gate.row().qasm, gate.angles());
    let mut all = controls.to_vec();
    all.push(target);
    let on = [target];
    if let [_] = controls
        && let Some(row) = with_one_control(name)
    {
        return rows.gate(row, angles, &all);
    }
    match (name, angles) {
        ("id" | "u0", _) => {}
        ("x", _) => rows.x(controls, target),
        ("y", _) => rows.between(&[("sdg", 0.0)], &[("s", 0.0)], target, |rows| rows.x(controls, target)),
        ("z", _) => rows.phase(PI, &all),
        ("s", _) => rows.phase(FRAC_PI_2, &all),
        ("sdg", _) => rows.phase(-FRAC_PI_2, &all),
        ("t", _) => rows.phase(FRAC_PI_4, &all),
        ("tdg", _) => rows.phase(-FRAC_PI_4, &all),
        ("p" | "u1", &[lambda]) => rows.phase(lambda, &all),
        ("h", _) => rows.between(&[("ry", -FRAC_PI_4)], &[("ry", FRAC_PI_4)], target, |rows| rows.phase(PI, &all)),
        ("sx", _) if controls.len() == 3 => rows.gate("c3sx", &[], &all),
        ("sx" | "sxdg", _) => {
            let sign = if name == "sx" { 1.0 } else { -1.0 };
            rows.between(&[("h", 0.0)], &[("h", 0.0)], target, |rows| rows.phase(sign * FRAC_PI_2, &all));
        }
        ("rz", &[theta]) => z_rotation(theta, controls, &all, rows),
        ("rx", &[theta]) => {
            rows.between(&[("h", 0.0)], &[("h", 0.0)], target, |rows| z_rotation(theta, controls, &all, rows));
        }
        ("ry", &[theta]) => {
            let (before, after) = ([("sdg", 0.0), ("h", 0.0)], [("h", 0.0), ("s", 0.0)]);
            rows.between(&before, &after, target, |rows| z_rotation(theta, controls, &all, rows));
        }
        ("u2", &[phi, lambda]) => euler([FRAC_PI_2, phi, lambda], controls, on, rows),
        ("r", &[theta, phi]) => euler([theta, phi - FRAC_PI_2, FRAC_PI_2 - phi], controls, on, rows),
        ("u3" | "u", &[theta, phi, lambda]) => euler([theta, phi, lambda], controls, on, rows),
        _ => {
            let on_one = |&qubit| Control { qubit, on_one: true };
            let leaf = Leaf { base: Base::Gate(*gate), phase: 0.0, controls: controls.iter().map(on_one).collect() };
            lowered(&leaf, rows);
        }
    }
}

/// The row that is a row under one control.
fn with_one_control(name: &str) -> Option<&'static str> {
    Some(match name {
        "x" => "cx",
        "y" => "cy",
        "z" => "cz",
        "h" => "ch",
        "s" => "cs",
        "sdg" => "csdg",
        "sx" => "csx",
        "p" => "cp",
        "u1" => "cu1",
        "rx" => "crx",
        "ry" => "cry",
        "rz" => "crz",
        "u3" | "u" => "cu3",
        _ => return None,
    })
}

/// `rz(θ)` on the last wire of `all` under the controls, which are the others.
fn z_rotation(theta: f64, controls: &[Qubit], all: &[Qubit], rows: &mut Rows) {
    rows.phase(theta, all);
    rows.phase(-theta / 2.0, controls);
}

/// The matrix that begins with cos θ/2: a phase, and rotations between two `x` that undo each other without them.
fn euler([theta, phi, lambda]: [f64; 3], controls: &[Qubit], on: [Qubit; 1], rows: &mut Rows) {
    if let [control] = *controls {
        return rows.gate("cu3", &[theta, phi, lambda], &[control, on[0]]);
    }
    rows.phase((phi + lambda) / 2.0, controls);
    rows.rotation("rz", (lambda - phi) / 2.0, on[0]);
    rows.x(controls, on[0]);
    rows.rotation("rz", -(phi + lambda) / 2.0, on[0]);
    rows.rotation("ry", -theta / 2.0, on[0]);
    rows.x(controls, on[0]);
    rows.rotation("ry", theta / 2.0, on[0]);
    rows.rotation("rz", phi, on[0]);
}

/// A row on two qubits under at least one control: only its middle needs the controls.
fn two_qubits(leaf: &Leaf, gate: &GateCall, controls: &[Qubit], a: Qubit, b: Qubit, rows: &mut Rows) {
    let with_a = || -> Vec<Qubit> { controls.iter().copied().chain([a]).collect() };
    let turned = |rows: &mut Rows, theta: f64| {
        rows.gate("cx", &[], &[a, b]);
        one_qubit(&call("rz", &[theta], &[b]), controls, b, rows);
        rows.gate("cx", &[], &[a, b]);
    };
    match (gate.row().qasm, gate.angles()) {
        ("swap", _) if controls.len() == 1 => rows.gate("cswap", &[], &[controls[0], a, b]),
        ("swap", _) => {
            rows.gate("cx", &[], &[b, a]);
            rows.x(&with_a(), b);
            rows.gate("cx", &[], &[b, a]);
        }
        ("rzz", &[theta]) => turned(rows, theta),
        ("rzx", &[theta]) => {
            rows.gate("h", &[], &[b]);
            turned(rows, theta);
            rows.gate("h", &[], &[b]);
        }
        ("rxx", &[theta]) => {
            [a, b].iter().for_each(|&qubit| rows.gate("h", &[], &[qubit]));
            turned(rows, theta);
            [a, b].iter().for_each(|&qubit| rows.gate("h", &[], &[qubit]));
        }
        ("ryy", &[theta]) => {
            [a, b].iter().for_each(|&qubit| rows.gate("rx", &[FRAC_PI_2], &[qubit]));
            turned(rows, theta);
            [a, b].iter().for_each(|&qubit| rows.gate("rx", &[-FRAC_PI_2], &[qubit]));
        }
        _ => lowered(leaf, rows),
    }
}
