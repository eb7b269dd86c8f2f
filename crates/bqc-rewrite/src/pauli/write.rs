//! A circuit of this module as `u3` and `cx`, with the angles that it has.
//!
//! Between two CX a wire has rotations about the three axes and then a one-wire Clifford. A `u3(θ, φ, λ)` is
//! `Rz(φ)·Ry(θ)·Rz(λ)`, so a rotation about Z, one about X or Y, and one about Z again are one gate, whose angles are
//! theirs plus quarter turns; the Clifford mostly joins it. Rotations that take more than one such gate are written as
//! several. Multiplied into one they would no longer have angles that are sums of the input's: Clifford and T would not
//! remain so, and equality could not be shown by merging.

use super::angle::settle;
use super::axis::{Axis, X, Y, Z};
use super::frame::Frame;
use super::op::{Op, PauliCircuit};
use super::permutation::split_permutation;
use bqc_circuit::{BlockCircuit, BlockQubit, Wire};
use std::f64::consts::FRAC_PI_2;
use std::sync::LazyLock;

/// What stands on a wire since the last CX.
struct Pending {
    rotations: Vec<(Axis, f64)>,
    /// After the rotations.
    clifford: Frame,
}

/// A `u3` in the making: `φ`, then the middle rotation, and `λ`, in radians; later gates to the left.
#[derive(Clone, Copy)]
struct Group {
    lambda: f64,
    middle: Option<(Axis, f64)>,
    phi: f64,
}

/// Writes a circuit on `width` wires whose outputs are on their own wires.
pub(crate) fn write(circuit: &PauliCircuit, mut empty: BlockCircuit) -> BlockCircuit {
    let identity = |wire| Pending { rotations: Vec::new(), clifford: Frame::identity(wire) };
    let mut pending: Vec<Pending> = (0..circuit.n_wires() as u32).map(identity).collect();
    for op in &circuit.ops {
        match *op {
            Op::Turn { wire, axis, angle } => pending[wire as usize].turn(axis, angle),
            Op::Pair { wires, axes } => {
                let (sides, before) = as_cx(wires, axes);
                for (&wire, frame) in sides.iter().zip(&before) {
                    let side = &mut pending[wire as usize];
                    side.clifford = frame.after(&side.clifford);
                    side.flush(wire, &mut empty);
                    side.clifford = frame.inverse(wire);
                }
                empty.push_cx(BlockQubit::at(sides[0] as usize), BlockQubit::at(sides[1] as usize));
            }
        }
    }
    for (wire, (side, frame)) in pending.iter_mut().zip(&circuit.frames).enumerate() {
        debug_assert_eq!(frame.wire as usize, wire, "the permutation of the outputs is written out before");
        side.clifford = frame.after(&side.clifford);
        side.flush(wire as u32, &mut empty);
    }
    empty
}

/// Writes a circuit whose outputs may be on any wires, and then the exchanges that bring them to their own.
pub(crate) fn write_with_exchanges(circuit: &PauliCircuit, empty: BlockCircuit) -> BlockCircuit {
    let (body, exchanges) = split_permutation(circuit);
    let mut written = write(&body, empty);
    exchanges.iter().for_each(|wires| written.push_exchange(wires.map(|wire| BlockQubit::at(wire as usize))));
    written
}

/// Control and target of the CX that a pair gate is, and the one-wire Cliffords before it. Their inverses come after.
fn as_cx([a, b]: [u32; 2], [p, q]: [Axis; 2]) -> ([u32; 2], [Frame; 2]) {
    // The other way round if that needs fewer Cliffords.
    let n_bare = |p: Axis, q: Axis| u8::from(p == Z) + u8::from(q == X);
    let (control, p, target, q) = if n_bare(q, p) > n_bare(p, q) { (b, q, a, p) } else { (a, p, b, q) };
    let to_z = match p {
        Z => Frame::identity(control),
        // A Hadamard, and a quarter turn about X.
        X => Frame { wire: control, x: (Z, false), z: (X, false) },
        _ => Frame { wire: control, x: (X, false), z: (Y, false) },
    };
    let to_x = match q {
        X => Frame::identity(target),
        Z => Frame { wire: target, x: (Z, false), z: (X, false) },
        _ => Frame { wire: target, x: (Y, false), z: (Z, false) },
    };
    ([control, target], [to_z, to_x])
}

