//! New values of gates from their environments: the polar factors that fit best.
//!
//! The formulas are those of the CPU engine (`bqc_linalg::polar`): one-qubit gates by a closed form in
//! one thread, two-qubit gates by scaled Newton steps `X ← (ζX + X^{-†}/ζ)/2` (Higham, *Functions of
//! Matrices*, ch. 8), whose eliminations 32 threads share.

use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Memory, total};
use crate::real::sqrt;

/// Weight of the previous value in an environment of unit mean-square singular value: it chooses among
/// equally good unitaries.
const COMPLETION: f64 = 1e-12;
/// Newton steps before a matrix is given up.
const MAX_STEPS: u32 = 30;
/// With `X = W(1 + e)` the square of `‖X − X^{-†}‖` is `4‖e‖²`, and the next step's error `‖e‖²/2`:
/// below this it is less than 1e-16.
const LAST_STEP_BELOW: f64 = 4e-16;

/// A 2×2 matrix, row by row.
pub type Matrix2 = [Complex; 4];

/// Numbers of scratch that [`best_two`] works in.
pub const SCRATCH_LEN: u32 = 2 * (16 + 2 * 32);

#[inline(always)]
fn matrix(u: Su2) -> Matrix2 {
    [u.a, Complex::new(-u.b.re, u.b.im), u.b, u.a.conj()]
}

/// The environment of one gate of a pair `u_b ⊗ u_a`, given the value of the other: `Tr_b(E·(u_b ⊗ 1))`
/// or, if `of_b`, `Tr_a(E·(1 ⊗ u_a))`. `E` is `[row][column]`, index `2·(bit of b) + (bit of a)`.
#[inline(always)]
pub fn environment_of_one<M: Memory>(e: M, of_b: bool, other: Su2) -> Matrix2 {
    let u = matrix(other);
    // How far the index moves with the gate's own bit and with the other one's.
    let (own, its) = if of_b { (2, 1) } else { (1, 2) };
    [(0, 0), (0, own), (own, 0), (own, own)].map(|(j, i)| four_terms(e, u, [j, j + its], [i, i + its]))
}

#[inline(always)]
fn four_terms<M: Memory>(e: M, u: Matrix2, rows: [u32; 2], columns: [u32; 2]) -> Complex {
    e.complex(4 * rows[0] + columns[0])
        .times(u[0])
        .add_product(e.complex(4 * rows[1] + columns[0]), u[1])
        .add_product(e.complex(4 * rows[0] + columns[1]), u[2])
        .add_product(e.complex(4 * rows[1] + columns[1]), u[3])
}

/// The one-qubit gate `u` that makes `|Tr(E·u)|` largest; see the CPU engine's `best_su2`.
#[inline(always)]
pub fn best_one(e: Matrix2, previous: Su2, beta: f64) -> Su2 {
    let u = matrix(previous);
    let size = sqrt((e[0].norm_sqr() + e[1].norm_sqr() + e[2].norm_sqr() + e[3].norm_sqr()) / 2.0);
    if !(size > f64::MIN_POSITIVE && size.is_finite()) {
        return previous;
    }
    let trace = e[0].times(u[0]).add_product(e[1], u[2]).add_product(e[2], u[1]).add_product(e[3], u[3]);
    let factor = trace.phase().scaled((1.0 - beta) / size);
    let weight = beta + COMPLETION;
    let mixed = |e: Complex, u: Complex| u.scaled(weight).add_product(e.conj(), factor);
    let [p, q, r, s] = [mixed(e[0], u[0]), mixed(e[2], u[1]), mixed(e[1], u[2]), mixed(e[3], u[3])];
    let phase = half_angle(p.times(s).minus(q.times(r)).phase()).conj();
    let (p, q, r, s) = (p.times(phase), q.times(phase), r.times(phase), s.times(phase));
    let best = Su2 { a: p.plus(s.conj()), b: r.minus(q.conj()) }.normalized();
    let is_finite = (best.a.norm_sqr() + best.b.norm_sqr()).is_finite();
    Su2 { a: Complex::choose(is_finite, best.a, previous.a), b: Complex::choose(is_finite, best.b, previous.b) }
}

/// A square root of a number of modulus one: the half-angle formulas.
#[inline(always)]
fn half_angle(z: Complex) -> Complex {
    // The larger component first: of the real part for z in the right half-plane.
    let is_right = z.re >= 0.0;
    let large = sqrt((1.0 + if is_right { z.re } else { -z.re }) / 2.0);
    let large = if !is_right && z.im < 0.0 { -large } else { large };
    let small = z.im / (2.0 * large);
    Complex::new(if is_right { large } else { small }, if is_right { small } else { large })
}

