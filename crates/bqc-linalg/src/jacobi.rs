//! Singular values, and eigenvectors of unitaries, of small dense complex matrices by Jacobi rotations.
//!
//! Rotations of two columns at a time need no shift, no deflation and no gap between values: equal and
//! nearly equal ones are as accurate as generic ones, and what is zero stays zero, so that sparse
//! unitaries (permutations, controlled gates) keep sparse factors. Cubic with a large constant, which
//! is milliseconds for the 64 rows that are ever asked for. One-sided rotations after Hestenes
//! (de Rijk, SIAM J. Sci. Stat. Comput. 10, 1989); two commuting Hermitian matrices at once after
//! Cardoso and Souloumiac (SIAM J. Matrix Anal. Appl. 17, 1996).

use crate::{Complex64, Matrix};

/// Sweeps at most. Convergence is quadratic: six to ten are usual.
const MAX_SWEEPS: usize = 40;
/// Columns count as orthogonal, and elements as zero, when their product is this small, relative to
/// their sizes: a few roundings.
const CONVERGED: f64 = 1e-15;

/// `A = U·diag(σ)·V†`.
#[derive(Clone, Debug)]
pub struct Svd {
    /// Unitary.
    pub left: Matrix,
    /// Not negative, descending.
    pub values: Vec<f64>,
    /// Unitary; the decomposition has its conjugate transpose.
    pub right: Matrix,
}

/// Decomposes a square matrix. Panics if it is not square; elements that are not finite give values
/// that are not finite.
///
/// Accuracy: `‖A − U·diag(σ)·V†‖` of about 1e-15 times the largest value; both factors are unitary to
/// about 1e-15, whatever the rank.
pub fn svd(a: &Matrix) -> Svd {
    let dim = a.rows();
    assert_eq!(dim, a.cols(), "only square matrices are needed");
    let (mut columns, mut right) = (columns_of(a), columns_of(&Matrix::identity(dim)));
    for _ in 0..MAX_SWEEPS {
        let mut is_done = true;
        for p in 0..dim {
            for q in p + 1..dim {
                if let Some(rotation) = orthogonalizing(&columns[p], &columns[q]) {
                    is_done = false;
                    rotation.apply(&mut columns, p, q);
                    rotation.apply(&mut right, p, q);
                }
            }
        }
        if is_done {
            break;
        }
    }
    let mut order: Vec<(f64, usize)> = columns.iter().map(|c| norm(c)).zip(0..).collect();
    order.sort_by(|x, y| y.0.total_cmp(&x.0));
    let sorted = |from: &[Vec<Complex64>]| order.iter().map(|&(_, k)| from[k].clone()).collect::<Vec<_>>();
    let left = orthonormal_basis(&sorted(&columns));
    Svd { left, values: order.iter().map(|x| x.0).collect(), right: matrix_of(&sorted(&right)) }
}

/// The unitary nearest to a square matrix in the Frobenius norm: the polar factor.
pub fn nearest_unitary(a: &Matrix) -> Matrix {
    let Svd { left, right, .. } = svd(a);
    &left * &right.dagger()
}

/// A unitary `V` and phases `λ` (radians, in `[−π, π]`) with `A = V·diag(e^{iλ})·V†`, for a unitary
/// `A`. Accuracy: about 1e-15 times the dimension's root, whatever the spectrum.
pub fn unitary_eigen(a: &Matrix) -> (Matrix, Vec<f64>) {
    let dim = a.rows();
    assert_eq!(dim, a.cols(), "a unitary is square");
    let adjoint = a.dagger();
    let half = Complex64::new(0.5, 0.0);
    // A normal matrix is diagonal where its Hermitian and its anti-Hermitian part are.
    let mut parts = [
        Matrix::from_fn(dim, dim, |r, c| (a[(r, c)] + adjoint[(r, c)]) * half),
        Matrix::from_fn(dim, dim, |r, c| (a[(r, c)] - adjoint[(r, c)]) * Complex64::new(0.0, -0.5)),
    ];
    let mut vectors = columns_of(&Matrix::identity(dim));
    for _ in 0..MAX_SWEEPS {
        let mut is_done = true;
        for p in 0..dim {
            for q in p + 1..dim {
                if let Some(rotation) = diagonalizing(&parts, p, q) {
                    is_done = false;
                    parts.iter_mut().for_each(|m| rotation.conjugate(m, p, q));
                    rotation.apply(&mut vectors, p, q);
                }
            }
        }
        if is_done {
            break;
        }
    }
    let phases = (0..dim).map(|k| parts[1][(k, k)].re.atan2(parts[0][(k, k)].re)).collect();
    (orthonormal_basis(&vectors), phases)
}

