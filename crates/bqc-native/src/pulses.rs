//! One-qubit gates with the fewest pulses that a set allows.
//!
//! Every gate is `Rz(after) · pulses · Rz(before)`. Where `after` may pass the two-qubit gate that comes next, it is not
//! written but handed on, and merges with the next gate of its wire; where pulses have an axis, `before` turns that axis
//! and needs no gate. With quarter turns alone a gate has at most two pulses (McKay, Wood, Sheldon, Chow and Gambetta,
//! arXiv:1612.00858); with pulses by any angle it has one. Where a set has no rotation about Z, the last gate of a wire
//! takes a pulse more.

use crate::basis::{Axis, OneQubit, Pulse};
use bqc_circuit::{GateCall, GateId, Qubit};
use bqc_linalg::Su2;
use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

/// Angles this near to a multiple of π/4 are written as it, in radians: rounding.
const TIDY: f64 = 1e-14;

/// `Rz(φ) · Ry(θ) · Rz(λ)`, θ in `[0, π]`. Where θ is 0 or π, one of φ and λ is zero.
#[derive(Clone, Copy)]
struct Zyz {
    theta: f64,
    phi: f64,
    lambda: f64,
    turn: Turn,
}

/// Which angles need fewer pulses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    None,
    Quarter,
    Half,
    Other,
}

impl Zyz {
    fn of(value: Su2, snap: f64) -> Zyz {
        let (cos, sin) = (value.a.norm(), value.b.norm());
        let theta = 2.0 * sin.atan2(cos);
        let (sum, difference) = (-2.0 * value.a.arg(), 2.0 * value.b.arg());
        if theta < snap {
            return Zyz { theta: 0.0, phi: 0.0, lambda: sum, turn: Turn::None };
        }
        if PI - theta < snap {
            return Zyz { theta: PI, phi: difference, lambda: 0.0, turn: Turn::Half };
        }
        let (phi, lambda) = ((sum + difference) / 2.0, (sum - difference) / 2.0);
        match (theta - FRAC_PI_2).abs() < snap {
            true => Zyz { theta: FRAC_PI_2, phi, lambda, turn: Turn::Quarter },
            false => Zyz { theta, phi, lambda, turn: Turn::Other },
        }
    }

    /// The angle of the axis in the equator of the one pulse that this is, before a rotation about Z by `φ + λ`.
    fn axis(&self) -> f64 {
        FRAC_PI_2 - self.lambda
    }
}

/// Receives the gates of one wire.
struct Pen<'a> {
    wire: Qubit,
    /// How near to a special value an angle is taken for it, in radians.
    snap: f64,
    out: &'a mut Vec<GateCall>,
}

impl Pen<'_> {
    fn call(&mut self, gate: GateId, angles: &[f64]) {
        let mut tidied = [0.0; 3];
        tidied.iter_mut().zip(angles).for_each(|(to, angle)| *to = tidy(*angle));
        self.out.push(GateCall::new(gate, &tidied[..angles.len()], &[self.wire]));
    }

    fn pulse(&mut self, pulse: Pulse) {
        self.call(pulse.gate, pulse.angle.as_slice());
    }

    /// Whether a rotation by this angle is none.
    fn is_whole(&self, angle: f64) -> bool {
        is_whole(angle, self.snap)
    }

    fn turn_z(&mut self, z: GateId, angle: f64) {
        if !self.is_whole(angle) {
            self.call(z, &[angle]);
        }
    }
}

impl OneQubit {
    /// Appends gates on `wire` that are `value`, but for a rotation after them that may pass. Gives that rotation.
    ///
    /// * `passes`: the axis about which rotations pass what comes next on the wire; none if nothing does.
    /// * `snap`: how near to a special value an angle is taken for it, in radians.
    pub fn write(&self, value: Su2, wire: Qubit, passes: Option<Axis>, snap: f64, out: &mut Vec<GateCall>) -> Su2 {
        let mut pen = Pen { wire, snap, out };
        let zyz = Zyz::of(value, snap);
        match passes {
            Some(Axis::Z) if zyz.turn == Turn::None => return Su2::rz(zyz.lambda),
            Some(Axis::X) => {
                if let Some((x, z)) = x_after_z(value, snap)
                    && self.is_written_as_z(z, &mut pen)
                {
                    return Su2::rx(x);
                }
            }
            _ => {}
        }
        let (rest, z) = self.pulses(&zyz, value, passes == Some(Axis::Z), &mut pen);
        match (passes, z) {
            (Some(Axis::Z), _) => return Su2::rz(rest),
            (_, Some(z)) => pen.turn_z(z, rest),
            (_, None) => {}
        }
        Su2::IDENTITY
    }

