//! Gram matrices and their Cholesky factors, from one register-tiled microkernel.
//!
//! A *panel* is `[row][ld]` with the parameters (columns) contiguous. The Gram matrix and the factor
//! are square arrays `[ld][ld]` of which the upper triangle (`j ≥ i`) is used: `G = panelᵀ·panel` and
//! `G = UᵀU`. Both are sums of outer products of rows, so one tile loop serves both and no horizontal
//! sums are needed. Every element is summed over rows in order: the bits do not depend on the tiles.

use super::{LANES, Lanes, Level, multiversion};

/// Rows and columns of the square tiles on the diagonal; `ld` and the column counts are multiples.
const BLOCK: usize = LANES;

/// A leading dimension for `n_columns` columns: a multiple of eight that is not a multiple of 512
/// bytes, so that the rows of a strip fall into different sets of the first-level cache.
pub fn leading_dimension(n_columns: usize) -> usize {
    let ld = n_columns.next_multiple_of(LANES);
    if ld.is_multiple_of(64) { ld + LANES } else { ld }
}

/// `G ← panelᵀ·panel` if `fresh`, else `G ← G + panelᵀ·panel`, upper triangle.
///
/// * `panel`: `[row][ld]`; `gram`: `[ld][ld]`; the first `n_columns` columns count, a multiple of 8.
pub fn accumulate(level: Level, panel: &[f64], n_columns: usize, ld: usize, gram: &mut [f64], fresh: bool) {
    assert!(n_columns.is_multiple_of(BLOCK) && n_columns <= ld && panel.len().is_multiple_of(ld));
    assert!(gram.len() >= n_columns * ld);
    let (panel, n_rows) = (panel.as_ptr(), panel.len() / ld);
    let gram = gram.as_mut_ptr();
    multiversion!(level, accumulate_upper(panel: *const f64, n_rows: usize, n_columns: usize, ld: usize,
        gram: *mut f64, fresh: bool));
}

/// Factors the leading `n_factored` rows of `scale·G + λ·1 = UᵀU` and carries the columns beyond along.
///
/// * `gram`, `factor`: `[ld][ld]`, upper triangle. `n_columns` is a multiple of 8 and the factored
///   rows are `0..n_factored`; a column `j ≥ n_factored` of the result is `U⁻ᵀ G[.., j]`: the forward
///   substitution of a right-hand side comes for free.
/// * A zero diagonal element (an empty padding column) is taken as one.
/// * Returns false if a pivot is not above `1e-15`: the matrix is singular in f64.
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
pub fn cholesky(
    level: Level,
    gram: &[f64],
    scale: f64,
    lambda: f64,
    n_factored: usize,
    n_columns: usize,
    ld: usize,
    factor: &mut [f64],
) -> bool {
    assert!(n_columns.is_multiple_of(BLOCK) && n_columns <= ld && n_factored <= n_columns);
    assert!(gram.len() >= n_columns * ld && factor.len() >= n_columns * ld);
    let (gram, factor) = (gram.as_ptr(), factor.as_mut_ptr());
    multiversion!(level, factorize(gram: *const f64, scale: f64, lambda: f64, n_factored: usize,
        n_columns: usize, ld: usize, factor: *mut f64) -> bool)
}

/// Solves `U x = −z` with `z` the column `rhs` of the factor: `x` solves `(G + λ)x = −g`.
pub fn back_substitute(level: Level, factor: &[f64], n: usize, rhs: usize, ld: usize, x: &mut [f64]) {
    assert!(n <= rhs && rhs < ld && factor.len() >= n * ld && x.len() >= n.next_multiple_of(LANES) + LANES);
    let factor = factor.as_ptr();
    x.fill(0.0);
    let x = x.as_mut_ptr();
    multiversion!(level, substitute(factor: *const f64, n: usize, rhs: usize, ld: usize, x: *mut f64));
}

