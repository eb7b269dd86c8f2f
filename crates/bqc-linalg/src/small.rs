//! 2×2 and 4×4 complex matrices of fixed size: the values of gates and their environments.
//!
//! On the stack and `Copy`, so a sweep allocates nothing. Index conventions are those of
//! [`Matrix`]: element `[r][c]`, and for 4×4 the first qubit of the pair is bit 0 of the index.

use crate::{Complex64, Matrix, Stream, Su2};
use std::array::from_fn;
use std::ops::Mul;

/// A `D × D` complex matrix, element `[row][column]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SmallMatrix<const D: usize>(pub [[Complex64; D]; D]);

/// The value of a one-qubit gate.
pub type Matrix2 = SmallMatrix<2>;
/// The value of a two-qubit gate; the first qubit of the ordered pair is bit 0 of the index.
pub type Matrix4 = SmallMatrix<4>;

impl<const D: usize> SmallMatrix<D> {
    /// All zeros.
    pub const ZERO: SmallMatrix<D> = SmallMatrix([[Complex64::ZERO; D]; D]);

    /// The matrix with elements `f(row, column)`.
    #[inline]
    pub fn from_fn(mut f: impl FnMut(usize, usize) -> Complex64) -> SmallMatrix<D> {
        SmallMatrix(from_fn(|r| from_fn(|c| f(r, c))))
    }

    /// The identity.
    pub fn identity() -> SmallMatrix<D> {
        SmallMatrix::from_fn(|r, c| if r == c { Complex64::ONE } else { Complex64::ZERO })
    }

    /// The same matrix in the fixed size, or `None` if the shape is another.
    pub fn from_matrix(m: &Matrix) -> Option<SmallMatrix<D>> {
        ((m.rows(), m.cols()) == (D, D)).then(|| SmallMatrix::from_fn(|r, c| m[(r, c)]))
    }

    /// The same matrix in the general type.
    pub fn matrix(&self) -> Matrix {
        Matrix::from_fn(D, D, |r, c| self.0[r][c])
    }

    /// A unitary from the Haar measure.
    pub fn haar(stream: &mut Stream) -> SmallMatrix<D> {
        let u = Matrix::haar(D, stream);
        SmallMatrix::from_fn(|r, c| u[(r, c)])
    }

    /// The conjugate transpose.
    #[inline]
    pub fn dagger(&self) -> SmallMatrix<D> {
        SmallMatrix::from_fn(|r, c| self.0[c][r].conj())
    }

    /// The matrix times a number.
    #[inline]
    pub fn scaled(&self, factor: Complex64) -> SmallMatrix<D> {
        SmallMatrix::from_fn(|r, c| self.0[r][c] * factor)
    }

    /// The element-wise sum.
    #[inline]
    pub fn plus(&self, other: &SmallMatrix<D>) -> SmallMatrix<D> {
        SmallMatrix::from_fn(|r, c| self.0[r][c] + other.0[r][c])
    }

    /// `Tr(self · other)`.
    #[inline]
    pub fn trace_of_product(&self, other: &SmallMatrix<D>) -> Complex64 {
        let mut sum = Complex64::ZERO;
        for r in 0..D {
            for c in 0..D {
                sum += self.0[r][c] * other.0[c][r];
            }
        }
        sum
    }

    /// The square of the Frobenius norm, `Σ |element|²`.
    #[inline]
    pub fn norm_sqr(&self) -> f64 {
        self.0.iter().flatten().map(|x| x.norm_sqr()).sum()
    }

    /// `max |(U†U − 1)_ij|`; NaN elements give NaN or infinity, never a small number.
    pub fn unitarity_error(&self) -> f64 {
        let p = self.dagger() * *self;
        let mut largest = 0.0f64;
        for r in 0..D {
            for c in 0..D {
                let e = (p.0[r][c] - if r == c { 1.0 } else { 0.0 }).norm_sqr();
                if e.is_nan() {
                    return f64::NAN;
                }
                largest = largest.max(e);
            }
        }
        largest.sqrt()
    }

    /// The inverse and the determinant by elimination with partial pivoting, or `None` if a pivot
    /// vanishes or is not finite. Slow and sturdy; see [`crate::polar`] for the fast path.
    pub fn inverse(&self) -> Option<(SmallMatrix<D>, Complex64)> {
        let mut a = self.0;
        let mut inverse = SmallMatrix::<D>::identity().0;
        let mut determinant = Complex64::ONE;
        for k in 0..D {
            let mut pivot_row = k;
            for r in k + 1..D {
                if a[r][k].norm_sqr() > a[pivot_row][k].norm_sqr() {
                    pivot_row = r;
                }
            }
            if pivot_row != k {
                a.swap(k, pivot_row);
                inverse.swap(k, pivot_row);
                determinant = -determinant;
            }
            let pivot = a[k][k];
            determinant *= pivot;
            let scale = pivot.inv();
            if !scale.is_finite() || pivot == Complex64::ZERO {
                return None;
            }
            a[k].iter_mut().chain(&mut inverse[k]).for_each(|x| *x *= scale);
            for r in (0..D).filter(|&r| r != k) {
                let factor = a[r][k];
                for c in 0..D {
                    let (x, y) = (a[k][c], inverse[k][c]);
                    a[r][c] -= factor * x;
                    inverse[r][c] -= factor * y;
                }
            }
        }
        Some((SmallMatrix(inverse), determinant))
    }
}