    /// Writes a rotation about Z, if the set has one or it is none.
    fn is_written_as_z(&self, angle: f64, pen: &mut Pen) -> bool {
        let z = match *self {
            OneQubit::Rotations { z, .. } | OneQubit::QuarterTurns { z, .. } => Some(z),
            OneQubit::Phased { z, .. } => z,
            OneQubit::Any(_) | OneQubit::PhasedXz(_) | OneQubit::Turns { .. } => None,
        };
        if let Some(z) = z {
            pen.turn_z(z, angle);
        }
        z.is_some() || pen.is_whole(angle)
    }

    /// Writes all but a rotation about Z after it; gives its angle, and the gate that may be it. If it can neither be
    /// written nor `passes`, it is zero.
    fn pulses(&self, zyz: &Zyz, value: Su2, passes: bool, pen: &mut Pen) -> (f64, Option<GateId>) {
        let Zyz { theta, phi, lambda, turn } = *zyz;
        let after = phi + lambda;
        match *self {
            OneQubit::Any(gate) => {
                if turn != Turn::None || !pen.is_whole(after) {
                    pen.call(gate, &[theta, phi, lambda]);
                }
                (0.0, None)
            }
            OneQubit::PhasedXz(gate) => {
                let (written, rest) = if passes { (0.0, after) } else { (after, 0.0) };
                let axis = if turn == Turn::None { 0.0 } else { zyz.axis() };
                if turn != Turn::None || !pen.is_whole(written) {
                    pen.call(gate, &[theta, written, axis]);
                }
                (rest, None)
            }
            OneQubit::Phased { pulse, z } => {
                if !passes && z.is_none() && !pen.is_whole(after) {
                    two_pulses(value, pen, |pen, theta, axis| pen.call(pulse, &[theta, axis]));
                    return (0.0, None);
                }
                if turn != Turn::None {
                    pen.call(pulse, &[theta, zyz.axis()]);
                }
                (after, z)
            }
            OneQubit::Turns { full, half } => (turns(full, half, zyz, value, passes, pen), None),
            OneQubit::Rotations { z, x, half, full } => (rotations(z, x, half, full, zyz, pen), Some(z)),
            OneQubit::QuarterTurns { z, half, full } => (quarter_turns(z, half, full, zyz, pen), Some(z)),
        }
    }
}

/// `Rz · [Rx(θ)] · Rz`: gives the angle of the last rotation.
fn rotations(z: GateId, x: GateId, half: Option<GateId>, full: Option<GateId>, zyz: &Zyz, pen: &mut Pen) -> f64 {
    let Zyz { theta, phi, lambda, turn } = *zyz;
    match (turn, half, full) {
        (Turn::None, ..) => return lambda,
        // X · Rz(−π/2) = Rz(π/2) · X.
        (Turn::Half, _, full) => {
            match full {
                Some(full) => pen.call(full, &[]),
                None => pen.call(x, &[PI]),
            }
            return phi + PI;
        }
        (Turn::Quarter, Some(half), _) => {
            pen.turn_z(z, lambda - FRAC_PI_2);
            pen.call(half, &[]);
        }
        _ => {
            pen.turn_z(z, lambda - FRAC_PI_2);
            pen.call(x, &[theta]);
        }
    }
    phi + FRAC_PI_2
}

/// `Rz · SX · Rz · SX · Rz`, or fewer: gives the angle of the last rotation.
fn quarter_turns(z: GateId, half: Pulse, full: Option<Pulse>, zyz: &Zyz, pen: &mut Pen) -> f64 {
    let Zyz { theta, phi, lambda, turn } = *zyz;
    match (turn, full) {
        (Turn::None, _) => lambda,
        (Turn::Half, Some(full)) => {
            pen.pulse(full);
            phi + PI
        }
        (Turn::Quarter, _) => {
            pen.turn_z(z, lambda - FRAC_PI_2);
            pen.pulse(half);
            phi + FRAC_PI_2
        }
        _ => {
            pen.turn_z(z, lambda);
            pen.pulse(half);
            pen.turn_z(z, theta + PI);
            pen.pulse(half);
            phi + PI
        }
    }
}

