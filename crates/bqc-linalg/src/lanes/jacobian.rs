//! Tangents of a CX template, pulled to the middle of the circuit.
//!
//! The Jacobian of `V x_m − e^{iφ} y_m` has one column per tangent `i·σ` of a free one-qubit gate. All
//! columns and the residual are multiplied by the inverse of the second half of the circuit, which
//! leaves the Gram matrix as it is and lets a tangent travel a quarter of the depth on average: those
//! before the middle forward, those after it backward. Lanes are tangents (one vector of columns of the
//! panel), so any number of samples is used without waste. A seed is added in the same pass that applies the
//! layer where it arises. In `f32` twice as many tangents travel at once: near enough to choose a step by,
//! as long as the residual is large.

mod walk;

use super::layer::{Layer, check_layers};
use super::panel::{Panel, View};
use super::states::batch_len;
use super::{AMPLITUDE_STRIDE, AlignedBuffer, LANES, Level, Real, Vector, multiversion};
use crate::Complex64;
use std::ops::Range;
use walk::Walk;

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

impl<R: Real> Seed<R> {
    /// Whether its place is in these layers, on the wires that it was prepared for.
    fn is_of(&self, layers: &[Layer]) -> bool {
        match self.place {
            Place::First => true,
            Place::Layer(i) => {
                layers.get(i as usize).is_some_and(|l| l.control == self.control && l.target == self.target)
            }
        }
    }
}

/// What can be prepared once for a template: which lanes arise where. Keeps its memory.
#[derive(Clone, Debug)]
pub struct Plan<R: Real = f64> {
    n: usize,
    /// Frame of the panel: just before the CX of this layer.
    middle: usize,
    n_tangents: usize,
    seeds: Vec<Seed<R>>,
    /// Seeds of each group of columns, `seeds[bounds[g]..bounds[g + 1]]`, in order of place.
    bounds: Vec<usize>,
    /// Room for the tangents under way: [`scratch_len`].
    scratch: AlignedBuffer<R>,
}

impl<R: Real> Default for Plan<R> {
    fn default() -> Plan<R> {
        Plan {
            n: 0,
            middle: 0,
            n_tangents: 0,
            seeds: Vec::new(),
            bounds: Vec::new(),
            scratch: AlignedBuffer::default(),
        }
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

/// States and targets in the frame of a panel; batches as in [`super::states`], lanes are eight samples.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// States in the frame of the panel.
    pub middle: &'a [f64],
    /// Targets `y` pulled back to the frame of the panel.
    pub pulled_back: &'a [f64],
    /// `e^{iφ}`: the phase of the mean overlap.
    pub phase: Complex64,
}

/// The states that a panel is computed from; batches as in [`super::states`], lanes are eight samples.
#[derive(Clone, Copy)]
pub struct States<'a, R = f64> {
    /// From `push_recorded`.
    pub after_first: &'a [R],
    /// From `push_recorded`.
    pub after_cx: &'a [R],
    /// What the residual is made of.
    pub frame: Frame<'a>,
}

/// Room for two groups of tangents of `n` qubits.
fn scratch_len<R: Real>(n: usize) -> usize {
    (4 * R::LANES) << n
}

impl<R: Real> Plan<R> {
    /// Gives `panel` its shape and fills it for some samples, with the layers' present values.
    ///
    /// `panel`: `[sample of the range][amplitude][re, im]`, [`Plan::n_columns`] columns. Columns `0..n_tangents`
    /// are the tangents, then the global phase `i·s` and the residual `s − e^{iφ}y`, all in the frame of the middle.
    pub fn fill(
        &mut self,
        level: Level,
        layers: &[Layer],
        states: States<'_, R>,
        samples: Range<usize>,
        panel: &mut Panel<R>,
    ) {
        let n = self.n;
        check_layers(n, layers);
        let group_len = batch_len(n, 1);
        let groups_needed = samples.end.div_ceil(LANES);
        let Frame { middle, pulled_back, .. } = states.frame;
        assert!(states.after_first.len() >= groups_needed * group_len);
        assert!(states.after_cx.len() >= groups_needed * group_len * layers.len());
        assert!(middle.len() >= groups_needed * group_len && pulled_back.len() >= groups_needed * group_len);
        assert!(self.middle <= layers.len() && self.seeds.iter().all(|seed| seed.is_of(layers)));
        panel.reshape(samples.len() * (2 << n), self.n_columns());
        self.scratch.ensure(scratch_len::<R>(n));
        let (scratch, panel) = (self.scratch.as_mut_ptr(), panel.view_mut());
        let plan = &*self;
        multiversion!(level, R, fill(plan: &Plan<R>, layers: &[Layer], states: States<'_, R>, samples: Range<usize>,
            scratch: *mut R, panel: View<*mut R>));
    }
}

#[inline(always)]
unsafe fn fill<L: Vector>(
    plan: &Plan<L::Real>,
    layers: &[Layer],
    states: States<'_, L::Real>,
    samples: Range<usize>,
    scratch: *mut L::Real,
    panel: View<*mut L::Real>,
) {
    let (n, group_len, ld) = (plan.n, batch_len(plan.n, 1), panel.ld);
    let (first_sample, last) = (samples.start, samples.end);
    // SAFETY: `Plan::fill` checked the length of every array against the samples and the layers.
    unsafe {
        for m in first_sample..last {
            let (g, lane) = (m / LANES, m % LANES);
            let out = panel.start.add((m - first_sample) * (2 << n) * ld);
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
            last_columns(plan, states.frame, g * group_len + lane, ld, out);
        }
    }
}

/// Writes the phase and the residual column of one sample.
#[inline(always)]
unsafe fn last_columns<R: Real>(plan: &Plan<R>, frame: Frame<'_>, offset: usize, ld: usize, out: *mut R) {
    let phase = frame.phase;
    // SAFETY: as in `fill`.
    unsafe {
        let (s, y) = (frame.middle.as_ptr().add(offset), frame.pulled_back.as_ptr().add(offset));
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

#[cfg(test)]
mod tests;