impl<const D: usize> Mul for SmallMatrix<D> {
    type Output = SmallMatrix<D>;
    #[inline]
    fn mul(self, other: SmallMatrix<D>) -> SmallMatrix<D> {
        // A row at a time, so that the elements of a row are summed side by side, each from the first term on.
        let mut product = SmallMatrix::<D>::ZERO;
        for (row, factors) in product.0.iter_mut().zip(&self.0) {
            for (factor, terms) in factors.iter().zip(&other.0) {
                row.iter_mut().zip(terms).for_each(|(sum, term)| *sum += factor * term);
            }
        }
        product
    }
}

impl Matrix2 {
    /// The unitary nearest to this matrix, without its global phase: the closed form of the polar
    /// factor. `None` if the matrix is zero or not finite.
    ///
    /// With `det A = |det A|·e^{iθ}` the polar factor of `A` is proportional to
    /// `A + e^{iθ}·cof(A)*`, where `cof` is the cofactor matrix, and dividing it by `e^{iθ/2}`
    /// puts it in SU(2). A unitary is returned unchanged to rounding, up to its phase. At
    /// determinant zero all θ are equally good and zero is taken.
    pub fn su2(&self) -> Option<Su2> {
        let [[p, q], [r, s]] = self.0;
        let determinant = p * s - q * r;
        let size = determinant.norm_sqr().sqrt();
        let phase = if size > 0.0 { half_angle(determinant / size).conj() } else { Complex64::ONE };
        let (p, q, r, s) = (p * phase, q * phase, r * phase, s * phase);
        let u = Su2::new(p + s.conj(), r - q.conj()).normalized();
        (u.a.is_finite() && u.b.is_finite()).then_some(u)
    }
}

/// A square root of a number of modulus one, without trigonometry: the half-angle formulas.
#[inline]
fn half_angle(z: Complex64) -> Complex64 {
    if z.re >= 0.0 {
        let re = ((1.0 + z.re) / 2.0).sqrt();
        Complex64::new(re, z.im / (2.0 * re))
    } else {
        let im = ((1.0 - z.re) / 2.0).sqrt().copysign(z.im);
        Complex64::new(z.im / (2.0 * im), im)
    }
}

impl From<Su2> for Matrix2 {
    fn from(u: Su2) -> Matrix2 {
        SmallMatrix([[u.a, -u.b.conj()], [u.b, u.a.conj()]])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::phase_distance;

    #[test]
    fn algebra_is_that_of_the_general_type() {
        let mut s = Stream::new(0, 2, 0);
        for _ in 0..50 {
            let (a, b) = (Matrix4::haar(&mut s), Matrix4::haar(&mut s).scaled(Complex64::new(0.3, 2.0)));
            assert!((a * b).matrix().max_difference(&(&a.matrix() * &b.matrix())) < 1e-14);
            assert!(((a * b).matrix().trace() - a.trace_of_product(&b)).norm() < 1e-14);
            let (inverse, determinant) = b.inverse().unwrap();
            assert!((inverse * b).plus(&Matrix4::identity().scaled(-Complex64::ONE)).norm_sqr() < 1e-28);
            // det(cU) = c⁴ det U.
            let expected = Complex64::new(0.3, 2.0).norm().powi(4);
            assert!((determinant.norm() - expected).abs() < 1e-13 * expected);
        }
    }

    #[test]
    fn singular_matrices_have_no_inverse() {
        assert!(Matrix4::ZERO.inverse().is_none());
        assert!(Matrix2::from_fn(|_, _| Complex64::ONE).inverse().is_none());
        assert!(Matrix2::from_fn(|_, _| Complex64::new(f64::NAN, 0.0)).inverse().is_none());
    }

    #[test]
    fn half_angles_are_square_roots() {
        for k in 0..=64 {
            let z = Complex64::cis(std::f64::consts::TAU * k as f64 / 64.0);
            let root = half_angle(z);
            assert!((root * root - z).norm() < 1e-15, "{z}");
        }
    }

    #[test]
    fn su2_keeps_a_unitary_up_to_phase() {
        let mut s = Stream::new(0, 2, 1);
        for _ in 0..100 {
            let u = Matrix2::haar(&mut s);
            assert!(phase_distance(&u.matrix(), &u.su2().unwrap().matrix()) < 1e-15);
        }
        assert!(Matrix2::ZERO.su2().is_none());
    }
}
