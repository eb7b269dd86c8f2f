//! One sweep: every free gate is taken out, fitted to its environment and put back.
//!
//! To the right, kets `K = V_{<k}·x` and bras `B = V_{≥k}†·y` stand before step k. The old gate is taken
//! out of the bras, the environment `E[j][i] = Σ K_j·B_i*` contracted, and the new gate put into the
//! kets: three passes, so that none needs more registers than its arithmetic. To the left the roles
//! change. States are changed in place, quad by quad. Each sweep ends with bras (kets) that are targets
//! (inputs) again, to rounding; nobody relies on that.

use super::polar::{SCRATCH_LEN, best_one, best_two, environment_of_one};
use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Global, Memory, Table, WARP};
use crate::states::{Quad, Quads, apply_local};
use crate::templates::{SweepStep, step};

/// Place of the weight β of a gate's previous value, after the environment and its scratch.
pub const BETA: u32 = 32 + SCRATCH_LEN;

/// Everything a sweep works on; the same in every thread.
#[derive(Clone, Copy)]
pub struct Pass<M, G: Global> {
    /// Steps of the run.
    pub steps: G::Table<SweepStep>,
    /// The first of them.
    pub steps_at: u32,
    /// How many.
    pub n_steps: u32,
    /// Values of the gates.
    pub values: M,
    /// `[warp][16]`.
    pub partials: M,
    /// The environment, 16 complex numbers, then the scratch of `best_two`, then β at [`BETA`].
    pub environment: M,
}

/// The gate of a step on the quads of its wires.
#[derive(Clone, Copy)]
struct Gate<M> {
    quads: Quads,
    step: SweepStep,
    values: M,
}

impl<M: Memory> Gate<M> {
    /// A one-qubit gate is a pair with the identity on another bit.
    #[inline(always)]
    fn new(step: SweepStep, values: M) -> Gate<M> {
        Gate { quads: Quads::new(step.b, step.a), step, values }
    }

    /// Whether a CX comes first.
    #[inline(always)]
    fn has_cx(self) -> bool {
        self.step.kind == step::CX || self.step.kind == step::CX_FREE_PAIR
    }

    #[inline(always)]
    fn on_a(self) -> Su2 {
        Su2::load(self.values.offset(2 * self.step.value_a), 0)
    }

    #[inline(always)]
    fn on_b(self) -> Su2 {
        let is_pair = self.step.kind == step::FREE_PAIR || self.step.kind == step::CX_FREE_PAIR;
        if is_pair { Su2::load(self.values.offset(2 * self.step.value_b), 0) } else { Su2::IDENTITY }
    }

    #[inline(always)]
    fn is_two(self) -> bool {
        self.step.kind == step::FREE_TWO || self.step.kind == step::CONSTANT_TWO
    }

    /// The gate without its CX on a quad, or its inverse.
    #[inline(always)]
    fn apply(self, quad: Quad, inverse: bool) -> Quad {
        if self.step.kind == step::CX {
            quad
        } else if self.is_two() {
            apply_matrix(self.values.offset(2 * self.step.value_a), quad, inverse)
        } else {
            apply_local(self.on_b().dagger_if(inverse), self.on_a().dagger_if(inverse), quad)
        }
    }

    /// `states ← gate · states` on one quad, or its inverse.
    #[inline(always)]
    fn change<L: Memory>(self, states: L, i: u32, inverse: bool) {
        let cx = self.has_cx();
        let quad = self.apply(self.quads.load(states, i, cx && !inverse), inverse);
        self.quads.store(states, i, cx && inverse, quad);
    }
}

/// A 4×4 matrix, row by row, or its conjugate transpose on a quad.
#[inline(always)]
fn apply_matrix<M: Memory>(matrix: M, quad: Quad, inverse: bool) -> Quad {
    // Two forms rather than one with chosen offsets, which would be held in as many registers.
    if inverse {
        let element = |r: u32, c: u32| matrix.complex(4 * c + r).conj();
        [0, 1, 2, 3].map(|r| row_times(element, r, quad))
    } else {
        let element = |r: u32, c: u32| matrix.complex(4 * r + c);
        [0, 1, 2, 3].map(|r| row_times(element, r, quad))
    }
}

#[inline(always)]
fn row_times(element: impl Fn(u32, u32) -> Complex, r: u32, quad: Quad) -> Complex {
    element(r, 0)
        .times(quad[0])
        .add_product(element(r, 1), quad[1])
        .add_product(element(r, 2), quad[2])
        .add_product(element(r, 3), quad[3])
}

impl<M: Memory, G: Global> Pass<M, G> {
    /// The gate of step `k`, counted from the end if `from_end`.
    #[inline(always)]
    fn gate(self, k: u32, from_end: bool) -> Gate<M> {
        let at = if from_end { self.n_steps - 1 - k } else { k };
        Gate::new(self.steps.get(self.steps_at + at), self.values)
    }

