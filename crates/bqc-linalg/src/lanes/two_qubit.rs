//! One- and two-qubit gates on whole state batches, in place or from one batch into another.
//!
//! A batch is `[group][amplitude 2^n][re 8 lanes, im 8 lanes]`; a two-qubit gate on `(a, b)` has
//! qubit `a` as bit 0 of its index. A general two-qubit gate costs 64 multiply-adds per quad of
//! amplitudes and is bound by them: with AVX-512 two quads are worked on at once, so that each
//! broadcast element of the gate serves four of them and eight sums hide the latency.

use super::layer::{Amplitude, Gate, Quads, apply_local, load_quad, store_quad};
use super::states::batch_len;
use super::{AMPLITUDE_STRIDE, Lanes, Level, multiversion};
use crate::Su2;
use crate::small::Matrix4;

/// The wires of a gate that is applied to a batch of `n`-qubit states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Bit 0 of the gate's index.
    pub a: u8,
    /// Bit 1 of the gate's index.
    pub b: u8,
}

impl Pair {
    /// Quads whose index `2·(bit b) + (bit a)` is the gate's own.
    #[inline(always)]
    pub(super) fn quads(self) -> Quads {
        Quads::new(self.b, self.a)
    }
}

/// Panics unless the batch holds whole groups of `n`-qubit states; returns the number of groups.
pub(super) fn check_batch(n: usize, states: &[f64]) -> usize {
    assert!(n < usize::BITS as usize - 8, "{n} qubits have no index type");
    assert_eq!(states.len() % batch_len(n, 1), 0, "not a whole number of groups");
    states.len() / batch_len(n, 1)
}

/// Panics unless the wires are different and below `n`.
pub(super) fn check_pair(n: usize, pair: Pair) {
    assert!(pair.a != pair.b && (pair.a as usize) < n && (pair.b as usize) < n, "{pair:?} of {n} wires");
}

/// `states ← u_pair · states`.
pub fn apply_two(level: Level, n: usize, pair: Pair, u: &Matrix4, states: &mut [f64]) {
    check_pair(n, pair);
    let n_groups = check_batch(n, states);
    let to = states.as_mut_ptr();
    let from = to.cast_const();
    multiversion!(level, two[2, 1, 1](n: usize, n_groups: usize, pair: Pair, u: &Matrix4, from: *const f64, to: *mut f64));
}

/// `to ← u_pair · from`; `from` stays as it is.
pub fn apply_two_into(level: Level, n: usize, pair: Pair, u: &Matrix4, from: &[f64], to: &mut [f64]) {
    check_pair(n, pair);
    let n_groups = check_batch(n, from);
    assert_eq!(from.len(), to.len());
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    multiversion!(level, two[2, 1, 1](n: usize, n_groups: usize, pair: Pair, u: &Matrix4, from: *const f64, to: *mut f64));
}

/// `QUADS` quads at a time where their number allows it.
#[inline(always)]
unsafe fn two<L: Lanes, const QUADS: usize>(
    n: usize,
    n_groups: usize,
    pair: Pair,
    u: &Matrix4,
    from: *const f64,
    to: *mut f64,
) {
    let quads = pair.quads();
    let n_quads = 1usize << (n - 2);
    for g in 0..n_groups {
        // SAFETY: the callers checked that both batches hold `n_groups` groups (they may be the same
        // one: every quad is loaded before it is stored, and quads are disjoint).
        unsafe {
            let (from, to) = (from.add(g * batch_len(n, 1)), to.add(g * batch_len(n, 1)));
            if n_quads.is_multiple_of(QUADS) {
                for i in (0..n_quads).step_by(QUADS) {
                    let mut bases = [0; QUADS];
                    for (k, base) in bases.iter_mut().enumerate() {
                        *base = quads.base(i + k);
                    }
                    apply_quads::<L, QUADS>(u, quads, bases, from, to);
                }
            } else {
                for i in 0..n_quads {
                    apply_quads::<L, 1>(u, quads, [quads.base(i)], from, to);
                }
            }
        }
    }
}

