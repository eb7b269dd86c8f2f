//! Sample states pushed through a CX template. Lanes are samples; unused lanes hold zeros.

use super::layer::{self, Amplitude, Gate, Layer, Quads, apply_local, check_layers, load_quad, store_quad};
use super::{AMPLITUDE_STRIDE, Lanes, Level, multiversion};
use crate::{Complex64, Su2};

/// Length of a batch of `n_groups` groups of eight states of `n` qubits.
pub fn batch_len(n: usize, n_groups: usize) -> usize {
    (n_groups << n) * AMPLITUDE_STRIDE
}

/// Pushes a batch `[group][2^n][re 8, im 8]` through a CX template: `first` holds one gate per wire,
/// applied before the layers. In place.
pub fn push(level: Level, first: &[Su2], layers: &[Layer], states: &mut [f64]) {
    check_layers(first.len(), layers);
    let group_len = batch_len(first.len(), 1);
    assert_eq!(states.len() % group_len, 0, "not a whole number of groups");
    for group in states.chunks_exact_mut(group_len) {
        let batch = group.as_mut_ptr();
        multiversion!(level, run(first: &[Su2], layers: &[Layer], batch: *mut f64));
    }
}

/// [`push`] that keeps what the Jacobian starts from.
///
/// * `after_first`: receives the states after the first gates, `[group][2^n][re 8, im 8]`.
/// * `after_cx`: receives the states after each layer's CX and before its one-qubit gates,
///   `[group][layer][2^n][re 8, im 8]`.
pub fn push_recorded(
    level: Level,
    first: &[Su2],
    layers: &[Layer],
    states: &mut [f64],
    after_first: &mut [f64],
    after_cx: &mut [f64],
) {
    check_layers(first.len(), layers);
    let group_len = batch_len(first.len(), 1);
    assert_eq!(states.len() % group_len, 0, "not a whole number of groups");
    assert!(after_first.len() >= states.len() && after_cx.len() >= states.len() * layers.len());
    for (g, group) in states.chunks_exact_mut(group_len).enumerate() {
        let batch = group.as_mut_ptr();
        let after_first = after_first[g * group_len..(g + 1) * group_len].as_mut_ptr();
        let per_group = group_len * layers.len();
        let after_cx = after_cx[g * per_group..(g + 1) * per_group].as_mut_ptr();
        multiversion!(level, run_recorded(first: &[Su2], layers: &[Layer], batch: *mut f64,
            after_first: *mut f64, after_cx: *mut f64));
    }
}

#[inline(always)]
unsafe fn run<L: Lanes>(first: &[Su2], layers: &[Layer], batch: *mut f64) {
    let n = first.len();
    // SAFETY: `push` checked the group's length and the wires.
    unsafe {
        for (q, u) in first.iter().enumerate() {
            layer::apply_one::<L>(batch, n, q, *u);
        }
        for l in layers {
            let quads = Quads::new(l.control, l.target);
            let (c, t) = (Gate::<L>::new(l.on_control), Gate::<L>::new(l.on_target));
            for i in 0..1usize << (n - 2) {
                let base = quads.base(i);
                let mut quad = load_quad::<L, true>(batch, quads, base);
                apply_local(c, t, &mut quad);
                store_quad::<L, false>(batch, quads, base, quad);
            }
        }
    }
}

#[inline(always)]
unsafe fn run_recorded<L: Lanes>(
    first: &[Su2],
    layers: &[Layer],
    batch: *mut f64,
    after_first: *mut f64,
    after_cx: *mut f64,
) {
    let n = first.len();
    // SAFETY: `push_recorded` checked the wires, and that there is room for one group at `after_first`
    // and for one group per layer at `after_cx`.
    unsafe {
        for (q, u) in first.iter().enumerate() {
            layer::apply_one::<L>(batch, n, q, *u);
        }
        std::ptr::copy_nonoverlapping(batch, after_first, batch_len(n, 1));
        for (k, l) in layers.iter().enumerate() {
            let quads = Quads::new(l.control, l.target);
            let (c, t) = (Gate::<L>::new(l.on_control), Gate::<L>::new(l.on_target));
            let recorded = after_cx.add(k * batch_len(n, 1));
            for i in 0..1usize << (n - 2) {
                let base = quads.base(i);
                let mut quad = load_quad::<L, true>(batch, quads, base);
                store_quad::<L, false>(recorded, quads, base, quad);
                apply_local(c, t, &mut quad);
                store_quad::<L, false>(batch, quads, base, quad);
            }
        }
    }
}

