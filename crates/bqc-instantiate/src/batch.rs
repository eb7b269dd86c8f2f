//! Pairs of states `(x_m, y_m)` that a circuit shall map to each other.
//!
//! This is all that an engine knows of a target: `y_m = U x_m`. With `2^n` basis columns it is the
//! exact problem, with fewer random states the sampled one (QFactor-Sample, arXiv:2405.12866).

use bqc_linalg::lanes::{AMPLITUDE_STRIDE, AlignedBuffer, LANES, states};
use bqc_linalg::{Complex64, Stream};

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
        let mut states = Vec::with_capacity(n_samples * dim);
        for _ in 0..n_samples {
            let start = states.len();
            states.extend((0..dim).map(|_| stream.complex_gaussian()));
            let norm = states[start..].iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt();
            states[start..].iter_mut().for_each(|x| *x /= norm);
        }
        StateBatch::new(target, n_samples, false, |m, a| states[m * dim + a])
    }

    fn new(
        target: &CxTemplate,
        n_samples: usize,
        is_exact: bool,
        state: impl Fn(usize, usize) -> Complex64,
    ) -> StateBatch {
        let n = target.n();
        let mut inputs = AlignedBuffer::zeroed(states::batch_len(n, n_samples.div_ceil(LANES)));
        for m in 0..n_samples {
            for a in 0..1 << n {
                let at = states::batch_len(n, m / LANES) + a * AMPLITUDE_STRIDE + m % LANES;
                let value = state(m, a);
                (inputs[at], inputs[at + LANES]) = (value.re, value.im);
            }
        }
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

/// How many samples a problem with `n_parameters` needs: the rows `2·M·2^n` of the real residual
/// exceed the parameters (of which no more than `4^n − 1` matter) by [`ROWS_PER_PARAMETER`].
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