#[inline(always)]
unsafe fn apply_quads<L: Lanes, const QUADS: usize>(
    u: &Matrix4,
    quads: Quads,
    bases: [usize; QUADS],
    from: *const f64,
    to: *mut f64,
) {
    let offsets = [0, quads.target, quads.control, quads.control | quads.target];
    // SAFETY: the caller's quads lie inside both groups.
    unsafe {
        // Loops and not closures: those would be compiled without the instruction set.
        let zero = Amplitude { re: L::splat(0.0), im: L::splat(0.0) };
        let mut x = [[zero; 4]; QUADS];
        for (x, base) in x.iter_mut().zip(bases) {
            for (x, offset) in x.iter_mut().zip(offsets) {
                *x = Amplitude::load(from, base | offset);
            }
        }
        for half in [0, 2] {
            let mut y = [[zero; QUADS]; 2];
            for c in 0..4 {
                for (r, row) in y.iter_mut().enumerate() {
                    let element = u.0[half + r][c];
                    let (re, im) = (L::splat(element.re), L::splat(element.im));
                    for (k, y) in row.iter_mut().enumerate() {
                        let x = x[k][c];
                        let (first_re, first_im) = if c == 0 {
                            (re.mul(x.re), re.mul(x.im))
                        } else {
                            (re.fma(x.re, y.re), re.fma(x.im, y.im))
                        };
                        y.re = x.im.fnma(im, first_re);
                        y.im = im.fma(x.re, first_im);
                    }
                }
            }
            for (r, row) in y.iter().enumerate() {
                for (k, y) in row.iter().enumerate() {
                    y.store(to, bases[k] | offsets[half + r]);
                }
            }
        }
    }
}

/// `states ← u_qubit · states`.
pub fn apply_one(level: Level, n: usize, qubit: u8, u: Su2, states: &mut [f64]) {
    assert!((qubit as usize) < n, "qubit {qubit} of {n} wires");
    let n_groups = check_batch(n, states);
    let to = states.as_mut_ptr();
    let from = to.cast_const();
    multiversion!(level, one(n: usize, n_groups: usize, qubit: u8, u: Su2, from: *const f64, to: *mut f64));
}

/// `to ← u_qubit · from`; `from` stays as it is.
pub fn apply_one_into(level: Level, n: usize, qubit: u8, u: Su2, from: &[f64], to: &mut [f64]) {
    assert!((qubit as usize) < n, "qubit {qubit} of {n} wires");
    let n_groups = check_batch(n, from);
    assert_eq!(from.len(), to.len());
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    multiversion!(level, one(n: usize, n_groups: usize, qubit: u8, u: Su2, from: *const f64, to: *mut f64));
}

#[inline(always)]
unsafe fn one<L: Lanes>(n: usize, n_groups: usize, qubit: u8, u: Su2, from: *const f64, to: *mut f64) {
    let bit = 1usize << qubit;
    // SAFETY: the callers checked that both batches (perhaps the same) hold `n_groups` groups.
    unsafe {
        let gate = Gate::<L>::new(u);
        for i in 0..n_groups << (n - 1) {
            // Group and amplitude are one index: the group number stands above the qubits' bits.
            let low = ((i & !(bit - 1)) << 1) | (i & (bit - 1));
            let mut x0 = Amplitude::load(from, low);
            let mut x1 = Amplitude::load(from, low | bit);
            gate.apply(&mut x0, &mut x1);
            x0.store(to, low);
            x1.store(to, low | bit);
        }
    }
}

/// A CX that belongs to a pair of one-qubit gates: before them, after them, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairedCx {
    /// The gates alone.
    None,
    /// CX first; `a` is the target and `b` the control.
    Before,
    /// CX last; `a` is the target and `b` the control.
    After,
}

/// `to ← (on_b ⊗ on_a) · from` with the CX before or after it, one pass.
pub fn apply_local_pair_into(
    level: Level,
    n: usize,
    pair: Pair,
    cx: PairedCx,
    [on_a, on_b]: [Su2; 2],
    from: &[f64],
    to: &mut [f64],
) {
    check_pair(n, pair);
    let n_groups = check_batch(n, from);
    assert_eq!(from.len(), to.len());
    let (from, to) = (from.as_ptr(), to.as_mut_ptr());
    multiversion!(level, local_pair(n: usize, n_groups: usize, pair: Pair, cx: PairedCx, on_a: Su2, on_b: Su2,
        from: *const f64, to: *mut f64));
}