/// Pulls a batch back through layers, the last one first: `states ← L_1† … L_C† states`.
pub fn pull_back(level: Level, n: usize, layers: &[Layer], states: &mut [f64]) {
    check_layers(n, layers);
    let group_len = batch_len(n, 1);
    assert_eq!(states.len() % group_len, 0, "not a whole number of groups");
    for group in states.chunks_exact_mut(group_len) {
        let batch = group.as_mut_ptr();
        multiversion!(level, unrun(n: usize, layers: &[Layer], batch: *mut f64));
    }
}

#[inline(always)]
unsafe fn unrun<L: Lanes>(n: usize, layers: &[Layer], batch: *mut f64) {
    for l in layers.iter().rev() {
        // SAFETY: `pull_back` checked the group's length and the wires.
        unsafe { layer::undo::<L>(batch, n, l) };
    }
}

/// `Σ ⟨y|v⟩` over all lanes and groups of two batches.
pub fn overlap(level: Level, y: &[f64], v: &[f64]) -> Complex64 {
    assert!(y.len() == v.len() && y.len().is_multiple_of(AMPLITUDE_STRIDE));
    let (py, pv, n) = (y.as_ptr(), v.as_ptr(), y.len() / AMPLITUDE_STRIDE);
    let (re, im) = multiversion!(level, overlap_sum(py: *const f64, pv: *const f64, n: usize) -> (f64, f64));
    Complex64::new(re, im)
}

#[inline(always)]
unsafe fn overlap_sum<L: Lanes>(y: *const f64, v: *const f64, n: usize) -> (f64, f64) {
    // SAFETY: `overlap` checked that both hold `n` amplitudes.
    unsafe {
        let (mut re, mut im) = (L::splat(0.0), L::splat(0.0));
        for a in 0..n {
            let (p, q) = (Amplitude::<L>::load(y, a), Amplitude::<L>::load(v, a));
            re = p.re.fma(q.re, p.im.fma(q.im, re));
            im = p.re.fma(q.im, p.im.fnma(q.re, im));
        }
        (re.sum(), im.sum())
    }
}

/// `Σ |v − phase·y|²` over all lanes and groups: the residual form of a distance, which does not
/// cancel. `phase` has modulus one.
pub fn residual(level: Level, y: &[f64], v: &[f64], phase: Complex64) -> f64 {
    assert!(y.len() == v.len() && y.len().is_multiple_of(AMPLITUDE_STRIDE));
    let (py, pv, n) = (y.as_ptr(), v.as_ptr(), y.len() / AMPLITUDE_STRIDE);
    multiversion!(level, residual_sum(py: *const f64, pv: *const f64, n: usize, phase: Complex64) -> f64)
}

#[inline(always)]
unsafe fn residual_sum<L: Lanes>(y: *const f64, v: *const f64, n: usize, phase: Complex64) -> f64 {
    // SAFETY: `residual` checked that both hold `n` amplitudes.
    unsafe {
        let (cr, ci, mut sum) = (L::splat(phase.re), L::splat(phase.im), L::splat(0.0));
        for a in 0..n {
            let (p, q) = (Amplitude::<L>::load(y, a), Amplitude::<L>::load(v, a));
            let re = ci.fma(p.im, cr.fnma(p.re, q.re));
            let im = ci.fnma(p.re, cr.fnma(p.im, q.im));
            sum = re.fma(re, im.fma(im, sum));
        }
        sum.sum()
    }
}
