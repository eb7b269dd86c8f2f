//! One-qubit gates over Clifford and T, which exact searches can follow: numerical searches leave any others.
//!
//! A change that is fitted leaves angles that say nothing, even in a circuit over Clifford and T. Many of them are one
//! choice of a whole family, because rotations pass controls and targets of CX gates. So each gate in turn becomes the
//! nearest one whose angles are multiples of π/4 and stays it, while all that are free are fitted again from where they
//! are. Exact rewritings see merging rotations then where there were none before.

use crate::Context;
use crate::fitted::Fit;
use crate::freezing::{Pull, freeze_slots};
use bqc_circuit::{BlockCircuit, LoweredGate, Wire};
use bqc_instantiate::CxTemplate;
use bqc_linalg::{Stream, Su2};
use bqc_verify::VerifiedBlock;
use std::f64::consts::FRAC_PI_4;

/// A gate at most this far (half a rotation angle in radians) from one over Clifford and T counts as it.
const NEGLIGIBLE: f64 = 1e-10;

/// Makes as many one-qubit gates of a block Clifford+T gates as it can, from its first gates on. None if it can make
/// none, or the verifier does not call what it made the same unitary.
///
/// The result has the same CX gates and no more one-qubit gates. It depends on the block, the stream and `fit` alone,
/// unless it is stopped: then it is what was reached.
pub fn to_clifford_t(
    context: Context<'_>,
    block: &BlockCircuit,
    fit: Fit,
    stream: &mut Stream,
) -> Option<VerifiedBlock> {
    if block.width() < 2 || n_generic(&block.gates) == 0 {
        return None;
    }
    let pull = Pull { to: nearest_clifford_t, is_first_last: false };
    let found = freeze_slots(context, &CxTemplate::from_block(block), &pull, fit, stream).0.to_block();
    let is_better = n_generic(&found.gates) < n_generic(&block.gates);
    is_better.then(|| VerifiedBlock::check(block, found, fit.tolerance).ok()).flatten()
}

/// How many of these gates are one-qubit gates that are not over Clifford and T.
pub fn n_generic<'a, W: Wire + 'a>(gates: impl IntoIterator<Item = &'a LoweredGate<W>>) -> usize {
    let is_generic = |gate: &&LoweredGate<W>| match gate {
        LoweredGate::One { angles: [theta, phi, lambda], .. } => {
            let value = Su2::u3(*theta, *phi, *lambda);
            (nearest_clifford_t(value).dagger() * value).distance_to_identity() > NEGLIGIBLE
        }
        LoweredGate::Two { .. } => false,
    };
    gates.into_iter().filter(is_generic).count()
}

/// The gate whose angles are the multiples of π/4 nearest to those of `value`.
fn nearest_clifford_t(value: Su2) -> Su2 {
    let [theta, phi, lambda] = value.u3_angles().map(|radians| radians / FRAC_PI_4);
    let n_theta = theta.round();
    // Where θ is a multiple of π, only the sum or the difference of the others counts.
    let [phi, lambda] = match n_theta.rem_euclid(8.0) as u8 {
        0 => [(phi + lambda).round(), 0.0],
        4 => [(phi - lambda).round(), 0.0],
        _ => [phi.round(), lambda.round()],
    };
    Su2::u3(n_theta * FRAC_PI_4, phi * FRAC_PI_4, lambda * FRAC_PI_4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::search::WindowSettings;
    use crate::test_support::{on_cpu, random_clifford_t};
    use bqc_circuit::BlockQubit;
    use bqc_verify::block_distance;

    /// The same block with rotations by random angles put in before each CX and taken out behind it, where they pass it.
    fn with_random_rotations(block: &BlockCircuit, stream: &mut Stream) -> BlockCircuit {
        let mut out = BlockCircuit::new(block.width());
        for gate in &block.gates {
            let LoweredGate::Two { wires: [control, target], .. } = *gate else {
                out.gates.push(*gate);
                continue;
            };
            let [z, x] = [0; 2].map(|_| 6.0 * stream.uniform());
            let turned = |out: &mut BlockCircuit, sign: f64| {
                out.push_u3(control, [0.0, 0.0, sign * z]);
                out.gates.push(LoweredGate::One { wire: target, angles: Su2::rx(sign * x).u3_angles() });
            };
            turned(&mut out, 1.0);
            out.gates.push(*gate);
            turned(&mut out, -1.0);
        }
        CxTemplate::from_block(&out).to_block()
    }

    #[test]
    fn what_passes_a_cx_comes_back_to_multiples() {
        let mut stream = Stream::new(0, 1, 0);
        let (mut n_before, mut n_after) = (0, 0);
        for width in [2, 3, 4] {
            for _ in 0..10 {
                let block = with_random_rotations(&random_clifford_t(width, 20, &mut stream), &mut stream);
                n_before += n_generic(&block.gates);
                let fit = WindowSettings::default().fit;
                let found = to_clifford_t(on_cpu(), &block, fit, &mut stream).expect("much can be made Clifford+T");
                let distance = block_distance(&block, found.circuit()).unwrap();
                assert!(distance < fit.tolerance && found.circuit().n_cx() == block.n_cx(), "{distance:e}");
                n_after += n_generic(&found.circuit().gates);
            }
        }
        assert!(5 * n_after < n_before, "{n_before} -> {n_after}");
    }

    #[test]
    fn a_block_over_clifford_and_t_and_one_without_a_cx_stay() {
        let mut stream = Stream::new(0, 2, 0);
        let fit = WindowSettings::default().fit;
        let named = random_clifford_t(3, 20, &mut stream);
        assert_eq!((n_generic(&named.gates), to_clifford_t(on_cpu(), &named, fit, &mut stream).is_none()), (0, true));
        let mut fixed = BlockCircuit::new(2);
        fixed.push_u3(BlockQubit(0), [0.3, 0.2, 0.1]);
        assert!(to_clifford_t(on_cpu(), &fixed, fit, &mut stream).is_none());
    }

    #[test]
    fn the_nearest_gate_is_the_gate_itself_over_clifford_and_t() {
        let all = (0..8 * 8 * 8).map(|i| [i / 64, i / 8 % 8, i % 8].map(|k| f64::from(k) * FRAC_PI_4));
        for [theta, phi, lambda] in all {
            let value = Su2::u3(theta, phi, lambda);
            let far = (nearest_clifford_t(value).dagger() * value).distance_to_identity();
            assert!(far < 1e-14, "u3({theta}, {phi}, {lambda}): {far:e}");
        }
    }
}
