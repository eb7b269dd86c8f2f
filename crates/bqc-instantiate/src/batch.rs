//! Pairs of states `(x_m, y_m)` that a circuit shall map to each other.
//!
//! This is all that an engine knows of a target: `y_m = U x_m`. With `2^n` basis columns it is the
//! exact problem, with fewer random states the sampled one (QFactor-Sample, arXiv:2405.12866).

use bqc_linalg::lanes::{AMPLITUDE_STRIDE, AlignedBuffer, LANES, states};
use bqc_linalg::{Complex64, Matrix, Stream};

use crate::CxTemplate;

/// Input and output states, each `[group of 8][amplitude 2^n][re 8 lanes, im 8 lanes]`; lanes are
/// samples, lanes beyond `n_samples` are zero in both.
#[derive(Clone, Debug)]
pub struct StateBatch {
    n: usize,
    n_samples: usize,
    is_exact: bool,
    inputs: AlignedBuffer,
    outputs: AlignedBuffer,
}

impl StateBatch {
    /// All `2^n` basis states through a circuit: the exact problem.
    pub fn exact(target: &CxTemplate) -> StateBatch {
        let n = target.n();
        StateBatch::new(target, 1 << n, true, |m, a| if m == a { Complex64::ONE } else { Complex64::ZERO })
    }

    /// `n_samples` random states (normalised Gaussian vectors: Haar measure) through a circuit.
    pub fn sampled(target: &CxTemplate, n_samples: usize, stream: &mut Stream) -> StateBatch {
        let dim = 1usize << target.n();
        let states = random_states(n_samples, dim, stream);
        StateBatch::new(target, n_samples, false, |m, a| states[m * dim + a])
    }

    /// All `2^n` basis states through a unitary: the exact problem. Panics if the matrix is not
    /// square with a power of two of rows, at least two.
    pub fn exact_of_matrix(unitary: &Matrix) -> StateBatch {
        let (n, dim) = n_qubits(unitary);
        let unit = |m: usize, a: usize| if m == a { Complex64::ONE } else { Complex64::ZERO };
        let (inputs, outputs) = (pack(n, dim, unit), pack(n, dim, |m, a| unitary[(a, m)]));
        StateBatch::from_states(n, dim, true, inputs, outputs)
    }

    /// `n_samples` random states through a unitary. Panics as [`StateBatch::exact_of_matrix`] does.
    pub fn sampled_of_matrix(unitary: &Matrix, n_samples: usize, stream: &mut Stream) -> StateBatch {
        let (n, dim) = n_qubits(unitary);
        let states = random_states(n_samples, dim, stream);
        let image = |m: usize, a: usize| (0..dim).map(|b| unitary[(a, b)] * states[m * dim + b]).sum();
        let (inputs, outputs) = (pack(n, n_samples, |m, a| states[m * dim + a]), pack(n, n_samples, image));
        StateBatch::from_states(n, n_samples, false, inputs, outputs)
    }

    /// The one pair `|0…0⟩ → state`: the problem of state preparation. Panics if the number of
    /// amplitudes is no power of two, or less than two.
    pub fn preparation(state: &[Complex64]) -> StateBatch {
        let n = power_of_two(state.len());
        let zero = |_: usize, a: usize| if a == 0 { Complex64::ONE } else { Complex64::ZERO };
        StateBatch::from_states(n, 1, false, pack(n, 1, zero), pack(n, 1, |_, a| state[a]))
    }

    fn new(
        target: &CxTemplate,
        n_samples: usize,
        is_exact: bool,
        state: impl Fn(usize, usize) -> Complex64,
    ) -> StateBatch {
        let n = target.n();
        let inputs = pack(n, n_samples, state);
        let mut outputs = inputs.clone();
        states::push(bqc_linalg::lanes::Level::detect(), target.first(), target.layers(), &mut outputs);
        StateBatch { n, n_samples, is_exact, inputs, outputs }
    }

    /// A batch of states that were made elsewhere, laid out as this type says.
    /// `is_exact` says that the inputs are all basis states in order.
    pub(crate) fn from_states(
        n: usize,
        n_samples: usize,
        is_exact: bool,
        inputs: AlignedBuffer,
        outputs: AlignedBuffer,
    ) -> StateBatch {
        assert_eq!(inputs.len(), states::batch_len(n, n_samples.div_ceil(LANES)));
        assert_eq!(inputs.len(), outputs.len());
        StateBatch { n, n_samples, is_exact, inputs, outputs }
    }

    /// Number of wires.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Number of pairs.
    pub fn n_samples(&self) -> usize {
        self.n_samples
    }

