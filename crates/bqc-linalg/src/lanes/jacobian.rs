//! Tangents of a CX template, pulled to the middle of the circuit.
//!
//! The Jacobian of `V x_m − e^{iφ} y_m` has one column per tangent `i·σ` of a free one-qubit gate. All
//! columns and the residual are multiplied by the inverse of the second half of the circuit, which
//! leaves the Gram matrix as it is and lets a tangent travel a quarter of the depth on average: those
//! before the middle forward, those after it backward. Lanes are tangents (one vector of columns of the
//! panel), so any number of samples is used without waste. A seed is added in the same pass that applies the
//! layer where it arises. In `f32` twice as many tangents travel at once: near enough to choose a step by,
//! as long as the residual is large.

use super::layer::{Amplitude, Gate, Layer, Quad, Quads, apply_local, check_layers, load_quad, store_quad};
use super::states::batch_len;
use super::{AMPLITUDE_STRIDE, LANES, Level, Real, Vector, multiversion};
use crate::Complex64;

/// A Pauli matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pauli {
    /// `[[0, 1], [1, 0]]`
    X,
    /// `[[0, −i], [i, 0]]`
    Y,
    /// `[[1, 0], [0, −1]]`
    Z,
}

/// Where in the template a tangent arises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// After the first one-qubit gates, before any layer.
    First,
    /// After the CX of this layer, before its one-qubit gates.
    Layer(u32),
}

/// One column of the Jacobian: `i·σ` on a wire at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tangent {
    /// Where it arises.
    pub place: Place,
    /// The wire; one of the layer's two if the place is a layer.
    pub wire: u8,
    /// Which Pauli matrix.
    pub pauli: Pauli,
}

/// The tangents of one place within one group of columns.
#[derive(Clone, Debug)]
#[repr(align(64))]
struct Seed<R: Real> {
    /// Lane weights (0 or 1) of X, Y, Z on the control, then on the target.
    weights: [R::Row; 6],
    /// Whether any weight of X on the target is not zero: usually that one belongs to the slot before.
    has_x_on_target: bool,
    place: Place,
    control: u8,
    target: u8,
}

/// What can be prepared once for a template: which lanes arise where.
#[derive(Clone, Debug)]
pub struct Plan<R: Real = f64> {
    n: usize,
    /// Frame of the panel: just before the CX of this layer.
    middle: usize,
    n_tangents: usize,
    seeds: Vec<Seed<R>>,
    /// Seeds of each group of columns, `seeds[bounds[g]..bounds[g + 1]]`, in order of place.
    bounds: Vec<usize>,
}

impl<R: Real> Default for Plan<R> {
    fn default() -> Plan<R> {
        Plan { n: 0, middle: 0, n_tangents: 0, seeds: Vec::new(), bounds: Vec::new() }
    }
}

impl<R: Real> Plan<R> {
    /// Prepares for `tangents` (column order, sorted by place) of a template of `n` wires. Reuses memory.
    pub fn prepare(&mut self, n: usize, layers: &[Layer], tangents: &[Tangent]) {
        check_layers(n, layers);
        assert!(tangents.is_sorted_by_key(|t| t.place), "tangents out of order");
        self.n = n;
        self.middle = layers.len() / 2;
        self.n_tangents = tangents.len();
        self.seeds.clear();
        self.bounds.clear();
        for group in tangents.chunks(R::LANES) {
            let start = self.seeds.len();
            self.bounds.push(start);
            for (lane, tangent) in group.iter().enumerate() {
                self.add(start, n, layers, lane, *tangent);
            }
        }
        self.bounds.push(self.seeds.len());
    }

    fn add(&mut self, start: usize, n: usize, layers: &[Layer], lane: usize, tangent: Tangent) {
        let Tangent { place, wire, pauli } = tangent;
        let (control, target) = match place {
            Place::First => (wire, if wire + 1 < n as u8 { wire + 1 } else { 0 }),
            Place::Layer(i) => (layers[i as usize].control, layers[i as usize].target),
        };
        assert!((wire as usize) < n && (wire == control || wire == target), "tangent on a wire that its place has not");
        let same = |s: &Seed<R>| s.place == place && (s.control == wire || s.target == wire);
        let index = self.seeds[start..].iter().position(same).map_or_else(
            || {
                self.seeds.push(Seed { weights: [R::ZEROS; 6], has_x_on_target: false, place, control, target });
                self.seeds.len() - 1
            },
            |i| start + i,
        );
        let seed = &mut self.seeds[index];
        let row = if seed.control == wire { 0 } else { 3 } + pauli as usize;
        seed.weights[row].as_mut()[lane] = R::ONE;
        seed.has_x_on_target |= row == 3;
    }

    /// Frame of the panel: just before the CX of this layer (the end if it is the number of layers).
    pub fn middle(&self) -> usize {
        self.middle
    }

    /// Column of the global phase; the residual is in the next one.
    pub fn phase_column(&self) -> usize {
        self.n_tangents
    }

    /// Columns of a panel that are used: tangents, phase, residual, padded with zeros to whole vectors.
    pub fn n_columns(&self) -> usize {
        (self.n_tangents + 2).next_multiple_of(R::LANES)
    }
}

