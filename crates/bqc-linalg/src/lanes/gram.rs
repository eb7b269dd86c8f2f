//! Gram matrices and their Cholesky factors, from one register-tiled microkernel.
//!
//! A *panel* is `[row][ld]` with the parameters (columns) contiguous. The Gram matrix and the factor
//! are square arrays `[ld][ld]` of which the upper triangle (`j ≥ i`) is used: `G = panelᵀ·panel` and
//! `G = UᵀU`. Both are sums of outer products of rows, so one tile loop serves both and no horizontal
//! sums are needed. Every element is summed over rows in order: the bits do not depend on the tiles.

use super::{LANES, Level, Real, Vector, multiversion};

/// Rows of a tile; `ld` and the column counts are multiples.
const BLOCK: usize = LANES;

/// A leading dimension for `n_columns` columns: whole vectors, and not a multiple of 64 columns, so that
/// the rows of a strip fall into different sets of the first-level cache.
pub fn leading_dimension<R: Real>(n_columns: usize) -> usize {
    let ld = n_columns.next_multiple_of(R::LANES);
    if ld.is_multiple_of(64) { ld + R::LANES } else { ld }
}

/// `G ← panelᵀ·panel` if `fresh`, else `G ← G + panelᵀ·panel`, upper triangle.
///
/// * `panel`: `[row][ld]`; `gram`: `[ld][ld]`; the first `n_columns` columns count, a multiple of `R::LANES`.
/// * Only the first `n_wanted` rows of `G` are wanted; they are as long as the others.
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
pub fn accumulate<R: Real>(
    level: Level,
    panel: &[R],
    n_wanted: usize,
    n_columns: usize,
    ld: usize,
    gram: &mut [R],
    fresh: bool,
) {
    assert!(n_columns.is_multiple_of(R::LANES) && n_columns <= ld && panel.len().is_multiple_of(ld));
    assert!(n_wanted <= n_columns && gram.len() >= n_columns * ld);
    let (panel, n_rows) = (panel.as_ptr(), panel.len() / ld);
    let gram = gram.as_mut_ptr();
    multiversion!(level, R, accumulate_upper(panel: *const R, n_rows: usize, n_wanted: usize, n_columns: usize,
        ld: usize, gram: *mut R, fresh: bool));
}

/// Factors the leading `n_factored` rows of `scale·G + λ·1 = UᵀU` and carries the columns beyond along.
///
/// * `gram`, `factor`: `[ld][ld]`, upper triangle. `n_columns` is a multiple of `R::LANES` and the factored
///   rows are `0..n_factored`; a column `j ≥ n_factored` of the result is `U⁻ᵀ G[.., j]`: the forward
///   substitution of a right-hand side comes for free.
/// * Returns false if a pivot is not above 5 ε of `R`: a matrix of unit diagonal is singular then.
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
pub fn cholesky<R: Real>(
    level: Level,
    gram: &[R],
    scale: f64,
    lambda: f64,
    n_factored: usize,
    n_columns: usize,
    ld: usize,
    factor: &mut [R],
) -> bool {
    assert!(n_columns.is_multiple_of(R::LANES) && n_columns <= ld && n_factored <= n_columns);
    assert!(gram.len() >= n_columns * ld && factor.len() >= n_columns * ld);
    let (gram, factor) = (gram.as_ptr(), factor.as_mut_ptr());
    let (scale, lambda, mut is_regular) = (R::from_f64(scale), R::from_f64(lambda), true);
    let result = &mut is_regular;
    multiversion!(level, R, factorize(gram: *const R, scale: R, lambda: R, n_factored: usize,
        n_columns: usize, ld: usize, factor: *mut R, result: &mut bool));
    is_regular
}

/// Solves `U x = −z` with `z` the column `rhs` of the factor: `x` solves `(G + λ)x = −g`.
pub fn back_substitute<R: Real>(level: Level, factor: &[R], n: usize, rhs: usize, ld: usize, x: &mut [R]) {
    assert!(n <= rhs && rhs < ld && ld.is_multiple_of(R::LANES));
    assert!(factor.len() >= n * ld && x.len() >= n.next_multiple_of(R::LANES) + BLOCK);
    let factor = factor.as_ptr();
    x.fill(R::default());
    let x = x.as_mut_ptr();
    multiversion!(level, R, substitute(factor: *const R, n: usize, rhs: usize, ld: usize, x: *mut R));
}

/// What a tile starts from and where it goes.
#[derive(Clone, Copy)]
struct Tile {
    ld: usize,
    i0: usize,
    j0: usize,
}

/// How many of `left` vectors the next tile takes. Of four it takes two: a single vector does not fill the
/// pipeline.
#[inline(always)]
fn strip<L: Vector>(left: usize) -> usize {
    if left == 4 && L::STRIP == 3 { 2 } else { L::STRIP.min(left) }
}