    /// Whether the inputs are known to be all `2^n` basis states in order.
    pub fn is_exact(&self) -> bool {
        self.is_exact
    }

    /// The states `x_m`.
    pub fn inputs(&self) -> &[f64] {
        &self.inputs
    }

    /// The states `y_m`.
    pub fn outputs(&self) -> &[f64] {
        &self.outputs
    }
}

/// Lays out the states `state(sample, amplitude)` as the type says.
fn pack(n: usize, n_samples: usize, state: impl Fn(usize, usize) -> Complex64) -> AlignedBuffer {
    let mut packed = AlignedBuffer::zeroed(states::batch_len(n, n_samples.div_ceil(LANES)));
    for m in 0..n_samples {
        for a in 0..1 << n {
            let at = states::batch_len(n, m / LANES) + a * AMPLITUDE_STRIDE + m % LANES;
            let value = state(m, a);
            (packed[at], packed[at + LANES]) = (value.re, value.im);
        }
    }
    packed
}

/// Normalised Gaussian vectors, `[sample][dim]`.
fn random_states(n_samples: usize, dim: usize, stream: &mut Stream) -> Vec<Complex64> {
    let mut states = Vec::with_capacity(n_samples * dim);
    for _ in 0..n_samples {
        let start = states.len();
        states.extend((0..dim).map(|_| stream.complex_gaussian()));
        let norm = states[start..].iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
        states[start..].iter_mut().for_each(|x| *x /= norm);
    }
    states
}

/// Qubits and rows of a square matrix.
fn n_qubits(unitary: &Matrix) -> (usize, usize) {
    assert_eq!(unitary.rows(), unitary.cols(), "a unitary is square");
    (power_of_two(unitary.rows()), unitary.rows())
}

fn power_of_two(dim: usize) -> usize {
    assert!(dim >= 2 && dim.is_power_of_two(), "{dim} is no number of amplitudes");
    dim.ilog2() as usize
}

/// How many samples a problem with `n_parameters` needs: the rows `2·M·2^n` of the real residual
/// exceed the parameters (of which no more than `4^n − 1` matter) by a factor of 1.3.
///
/// At most `2^n`, which means exact columns. Up to three qubits it is always exact: fewer states
/// save nothing there and overfit.
pub fn sample_count(n: usize, n_parameters: usize) -> usize {
    let dim = 1usize << n;
    if n <= 3 {
        return dim;
    }
    let effective = n_parameters.min(dim * dim - 1) as f64;
    ((ROWS_PER_PARAMETER * effective / (2 * dim) as f64).ceil() as usize).clamp(1, dim)
}

/// Rows of the residual per parameter. Below one, every start overfits; 1.3 leaves almost none.
const ROWS_PER_PARAMETER: f64 = 1.3;

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::phase_distance;

    /// A matrix and the circuit it comes from make the same batches, up to one phase.
    #[test]
    fn a_matrix_and_its_circuit_are_the_same_target() {
        let mut s = Stream::new(3, 3, 3);
        for n in 2..=5u8 {
            let mut circuit = CxTemplate::new(n);
            for i in 0..7 {
                circuit.push(i % n, (i + 1) % n, s.su2(), s.su2());
            }
            let unitary = circuit.to_block().unitary();
            let column = |outputs: &[f64], m: usize| {
                let at = |a: usize| states::batch_len(n.into(), m / LANES) + a * AMPLITUDE_STRIDE + m % LANES;
                Matrix::from_fn(1 << n, 1, |a, _| Complex64::new(outputs[at(a)], outputs[at(a) + LANES]))
            };
            let (a, b) = (StateBatch::exact(&circuit), StateBatch::exact_of_matrix(&unitary));
            assert_eq!(a.inputs(), b.inputs());
            assert!(b.is_exact() && b.n_samples() == 1 << n);
            let mut t = s.clone();
            let (c, d) =
                (StateBatch::sampled(&circuit, 11, &mut t), StateBatch::sampled_of_matrix(&unitary, 11, &mut s));
            assert_eq!(c.inputs(), d.inputs());
            for m in 0..4 {
                assert!(phase_distance(&column(a.outputs(), m), &column(b.outputs(), m)) < 1e-14);
                assert!(phase_distance(&column(c.outputs(), m), &column(d.outputs(), m)) < 1e-14);
            }
            let state: Vec<Complex64> = (0..1 << n).map(|r| unitary[(r, 0)]).collect();
            let prepared = StateBatch::preparation(&state);
            assert!(column(prepared.outputs(), 0).max_difference(&column(b.outputs(), 0)) < 1e-16);
            assert_eq!((prepared.n_samples(), prepared.is_exact()), (1, false));
        }
    }
}
