//! The Cholesky factor of a damped Gram matrix, tile by tile, and the solution that follows from it.
//!
//! Each tile subtracts the rows of the factor above it, by the same sums of outer products as the Gram matrix; then
//! the block on the diagonal is factored in registers, and the rest of its rows is solved against it.

use super::super::panel::View;
use super::super::{Real, Vector};
use super::{BLOCK, Tile, outer_products, strip};

/// Loads `scale·G + λ·1` of a tile and subtracts the rows of `U` above it, `R` rows at a time.
#[inline(always)]
unsafe fn reduced_tile<L: Vector, const R: usize, const C: usize>(
    gram: *const L::Real,
    damping: &Diagonal<L::Real>,
    tile: Tile,
    factor: *mut L::Real,
) {
    // SAFETY: the caller's tile lies inside both matrices.
    unsafe {
        let from = gram.add(tile.i0 * tile.ld + tile.j0);
        let to = factor.add(tile.i0 * tile.ld + tile.j0);
        let scale = L::splat(damping.scale);
        for first in (0..BLOCK).step_by(R) {
            let mut acc = [[L::zero(); C]; R];
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(from.add((first + r) * tile.ld + c * L::N)).mul(scale);
                }
                if tile.j0 <= tile.i0 {
                    row[0] = row[0].add(damping.row::<L>(tile.i0 - tile.j0 + first + r));
                }
            }
            outer_products::<L, R, C, true>(factor, tile.i0, Tile { i0: tile.i0 + first, ..tile }, &mut acc);
            for (r, row) in acc.iter().enumerate() {
                for (c, a) in row.iter().enumerate() {
                    a.store(to.add((first + r) * tile.ld + c * L::N));
                }
            }
        }
    }
}

/// The factor of the Gram matrix, and the rows of `λ·1` as windows of one array: changing a lane of a vector in
/// memory would hold up the load behind it.
pub(super) struct Diagonal<R: Real> {
    scale: R,
    rows: [R::Row; 2],
}

impl<R: Real> Diagonal<R> {
    pub(super) fn new(scale: R, lambda: R) -> Diagonal<R> {
        let mut rows = [R::ZEROS; 2];
        rows[0].as_mut()[R::LANES - 1] = lambda;
        Diagonal { scale, rows }
    }

    /// `λ` in `lane`, zero elsewhere.
    #[inline(always)]
    unsafe fn row<L: Vector<Real = R>>(&self, lane: usize) -> L {
        // SAFETY: the two rows stand behind one another, and `lane < L::N`.
        unsafe { L::load(self.rows.as_ptr().cast::<R>().add(L::N - 1 - lane)) }
    }
}

/// See [`super::cholesky`].
#[inline(always)]
pub(super) unsafe fn factorize<L: Vector>(
    gram: View<*const L::Real>,
    damping: &Diagonal<L::Real>,
    n_factored: usize,
    factor: View<*mut L::Real>,
    is_regular: &mut bool,
) {
    let View { n_columns, ld, .. } = factor;
    let (gram, factor) = (gram.start, factor.start);
    // SAFETY: `cholesky` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        for i0 in (0..n_factored).step_by(BLOCK) {
            // The vector that holds the diagonal; what stands below it does not count.
            let first = i0 / L::N * L::N;
            let mut j0 = first;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                let strip = strip::<L>((n_columns - j0) / L::N);
                match strip {
                    3 => reduced_tile::<L, 8, 3>(gram, damping, tile, factor),
                    2 => reduced_tile::<L, 8, 2>(gram, damping, tile, factor),
                    _ if L::STRIP == 3 => reduced_tile::<L, 8, 1>(gram, damping, tile, factor),
                    // Two halves fit the registers of every level.
                    _ => reduced_tile::<L, 4, 1>(gram, damping, tile, factor),
                }
                j0 += L::N * strip;
            }
            let n_rows = BLOCK.min(n_factored - i0);
            let rows = factor.add(i0 * ld);
            let mut inverse = [L::Real::default(); BLOCK];
            if !factor_block::<L>(rows.add(first), i0 - first, ld, n_rows, &mut inverse) {
                *is_regular = false;
                return;
            }
            for j in (first + L::N..n_columns).step_by(L::N) {
                finish_strip::<L>(rows.add(i0), ld, rows.add(j), &inverse, n_rows);
            }
        }
    }
}

