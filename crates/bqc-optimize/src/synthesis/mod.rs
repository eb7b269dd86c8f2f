//! Synthesis: a circuit for a unitary or a state that is given by its numbers.
//!
//! Something that always works comes first (closed forms on one and two wires, the decompositions of
//! `shannon.rs` above), then what a generic target needs (`pattern.rs`), then bottom-up growth for
//! targets with structure (`growth.rs`) and the search of [`crate::search`] on what grew. Every circuit
//! is measured by the verifier from its written-out angles, and the smallest that is the target
//! survives. Qubit q is bit q of every index.

mod goal;
mod growth;
mod pattern;
mod shannon;

pub use goal::{MAX_STATE_QUBITS, MAX_UNITARY_QUBITS};

use crate::Context;
use crate::search::{ScanShare, Tries, WindowSettings, search_problem, search_window};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit};
use bqc_instantiate::{CxTemplate, LmSettings, RefineProblem, StateBatch};
use bqc_linalg::kak::{TwoQubitCircuit, TwoQubitGate};
use bqc_linalg::{Complex64, Matrix, Matrix2, Matrix4, Stream};
use goal::{Best, Goal};
use growth::{GrowthSettings, grow};
use pattern::Fit;

/// How a target is synthesised.
#[derive(Clone, Debug, PartialEq)]
pub struct SynthesisSettings {
    /// The user's seed.
    pub seed: u64,
    /// Largest phase distance of the circuit from the target, dimensionless. The target is the unitary
    /// nearest to the input, or the normalised input.
    pub tolerance: f64,
    /// Largest deviation of the input from a unitary, `max |(U†U − 1)_ij|`, or of its norm from one.
    pub input_tolerance: f64,
    /// Rounds of growth and search, each four times as wide as the one before.
    pub n_rounds: u32,
}

impl Default for SynthesisSettings {
    fn default() -> SynthesisSettings {
        SynthesisSettings { seed: 0, tolerance: 1e-10, input_tolerance: 1e-10, n_rounds: 2 }
    }
}

/// A circuit and its measured phase distance from the target.
#[derive(Clone, Debug, PartialEq)]
pub struct Synthesized {
    /// The gates.
    pub circuit: BlockCircuit,
    /// Measured from the written-out angles.
    pub distance: f64,
}

/// Why there is no circuit. All but the last are errors of the input.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SynthesisError {
    /// A matrix that acts on no number of qubits.
    #[error("a matrix of {rows}x{cols} elements is no unitary of qubits: it needs 2^n rows and as many columns")]
    NoUnitaryShape {
        /// Rows found.
        rows: usize,
        /// Columns found.
        cols: usize,
    },
    /// A vector that is a state of no number of qubits.
    #[error("a vector of {len} amplitudes is no state of qubits: it needs 2^n amplitudes, at least 2")]
    NoStateLength {
        /// Amplitudes found.
        len: usize,
    },
    /// A target wider than what is synthesised.
    #[error("{n_qubits} qubits are too many for {what}: the limit is {most}")]
    TooManyQubits {
        /// Qubits found.
        n_qubits: usize,
        /// The limit.
        most: usize,
        /// What kind of target.
        what: &'static str,
    },
    /// An element that is no number.
    #[error("the element in row {row}, column {col} (counted from 0) is not a finite number")]
    NotFinite {
        /// Row, from 0.
        row: usize,
        /// Column, from 0.
        col: usize,
    },
    /// A matrix that is no unitary.
    #[error("the matrix is not unitary: U†U differs from the identity by {deviation:.3e}, and {allowed:e} is allowed")]
    NotUnitary {
        /// `max |(U†U − 1)_ij|`.
        deviation: f64,
        /// What was allowed.
        allowed: f64,
    },
    /// A vector whose norm is not one.
    #[error("the vector is not normalised: its norm is {norm}, {deviation:.3e} from 1, and {allowed:e} is allowed")]
    NotNormalised {
        /// The norm.
        norm: f64,
        /// Its distance from one.
        deviation: f64,
        /// What was allowed.
        allowed: f64,
    },
    /// No circuit passed the verifier: a tolerance below rounding, or a fault of bqc.
    #[error("no circuit reached the target: the nearest is at phase distance {distance:.3e}, above {tolerance:e}")]
    Missed {
        /// Smallest distance that was measured.
        distance: f64,
        /// What was allowed.
        tolerance: f64,
    },
}

