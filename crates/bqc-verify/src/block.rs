//! A block that has been measured against its original.
//!
//! Up to [`MAX_MEASURED_WIDTH`] wires over all columns, whoever has found it. Above, where all columns take longer
//! than the search, Pauli forms may bound the distance, at any width (`pauli`), and sums over paths where these do not
//! (`pathsum`); up to twelve wires all columns are still possible. For what exact rewriting has made, forms are cheaper
//! from five wires on. And what is already a
//! [`Composition`](crate::Composition) of measured pieces, or comes from another process with a distance that was measured
//! there, keeps its bound if random states do not contradict it. Where angles are multiples of π/2^k, equality can be
//! proved by algebra, without any rounding. [`Evidence`] says which of these it was.

use crate::mix::Mix;
use crate::pathsum::{self, Effort};
use crate::program::{block_steps, gate_step, joined};
use crate::states::States;
use crate::{MAX_EXACT_QUBITS, exact_distance, pauli, residual};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate};
use bqc_linalg::Stream;
use std::hash::Hasher;

/// Up to this width every candidate is measured over all columns.
pub const MAX_MEASURED_WIDTH: u16 = 8;
/// Up to this width all columns take no longer than Pauli forms do: some 0.3 µs a gate.
const MOST_WIRES_BEFORE_FORMS: u16 = 4;
/// Updates of an amplitude that all columns may take before Pauli forms are tried first: a tenth of a second.
const MOST_UPDATES: f64 = 1e8;
/// Updates that all columns may take before sums over paths are tried: a second. Sums take some tenths of one.
const DEAR_COMPARISON: f64 = 1e9;

/// Updates that all columns of a block above eight wires may take at most, some ten seconds: a run with a limit of its
/// time waits for them.
const LARGEST_COMPARISON: f64 = 2e10;
/// Random states that may contradict a bound above that width: a wrong unitary is at a distance near one, and its
/// estimate on eight states as well.
const N_STATES: usize = 8;
/// Purpose of the stream that draws them.
const CLAIMS: u64 = 0x434c_4149_4d53;
/// What the rounding of some thousand gates may add to an estimate.
const ROUNDING: f64 = 1e-12;

/// The original and what should replace it are not the same unitary, or cannot be compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejected {
    /// The candidate is something else. The distance may be NaN: an angle was not a number.
    #[error("phase distance {distance:e} is above the tolerance {tolerance:e}")]
    TooFar {
        /// Measured distance.
        distance: f64,
        /// What was allowed.
        tolerance: f64,
    },
    /// Blocks of different width.
    #[error("{candidate} wires stand where the original has {original}")]
    WidthDiffers {
        /// Wires of the original.
        original: u16,
        /// Wires of the candidate.
        candidate: u16,
    },
    /// A gate of one of them names a wire that the block does not have, or one wire twice.
    #[error("a gate names a wire that the block of {width} wires does not have, or one wire twice")]
    Malformed {
        /// Wires of the block.
        width: u16,
    },
    /// It is held against another block than it was made of.
    #[error("the block is not the one that the result was made of")]
    OtherOriginal,
    /// Neither Pauli forms nor path sums prove it, and it has more wires than are compared over all columns. It may be equal.
    #[error(
        "neither Pauli forms, path sums nor all columns prove a block of {width} wires within {tolerance:e}: forms and \
         sums do not cancel, and all columns take too long"
    )]
    Unproved {
        /// Wires of the block.
        width: u16,
        /// What was allowed.
        tolerance: f64,
    },
    /// More wires than are compared over all columns.
    #[error("a block of {width} wires is too wide to be compared: the limit is {MAX_EXACT_QUBITS}")]
    TooWide {
        /// Wires of the block.
        width: u16,
    },
}

impl Rejected {
    /// The measured distance, where it came to a measurement.
    pub fn distance(&self) -> Option<f64> {
        match self {
            Rejected::TooFar { distance, .. } => Some(*distance),
            _ => None,
        }
    }
}

/// The phase distance of two blocks from their written-out angles, exact over all columns.
///
/// * Accuracy: relative to the result, above the rounding of the amplitudes, which is about 1e-16
///   times the root of the number of gates.
/// * NaN if an angle is not a finite number.
/// * Time: `2 · gates · 4^width` updates of an amplitude, memory at most 1 MiB a thread.
/// * Errors: every [`Rejected`] but `TooFar`.
pub fn block_distance(a: &BlockCircuit, b: &BlockCircuit) -> Result<f64, Rejected> {
    let width = a.width();
    if b.width() != width {
        return Err(Rejected::WidthDiffers { original: width, candidate: b.width() });
    }
    if usize::from(width) > MAX_EXACT_QUBITS {
        return Err(Rejected::TooWide { width });
    }
    let (Some(a), Some(b)) = (block_steps(a), block_steps(b)) else {
        return Err(Rejected::Malformed { width });
    };
    Ok(exact_distance(&a, &b, usize::from(width)))
}