/// Rotations by π and π/2 about axes in the equator: gives the angle of the rotation about Z after them, which is zero
/// unless it `passes`.
fn turns(full: GateId, half: GateId, zyz: &Zyz, value: Su2, passes: bool, pen: &mut Pen) -> f64 {
    let Zyz { theta, phi, lambda, turn } = *zyz;
    let by_angle = |pen: &mut Pen, theta: f64, axis: f64| {
        let gate = if theta > 0.75 * PI { full } else { half };
        pen.call(gate, &[axis]);
    };
    if turn == Turn::Other {
        // Rz(φ + π) · SX · Rz(θ + π) · SX · Rz(λ), with the rotations about Z taken to the end.
        let (first, second, after) = (-lambda, -(theta + PI + lambda), phi + theta + lambda);
        pen.call(half, &[first]);
        if passes || pen.is_whole(after) {
            pen.call(half, &[second]);
            return after;
        }
        // Rz(δ) · G(π/2, b) = G(π/2, b + π + δ) · G(π, b + π + δ/2): a pulse mirrors the axes of those before it.
        pen.call(full, &[second + PI + after / 2.0]);
        pen.call(half, &[second + PI + after]);
        return 0.0;
    }
    let after = phi + lambda;
    if !passes && !pen.is_whole(after) {
        two_pulses(value, pen, by_angle);
        return 0.0;
    }
    if turn != Turn::None {
        by_angle(pen, theta, zyz.axis());
    }
    after
}

/// Writes a gate as a pulse and a rotation by π after it, both about axes in the equator: `G(π, μ) = Rz(2μ) · X` takes
/// away any rotation about Z.
fn two_pulses(value: Su2, pen: &mut Pen, pulse: impl Fn(&mut Pen, f64, f64)) {
    let first = Zyz::of(Su2::rx(-PI) * value, pen.snap);
    // Rz(2μ) times what is left has no rotation about Z after its pulse.
    let mu = -(first.phi + first.lambda) / 2.0;
    if first.turn != Turn::None {
        pulse(pen, first.theta, first.axis());
    }
    pulse(pen, PI, mu);
}

/// `(x, z)` with `value = Rx(x) · Rz(z)`, if it is that.
fn x_after_z(value: Su2, snap: f64) -> Option<(f64, f64)> {
    let h = Su2::u3(FRAC_PI_2, 0.0, PI);
    // H · value · H = Rz(d) · Rx(e) · Rz(f), and value = Rx(d) · Rz(e) · Rx(f).
    let turned = Zyz::of(h * value * h, snap);
    match turned.turn {
        Turn::None => Some((turned.lambda, 0.0)),
        // Rx(e) by π: f can be zero.
        Turn::Half => Some((turned.phi + PI, PI)),
        _ => {
            let (d, e, f) = (turned.phi + FRAC_PI_2, turned.theta, turned.lambda - FRAC_PI_2);
            // Where e is small, only the sum of d and f is exact: what rounding left of f goes to d.
            let rest = f - (f / PI).round() * PI;
            match (is_whole(f, snap), is_whole(f + PI, snap)) {
                (true, _) => Some((d + rest * e.cos(), e)),
                (_, true) => Some((d + PI + rest * e.cos(), -e)),
                _ => None,
            }
        }
    }
}

/// Whether a rotation by this angle is none, or as near to that.
fn is_whole(angle: f64, snap: f64) -> bool {
    (angle - (angle / TAU).round() * TAU).abs() < snap
}

/// The same angle in `(−π, π]`, and a multiple of π/4 if it is next to one.
pub(crate) fn tidy(angle: f64) -> f64 {
    let wrapped = settled(angle - (angle / TAU).round() * TAU);
    if wrapped == -PI { PI } else { wrapped }
}

