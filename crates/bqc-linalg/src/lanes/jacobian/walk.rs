//! One sample's tangents on their way to the middle of the circuit, one vector of them at a time.
//!
//! Lanes are tangents; the state of the sample is read as scalars. A layer and the tangents that arise in it are
//! one pass over the amplitudes.

use super::super::layer::{Amplitude, Gate, Layer, Quad, Quads, apply_local, load_quad, store_quad};
use super::super::states::batch_len;
use super::super::{AMPLITUDE_STRIDE, LANES, Real, Vector};
use super::{Place, Seed, scratch_len};

/// One sample's way through the template. The pointers are to its lane of the recorded states.
pub(super) struct Walk<'a, R> {
    pub(super) n: usize,
    pub(super) layers: &'a [Layer],
    pub(super) middle: usize,
    pub(super) after_first: *const R,
    pub(super) after_cx: *const R,
}

impl<R: Real> Walk<'_, R> {
    /// Propagates one group of tangents to the middle and writes its columns of the panel.
    #[inline(always)]
    pub(super) unsafe fn group<L: Vector<Real = R>>(&self, seeds: &[Seed<R>], scratch: *mut R, out: *mut R, ld: usize) {
        let middle = self.middle as u32;
        let n_forward = seeds.partition_point(|s| s.place < Place::Layer(middle));
        let (before, after) = seeds.split_at(n_forward);
        let n_amplitudes = 1usize << self.n;
        // SAFETY: the scratch holds two groups; `out` has one vector of columns in each of the rows.
        unsafe {
            let second = scratch.add(scratch_len::<R>(self.n) / 2);
            let mut from = scratch;
            if !before.is_empty() {
                self.forward::<L>(before, scratch);
            }
            if !after.is_empty() {
                self.backward::<L>(after, second);
                from = second;
            }
            let both = !before.is_empty() && !after.is_empty();
            for a in 0..n_amplitudes {
                let mut x = Amplitude::<L>::load(from, a);
                if both {
                    // The lanes of the two parts are disjoint.
                    let y = Amplitude::<L>::load(scratch, a);
                    x = Amplitude { re: x.re.add(y.re), im: x.im.add(y.im) };
                }
                x.re.store(out.add(2 * a * ld));
                x.im.store(out.add((2 * a + 1) * ld));
            }
        }
    }

    #[inline(always)]
    unsafe fn forward<L: Vector<Real = R>>(&self, seeds: &[Seed<R>], batch: *mut R) {
        let mut next = 0;
        // SAFETY: places are those of the template; `batch` holds one group.
        unsafe {
            while next < seeds.len() && seeds[next].place == Place::First {
                let seed = &seeds[next];
                if next == 0 {
                    seed_first::<L, false>(seed, self.n, self.after_first, batch);
                } else {
                    seed_first::<L, true>(seed, self.n, self.after_first, batch);
                }
                next += 1;
            }
            let start = match seeds[0].place {
                Place::First => 0,
                Place::Layer(i) => i as usize,
            };
            for i in start..self.middle {
                let layer = &self.layers[i];
                if next < seeds.len() && seeds[next].place == Place::Layer(i as u32) {
                    let state = self.after_cx.add(i * batch_len(self.n, 1));
                    if next == 0 {
                        seeded::<L, false, false>(layer, &seeds[next], self.n, state, batch);
                    } else {
                        seeded::<L, false, true>(layer, &seeds[next], self.n, state, batch);
                    }
                    next += 1;
                } else {
                    step::<L, false, true, NONE>(layer, None, self.n, std::ptr::null(), batch);
                }
            }
        }
    }

    #[inline(always)]
    unsafe fn backward<L: Vector<Real = R>>(&self, seeds: &[Seed<R>], batch: *mut R) {
        let mut left = seeds.len();
        let Place::Layer(last) = seeds[left - 1].place else { return };
        // SAFETY: as in `forward`.
        unsafe {
            for i in (self.middle..=last as usize).rev() {
                let layer = &self.layers[i];
                if left > 0 && seeds[left - 1].place == Place::Layer(i as u32) {
                    let state = self.after_cx.add(i * batch_len(self.n, 1));
                    if left == seeds.len() {
                        seeded::<L, true, false>(layer, &seeds[left - 1], self.n, state, batch);
                    } else {
                        seeded::<L, true, true>(layer, &seeds[left - 1], self.n, state, batch);
                    }
                    left -= 1;
                } else {
                    step::<L, true, true, NONE>(layer, None, self.n, std::ptr::null(), batch);
                }
            }
        }
    }
}

