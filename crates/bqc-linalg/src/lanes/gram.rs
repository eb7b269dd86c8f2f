//! Gram matrices and their Cholesky factors, from one register-tiled microkernel.
//!
//! The columns of a [`Panel`] are the parameters. The Gram matrix and the factor are square panels, of which the
//! upper triangle (`j ≥ i`) is used: `G = panelᵀ·panel` and `G = UᵀU`. Both are sums of outer products of rows, so one tile loop serves both and no horizontal
//! sums are needed. Every element is summed over rows in order: the bits do not depend on the tiles.

mod factor;

use super::panel::{Panel, View};
use super::{LANES, Level, Real, Vector, multiversion};
use factor::{Diagonal, factorize, substitute};

/// Rows of a tile; distances between rows and counts of columns are multiples.
const BLOCK: usize = LANES;

/// `G ← panelᵀ·panel` if `fresh`, else `G ← G + panelᵀ·panel`, upper triangle.
///
/// * `panel`: any number of rows; `gram`: square, with as many columns.
/// * Only the first `n_wanted` rows of `G` are wanted; they are as long as the others.
pub fn accumulate<R: Real>(level: Level, panel: &Panel<R>, n_wanted: usize, gram: &mut Panel<R>, fresh: bool) {
    assert!(gram.n_columns() == panel.n_columns() && gram.n_rows() >= gram.n_columns());
    assert!(n_wanted <= gram.n_columns());
    let (panel, gram) = (panel.view(), gram.view_mut());
    multiversion!(level, R, accumulate_upper(panel: View<*const R>, n_wanted: usize, gram: View<*mut R>, fresh: bool));
}

/// The system `scale·G + λ·1` that is factored.
#[derive(Clone, Copy, Debug)]
pub struct Damping {
    /// Factor of `G`: makes its diagonal one.
    pub scale: f64,
    /// Added to the diagonal.
    pub lambda: f64,
}

/// Factors the leading `n_factored` rows of `scale·G + λ·1 = UᵀU` and carries the columns beyond along.
///
/// * `gram`, `factor`: square and of one size, upper triangle. A column `j ≥ n_factored` of the result is
///   `U⁻ᵀ G[.., j]`: the forward substitution of a right-hand side comes for free.
/// * Returns false if a pivot is not above 5 ε of `R`: a matrix of unit diagonal is singular then.
pub fn cholesky<R: Real>(
    level: Level,
    gram: &Panel<R>,
    damping: Damping,
    n_factored: usize,
    factor: &mut Panel<R>,
) -> bool {
    assert!(gram.n_columns() == factor.n_columns() && n_factored <= gram.n_columns());
    assert!(gram.n_rows() >= gram.n_columns() && factor.n_rows() >= factor.n_columns());
    let (gram, factor) = (gram.view(), factor.view_mut());
    let damping = Diagonal::new(R::from_f64(damping.scale), R::from_f64(damping.lambda));
    let (damping, mut is_regular) = (&damping, true);
    let result = &mut is_regular;
    multiversion!(level, R, factorize(gram: View<*const R>, damping: &Diagonal<R>, n_factored: usize,
        factor: View<*mut R>, result: &mut bool));
    is_regular
}

/// Solves `U x = −z` with `z` the column behind the `n` factored ones: `x` solves `(scale·G + λ)x = −g`.
pub fn back_substitute<R: Real>(level: Level, factor: &Panel<R>, n: usize, x: &mut [R]) {
    assert!(n < factor.n_columns() && n <= factor.n_rows());
    assert!(x.len() >= n.next_multiple_of(R::LANES) + BLOCK);
    let factor = factor.view();
    x.fill(R::default());
    let x = x.as_mut_ptr();
    multiversion!(level, R, substitute(factor: View<*const R>, n: usize, x: *mut R));
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
    panel: View<*const L::Real>,
    tile: Tile,
    gram: View<*mut L::Real>,
    fresh: bool,
) {
    // SAFETY: the caller's tile lies inside both panels.
    unsafe {
        let out = gram.start.add(tile.i0 * tile.ld + tile.j0);
        let mut acc = [[L::zero(); C]; R];
        if !fresh {
            for (r, row) in acc.iter_mut().enumerate() {
                for (c, a) in row.iter_mut().enumerate() {
                    *a = L::load(out.add(r * tile.ld + c * L::N));
                }
            }
        }
        outer_products::<L, R, C, false>(panel.start, panel.n_rows, tile, &mut acc);
        for (r, row) in acc.iter().enumerate() {
            for (c, a) in row.iter().enumerate() {
                a.store(out.add(r * tile.ld + c * L::N));
            }
        }
    }
}