/// A multiple of π/4 if the angle is next to one.
pub(crate) fn settled(angle: f64) -> f64 {
    let multiple = (angle / FRAC_PI_4).round() * FRAC_PI_4;
    // No minus zero.
    if (angle - multiple).abs() < TIDY { multiple + 0.0 } else { angle }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GateSet;
    use crate::care::SNAP;
    use bqc_circuit::Circuit;
    use bqc_linalg::{Stream, phase_distance};

    /// What `write` makes of a gate: the gates, what passes, and the pulses among them.
    fn written(set: &str, value: Su2, passes: Option<Axis>) -> (Circuit, Su2, usize) {
        let set = GateSet::parse(set).unwrap();
        let (mut calls, mut circuit) = (Vec::new(), Circuit::with_qubits(1));
        let rest = set.basis().one.write(value, Qubit(0), passes, SNAP, &mut calls);
        calls.iter().for_each(|call| {
            assert!(set.contains(call.gate()), "{}", call.row().qasm);
            circuit.push(*call);
        });
        let n_pulses = crate::Counts::of(&circuit).n_pulses;
        (circuit, rest, n_pulses)
    }

    const LISTS: [&str; 4] = ["cz,u3", "cx,rz,sx", "cz,rx,rz", "cz,u1,rx,x,sx"];

    fn sets() -> impl Iterator<Item = &'static str> {
        crate::SETS.iter().map(|row| row.name).chain(LISTS)
    }

    #[test]
    fn gates_are_what_they_were_with_few_pulses() {
        let mut s = Stream::new(0, 14, 1);
        let special = (0..64)
            .map(|n| Su2::u3((n % 4) as f64 * FRAC_PI_2, (n / 4 % 4) as f64 * FRAC_PI_2, (n / 16) as f64 * FRAC_PI_2));
        let diagonal = (0..8).map(|n| Su2::rz(0.3 * f64::from(n)));
        let x = (0..8).map(|n| Su2::rx(0.3 * f64::from(n)) * Su2::rz(f64::from(n / 4)));
        let all: Vec<Su2> = special.chain(diagonal).chain(x).chain((0..300).map(|_| s.su2())).collect();
        for set in sets() {
            for &value in &all {
                for passes in [None, Some(Axis::Z), Some(Axis::X)] {
                    let (circuit, rest, n_pulses) = written(set, value, passes);
                    let product = &rest.matrix() * &circuit.unitary().unwrap();
                    assert!(phase_distance(&product, &value.matrix()) < 1e-13, "{set} {passes:?} {value:?}");
                    let most = match (set, passes) {
                        ("cx,u3" | "cz,u3" | "google" | "google-sqrt-iswap", _) => 1,
                        ("quantinuum" | "ibm-fractional" | "cz,rx,rz" | "cz,u1,rx,x,sx", _) => 1,
                        ("iqm", Some(Axis::Z)) => 1,
                        ("ionq" | "ionq-forte", None | Some(Axis::X)) => 3,
                        _ => 2,
                    };
                    assert!(n_pulses <= most, "{set} {passes:?} {value:?}: {n_pulses}");
                    let is_pure = match passes {
                        Some(Axis::Z) => rest.b.norm() < 1e-15,
                        Some(Axis::X) => rest.a.im.abs() < 1e-15 && rest.b.re.abs() < 1e-15,
                        None => rest == Su2::IDENTITY,
                    };
                    assert!(is_pure, "{set} {passes:?} {rest:?}");
                }
            }
        }
    }

    #[test]
    fn cliffords_take_one_pulse_and_diagonals_none() {
        for set in ["ibm-eagle", "rigetti", "ibm-fractional"] {
            for n in 0..64 {
                let [a, b, c] = [n % 4, n / 4 % 4, n / 16].map(|n| f64::from(n) * FRAC_PI_2);
                assert!(written(set, Su2::u3(a, b, c), None).2 <= 1);
            }
            assert_eq!(written(set, Su2::rz(0.4), None).2, 0);
            // What passes as a rotation about X costs nothing here.
            assert_eq!(written(set, Su2::rx(0.4) * Su2::rz(0.2), Some(Axis::X)).2, 0);
        }
    }

    #[test]
    fn angles_are_tidied() {
        assert_eq!(tidy(3.0 * PI), PI);
        assert_eq!(tidy(-PI), PI);
        assert_eq!(tidy(FRAC_PI_4 + 1e-15), FRAC_PI_4);
        assert!(tidy(-1e-16).is_sign_positive());
        assert_eq!(tidy(0.3), 0.3);
    }
}
