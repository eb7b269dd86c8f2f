//! What the light passes work on: rotations about an axis, two-wire Clifford gates, and one-qubit Clifford gates that
//! have all been moved to the end.
//!
//! A one-qubit Clifford gate that moves past the gates after it only changes their axes. With all of them at the end a
//! CX is a *pair* `C(P, Q) = exp(iπ/4 (1 − P)(1 − Q))`, where P and Q are Pauli matrices on its two wires: it applies Q
//! where P is −1. (CX is `C(Z, X)`, CZ is `C(Z, Z)`.) A rotation is `exp(−iθP/2)`. Hadamard gates no longer stand in
//! the way of anything: the rules for them of Nam et al. (arXiv:1710.07345, section 4.1: `H S H = S† H S†`, the four
//! Hadamard gates around a CX, `H S CX S† H`) all become equalities of axes. What is written for the axes again is
//! the matter of `write`.
//!
//! Two gates commute on a wire if their axes are the same there. The table `RULES` in this file's tests is the whole
//! list of what the light passes take for equal, each row proven by its matrices.

use super::angle::Angle;
use super::cancel::Builder;
use super::clifford::{Axis, Clifford};
use super::euler::Euler;
use bqc_circuit::{BlockCircuit, LoweredGate, TwoQubitGate};

/// A gate of a tape.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Node {
    /// `exp(−iθA/2)` on a wire.
    Rotation { wire: u32, axis: Axis, angle: Angle },
    /// `C(P, Q)` on two wires. It is symmetric; the first wire is the one that a CX had its control on.
    Pair { wires: [u32; 2], axes: [Axis; 2] },
}

impl Node {
    /// The same gate on other wires.
    pub fn on(self, at: impl Fn(u32) -> u32) -> Node {
        match self {
            Node::Rotation { wire, axis, angle } => Node::Rotation { wire: at(wire), axis, angle },
            Node::Pair { wires, axes } => Node::Pair { wires: wires.map(at), axes },
        }
    }
}

/// What some gates on a wire have in common.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Content {
    /// There are none.
    #[default]
    Nothing,
    /// They all have this axis.
    Only(Axis),
    /// They have different axes.
    Several,
}

impl Content {
    /// With another gate.
    pub fn with(self, axis: Axis) -> Content {
        match self {
            Content::Nothing => Content::Only(axis),
            Content::Only(other) if other == axis => self,
            _ => Content::Several,
        }
    }
}

/// A circuit as its gates without one-qubit Clifford gates, and those at the end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tape {
    /// In program order.
    pub nodes: Vec<Node>,
    /// For each wire the conjugation by `F†`, where `F` is the Clifford gate after all nodes.
    pub frames: Vec<Clifford>,
    /// Elementary steps that it took to make it.
    pub n_steps: u64,
}

impl Tape {
    /// Reads a circuit and cancels what commuting gates let cancel. `None` if an angle is not finite or a gate names
    /// wires that are not there.
    pub fn of(circuit: &BlockCircuit) -> Option<Tape> {
        if !circuit.is_well_formed() {
            return None;
        }
        let mut builder = Builder::new(usize::from(circuit.width()));
        for gate in &circuit.gates {
            match *gate {
                LoweredGate::One { wire, angles } => {
                    builder.push_one(wire.index() as u32, Euler::from_radians(angles)?);
                }
                LoweredGate::Two { gate: TwoQubitGate::Cx, wires, .. } => {
                    builder.push_cx(wires.map(|wire| wire.index() as u32));
                }
            }
        }
        Some(builder.finish())
    }

    /// Number of wires.
    pub fn width(&self) -> usize {
        self.frames.len()
    }

