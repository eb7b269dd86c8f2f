//! What ends a wire: a one-wire Clifford and the wire it is on.
//!
//! One-wire Cliffords, signs of Paulis and exchanges of wires never stand between the gates of this module. They are
//! pulled through to the end of the circuit, by changing the axes and wires of later gates, and rest there in one frame
//! for each output.

use super::axis::{Axis, X, Y, Z, anticommute, is_minus};
use super::op::Op;

/// A Pauli of one wire with its sign: `(axis, is_negative)`.
pub type Signed = (Axis, bool);

/// A one-wire Clifford `L` on a wire, as the images `L†XL` and `L†ZL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The wire that carries the output.
    pub wire: u32,
    /// `L†XL`.
    pub x: Signed,
    /// `L†ZL`.
    pub z: Signed,
}

impl Frame {
    /// The identity on a wire.
    pub(crate) fn identity(wire: u32) -> Frame {
        Frame { wire, x: (X, false), z: (Z, false) }
    }

    /// `L†PL` for a one-wire Pauli other than the identity.
    pub(crate) fn image(&self, axis: Axis) -> Signed {
        match axis {
            X => self.x,
            Z => self.z,
            // Y = iXZ, and (ab) = ±i·c turns the product's i into a sign.
            _ => (self.x.0 ^ self.z.0, !(self.x.1 ^ self.z.1 ^ is_minus(self.x.0, self.z.0))),
        }
    }

    /// `L` becomes `V·L` with `V = exp(−ikπP/4)`, a rotation about `axis` by `k` quarter turns.
    pub(crate) fn turn(&mut self, axis: Axis, quarters: u8) {
        let before = *self;
        let image = |of: Axis| match quarters {
            _ if of == axis => before.image(of),
            0 => before.image(of),
            2 => (before.image(of).0, !before.image(of).1),
            // V†QV = ∓i·QP for one and three quarters.
            _ => {
                let (third, is_negative) = before.image(of ^ axis);
                (third, is_negative ^ is_minus(of, axis) ^ (quarters == 3))
            }
        };
        (self.x, self.z) = (image(X), image(Z));
    }

    /// `L` becomes `L·Q` for a Pauli `Q`: the Pauli acts first.
    fn precede(&mut self, pauli: Axis) {
        self.x.1 ^= anticommute(self.x.0, pauli);
        self.z.1 ^= anticommute(self.z.0, pauli);
    }

    /// This frame after `earlier`, a frame of the wire that this one is on.
    pub(crate) fn after(&self, earlier: &Frame) -> Frame {
        let image = |(axis, is_negative): Signed| {
            let (image, is_other) = earlier.image(axis);
            (image, is_negative ^ is_other)
        };
        Frame { wire: earlier.wire, x: image(self.x), z: image(self.z) }
    }

    /// The inverse Clifford, on a given wire.
    pub(crate) fn inverse(&self, wire: u32) -> Frame {
        let back = |of: Axis| {
            let from = [X, Z, Y].into_iter().find(|&from| self.image(from).0 == of).unwrap_or(of);
            (from, self.image(from).1)
        };
        Frame { wire, x: back(X), z: back(Z) }
    }
}

/// The frames of outputs `0..n` of a circuit that does nothing.
pub(crate) fn identity_frames(n: usize) -> impl Iterator<Item = Frame> {
    (0..n as u32).map(Frame::identity)
}

/// The inverse of frames: entry `w` ends wire `w` of the inverse.
pub(crate) fn inverse_frames(frames: &[Frame], inverse: &mut Vec<Frame>) {
    inverse.clear();
    inverse.extend(identity_frames(frames.len()));
    for (output, frame) in frames.iter().enumerate() {
        inverse[frame.wire as usize] = frame.inverse(output as u32);
    }
}

