//! The phase distance of a template from a target on many states, in the residual form.
//!
//! `min_φ ‖U − e^{iφ}V‖_F/√(2M)`; with all `2^n` columns this is the distance of the unitaries. States
//! pass through in groups that fit the memory. The phase is estimated from the first group; what the
//! best one would gain, `2(|S| − Re S) = 2(Im S)²/(|S| + Re S)` with `S` the overlap under the
//! estimate, is taken off at the end.

use crate::complex::Complex;
use crate::cta::{Cta, Memory, Table};
use crate::real::{quotient, sqrt};
use crate::states::{Circuit, overlap, push_first, push_layers, residual};
use crate::templates::StateSet;

/// Numbers that `memory` of [`distance`] holds at least: states and targets of one sample.
#[inline(always)]
pub fn large_len(n: u32) -> u32 {
    4 << n
}

/// The distance, the same in every thread. `memory` holds `memory_len` numbers, at least
/// [`large_len`]; `partials` four numbers a warp.
#[inline(always)]
pub fn distance<B: Cta>(
    cta: &mut B,
    states: impl Table<Complex>,
    set: StateSet,
    circuit: Circuit<B::Memory>,
    memory: B::Memory,
    memory_len: u32,
    partials: B::Memory,
) -> f64 {
    let n = circuit.n;
    let per_group = quotient(memory_len, large_len(n));
    let second_partials = partials.offset(2 * cta.n_threads() / crate::cta::WARP);
    let (mut phase, mut residuals, mut overlaps) = (Complex::ONE, 0.0, Complex::ZERO);
    let mut start = 0;
    while start < set.n_samples {
        let left = set.n_samples - start;
        let count = if left < per_group { left } else { per_group };
        let (outputs, got) = (memory, memory.offset(2 * (count << n)));
        cta.each(count << n, |i| {
            got.set_complex(i, states.get(set.inputs_at + (start << n) + i));
            outputs.set_complex(i, states.get(set.outputs_at + (start << n) + i));
        });
        push_first(cta, circuit, count, got, got);
        push_layers(cta, circuit, count, got, got);
        let sum = overlap(cta, |i| outputs.complex(i), got, count << n, partials);
        if start == 0 {
            phase = sum.phase();
        }
        overlaps = overlaps.add_product(phase.conj(), sum);
        residuals += residual(cta, |i| outputs.complex(i), got, count << n, phase, second_partials);
        start += count;
    }
    // For Re S ≤ 0 nothing cancels in |S| − Re S; for Re S > 0 the quotient avoids it.
    let modulus = overlaps.modulus();
    let gain =
        if overlaps.re > 0.0 { overlaps.im * overlaps.im / (modulus + overlaps.re) } else { modulus - overlaps.re };
    let sum = residuals - 2.0 * gain;
    // What is no number stays none.
    sqrt(if sum < 0.0 { 0.0 } else { sum } / f64::from(2 * set.n_samples))
}