/// The lane weights of a seed in registers. The Z weights are combined by quad index: `+ +` and `+ −`.
#[derive(Clone, Copy)]
struct Weights<L> {
    x_control: L,
    y_control: L,
    x_target: L,
    y_target: L,
    z_sum: L,
    z_difference: L,
}

impl<L: Vector> Weights<L> {
    #[inline(always)]
    unsafe fn new(seed: &Seed<L::Real>) -> Self {
        // SAFETY: each row of weights is one vector.
        unsafe {
            // No closures around vectors: they would not be compiled for the level.
            let w = &seed.weights;
            let (z_control, z_target) = (L::load(w[2].as_ref().as_ptr()), L::load(w[5].as_ref().as_ptr()));
            Weights {
                x_control: L::load(w[0].as_ref().as_ptr()),
                y_control: L::load(w[1].as_ref().as_ptr()),
                x_target: L::load(w[3].as_ref().as_ptr()),
                y_target: L::load(w[4].as_ref().as_ptr()),
                z_sum: z_control.add(z_target),
                z_difference: z_control.sub(z_target),
            }
        }
    }

    /// Adds `Σ i·σ·s` to a quad, where `s` is the state's quad (one sample: scalars). Unless `ALL`, the
    /// weights of X on the target are zero.
    #[inline(always)]
    unsafe fn add<const ALL: bool>(self, state: *const L::Real, quads: Quads, base: usize, quad: &mut Quad<L>) {
        let indices = [base, base | quads.target, base | quads.control, base | quads.control | quads.target];
        // SAFETY: the quad lies inside the recorded state.
        unsafe {
            let (mut re, mut im) = ([L::zero(); 4], [L::zero(); 4]);
            for k in 0..4 {
                let p = state.add(indices[k] * AMPLITUDE_STRIDE);
                (re[k], im[k]) = (L::splat(*p), L::splat(*p.add(LANES)));
            }
            for k in 0..4 {
                let (c, t) = (k ^ 2, k ^ 1);
                let mut x = quad[k];
                // i·X: (−im, re) of the flipped amplitude.
                x.re = self.x_control.fnma(im[c], x.re);
                x.im = self.x_control.fma(re[c], x.im);
                if ALL {
                    x.re = self.x_target.fnma(im[t], x.re);
                    x.im = self.x_target.fma(re[t], x.im);
                }
                // i·Y: plus or minus the flipped amplitude.
                if k & 2 == 0 {
                    x.re = self.y_control.fma(re[c], x.re);
                    x.im = self.y_control.fma(im[c], x.im);
                } else {
                    x.re = self.y_control.fnma(re[c], x.re);
                    x.im = self.y_control.fnma(im[c], x.im);
                }
                if k & 1 == 0 {
                    x.re = self.y_target.fma(re[t], x.re);
                    x.im = self.y_target.fma(im[t], x.im);
                } else {
                    x.re = self.y_target.fnma(re[t], x.re);
                    x.im = self.y_target.fnma(im[t], x.im);
                }
                // i·Z: plus or minus (−im, re) of the amplitude itself.
                let z = if k == 0 || k == 3 { self.z_sum } else { self.z_difference };
                if k & 2 == 0 {
                    x.re = z.fnma(im[k], x.re);
                    x.im = z.fma(re[k], x.im);
                } else {
                    x.re = z.fma(im[k], x.re);
                    x.im = z.fnma(re[k], x.im);
                }
                quad[k] = x;
            }
        }
    }
}