#[inline(always)]
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
unsafe fn local_pair<L: Lanes>(
    n: usize,
    n_groups: usize,
    pair: Pair,
    cx: PairedCx,
    on_a: Su2,
    on_b: Su2,
    from: *const f64,
    to: *mut f64,
) {
    // SAFETY: `apply_local_pair_into` checked the sizes and the wires.
    unsafe {
        match cx {
            PairedCx::None => local_pair_with::<L, false, false>(n, n_groups, pair, on_a, on_b, from, to),
            PairedCx::Before => local_pair_with::<L, true, false>(n, n_groups, pair, on_a, on_b, from, to),
            PairedCx::After => local_pair_with::<L, false, true>(n, n_groups, pair, on_a, on_b, from, to),
        }
    }
}

#[inline(always)]
unsafe fn local_pair_with<L: Lanes, const BEFORE: bool, const AFTER: bool>(
    n: usize,
    n_groups: usize,
    pair: Pair,
    on_a: Su2,
    on_b: Su2,
    from: *const f64,
    to: *mut f64,
) {
    let quads = pair.quads();
    // SAFETY: as for `local_pair`.
    unsafe {
        let (gate_b, gate_a) = (Gate::<L>::new(on_b), Gate::<L>::new(on_a));
        for i in 0..n_groups << (n - 2) {
            let base = quads.base(i);
            let mut quad = load_quad::<L, BEFORE>(from, quads, base);
            apply_local(gate_b, gate_a, &mut quad);
            store_quad::<L, AFTER>(to, quads, base, quad);
        }
    }
}

/// `states ← CX · states`.
pub fn apply_cx(level: Level, n: usize, control: u8, target: u8, states: &mut [f64]) {
    let pair = Pair { a: target, b: control };
    check_pair(n, pair);
    let n_groups = check_batch(n, states);
    let states = states.as_mut_ptr();
    multiversion!(level, cx(n: usize, n_groups: usize, pair: Pair, states: *mut f64));
}

#[inline(always)]
unsafe fn cx<L: Lanes>(n: usize, n_groups: usize, pair: Pair, states: *mut f64) {
    let quads = pair.quads();
    for i in 0..n_groups << (n - 2) {
        let low = quads.base(i) | quads.control;
        // SAFETY: `apply_cx` checked the size and the wires.
        unsafe {
            let (x, y) = (Amplitude::<L>::load(states, low), Amplitude::<L>::load(states, low | quads.target));
            y.store(states, low);
            x.store(states, low | quads.target);
        }
    }
}

/// Puts complex states into a batch, eight to a group, and zeros the lanes that are left over.
///
/// `columns` gives the amplitude of a state: `columns(sample, amplitude)`. The batch gets
/// `⌈n_samples/8⌉` groups of `2^n` amplitudes.
pub fn fill_batch(
    n: usize,
    n_samples: usize,
    mut columns: impl FnMut(usize, usize) -> crate::Complex64,
    batch: &mut super::AlignedBuffer,
) {
    batch.resize(batch_len(n, n_samples.div_ceil(super::LANES)));
    batch.fill(0.0);
    for sample in 0..n_samples {
        for amplitude in 0..1 << n {
            let value = columns(sample, amplitude);
            let at = index_of(n, sample, amplitude);
            batch[at] = value.re;
            batch[at + super::LANES] = value.im;
        }
    }
}

/// One amplitude of one state of a batch.
pub fn amplitude(n: usize, batch: &[f64], sample: usize, amplitude: usize) -> crate::Complex64 {
    let at = index_of(n, sample, amplitude);
    crate::Complex64::new(batch[at], batch[at + super::LANES])
}