impl Pending {
    fn turn(&mut self, axis: Axis, angle: f64) {
        let (axis, is_negative) = self.clifford.image(axis);
        let angle = if is_negative { -angle } else { angle };
        match self.rotations.last_mut() {
            Some(last) if last.0 == axis => {
                last.1 = settle(last.1 + angle);
                if last.1 == 0.0 {
                    self.rotations.pop();
                }
            }
            _ => self.rotations.push((axis, angle)),
        }
    }

    /// Writes the gates, and begins again. The Clifford is left for the caller to set.
    fn flush(&mut self, wire: u32, circuit: &mut BlockCircuit) {
        let wire = BlockQubit::at(wire as usize);
        let mut groups = self.groups();
        let last = with_clifford(groups.pop(), &self.clifford);
        let gates = groups.iter().map(|group| group.angles()).chain(last);
        gates.filter(|&angles| angles != [0.0; 3]).for_each(|angles| circuit.push_u3(wire, angles));
        self.rotations.clear();
    }

    /// The rotations in groups that are one `u3` each.
    fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for &(axis, angle) in &self.rotations {
            let has_room = |group: &&mut Group| group.phi == 0.0 && (axis == Z) == group.middle.is_some();
            match groups.last_mut().filter(has_room) {
                Some(group) if axis == Z => group.phi = angle,
                Some(group) => group.middle = Some((axis, angle)),
                None if axis == Z => groups.push(Group { lambda: angle, middle: None, phi: 0.0 }),
                None => groups.push(Group { lambda: 0.0, middle: Some((axis, angle)), phi: 0.0 }),
            }
        }
        groups
    }
}

impl Group {
    /// `[θ, φ, λ]`.
    fn angles(&self) -> [f64; 3] {
        match self.middle {
            None => [0.0, 0.0, settle(self.phi + self.lambda)],
            Some((Y, theta)) => [theta, self.phi, self.lambda],
            // Rx(θ) = Rz(−π/2)·Ry(θ)·Rz(π/2).
            Some((_, theta)) => [theta, settle(self.phi - FRAC_PI_2), settle(self.lambda + FRAC_PI_2)],
        }
    }
}

/// All ways to write each one-wire Clifford as `Rz(φ)·Ry(θ)·Rz(λ)` with quarter turns `[θ, φ, λ]`, by [`key`].
static QUARTER_TURNS: LazyLock<Vec<Vec<[u8; 3]>>> = LazyLock::new(|| {
    let mut ways = vec![Vec::new(); 64];
    for k in 0..64 {
        let [theta, phi, lambda] = [k >> 4, k >> 2 & 3, k & 3];
        let mut frame = Frame::identity(0);
        frame.turn(Z, lambda);
        frame.turn(Y, theta);
        frame.turn(Z, phi);
        ways[key(&frame)].push([theta, phi, lambda]);
    }
    ways
});

fn key(frame: &Frame) -> usize {
    let code = |(axis, is_negative): (Axis, bool)| usize::from(axis) | usize::from(is_negative) << 2;
    code(frame.x) | code(frame.z) << 3
}

/// The gates of a group and a Clifford after it: one, or two if a last rotation about Z does not fit.
fn with_clifford(group: Option<Group>, clifford: &Frame) -> impl Iterator<Item = [f64; 3]> + Clone {
    let group = group.unwrap_or(Group { lambda: 0.0, middle: None, phi: 0.0 });
    let Group { lambda, middle, phi } = group;
    let gates = match (middle, phi != 0.0) {
        (Some(_), false) => [None, Some(middle_with_clifford(group, clifford))],
        (Some(_), true) if clifford.z.0 == Z => {
            // The Clifford takes Z to ±Z, so the last rotation passes it.
            let [theta, outer, lambda] = middle_with_clifford(group, clifford);
            [None, Some([theta, settle(outer + if clifford.z.1 { -phi } else { phi }), lambda])]
        }
        (Some(_), true) => {
            let first = Group { phi: 0.0, ..group };
            [Some(first.angles()), Some(z_with_clifford(phi, clifford))]
        }
        (None, _) => [None, Some(z_with_clifford(lambda + phi, clifford))],
    };
    gates.into_iter().flatten()
}

fn quarter(k: u8) -> f64 {
    f64::from(k) * FRAC_PI_2
}

