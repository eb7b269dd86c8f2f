//! One layer of a CX template on one group of a state batch, in registers.
//!
//! A layer is a CX and the one-qubit gates after it on both of its wires. All four amplitudes that
//! differ only in those two bits (a *quad*) are loaded once, so the whole layer is one pass: 8 vector
//! loads, 64 multiply-adds, 8 stores a quad.

use super::{Real, Vector};
use crate::Su2;

/// A CX and the one-qubit gates that follow it on its wires.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Layer {
    /// Control wire.
    pub control: u8,
    /// Target wire.
    pub target: u8,
    /// Gate after the CX on the control.
    pub on_control: Su2,
    /// Gate after the CX on the target.
    pub on_target: Su2,
}

/// One complex number per lane.
#[derive(Clone, Copy)]
pub(crate) struct Amplitude<L> {
    pub re: L,
    pub im: L,
}

impl<L: Vector> Amplitude<L> {
    #[inline(always)]
    pub unsafe fn load(batch: *const L::Real, amplitude: usize) -> Self {
        // SAFETY: the caller's amplitude lies inside the batch.
        unsafe {
            let p = batch.add(amplitude * 2 * L::N);
            Amplitude { re: L::load(p), im: L::load(p.add(L::N)) }
        }
    }

    #[inline(always)]
    pub unsafe fn store(self, batch: *mut L::Real, amplitude: usize) {
        // SAFETY: as above.
        unsafe {
            let p = batch.add(amplitude * 2 * L::N);
            self.re.store(p);
            self.im.store(p.add(L::N));
        }
    }
}

/// A one-qubit gate with each of its four numbers in all lanes.
#[derive(Clone, Copy)]
pub(crate) struct Gate<L> {
    ar: L,
    ai: L,
    br: L,
    bi: L,
}

impl<L: Vector> Gate<L> {
    #[inline(always)]
    pub unsafe fn new(u: Su2) -> Self {
        // SAFETY: the caller runs on the level of `L`.
        unsafe {
            let [ar, ai, br, bi] = [u.a.re, u.a.im, u.b.re, u.b.im].map(L::Real::from_f64);
            Gate { ar: L::splat(ar), ai: L::splat(ai), br: L::splat(br), bi: L::splat(bi) }
        }
    }

    /// `(x0, x1) ← [[a, −b*], [b, a*]] (x0, x1)`: 16 multiply-adds.
    #[inline(always)]
    pub unsafe fn apply(self, x0: &mut Amplitude<L>, x1: &mut Amplitude<L>) {
        let Gate { ar, ai, br, bi } = self;
        let (p, q) = (*x0, *x1);
        // SAFETY: the caller runs on the level of `L`.
        unsafe {
            // y0 = a·x0 − b*·x1
            x0.re = bi.fnma(q.im, br.fnma(q.re, ai.fnma(p.im, ar.mul(p.re))));
            x0.im = bi.fma(q.re, br.fnma(q.im, ai.fma(p.re, ar.mul(p.im))));
            // y1 = b·x0 + a*·x1
            x1.re = ai.fma(q.im, ar.fma(q.re, bi.fnma(p.im, br.mul(p.re))));
            x1.im = ai.fnma(q.re, ar.fma(q.im, bi.fma(p.re, br.mul(p.im))));
        }
    }
}

/// The indices of a quad: `i`-th number with zeros at both bits, and the bits themselves.
#[derive(Clone, Copy)]
pub(crate) struct Quads {
    low_mask: usize,
    high_mask: usize,
    pub control: usize,
    pub target: usize,
}

impl Quads {
    #[inline(always)]
    pub fn new(control: u8, target: u8) -> Quads {
        let (low, high) = (control.min(target), control.max(target));
        Quads { low_mask: (1 << low) - 1, high_mask: (1 << high) - 1, control: 1 << control, target: 1 << target }
    }

    /// The amplitude of the `i`-th quad with both bits zero.
    #[inline(always)]
    pub fn base(self, i: usize) -> usize {
        let x = ((i & !self.low_mask) << 1) | (i & self.low_mask);
        ((x & !self.high_mask) << 1) | (x & self.high_mask)
    }
}