/// The unitary whose columns are `columns`, orthonormalised in order (Gram–Schmidt, twice). A column
/// that depends on those before, or is zero, is replaced by the basis vector that depends least.
pub fn orthonormal_basis(columns: &[Vec<Complex64>]) -> Matrix {
    let dim = columns.first().map_or(0, Vec::len);
    let mut basis: Vec<Vec<Complex64>> = Vec::with_capacity(dim);
    // Dependent columns come last, so that they do not take the place of independent ones.
    let mut open = Vec::new();
    let mut place = Vec::with_capacity(dim);
    for (k, column) in columns.iter().enumerate() {
        match remainder(column, &basis) {
            Some(v) => {
                place.push(k);
                basis.push(v);
            }
            None => open.push(k),
        }
    }
    while basis.len() < dim {
        // Never empty: a basis vector has a remainder of at least √((dim − len)/dim) of its length.
        let length = |i: usize| 1.0 - basis.iter().map(|u| u[i].norm_sqr()).sum::<f64>();
        let best = (0..dim).fold(0, |best, i| if length(i) > length(best) + CONVERGED { i } else { best });
        let unit: Vec<Complex64> = (0..dim).map(|i| Complex64::new(f64::from(i == best), 0.0)).collect();
        let Some(v) = remainder(&unit, &basis) else { break };
        place.push(open.remove(0));
        basis.push(v);
    }
    let mut sorted = vec![vec![Complex64::new(f64::NAN, 0.0); dim]; dim];
    for (k, v) in place.into_iter().zip(basis) {
        sorted[k] = v;
    }
    matrix_of(&sorted)
}

/// What is left of a direction after the directions in `basis`, normalised; none if next to nothing
/// is left, or it is not finite.
fn remainder(column: &[Complex64], basis: &[Vec<Complex64>]) -> Option<Vec<Complex64>> {
    /// A remainder shorter than this has lost ten of sixteen digits of its direction; the columns of
    /// a decomposition are orthogonal to far better or are rounding noise.
    const SHORTEST_REMAINDER: f64 = 1e-6;
    let before = norm(column);
    if before.is_nan() || before <= f64::MIN_POSITIVE {
        return None;
    }
    let mut v: Vec<Complex64> = column.iter().map(|x| x / before).collect();
    let mut length = 1.0;
    for _ in 0..2 {
        for u in basis {
            let overlap = dot(u, &v);
            v.iter_mut().zip(u).for_each(|(x, a)| *x -= overlap * a);
        }
        let now = norm(&v);
        length *= now;
        v.iter_mut().for_each(|x| *x /= now);
    }
    (length > SHORTEST_REMAINDER).then_some(v)
}

/// `(x, y) ← (c·x − s*·y, s·x + c·y)` on two columns.
struct Rotation {
    c: f64,
    s: Complex64,
}

impl Rotation {
    fn apply(&self, columns: &mut [Vec<Complex64>], p: usize, q: usize) {
        let (head, tail) = columns.split_at_mut(q);
        for (x, y) in head[p].iter_mut().zip(&mut tail[0]) {
            (*x, *y) = (self.c * *x - self.s.conj() * *y, self.s * *x + self.c * *y);
        }
    }

    /// `m ← G†·m·G` with the rotation `G` of [`Rotation::apply`].
    fn conjugate(&self, m: &mut Matrix, p: usize, q: usize) {
        for k in 0..m.rows() {
            let (x, y) = (m[(k, p)], m[(k, q)]);
            (m[(k, p)], m[(k, q)]) = (self.c * x - self.s.conj() * y, self.s * x + self.c * y);
        }
        for k in 0..m.cols() {
            let (x, y) = (m[(p, k)], m[(q, k)]);
            (m[(p, k)], m[(q, k)]) = (self.c * x - self.s * y, self.s.conj() * x + self.c * y);
        }
    }
}