/// Seeds of the first one-qubit gates: nothing is applied. `ADD`: to what is there.
#[inline(always)]
unsafe fn seed_first<L: Vector, const ADD: bool>(
    seed: &Seed<L::Real>,
    n: usize,
    state: *const L::Real,
    batch: *mut L::Real,
) {
    let quads = Quads::new(seed.control, seed.target);
    // SAFETY: the batch and the state hold `2^n` amplitudes.
    unsafe {
        let weights = Weights::<L>::new(seed);
        let zero = Amplitude { re: L::zero(), im: L::zero() };
        for i in 0..1usize << (n - 2) {
            let base = quads.base(i);
            let mut quad = if ADD { load_quad::<L, false>(batch, quads, base) } else { [zero; 4] };
            weights.add::<true>(state, quads, base, &mut quad);
            store_quad::<L, false>(batch, quads, base, quad);
        }
    }
}

/// Seeds of a layer: none, those without X on the target, all.
const NONE: u8 = 0;
/// See [`NONE`].
const USUAL: u8 = 1;
/// See [`NONE`].
const ALL: u8 = 2;

/// [`step`] with the kernel that fits the seed.
#[inline(always)]
unsafe fn seeded<L: Vector, const BACKWARD: bool, const LOAD: bool>(
    layer: &Layer,
    seed: &Seed<L::Real>,
    n: usize,
    state: *const L::Real,
    batch: *mut L::Real,
) {
    // SAFETY: as in `step`.
    unsafe {
        if seed.has_x_on_target {
            step::<L, BACKWARD, LOAD, ALL>(layer, Some(seed), n, state, batch);
        } else {
            step::<L, BACKWARD, LOAD, USUAL>(layer, Some(seed), n, state, batch);
        }
    }
}

/// One layer on a group of tangents.
///
/// Forward: CX, seeds, one-qubit gates. Backward: inverse one-qubit gates, seeds, CX. `LOAD` is false
/// for the first layer, where the tangents are nothing but the seeds.
#[inline(always)]
unsafe fn step<L: Vector, const BACKWARD: bool, const LOAD: bool, const SEEDS: u8>(
    layer: &Layer,
    seed: Option<&Seed<L::Real>>,
    n: usize,
    state: *const L::Real,
    batch: *mut L::Real,
) {
    let quads = Quads::new(layer.control, layer.target);
    let adjoint = |u: crate::Su2| if BACKWARD { u.dagger() } else { u };
    // SAFETY: the batch and the state hold `2^n` amplitudes.
    unsafe {
        let (c, t) = (Gate::<L>::new(adjoint(layer.on_control)), Gate::<L>::new(adjoint(layer.on_target)));
        let zero = Amplitude { re: L::zero(), im: L::zero() };
        let mut weights = None;
        if let Some(seed) = seed {
            weights = Some(Weights::<L>::new(seed));
        }
        for i in 0..1usize << (n - 2) {
            let base = quads.base(i);
            let mut quad = match (LOAD, BACKWARD) {
                (false, _) => [zero; 4],
                (true, false) => load_quad::<L, true>(batch, quads, base),
                (true, true) => load_quad::<L, false>(batch, quads, base),
            };
            if BACKWARD && LOAD {
                apply_local(c, t, &mut quad);
            }
            match weights {
                Some(weights) if SEEDS == ALL => weights.add::<true>(state, quads, base, &mut quad),
                Some(weights) if SEEDS == USUAL => weights.add::<false>(state, quads, base, &mut quad),
                _ => {}
            }
            if BACKWARD {
                store_quad::<L, true>(batch, quads, base, quad);
            } else {
                apply_local(c, t, &mut quad);
                store_quad::<L, false>(batch, quads, base, quad);
            }
        }
    }
}