/// Sums `± rows[r][i]·rows[r][j]` over `n_rows` rows into `R × C` vectors of accumulators.
#[inline(always)]
unsafe fn outer_products<L: Vector, const R: usize, const C: usize, const MINUS: bool>(
    rows: *const L::Real,
    n_rows: usize,
    tile: Tile,
    accumulators: &mut [[L; C]; R],
) {
    // SAFETY: the callers' tiles lie inside the panel.
    unsafe {
        let (mut left, mut right) = (rows.add(tile.i0), rows.add(tile.j0));
        for _ in 0..n_rows {
            let mut b = [L::zero(); C];
            for (c, b) in b.iter_mut().enumerate() {
                *b = L::load(right.add(c * L::N));
            }
            for (r, row) in accumulators.iter_mut().enumerate() {
                let a = L::splat(*left.add(r));
                for (c, acc) in row.iter_mut().enumerate() {
                    *acc = if MINUS { a.fnma(b[c], *acc) } else { a.fma(b[c], *acc) };
                }
            }
            left = left.add(tile.ld);
            right = right.add(tile.ld);
        }
    }
}

#[inline(always)]
unsafe fn gram_tile<L: Vector, const R: usize, const C: usize>(
    panel: *const L::Real,
    n_rows: usize,
    tile: Tile,
    gram: *mut L::Real,
    fresh: bool,
) {
    // SAFETY: the caller's tile lies inside both arrays.
    unsafe {
        let out = gram.add(tile.i0 * tile.ld + tile.j0);
        let mut acc = [[L::zero(); C]; R];
        if !fresh {
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(out.add(r * tile.ld + c * L::N));
                }
            }
        }
        outer_products::<L, R, C, false>(panel, n_rows, tile, &mut acc);
        for (r, row) in acc.iter().enumerate() {
            for (c, a) in row.iter().enumerate() {
                a.store(out.add(r * tile.ld + c * L::N));
            }
        }
    }
}

#[inline(always)]
unsafe fn accumulate_upper<L: Vector>(
    panel: *const L::Real,
    n_rows: usize,
    n_wanted: usize,
    n_columns: usize,
    ld: usize,
    gram: *mut L::Real,
    fresh: bool,
) {
    // SAFETY: `accumulate` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        for i0 in (0..n_wanted).step_by(BLOCK) {
            // The vector that holds the diagonal; what it computes below it does not count.
            let mut j0 = i0 / L::N * L::N;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                let strip = strip::<L>((n_columns - j0) / L::N);
                match strip {
                    3 => gram_tile::<L, 8, 3>(panel, n_rows, tile, gram, fresh),
                    2 => gram_tile::<L, 8, 2>(panel, n_rows, tile, gram, fresh),
                    _ if L::STRIP == 3 => gram_tile::<L, 8, 1>(panel, n_rows, tile, gram, fresh),
                    _ => {
                        // Eight rows of one vector in two halves: they fit the registers of every level.
                        gram_tile::<L, 4, 1>(panel, n_rows, tile, gram, fresh);
                        gram_tile::<L, 4, 1>(panel, n_rows, Tile { i0: i0 + 4, ..tile }, gram, fresh);
                    }
                }
                j0 += L::N * strip;
            }
        }
    }
}

