//! Gates with their values: what a template becomes once its free gates are known.
//!
//! A list of [`Op`]s pushes state batches `[group][2^n][re 8, im 8]` forward or backward. Targets,
//! validation states and the full check of all columns use it; sweeps have their own, fused plan.

use bqc_linalg::lanes::two_qubit::{Pair, apply_cx, apply_one, apply_two};
use bqc_linalg::lanes::{AlignedBuffer, Level, states, two_qubit};
use bqc_linalg::{Complex64, Matrix4, Su2};

/// A gate with its value, on wires below the width of its circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "gates are stored flat, so that a pass follows no pointers")]
pub enum Op {
    /// Controlled X.
    Cx {
        /// Control wire.
        control: u8,
        /// Target wire.
        target: u8,
    },
    /// A one-qubit gate.
    One {
        /// The wire.
        qubit: u8,
        /// The gate.
        value: Su2,
    },
    /// A two-qubit gate.
    Two {
        /// The wires; the first is bit 0 of the gate's index.
        pair: Pair,
        /// The gate.
        value: Matrix4,
    },
}

impl Op {
    /// `states ← op · states`.
    pub fn apply(&self, level: Level, n: usize, states: &mut [f64]) {
        match self {
            Op::Cx { control, target } => apply_cx(level, n, *control, *target, states),
            Op::One { qubit, value } => apply_one(level, n, *qubit, *value, states),
            Op::Two { pair, value } => apply_two(level, n, *pair, value, states),
        }
    }

    /// The inverse gate.
    pub fn dagger(&self) -> Op {
        match *self {
            Op::Cx { .. } => *self,
            Op::One { qubit, value } => Op::One { qubit, value: value.dagger() },
            Op::Two { pair, value } => Op::Two { pair, value: value.dagger() },
        }
    }
}

/// `states ← op_L … op_1 · states`.
pub fn push(level: Level, n: usize, ops: &[Op], states: &mut [f64]) {
    for op in ops {
        op.apply(level, n, states);
    }
}

/// How far two batches of `n_samples` normalised states are apart, and how they overlap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// `Σ⟨y|v⟩ / n_samples`; its modulus is at most 1.
    pub overlap: Complex64,
    /// `1 − |overlap|`, the squared phase distance on these states, summed as a residual so that it
    /// is right down to 1e-32.
    pub cost: f64,
}

/// Compares states with what they should be. No samples fit perfectly.
pub fn fit(level: Level, n_samples: usize, wanted: &[f64], states: &[f64]) -> Fit {
    if n_samples == 0 {
        return Fit { overlap: Complex64::ONE, cost: 0.0 };
    }
    let overlap = states::overlap(level, wanted, states) / n_samples as f64;
    let residual = states::residual(level, wanted, states, phase_of(overlap));
    Fit { overlap, cost: residual / (2 * n_samples) as f64 }
}

/// The phase that fits best where this is the overlap; where it vanishes all are equally good.
pub(crate) fn phase_of(overlap: Complex64) -> Complex64 {
    let modulus = overlap.norm();
    if modulus > 0.0 { overlap / modulus } else { Complex64::ONE }
}

/// The basis states `first..first + n_states` as a batch.
pub fn basis_batch(n: usize, first: usize, n_states: usize, batch: &mut AlignedBuffer) {
    let one_at = |k: usize, a: usize| if a == first + k { Complex64::ONE } else { Complex64::ZERO };
    two_qubit::fill_batch(n, n_states, one_at, batch);
}