/// A gate that stands after the frames, pulled to before them. The Paulis that its signs leave go into the frames.
pub(crate) fn pull(frames: &mut [Frame], op: Op) -> Op {
    match op {
        Op::Turn { wire, axis, angle } => {
            let frame = &frames[wire as usize];
            let (axis, is_negative) = frame.image(axis);
            Op::Turn { wire: frame.wire, axis, angle: if is_negative { -angle } else { angle } }
        }
        Op::Pair { wires: [a, b], axes: [p, q] } => {
            let (first, second) = (frames[a as usize].image(p), frames[b as usize].image(q));
            // exp(iπ/4 (1+P)(1−Q)) = Q · exp(iπ/4 (1−P)(1−Q)) up to phase.
            if first.1 {
                frames[b as usize].precede(second.0);
            }
            if second.1 {
                frames[a as usize].precede(first.0);
            }
            let wires = [frames[a as usize].wire, frames[b as usize].wire];
            Op::Pair { wires, axes: [first.0, second.0] }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{frames_matrix, op_matrix, pauli_matrix, random_frames};
    use bqc_linalg::{Complex64, Stream, phase_distance};

    /// All 24 frames of one wire.
    fn all() -> Vec<Frame> {
        let mut found = vec![Frame::identity(0)];
        let mut next = 0;
        while next < found.len() {
            for axis in [X, Z] {
                let mut frame = found[next];
                frame.turn(axis, 1);
                if !found.contains(&frame) {
                    found.push(frame);
                }
            }
            next += 1;
        }
        assert_eq!(found.len(), 24);
        found
    }

    #[test]
    fn images_turns_products_and_inverses_are_those_of_the_matrices() {
        for frame in all() {
            let matrix = frames_matrix(&[frame]);
            for axis in [X, Y, Z] {
                let (image, is_negative) = frame.image(axis);
                let sign = Complex64::from(if is_negative { -1.0 } else { 1.0 });
                let conjugated = &(&matrix.dagger() * &pauli_matrix(axis)) * &matrix;
                assert!(conjugated.max_difference(&pauli_matrix(image).scaled(sign)) < 1e-14);
                for quarters in 0..4 {
                    let mut turned = frame;
                    turned.turn(axis, quarters);
                    let angle = f64::from(quarters) * std::f64::consts::FRAC_PI_2;
                    let expected = &op_matrix(&Op::Turn { wire: 0, axis, angle }, 1) * &matrix;
                    assert!(phase_distance(&frames_matrix(&[turned]), &expected) < 1e-14);
                }
            }
            for other in all() {
                let product = &frames_matrix(&[frame]) * &frames_matrix(&[other]);
                assert!(phase_distance(&frames_matrix(&[frame.after(&other)]), &product) < 1e-14);
            }
            assert_eq!(frame.after(&frame.inverse(0)), Frame::identity(0));
        }
    }

    #[test]
    fn pulling_a_gate_keeps_the_unitary() {
        let mut stream = Stream::new(0, 1, 1);
        for _ in 0..300 {
            let mut frames = random_frames(3, &mut stream);
            let mut wires = [0, 1, 2];
            stream.shuffle(&mut wires);
            let mut axis = || 1 + stream.below(3) as Axis;
            let pair = Op::Pair { wires: [wires[0], wires[1]], axes: [axis(), axis()] };
            let turn = Op::Turn { wire: wires[2], axis: axis(), angle: 0.3 };
            for op in [pair, turn] {
                let before = &op_matrix(&op, 3) * &frames_matrix(&frames);
                let pulled = pull(&mut frames, op);
                let after = &frames_matrix(&frames) * &op_matrix(&pulled, 3);
                assert!(phase_distance(&before, &after) < 1e-14, "{op:?}");
            }
            let mut inverse = Vec::new();
            inverse_frames(&frames, &mut inverse);
            let product = &frames_matrix(&inverse) * &frames_matrix(&frames);
            assert!(phase_distance(&product, &bqc_linalg::Matrix::identity(8)) < 1e-14);
        }
    }
}