/// What a tile starts from and where it goes.
#[derive(Clone, Copy)]
struct Tile {
    ld: usize,
    i0: usize,
    j0: usize,
}

/// Sums `± rows[r][i]·rows[r][j]` over `n_rows` rows into `R × (8·C)` accumulators.
#[inline(always)]
unsafe fn outer_products<L: Lanes, const R: usize, const C: usize, const MINUS: bool>(
    rows: *const f64,
    n_rows: usize,
    tile: Tile,
    accumulators: &mut [[L; C]; R],
) {
    // SAFETY: the callers' tiles lie inside the panel.
    unsafe {
        let (mut left, mut right) = (rows.add(tile.i0), rows.add(tile.j0));
        for _ in 0..n_rows {
            let mut b = [L::splat(0.0); C];
            for (c, b) in b.iter_mut().enumerate() {
                *b = L::load(right.add(c * LANES));
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
unsafe fn gram_tile<L: Lanes, const R: usize, const C: usize>(
    panel: *const f64,
    n_rows: usize,
    tile: Tile,
    gram: *mut f64,
    fresh: bool,
) {
    // SAFETY: the caller's tile lies inside both arrays.
    unsafe {
        let out = gram.add(tile.i0 * tile.ld + tile.j0);
        let mut acc = [[L::splat(0.0); C]; R];
        if !fresh {
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(out.add(r * tile.ld + c * LANES));
                }
            }
        }
        outer_products::<L, R, C, false>(panel, n_rows, tile, &mut acc);
        for (r, row) in acc.iter().enumerate() {
            for (c, a) in row.iter().enumerate() {
                a.store(out.add(r * tile.ld + c * LANES));
            }
        }
    }
}

#[inline(always)]
unsafe fn accumulate_upper<L: Lanes>(
    panel: *const f64,
    n_rows: usize,
    n_columns: usize,
    ld: usize,
    gram: *mut f64,
    fresh: bool,
) {
    // SAFETY: `accumulate` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        for i0 in (0..n_columns).step_by(BLOCK) {
            let mut j0 = i0;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                match L::STRIP.min((n_columns - j0) / LANES) {
                    3 => gram_tile::<L, 8, 3>(panel, n_rows, tile, gram, fresh),
                    2 => gram_tile::<L, 8, 2>(panel, n_rows, tile, gram, fresh),
                    _ => {
                        // Eight rows of one vector in two halves: they fit the registers of every level.
                        gram_tile::<L, 4, 1>(panel, n_rows, tile, gram, fresh);
                        gram_tile::<L, 4, 1>(panel, n_rows, Tile { i0: i0 + 4, ..tile }, gram, fresh);
                    }
                }
                j0 += LANES * L::STRIP.min((n_columns - j0) / LANES);
            }
        }
    }
}

/// Loads `scale·G + λ·1` (empty diagonal: 1) of a tile and subtracts the rows of `U` above it.
#[inline(always)]
unsafe fn reduced_tile<L: Lanes, const C: usize>(
    gram: *const f64,
    scale: f64,
    lambda: f64,
    tile: Tile,
    factor: *mut f64,
) {
    // SAFETY: the caller's tile lies inside both arrays.
    unsafe {
        let from = gram.add(tile.i0 * tile.ld + tile.j0);
        let to = factor.add(tile.i0 * tile.ld + tile.j0);
        let scale = L::splat(scale);
        // Halves of four rows keep the accumulators in registers on every level.
        for half in [0, 4] {
            let mut acc = [[L::splat(0.0); C]; 4];
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(from.add((half + r) * tile.ld + c * LANES)).mul(scale);
                }
            }
            if tile.i0 == tile.j0 {
                add_to_diagonal(&mut acc, half, lambda);
            }
            outer_products::<L, 4, C, true>(factor, tile.i0, Tile { i0: tile.i0 + half, ..tile }, &mut acc);
            for (r, row) in acc.iter().enumerate() {
                for (c, a) in row.iter().enumerate() {
                    a.store(to.add((half + r) * tile.ld + c * LANES));
                }
            }
        }
    }
}

