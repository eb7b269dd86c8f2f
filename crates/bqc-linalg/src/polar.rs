//! The step at the heart of QFactor: the unitary that fits an environment best.
//!
//! With everything but one gate `u` contracted into the environment `E`, the overlap with the target
//! is `Tr(E·u)`. `|Tr(E·u)|` is largest, and equal to the sum of the singular values of `E`, where
//! `u` is the unitary polar factor of `E†`. For 2×2 that is a closed form
//! ([`crate::small::Matrix2::su2`]), for 4×4 a scaled Newton iteration `X ← (ζX + X^{-†}/ζ)/2`
//! (Higham, SIAM J. Sci. Stat. Comput. 7, 1160 (1986); Higham, *Functions of Matrices*, ch. 8), and
//! products alone for the last steps.
//!
//! An environment need not have full rank: it vanishes at symmetric saddles, and has rank one for a
//! single sample state. Then many unitaries are equally good, and these functions take the one
//! nearest to the gate's previous value by mixing in a little of it ([`COMPLETION`]). So a zero
//! environment keeps the previous value, and no input gives a value that is not unitary.

use crate::lanes::Level;
use crate::lanes::schulz::polar_nearby;
use crate::small::{Matrix2, Matrix4, SmallMatrix};
use crate::{Complex64, Su2};

/// Weight of the previous value in an environment scaled to unit mean-square singular value. It
/// chooses among equally good unitaries. Far above rounding error (1e-16), and far below anything
/// that changes an iteration; at a fixed point it changes nothing at all.
pub const COMPLETION: f64 = 1e-12;

/// Newton steps before a 4×4 matrix is given up. Scaled Newton takes at most 9 for condition
/// numbers up to 1e16 (Higham 2008, section 8.9); the rest is margin.
const MAX_STEPS: usize = 30;

/// Below this determinant, for unit mean-square singular value, the inverse by minors loses digits
/// to cancellation and elimination with pivoting takes over.
const SMALL_DETERMINANT: f64 = 1e-4;

/// What an update of one gate gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BestUnitary<U> {
    /// The new value of the gate.
    pub value: U,
    /// `|Tr(E·value)|`, the overlap that it reaches.
    pub overlap: f64,
}

/// The one-qubit gate for the environment `e`, `overlap = Tr(e·u)`.
///
/// * `beta` in `[0, 1]` is the weight of the previous value, 0 for the pure update. The mixture is
///   `(1 − β)·E/ν + β·u_prev†` with `ν` the root-mean-square singular value of `E`, and with the
///   global phase that the overlap has at the moment, so that β has no unit.
/// * A zero or non-finite environment returns `previous`.
pub fn best_su2(e: &Matrix2, previous: Su2, beta: f64) -> BestUnitary<Su2> {
    let previous_matrix = Matrix2::from(previous);
    let value = mixed(e, &previous_matrix, beta).and_then(|a| a.su2()).unwrap_or(previous);
    BestUnitary { value, overlap: modulus(e.trace_of_product(&value.into())) }
}

/// The two-qubit gate for the environment `e`; see [`best_su2`]. The value keeps the global phase
/// that brings it nearest to `previous`.
pub fn best_unitary4(level: Level, e: &Matrix4, previous: &Matrix4, beta: f64) -> BestUnitary<Matrix4> {
    let value = mixed(e, previous, beta).and_then(|a| polar4(level, &a)).unwrap_or(*previous);
    BestUnitary { value, overlap: modulus(e.trace_of_product(&value)) }
}

/// `|z|` without the care for overflow that `hypot` takes: environments are of moderate size.
#[inline]
fn modulus(z: Complex64) -> f64 {
    z.norm_sqr().sqrt()
}

/// `(1 − β)·E†/ν·phase + (β + COMPLETION)·u_prev`, whose polar factor is the update; `None` for a
/// zero or non-finite environment.
fn mixed<const D: usize>(e: &SmallMatrix<D>, previous: &SmallMatrix<D>, beta: f64) -> Option<SmallMatrix<D>> {
    let size = (e.norm_sqr() / D as f64).sqrt();
    if !(size > f64::MIN_POSITIVE && size.is_finite()) {
        return None;
    }
    let overlap = e.trace_of_product(previous);
    let length = modulus(overlap);
    let phase = if length > 0.0 { overlap / length } else { Complex64::ONE };
    let factor = phase * ((1.0 - beta) / size);
    let weight = beta + COMPLETION;
    Some(SmallMatrix::from_fn(|r, c| e.0[c][r].conj() * factor + previous.0[r][c] * weight))
}