/// A Clifford after `Rz(λ)`.
fn z_with_clifford(lambda: f64, clifford: &Frame) -> [f64; 3] {
    let ways = &QUARTER_TURNS[key(clifford)];
    // Without a middle rotation if there is a choice.
    let [theta, phi, last] = ways.iter().copied().min().unwrap_or_default();
    match theta {
        0 => [0.0, 0.0, settle(quarter(phi) + quarter(last) + lambda)],
        _ => [settle(quarter(theta)), settle(quarter(phi)), settle(quarter(last) + lambda)],
    }
}

/// A Clifford after `R(β)·Rz(λ)`, R about X or Y.
fn middle_with_clifford(group: Group, clifford: &Frame) -> [f64; 3] {
    let (axis, angle) = group.middle.unwrap_or((Y, 0.0));
    let ways = &QUARTER_TURNS[key(clifford)];
    // Where the Clifford takes the axis to ±Z, the rotation passes it and joins φ.
    if let Some(is_negative) = comes_from(clifford, axis) {
        let [theta, phi, last] = ways.first().copied().unwrap_or_default();
        let phi = quarter(phi) + if is_negative { -angle } else { angle };
        return [settle(quarter(theta)), settle(phi), settle(quarter(last) + group.lambda)];
    }
    // Else there is a way whose rotation about Z takes the axis to ±Y: Rz(λ)·Ry(β) = Ry(±β)·Rz(λ) for even quarters,
    // and Rz(λ)·Rx(β) = Ry(±β)·Rz(λ) for odd ones.
    let fits = |way: &&[u8; 3]| (way[2] % 2 == 1) == (axis == X);
    let [theta, phi, last] = ways.iter().find(fits).copied().unwrap_or_default();
    let is_negative = if axis == X { last == 3 } else { last == 2 };
    let theta = quarter(theta) + if is_negative { -angle } else { angle };
    [settle(theta), settle(quarter(phi)), settle(quarter(last) + group.lambda)]
}

/// If `L·P·L† = ±Z`: whether it is minus.
fn comes_from(clifford: &Frame, axis: Axis) -> Option<bool> {
    (clifford.z.0 == axis).then_some(clifford.z.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{circuit_matrix, random_block, random_clifford_t, random_frames};
    use bqc_circuit::LoweredGate;
    use bqc_linalg::{Stream, phase_distance};
    use std::f64::consts::FRAC_PI_4;

    #[test]
    fn every_short_run_of_rotations_and_every_clifford_is_written_as_it_is() {
        let mut stream = Stream::new(0, 1, 7);
        let axes = [X, Y, Z];
        for length in 0..5 {
            for _ in 0..400 {
                let mut frames = random_frames(1, &mut stream);
                frames[0].wire = 0;
                let mut turn = || Op::Turn { wire: 0, axis: axes[stream.below(3)], angle: stream.gaussian() };
                let ops = (0..length).map(|_| turn()).collect();
                let circuit = PauliCircuit { ops, frames };
                let written = write(&circuit, BlockCircuit::new(1));
                assert!(phase_distance(&circuit_matrix(&circuit), &written.unitary()) < 1e-13);
                assert!(written.gates.len() <= length.max(1));
            }
        }
    }

    fn is_written_over_eighths(block: &BlockCircuit) -> bool {
        let is_exact =
            |angle: f64| (-4..=4).any(|k| (f64::from(k) * FRAC_PI_4).to_bits() == angle.to_bits() || angle == 0.0);
        block.gates.iter().all(|gate| match gate {
            LoweredGate::One { angles, .. } => angles.iter().all(|&angle| is_exact(angle)),
            LoweredGate::Two { .. } => true,
        })
    }

    #[test]
    fn circuits_come_back_and_clifford_and_t_stays_clifford_and_t() {
        let mut stream = Stream::new(0, 1, 8);
        for n in 1..5 {
            for _ in 0..20 {
                for block in [random_block(n, 40, &mut stream), random_clifford_t(n, 40, &mut stream)] {
                    let circuit = PauliCircuit::read(&block).unwrap();
                    let written = write(&circuit, BlockCircuit::new(n as _));
                    assert!(phase_distance(&block.unitary(), &written.unitary()) < 1e-12);
                    assert_eq!(written.n_cx(), block.n_cx());
                    assert!(!is_written_over_eighths(&block) || is_written_over_eighths(&written));
                }
            }
        }
    }
}
