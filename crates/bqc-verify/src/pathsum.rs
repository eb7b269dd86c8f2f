//! How far apart two circuits are at most, by sums over paths: where Clifford identities and merged rotations do not do.
//!
//! As for Pauli forms (`pauli`), the original and, backwards, the inverses of the candidate's gates are one circuit `W`,
//! which should be the identity. `⟨x|W|x⟩` is a sum over the paths from the input `x` back to it (`build`; M. Amy,
//! arXiv:1805.06908). Rules make the sum shorter (`reduce`). If no path variable is left, and `⟨x|W|x⟩` is the same
//! number of modulus one for all `x`, then `W` is the identity up to phase, because the columns of a unitary have
//! length one.
//!
//! Angles that are multiples of π/2 are exact from the start. Others stand in the sum as symbols: what the rules show
//! holds for all their values, so angles with the same function may be added up. In a second step those that are
//! multiples of π/4, π/8, … become numbers, which knows identities of several angles: that eight T gates and more
//! cancel (Reed–Muller codes; M. Amy, M. Mosca, arXiv:1601.07363), that a Toffoli gate computes a product. An angle that
//! is left is a rotation of the circuit `W` with all that was added to it, so leaving it out changes `W` by
//! `√2 |sin(r/4)|` at most; and so do the rests that are next to a multiple.
//!
//! What the rules cannot reduce may be equal all the same. So the answer is a bound or nothing, and never that circuits
//! differ.

mod build;
mod polynomial;
mod reduce;
mod sum;

use crate::pauli::angle;
use crate::pauli::common::Difference;
use bqc_circuit::{LoweredGate, Wire};
use build::Builder;
use reduce::{Stop, free_directions, reduce};
use std::f64::consts::PI;
use sum::Sum;

/// How much a proof may cost, in monomials that are touched; one takes 50 to 200 nanoseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// For each gate.
    per_gate: u64,
    /// However few gates there are, and however many.
    limits: [u64; 2],
}

impl Effort {
    /// While a compile waits: half a second at most.
    pub(crate) const BRIEF: Effort = Effort { per_gate: 500, limits: [200_000, 2_000_000] };
    /// For a comparison that nothing else can make: some ten seconds at most.
    pub(crate) const THOROUGH: Effort = Effort { per_gate: 20_000, limits: [10_000_000, 50_000_000] };

    fn budget(self, n_gates: usize) -> u64 {
        let [least, most] = self.limits;
        self.per_gate.saturating_mul(n_gates as u64).clamp(least, most)
    }
}

/// Rests up to this are left out and counted: passes round angles to quarter turns and eighths within 1e-12.
const SMALL_TURN: f64 = 1.1e-12;

/// The finest angle that becomes a number is π over two to this.
const FINEST: u32 = 12;

/// Functions that would become more monomials than this stay symbols.
const LARGEST_MELTED: u64 = 100_000;

/// A product of doubles that stands for a multiple of π may be off by so many radians.
const ROUNDING: f64 = 1e-15;

/// A bound of the phase distance of two lists of well-formed gates, or nothing. It holds whatever its size; if it is
/// more than `enough`, a second order of the rules is tried, and the smaller bound is given.
///
/// * Time: as `effort` says, at most twice.
/// * None if the sum does not become that of the identity, which says nothing, or the bound is one and more; if an angle
///   is no number or beyond a million; or if it would take too long.
pub(crate) fn distance_bound<W: Wire>(
    original: &[LoweredGate<W>],
    candidate: &[LoweredGate<W>],
    enough: f64,
    effort: Effort,
) -> Option<f64> {
    let difference = Difference::of(original, candidate);
    let budget = effort.budget(difference.n_gates());
    // Products of bits that a Toffoli gate makes are lost where symbols are brought together first, and the other way
    // round.
    let attempt = |is_melted_first: bool| {
        let mut builder = Builder::new(difference.n_wires(), budget, SMALL_TURN);
        difference.push_all(|gate, place, is_inverse| builder.push(gate, place, is_inverse))?;
        let mut total = builder.close();
        bound(&mut total, is_melted_first).ok().flatten()
    };
    let first = attempt(false);
    if first.is_some_and(|bound| bound <= enough) {
        return first;
    }
    [first, attempt(true)].into_iter().flatten().min_by(f64::total_cmp)
}

