//! How far apart two circuits are at most, by Pauli forms: at any number of wires, where their difference cancels.
//!
//! What both begin and end with is left out (`common`). The other gates of the original and, backwards, the inverses of
//! the candidate's are one circuit, which should be the identity. Every gate of it is a CX or rotations about Z and X; a quarter turn is a Clifford. A rotation about a
//! wire's axis behind a Clifford `C` is one about the Pauli `C†QC` in front of it, so the whole is a Clifford behind
//! rotations about Paulis (`frame`; D. Litinski, arXiv:1808.02892). Each new rotation falls through all that it
//! commutes with, until it meets its like: there the angles add up, and what makes a quarter turn goes to the Clifford
//! (`layers`; F. Zhang, J. Chen, arXiv:1903.12456). If the Clifford ends as the identity, with all signs, what is left
//! of the rotations bounds the distance:
//!
//! `d(V†U, 1) ≤ Σ d(exp(−i r/2 P), 1) = Σ √2 |sin(r/4)|`, which is at most `Σ |sin(r/2)|` for `|r| ≤ π`.
//!
//! The phase distance is subadditive and unchanged by a common factor, so this holds for `d(U, V)` too. Angles add up
//! in two doubles (`angle`), so rounding adds no more than 1e-25 a rotation, and that is counted.
//!
//! Generic one-qubit gates may be equal only as products. Where merging alone does not do, four rotations about two
//! Paulis and their product become three (`chain`), which rounds, and is measured.
//!
//! A proof by algebra ([`exact_bound`]) reads an angle that is next to a multiple of π/2^23 as that multiple, and any
//! other one as a symbol. All of them are integers then, no chain is shortened, and where every rotation cancels the
//! bound is zero, not nearly zero. Only where two symbols were added up, or one has another last digit, sums round as
//! above.
//!
//! What this cannot reduce may be equal all the same, by identities of more than commuting, merging and Cliffords. So
//! the answer is a bound or nothing, and never that circuits differ.

pub(crate) mod angle;
mod chain;
pub(crate) mod common;
mod frame;
mod layers;
#[cfg(test)]
pub(crate) mod tests;

use angle::{Angle, Reading};
use bqc_circuit::{LoweredGate, TwoQubitGate, Wire};
use common::{Difference, Numbers};
use frame::{Axis, Frame};
use layers::Layers;

/// Words for the frame and all rotations, of 8 bytes each: 1 GiB. Above, nothing is said.
const MOST_WORDS: usize = 1 << 27;

/// Words of a rotation beside its Pauli: angle and place, and its entry in the index.
const WORDS_BESIDE: usize = 20;

/// Two angles that add up to a rotation at most this far from the identity, in phase distance, count as nothing, and
/// that goes into the bound. A rotation by what rounding leaves would block all others that do not commute with it.
const NEGLIGIBLE: f64 = 1e-12;

/// The same in a proof by algebra: sums of a few angles that are no multiples of π/2^23 round by less.
const NEGLIGIBLE_IN_ALGEBRA: f64 = 1e-14;

/// A rotation by a rest up to this is not kept, but counted: it is the rounding of a quarter turn to a double.
const ROUNDED_TURN: f64 = 1e-15;

/// The same where that proves too little: passes round angles to quarter turns and eighths within 1e-12, and a rotation
/// by what is lost there blocks those that do not commute with it.
const SMALL_TURN: f64 = 1.1e-12;

/// How often rotations may fall again. Two or three times do in practice.
const MOST_ROUNDS: usize = 8;

/// If more rotations are left, they are not let fall again: it would take long, and circuits that are equal have few
/// left.
const MOST_LEFT: usize = 10_000;

/// A circuit, and what stands behind it so far.
struct Form {
    frame: Frame,
    layers: Layers,
    /// Sum of the phase distances of rests that were not kept.
    dropped: f64,
    /// Rotations by a rest up to this are not kept.
    least: f64,
    /// Whether chains are shortened as well.
    with_chains: bool,
    /// Rotations whose angles may round in sums.
    n_rotations: usize,
    /// How angles are read.
    reading: Reading,
    /// A Pauli at work.
    pauli: Vec<u64>,
}