/// The rotation that makes two columns orthogonal; none if they are.
fn orthogonalizing(x: &[Complex64], y: &[Complex64]) -> Option<Rotation> {
    let (alpha, beta, gamma) = (norm(x), norm(y), dot(x, y));
    let size = gamma.norm();
    // Not so for NaN, which ends the sweeps.
    let has_angle = size > CONVERGED * alpha * beta && size > f64::MIN_POSITIVE;
    if !has_angle {
        return None;
    }
    let zeta = (beta - alpha) * (beta + alpha) / (2.0 * size);
    let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
    let c = 1.0 / t.hypot(1.0);
    Some(Rotation { c, s: c * t * gamma / size })
}

/// The rotation that minimises the elements `(p, q)` of both matrices; none if they are zero.
///
/// With `h = (m_pp − m_qq, m_pq + m_qp, i(m_qp − m_pq))` of each, real for Hermitian matrices, it is
/// given by the principal eigenvector `(x, y, z)`, `x ≥ 0`, of `Σ h·hᵀ`:
/// `c = √((1 + x)/2)`, `s = (y − iz)/(2c)`.
fn diagonalizing(parts: &[Matrix; 2], p: usize, q: usize) -> Option<Rotation> {
    let off = parts.iter().map(|m| m[(p, q)].norm()).fold(0.0, f64::max);
    let is_large = off > CONVERGED;
    if !is_large {
        return None;
    }
    let mut g = [[0.0; 3]; 3];
    for m in parts {
        let h = [m[(p, p)].re - m[(q, q)].re, 2.0 * m[(p, q)].re, 2.0 * m[(p, q)].im];
        for (row, a) in g.iter_mut().zip(h) {
            row.iter_mut().zip(h).for_each(|(x, b)| *x += a * b);
        }
    }
    let [x, y, z] = principal_axis(g);
    let (x, y, z) = if x < 0.0 { (-x, -y, -z) } else { (x, y, z) };
    let c = ((1.0 + x) / 2.0).sqrt();
    Some(Rotation { c, s: -Complex64::new(y, z) / (2.0 * c) })
}

/// The unit eigenvector of the largest eigenvalue of a real symmetric 3×3 matrix, by Jacobi rotations.
fn principal_axis(mut g: [[f64; 3]; 3]) -> [f64; 3] {
    let mut v = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];
    for _ in 0..MAX_SWEEPS {
        let mut is_done = true;
        for (p, q) in [(0, 1), (0, 2), (1, 2)] {
            let size = CONVERGED * (g[p][p] * g[q][q]).abs().sqrt();
            if g[p][q].abs() <= size.max(f64::MIN_POSITIVE) {
                continue;
            }
            is_done = false;
            let zeta = (g[q][q] - g[p][p]) / (2.0 * g[p][q]);
            let t = zeta.signum() / (zeta.abs() + zeta.hypot(1.0));
            let c = 1.0 / t.hypot(1.0);
            let s = c * t;
            for row in g.iter_mut().chain(&mut v) {
                (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
            }
            let (x, y) = (g[p], g[q]);
            for k in 0..3 {
                (g[p][k], g[q][k]) = (c * x[k] - s * y[k], s * x[k] + c * y[k]);
            }
        }
        if is_done {
            break;
        }
    }
    let best = (0..3).fold(0, |best, k| if g[k][k] > g[best][best] { k } else { best });
    [v[0][best], v[1][best], v[2][best]]
}

fn columns_of(m: &Matrix) -> Vec<Vec<Complex64>> {
    (0..m.cols()).map(|c| (0..m.rows()).map(|r| m[(r, c)]).collect()).collect()
}

fn matrix_of(columns: &[Vec<Complex64>]) -> Matrix {
    Matrix::from_fn(columns.first().map_or(0, Vec::len), columns.len(), |r, c| columns[c][r])
}

fn norm(v: &[Complex64]) -> f64 {
    v.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt()
}

