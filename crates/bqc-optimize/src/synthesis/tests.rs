//! Known optima, generic targets, and what is refused.

use super::*;
use bqc_instantiate::CpuEngine;

static GO: AtomicBool = AtomicBool::new(false);

#[test]
fn generic_three() {
    let mut s = Stream::new(0, 11, 0);
    let r =
        synthesize_unitary(&Matrix::haar(8, &mut s), &SynthesisSettings::default(), &CpuEngine::new(), &GO).unwrap();
    assert_eq!(r.circuit.n_cx(), 14);
}