/// Adds λ to the diagonal elements of the first vector of four rows; an empty one becomes 1.
#[inline(always)]
unsafe fn add_to_diagonal<L: Lanes, const C: usize>(acc: &mut [[L; C]; 4], half: usize, lambda: f64) {
    let mut lanes = [0.0; LANES];
    for (r, row) in acc.iter_mut().enumerate() {
        // SAFETY: `lanes` holds eight `f64`.
        unsafe {
            row[0].store(lanes.as_mut_ptr());
            let diagonal = &mut lanes[half + r];
            *diagonal = if *diagonal == 0.0 { 1.0 } else { *diagonal + lambda };
            row[0] = L::load(lanes.as_ptr());
        }
    }
}

#[inline(always)]
unsafe fn factorize<L: Lanes>(
    gram: *const f64,
    scale: f64,
    lambda: f64,
    n_factored: usize,
    n_columns: usize,
    ld: usize,
    factor: *mut f64,
) -> bool {
    // SAFETY: `cholesky` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        for i0 in (0..n_factored).step_by(BLOCK) {
            let mut j0 = i0;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                let strip = L::STRIP.min((n_columns - j0) / LANES);
                match strip {
                    3 => reduced_tile::<L, 3>(gram, scale, lambda, tile, factor),
                    2 => reduced_tile::<L, 2>(gram, scale, lambda, tile, factor),
                    _ => reduced_tile::<L, 1>(gram, scale, lambda, tile, factor),
                }
                j0 += LANES * strip;
            }
            let n_rows = BLOCK.min(n_factored - i0);
            let block = factor.add(i0 * ld + i0);
            let mut inverse = [0.0; BLOCK];
            if !factor_block::<L>(block, ld, n_rows, &mut inverse) {
                return false;
            }
            for j in (i0 + BLOCK..n_columns).step_by(LANES) {
                finish_strip::<L>(block, ld, factor.add(i0 * ld + j), &inverse, n_rows);
            }
        }
        true
    }
}

/// Factors one diagonal block in place and writes the reciprocals of its diagonal. False: singular.
///
/// Rows are eliminated without square roots, since each waits for the one before, and scaled at the
/// end, where the roots do not wait for one another.
#[inline(always)]
unsafe fn factor_block<L: Lanes>(block: *mut f64, ld: usize, n_rows: usize, inverse: &mut [f64; BLOCK]) -> bool {
    /// Smallest pivot: below it rounding errors of a unit diagonal decide the sign.
    const SMALLEST_PIVOT: f64 = 1e-15;
    // SAFETY: `factorize` gives a block inside the factor.
    unsafe {
        let mut rows = [L::splat(0.0); BLOCK];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = L::load(block.add(r * ld));
        }
        let mut pivots = [1.0; BLOCK];
        let mut lanes = [0.0; LANES];
        for r in 0..n_rows {
            rows[r].store(lanes.as_mut_ptr());
            let pivot = lanes[r];
            if pivot.is_nan() || pivot <= SMALLEST_PIVOT {
                return false;
            }
            pivots[r] = pivot;
            let reciprocal = 1.0 / pivot;
            for k in r + 1..BLOCK {
                rows[k] = rows[r].fnma(L::splat(lanes[k] * reciprocal), rows[k]);
            }
        }
        for r in 0..n_rows {
            inverse[r] = 1.0 / pivots[r].sqrt();
            rows[r].mul(L::splat(inverse[r])).store(block.add(r * ld));
        }
        true
    }
}

