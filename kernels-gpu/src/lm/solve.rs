//! The damped normal equations `(scale·G + λ)d = −scale·g` by a tiled Cholesky factorisation.
//!
//! The right-hand side is a row of the matrix after the factored ones, so that its forward substitution
//! is free. Of each block of eight columns every thread factors the diagonal tile for itself, in
//! registers: that saves the barriers of a shared factorisation, and costs nothing since the other
//! threads would wait.

use super::layout::{Arrangement, Part, TILE, TILE_LEN, Workspace, tile_at};
use crate::complex::Complex;
use crate::cta::{Cta, Memory};
use crate::real::{fma, rsqrt};

/// Smallest pivot: below it rounding errors of a unit diagonal decide the sign.
const SMALLEST_PIVOT: f64 = 1e-15;
/// Edge of the patches that a thread updates.
const PATCH: u32 = 4;

/// Factors the leading `n_factored` rows of `scale·G + λ`. False, in every thread: it is singular in
/// `f64`. A zero on the diagonal (an empty column) counts as one.
#[inline(always)]
pub fn factorize<B: Cta, A: Arrangement>(
    cta: &mut B,
    workspace: Workspace<B::Memory, A>,
    scale: f64,
    lambda: f64,
    n_factored: u32,
) -> bool {
    let (gram, factor) = (workspace.gram(), workspace.factor());
    let diagonal = workspace.diagonal();
    let (singular, n_solves) = (workspace.part(Part::Control).offset(1), workspace.part(Part::Control).offset(5));
    let n_columns = workspace.size(Part::NColumns);
    let n_tiles = n_columns / TILE;
    cta.each(tile_at(n_tiles, 0), |i| factor.set_f64(i, gram.f64(i) * scale));
    cta.each(n_columns, |i| {
        let at = tile_at(i / TILE, i / TILE) + i % TILE * (TILE + 1);
        let value = factor.f64(at);
        factor.set_f64(at, if value == 0.0 { 1.0 } else { value + lambda });
        if i == 0 {
            singular.set_word(0, 0);
            n_solves.set_word(0, n_solves.word(0) + 1);
        }
    });
    let mut k = 0;
    while k * TILE < n_factored {
        let n_pivots = if n_factored - k * TILE < TILE { n_factored - k * TILE } else { TILE };
        let n_rows = (n_tiles - k) * TILE;
        cta.each(n_rows, |r| {
            let is_singular = eliminate_row(factor, diagonal, k, r, n_pivots);
            if is_singular && r == 0 {
                singular.set_word(0, 1);
            }
        });
        let left = n_tiles - k - 1;
        cta.each(left * (left + 1) / 2 * 4, |job| update_patch(factor, k, job));
        k += 1;
    }
    singular.word(0) == 0
}

/// The diagonal tile and one row of a block while they are eliminated, in registers. Elements are read
/// when their column's turn comes, which halves the number that is held at once.
struct Elimination<M> {
    /// The diagonal tile as it is in memory, and the row.
    top: M,
    own: M,
    /// The columns done so far: of the tile's lower triangle, and of the row.
    tile: [[f64; 8]; 8],
    row: [f64; 8],
    is_singular: bool,
}

impl<M: Memory> Elimination<M> {
    /// Eliminates column `J`, which is none of the matrix unless `counts`.
    #[inline(always)]
    fn column<const J: usize>(&mut self, counts: bool) {
        let column = J as u32;
        let l = &mut self.tile;
        let mut pivot = self.top.f64(column * TILE + column);
        for m in 0..J {
            pivot = fma(-l[J][m], l[J][m], pivot);
        }
        // False where it is no number.
        let is_large = pivot > SMALLEST_PIVOT;
        self.is_singular |= counts && !is_large;
        let inverse = rsqrt(if counts && is_large { pivot } else { 1.0 });
        for i in J + 1..8 {
            let mut x = self.top.f64(i as u32 * TILE + column);
            for m in 0..J {
                x = fma(-l[i][m], l[J][m], x);
            }
            l[i][J] = x * inverse;
        }
        let mut x = self.own.f64(column);
        for m in 0..J {
            x = fma(-self.row[m], l[J][m], x);
        }
        self.row[J] = x * inverse;
    }
}

/// Row `r` below the top of block `k`: its eight elements of the factor. True: a pivot is too small.
#[inline(always)]
fn eliminate_row<M: Memory>(factor: M, diagonal: M, k: u32, r: u32, n_pivots: u32) -> bool {
    let own = factor.offset(tile_at(k + r / TILE, k) + r % TILE * TILE);
    let top = factor.offset(tile_at(k, k));
    let mut e = Elimination { top, own, tile: [[0.0; 8]; 8], row: [0.0; 8], is_singular: false };
    e.column::<0>(0 < n_pivots);
    e.column::<1>(1 < n_pivots);
    e.column::<2>(2 < n_pivots);
    e.column::<3>(3 < n_pivots);
    e.column::<4>(4 < n_pivots);
    e.column::<5>(5 < n_pivots);
    e.column::<6>(6 < n_pivots);
    e.column::<7>(7 < n_pivots);
    // The diagonal tile is read by every thread: its factor goes elsewhere.
    let to = if r < TILE { diagonal.offset(k * TILE_LEN + r * TILE) } else { own };
    for j in 0..8 {
        to.set_f64(j as u32, e.row[j]);
    }
    e.is_singular
}

