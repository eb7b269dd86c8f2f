//! In which of its gates a set writes what.
//!
//! One-qubit gates have one form per set (`pulses` writes it). Two-qubit gates are of four kinds: what is CX between
//! one-qubit gates, which the gate table's lowering says; rotations `exp(−iθ/2 ZZ)` between one-qubit gates; `iswap`; and
//! its square root. What a two-qubit gate lets pass, a rotation about Z or X of one of its wires, is read off its matrix.

use crate::set::{GateSetError, NamedSet};
use bqc_circuit::gates::lowered;
use bqc_circuit::{GateId, LoweredGate, Wire};
use bqc_linalg::{Complex64, Matrix, Su2, phase_distance};
use std::f64::consts::{FRAC_PI_2, PI};

/// What a list may have for its two-qubit gates, in words.
pub(crate) const TWO_QUBIT_NAMES: &str =
    "cx, cz, cy, ch, ecr, rzz, zz, rxx, ryy, rzx, ms, cp, cu1, crz, iswap, sqrt_iswap";
/// What a list may have for its one-qubit gates, in words.
pub(crate) const ONE_QUBIT_NAMES: &str = "u3 | u | phxz | r | prx | u1q | gpi,gpi2 | rz,rx | rz,sx | rz,sx,x";

/// The forms of a set.
pub(crate) struct Basis {
    pub one: OneQubit,
    pub two: TwoQubit,
    /// What the two-qubit gates of `two` let pass, by gate.
    passes: Vec<(GateId, [Option<Pass>; 2])>,
}

/// A gate with a fixed angle, or without one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pulse {
    pub gate: GateId,
    pub angle: Option<f64>,
}

/// How a set writes one-qubit gates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum OneQubit {
    /// Any gate is one: `u3` or `u`.
    Any(GateId),
    /// Any gate is one, which has an angle for the rotation about Z: `phxz`.
    PhasedXz(GateId),
    /// Rotations by any angle about any axis in the equator: `r`, `prx`, `u1q`. Perhaps rotations about Z.
    Phased { pulse: GateId, z: Option<GateId> },
    /// Rotations by π and π/2 about any axis in the equator: `gpi` and `gpi2`.
    Turns { full: GateId, half: GateId },
    /// Rotations about Z and X by any angles, and perhaps names for half and full turns.
    Rotations { z: GateId, x: GateId, half: Option<GateId>, full: Option<GateId> },
    /// Rotations about Z, quarter turns about X, and perhaps half turns.
    QuarterTurns { z: GateId, half: Pulse, full: Option<Pulse> },
}

/// A gate that is CX between one-qubit gates: `CX = after · gate · before` on the gate's wires.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CxLike {
    pub gate: GateId,
    /// Which wire of the gate is the control.
    pub control: usize,
    pub before: [Su2; 2],
    pub after: [Su2; 2],
}

/// How a rotation gate is `exp(−iθ/2 ZZ)` between one-qubit gates.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Frame {
    /// It is.
    Plain,
    /// Between these gates on both wires: `exp(−iθ/2 ZZ) = g† · gate(θ) · g`.
    Turned([Su2; 2]),
    /// `ms(0, 0, θ)` between Hadamards.
    Phased,
    /// `gate(−2θ)` with rotations about Z by θ, each times these, on its wires.
    Controlled([f64; 2]),
}

/// A rotation of two qubits by any angle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    pub gate: GateId,
    pub frame: Frame,
    pub is_positive: bool,
}

/// The two-qubit gates in which circuits can be written; at least one is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TwoQubit {
    pub cx: Option<CxLike>,
    pub zz: Option<Rotation>,
    pub iswap: Option<GateId>,
    pub sqrt_iswap: Option<GateId>,
}

/// An axis about which rotations may pass a two-qubit gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    X,
    Z,
}

/// A rotation before a two-qubit gate is one after it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Pass {
    pub axis: Axis,
    /// Wire of the gate on which it comes out.
    pub to: usize,
    /// The factor of its angle, 1 or −1.
    pub sign: f64,
    /// Whether it changes the angle of this number of the gate on its way, by its own angle.
    pub shifts: Option<usize>,
}

