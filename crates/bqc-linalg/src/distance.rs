//! The distance between unitaries that every error bound of bqc is stated in.

use crate::{Complex64, Matrix};

/// How far apart two unitaries are, ignoring global phase.
///
/// `d(U, V) = min_φ ‖U − e^{iφ}V‖_F / √(2N) = √(1 − |Tr(U†V)| / N)`, dimensionless, in `[0, 1]`.
/// Subadditive under composition and unchanged by `⊗ I`: block distances add up to a circuit bound.
/// * `u`, `v`: both `N × N` and unitary to 1e-12, or both `N × M` with orthonormal columns.
/// * Accuracy: about 4e-16. The trace form cancels below 1e-8, so the residual is summed instead.
/// * If the overlap vanishes every phase is as good as another and the distance is 1.
/// * Panics if the dimensions differ: a bug in the caller, not bad input.
pub fn phase_distance(u: &Matrix, v: &Matrix) -> f64 {
    assert_eq!((u.rows(), u.cols()), (v.rows(), v.cols()), "unitaries of different dimension");
    let overlap: Complex64 = v.as_slice().iter().zip(u.as_slice()).map(|(b, a)| b.conj() * a).sum();
    let phase = if overlap.norm() == 0.0 { Complex64::ONE } else { overlap / overlap.norm() };
    let residual: f64 = u.as_slice().iter().zip(v.as_slice()).map(|(a, b)| (a - phase * b).norm_sqr()).sum();
    (residual / (2 * u.cols()) as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Stream;

    #[test]
    fn equals_the_trace_form_where_that_is_accurate() {
        let mut s = Stream::new(0, 1, 0);
        for _ in 0..20 {
            let (u, v) = (Matrix::haar(8, &mut s), Matrix::haar(8, &mut s));
            let trace = (&u.dagger() * &v).trace().norm();
            assert!((phase_distance(&u, &v) - (1.0 - trace / 8.0).sqrt()).abs() < 1e-13);
            assert!(phase_distance(&u, &u.scaled(Complex64::cis(0.4))) < 1e-15);
        }
    }

    #[test]
    fn sees_what_the_trace_form_rounds_away() {
        let diagonal =
            |t: f64| {
                Matrix::from_fn(2, 2, |r, c| {
                    if r == c { Complex64::cis(if r == 0 { t } else { 0.0 }) } else { Complex64::ZERO }
                })
            };
        let d = phase_distance(&diagonal(0.0), &diagonal(2e-9));
        // ‖1 − diag(e^{iε/2}, e^{−iε/2})‖_F/√4 = ε/(2√2).
        assert!((d - 2e-9 / 8f64.sqrt()).abs() < 1e-15, "{d:e}");
    }

    #[test]
    fn adds_up() {
        let mut s = Stream::new(0, 1, 1);
        for _ in 0..20 {
            let [a, b, c] = [0; 3].map(|_| Matrix::haar(4, &mut s));
            assert!(phase_distance(&a, &c) <= phase_distance(&a, &b) + phase_distance(&b, &c) + 1e-14);
        }
    }
}