fn dot(u: &[Complex64], v: &[Complex64]) -> Complex64 {
    u.iter().zip(v).map(|(a, b)| a.conj() * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    fn diagonal(values: impl IntoIterator<Item = Complex64>) -> Matrix {
        let values: Vec<Complex64> = values.into_iter().collect();
        Matrix::from_fn(values.len(), values.len(), |r, c| if r == c { values[r] } else { Complex64::ZERO })
    }

    fn check_svd(a: &Matrix) -> Vec<f64> {
        let Svd { left, values, right } = svd(a);
        assert!(left.unitarity_error() < 1e-14 && right.unitarity_error() < 1e-14);
        assert!(values.is_sorted_by(|x, y| x >= y));
        let product = &(&left * &diagonal(values.iter().map(|&x| x.into()))) * &right.dagger();
        let size = values.first().copied().unwrap_or(0.0);
        assert!(product.max_difference(a) <= 5e-15 * size, "{:e}", product.max_difference(a));
        values
    }

    #[test]
    fn singular_values_of_any_rank_and_scale() {
        let mut s = Stream::new(0, 7, 0);
        for dim in [1, 2, 3, 8, 32] {
            let (u, v) = (Matrix::haar(dim, &mut s), Matrix::haar(dim, &mut s));
            for wanted in [
                vec![1.0; dim],
                vec![0.0; dim],
                (0..dim).map(|k| f64::from(k % 2 == 0)).collect(),
                (0..dim).map(|k| 10f64.powi(-(k as i32))).collect(),
                (0..dim).map(|k| 1.0 + 1e-15 * k as f64).collect(),
            ] {
                let a = &(&u * &diagonal(wanted.iter().map(|&x| x.into()))) * &v.dagger();
                let mut sorted = wanted.clone();
                sorted.sort_by(|x, y| y.total_cmp(x));
                let found = check_svd(&a);
                assert!(found.iter().zip(sorted).all(|(x, y)| (x - y).abs() < 1e-14));
            }
            check_svd(&Matrix::zeros(dim, dim));
        }
    }

    #[test]
    fn the_polar_factor_is_nearer_than_other_unitaries() {
        let mut s = Stream::new(0, 7, 1);
        let u = Matrix::haar(8, &mut s);
        let noisy = Matrix::from_fn(8, 8, |r, c| u[(r, c)] + 1e-3 * s.clone().complex_gaussian());
        let nearest = nearest_unitary(&noisy);
        assert!(nearest.unitarity_error() < 1e-14);
        let far = |a: &Matrix| a.as_slice().iter().zip(noisy.as_slice()).map(|(x, y)| (x - y).norm_sqr()).sum::<f64>();
        assert!(far(&nearest) <= far(&u));
        assert!(nearest_unitary(&u).max_difference(&u) < 1e-14);
    }

    #[test]
    fn eigenvectors_of_unitaries_with_any_spectrum() {
        let mut s = Stream::new(0, 7, 2);
        for dim in [1, 2, 5, 16, 32] {
            for kind in 0..5 {
                let v = if kind == 4 { Matrix::identity(dim) } else { Matrix::haar(dim, &mut s) };
                let phases = (0..dim).map(|k| match kind {
                    0 => 6.0 * s.clone().uniform() * (k as f64 + 1.0),
                    1 => 0.0,
                    2 => (k % 2) as f64 * std::f64::consts::PI,
                    3 => 1e-12 * k as f64,
                    _ => 2.0 * k as f64,
                });
                let a = &(&v * &diagonal(phases.map(Complex64::cis))) * &v.dagger();
                let (vectors, phases) = unitary_eigen(&a);
                let back = &(&vectors * &diagonal(phases.into_iter().map(Complex64::cis))) * &vectors.dagger();
                assert!(vectors.unitarity_error() < 1e-14);
                assert!(back.max_difference(&a) < 2e-14, "dim {dim} kind {kind}: {:e}", back.max_difference(&a));
            }
        }
    }

    #[test]
    fn permutations_keep_sparse_factors() {
        let shift = Matrix::from_fn(8, 8, |r, c| Complex64::new(f64::from(r == (c + 3) % 8), 0.0));
        let Svd { left, right, .. } = svd(&shift);
        assert!(left == shift && right == Matrix::identity(8));
        let swap = Matrix::from_fn(8, 8, |r, c| Complex64::new(f64::from(r == (c ^ 1)), 0.0));
        let (vectors, _) = unitary_eigen(&swap);
        assert_eq!(vectors.as_slice().iter().filter(|x| x.norm() > 1e-12).count(), 16);
    }
}
