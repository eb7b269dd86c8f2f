//! What a synthesis aims at, the checks of its input, and the smallest circuit that reached it so far.

use super::{SynthesisError, Synthesized};
use crate::two_qubit::resynthesize_runs;
use bqc_circuit::BlockCircuit;
use bqc_instantiate::CxTemplate;
use bqc_linalg::jacobi::nearest_unitary;
use bqc_linalg::{Complex64, Matrix};
use bqc_verify::{matrix_distance, state_distance};

/// Widest unitary. A generic one takes 1100 CX at six qubits, four times as many for each further one.
pub const MAX_UNITARY_QUBITS: usize = 6;
/// Widest state. A generic one takes 506 CX at ten qubits, twice as many for each further one.
pub const MAX_STATE_QUBITS: usize = 10;

/// A unitary or a state.
#[derive(Clone, Copy, Debug)]
pub(super) enum Goal<'a> {
    /// `2^n × 2^n`, unitary.
    Unitary(&'a Matrix),
    /// `2^n` amplitudes, normalised.
    State(&'a [Complex64]),
}

impl Goal<'_> {
    /// The verifier's distance of a circuit; NaN if it cannot be measured.
    fn distance(&self, circuit: &BlockCircuit) -> f64 {
        let measured = match self {
            Goal::Unitary(matrix) => matrix_distance(circuit, matrix),
            Goal::State(state) => state_distance(circuit, state),
        };
        measured.unwrap_or(f64::NAN)
    }
}

/// Checks a matrix, and takes away what is left of its deviation from a unitary.
pub(super) fn check_unitary(matrix: &Matrix, allowed: f64) -> Result<Matrix, SynthesisError> {
    let (rows, cols) = (matrix.rows(), matrix.cols());
    if rows != cols || rows < 2 || !rows.is_power_of_two() {
        return Err(SynthesisError::NoUnitaryShape { rows, cols });
    }
    let n_qubits = rows.ilog2() as usize;
    if n_qubits > MAX_UNITARY_QUBITS {
        return Err(SynthesisError::TooManyQubits { n_qubits, most: MAX_UNITARY_QUBITS, what: "a unitary" });
    }
    check_finite(matrix.as_slice(), cols)?;
    // Squares of larger elements leave the range of f64, and differences of infinities are no numbers.
    let is_huge = matrix.as_slice().iter().any(|x| x.norm() > 1e100);
    let deviation = if is_huge { f64::INFINITY } else { matrix.unitarity_error() };
    if deviation <= allowed {
        Ok(nearest_unitary(matrix))
    } else {
        Err(SynthesisError::NotUnitary { deviation, allowed })
    }
}

/// Checks a state and normalises it.
pub(super) fn check_state(amplitudes: &[Complex64], allowed: f64) -> Result<Vec<Complex64>, SynthesisError> {
    let len = amplitudes.len();
    if len < 2 || !len.is_power_of_two() {
        return Err(SynthesisError::NoStateLength { len });
    }
    let n_qubits = len.ilog2() as usize;
    if n_qubits > MAX_STATE_QUBITS {
        return Err(SynthesisError::TooManyQubits { n_qubits, most: MAX_STATE_QUBITS, what: "a state" });
    }
    check_finite(amplitudes, 1)?;
    // Not the sum of squares, which is infinite for elements that are only wrong.
    let norm = amplitudes.iter().fold(0.0f64, |norm, x| norm.hypot(x.re).hypot(x.im));
    let deviation = (norm - 1.0).abs();
    if deviation <= allowed {
        Ok(amplitudes.iter().map(|x| x / norm).collect())
    } else {
        Err(SynthesisError::NotNormalised { norm, deviation, allowed })
    }
}

fn check_finite(elements: &[Complex64], cols: usize) -> Result<(), SynthesisError> {
    match elements.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(SynthesisError::NotFinite { row: at / cols, col: at % cols }),
        None => Ok(()),
    }
}

/// The smallest circuit so far that the verifier found to reach the goal.
pub(super) struct Best<'a> {
    goal: Goal<'a>,
    tolerance: f64,
    found: Option<Synthesized>,
    /// Smallest distance of what was refused.
    nearest_miss: f64,
}

impl<'a> Best<'a> {
    pub fn new(goal: Goal<'a>, tolerance: f64) -> Best<'a> {
        Best { goal, tolerance, found: None, nearest_miss: f64::INFINITY }
    }

    /// Measures a circuit, made smaller where that is closed form, and keeps it if it reaches the goal
    /// with fewer gates by (CX, one-qubit) than the best so far.
    pub fn offer(&mut self, circuit: BlockCircuit) {
        /// The part of the tolerance that each run of two-qubit gates may use.
        const RUN_SHARE: f64 = 1e-3;
        let circuit = resynthesize_runs(&circuit, self.tolerance * RUN_SHARE);
        let distance = self.goal.distance(&circuit);
        let reached = distance <= self.tolerance;
        if !reached {
            self.nearest_miss = self.nearest_miss.min(distance);
            return;
        }
        let size = |c: &BlockCircuit| (c.n_cx(), c.n_one_qubit());
        let is_smaller = self.found.as_ref().is_none_or(|best| size(&circuit) < size(&best.circuit));
        if is_smaller {
            self.found = Some(Synthesized { circuit, distance });
        }
    }

    /// [`Best::offer`] for a template, if there is one.
    pub fn offer_template(&mut self, template: Option<CxTemplate>) {
        if let Some(template) = template {
            self.offer(template.to_block());
        }
    }

    /// What is aimed at.
    pub fn goal(&self) -> Goal<'a> {
        self.goal
    }

    /// The best circuit, if there is one.
    pub fn circuit(&self) -> Option<&BlockCircuit> {
        self.found.as_ref().map(|best| &best.circuit)
    }

    /// CX gates of the best circuit; the largest number if there is none.
    pub fn n_cx(&self) -> usize {
        self.circuit().map_or(usize::MAX, BlockCircuit::n_cx)
    }

    /// The answer.
    pub fn finish(self) -> Result<Synthesized, SynthesisError> {
        let missed = SynthesisError::Missed { distance: self.nearest_miss, tolerance: self.tolerance };
        self.found.ok_or(missed)
    }
}
