//! The one-qubit Clifford group as signed permutations of the axes X, Y and Z: twenty-four elements without phases.
//!
//! A one-qubit Clifford gate `U` takes each Pauli matrix `P` to `U P U†`, which is one of `±X, ±Y, ±Z` (Gottesman,
//! quant-ph/9807006). These three images say everything about `U` but its global phase.

/// A Pauli matrix other than the identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Axis {
    X,
    Y,
    Z,
}

impl Axis {
    /// In cyclic order.
    pub const ALL: [Axis; 3] = [Axis::X, Axis::Y, Axis::Z];

    /// The next one in cyclic order.
    pub fn next(self) -> Axis {
        Axis::ALL[(self as usize + 1) % 3]
    }

    /// The axis that is neither of two different ones.
    pub fn third(self, other: Axis) -> Axis {
        Axis::ALL[3 - self as usize - other as usize]
    }
}

/// A Pauli matrix with a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Signed {
    pub axis: Axis,
    pub is_negative: bool,
}

/// The conjugation `P ↦ U P U†` by a one-qubit Clifford gate `U`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Clifford {
    /// Of X, Y and Z.
    images: [Signed; 3],
}

impl Clifford {
    pub const IDENTITY: Clifford = Clifford {
        images: [
            Signed { axis: Axis::X, is_negative: false },
            Signed { axis: Axis::Y, is_negative: false },
            Signed { axis: Axis::Z, is_negative: false },
        ],
    };

    /// By the rotation `exp(−iθA/2)` with θ = `quarters`·π/2.
    pub fn turn(axis: Axis, quarters: u8) -> Clifford {
        let (next, last) = (axis.next(), axis.next().next());
        let mut turn = Clifford::IDENTITY;
        // A quarter turn about Z takes X to Y and Y to −X, and so on in cyclic order.
        let (to_next, to_last) = match quarters % 4 {
            0 => ((next, false), (last, false)),
            1 => ((last, false), (next, true)),
            2 => ((next, true), (last, true)),
            _ => ((last, true), (next, false)),
        };
        for (from, (axis, is_negative)) in [(next, to_next), (last, to_last)] {
            turn.images[from as usize] = Signed { axis, is_negative };
        }
        turn
    }

    /// By a Pauli matrix.
    pub fn pauli(axis: Axis) -> Clifford {
        Clifford::turn(axis, 2)
    }

    /// One of the four conjugations that take the axes to these, a permutation.
    pub fn with_axes(axes: [Axis; 3]) -> Clifford {
        // Of the odd permutations each has one axis turned round, which makes it a rotation.
        let is_odd = axes[0].next() != axes[1];
        let image = |k: usize| Signed { axis: axes[k], is_negative: is_odd && k == 0 };
        Clifford { images: [image(0), image(1), image(2)] }
    }

    /// The image of an axis.
    #[inline]
    pub fn image(&self, axis: Axis) -> Signed {
        self.images[axis as usize]
    }

    /// This conjugation, then another one.
    #[inline]
    pub fn then(self, next: Clifford) -> Clifford {
        Clifford {
            images: self.images.map(|image| {
                let after = next.image(image.axis);
                Signed { axis: after.axis, is_negative: after.is_negative != image.is_negative }
            }),
        }
    }

    /// The conjugation by `U†`.
    pub fn inverse(self) -> Clifford {
        let mut inverse = Clifford::IDENTITY;
        for from in Axis::ALL {
            let to = self.image(from);
            inverse.images[to.axis as usize] = Signed { axis: from, is_negative: to.is_negative };
        }
        inverse
    }

    /// Where the axes go, signs aside.
    pub fn axes(&self) -> [Axis; 3] {
        self.images.map(|image| image.axis)
    }

    /// The Pauli matrix that this is the conjugation by; `None` if it is the identity or no Pauli matrix.
    pub fn as_pauli(self) -> Option<Axis> {
        Axis::ALL.into_iter().find(|&axis| self == Clifford::pauli(axis))
    }
}