/// The unitary polar factor of a 4×4 matrix, unitary to about 1e-15, or `None` if the matrix is
/// singular to working precision or not finite.
///
/// Scaled Newton steps until the matrix is nearly unitary, then [`polar_nearby`]. In a sweep that is
/// about to converge there is nothing left for the former to do.
pub fn polar4(level: Level, a: &Matrix4) -> Option<Matrix4> {
    let mut size_sqr = a.norm_sqr() / 4.0;
    if !(size_sqr > f64::MIN_POSITIVE && size_sqr.is_finite()) {
        return None;
    }
    let mut x = a.scaled(Complex64::new(1.0 / size_sqr.sqrt(), 0.0));
    for _ in 0..MAX_STEPS {
        if let Some(w) = polar_nearby(level, &x) {
            return Some(w);
        }
        let y = inverse_dagger(&x)?;
        // ζ² = ‖X⁻¹‖/‖X‖ in the Frobenius norm (Higham 2008, equation 8.24).
        let zeta = (y.norm_sqr() / x.norm_sqr()).sqrt().sqrt();
        let (p, q) = (0.5 * zeta, 0.5 / zeta);
        x = SmallMatrix::from_fn(|r, c| x.0[r][c] * p + y.0[r][c] * q);
        size_sqr = x.norm_sqr();
        if !size_sqr.is_finite() {
            return None;
        }
    }
    None
}

/// `X^{-†}`, by 2×2 minors where that is accurate and by elimination elsewhere.
fn inverse_dagger(x: &Matrix4) -> Option<Matrix4> {
    let (adjugate, determinant) = adjugate(x);
    let size_sqr = x.norm_sqr() / 4.0;
    if determinant.norm_sqr() > (SMALL_DETERMINANT * size_sqr * size_sqr).powi(2) {
        return Some(adjugate.scaled(determinant.inv()).dagger());
    }
    Some(x.inverse()?.0.dagger())
}

