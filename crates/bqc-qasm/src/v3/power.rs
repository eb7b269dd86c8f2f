//! Powers of gates on one qubit, and of rotations about two Paulis, by their eigenvalues.
//!
//! `pow(k) @ g` is `exp(k log g)` with the principal logarithm: the phases of the eigenvalues are taken from
//! `(−π, π]` and multiplied by k. So `pow(0.5) @ x` is `sx`, and `pow(0.5) @ rx(3*pi)` a quarter turn backwards.

use crate::v3::leaf::{Base, Leaf, call};
use bqc_circuit::GateCall;
use std::f64::consts::{PI, TAU};

/// Phases this close to −π are π: matrices are exact to a few roundings.
const NEXT_TO: f64 = 1e-12;

/// The phase of `(−π, π]` that is the same modulo 2π.
fn principal(phase: f64) -> f64 {
    let turn = phase.rem_euclid(TAU);
    if turn > PI + NEXT_TO { turn - TAU } else { turn.min(PI) }
}

/// The powers, one after the other, of a phase.
fn powers(phase: f64, exponents: &[f64]) -> f64 {
    // A whole power needs no principal value, and keeps its digits without.
    let step = |phase: f64, &k: &f64| if k.fract() == 0.0 { phase * k } else { principal(phase) * k };
    exponents.iter().fold(phase, step)
}

/// The leaf to these powers; none if its gate is neither on one qubit, under controls, nor a rotation about two Paulis.
pub(crate) fn of_leaf(leaf: &Leaf, exponents: &[f64]) -> Option<Leaf> {
    if let Base::Phase = leaf.base {
        return Some(Leaf { phase: powers(leaf.phase, exponents), ..leaf.clone() });
    }
    let (leaf, qubit) = leaf.one_qubit();
    let Base::Gate(gate) = &leaf.base else { return None };
    let (gate, phase) = if qubit.is_some() {
        of_one_qubit(gate, leaf.phase, exponents)
    } else {
        if !matches!(gate.row().qasm, "rxx" | "ryy" | "rzz" | "rzx") {
            return None;
        }
        let half = gate.angles()[0] / 2.0;
        let [low, high] = [leaf.phase - half, leaf.phase + half].map(|phase| powers(phase, exponents));
        (GateCall::new(gate.gate(), &[high - low], gate.qubits()), (low + high) / 2.0)
    };
    Some(Leaf { base: Base::Gate(gate), phase, controls: leaf.controls.clone() })
}

/// The power of `e^{i·phase}` times a row on one qubit, in the same form.
///
/// The matrix is `e^{iα}(cos β − i sin β n·σ)`, whose eigenvalues have the phases α ∓ β.
fn of_one_qubit(gate: &GateCall, phase: f64, exponents: &[f64]) -> (GateCall, f64) {
    let qubits = gate.qubits();
    let diagonal = |low: f64, high: f64| (call("p", &[high - low], qubits), low);
    let powers = |phase: f64| powers(phase, exponents);
    if let Some([low, high]) = diagonal_phases(gate) {
        return diagonal(powers(phase + low), powers(phase + high));
    }
    let m = (gate.row().unitary)(gate.angles());
    let determinant = m[(0, 0)] * m[(1, 1)] - m[(0, 1)] * m[(1, 0)];
    let alpha = determinant.im.atan2(determinant.re) / 2.0;
    let (sin, cos) = alpha.sin_cos();
    // `e^{-iα}` times an element.
    let turned = |z: (f64, f64)| (z.0 * cos + z.1 * sin, z.1 * cos - z.0 * sin);
    let [a, b, c, d] = [(0, 0), (0, 1), (1, 0), (1, 1)].map(|at| turned((m[at].re, m[at].im)));
    // The vector sin β n, from −i sin β (n_x σx + n_y σy + n_z σz).
    let vector = [-(b.1 + c.1) / 2.0, (c.0 - b.0) / 2.0, (d.1 - a.1) / 2.0];
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    let beta = length.atan2((a.0 + d.0) / 2.0);
    let (low, high) = (powers(phase + alpha - beta), powers(phase + alpha + beta));
    if length < 1e-15 {
        // A multiple of the identity.
        return diagonal(low, low);
    }
    let [x, y, z] = vector.map(|component| component / length);
    let (sin, cos) = ((high - low) / 2.0).sin_cos();
    // The elements of the first column and the first row, and how `u` writes them.
    let (first, below, right) = ((cos, -sin * z), (sin * y, -sin * x), (-sin * y, -sin * x));
    let theta = 2.0 * below.0.hypot(below.1).atan2(first.0.hypot(first.1));
    let angle = |z: (f64, f64)| z.1.atan2(z.0);
    let last = (cos, sin * z);
    let (zero, phi, lambda) = if below == (0.0, 0.0) {
        (angle(first), 0.0, angle(last) - angle(first))
    } else if first == (0.0, 0.0) {
        (0.0, angle(below), angle((-right.0, -right.1)))
    } else {
        let zero = angle(first);
        (zero, angle(below) - zero, angle((-right.0, -right.1)) - zero)
    };
    (call("u", &[theta, phi, lambda], qubits), (low + high) / 2.0 + zero)
}

/// The phases of both elements, of a row that is diagonal.
fn diagonal_phases(gate: &GateCall) -> Option<[f64; 2]> {
    Some(match (gate.row().qasm, gate.angles()) {
        ("id" | "u0", _) => [0.0, 0.0],
        ("z", _) => [0.0, PI],
        ("s", _) => [0.0, PI / 2.0],
        ("sdg", _) => [0.0, -PI / 2.0],
        ("t", _) => [0.0, PI / 4.0],
        ("tdg", _) => [0.0, -PI / 4.0],
        ("p" | "u1", &[lambda]) => [0.0, lambda],
        ("rz", &[lambda]) => [-lambda / 2.0, lambda / 2.0],
        _ => return None,
    })
}
