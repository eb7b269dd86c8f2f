//! The cosine–sine decomposition of a unitary cut into four square blocks.
//!
//! `U = (L₀ ⊕ L₁) · [[C, −S], [S, C]] · (R₀ ⊕ R₁)` with diagonal `C = cos θ`, `S = sin θ`. After Van
//! Loan (Numer. Math. 46, 1985): the singular values of one block give the small sines; where sines
//! are large, the cosines are small and are found by a second decomposition. Every direction is so
//! taken from the block in which it is well determined.

use crate::jacobi::{Svd, orthonormal_basis, svd};
use crate::{Complex64, Matrix};
use std::f64::consts::FRAC_1_SQRT_2;

/// The parts of `U = (left[0] ⊕ left[1]) · [[cos θ, −sin θ], [sin θ, cos θ]] · (right[0] ⊕ right[1])`.
#[derive(Clone, Debug)]
pub struct CosineSine {
    /// Unitaries of half the dimension, applied last.
    pub left: [Matrix; 2],
    /// Angles in radians, in `[0, π/2]`.
    pub angles: Vec<f64>,
    /// Unitaries of half the dimension, applied first.
    pub right: [Matrix; 2],
}

/// Decomposes a unitary of even dimension. Panics if it is not square or its dimension is odd.
///
/// Accuracy: the product of the parts differs from `u` by some 1e-15 times the root of the dimension,
/// for every spectrum, and every part is unitary to the same; plus the deviation of `u` from a unitary.
pub fn cosine_sine(u: &Matrix) -> CosineSine {
    let half = u.rows() / 2;
    assert_eq!((u.rows(), u.cols()), (2 * half, 2 * half), "a square matrix of even dimension");
    let block = |r: usize, c: usize| Matrix::from_fn(half, half, |i, j| u[(r * half + i, c * half + j)]);
    // Ascending sines: the first k are small, their cosines are at least √½.
    let Svd { left: l1, values, right: r0 } = reversed(svd(&block(1, 0)));
    let k = values.partition_point(|&s| s <= FRAC_1_SQRT_2);
    let image = &block(0, 0) * &r0;
    let mut columns: Vec<Vec<Complex64>> = (0..half).map(|c| column(&image, c)).collect();
    columns[k..].iter_mut().for_each(|c| c.fill(Complex64::ZERO));
    let basis = orthonormal_basis(&columns);

    // The rest of the first block, in directions that the small sines leave.
    let rest = part(&(&basis.dagger() * &image), k);
    let inner = svd(&rest);
    let l0 = &basis * &below(half, k, &inner.left);
    let r0 = &r0 * &below(half, k, &inner.right);
    // The same turn of the second block's large sines: orthogonal columns, well apart from zero.
    let turned = part(&(&(&l1.dagger() * &block(1, 0)) * &r0), k);
    let turned: Vec<Vec<Complex64>> = (0..half - k).map(|c| column(&turned, c)).collect();
    let l1 = if k < half { &l1 * &below(half, k, &orthonormal_basis(&turned)) } else { l1 };

    let cosines = &(&l0.dagger() * &block(0, 0)) * &r0;
    let sines = &(&l1.dagger() * &block(1, 0)) * &r0;
    let angles: Vec<f64> = (0..half).map(|i| sines[(i, i)].re.max(0.0).atan2(cosines[(i, i)].re.max(0.0))).collect();
    let (upper, lower) = (&l0.dagger() * &block(0, 1), &l1.dagger() * &block(1, 1));
    let r1 = Matrix::from_fn(half, half, |r, c| {
        let (sin, cos) = angles[r].sin_cos();
        cos * lower[(r, c)] - sin * upper[(r, c)]
    });
    CosineSine { left: [l0, l1], angles, right: [r0.dagger(), r1] }
}

/// Values in ascending order.
fn reversed(Svd { left, mut values, right }: Svd) -> Svd {
    let dim = values.len();
    let flip = |m: &Matrix| Matrix::from_fn(dim, dim, |r, c| m[(r, dim - 1 - c)]);
    values.reverse();
    Svd { left: flip(&left), values, right: flip(&right) }
}