/// The four amplitudes of a quad, index `control bit · 2 + target bit`.
pub(crate) type Quad<L> = [Amplitude<L>; 4];

/// Loads a quad, with the CX applied on the way if `CX`.
#[inline(always)]
pub(crate) unsafe fn load_quad<L: Vector, const CX: bool>(batch: *const L::Real, quads: Quads, base: usize) -> Quad<L> {
    let (c, t) = (quads.control, quads.target);
    let (two, three) = if CX { (base | c | t, base | c) } else { (base | c, base | c | t) };
    // SAFETY: the caller's quad lies inside the batch.
    unsafe {
        [
            Amplitude::load(batch, base),
            Amplitude::load(batch, base | t),
            Amplitude::load(batch, two),
            Amplitude::load(batch, three),
        ]
    }
}

/// Stores a quad, with the CX applied on the way if `CX`.
#[inline(always)]
pub(crate) unsafe fn store_quad<L: Vector, const CX: bool>(
    batch: *mut L::Real,
    quads: Quads,
    base: usize,
    quad: Quad<L>,
) {
    let (c, t) = (quads.control, quads.target);
    let (two, three) = if CX { (base | c | t, base | c) } else { (base | c, base | c | t) };
    // SAFETY: as above.
    unsafe {
        quad[0].store(batch, base);
        quad[1].store(batch, base | t);
        quad[2].store(batch, two);
        quad[3].store(batch, three);
    }
}

/// Both one-qubit gates on a quad: 64 multiply-adds.
#[inline(always)]
pub(crate) unsafe fn apply_local<L: Vector>(on_control: Gate<L>, on_target: Gate<L>, quad: &mut Quad<L>) {
    let [x0, x1, x2, x3] = quad;
    // SAFETY: the caller runs on the level of `L`.
    unsafe {
        on_target.apply(x0, x1);
        on_target.apply(x2, x3);
        on_control.apply(x0, x2);
        on_control.apply(x1, x3);
    }
}

/// One one-qubit gate on one group.
#[inline(always)]
pub(crate) unsafe fn apply_one<L: Vector>(batch: *mut L::Real, n: usize, qubit: usize, u: Su2) {
    let mask = (1usize << qubit) - 1;
    // SAFETY: the caller's group has `2^n` amplitudes and `qubit < n`.
    unsafe {
        let gate = Gate::<L>::new(u);
        for i in 0..1usize << (n - 1) {
            let low = ((i & !mask) << 1) | (i & mask);
            let high = low | (mask + 1);
            let mut x0 = Amplitude::load(batch, low);
            let mut x1 = Amplitude::load(batch, high);
            gate.apply(&mut x0, &mut x1);
            x0.store(batch, low);
            x1.store(batch, high);
        }
    }
}

/// Undoes a layer on one group: inverse one-qubit gates, then the CX.
#[inline(always)]
pub(crate) unsafe fn undo<L: Vector>(batch: *mut L::Real, n: usize, layer: &Layer) {
    let quads = Quads::new(layer.control, layer.target);
    // SAFETY: the caller's group has `2^n` amplitudes and the layer's wires are below `n`.
    unsafe {
        let (c, t) = (Gate::<L>::new(layer.on_control.dagger()), Gate::<L>::new(layer.on_target.dagger()));
        for i in 0..1usize << (n - 2) {
            let base = quads.base(i);
            let mut quad = load_quad::<L, false>(batch, quads, base);
            apply_local(c, t, &mut quad);
            store_quad::<L, true>(batch, quads, base, quad);
        }
    }
}

/// Panics unless every layer's wires are different and below `n`.
pub(crate) fn check_layers(n: usize, layers: &[Layer]) {
    assert!((2..usize::BITS as usize - 8).contains(&n), "a CX template has at least two wires");
    for l in layers {
        assert!(l.control != l.target && (l.control as usize) < n && (l.target as usize) < n, "layer out of range");
    }
}
