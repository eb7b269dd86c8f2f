//! The last steps to the unitary polar factor of a 4×4 matrix: Newton–Schulz, products only.
//!
//! `X ← X − ½·X(X†X − 1)` converges quadratically to the polar factor of `X` while
//! `‖X†X − 1‖ < 1` (Björck, Bowie, SIAM J. Numer. Anal. 8, 358 (1971)). A row of the matrix is one
//! vector, four real and four imaginary parts, so a product of matrices is 32 multiply-adds.

use super::{LANES, Lanes, Level, multiversion};
use crate::Complex64;
use crate::small::Matrix4;

/// From this `‖X†X − 1‖_F` on the steps are begun: below 1 they converge, and here within eight steps.
const BASIN: f64 = 0.8;
/// A step from this `‖X†X − 1‖_F` is the last: the error after it is three quarters of the square.
const LAST: f64 = 1e-8;
/// Steps at most; from [`BASIN`] on eight are enough, the rest is margin.
const MAX_STEPS: usize = 12;

/// Four rows, each one vector `[re 4, im 4]`.
#[repr(C, align(64))]
struct Rows([[f64; LANES]; 4]);

/// Minus the identity.
const MINUS_ONE: Rows = {
    let mut rows = [[0.0; LANES]; 4];
    let mut i = 0;
    while i < 4 {
        rows[i][i] = -1.0;
        i += 1;
    }
    Rows(rows)
};

/// A row with its halves exchanged becomes the row times i.
const SIGNS: [f64; LANES] = [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 1.0, 1.0];

/// The polar factor of a matrix that is nearly unitary, `‖X†X − 1‖_F < 0.8`, to rounding error; none
/// if it is not, or not finite.
pub fn polar_nearby(level: Level, x: &Matrix4) -> Option<Matrix4> {
    let mut rows = Rows(x.0.map(|row| {
        let [a, b, c, d] = row;
        [a.re, b.re, c.re, d.re, a.im, b.im, c.im, d.im]
    }));
    let x = &mut rows;
    let converged = multiversion!(level, iterate(x: &mut Rows) -> bool);
    converged.then(|| Matrix4::from_fn(|r, c| Complex64::new(rows.0[r][c], rows.0[r][4 + c])))
}

#[inline(always)]
unsafe fn iterate<L: Lanes>(x: &mut Rows) -> bool {
    let mut last_sqr = BASIN * BASIN;
    for _ in 0..MAX_STEPS {
        // SAFETY: this runs on the level of `L`.
        let error_sqr = unsafe { step::<L>(x, last_sqr) };
        if error_sqr < LAST * LAST {
            return true;
        }
        // Also where it is no number. A step that comes no nearer began outside the basin.
        if !matches!(error_sqr.partial_cmp(&last_sqr), Some(std::cmp::Ordering::Less)) {
            return false;
        }
        last_sqr = error_sqr;
    }
    false
}

/// One step, unless `‖X†X − 1‖²_F`, which is returned, is `limit` or more, or no number.
#[inline(always)]
unsafe fn step<L: Lanes>(x: &mut Rows, limit: f64) -> f64 {
    // SAFETY: this runs on the level of `L`, and every row is eight `f64`.
    unsafe {
        let (zero, signs, minus_half) = (L::splat(0.0), L::load(SIGNS.as_ptr()), L::splat(-0.5));
        let (mut rows, mut turned) = ([zero; 4], [zero; 4]);
        for k in 0..4 {
            rows[k] = L::load(x.0[k].as_ptr());
            turned[k] = rows[k].swap_halves().mul(signs);
        }
        // D = X†X − 1: row i is Σ_k X*_ki · X_k. Half the sum waits for the other half's latency.
        let mut d = [zero; 4];
        let mut squares = zero;
        for (i, d) in d.iter_mut().enumerate() {
            let mut imaginary = zero;
            *d = L::load(MINUS_ONE.0[i].as_ptr());
            for k in 0..4 {
                *d = L::splat(x.0[k][i]).fma(rows[k], *d);
                imaginary = L::splat(x.0[k][4 + i]).fma(turned[k], imaginary);
            }
            *d = d.sub(imaginary);
            squares = d.fma(*d, squares);
        }
        let error_sqr = squares.sum();
        if !matches!(error_sqr.partial_cmp(&limit), Some(std::cmp::Ordering::Less)) {
            return error_sqr;
        }
        // X_i ← X_i + Σ_k X_ik · (−½D)_k.
        let mut d_turned = [zero; 4];
        for (d, turned) in d.iter_mut().zip(&mut d_turned) {
            *d = d.mul(minus_half);
            *turned = d.swap_halves().mul(signs);
        }
        for (i, row) in rows.iter_mut().enumerate() {
            let mut imaginary = zero;
            for k in 0..4 {
                *row = L::splat(x.0[i][k]).fma(d[k], *row);
                imaginary = L::splat(x.0[i][4 + k]).fma(d_turned[k], imaginary);
            }
            *row = row.add(imaginary);
        }
        for (row, x) in rows.iter().zip(&mut x.0) {
            row.store(x.as_mut_ptr());
        }
        error_sqr
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn reaches_the_polar_factor_with_equal_bits_or_says_that_it_cannot() {
        let mut s = Stream::new(0, 9, 0);
        for round in 0..200 {
            let u = Matrix4::haar(&mut s);
            // W·H with H positive: the polar factor is W.
            let g = Matrix4::from_fn(|_, _| s.complex_gaussian() * 0.02 * (round % 10) as f64);
            let h = Matrix4::identity().plus(&(g.dagger() * g)).plus(&g.plus(&g.dagger()));
            let x = u * h;
            let error = (x.dagger() * x).plus(&Matrix4::identity().scaled(-Complex64::ONE)).norm_sqr().sqrt();
            let results: Vec<_> = Level::available().into_iter().map(|level| polar_nearby(level, &x)).collect();
            assert!(results.windows(2).all(|w| w[0] == w[1]));
            match results[0] {
                Some(w) => {
                    assert!(error < BASIN && w.unitarity_error() < 2e-15);
                    assert!(w.plus(&u.scaled(-Complex64::ONE)).norm_sqr().sqrt() < 1e-14);
                }
                None => assert!(error >= BASIN),
            }
        }
        assert_eq!(polar_nearby(Level::detect(), &Matrix4::from_fn(|_, _| Complex64::new(f64::NAN, 0.0))), None);
    }
}