/// Factors one diagonal block in place and writes the reciprocals of its diagonal, which starts at lane
/// `first` of the rows at `block`. False: singular.
///
/// Each pivot waits for the one before, so rows are eliminated in pairs, whose two divisions run side by
/// side, and without square roots: rows are scaled at the end, where nothing waits.
#[inline(always)]
unsafe fn factor_block<L: Vector>(
    block: *mut L::Real,
    first: usize,
    ld: usize,
    n_rows: usize,
    inverse: &mut [L::Real; BLOCK],
) -> bool {
    let is_pivot = |x: L::Real| x > L::Real::SMALLEST_PIVOT;
    // SAFETY: `factorize` gives a block inside the factor.
    unsafe {
        let mut rows = [L::zero(); BLOCK];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = L::load(block.add(r * ld));
        }
        let one = L::Real::ONE;
        let mut pivots = [one; BLOCK];
        let (mut upper, mut lower) = (L::Real::ZEROS, L::Real::ZEROS);
        let (upper, lower) = (upper.as_mut(), lower.as_mut());
        for r in (0..n_rows).step_by(2) {
            rows[r].store(upper.as_mut_ptr());
            rows[r + 1].store(lower.as_mut_ptr());
            let pivot = upper[first + r];
            if !is_pivot(pivot) {
                return false;
            }
            pivots[r] = pivot;
            let reciprocal = one / pivot;
            if r + 1 == n_rows {
                break;
            }
            let across = upper[first + r + 1];
            let determinant = pivot * lower[first + r + 1] - across * across;
            let (next, next_reciprocal) = (determinant * reciprocal, pivot / determinant);
            if !is_pivot(next) {
                return false;
            }
            pivots[r + 1] = next;
            let ratio = across * reciprocal;
            rows[r + 1] = rows[r].fnma(L::splat(ratio), rows[r + 1]);
            for k in r + 2..BLOCK {
                let (above, below) = (upper[first + k], lower[first + k] - ratio * upper[first + k]);
                rows[k] = rows[r].fnma(L::splat(above * reciprocal), rows[k]);
                rows[k] = rows[r + 1].fnma(L::splat(below * next_reciprocal), rows[k]);
            }
        }
        for r in 0..n_rows {
            inverse[r] = one / pivots[r].sqrt();
            rows[r].mul(L::splat(inverse[r])).store(block.add(r * ld));
        }
        true
    }
}

/// Triangular solve of one vector of columns against the factored diagonal block.
#[inline(always)]
unsafe fn finish_strip<L: Vector>(
    block: *const L::Real,
    ld: usize,
    strip: *mut L::Real,
    inverse: &[L::Real; BLOCK],
    n_rows: usize,
) {
    // SAFETY: `factorize` gives a block and a strip inside the factor.
    unsafe {
        let mut rows = [L::zero(); BLOCK];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = L::load(strip.add(r * ld));
        }
        for r in 0..BLOCK {
            if r < n_rows {
                let mut x = rows[r];
                for k in 0..r {
                    x = L::splat(*block.add(k * ld + r)).fnma(rows[k], x);
                }
                rows[r] = x.mul(L::splat(inverse[r]));
                rows[r].store(strip.add(r * ld));
            }
        }
    }
}

/// See [`super::back_substitute`].
#[inline(always)]
pub(super) unsafe fn substitute<L: Vector>(factor: View<*const L::Real>, n: usize, x: *mut L::Real) {
    let (ld, rhs, factor) = (factor.ld, n, factor.start);
    // SAFETY: `back_substitute` checked the sizes; `x` is zero where it is not known yet and beyond `n` up
    // to the next full vector, so what a row holds there does not matter unless it is not finite, which a
    // factor never is.
    unsafe {
        for i0 in (0..n).step_by(BLOCK).rev() {
            let rows = BLOCK.min(n - i0);
            let block = factor.add(i0 * ld);
            // What is known already, for eight rows at once: independent sums hide their latency.
            let mut known = [L::zero(); BLOCK];
            for j in ((i0 + BLOCK) / L::N * L::N..n).step_by(L::N) {
                let xj = L::load(x.add(j));
                for (r, sum) in known.iter_mut().enumerate() {
                    if r < rows {
                        *sum = L::load(block.add(r * ld + j)).fma(xj, *sum);
                    }
                }
            }
            let (mut right, mut inverse) = ([L::Real::default(); BLOCK], [L::Real::default(); BLOCK]);
            for r in 0..rows {
                right[r] = -*block.add(r * ld + rhs) - known[r].sum();
                inverse[r] = L::Real::ONE / *block.add(r * ld + i0 + r);
            }
            for r in (0..rows).rev() {
                let value = right[r] * inverse[r];
                *x.add(i0 + r) = value;
                for (k, y) in right.iter_mut().enumerate().take(r) {
                    *y = *y - *block.add(k * ld + i0 + r) * value;
                }
            }
        }
    }
}