/// Purpose of the streams of a synthesis.
const SYNTHESIS_STREAM: u64 = 0x5359_4e54_4845_5349;
/// Widest unitary whose generic pattern is solved as a whole: the normal equations of six qubits have
/// 4095 unknowns and take minutes, those of five some seconds.
const MAX_PATTERN_QUBITS: usize = 5;
/// Circuits that go on from each layer of the first round of growth.
const FIRST_BEAM: usize = 8;
/// Rounds of the search after the first round of growth.
const FIRST_SEARCH_ROUNDS: usize = 40;
/// Deepest circuit that is grown: beyond, beams find little that the search does not find from the
/// decomposition in less time.
const MAX_GROWN_CX: usize = 30;
/// Widest target that is grown: the pairs of wires grow with the square of the width.
const MAX_GROWN_QUBITS: usize = 6;
/// Widest target that is grown again with a wider beam, for the same reason.
const MAX_WIDENED_QUBITS: usize = 4;
/// Sample states of growth where exact columns are more: the parameters of circuits that can grow in
/// sensible time are fewer than their rows. What grew is finished on all columns.
const GROWTH_SAMPLES: usize = 8;

/// A circuit for a unitary of one to [`MAX_UNITARY_QUBITS`] qubits, up to global phase.
///
/// * `matrix`: `2^n × 2^n`.
/// * The result is a function of the matrix, the settings and nothing else, unless it is stopped:
///   then it is the best so far, which after some milliseconds is never nothing.
/// * Closed form for one and two qubits, with the fewest CX. Generic unitaries of three, four and five
///   qubits get 14, 61 and 252 CX (sometimes a few more), which is the least possible for them.
/// * Errors: see [`SynthesisError`].
pub fn synthesize_unitary(
    context: Context<'_>,
    matrix: &Matrix,
    settings: &SynthesisSettings,
) -> Result<Synthesized, SynthesisError> {
    let target = goal::check_unitary(matrix, settings.input_tolerance)?;
    let n = target.rows().ilog2() as usize;
    let mut best = Best::new(Goal::Unitary(&target), settings.tolerance);
    best.offer(shannon::shannon(&target, &mut narrow));
    if n > 2 {
        let mut stream = Stream::new(settings.seed, 0, SYNTHESIS_STREAM);
        let (exact, generic_cx) = (StateBatch::exact_of_matrix(&target), pattern::generic_unitary_cx(n));
        Improvement { context, exact, generic_cx, settings }.run(&mut best, &mut stream);
        if best.n_cx() > generic_cx && !context.is_stopped() {
            let mut leaf = |u: &Matrix| generic(context, u, settings.tolerance, &mut stream);
            best.offer(shannon::shannon(&target, &mut leaf));
        }
    }
    best.finish()
}

/// A circuit that makes a state of one to [`MAX_STATE_QUBITS`] qubits from `|0…0⟩`, up to global phase.
///
/// * `amplitudes`: `2^n`.
/// * Stops and errors as [`synthesize_unitary`].
pub fn prepare_state(
    context: Context<'_>,
    amplitudes: &[Complex64],
    settings: &SynthesisSettings,
) -> Result<Synthesized, SynthesisError> {
    let target = goal::check_state(amplitudes, settings.input_tolerance)?;
    let n = target.len().ilog2() as usize;
    let mut best = Best::new(Goal::State(&target), settings.tolerance);
    best.offer(shannon::prepare(&target));
    if n > 1 {
        let mut stream = Stream::new(settings.seed, 1, SYNTHESIS_STREAM);
        let generic_cx = pattern::generic_state_cx(n);
        let exact = StateBatch::preparation(&target);
        let fit = Fit { context, batch: &exact, tolerance: settings.tolerance };
        if best.n_cx() > generic_cx {
            best.offer_template(fit.staircase(generic_cx, &mut stream));
        }
        if best.n_cx() > generic_cx {
            best.offer_template(fit.generic(generic_cx, &mut stream));
        }
        Improvement { context, exact, generic_cx, settings }.run(&mut best, &mut stream);
    }
    best.finish()
}

/// Rounds of growth and search, wider and wider, each from what was found before.
struct Improvement<'a> {
    context: Context<'a>,
    /// All that the circuit has to do.
    exact: StateBatch,
    /// CX gates that a generic target of this kind needs.
    generic_cx: usize,
    settings: &'a SynthesisSettings,
}