/// The same with gates that follow one another on a wire joined first: a file may write many where one is meant.
fn joined_distance(a: &BlockCircuit, b: &BlockCircuit) -> Result<f64, Rejected> {
    are_comparable(a, b)?;
    let width = a.width();
    if usize::from(width) > MAX_EXACT_QUBITS {
        return Err(Rejected::TooWide { width });
    }
    let steps = |block: &BlockCircuit| joined(width.into(), block.gates.iter().map(gate_step));
    Ok(exact_distance(&steps(a), &steps(b), width.into()))
}

/// Tells blocks apart by their gates to the last bit. For finding faults, not against an adversary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(u64);

impl Fingerprint {
    /// Of a block.
    pub(crate) fn of(block: &BlockCircuit) -> Fingerprint {
        Fingerprint::of_gates(block.width(), block.gates.iter().copied())
    }

    /// Of a block of this width with these gates.
    pub(crate) fn of_gates(width: u16, gates: impl Iterator<Item = BlockGate>) -> Fingerprint {
        // The first word of a gate says its kind and wires.
        const PAIR: u64 = 1 << 63;
        let mut mix = Mix::default();
        mix.write_u16(width);
        for gate in gates {
            match gate {
                LoweredGate::One { wire: BlockQubit(wire), angles } => {
                    mix.write_u16(wire);
                    angles.iter().for_each(|angle| mix.write_u64(angle.to_bits()));
                }
                LoweredGate::Two { gate, wires: [BlockQubit(a), BlockQubit(b)], angle } => {
                    mix.write_u64(PAIR | (gate as u64) << 32 | u64::from(a) << 16 | u64::from(b));
                    mix.write_u64(angle.to_bits());
                }
            }
        }
        Fingerprint(mix.finish())
    }
}

/// How the distance of a block from its original is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evidence {
    /// It is the original.
    Unchanged,
    /// Measured over all columns.
    Columns,
    /// Bounded by Pauli forms that cancel.
    Paulis,
    /// Bounded by a sum over paths that becomes that of the identity.
    PathSums,
    /// Proved by algebra: Pauli forms cancel whose angles are integer multiples of π/2^23, or of symbols.
    Algebra,
    /// Claimed by whoever found it, and not contradicted by random states.
    States,
}

/// A block whose distance from its original has been measured and found within a tolerance.
///
/// Only this type can be joined into a result, in the place of its original alone, and only
/// [`VerifiedBlock::check`], [`VerifiedBlock::check_rewritten`], [`VerifiedBlock::check_by_algebra`], [`VerifiedBlock::check_claim`],
/// [`VerifiedBlock::unchanged`] and [`Composition::verify`](crate::Composition::verify) make it.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedBlock {
    original: Fingerprint,
    circuit: BlockCircuit,
    distance: f64,
    evidence: Evidence,
}

/// What comparing two blocks over all columns takes.
fn n_updates(a: &BlockCircuit, b: &BlockCircuit) -> f64 {
    (a.gates.len() + b.gates.len()) as f64 * 4f64.powi(a.width().into())
}

impl VerifiedBlock {
    /// Measures `candidate` against `original` and takes it if the distance is at most `tolerance`. A distance that is
    /// not a number is never within a tolerance.
    ///
    /// Up to eight wires over all columns, unless that takes more than 1e8 updates of an amplitude. Wider and longer
    /// ones first by Pauli forms, and if columns take more than a second, by sums over paths: a bound within the
    /// tolerance is the distance. If they prove nothing, over all columns up to twelve wires, unless that takes more
    /// than ten seconds.
    ///
    /// * Time: as [`block_distance`]; of Pauli forms, linear in the gates in practice; of path sums, below a second.
    /// * Errors: every [`Rejected`] but `OtherOriginal` and `TooWide`.
    pub fn check(original: &BlockCircuit, candidate: BlockCircuit, tolerance: f64) -> Result<VerifiedBlock, Rejected> {
        let proof = proved_first(original, &candidate, tolerance, MAX_MEASURED_WIDTH)?;
        let measured = || Ok((block_distance(original, &candidate)?, Evidence::Columns));
        let (distance, evidence) = proof.map_or_else(measured, Ok)?;
        VerifiedBlock::within(tolerance, original, candidate, distance, evidence)
    }