/// The adjugate and the determinant by Laplace expansion along the upper and lower two rows
/// (Eberly, *The Laplace Expansion Theorem*, 2008): no division, no branch.
fn adjugate(x: &Matrix4) -> (Matrix4, Complex64) {
    let [a, b, c, d] = x.0;
    let minor = |p: &[Complex64; 4], q: &[Complex64; 4], i: usize, j: usize| p[i] * q[j] - p[j] * q[i];
    let s = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].map(|(i, j)| minor(&a, &b, i, j));
    let t = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)].map(|(i, j)| minor(&c, &d, i, j));
    let determinant = s[0] * t[5] - s[1] * t[4] + s[2] * t[3] + s[3] * t[2] - s[4] * t[1] + s[5] * t[0];
    // Row r of the adjugate omits column r of X: the minors that avoid it, with their partners.
    let three = |p: &[Complex64; 4],
                 m: &[Complex64; 6],
                 (i, j, k): (usize, usize, usize),
                 (u, v, w): (usize, usize, usize)| { p[i] * m[u] - p[j] * m[v] + p[k] * m[w] };
    let columns = [(1, 2, 3), (0, 2, 3), (0, 1, 3), (0, 1, 2)];
    let minors = [(5, 4, 3), (5, 2, 1), (4, 2, 0), (3, 1, 0)];
    let mut out = Matrix4::ZERO;
    for r in 0..4 {
        let sign = if r % 2 == 0 { 1.0 } else { -1.0 };
        let row = [
            three(&b, &t, columns[r], minors[r]) * sign,
            three(&a, &t, columns[r], minors[r]) * -sign,
            three(&d, &s, columns[r], minors[r]) * sign,
            three(&c, &s, columns[r], minors[r]) * -sign,
        ];
        out.0[r] = row;
    }
    (out, determinant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;
    use proptest::prelude::*;

    fn distance<const D: usize>(a: &SmallMatrix<D>, b: &SmallMatrix<D>) -> f64 {
        a.plus(&b.scaled(-Complex64::ONE)).norm_sqr().sqrt()
    }

    /// `U diag(σ) V†` with random U, V, and its polar factor `U V†`.
    fn with_singular_values(sigma: [f64; 4], s: &mut Stream) -> (Matrix4, Matrix4) {
        let (u, v) = (Matrix4::haar(s), Matrix4::haar(s));
        let d = Matrix4::from_fn(|r, c| if r == c { Complex64::new(sigma[r], 0.0) } else { Complex64::ZERO });
        (u * d * v.dagger(), u * v.dagger())
    }

    #[test]
    fn adjugate_is_inverse_times_determinant() {
        let mut s = Stream::new(0, 3, 0);
        for _ in 0..50 {
            let x = Matrix4::from_fn(|_, _| s.complex_gaussian());
            let (adjugate, determinant) = adjugate(&x);
            let (inverse, d) = x.inverse().unwrap();
            assert!((determinant - d).norm() < 1e-12);
            assert!(distance(&adjugate, &inverse.scaled(d)) < 1e-11);
        }
    }

    #[test]
    fn polar_factor_at_all_condition_numbers() {
        let mut s = Stream::new(0, 3, 1);
        for sigma in
            [[1.0; 4], [1.0, 0.9, 1.1, 1.2], [3.0, 1e-2, 1.0, 7.0], [1e9, 1e6, 2e6, 1e9], [1e-9, 1.0, 1.0, 1.0]]
        {
            for _ in 0..20 {
                let (a, w) = with_singular_values(sigma, &mut s);
                let x = polar4(Level::detect(), &a).unwrap();
                assert!(x.unitarity_error() < 2e-15, "{sigma:?}: {:e}", x.unitarity_error());
                let condition =
                    sigma.iter().fold(0.0f64, |m, &x| m.max(x)) / sigma.iter().fold(f64::MAX, |m, &x| m.min(x));
                assert!(distance(&x, &w) < 2e-15 * condition.max(4.0), "{sigma:?}: {:e}", distance(&x, &w));
            }
        }
    }

    #[test]
    fn any_rank_gives_a_unitary_that_reaches_the_maximum() {
        let mut s = Stream::new(0, 3, 2);
        for sigma in [[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [2.0, 0.5, 1.0, 0.0], [1.0, 1e-14, 1e-13, 1e-7]] {
            for _ in 0..50 {
                let (e, _) = with_singular_values(sigma, &mut s);
                let previous = Matrix4::haar(&mut s);
                let best = best_unitary4(Level::detect(), &e, &previous, 0.0);
                assert!(best.value.unitarity_error() < 1e-14);
                assert!((best.overlap - sigma.iter().sum::<f64>()).abs() < 1e-9);
                if sigma[1] == 1e-14 {
                    // As small as the weight of the previous value: still free to move.
                    continue;
                }
                // Asking again with the answer changes nothing beyond noise: 1e-16 of the
                // environment against 1e-12 of the previous value.
                let again = best_unitary4(Level::detect(), &e, &best.value, 0.0);
                assert!(distance(&again.value, &best.value) < 2e-3, "{:e}", distance(&again.value, &best.value));
            }
        }
    }

    #[test]
    fn degenerate_environments_keep_the_previous_value() {
        let mut s = Stream::new(0, 3, 3);
        let (u4, u2) = (Matrix4::haar(&mut s), s.su2());
        for x in [0.0, f64::NAN, f64::INFINITY, 1e-320] {
            let e4 = Matrix4::from_fn(|_, _| Complex64::new(x, 0.0));
            let e2 = Matrix2::from_fn(|_, _| Complex64::new(x, 0.0));
            assert_eq!(best_unitary4(Level::detect(), &e4, &u4, 0.0).value, u4);
            assert_eq!(best_su2(&e2, u2, 0.0).value, u2);
        }
    }

    #[test]
    fn beta_one_keeps_and_beta_between_moves_less() {
        let mut s = Stream::new(0, 3, 4);
        for _ in 0..20 {
            let (e, previous) = (Matrix4::from_fn(|_, _| s.complex_gaussian()), Matrix4::haar(&mut s));
            assert!(distance(&best_unitary4(Level::detect(), &e, &previous, 1.0).value, &previous) < 1e-14);
            let moved = |beta| distance(&best_unitary4(Level::detect(), &e, &previous, beta).value, &previous);
            assert!(moved(0.5) < moved(0.0));
        }
    }

    proptest! {
        #[test]
        fn nothing_beats_the_best_su2(seed in any::<u64>()) {
            let mut s = Stream::new(seed, 3, 5);
            let e = Matrix2::from_fn(|_, _| s.complex_gaussian());
            let best = best_su2(&e, s.su2(), 0.0);
            prop_assert!((Matrix2::from(best.value)).unitarity_error() < 1e-14);
            for _ in 0..20 {
                prop_assert!(e.trace_of_product(&s.su2().into()).norm() <= best.overlap + 1e-12);
            }
            // The sum of singular values: σ₁ + σ₂ = √(‖E‖² + 2|det E|).
            let determinant = e.0[0][0] * e.0[1][1] - e.0[0][1] * e.0[1][0];
            prop_assert!((best.overlap - (e.norm_sqr() + 2.0 * determinant.norm()).sqrt()).abs() < 1e-10);
        }

        #[test]
        fn nothing_beats_the_best_unitary4(seed in any::<u64>()) {
            let mut s = Stream::new(seed, 3, 6);
            let e = Matrix4::from_fn(|_, _| s.complex_gaussian());
            let best = best_unitary4(Level::detect(), &e, &Matrix4::haar(&mut s), 0.0);
            prop_assert!(best.value.unitarity_error() < 1e-14);
            for _ in 0..20 {
                let u = Matrix4::haar(&mut s);
                prop_assert!(e.trace_of_product(&u).norm() <= best.overlap + 1e-12);
            }
        }
    }
}