impl Basis {
    /// The forms of these gates. `list`: how they were asked for.
    pub fn of(gates: &[GateId], row: &NamedSet, list: &str) -> Result<Basis, GateSetError> {
        let two = TwoQubit {
            cx: gates.iter().find_map(|gate| CxLike::of(*gate)),
            zz: gates.iter().find_map(|gate| Rotation::of(*gate, row.has_positive_angles_only)),
            iswap: named(gates, &["iswap"]),
            sqrt_iswap: named(gates, &["sqrt_iswap"]),
        };
        if two.gates().next().is_none() {
            return Err(GateSetError::NoTwoQubitGate { list: list.into() });
        }
        let one = OneQubit::of(gates, row.has_quarter_turns_only);
        let one = one.ok_or_else(|| GateSetError::FewOneQubitGates { list: list.into() })?;
        let passes = two.gates().map(|gate| (gate, [0, 1].map(|wire| pass(gate, wire)))).collect();
        Ok(Basis { one, two, passes })
    }

    /// What a gate of the basis lets pass on its wires.
    pub fn passes(&self, gate: GateId) -> [Option<Pass>; 2] {
        self.passes.iter().find(|(id, _)| *id == gate).map_or([None; 2], |(_, passes)| *passes)
    }
}

/// The first of these names among the gates.
fn named(gates: &[GateId], names: &[&str]) -> Option<GateId> {
    names.iter().filter_map(|name| GateId::from_name(name)).find(|id| gates.contains(id))
}

impl OneQubit {
    fn of(gates: &[GateId], has_quarter_turns_only: bool) -> Option<OneQubit> {
        let has = |names: &[&str]| named(gates, names);
        let z = has(&["rz", "u1", "p"]);
        if let Some(any) = has(&["u3", "u"]) {
            return Some(OneQubit::Any(any));
        }
        if let Some(gate) = has(&["phxz"]) {
            return Some(OneQubit::PhasedXz(gate));
        }
        if let Some(pulse) = has(&["u1q", "prx", "r"]) {
            return Some(OneQubit::Phased { pulse, z });
        }
        if let (Some(full), Some(half)) = (has(&["gpi"]), has(&["gpi2"])) {
            return Some(OneQubit::Turns { full, half });
        }
        let (z, rx, half, full) = (z?, has(&["rx"]), has(&["sx"]), has(&["x"]));
        let plain = |gate| Pulse { gate, angle: None };
        match (rx, half) {
            (Some(gate), _) if has_quarter_turns_only => {
                let turn = |angle| Pulse { gate, angle: Some(angle) };
                Some(OneQubit::QuarterTurns { z, half: turn(FRAC_PI_2), full: Some(turn(PI)) })
            }
            (Some(x), half) => Some(OneQubit::Rotations { z, x, half, full }),
            (None, Some(half)) => Some(OneQubit::QuarterTurns { z, half: plain(half), full: full.map(plain) }),
            (None, None) => None,
        }
    }
}

impl TwoQubit {
    /// All of them.
    fn gates(&self) -> impl Iterator<Item = GateId> {
        let (cx, zz) = (self.cx.map(|cx| cx.gate), self.zz.map(|zz| zz.gate));
        [cx, zz, self.iswap, self.sqrt_iswap].into_iter().flatten()
    }
}

impl CxLike {
    /// None unless the gate has no angle and lowers to one CX.
    fn of(gate: GateId) -> Option<CxLike> {
        let row = gate.row();
        if row.arity != 2 || row.n_angles > 0 {
            return None;
        }
        let gates = lowered(gate, &[]).gates;
        let at = gates.iter().position(LoweredGate::is_two_qubit)?;
        if gates.iter().filter(|gate| gate.is_two_qubit()).count() > 1 {
            return None;
        }
        let product = |gates: &[LoweredGate<_>]| {
            let mut locals = [Su2::IDENTITY; 2];
            for gate in gates {
                if let LoweredGate::One { wire, angles: [theta, phi, lambda] } = *gate {
                    let local = &mut locals[Wire::index(wire)];
                    *local = Su2::u3(theta, phi, lambda) * *local;
                }
            }
            locals.map(Su2::dagger)
        };
        let control = gates[at].wires()[0].index();
        Some(CxLike { gate, control, before: product(&gates[..at]), after: product(&gates[at + 1..]) })
    }
}