/// Subtracts the products of block `k` from one patch of the rest.
#[inline(always)]
fn update_patch<M: Memory>(factor: M, k: u32, job: u32) {
    let (tile_job, part) = (job / 4, job % 4);
    let mut i = 0;
    while (i + 1) * (i + 2) / 2 <= tile_job {
        i += 1;
    }
    let j = tile_job - i * (i + 1) / 2;
    let (tile_row, tile_column) = (k + 1 + i, k + 1 + j);
    let (row, column) = (part / 2 * PATCH, part % 2 * PATCH);
    let left = factor.offset(tile_at(tile_row, k) + row * TILE);
    let right = factor.offset(tile_at(tile_column, k) + column * TILE);
    let to = factor.offset(tile_at(tile_row, tile_column) + row * TILE + column);
    let mut sums = [[0.0; 4]; 4];
    for r in 0..4 {
        for pair in 0..2 {
            let two = to.complex(r as u32 * TILE / 2 + pair as u32);
            (sums[r][2 * pair], sums[r][2 * pair + 1]) = (two.re, two.im);
        }
    }
    let mut m = 0;
    while m < TILE / 2 {
        // Two numbers in one access, here and above.
        let x = [0, 1, 2, 3].map(|r| left.complex(r * TILE / 2 + m));
        let y = [0, 1, 2, 3].map(|s| right.complex(s * TILE / 2 + m));
        for r in 0..4 {
            for s in 0..4 {
                sums[r][s] = fma(-x[r].im, y[s].im, fma(-x[r].re, y[s].re, sums[r][s]));
            }
        }
        m += 1;
    }
    for r in 0..4 {
        for pair in 0..2 {
            let two = Complex::new(sums[r][2 * pair], sums[r][2 * pair + 1]);
            to.set_complex(r as u32 * TILE / 2 + pair as u32, two);
        }
    }
}

/// Solves `Lᵀd = −z` with `z` the row `n_factored` of the factor; the result is `workspace.step`.
#[inline(always)]
pub fn back_substitute<B: Cta, A: Arrangement>(cta: &mut B, workspace: Workspace<B::Memory, A>, n_factored: u32) {
    let factor = workspace.factor();
    let diagonal = workspace.diagonal();
    let (step, right) = (workspace.part(Part::Step), workspace.part(Part::Right));
    let last = n_factored / TILE;
    cta.each(n_factored, |i| {
        // The right-hand side's row lies in the last block's diagonal tile if that block is not full.
        let tile =
            if i / TILE == last { diagonal.offset(last * TILE_LEN) } else { factor.offset(tile_at(last, i / TILE)) };
        right.set_f64(i, -tile.f64(n_factored % TILE * TILE + i % TILE));
    });
    let mut k = n_factored.div_ceil(TILE);
    while k > 0 {
        k -= 1;
        let n_pivots = if n_factored - k * TILE < TILE { n_factored - k * TILE } else { TILE };
        let own = diagonal.offset(k * TILE_LEN);
        let n_above = k * TILE;
        let n_threads = cta.n_threads();
        cta.phase(|thread| {
            // Every thread solves the eight unknowns for itself.
            let mut block = Substitution { own, right: right.offset(n_above), n_pivots, x: [0.0; 8] };
            block.row::<7>();
            block.row::<6>();
            block.row::<5>();
            block.row::<4>();
            block.row::<3>();
            block.row::<2>();
            block.row::<1>();
            block.row::<0>();
            let x = block.x;
            let mut i = thread;
            while i < n_above {
                let tile = factor.offset(tile_at(k, i / TILE));
                let mut value = right.f64(i);
                for r in 0..8 {
                    // Beyond the last pivot the unknowns are zero, but the factor holds anything.
                    let l = if (r as u32) < n_pivots { tile.f64(r as u32 * TILE + i % TILE) } else { 0.0 };
                    value = fma(-l, x[r], value);
                }
                right.set_f64(i, value);
                i += n_threads;
            }
            if thread == 0 {
                for r in 0..8 {
                    if (r as u32) < n_pivots {
                        step.set_f64(n_above + r as u32, x[r]);
                    }
                }
            }
        });
    }
}

/// The eight unknowns of a block, last one first, in registers.
struct Substitution<M> {
    /// The diagonal tile of the factor.
    own: M,
    right: M,
    n_pivots: u32,
    /// Zero beyond the last pivot.
    x: [f64; 8],
}

impl<M: Memory> Substitution<M> {
    #[inline(always)]
    fn row<const R: usize>(&mut self) {
        let at = R as u32;
        if at >= self.n_pivots {
            return;
        }
        let mut value = self.right.f64(at);
        for s in R + 1..8 {
            let l = if (s as u32) < self.n_pivots { self.own.f64(s as u32 * TILE + at) } else { 0.0 };
            value = fma(-l, self.x[s], value);
        }
        self.x[R] = value / self.own.f64(at * TILE + at);
    }
}