/// The bound that the rules give.
fn bound(total: &mut Sum, is_melted_first: bool) -> Result<Option<f64>, Stop> {
    if !is_melted_first {
        settle(total)?;
    }
    // Angles that come together may be multiples when they were none before.
    while !is_done(total) && melt(total).ok_or(Stop)? {
        settle(total)?;
    }
    // What is left of the angles is left out.
    let left: f64 = total.functions.iter().flatten().filter_map(|function| function.angle).map(|a| a.distance()).sum();
    if left + total.dropped >= 1.0 {
        return Ok(None);
    }
    if left > 0.0 {
        total.dropped += left;
        for number in 0..total.functions.len() {
            if total.functions[number].as_ref().is_some_and(|function| function.angle.is_some()) {
                total.take(number);
            }
        }
        settle(total)?;
    }
    let rounding = angle::ERROR * total.n_additions as f64;
    // The sums are of positive numbers, each rounded by 1e-16 of itself.
    let bound = total.dropped * (1.0 + 1e-9) + rounding;
    Ok((is_done(total) && bound < 1.0).then_some(bound))
}

/// Applies all rules as long as path variables go.
fn settle(total: &mut Sum) -> Result<(), Stop> {
    reduce(total)?;
    loop {
        let n_before = n_paths(total);
        if n_before == 0 || !free_directions(total)? {
            return Ok(());
        }
        reduce(total)?;
        if n_paths(total) == n_before {
            return Ok(());
        }
    }
}

fn n_paths(total: &Sum) -> usize {
    total.is_path.iter().filter(|is_path| **is_path).count()
}

/// Whether one number of modulus one is left.
fn is_done(total: &Sum) -> bool {
    let has_no_function = total.functions.iter().all(Option::is_none);
    has_no_function && n_paths(total) == 0 && total.n_root_halves == 0 && total.has_no_phase()
}

/// Makes numbers of the angles that are multiples of π/4, π/8 and so on. Gives whether there were any; none if it is too
/// much work.
fn melt(total: &mut Sum) -> Option<bool> {
    let mut is_any = false;
    for number in 0..total.functions.len() {
        let Some(function) = &total.functions[number] else { continue };
        let Some((power, multiple, rest)) = function.angle.and_then(|angle| as_multiple(angle.rest[0])) else {
            continue;
        };
        if n_monomials(function.of.len() as u64, power) > LARGEST_MELTED {
            continue;
        }
        let function = total.take(number)?.of;
        total.dropped += std::f64::consts::FRAC_1_SQRT_2 / 2.0 * rest;
        // A turn is 2π, and 2^32 units.
        total.add((multiple as u32).wrapping_mul(1 << (31 - power)), &function)?;
        is_any = true;
    }
    Some(is_any)
}

/// An angle as `multiple · π/2^power`, with the lowest power, and how many radians are left at most.
fn as_multiple(radians: f64) -> Option<(u32, i32, f64)> {
    (2..=FINEST).find_map(|power| {
        let step = PI / f64::from(1u32 << power);
        let multiple = (radians / step).round();
        let rest = (radians - multiple * step).abs();
        (multiple != 0.0 && rest <= SMALL_TURN).then_some((power, multiple as i32, rest + ROUNDING))
    })
}

/// The subsets of so many monomials with one to `power + 1` members.
fn n_monomials(n: u64, power: u32) -> u64 {
    let mut n_subsets = 1u64;
    let mut total = 0u64;
    for size in 1..=u64::from(power + 1).min(n) {
        n_subsets = n_subsets.saturating_mul(n + 1 - size) / size;
        total = total.saturating_add(n_subsets);
    }
    total
}

#[cfg(test)]
pub(crate) mod tests;