impl Improvement<'_> {
    fn run(&self, best: &mut Best<'_>, stream: &mut Stream) {
        for round in 0..self.settings.n_rounds {
            if self.context.is_stopped() || best.n_cx() == 0 {
                return;
            }
            let widening = 1 << (2 * round);
            let widest = if round == 0 { MAX_GROWN_QUBITS } else { MAX_WIDENED_QUBITS };
            if self.exact.n() <= widest {
                best.offer_template(self.grow(best, FIRST_BEAM * widening, stream));
            }
            // At the bound of generic targets there is nothing to find by moves.
            if best.n_cx() < self.generic_cx {
                self.search(best, FIRST_SEARCH_ROUNDS * widening, stream);
            }
        }
    }

    /// Growth below the best count, on samples where that is less work and then finished on all columns.
    fn grow(&self, best: &Best<'_>, beam: usize, stream: &mut Stream) -> Option<CxTemplate> {
        let (context, exact) = (self.context, &self.exact);
        // Wide states that need nearly as much as generic ones have no structure that could be grown.
        let of_state = if exact.n() > MAX_WIDENED_QUBITS { self.generic_cx * 2 / 3 } else { self.generic_cx };
        let most = if let Goal::State(_) = best.goal() { of_state } else { self.generic_cx };
        let max_cx = (best.n_cx() - 1).min(most).min(MAX_GROWN_CX);
        let mut growth = GrowthSettings { beam, n_random: 1, max_cx, generic_cx: None };
        let Goal::Unitary(matrix) = best.goal() else { return grow(context, exact, &growth, stream) };
        growth.generic_cx = (exact.n() > 3).then_some(self.generic_cx);
        if exact.n_samples() <= 2 * GROWTH_SAMPLES {
            return grow(context, exact, &growth, stream);
        }
        let samples = StateBatch::sampled_of_matrix(matrix, GROWTH_SAMPLES, stream);
        let grown = grow(context, &samples, &growth, stream)?;
        let (settings, tolerance) = (LmSettings::default(), self.settings.tolerance);
        let problem = RefineProblem { batch: exact, check: exact, sweeps: None, settings: &settings, tolerance };
        Some(context.refine(&problem, 1, &|_, out: &mut CxTemplate| out.copy_from(&grown)).winner?.1)
    }

    /// Moves and deletions from the best circuit so far.
    fn search(&self, best: &mut Best<'_>, n_rounds: usize, stream: &mut Stream) {
        let Some(start) = best.circuit().cloned() else { return };
        let (context, exact, n) = (self.context, &self.exact, self.exact.n());
        let window = WindowSettings { widths: 3..=n.clamp(3, 5), n_rounds, ..WindowSettings::default() };
        if let Goal::Unitary(_) = best.goal() {
            best.offer(search_window(context, &start, &window, stream).composition.circuit().clone());
            return;
        }
        let (settings, tolerance) = (LmSettings::default(), window.fit.tolerance);
        let problem = RefineProblem { batch: exact, check: exact, sweeps: None, settings: &settings, tolerance };
        let template = CxTemplate::from_block(&start);
        let tries = Tries { scan: ScanShare::FULL, n_moves: n_rounds * start.n_cx().min(window.n_tries) };
        best.offer_template(search_problem(context, &template, problem, tries, stream).0);
    }
}

/// The leaf of a decomposition that cuts down to two qubits: closed forms.
fn narrow(u: &Matrix) -> Option<BlockCircuit> {
    let mut circuit = BlockCircuit::new(u.rows().ilog2() as u16);
    if let Some(one) = Matrix2::from_matrix(u) {
        circuit.gates.extend(one.su2().map(|value| BlockGate::from_su2(BlockQubit(0), value)));
        return Some(circuit);
    }
    // The decomposition refuses what is not unitary to 1e-9, which no leaf of a unitary is.
    let gates = TwoQubitCircuit::synthesize(&Matrix4::from_matrix(u)?, CLOSED_FORM_TOLERANCE)?.gates;
    circuit.gates.extend(gates.into_iter().map(|gate| match gate {
        TwoQubitGate::One { wire, value } => BlockGate::from_su2(BlockQubit(wire.into()), value),
        TwoQubitGate::Cx { control, target } => BlockGate::cx(BlockQubit(control.into()), BlockQubit(target.into())),
    }));
    Some(circuit)
}

/// Phase distance at which a leaf of two qubits takes fewer CX: a hundred leaves stay far below the
/// tolerance of the whole.
const CLOSED_FORM_TOLERANCE: f64 = 1e-13;

/// The leaf of a decomposition whose leaves are generic: the pattern with as few CX as are possible.
fn generic(context: Context<'_>, u: &Matrix, tolerance: f64, stream: &mut Stream) -> Option<BlockCircuit> {
    let n = u.rows().ilog2() as usize;
    if n <= 2 {
        return narrow(u);
    }
    if n > MAX_PATTERN_QUBITS {
        return None;
    }
    let batch = StateBatch::exact_of_matrix(u);
    // Four leaves share the tolerance of the whole.
    let fit = Fit { context, batch: &batch, tolerance: tolerance / 4.0 };
    Some(fit.generic(pattern::generic_unitary_cx(n), stream)?.to_block())
}

#[cfg(test)]
mod tests;