impl Rotation {
    fn of(gate: GateId, is_positive: bool) -> Option<Rotation> {
        let (h, none) = (Su2::u3(FRAC_PI_2, 0.0, PI), Su2::IDENTITY);
        let frame = match gate.row().qasm {
            "rzz" | "zz" => Frame::Plain,
            "rxx" => Frame::Turned([h, h]),
            "ryy" => Frame::Turned([Su2::rx(-FRAC_PI_2); 2]),
            "rzx" => Frame::Turned([none, h]),
            "ms" => Frame::Phased,
            "cp" | "cu1" => Frame::Controlled([1.0, 1.0]),
            "crz" => Frame::Controlled([0.0, 1.0]),
            _ => return None,
        };
        Some(Rotation { gate, frame, is_positive })
    }
}

/// What a gate lets pass on a wire: rotations about Z if it can, or about X.
fn pass(gate: GateId, wire: usize) -> Option<Pass> {
    let row = gate.row();
    if row.qasm == "ms" {
        return Some(Pass { axis: Axis::Z, to: wire, sign: 1.0, shifts: Some(wire) });
    }
    // An angle that is not special stands for all.
    let matrix = (row.unitary)(&[0.7, 0.4, 0.9][..row.n_angles]);
    let pauli = |axis: Axis, wire: usize| {
        let [one, zero] = [Complex64::ONE, Complex64::ZERO];
        let turn = match axis {
            Axis::X => Matrix::from_rows(2, 2, &[zero, one, one, zero]),
            Axis::Z => Matrix::from_rows(2, 2, &[one, zero, zero, -one]),
        };
        let mut all = Matrix::identity(4);
        all.apply_gate(&turn, &[wire]);
        all
    };
    let ways = [Axis::Z, Axis::X].into_iter().flat_map(|axis| [wire, 1 - wire].map(|to| (axis, to)));
    ways.into_iter().find_map(|(axis, to)| {
        let through = &(&matrix * &pauli(axis, wire)) * &matrix.dagger();
        let after = pauli(axis, to);
        // Distances do not see signs; elements do.
        let sign = if through.max_difference(&after) < 1e-12 { 1.0 } else { -1.0 };
        (phase_distance(&through, &after) < 1e-12).then_some(Pass { axis, to, sign, shifts: None })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> GateId {
        GateId::from_name(name).unwrap()
    }

    #[test]
    fn rotations_pass_what_they_commute_with() {
        let way = |name: &str| [0, 1].map(|w| pass(id(name), w).map(|p| (p.axis, p.to, p.sign)));
        assert_eq!(way("cz"), [Some((Axis::Z, 0, 1.0)), Some((Axis::Z, 1, 1.0))]);
        assert_eq!(way("rzz"), way("cz"));
        assert_eq!(way("cx"), [Some((Axis::Z, 0, 1.0)), Some((Axis::X, 1, 1.0))]);
        assert_eq!(way("ecr"), [Some((Axis::Z, 0, -1.0)), Some((Axis::X, 1, 1.0))]);
        assert_eq!(way("iswap"), [Some((Axis::Z, 1, 1.0)), Some((Axis::Z, 0, 1.0))]);
        assert_eq!(way("sqrt_iswap"), [None, None]);
    }

    #[test]
    fn cx_is_each_of_its_kind_between_one_qubit_gates() {
        let all: Vec<CxLike> = GateId::all().filter_map(CxLike::of).collect();
        assert!(all.len() >= 5);
        let on = |wire: usize, value: Su2| {
            let mut all = Matrix::identity(4);
            all.apply_gate(&value.matrix(), &[wire]);
            all
        };
        for CxLike { gate, control, before, after } in all {
            let mut product = &on(0, before[0]) * &on(1, before[1]);
            product = &(gate.row().unitary)(&[]) * &product;
            product = &(&on(0, after[0]) * &on(1, after[1])) * &product;
            let mut cx = Matrix::identity(4);
            cx.apply_gate(&(bqc_circuit::gates::CX.row().unitary)(&[]), &[control, 1 - control]);
            assert!(phase_distance(&product, &cx) < 1e-14, "{}", gate.row().qasm);
        }
    }
}