/// A bound of the phase distance of two lists of well-formed gates, or nothing. It holds whatever its size; if it is
/// more than `enough`, chains of one-qubit gates are shortened as well, and the smaller bound is given.
///
/// * Time: a few row operations of `n_wires / 32` words a gate, and the layers that rotations fall through; linear in
///   practice.
/// * None if the difference does not cancel or leaves one and more, which says nothing; if an angle is no number or
///   beyond a million; or if memory would exceed 1 GiB.
pub(crate) fn distance_bound<W: Wire>(
    original: &[LoweredGate<W>],
    candidate: &[LoweredGate<W>],
    enough: f64,
) -> Option<f64> {
    let difference = difference(original, candidate, Reading::Literal)?;
    // From cheap to dear, until one is enough.
    let mut best: Option<f64> = None;
    for (least, with_chains) in [(ROUNDED_TURN, false), (SMALL_TURN, false), (ROUNDED_TURN, true)] {
        if least == ROUNDED_TURN || difference.gates().any(|gate| has_rest_up_to(gate, least)) {
            let form = Form::new(difference.n_wires(), Reading::Literal, least, with_chains);
            best = [best, bound(&difference, form)].into_iter().flatten().min_by(f64::total_cmp);
        }
        if best.is_some_and(|bound| bound <= enough) {
            break;
        }
    }
    best
}

/// The bound of a proof by algebra: zero if all rotations cancel as integers, where an angle is a multiple of π/2^23 or
/// a whole number of times a double that stands in the circuits. Where different such doubles were added up, their
/// rounding is the bound.
///
/// Time and reasons for none as for [`distance_bound`]; nothing is shortened numerically.
pub(crate) fn exact_bound<W: Wire>(original: &[LoweredGate<W>], candidate: &[LoweredGate<W>]) -> Option<f64> {
    let difference = difference(original, candidate, Reading::Algebra)?;
    bound(&difference, Form::new(difference.n_wires(), Reading::Algebra, ROUNDED_TURN, false))
}

/// What two lists of gates do not have in common. None if an angle cannot be taken, or it is too large.
fn difference<'a, W: Wire>(
    original: &'a [LoweredGate<W>],
    candidate: &'a [LoweredGate<W>],
    reading: Reading,
) -> Option<Difference<'a, W>> {
    let is_taken = |gate: &LoweredGate<W>| match gate {
        LoweredGate::One { angles, .. } => angles.iter().all(|angle| Angle::is_read(*angle, reading)),
        LoweredGate::Two { .. } => true,
    };
    if !original.iter().chain(candidate).all(is_taken) {
        return None;
    }
    let difference = Difference::of(original, candidate);
    (n_words(&difference) <= MOST_WORDS).then_some(difference)
}

/// The bound that comes out of an empty form.
fn bound<W: Wire>(difference: &Difference<'_, W>, mut form: Form) -> Option<f64> {
    difference.push_all(|gate, place, is_inverse| form.push(gate, place, is_inverse))?;
    form.settle();
    form.distance()
}

/// Whether a gate has a rotation by a rest that is kept, but no larger than `most`.
fn has_rest_up_to<W: Wire>(gate: &LoweredGate<W>, most: f64) -> bool {
    let is_small =
        |angle: &f64| Angle::of(*angle).is_some_and(|angle| (ROUNDED_TURN..=most).contains(&angle.rest[0].abs()));
    matches!(gate, LoweredGate::One { angles, .. } if angles.iter().any(is_small))
}

/// Words of memory: each rotation has its Pauli in a layer and in the index, and some words beside it. At most so many,
/// where three rotations a gate take no more than there are.
fn n_words<W: Wire>(difference: &Difference<'_, W>) -> usize {
    let is_kept = |angle: &&f64| Angle::of(**angle).is_none_or(|angle| angle.rest[0].abs() > ROUNDED_TURN);
    let n_of = |gate: &LoweredGate<W>| match gate {
        LoweredGate::One { angles, .. } => angles.iter().filter(is_kept).count(),
        LoweredGate::Two { .. } => 0,
    };
    let n_wires = difference.n_wires();
    let n_words = frame::words_of(n_wires);
    let of_frame = n_words.saturating_mul(2 * n_wires);
    let total = |n_rotations: usize| (2 * n_words + WORDS_BESIDE).saturating_mul(n_rotations).saturating_add(of_frame);
    let most = total(3 * difference.n_gates());
    if most <= MOST_WORDS { most } else { total(difference.gates().map(n_of).sum()) }
}