/// What is left of two pairs that exchange their wires: `C(P', Q') C(P, Q) = C(P, Q) (W†V ⊗ V†W) SWAP`, where `W`
/// takes P to Z and P' to X, and `V` takes Q to X and Q' to Z. The conjugations by `W†V` and `V†W`, on the wires of P
/// and of Q. The axes on each wire have to be different.
pub(crate) fn exchange(first: [Axis; 2], second: [Axis; 2]) -> [Clifford; 2] {
    let w = taking([first[0], second[0]], [Axis::Z, Axis::X]);
    let v = taking([first[1], second[1]], [Axis::X, Axis::Z]);
    [v.then(w.inverse()), w.then(v.inverse())]
}

/// The conjugation that takes two different axes to these.
fn taking(from: [Axis; 2], to: [Axis; 2]) -> Clifford {
    let mut axes = [Axis::X; 3];
    axes[from[0] as usize] = to[0];
    axes[from[1] as usize] = to[1];
    axes[from[0].third(from[1]) as usize] = to[0].third(to[1]);
    let conjugation = Clifford::with_axes(axes);
    // A Pauli matrix changes the signs of the two other axes.
    let signs = from.map(|axis| conjugation.image(axis).is_negative);
    match signs {
        [false, false] => conjugation,
        [true, false] => conjugation.then(Clifford::pauli(to[1])),
        [false, true] => conjugation.then(Clifford::pauli(to[0])),
        [true, true] => conjugation.then(Clifford::pauli(to[0].third(to[1]))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use bqc_linalg::{Complex64, Matrix2, Su2};
    use std::f64::consts::FRAC_PI_2;

    /// A Pauli matrix as a 2 × 2 matrix.
    pub(crate) fn pauli_matrix(axis: Axis) -> Matrix2 {
        let (o, l, i) = (Complex64::ZERO, Complex64::ONE, Complex64::I);
        let mut m = Matrix2::ZERO;
        m.0 = match axis {
            Axis::X => [[o, l], [l, o]],
            Axis::Y => [[o, -i], [i, o]],
            Axis::Z => [[l, o], [o, -l]],
        };
        m
    }

    /// `exp(−iθA/2)`.
    pub(crate) fn rotation_matrix(axis: Axis, radians: f64) -> Matrix2 {
        let value = [Su2::rx, Su2::ry, Su2::rz][axis as usize](radians);
        Matrix2::from_matrix(&value.matrix()).unwrap()
    }

    #[test]
    fn turns_are_those_of_the_matrices() {
        for axis in Axis::ALL {
            for quarters in 0..4 {
                let u = rotation_matrix(axis, f64::from(quarters) * FRAC_PI_2);
                let turn = Clifford::turn(axis, quarters);
                for from in Axis::ALL {
                    let to = turn.image(from);
                    let sign = if to.is_negative { -Complex64::ONE } else { Complex64::ONE };
                    let difference =
                        (u * pauli_matrix(from) * u.dagger()).plus(&pauli_matrix(to.axis).scaled(-sign)).norm_sqr();
                    assert!(difference < 1e-28, "{axis:?} {quarters} {from:?}");
                }
                assert_eq!(turn.then(Clifford::turn(axis, 4 - quarters)), Clifford::IDENTITY);
                assert_eq!(turn.inverse(), Clifford::turn(axis, 4 - quarters));
            }
        }
    }

    #[test]
    fn products_are_products_of_matrices() {
        for (a, b) in Axis::ALL.into_iter().flat_map(|a| Axis::ALL.map(|b| (a, b))) {
            let product = Clifford::turn(a, 1).then(Clifford::turn(b, 1));
            let u = rotation_matrix(b, FRAC_PI_2) * rotation_matrix(a, FRAC_PI_2);
            for from in Axis::ALL {
                let to = product.image(from);
                let sign = if to.is_negative { -Complex64::ONE } else { Complex64::ONE };
                let image = u * pauli_matrix(from) * u.dagger();
                assert!(image.plus(&pauli_matrix(to.axis).scaled(-sign)).norm_sqr() < 1e-28);
            }
            assert_eq!(product.then(product.inverse()), Clifford::IDENTITY);
        }
        assert_eq!(Clifford::turn(Axis::Y, 2).as_pauli(), Some(Axis::Y));
        assert_eq!(Clifford::IDENTITY.as_pauli(), None);
    }
}