/// Replaces the 4×4 `value` by the unitary that makes `|Tr(E·u)|` largest, with the global phase nearest
/// to its own; keeps it where there is none. `partials`: three numbers a warp, twice; `scratch`: [`SCRATCH_LEN`].
#[inline(always)]
pub fn best_two<B: Cta>(
    cta: &mut B,
    e: B::Memory,
    value: B::Memory,
    beta: f64,
    partials: [B::Memory; 2],
    scratch: B::Memory,
) {
    let n_threads = cta.n_threads();
    let (x, eliminated) = (scratch, [scratch.offset(32), scratch.offset(32 + 64)]);
    // |E|² and Tr(E·u), with thread (r, c) for E[r][c].
    let mut parts = cta.local([0.0; 3]);
    cta.phase_with(&mut parts, |thread, part| {
        if thread < 16 {
            let z = e.complex(thread);
            let product = z.times(value.complex(thread % 4 * 4 + thread / 4));
            *part = [z.norm_sqr(), product.re, product.im];
        }
    });
    cta.sum(&parts, partials[0]);
    let sum = |k| total::<3, _>(partials[0], n_threads, k);
    let (size, trace) = (sqrt(sum(0) / 4.0), Complex::new(sum(1), sum(2)));
    if !(size > f64::MIN_POSITIVE && size.is_finite()) {
        return;
    }
    let factor = trace.phase().scaled((1.0 - beta) / size);
    cta.each(16, |k| {
        let u = value.complex(k).scaled(beta + COMPLETION);
        x.set_complex(k, u.add_product(e.complex(k % 4 * 4 + k / 4).conj(), factor));
    });
    if polar(cta, x, eliminated, partials) {
        cta.each(16, |k| value.set_complex(k, x.complex(k)));
    }
}

/// Replaces a 4×4 matrix by its polar factor. False: there is none.
#[inline(always)]
fn polar<B: Cta>(cta: &mut B, x: B::Memory, eliminated: [B::Memory; 2], partials: [B::Memory; 2]) -> bool {
    let n_threads = cta.n_threads();
    let mut step = 0;
    while step < MAX_STEPS {
        invert(cta, x, eliminated);
        // X^{-†}[r][c] is the conjugate of the inverse's [c][r].
        let inverse = |k: u32| eliminated[0].complex(k % 4 * 8 + 4 + k / 4).conj();
        let mut parts = cta.local([0.0; 3]);
        cta.phase_with(&mut parts, |thread, part| {
            if thread < 16 {
                let (a, b) = (x.complex(thread), inverse(thread));
                *part = [a.norm_sqr(), b.norm_sqr(), a.minus(b).norm_sqr()];
            }
        });
        let sums = if step % 2 == 0 { partials[1] } else { partials[0] };
        cta.sum(&parts, sums);
        let sum = |k| total::<3, _>(sums, n_threads, k);
        let (size, inverse_size, change) = (sum(0), sum(1), sum(2));
        if !(size.is_finite() && inverse_size.is_finite()) {
            return false;
        }
        // ζ² = ‖X⁻¹‖/‖X‖ in the Frobenius norm (Higham 2008, equation 8.24); the second copy is free by now.
        cta.once(|| {
            let zeta = sqrt(sqrt(inverse_size / size));
            eliminated[1].set_complex(0, Complex::new(0.5 * zeta, 0.5 / zeta));
        });
        cta.each(16, |k| {
            let factors = eliminated[1].complex(0);
            x.set_complex(k, x.complex(k).scaled(factors.re).plus(inverse(k).scaled(factors.im)));
        });
        if change < LAST_STEP_BELOW {
            return true;
        }
        step += 1;
    }
    false
}

/// Eliminates `[X | 1]` to `[1 | X⁻¹]` with partial pivoting, one column a phase, from one copy
/// `[4][8]` to the other and back. A singular matrix gives numbers that are not finite.
#[inline(always)]
fn invert<B: Cta>(cta: &mut B, x: B::Memory, copies: [B::Memory; 2]) {
    cta.each(32, |k| {
        let (r, c) = (k / 8, k % 8);
        let unit = Complex::new(if c == r + 4 { 1.0 } else { 0.0 }, 0.0);
        let element = x.complex(r * 4 + c % 4);
        copies[0].set_complex(k, Complex::choose(c < 4, element, unit));
    });
    let mut column = 0;
    while column < 4 {
        let even = column % 2 == 0;
        let from = if even { copies[0] } else { copies[1] };
        let to = if even { copies[1] } else { copies[0] };
        cta.each(32, |k| {
            let (r, c) = (k / 8, k % 8);
            // Every thread finds the pivot for itself.
            let (mut pivot_row, mut largest) = (column, -1.0);
            let mut row = column;
            while row < 4 {
                let size = from.complex(row * 8 + column).norm_sqr();
                (pivot_row, largest) = if size > largest { (row, size) } else { (pivot_row, largest) };
                row += 1;
            }
            let pivot = from.complex(pivot_row * 8 + column);
            let reciprocal = pivot.conj().scaled(1.0 / pivot.norm_sqr());
            let scaled = from.complex(pivot_row * 8 + c).times(reciprocal);
            let source = if r == pivot_row { column } else { r };
            let factor = from.complex(source * 8 + column);
            let rest = from.complex(source * 8 + c).minus(factor.times(scaled));
            to.set_complex(k, Complex::choose(r == column, scaled, rest));
        });
        column += 1;
    }
}