/// The states that a panel is computed from; batches as in [`super::states`], lanes are eight samples.
#[derive(Clone, Copy)]
pub struct States<'a, R = f64> {
    /// From `push_recorded`.
    pub after_first: &'a [R],
    /// From `push_recorded`.
    pub after_cx: &'a [R],
    /// States in the frame of the panel.
    pub middle: &'a [f64],
    /// Targets `y` pulled back to the frame of the panel.
    pub pulled_back: &'a [f64],
    /// `e^{iφ}`: the phase of the mean overlap.
    pub phase: Complex64,
}

/// Room for two groups of tangents of `n` qubits.
pub fn scratch_len<R: Real>(n: usize) -> usize {
    (4 * R::LANES) << n
}

/// Fills the panel of some samples.
///
/// `panel`: `[sample of the range][amplitude][re, im][ld]`. Columns `0..n_tangents` are the tangents,
/// then the global phase `i·s` and the residual `s − e^{iφ}y`, all in the frame of the middle.
/// `scratch`: at least [`scratch_len`].
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
pub fn fill_panel<R: Real>(
    level: Level,
    plan: &Plan<R>,
    layers: &[Layer],
    states: States<'_, R>,
    samples: std::ops::Range<usize>,
    ld: usize,
    scratch: &mut [R],
    panel: &mut [R],
) {
    let n = plan.n;
    check_layers(n, layers);
    let group_len = batch_len(n, 1);
    let groups_needed = samples.end.div_ceil(LANES);
    assert!(states.after_first.len() >= groups_needed * group_len);
    assert!(states.after_cx.len() >= groups_needed * group_len * layers.len());
    assert!(states.middle.len() >= groups_needed * group_len && states.pulled_back.len() >= groups_needed * group_len);
    assert!(plan.n_columns() <= ld && plan.middle <= layers.len());
    assert!(plan.seeds.iter().all(|s| match s.place {
        Place::First => true,
        Place::Layer(i) =>
            (i as usize) < layers.len()
                && layers[i as usize].control == s.control
                && layers[i as usize].target == s.target,
    }));
    assert!(scratch.len() >= scratch_len::<R>(n) && panel.len() >= samples.len() * (2 << n) * ld);
    let (scratch, panel) = (scratch.as_mut_ptr(), panel.as_mut_ptr());
    multiversion!(level, R, fill(plan: &Plan<R>, layers: &[Layer], states: States<'_, R>, samples: std::ops::Range<usize>,
        ld: usize, scratch: *mut R, panel: *mut R));
}

#[inline(always)]
unsafe fn fill<L: Vector>(
    plan: &Plan<L::Real>,
    layers: &[Layer],
    states: States<'_, L::Real>,
    samples: std::ops::Range<usize>,
    ld: usize,
    scratch: *mut L::Real,
    panel: *mut L::Real,
) {
    let (n, group_len) = (plan.n, batch_len(plan.n, 1));
    let (first_sample, last) = (samples.start, samples.end);
    // SAFETY: `fill_panel` checked the length of every array against the samples and the layers.
    unsafe {
        for m in first_sample..last {
            let (g, lane) = (m / LANES, m % LANES);
            let out = panel.add((m - first_sample) * (2 << n) * ld);
            let walk = Walk {
                n,
                layers,
                middle: plan.middle,
                after_first: states.after_first.as_ptr().add(g * group_len + lane),
                after_cx: states.after_cx.as_ptr().add(g * group_len * layers.len() + lane),
            };
            for (group, bounds) in plan.bounds.windows(2).enumerate() {
                let seeds = &plan.seeds[bounds[0]..bounds[1]];
                walk.group::<L>(seeds, scratch, out.add(group * L::N), ld);
            }
            for column in (plan.n_tangents.next_multiple_of(L::N)..plan.n_columns()).step_by(L::N) {
                for row in 0..2usize << n {
                    L::zero().store(out.add(row * ld + column));
                }
            }
            last_columns(plan, states, g * group_len + lane, ld, out);
        }
    }
}

/// Writes the phase and the residual column of one sample.
#[inline(always)]
unsafe fn last_columns<R: Real>(plan: &Plan<R>, states: States<'_, R>, offset: usize, ld: usize, out: *mut R) {
    let phase = states.phase;
    // SAFETY: as in `fill`.
    unsafe {
        let (s, y) = (states.middle.as_ptr().add(offset), states.pulled_back.as_ptr().add(offset));
        for a in 0..1usize << plan.n {
            let at = a * AMPLITUDE_STRIDE;
            let state = Complex64::new(*s.add(at), *s.add(at + LANES));
            let residual = state - phase * Complex64::new(*y.add(at), *y.add(at + LANES));
            let row = out.add(2 * a * ld + plan.n_tangents);
            *row = R::from_f64(-state.im);
            *row.add(1) = R::from_f64(residual.re);
            *row.add(ld) = R::from_f64(state.re);
            *row.add(ld + 1) = R::from_f64(residual.im);
        }
    }
}

/// One sample's way through the template. The pointers are to its lane of the recorded states.
struct Walk<'a, R> {
    n: usize,
    layers: &'a [Layer],
    middle: usize,
    after_first: *const R,
    after_cx: *const R,
}

impl<R: Real> Walk<'_, R> {
    /// Propagates one group of tangents to the middle and writes its columns of the panel.
    #[inline(always)]
    unsafe fn group<L: Vector<Real = R>>(&self, seeds: &[Seed<R>], scratch: *mut R, out: *mut R, ld: usize) {
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

#[cfg(test)]
mod tests;
