//! One step of the iteration: damp, solve, move the slots, judge.

use super::FOUND;
use super::layout::{Arrangement, Part, TILE, tile_at};
use super::linearize::{X, Y, Z};
use super::solve::{back_substitute, factorize};
use super::state::{PHASES, Run};
use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Memory, total};

/// Smallest damping of a Gram matrix with dependent columns.
const SMALLEST_LAMBDA: f64 = 1e-14;
/// Smallest damping factor.
const SMALLEST_DAMPING: f64 = 1e-6;
/// Rejected steps in one iteration before the run ends.
const MAX_REJECTIONS: u32 = 8;

impl<M: Memory, A: Arrangement> Run<M, A> {
    /// Takes one step that lowers the cost, with as much damping as it needs. False: there is none.
    #[inline(always)]
    pub(super) fn descend<B: Cta<Memory = M>>(&mut self, cta: &mut B, n_tangents: u32) -> bool {
        let n_unknowns = n_tangents + 1;
        let scale = 1.0 / f64::from(self.size(Part::NSamples));
        let cost = self.cost;
        let mut rejections = 0;
        while rejections <= MAX_REJECTIONS {
            let lambda = self.damping * 2.0 * cost;
            let lambda = if lambda > SMALLEST_LAMBDA { lambda } else { SMALLEST_LAMBDA };
            if !factorize(cta, self.workspace, scale, lambda, n_unknowns) {
                self.damping *= 10.0;
                rejections += 1;
                continue;
            }
            back_substitute(cta, self.workspace, n_unknowns);
            let promised = self.promise(cta, n_unknowns, scale, lambda);
            self.step_slots(cta);
            self.evaluate(cta, 1);
            // A NaN is never accepted.
            if self.cost < cost {
                let least = f64::MIN_POSITIVE;
                let gain = (cost - self.cost) / if promised > least { promised } else { least };
                self.take_trial(cta);
                if gain > 0.75 {
                    let lower = self.damping / 5.0;
                    self.damping = if lower > SMALLEST_DAMPING { lower } else { SMALLEST_DAMPING };
                } else if gain < 0.25 {
                    self.damping *= 4.0;
                }
                return true;
            }
            self.cost = cost;
            if cost < FOUND {
                // Polishing has reached rounding error.
                return false;
            }
            self.damping *= if rejections == 0 { 4.0 } else { 10.0 };
            rejections += 1;
        }
        false
    }

    /// Decrease of the cost that the quadratic model promises: `½ Σ d(λd − scale·g)`.
    #[inline(always)]
    pub(super) fn promise<B: Cta<Memory = M>>(&mut self, cta: &mut B, n_unknowns: u32, scale: f64, lambda: f64) -> f64 {
        let (step, gram) = (self.part(Part::Step), self.workspace.gram());
        let n_threads = cta.n_threads();
        let partials = self.next_sums(n_threads);
        let mut parts = cta.local([0.0]);
        cta.phase_with(&mut parts, |thread, part| {
            let mut i = thread;
            while i < n_unknowns {
                let tile = gram.offset(tile_at(n_unknowns / TILE, i / TILE));
                let gradient = tile.f64(n_unknowns % TILE * TILE + i % TILE);
                let d = step.f64(i);
                part[0] += d * (lambda * d - scale * gradient);
                i += n_threads;
            }
        });
        cta.sum(&parts, partials);
        total::<1, _>(partials, n_threads, 0) / 2.0
    }

    /// Writes the slots of the trial: each moved by its part of the step. `(1 + i d·σ)/√(1 + |d|²)`
    /// agrees with the exponential to second order.
    #[inline(always)]
    pub(super) fn step_slots<B: Cta<Memory = M>>(self, cta: &mut B) {
        let (first_column, of_column) = (self.part(Part::FirstColumn), self.part(Part::OfColumn));
        let step = self.part(Part::Step);
        let (from, to) = (self.circuit(0).gates, self.circuit(1).gates);
        let n = self.size(Part::N);
        cta.each(self.n_slots(), |slot| {
            let value = Su2::load(from, slot);
            let (mut column, end) = (first_column.word(slot), first_column.word(slot + 1));
            let moves = column < end;
            let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
            while column < end {
                let (d, pauli) = (step.f64(column), of_column.word(column) & 3);
                x = if pauli == X { d } else { x };
                y = if pauli == Y { d } else { y };
                z = if pauli == Z { d } else { z };
                column += 1;
            }
            let turn = Su2 { a: Complex::new(1.0, z), b: Complex::new(-y, x) };
            // The tangents of first slots arise after their gate, those of others before it.
            let turned = if slot < n { turn.times(value) } else { value.times(turn) };
            let new = if moves { turned.normalized() } else { value };
            new.store(to, slot);
        });
    }

    /// Makes the trial, copy 1, the present one, copy 0: their places in the header change.
    #[inline(always)]
    pub(super) fn take_trial<B: Cta<Memory = M>>(self, cta: &mut B) {
        let (header, control) = (self.workspace.small, self.part(Part::Control));
        cta.once(|| {
            let swap = |first: Part| {
                let at = first as u32;
                let (present, trial) = (header.word(at), header.word(at + 1));
                header.set_word(at, trial);
                header.set_word(at + 1, present);
            };
            swap(Part::Gates);
            swap(Part::AfterFirst);
            swap(Part::AtEnd);
            // The phase of the trial is overwritten by the next one.
            control.set_complex(PHASES, control.complex(PHASES + 1));
        });
    }
}
