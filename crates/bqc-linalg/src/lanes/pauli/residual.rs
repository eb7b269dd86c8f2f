//! The residual in Pauli coordinates: `Tr(P·W)` for all strings `P` at once, by a Walsh transform.
//!
//! Strings that flip the same wires differ by the wires that they sign, so one transform over the basis states serves
//! all of them: `n·2^n` additions for `2^n` strings.

use super::super::jacobian::Frame;
use super::super::panel::View;
use super::super::states::batch_len;
use super::super::{AMPLITUDE_STRIDE, LANES, Lanes, Real};
use super::{MAX_QUBITS, PauliPlan};

/// Largest number of amplitudes.
pub(super) const MAX_DIM: usize = 1 << MAX_QUBITS;

/// One value for each pair of indices below `2^n`, real and imaginary parts apart; others are not read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Square {
    re: [[f64; MAX_DIM]; MAX_DIM],
    im: [[f64; MAX_DIM]; MAX_DIM],
}

impl Square {
    pub(super) const ZERO: Square = Square { re: [[0.0; MAX_DIM]; MAX_DIM], im: [[0.0; MAX_DIM]; MAX_DIM] };
}

/// `W = e^{iφ} Σ_m y_m s_m†` as `lines[b][x] = W[b ⊕ x][b]`, then a Walsh transform over `b`, since
/// `Tr(P·W) = Σ_b ⟨b|P|b⊕x⟩ W[b⊕x][b]` for a string `P` that flips `x`.
#[inline(always)]
pub(super) unsafe fn transforms<L: Lanes>(n: usize, frame: Frame<'_>, [rows, lines]: &mut [Square; 2]) {
    let dim = 1usize << n;
    // SAFETY: `PauliPlan::fill` checked that the batches are exact ones of `n` qubits; both squares
    // hold whole vectors.
    unsafe {
        flipped_products::<L>(n, frame, rows, lines);
        for q in 0..n {
            for b in 0..dim {
                if b >> q & 1 == 0 {
                    for v in 0..dim.div_ceil(LANES) {
                        butterfly::<L>(&mut lines.re, b, b | 1 << q, v * LANES);
                        butterfly::<L>(&mut lines.im, b, b | 1 << q, v * LANES);
                    }
                }
            }
        }
    }
}

/// Writes the residual's coefficients from the transforms.
#[inline(always)]
pub(super) unsafe fn residual_column<R: Real>(plan: &PauliPlan<R>, panel: View<*mut R>) {
    let (lines, View { start: panel, ld, .. }) = (&plan.transforms[1], panel);
    let numbers = [lines.re.as_flattened(), lines.im.as_flattened()];
    for (row, string) in plan.strings.iter().enumerate() {
        let at = usize::from(string.source);
        let value = numbers[at / (MAX_DIM * MAX_DIM)][at % (MAX_DIM * MAX_DIM)];
        // SAFETY: the caller's panel has `4^n` rows.
        unsafe { *panel.add(row * ld + plan.n_tangents) = R::from_f64(-string.factor * value) };
    }
    // The identity string belongs to the global phase.
    // SAFETY: as above.
    unsafe { *panel.add(plan.n_tangents) = R::default() };
}

#[inline(always)]
unsafe fn butterfly<L: Lanes>(rows: &mut [[f64; MAX_DIM]; MAX_DIM], low: usize, high: usize, at: usize) {
    // SAFETY: the rows hold whole vectors at `at`.
    unsafe {
        let (p, q) = (rows[low].as_mut_ptr().add(at), rows[high].as_mut_ptr().add(at));
        let (x, y) = (L::load(p), L::load(q));
        x.add(y).store(p);
        x.sub(y).store(q);
    }
}

/// `lines[b][x] = W[b ⊕ x][b]` with `W[a][b] = e^{iφ} Σ_m y_m[a] conj(s_m[b])`.
#[inline(always)]
unsafe fn flipped_products<L: Lanes>(n: usize, frame: Frame<'_>, rows: &mut Square, lines: &mut Square) {
    let dim = 1usize << n;
    let (states, y, phase) = (frame.middle.as_ptr(), frame.pulled_back.as_ptr(), frame.phase);
    // SAFETY: both batches hold `2^n` samples of `2^n` amplitudes.
    unsafe {
        // Samples become rows, amplitudes lanes.
        for m in 0..dim {
            for a in 0..dim {
                let p = y.add(batch_len(n, m / LANES) + a * AMPLITUDE_STRIDE + m % LANES);
                (rows.re[m][a], rows.im[m][a]) = (*p, *p.add(LANES));
            }
        }
        let (cr, ci) = (L::splat(phase.re), L::splat(phase.im));
        for v in 0..dim.div_ceil(LANES) {
            for b in 0..dim {
                let (mut re, mut im) = (L::splat(0.0), L::splat(0.0));
                for m in 0..dim {
                    let p = states.add(batch_len(n, m / LANES) + b * AMPLITUDE_STRIDE + m % LANES);
                    let (sr, si) = (L::splat(*p), L::splat(*p.add(LANES)));
                    let yr = L::load(rows.re[m].as_ptr().add(v * LANES));
                    let yi = L::load(rows.im[m].as_ptr().add(v * LANES));
                    re = yr.fma(sr, yi.fma(si, re));
                    im = yi.fma(sr, yr.fnma(si, im));
                }
                let (mut turned_re, mut turned_im) = ([0.0; LANES], [0.0; LANES]);
                ci.fnma(im, cr.mul(re)).store(turned_re.as_mut_ptr());
                ci.fma(re, cr.mul(im)).store(turned_im.as_mut_ptr());
                for lane in 0..LANES.min(dim) {
                    let flips = (v * LANES + lane) ^ b;
                    (lines.re[b][flips], lines.im[b][flips]) = (turned_re[lane], turned_im[lane]);
                }
            }
        }
    }
}