fn column(m: &Matrix, c: usize) -> Vec<Complex64> {
    (0..m.rows()).map(|r| m[(r, c)]).collect()
}

/// The block from row and column `k` on.
fn part(m: &Matrix, k: usize) -> Matrix {
    Matrix::from_fn(m.rows() - k, m.cols() - k, |r, c| m[(r + k, c + k)])
}

/// `1 ⊕ m` of dimension `dim`.
fn below(dim: usize, k: usize, m: &Matrix) -> Matrix {
    Matrix::from_fn(dim, dim, |r, c| match (r < k, c < k) {
        (false, false) => m[(r - k, c - k)],
        _ => Complex64::new(f64::from(r == c), 0.0),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    fn join(parts: &[Matrix; 2]) -> Matrix {
        let half = parts[0].rows();
        Matrix::from_fn(2 * half, 2 * half, |r, c| match (r < half, c < half) {
            (true, true) => parts[0][(r, c)],
            (false, false) => parts[1][(r - half, c - half)],
            _ => Complex64::ZERO,
        })
    }

    fn middle(angles: &[f64]) -> Matrix {
        let half = angles.len();
        Matrix::from_fn(2 * half, 2 * half, |r, c| {
            let (sin, cos) = angles[r % half].sin_cos();
            let value = match (r % half == c % half, r < half, c < half) {
                (false, ..) => 0.0,
                (true, true, true) | (true, false, false) => cos,
                (true, true, false) => -sin,
                (true, false, true) => sin,
            };
            Complex64::new(value, 0.0)
        })
    }

    fn check(u: &Matrix) {
        let CosineSine { left, angles, right } = cosine_sine(u);
        for part in left.iter().chain(&right) {
            assert!(part.unitarity_error() < 2e-14, "a part is unitary to {:e}", part.unitarity_error());
        }
        assert!(angles.iter().all(|t| (0.0..=std::f64::consts::FRAC_PI_2).contains(t)));
        let product = &(&join(&left) * &middle(&angles)) * &join(&right);
        assert!(product.max_difference(u) < 2e-14, "{:e}", product.max_difference(u));
    }

    #[test]
    fn generic_unitaries() {
        let mut s = Stream::new(0, 8, 0);
        for dim in [2, 4, 8, 16, 32, 64] {
            check(&Matrix::haar(dim, &mut s));
        }
    }

    #[test]
    fn every_kind_of_angle() {
        let mut s = Stream::new(0, 8, 1);
        let tiny = [0.0, 1e-17, 1e-12, 1e-8, 1e-4];
        for round in 0..40 {
            let half = 1 << s.below(5);
            let angles: Vec<f64> = (0..half)
                .map(|_| {
                    let t = tiny[s.below(5)];
                    [t, std::f64::consts::FRAC_PI_2 - t, std::f64::consts::FRAC_PI_4 + t, s.uniform()][s.below(4)]
                })
                .collect();
            let mut sides = || [Matrix::haar(half, &mut s), Matrix::haar(half, &mut s)];
            let (left, right) = (sides(), sides());
            let u = &(&join(&left) * &middle(&angles)) * &join(&right);
            check(&u);
            if round == 0 {
                check(&middle(&angles));
            }
        }
    }

    #[test]
    fn permutations_and_block_diagonal_ones() {
        let mut s = Stream::new(0, 8, 2);
        for _ in 0..20 {
            let mut order: Vec<usize> = (0..16).collect();
            s.shuffle(&mut order);
            check(&Matrix::from_fn(16, 16, |r, c| Complex64::new(f64::from(order[c] == r), 0.0)));
        }
        let (a, b) = (Matrix::haar(8, &mut s), Matrix::haar(8, &mut s));
        check(&join(&[a.clone(), b]));
        check(&join(&[a.clone(), a]));
        check(&Matrix::identity(8));
    }
}