    /// `states ← V · states`, or `V† · states`, of `n_quads` quads.
    #[inline(always)]
    pub fn push<B: Cta<Memory = M>>(self, cta: &mut B, states: M, n_quads: u32, inverse: bool) {
        let mut k = 0;
        while k < self.n_steps {
            let gate = self.gate(k, inverse);
            cta.each(n_quads, |i| gate.change(states, i, inverse));
            k += 1;
        }
    }

    /// One sweep over all steps. To the right, the kets are inputs before it and the bras have been
    /// pulled to the front; to the left the other way round. In `states` lie the kets, `n_quads` of them,
    /// and then the bras.
    #[inline(always)]
    pub fn sweep<B: Cta<Memory = M>>(self, cta: &mut B, to_right: bool, states: M, n_quads: u32) {
        // Found where they are needed rather than held in registers, as are the gates.
        let kets_or_bras = |is_bras: bool| states.offset(if is_bras { 8 * n_quads } else { 0 });
        let mut k = 0;
        while k < self.n_steps {
            let gate = self.gate(k, !to_right);
            let is_free = gate.step.kind > step::CONSTANT_TWO;
            // A free gate leaves the one, a constant one both: the bras follow the kets without a gap.
            let from = if is_free { kets_or_bras(to_right) } else { states };
            cta.each(if is_free { n_quads } else { 2 * n_quads }, |i| gate.change(from, i, !to_right));
            if is_free {
                self.contract(cta, gate, kets_or_bras(false), kets_or_bras(true), n_quads);
                self.update(cta, gate, to_right);
                let gate = self.gate(k, !to_right);
                cta.each(n_quads, |i| gate.change(kets_or_bras(!to_right), i, !to_right));
            }
            k += 1;
        }
    }

    /// Contracts the environment of a gate that is out of both kets and bras. A CX before it is still
    /// to come for the kets.
    ///
    /// Every second warp takes the kets whose bit of the second wire is one, the others the rest: half
    /// the sums a thread, so half the registers and half the exchanges, for half as many reads again.
    #[inline(always)]
    fn contract<B: Cta<Memory = M>>(self, cta: &mut B, gate: Gate<M>, kets: M, bras: M, n_quads: u32) {
        let (quads, cx) = (gate.quads, gate.has_cx());
        let n_threads = cta.n_threads();
        let mut parts = cta.local([0.0; 16]);
        cta.phase_with(&mut parts, |thread, part| {
            let bit = thread / WARP % 2;
            let mut sums = [Complex::ZERO; 8];
            let mut i = thread / (2 * WARP) * WARP + thread % WARP;
            while i < n_quads {
                let (ket, bra) = (quads.load_half(kets, i, bit, cx), quads.load(bras, i, false));
                for row in 0..2 {
                    for column in 0..4 {
                        sums[4 * row + column] = sums[4 * row + column].add_product(bra[column].conj(), ket[row]);
                    }
                }
                i += n_threads / 2;
            }
            for k in 0..8 {
                part[2 * k] = sums[k].re;
                part[2 * k + 1] = sums[k].im;
            }
        });
        cta.sum(&parts, self.partials);
        cta.each(32, |k| {
            let mut sum = 0.0;
            let mut warp = k / 16;
            while warp < n_threads / WARP {
                sum += self.partials.f64(warp * 16 + k % 16);
                warp += 2;
            }
            self.environment.set_f64(k, sum);
        });
    }

    /// Replaces the values of a step by the best for the environment.
    #[inline(always)]
    fn update<B: Cta<Memory = M>>(self, cta: &mut B, gate: Gate<M>, to_right: bool) {
        let e = self.environment;
        let beta = e.f64(BETA);
        let (value_a, value_b) = (self.values.offset(2 * gate.step.value_a), self.values.offset(2 * gate.step.value_b));
        if gate.is_two() {
            let n_warps = cta.n_threads() / WARP;
            let partials = [self.partials, self.partials.offset(3 * n_warps)];
            best_two(cta, e, value_a, beta, partials, e.offset(32));
        } else {
            // A pair is improved one after the other, in the direction of the sweep; a single gate once.
            // The rounds are a loop because two copies of the code would need more registers.
            let is_pair = gate.step.kind != step::FREE_ONE;
            let mut round = 0;
            while round <= is_pair as u32 {
                let of_b = is_pair && (round == 1) == to_right;
                cta.once(|| {
                    let (a, b) = (gate.on_a(), gate.on_b());
                    let (own, other) = if of_b { (b, a) } else { (a, b) };
                    let best = best_one(environment_of_one(e, of_b, other), own, beta);
                    best.store(if of_b { value_b } else { value_a }, 0);
                });
                round += 1;
            }
        }
    }
}
