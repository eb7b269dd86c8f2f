//! Orthonormal random states: the first columns of a Haar unitary, without the rest of it.
//!
//! `M` of the `2^n` columns cost `M²·2^n` operations by Gram–Schmidt on Gaussian vectors, where
//! drawing the whole unitary costs `8^n` (Mezzadri, arXiv:math-ph/0609050). Columns are drawn
//! one after another, so a larger set begins with the smaller one: a sample set that grows keeps
//! its states.

use crate::{Complex64, Stream};

/// A column whose remainder after orthogonalisation is shorter than this, relative to its length
/// before, is drawn again: its direction would be rounding noise.
const SHORTEST_REMAINDER: f64 = 1e-6;

/// Random orthonormal vectors of one dimension, drawn one by one.
#[derive(Clone, Debug)]
pub struct HaarColumns {
    dim: usize,
    stream: Stream,
    columns: Vec<Vec<Complex64>>,
}

impl HaarColumns {
    /// No columns yet, of `dim` elements each, to be drawn from `stream`.
    pub fn new(dim: usize, stream: Stream) -> HaarColumns {
        HaarColumns { dim, stream, columns: Vec::new() }
    }

    /// The columns drawn so far, `[column][dim]`.
    pub fn columns(&self) -> &[Vec<Complex64>] {
        &self.columns
    }

    /// The stream, with what has been drawn taken from it.
    pub fn into_stream(self) -> Stream {
        self.stream
    }

    /// Draws until there are `n_columns` of them, at most `dim`: there are no more orthogonal ones.
    pub fn extend_to(&mut self, n_columns: usize) {
        let wanted = n_columns.min(self.dim);
        while self.columns.len() < wanted {
            let mut v: Vec<Complex64> = (0..self.dim).map(|_| self.stream.complex_gaussian()).collect();
            let before = norm(&v);
            // Twice is enough for orthogonality to rounding error (Giraud et al., 2005).
            for _ in 0..2 {
                for u in &self.columns {
                    let overlap: Complex64 = u.iter().zip(&v).map(|(a, b)| a.conj() * b).sum();
                    v.iter_mut().zip(u).for_each(|(x, a)| *x -= overlap * a);
                }
            }
            let after = norm(&v);
            if after > SHORTEST_REMAINDER * before {
                v.iter_mut().for_each(|x| *x /= after);
                self.columns.push(v);
            }
        }
    }
}

fn norm(v: &[Complex64]) -> f64 {
    v.iter().map(|x| x.norm_sqr()).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Matrix;

    #[test]
    fn columns_are_orthonormal_and_grow_from_the_same_ones() {
        let stream = Stream::new(3, 4, 5);
        for dim in [1, 2, 4, 32] {
            let mut all = HaarColumns::new(dim, stream.clone());
            all.extend_to(dim + 3);
            assert_eq!(all.columns().len(), dim);
            let u = Matrix::from_fn(dim, dim, |r, c| all.columns()[c][r]);
            assert!(u.unitarity_error() < 1e-14);
            let mut few = HaarColumns::new(dim, stream.clone());
            few.extend_to(dim / 2);
            assert_eq!(few.columns(), &all.columns()[..dim / 2]);
            few.extend_to(dim);
            assert_eq!(few.columns(), all.columns());
        }
    }

    #[test]
    fn phases_and_sizes_are_uniform() {
        // E|v_0|² = 1/N and E v_0 = 0 for a Haar column, the last one as well as the first.
        let (mut first, mut last, mut mean) = (0.0, 0.0, Complex64::ZERO);
        let n_draws = 4000;
        for key in 0..n_draws {
            let mut c = HaarColumns::new(4, Stream::new(1, key, 0));
            c.extend_to(4);
            first += c.columns()[0][0].norm_sqr();
            last += c.columns()[3][0].norm_sqr();
            mean += c.columns()[3][0];
        }
        let n = n_draws as f64;
        assert!((first / n - 0.25).abs() < 0.02 && (last / n - 0.25).abs() < 0.02);
        assert!((mean / n).norm() < 0.03);
    }
}
