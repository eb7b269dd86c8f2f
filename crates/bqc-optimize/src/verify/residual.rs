//! The residual form of the phase distance, summed over passes of states at a fixed memory.
//!
//! Wanted: `d² = min_φ Σ|a − e^{iφ}b|² / (2·columns)`. The best phase is known only at the end, so
//! the sum is taken at a reference phase ψ, the first pass's own best. With `b' = e^{iψ}b`,
//! `X + iI = Σ b'*·a`: at any phase φ beyond ψ the sum is `Σ|a|² + Σ|b|² − 2 Re(e^{−iφ}(X + iI))`,
//! smallest where the last term is `2|X + iI|`. Hence the minimum lies `2(|X + iI| − X)` below the
//! sum at ψ, which is `2I² / (|X + iI| + X)` without cancellation. As `|b'|²` is real,
//! `I = Σ Im(b'*·(a − b'))`, a sum of small numbers where the circuits agree. If ψ is off by δ then
//! the first pass itself contributes about δ² to the minimum, so the subtraction loses no more than
//! the number of passes, and the result is accurate relative to its own size, above the rounding of
//! the amplitudes (about 1e-16 a gate, root mean square).

use super::program::{Branch, Step};
use super::states::States;
use rayon::prelude::*;

/// Sums over some columns at a reference phase.
#[derive(Clone, Copy)]
struct Sums {
    squared: f64,
    overlap_re: f64,
    overlap_im: f64,
    n_columns: usize,
}

impl Sums {
    const ZERO: Sums = Sums { squared: 0.0, overlap_re: 0.0, overlap_im: 0.0, n_columns: 0 };

    fn add(self, other: Sums) -> Sums {
        Sums {
            squared: self.squared + other.squared,
            overlap_re: self.overlap_re + other.overlap_re,
            overlap_im: self.overlap_im + other.overlap_im,
            n_columns: self.n_columns + other.n_columns,
        }
    }

    /// The distance. NaN stays NaN.
    fn distance(self) -> f64 {
        let overlap = self.overlap_re.hypot(self.overlap_im);
        let correction = if self.overlap_re > 0.0 {
            2.0 * self.overlap_im * (self.overlap_im / (overlap + self.overlap_re))
        } else {
            2.0 * (overlap - self.overlap_re)
        };
        let minimum = self.squared - correction;
        // Not `max`, which would turn NaN into zero.
        let minimum = if minimum < 0.0 { 0.0 } else { minimum };
        (minimum / (2 * self.n_columns) as f64).sqrt()
    }
}

/// `Σ conj(b)·a`, real and imaginary part.
fn overlap(a: &States, b: &States) -> [f64; 2] {
    let ((ar, ai), (br, bi)) = (a.parts(), b.parts());
    let mut sum = [0.0; 2];
    for i in 0..ar.len() {
        sum[0] += br[i] * ar[i] + bi[i] * ai[i];
        sum[1] += br[i] * ai[i] - bi[i] * ar[i];
    }
    sum
}

/// The phase of the overlap as `[cos, sin]`; where there is none, any phase is as good.
fn reference_phase(a: &States, b: &States) -> [f64; 2] {
    let [re, im] = overlap(a, b);
    let norm = re.hypot(im);
    if norm > 0.0 { [re / norm, im / norm] } else { [1.0, 0.0] }
}

/// The sums of one pass. Row by row, so that long passes lose no digits to one running sum.
fn sums(a: &States, b: &States, [c, s]: [f64; 2]) -> Sums {
    let ((ar, ai), (br, bi)) = (a.parts(), b.parts());
    let mut total = Sums { n_columns: a.n_states(), ..Sums::ZERO };
    const RUN: usize = 256;
    for start in (0..ar.len()).step_by(RUN) {
        let mut run = Sums::ZERO;
        for i in start..(start + RUN).min(ar.len()) {
            let (x, y) = (c * br[i] - s * bi[i], c * bi[i] + s * br[i]);
            let (dx, dy) = (ar[i] - x, ai[i] - y);
            run.squared += dx * dx + dy * dy;
            run.overlap_re += x * ar[i] + y * ai[i];
            run.overlap_im += x * dy - y * dx;
        }
        total = total.add(run);
    }
    total
}

fn run(steps: &[Step], states: &mut States, branch: &mut Branch) {
    steps.iter().for_each(|step| step.apply(states, branch));
}

/// Both circuits on the same states.
fn run_both(a: &[Step], b: &[Step], states: impl Fn() -> States, mut branch: Branch) -> (States, States) {
    let (mut x, mut y) = (states(), states());
    run(a, &mut x, &mut branch);
    run(b, &mut y, &mut branch);
    (x, y)
}

/// The distance of two unitary programs over the states `pass(0), …, pass(n_passes − 1)`, with one
/// phase for all of them. Passes are spread over rayon's threads and added in their own order, so
/// the result does not depend on the number of threads.
pub(super) fn distance(a: &[Step], b: &[Step], n_passes: usize, pass: impl Fn(usize) -> States + Sync) -> f64 {
    let (x, y) = run_both(a, b, || pass(0), Branch::new(0, 0));
    let phase = reference_phase(&x, &y);
    let first = sums(&x, &y, phase);
    if n_passes == 1 {
        return first.distance();
    }
    let rest: Vec<Sums> = (1..n_passes)
        .into_par_iter()
        .map(|p| {
            let (x, y) = run_both(a, b, || pass(p), Branch::new(0, 0));
            sums(&x, &y, phase)
        })
        .collect();
    rest.into_iter().fold(first, Sums::add).distance()
}

/// The distance of what a unitary program makes of `states` from `expected`, with one phase for all.
pub(super) fn distance_from(expected: &States, steps: &[Step], mut states: States) -> f64 {
    run(steps, &mut states, &mut Branch::new(0, 0));
    sums(expected, &states, reference_phase(expected, &states)).distance()
}

/// The root mean square over `n_branches` branches of the distance of the two final states, each
/// with its own phase: a branch's phase cannot be observed.
pub(super) fn branch_distance(
    a: &[Step],
    b: &[Step],
    n_branches: usize,
    seed: u64,
    state: impl Fn(usize) -> States + Sync,
) -> f64 {
    let squares: Vec<f64> = (0..n_branches)
        .into_par_iter()
        .map(|p| {
            let (x, y) = run_both(a, b, || state(p), Branch::new(seed, p as u64));
            sums(&x, &y, reference_phase(&x, &y)).distance().powi(2)
        })
        .collect();
    (squares.into_iter().sum::<f64>() / n_branches as f64).sqrt()
}