    /// As [`VerifiedBlock::check`], for a candidate that exact rewriting has made: Pauli forms cancel there as a rule, so
    /// they come first from five wires on, where they take less time than columns do. What they bound is proved, not
    /// measured.
    pub fn check_rewritten(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        tolerance: f64,
    ) -> Result<VerifiedBlock, Rejected> {
        let proof = proved_first(original, &candidate, tolerance, MOST_WIRES_BEFORE_FORMS)?;
        let measured = || Ok((joined_distance(original, &candidate)?, Evidence::Columns));
        let (distance, evidence) = proof.map_or_else(measured, Ok)?;
        VerifiedBlock::within(tolerance, original, candidate, distance, evidence)
    }

    /// The candidate, if its distance is at most the tolerance.
    fn within(
        tolerance: f64,
        original: &BlockCircuit,
        candidate: BlockCircuit,
        distance: f64,
        evidence: Evidence,
    ) -> Result<VerifiedBlock, Rejected> {
        if distance <= tolerance {
            let original = Fingerprint::of(original);
            Ok(VerifiedBlock { original, circuit: candidate, distance, evidence })
        } else {
            Err(Rejected::TooFar { distance, tolerance })
        }
    }

    /// Proves by algebra that `candidate` is `original`, and takes it if the bound is at most `tolerance`. An angle that
    /// is next to a multiple of π/2^23 stands for that multiple, and any other one for itself. The bound is zero, unless
    /// different angles of the second kind were added up: then it is what the rounding of such sums comes to.
    ///
    /// * Time: linear in the gates in practice, at any width.
    /// * Errors: `WidthDiffers`, `Malformed`, and `Unproved` where the forms do not cancel or the bound is above.
    pub fn check_by_algebra(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        tolerance: f64,
    ) -> Result<VerifiedBlock, Rejected> {
        let width = original.width();
        are_comparable(original, &candidate)?;
        let bound = pauli::exact_bound(&original.gates, &candidate.gates);
        let distance = bound.filter(|bound| *bound <= tolerance).ok_or(Rejected::Unproved { width, tolerance })?;
        let original = Fingerprint::of(original);
        Ok(VerifiedBlock { original, circuit: candidate, distance, evidence: Evidence::Algebra })
    }

    /// Takes a candidate that is known to be within `claimed`: the bound of a composition, or what another process
    /// has measured.
    ///
    /// Up to eight wires it is measured again over all columns. Up to twelve it keeps the claimed distance if eight
    /// random states do not contradict it: the estimate (see [`compare_circuits`](crate::compare_circuits)) may be up
    /// to twice the claim, and whatever rounding makes. The states follow from the gates of both. Wider ones are
    /// [checked](VerifiedBlock::check) like any other.
    pub fn check_claim(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        claimed: f64,
        tolerance: f64,
    ) -> Result<VerifiedBlock, Rejected> {
        let width = original.width();
        let is_for_states = width > MAX_MEASURED_WIDTH && usize::from(width) <= MAX_EXACT_QUBITS;
        if !is_for_states || candidate.width() != width {
            return VerifiedBlock::check(original, candidate, tolerance);
        }
        let fingerprint = Fingerprint::of(original);
        let estimate = estimate(original, &candidate, fingerprint)?;
        // Written so that a distance that is not a number is refused.
        let is_near = estimate <= 2.0 * claimed + ROUNDING;
        match (is_near, claimed >= 0.0 && claimed <= tolerance) {
            (true, true) => Ok(VerifiedBlock {
                original: fingerprint,
                circuit: candidate,
                distance: claimed,
                evidence: Evidence::States,
            }),
            (true, false) => Err(Rejected::TooFar { distance: claimed, tolerance }),
            (false, _) => Err(Rejected::TooFar { distance: estimate, tolerance: claimed }),
        }
    }

    /// As [`VerifiedBlock::check_claim`]; but a claim of distance zero is proved by algebra, if that is possible, and
    /// where random states would be trusted, Pauli forms and then path sums come first, and if they prove the claim, they
    /// are the evidence.
    pub(crate) fn prove_claim(
        original: &BlockCircuit,
        candidate: BlockCircuit,
        claimed: f64,
        tolerance: f64,
    ) -> Result<VerifiedBlock, Rejected> {
        if claimed == 0.0
            && let Ok(exact) = VerifiedBlock::check_by_algebra(original, candidate.clone(), 0.0)
        {
            return Ok(exact);
        }
        if original.width() <= MAX_MEASURED_WIDTH || claimed > tolerance {
            return VerifiedBlock::check_claim(original, candidate, claimed, tolerance);
        }
        let Some((_, evidence)) = proved(original, &candidate, claimed, true)? else {
            return VerifiedBlock::check_claim(original, candidate, claimed, tolerance);
        };
        let original = Fingerprint::of(original);
        Ok(VerifiedBlock { original, circuit: candidate, distance: claimed, evidence })
    }

