//! Time evolution of spin chains by first-order Trotter steps (Lloyd, Science 273, 1073 (1996)).

use super::gates::Builder;
use bqc_circuit::Circuit;

/// Open chain of `n` spins, `n_steps` steps of length `dt` (dimensionless, ħ = 1).
#[derive(Clone, Copy, Debug)]
pub struct Chain {
    /// Spins.
    pub n: usize,
    /// Steps.
    pub n_steps: usize,
    /// Length of a step.
    pub dt: f64,
}

/// Transverse-field Ising model `H = Σ Z_i Z_{i+1} + field Σ X_i`: each step is
/// `exp(−i dt ZZ)` on every bond and then `exp(−i dt field X)` on every spin.
pub fn ising(chain: Chain, field: f64) -> Circuit {
    let mut builder = Builder::new(chain.n);
    for _ in 0..chain.n_steps {
        bonds(chain.n).for_each(|(a, b)| builder.zz(2.0 * chain.dt, a, b));
        (0..chain.n).for_each(|q| builder.rx(2.0 * field * chain.dt, q));
    }
    builder.finish()
}

/// Heisenberg model in a field, `H = Σ (X_i X_{i+1} + Y_i Y_{i+1} + Z_i Z_{i+1}) + field Σ Z_i`: each
/// step is the exponentials of XX, YY and ZZ on every bond and then that of the field.
pub fn heisenberg(chain: Chain, field: f64) -> Circuit {
    let mut builder = Builder::new(chain.n);
    let angle = 2.0 * chain.dt;
    for _ in 0..chain.n_steps {
        for (a, b) in bonds(chain.n) {
            builder.xx(angle, a, b);
            builder.yy(angle, a, b);
            builder.zz(angle, a, b);
        }
        (0..chain.n).for_each(|q| builder.rz(angle * field, q));
    }
    builder.finish()
}

/// Neighbours of an open chain, the even bonds before the odd ones: bonds of one kind share no spin.
pub fn bonds(n: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..2).flat_map(move |parity| (parity..n.saturating_sub(1)).step_by(2)).map(|a| (a, a + 1))
}
