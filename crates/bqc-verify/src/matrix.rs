//! How far a block is from a unitary or a state that is given by its numbers.

use crate::program::block_steps;
use crate::residual::distance_from;
use crate::states::States;
use crate::{MAX_EXACT_QUBITS, Rejected};
use bqc_circuit::BlockCircuit;
use bqc_linalg::{Complex64, Matrix};

/// The phase distance of a block, from its written-out angles, and a `2^n × 2^n` matrix, qubit q = bit
/// q of the index. Accuracy and NaN as for [`block_distance`](super::block_distance).
///
/// * Errors: every [`Rejected`] but `TooFar`; a matrix of another shape is `WidthDiffers`.
pub fn matrix_distance(block: &BlockCircuit, matrix: &Matrix) -> Result<f64, Rejected> {
    distance(block, matrix, |n| States::basis(n, 0, 1 << n))
}

/// The phase distance `min_φ ‖v − e^{iφ}w‖/√2 = √(1 − |⟨v|w⟩|)` between what a block makes of
/// `|0…0⟩`, from its written-out angles, and a state of `2^n` amplitudes of norm one.
///
/// * Errors: every [`Rejected`] but `TooFar`; a state of another length is `WidthDiffers`.
pub fn state_distance(block: &BlockCircuit, state: &[Complex64]) -> Result<f64, Rejected> {
    distance(block, &Matrix::from_rows(state.len(), 1, state), |n| States::basis(n, 0, 1))
}

fn distance(block: &BlockCircuit, expected: &Matrix, inputs: impl Fn(usize) -> States) -> Result<f64, Rejected> {
    let width = block.width();
    if usize::from(width) > MAX_EXACT_QUBITS {
        return Err(Rejected::TooWide { width });
    }
    let inputs = inputs(width.into());
    if (expected.rows(), expected.cols()) != (1 << width, inputs.n_states()) {
        let original = expected.rows().max(1).ilog2() as u16;
        return Err(Rejected::WidthDiffers { original, candidate: width });
    }
    let steps = block_steps(block).ok_or(Rejected::Malformed { width })?;
    Ok(distance_from(&States::columns(width.into(), expected), &steps, inputs))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::{Stream, phase_distance};

    #[test]
    fn the_distance_is_the_definition() {
        let mut s = Stream::new(0, 9, 0);
        for n in 1..=5 {
            let (a, b) = (BlockCircuit::random(n, 20, &mut s), BlockCircuit::random(n, 20, &mut s));
            let (u, v) = (a.unitary().scaled(Complex64::cis(1.0)), b.unitary());
            assert!(matrix_distance(&a, &u).unwrap() < 1e-14);
            assert!((matrix_distance(&b, &u).unwrap() - phase_distance(&u, &v)).abs() < 1e-13);
            let first = |m: &Matrix| (0..m.rows()).map(|r| m[(r, 0)]).collect::<Vec<_>>();
            assert!(state_distance(&a, &first(&u)).unwrap() < 1e-14);
            let overlap: Complex64 = first(&u).iter().zip(first(&v)).map(|(x, y)| x.conj() * y).sum();
            let expected = (1.0 - overlap.norm()).sqrt();
            assert!((state_distance(&b, &first(&u)).unwrap() - expected).abs() < 1e-13);
        }
    }

    #[test]
    fn what_cannot_be_compared_is_an_error_and_nan_is_no_number() {
        let mut block = BlockCircuit::new(2);
        let wrong = Rejected::WidthDiffers { original: 3, candidate: 2 };
        assert_eq!(matrix_distance(&block, &Matrix::identity(8)), Err(wrong.clone()));
        assert_eq!(state_distance(&block, &[Complex64::ONE; 8]), Err(wrong));
        assert!(matrix_distance(&block, &Matrix::zeros(4, 2)).is_err());
        assert_eq!(matrix_distance(&BlockCircuit::new(13), &Matrix::identity(2)), Err(Rejected::TooWide { width: 13 }));
        block.push_u3(BlockQubit(0), [f64::NAN, 0.0, 0.0]);
        assert!(matrix_distance(&block, &Matrix::identity(4)).unwrap().is_nan());
        assert!(state_distance(&block, &[Complex64::ONE; 4]).unwrap().is_nan());
    }
}