/// Triangular solve of one 8-column strip against the factored diagonal block.
#[inline(always)]
unsafe fn finish_strip<L: Lanes>(block: *const f64, ld: usize, strip: *mut f64, inverse: &[f64; BLOCK], n_rows: usize) {
    // SAFETY: `factorize` gives a block and a strip inside the factor.
    unsafe {
        let mut rows = [L::splat(0.0); BLOCK];
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
unsafe fn substitute<L: Lanes>(factor: *const f64, n: usize, rhs: usize, ld: usize, x: *mut f64) {
    // SAFETY: `back_substitute` checked the sizes; `x` is zero beyond `n` up to the next full vector,
    // so what a row holds there does not matter unless it is not finite, which a factor never is.
    unsafe {
        for i0 in (0..n).step_by(BLOCK).rev() {
            let rows = BLOCK.min(n - i0);
            let block = factor.add(i0 * ld);
            // What is known already, for eight rows at once: independent sums hide their latency.
            let mut known = [L::splat(0.0); BLOCK];
            for j in (i0 + BLOCK..n).step_by(LANES) {
                let xj = L::load(x.add(j));
                for (r, sum) in known.iter_mut().enumerate() {
                    if r < rows {
                        *sum = L::load(block.add(r * ld + j)).fma(xj, *sum);
                    }
                }
            }
            let (mut right, mut inverse) = ([0.0; BLOCK], [0.0; BLOCK]);
            for r in 0..rows {
                right[r] = -*block.add(r * ld + rhs) - known[r].sum();
                inverse[r] = 1.0 / *block.add(r * ld + i0 + r);
            }
            for r in (0..rows).rev() {
                let value = right[r] * inverse[r];
                *x.add(i0 + r) = value;
                for (k, y) in right.iter_mut().enumerate().take(r) {
                    *y -= *block.add(k * ld + i0 + r) * value;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    fn random(stream: &mut Stream, len: usize) -> Vec<f64> {
        (0..len).map(|_| stream.gaussian()).collect()
    }

    #[test]
    fn gram_and_solve_agree_with_plain_sums_and_are_bit_equal_on_all_levels() {
        let mut stream = Stream::new(3, 1, 4);
        for (n, rows) in [(5, 16), (8, 40), (22, 64), (57, 128), (126, 200)] {
            let n_columns = (n + 1usize).next_multiple_of(8);
            let ld = leading_dimension(n_columns);
            let mut panel = random(&mut stream, rows * ld);
            for row in panel.chunks_exact_mut(ld) {
                row[n + 1..].fill(0.0);
            }
            let (lambda, scale) = (0.3, 0.5);
            let mut previous: Option<Vec<f64>> = None;
            for level in Level::available() {
                let mut gram = vec![f64::NAN; ld * ld];
                let half = rows / 2 * ld;
                accumulate(level, &panel[..half], n_columns, ld, &mut gram, true);
                accumulate(level, &panel[half..], n_columns, ld, &mut gram, false);
                let mut factor = vec![f64::NAN; ld * ld];
                assert!(cholesky(level, &gram, scale, lambda, n, n_columns, ld, &mut factor));
                let mut x = vec![f64::NAN; n.next_multiple_of(8) + 8];
                back_substitute(level, &factor, n, n, ld, &mut x);
                // (scale·JᵀJ + λ)x = −scale·Jᵀr, all with plain loops.
                for i in 0..n {
                    let dot = |a: usize, b: usize| {
                        scale * (0..rows).map(|r| panel[r * ld + a] * panel[r * ld + b]).sum::<f64>()
                    };
                    let left: f64 = (0..n).map(|j| dot(i, j) * x[j]).sum::<f64>() + lambda * x[i];
                    assert!((left + dot(i, n)).abs() < 1e-10 * rows as f64, "n {n} row {i}: {left} {}", dot(i, n));
                }
                if let Some(other) = &previous {
                    assert!(other.iter().zip(&x).all(|(a, b)| a.to_bits() == b.to_bits()), "{}", level.name());
                }
                previous = Some(x);
            }
        }
    }

    #[test]
    fn a_singular_matrix_is_refused() {
        let ld = leading_dimension(16);
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