    /// Numbers of pairs and of rotations: what passes over tapes make smaller.
    pub fn size(&self) -> (usize, usize) {
        let n_pairs = self.nodes.iter().filter(|node| matches!(node, Node::Pair { .. })).count();
        (n_pairs, self.nodes.len() - n_pairs)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::clifford::tests::{pauli_matrix, rotation_matrix};
    use super::*;
    use bqc_linalg::{Complex64, Matrix, Matrix2, Matrix4, phase_distance};
    use std::f64::consts::FRAC_PI_2;

    /// `on_0` on wire 0 and `on_1` on wire 1.
    pub(crate) fn tensor(on_0: Matrix2, on_1: Matrix2) -> Matrix4 {
        Matrix4::from_fn(|r, c| on_0.0[r & 1][c & 1] * on_1.0[r >> 1][c >> 1])
    }

    fn one() -> Matrix2 {
        Matrix2::identity()
    }

    /// `C(sP, tQ)` from the definition.
    fn pair([p, q]: [Axis; 2], [s, t]: [f64; 2]) -> Matrix4 {
        let p = tensor(pauli_matrix(p), one()).scaled(Complex64::new(s, 0.0));
        let q = tensor(one(), pauli_matrix(q)).scaled(Complex64::new(t, 0.0));
        let half = Complex64::new(0.5, 0.0);
        let sum = Matrix4::identity().plus(&p).plus(&q).plus(&(p * q).scaled(-Complex64::ONE));
        sum.scaled(half)
    }

    fn plus(axes: [Axis; 2]) -> Matrix4 {
        pair(axes, [1.0, 1.0])
    }

    fn is_same(a: Matrix4, b: Matrix4) -> bool {
        phase_distance(&a.matrix(), &b.matrix()) < 1e-14
    }

    fn axes() -> impl Iterator<Item = [Axis; 2]> {
        Axis::ALL.into_iter().flat_map(|p| Axis::ALL.map(|q| [p, q]))
    }

    /// A 4 × 4 matrix on two of three wires.
    fn on(m: Matrix4, wires: [usize; 2]) -> Matrix {
        let mut whole = Matrix::identity(8);
        whole.apply_gate(&m.matrix(), &wires);
        whole
    }

    #[test]
    fn the_pair_of_z_and_x_is_cx() {
        let cx = Matrix4::from_fn(|r, c| {
            let image = if c & 1 == 1 { c ^ 2 } else { c };
            if image == r { Complex64::ONE } else { Complex64::ZERO }
        });
        assert!(is_same(plus([Axis::Z, Axis::X]), cx));
    }

    /// The proof of a rule for one choice of P and Q.
    type Proof = fn(Axis, Axis);

    /// What the passes take for equal, up to global phase. `A` and `B` are different axes. (That of `swaps`, which is
    /// about two wires as a whole, is proven there.)
    const RULES: [(&str, Proof); 6] = [
        ("R(P, θ) commutes with C(P, Q), and R(A, θ) on the wire of P does not", |p, q| {
            let c = plus([p, q]);
            for axis in Axis::ALL {
                let r = tensor(rotation_matrix(axis, 0.7), one());
                assert_eq!(is_same(r * c, c * r), axis == p);
            }
        }),
        ("C(P, Q) commutes with every pair that has the same axes on the wires they share", |p, q| {
            for [r, s] in axes() {
                let (a, b) = (on(plus([p, q]), [0, 1]), on(plus([r, s]), [0, 2]));
                assert_eq!(phase_distance(&(&a * &b), &(&b * &a)) < 1e-14, r == p);
            }
        }),
        ("C(P, Q) C(P, Q) = 1", |p, q| {
            assert!(is_same(plus([p, q]) * plus([p, q]), Matrix4::identity()));
        }),
        ("C(P, A) C(P, B) = C(P, third axis) R(P, ±π/2)", |p, later| {
            for earlier in Axis::ALL.into_iter().filter(|&earlier| earlier != later) {
                let (first, second) = (plus([p, earlier]), plus([p, later]));
                let quarters = if later.next() == earlier { 1.0 } else { -1.0 };
                let r = tensor(rotation_matrix(p, quarters * FRAC_PI_2), one());
                assert!(is_same(second * first, r * plus([p, later.third(earlier)])));
            }
        }),
        ("C(−P, Q) = C(P, Q) Q and C(P, −Q) = C(P, Q) P", |p, q| {
            let (on_p, on_q) = (tensor(pauli_matrix(p), one()), tensor(one(), pauli_matrix(q)));
            let c = plus([p, q]);
            assert!(is_same(pair([p, q], [-1.0, 1.0]), c * on_q));
            assert!(is_same(pair([p, q], [1.0, -1.0]), c * on_p));
            assert!(is_same(pair([p, q], [-1.0, -1.0]), c * on_p * on_q));
        }),
        ("C(P, Q) A C(P, Q) = A Q, for A on the wire of P", |p, q| {
            for other in Axis::ALL.into_iter().filter(|&other| other != p) {
                let a = tensor(pauli_matrix(other), one());
                let image = a * tensor(one(), pauli_matrix(q));
                let c = plus([p, q]);
                assert!((c * a * c).plus(&image.scaled(-Complex64::ONE)).norm_sqr() < 1e-28);
            }
        }),
    ];

    #[test]
    fn each_rule_is_an_equality_of_matrices() {
        for (rule, prove) in RULES {
            println!("{rule}");
            axes().for_each(|[p, q]| prove(p, q));
        }
    }
}
