//! Random circuits for the tests of this crate, and who works on them.

use crate::Context;
use bqc_circuit::BlockCircuit;
use bqc_instantiate::CpuEngine;
use bqc_linalg::Stream;
use std::f64::consts::FRAC_PI_4;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

/// The CPU engine, and a flag that is never set.
pub(crate) fn on_cpu() -> Context<'static> {
    static ENGINE: LazyLock<CpuEngine> = LazyLock::new(CpuEngine::new);
    static GO: AtomicBool = AtomicBool::new(false);
    Context { engine: &*ENGINE, stop: &GO }
}

/// The CPU engine, and a flag that is set from the beginning.
pub(crate) fn stopped() -> Context<'static> {
    static STOPPED: AtomicBool = AtomicBool::new(true);
    Context { stop: &STOPPED, ..on_cpu() }
}

/// A random block whose angles are multiples of π/4: rotations about X, Y and Z, identities, and so
/// much that commutes and cancels.
pub(crate) fn random_clifford_t(width: u16, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    BlockCircuit::random_with(width, n_gates, stream, |stream| {
        let diagonal = stream.chance(0.5);
        let mut angles = [0; 3].map(|_| stream.below(8) as f64 * FRAC_PI_4);
        if diagonal {
            angles[0] = 0.0;
        } else if stream.chance(0.5) {
            // u3(θ, −π/2, π/2) is a rotation about X.
            (angles[1], angles[2]) = (-2.0 * FRAC_PI_4, 2.0 * FRAC_PI_4);
        }
        angles
    })
}
