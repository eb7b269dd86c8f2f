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

use crate::NEVER;
use crate::program::{Branch, Step};
use crate::states::States;
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

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

fn run(steps: &[Step], states: &mut States, branch: &mut Branch, stop: &AtomicBool) {
    let goes_on = |_: &&Step| !stop.load(Ordering::Relaxed);
    steps.iter().take_while(goes_on).for_each(|step| step.apply(states, branch));
}

/// Memory of a pass: the states behind both circuits. Kept from pass to pass.
struct Pair(States, States);

impl Pair {
    fn new(n_qubits: usize) -> Pair {
        Pair(States::empty(n_qubits), States::empty(n_qubits))
    }

    /// Runs both circuits on the states that `pass` writes. If it is stopped, what is left of them means nothing.
    fn run(&mut self, [a, b]: [&[Step]; 2], pass: impl Fn(&mut States), mut branch: Branch, stop: &AtomicBool) {
        let Pair(x, y) = self;
        pass(x);
        y.copy_from(x);
        run(a, x, &mut branch, stop);
        run(b, y, &mut branch, stop);
    }
}

/// A distance, unless its computation was stopped meanwhile.
fn unless_stopped(distance: f64, stop: &AtomicBool) -> Option<f64> {
    (!stop.load(Ordering::Relaxed)).then_some(distance)
}

/// As [`distance_until`], with nothing that stops it.
pub(crate) fn distance(
    both: [&[Step]; 2],
    n_qubits: usize,
    n_passes: usize,
    pass: impl Fn(usize, &mut States) + Sync,
) -> f64 {
    distance_until(both, n_qubits, n_passes, pass, &NEVER).unwrap_or(f64::NAN)
}

/// The distance of two unitary programs over the states that `pass` writes for `0, …, n_passes − 1`, with
/// one phase for all of them; none if it is stopped. Passes are spread over rayon's threads and added in their own
/// order, so the result does not depend on the number of threads.
pub(crate) fn distance_until(
    both: [&[Step]; 2],
    n_qubits: usize,
    n_passes: usize,
    pass: impl Fn(usize, &mut States) + Sync,
    stop: &AtomicBool,
) -> Option<f64> {
    let mut pair = Pair::new(n_qubits);
    pair.run(both, |states| pass(0, states), Branch::new(0, 0), stop);
    let phase = reference_phase(&pair.0, &pair.1);
    let first = sums(&pair.0, &pair.1, phase);
    if n_passes == 1 {
        return unless_stopped(first.distance(), stop);
    }
    drop(pair);
    let rest: Vec<Sums> = (1..n_passes)
        .into_par_iter()
        .map_init(
            || Pair::new(n_qubits),
            |pair, p| {
                pair.run(both, |states| pass(p, states), Branch::new(0, 0), stop);
                sums(&pair.0, &pair.1, phase)
            },
        )
        .collect();
    unless_stopped(rest.into_iter().fold(first, Sums::add).distance(), stop)
}

/// The distance of what a unitary program makes of `states` from `expected`, with one phase for all.
pub(crate) fn distance_from(expected: &States, steps: &[Step], mut states: States) -> f64 {
    run(steps, &mut states, &mut Branch::new(0, 0), &NEVER);
    sums(expected, &states, reference_phase(expected, &states)).distance()
}

/// The root mean square over `n_branches` branches of the distance of the two final states, each
/// with its own phase: a branch's phase cannot be observed. None if it is stopped.
pub(crate) fn branch_distance(
    both: [&[Step]; 2],
    n_branches: usize,
    seed: u64,
    n_qubits: usize,
    pass: impl Fn(usize, &mut States) + Sync,
    stop: &AtomicBool,
) -> Option<f64> {
    let squares: Vec<f64> = (0..n_branches)
        .into_par_iter()
        .map(|p| {
            let mut pair = Pair::new(n_qubits);
            pair.run(both, |states| pass(p, states), Branch::new(seed, p as u64), stop);
            let Pair(x, y) = &pair;
            sums(x, y, reference_phase(x, y)).distance().powi(2)
        })
        .collect();
    unless_stopped((squares.into_iter().sum::<f64>() / n_branches as f64).sqrt(), stop)
}