    /// The original itself, at distance zero.
    pub fn unchanged(original: BlockCircuit) -> VerifiedBlock {
        let fingerprint = Fingerprint::of(&original);
        VerifiedBlock { original: fingerprint, circuit: original, distance: 0.0, evidence: Evidence::Unchanged }
    }

    /// What it was measured against.
    pub(crate) fn original(&self) -> Fingerprint {
        self.original
    }

    /// The gates.
    pub fn circuit(&self) -> &BlockCircuit {
        &self.circuit
    }

    /// Measured distance from the original, its bound by Pauli forms or path sums, or the bound that random states did not
    /// contradict.
    pub fn distance(&self) -> f64 {
        self.distance
    }

    /// How the distance is known.
    pub fn evidence(&self) -> Evidence {
        self.evidence
    }

    /// The gates, by value.
    pub fn into_circuit(self) -> BlockCircuit {
        self.circuit
    }
}

/// A bound within the tolerance by forms and sums, which come first above so many wires, or if columns take long. None
/// if all columns are to be measured.
fn proved_first(
    original: &BlockCircuit,
    candidate: &BlockCircuit,
    tolerance: f64,
    most_wires: u16,
) -> Result<Option<(f64, Evidence)>, Rejected> {
    let (width, n_updates) = (original.width(), n_updates(original, candidate));
    if width <= most_wires && n_updates <= MOST_UPDATES {
        return Ok(None);
    }
    let is_dear = usize::from(width) > MAX_EXACT_QUBITS || n_updates > DEAR_COMPARISON;
    let proof = proved(original, candidate, tolerance, is_dear)?;
    let is_too_long = width > MAX_MEASURED_WIDTH && n_updates > LARGEST_COMPARISON;
    if proof.is_none() && (usize::from(width) > MAX_EXACT_QUBITS || is_too_long) {
        return Err(Rejected::Unproved { width, tolerance });
    }
    Ok(proof)
}

/// A bound of the phase distance within `enough`, by Pauli forms or, if wanted, by path sums after them.
fn proved(
    original: &BlockCircuit,
    candidate: &BlockCircuit,
    enough: f64,
    with_path_sums: bool,
) -> Result<Option<(f64, Evidence)>, Rejected> {
    are_comparable(original, candidate)?;
    let (a, b) = (&original.gates, &candidate.gates);
    let by_paulis = || Some((pauli::distance_bound(a, b, enough)?, Evidence::Paulis));
    let by_path_sums = || match with_path_sums {
        true => Some((pathsum::distance_bound(a, b, enough, Effort::BRIEF)?, Evidence::PathSums)),
        false => None,
    };
    let is_enough = |(bound, _): &(f64, Evidence)| *bound <= enough;
    Ok(by_paulis().filter(is_enough).or_else(|| by_path_sums().filter(is_enough)))
}

/// Whether both are blocks, of one width.
fn are_comparable(original: &BlockCircuit, candidate: &BlockCircuit) -> Result<(), Rejected> {
    let width = original.width();
    if candidate.width() != width {
        return Err(Rejected::WidthDiffers { original: width, candidate: candidate.width() });
    }
    if !original.is_well_formed() || !candidate.is_well_formed() {
        return Err(Rejected::Malformed { width });
    }
    Ok(())
}

/// The distance of two blocks of one width on random states.
fn estimate(original: &BlockCircuit, candidate: &BlockCircuit, fingerprint: Fingerprint) -> Result<f64, Rejected> {
    let width = original.width();
    if usize::from(width) > MAX_EXACT_QUBITS {
        return Err(Rejected::TooWide { width });
    }
    let (Some(a), Some(b)) = (block_steps(original), block_steps(candidate)) else {
        return Err(Rejected::Malformed { width });
    };
    let seed = fingerprint.0 ^ Fingerprint::of(candidate).0.rotate_left(32);
    let states = |_, states: &mut States| states.set_random(N_STATES, &mut Stream::new(seed, width.into(), CLAIMS));
    Ok(residual::distance([&a, &b], width.into(), 1, states))
}