#[inline(always)]
unsafe fn accumulate_upper<L: Vector>(
    panel: View<*const L::Real>,
    n_wanted: usize,
    gram: View<*mut L::Real>,
    fresh: bool,
) {
    let View { n_columns, ld, .. } = panel;
    // SAFETY: `accumulate` checked the sizes; tiles stay below `n_columns`.
    unsafe {
        for i0 in (0..n_wanted).step_by(BLOCK) {
            // The vector that holds the diagonal; what it computes below it does not count.
            let mut j0 = i0 / L::N * L::N;
            while j0 < n_columns {
                let tile = Tile { ld, i0, j0 };
                let strip = strip::<L>((n_columns - j0) / L::N);
                match strip {
                    3 => gram_tile::<L, 8, 3>(panel, tile, gram, fresh),
                    2 => gram_tile::<L, 8, 2>(panel, tile, gram, fresh),
                    _ if L::STRIP == 3 => gram_tile::<L, 8, 1>(panel, tile, gram, fresh),
                    _ => {
                        // Eight rows of one vector in two halves: they fit the registers of every level.
                        gram_tile::<L, 4, 1>(panel, tile, gram, fresh);
                        gram_tile::<L, 4, 1>(panel, Tile { i0: i0 + 4, ..tile }, gram, fresh);
                    }
                }
                j0 += L::N * strip;
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

    /// A panel with these rows, and zeros behind them.
    fn panel_of<R: Real>(rows: &[Vec<R>], n_columns: usize) -> Panel<R> {
        let mut panel = Panel::default();
        panel.reshape(rows.len(), n_columns);
        for (i, row) in rows.iter().enumerate() {
            panel.row_mut(i).fill(R::default());
            panel.row_mut(i)[..row.len()].copy_from_slice(row);
        }
        panel
    }

    /// A square panel of which no number was written.
    fn square<R: Real>(n_columns: usize) -> Panel<R> {
        panel_of(&vec![vec![R::from_f64(f64::NAN); n_columns]; n_columns], n_columns)
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
            let values: Vec<Vec<R>> = (0..rows).map(|_| random(&mut stream, n + 1)).collect();
            let halves = values.split_at(rows / 2);
            let halves = [halves.0, halves.1].map(|rows| panel_of(rows, n_columns));
            // A unit diagonal, as in the solver.
            let (lambda, scale) = (0.3, 1.0 / rows as f64);
            let mut previous: Option<Vec<R>> = None;
            for level in Level::available() {
                let mut gram = square(n_columns);
                accumulate(level, &halves[0], n, &mut gram, true);
                accumulate(level, &halves[1], n, &mut gram, false);
                let mut factor = square(n_columns);
                assert!(cholesky(level, &gram, Damping { scale, lambda }, n, &mut factor));
                let mut x = vec![R::from_f64(f64::NAN); n.next_multiple_of(R::LANES) + BLOCK];
                back_substitute(level, &factor, n, &mut x);
                // (scale·JᵀJ + λ)x = −scale·Jᵀr, all with plain loops.
                for i in 0..n {
                    let at = |r: usize, c: usize| -> f64 { values[r][c].into() };
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
        let gram = panel_of(&vec![vec![1.0; 16]; 16], 16);
        let (mut factor, level) = (square(16), Level::detect());
        assert!(!cholesky(level, &gram, Damping { scale: 1.0, lambda: 0.0 }, 9, &mut factor));
        assert!(cholesky(level, &gram, Damping { scale: 1.0, lambda: 1e-3 }, 9, &mut factor));
    }
}
