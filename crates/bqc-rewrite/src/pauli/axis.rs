//! One-wire Paulis as two bits, and the rules of their products. Everything else in this module rests on these rules;
//! the tests hold them against matrices.
//!
//! A code has bit 0 for an X component and bit 1 for a Z component: 0 is the identity, 1 is X, 2 is Z, 3 is Y. Up to
//! its phase a product is the exclusive or of the codes.

/// A one-wire Pauli: 0 is the identity, 1 is X, 2 is Z, 3 is Y.
pub type Axis = u8;

/// The identity.
pub(crate) const NONE: Axis = 0;
/// Pauli X.
pub(crate) const X: Axis = 1;
/// Pauli Z.
pub(crate) const Z: Axis = 2;
/// Pauli Y.
pub(crate) const Y: Axis = 3;

/// Whether the two anticommute.
#[inline]
pub(crate) fn anticommute(a: Axis, b: Axis) -> bool {
    a != NONE && b != NONE && a != b
}

/// For anticommuting `a` and `b`: whether `a·b = −i·c`, where `c` is the third; else it is `+i·c`.
#[inline]
pub(crate) fn is_minus(a: Axis, b: Axis) -> bool {
    !matches!((a, b), (X, Y) | (Y, Z) | (Z, X))
}

/// The power of i in `a·b = i^power · (a xor b)`, in `0..4`, at `a | b << 2`.
pub(crate) const POWERS: [u32; 16] = [0, 0, 0, 0, 0, 0, 1, 3, 0, 3, 0, 1, 0, 1, 3, 0];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::pauli_matrix;
    use bqc_linalg::Complex64;

    #[test]
    fn products_are_those_of_the_matrices() {
        for a in [NONE, X, Z, Y] {
            for b in [NONE, X, Z, Y] {
                let (left, right) = (&pauli_matrix(a) * &pauli_matrix(b), &pauli_matrix(b) * &pauli_matrix(a));
                let power = POWERS[usize::from(a | b << 2)];
                let expected = pauli_matrix(a ^ b).scaled(Complex64::i().powu(power));
                assert!(left.max_difference(&expected) < 1e-15, "{a} {b}");
                assert_eq!(anticommute(a, b), left.max_difference(&right) > 1.0, "{a} {b}");
                assert!(!anticommute(a, b) || is_minus(a, b) == (power == 3), "{a} {b}");
            }
        }
    }
}