fn index_of(n: usize, sample: usize, amplitude: usize) -> usize {
    (((sample / super::LANES) << n) + amplitude) * AMPLITUDE_STRIDE + sample % super::LANES
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::small::Matrix2;
    use crate::{Matrix, Stream};
    use proptest::prelude::*;

    /// Random states as a matrix of columns, and the same as a batch.
    fn random(n: usize, n_samples: usize, s: &mut Stream) -> (Matrix, super::super::AlignedBuffer) {
        let mut columns = Matrix::zeros(1 << n, n_samples);
        columns.as_mut_slice().fill_with(|| s.complex_gaussian());
        let mut batch = super::super::AlignedBuffer::zeroed(0);
        fill_batch(n, n_samples, |k, a| columns[(a, k)], &mut batch);
        (columns, batch)
    }

    fn difference(n: usize, columns: &Matrix, batch: &[f64]) -> f64 {
        let got = Matrix::from_fn(columns.rows(), columns.cols(), |r, c| amplitude(n, batch, c, r));
        got.max_difference(columns)
    }

    /// The CX of `Pair { a: target, b: control }` in the gate's own index.
    fn cx_matrix() -> Matrix {
        Matrix::from_fn(4, 4, |r, c| crate::Complex64::new((r == [0, 1, 3, 2][c]) as u8 as f64, 0.0))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn every_gate_agrees_with_the_reference_and_all_levels_are_bit_equal(seed in any::<u64>()) {
            let mut s = Stream::new(seed, 4, 0);
            for (n, n_samples) in [(2, 3), (2, 17), (3, 8), (4, 9), (6, 24)] {
                let a = s.below(n);
                let b = (a + 1 + s.below(n - 1)) % n;
                let pair = Pair { a: a as u8, b: b as u8 };
                let (u, v, w) = (Matrix4::haar(&mut s), s.su2(), s.su2());
                let (columns, batch) = random(n, n_samples, &mut s);
                let mut expected = columns.clone();
                expected.apply_gate(&u.matrix(), &[a, b]);
                expected.apply_gate(&cx_matrix(), &[a, b]);
                expected.apply_gate(&Matrix2::from(v).matrix(), &[a]);
                expected.apply_gate(&Matrix2::from(w).matrix(), &[b]);
                expected.apply_gate(&Matrix2::from(w).matrix(), &[a]);
                expected.apply_gate(&Matrix2::from(v).matrix(), &[b]);
                expected.apply_gate(&cx_matrix(), &[a, b]);
                expected.apply_gate(&cx_matrix(), &[a, b]);
                let mut bits: Option<Vec<u64>> = None;
                for level in Level::available() {
                    let mut x = batch.clone();
                    let mut y = batch.clone();
                    apply_two(level, n, pair, &u, &mut x);
                    apply_local_pair_into(level, n, pair, PairedCx::Before, [v, w], &x, &mut y);
                    apply_local_pair_into(level, n, pair, PairedCx::After, [w, v], &y, &mut x);
                    apply_cx(level, n, pair.b, pair.a, &mut x);
                    assert!(difference(n, &expected, &x) < 1e-13);
                    let now: Vec<u64> = x.iter().map(|v| v.to_bits()).collect();
                    assert_eq!(*bits.get_or_insert(now.clone()), now, "{}", level.name());
                }
            }
        }
    }

    #[test]
    fn one_qubit_gates_and_separate_outputs() {
        let mut s = Stream::new(0, 4, 1);
        let level = Level::detect();
        for (n, n_samples) in [(1, 2), (2, 8), (5, 20)] {
            for q in 0..n {
                let u = s.su2();
                let (mut columns, mut batch) = random(n, n_samples, &mut s);
                columns.apply_gate(&Matrix2::from(u).matrix(), &[q]);
                let mut out = batch.clone();
                apply_one_into(level, n, q as u8, u, &batch, &mut out);
                assert!(difference(n, &columns, &out) < 1e-13);
                apply_one(level, n, q as u8, u, &mut batch);
                assert_eq!(&*batch, &*out);
            }
        }
        let (_, mut batch) = random(4, 9, &mut s);
        let (u, pair) = (Matrix4::haar(&mut s), Pair { a: 3, b: 1 });
        let mut out = batch.clone();
        apply_two_into(level, 4, pair, &u, &batch, &mut out);
        apply_two(level, 4, pair, &u, &mut batch);
        assert_eq!(&*batch, &*out);
    }
}