/// Loads `scale·G + λ·1` of a tile and subtracts the rows of `U` above it, `R` rows at a time.
#[inline(always)]
unsafe fn reduced_tile<L: Vector, const R: usize, const C: usize>(
    gram: *const L::Real,
    scale: L::Real,
    diagonal: &Diagonal<L::Real>,
    tile: Tile,
    factor: *mut L::Real,
) {
    // SAFETY: the caller's tile lies inside both arrays.
    unsafe {
        let from = gram.add(tile.i0 * tile.ld + tile.j0);
        let to = factor.add(tile.i0 * tile.ld + tile.j0);
        let scale = L::splat(scale);
        for first in (0..BLOCK).step_by(R) {
            let mut acc = [[L::zero(); C]; R];
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(from.add((first + r) * tile.ld + c * L::N)).mul(scale);
                }
                if tile.j0 <= tile.i0 {
                    row[0] = row[0].add(diagonal.row::<L>(tile.i0 - tile.j0 + first + r));
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

/// The rows of `λ·1` as windows of one array: changing a lane of a vector in memory would hold up the
/// load behind it.
struct Diagonal<R: Real>([R::Row; 2]);

impl<R: Real> Diagonal<R> {
    fn new(lambda: R) -> Diagonal<R> {
        let mut values = [R::ZEROS; 2];
        values[0].as_mut()[R::LANES - 1] = lambda;
        Diagonal(values)
    }

    /// `λ` in `lane`, zero elsewhere.
    #[inline(always)]
    unsafe fn row<L: Vector<Real = R>>(&self, lane: usize) -> L {
        // SAFETY: the two rows stand behind one another, and `lane < L::N`.
        unsafe { L::load(self.0.as_ptr().cast::<R>().add(L::N - 1 - lane)) }
    }
}

#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
#[inline(always)]
unsafe fn factorize<L: Vector>(
    gram: *const L::Real,
    scale: L::Real,
    lambda: L::Real,
    n_factored: usize,
    n_columns: usize,
    ld: usize,
    factor: *mut L::Real,
    is_regular: &mut bool,
) {
    // SAFETY: `cholesky` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        let diagonal = &Diagonal::new(lambda);
        for i0 in (0..n_factored).step_by(BLOCK) {
            // The vector that holds the diagonal; what stands below it does not count.
            let first = i0 / L::N * L::N;
            let mut j0 = first;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                let strip = strip::<L>((n_columns - j0) / L::N);
                match strip {
                    3 => reduced_tile::<L, 8, 3>(gram, scale, diagonal, tile, factor),
                    2 => reduced_tile::<L, 8, 2>(gram, scale, diagonal, tile, factor),
                    _ if L::STRIP == 3 => reduced_tile::<L, 8, 1>(gram, scale, diagonal, tile, factor),
                    // Two halves fit the registers of every level.
                    _ => reduced_tile::<L, 4, 1>(gram, scale, diagonal, tile, factor),
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

#[inline(always)]
unsafe fn substitute<L: Vector>(factor: *const L::Real, n: usize, rhs: usize, ld: usize, x: *mut L::Real) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    fn random<R: Real>(stream: &mut Stream, len: usize) -> Vec<R> {
        (0..len).map(|_| R::from_f64(stream.gaussian())).collect()
    }

    #[test]
    fn gram_and_solve_agree_with_plain_sums_and_are_bit_equal_on_all_levels() {
        agrees_with_plain_sums::<f64>(1e-12);
        agrees_with_plain_sums::<f32>(1e-4);
    }

    fn agrees_with_plain_sums<R: Real>(tolerance: f64) {
        let mut stream = Stream::new(3, 1, 4);
        for (n, rows) in [(5, 16), (8, 40), (22, 64), (57, 128), (63, 70), (126, 200)] {
            let n_columns = (n + 1usize).next_multiple_of(R::LANES);
            let ld = leading_dimension::<R>(n_columns);
            let mut panel: Vec<R> = random(&mut stream, rows * ld);
            for row in panel.chunks_exact_mut(ld) {
                row[n + 1..].fill(R::default());
            }
            // A unit diagonal, as in the solver.
            let (lambda, scale) = (0.3, 1.0 / rows as f64);
            let mut previous: Option<Vec<R>> = None;
            for level in Level::available() {
                let not_a_number = R::from_f64(f64::NAN);
                let mut gram = vec![not_a_number; ld * ld];
                let half = rows / 2 * ld;
                accumulate(level, &panel[..half], n, n_columns, ld, &mut gram, true);
                accumulate(level, &panel[half..], n, n_columns, ld, &mut gram, false);
                let mut factor = vec![not_a_number; ld * ld];
                assert!(cholesky(level, &gram, scale, lambda, n, n_columns, ld, &mut factor));
                let mut x = vec![not_a_number; n.next_multiple_of(R::LANES) + BLOCK];
                back_substitute(level, &factor, n, n, ld, &mut x);
                // (scale·JᵀJ + λ)x = −scale·Jᵀr, all with plain loops.
                for i in 0..n {
                    let at = |r: usize, c: usize| -> f64 { panel[r * ld + c].into() };
                    let dot = |a: usize, b: usize| scale * (0..rows).map(|r| at(r, a) * at(r, b)).sum::<f64>();
                    let left = (0..n).map(|j| dot(i, j) * x[j].into()).sum::<f64>() + lambda * x[i].into();
                    assert!((left + dot(i, n)).abs() < tolerance, "n {n} row {i}: {left} {}", dot(i, n));
                }
                assert!(previous.as_ref().is_none_or(|p| *p == x), "{}", level.name());
                previous = Some(x);
            }
        }
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        let ld = leading_dimension::<f64>(16);
        let mut gram = vec![0.0; ld * ld];
        for i in 0..16 {
            for j in 0..16 {
                gram[i * ld + j] = 1.0;
            }
        }
        let mut factor = vec![0.0; ld * ld];
        assert!(!cholesky(Level::detect(), &gram, 1.0, 0.0, 9, 16, ld, &mut factor));
        assert!(cholesky(Level::detect(), &gram, 1.0, 1e-3, 9, 16, ld, &mut factor));
    }
}