impl Form {
    fn new(n_wires: usize, reading: Reading, least: f64, with_chains: bool) -> Form {
        let n_words = frame::words_of(n_wires);
        let negligible = if reading == Reading::Algebra { NEGLIGIBLE_IN_ALGEBRA } else { NEGLIGIBLE };
        Form {
            frame: Frame::new(n_wires),
            layers: Layers::new(n_words, negligible, with_chains),
            dropped: 0.0,
            least,
            with_chains,
            n_rotations: 0,
            reading,
            pauli: vec![0; n_words],
        }
    }

    /// Puts a gate, or its inverse, behind all others. None if an angle cannot be taken.
    fn push<W: Wire>(&mut self, gate: &LoweredGate<W>, place: &Numbers, is_inverse: bool) -> Option<()> {
        match gate {
            LoweredGate::Two { gate: TwoQubitGate::Cx, wires, .. } => {
                let [control, target] = wires.map(|wire| place.get(&wire));
                self.frame.cx(control, target);
            }
            LoweredGate::One { wire, angles: [theta, phi, lambda] } => {
                // Up to phase `Rz(φ) Ry(θ) Rz(λ)`, and `Ry(θ) = Rz(π/2) Rx(θ) Rz(−π/2)`.
                let read = |angle: &f64| Angle::read(*angle, self.reading);
                let mut turns =
                    [(Axis::Z, read(lambda)?.turned(3)), (Axis::X, read(theta)?), (Axis::Z, read(phi)?.turned(1))];
                if is_inverse {
                    turns.reverse();
                    turns.iter_mut().for_each(|(_, angle)| *angle = angle.negated());
                }
                turns.into_iter().for_each(|(axis, angle)| self.rotate(place.get(wire), axis, angle));
            }
        }
        Some(())
    }

    /// A rotation about a wire's axis behind all others.
    fn rotate(&mut self, wire: usize, axis: Axis, angle: Angle) {
        let (image, is_negative) = self.frame.image(wire, axis);
        self.pauli.copy_from_slice(image);
        let angle = if is_negative { angle.negated() } else { angle };
        if angle.quarters > 0 {
            self.frame.turn_wire(wire, axis, &self.pauli, angle.quarters);
        }
        if angle.is_quarters() {
            return;
        }
        self.n_rotations += usize::from(!angle.is_exact() || angle.has_symbol());
        if angle.is_quarters_within(self.least) {
            self.dropped += angle.without_quarters().distance();
            return;
        }
        self.layers.push(&self.pauli, angle.without_quarters());
        for (pauli, quarters) in self.layers.turns() {
            self.frame.turn_all(&pauli, quarters);
        }
    }

    /// Lets all rotations fall again if chains are shortened, as long as some go: where a chain has become shorter,
    /// others may come together.
    fn settle(&mut self) {
        if !self.with_chains {
            return;
        }
        for _ in 0..MOST_ROUNDS {
            let n_before = self.layers.n_left();
            if n_before > MOST_LEFT {
                return;
            }
            let mut rotations = self.layers.take();
            for at in 0..rotations.len() {
                let (pauli, angle) = &rotations[at];
                self.layers.push(pauli, *angle);
                for (axis, quarters) in self.layers.turns() {
                    // They pass what comes later on their way to the Clifford.
                    for (later, angle) in &mut rotations[at + 1..] {
                        if !frame::commute(later, &axis) && frame::turn(later, &axis, quarters) {
                            *angle = angle.negated();
                        }
                    }
                    self.frame.turn_all(&axis, quarters);
                }
            }
            if self.layers.n_left() >= n_before {
                return;
            }
        }
    }

    /// A bound of the phase distance from the identity, if the Clifford is the identity and the bound below one, which
    /// every distance is.
    fn distance(&self) -> Option<f64> {
        let has_rounded = self.reading == Reading::Literal || self.layers.has_rounded();
        let rounding = if has_rounded { angle::ERROR * self.n_rotations as f64 } else { 0.0 };
        // The sums below are of positive numbers, each rounded by 1e-16 of itself.
        let bound = (self.dropped + self.layers.distance()) * (1.0 + 1e-9) + rounding;
        (bound < 1.0 && self.frame.is_identity()).then_some(bound)
    }
}
