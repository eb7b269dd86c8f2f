//! Dense complex matrices of any shape, for small unitaries and for reference computations.
//!
//! Plain and row-major on purpose: the fast paths of bqc work on state batches, and this type is
//! what they are compared with. Nothing here is tuned.

use crate::haar::HaarColumns;
use crate::{Complex64, Stream};
use std::ops::{Index, IndexMut, Mul};

/// A dense complex matrix; element `(r, c)` is `data[r * cols + c]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    rows: usize,
    cols: usize,
    data: Vec<Complex64>,
}

impl Matrix {
    /// The `rows × cols` matrix of zeros.
    pub fn zeros(rows: usize, cols: usize) -> Matrix {
        Matrix { rows, cols, data: vec![Complex64::ZERO; rows * cols] }
    }

    /// The `dim × dim` identity.
    pub fn identity(dim: usize) -> Matrix {
        let mut m = Matrix::zeros(dim, dim);
        for i in 0..dim {
            m[(i, i)] = Complex64::ONE;
        }
        m
    }

    /// A matrix from its elements in row-major order. Panics if the lengths disagree.
    pub fn from_rows(rows: usize, cols: usize, data: &[Complex64]) -> Matrix {
        assert_eq!(data.len(), rows * cols, "a {rows}x{cols} matrix needs {} elements", rows * cols);
        Matrix { rows, cols, data: data.to_vec() }
    }

    /// The permutation-and-phase free matrix of a function of indices: `m[(r, c)] = f(r, c)`.
    pub fn from_fn(rows: usize, cols: usize, f: impl Fn(usize, usize) -> Complex64) -> Matrix {
        let data = (0..rows * cols).map(|k| f(k / cols, k % cols)).collect();
        Matrix { rows, cols, data }
    }

    /// A `dim × dim` unitary from the Haar measure (Gram–Schmidt on Gaussian columns,
    /// which keeps the phases of the triangular factor positive: Mezzadri, arXiv:math-ph/0609050).
    pub fn haar(dim: usize, stream: &mut Stream) -> Matrix {
        let mut columns = HaarColumns::new(dim, stream.clone());
        columns.extend_to(dim);
        let unitary = Matrix::from_fn(dim, dim, |r, c| columns.columns()[c][r]);
        *stream = columns.into_stream();
        unitary
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// All elements, row by row.
    pub fn as_slice(&self) -> &[Complex64] {
        &self.data
    }

    /// All elements, row by row, to change.
    pub fn as_mut_slice(&mut self) -> &mut [Complex64] {
        &mut self.data
    }

    /// The conjugate transpose.
    pub fn dagger(&self) -> Matrix {
        Matrix::from_fn(self.cols, self.rows, |r, c| self[(c, r)].conj())
    }

    /// `self ⊗ other`: `other` acts on the low qubits.
    pub fn kron(&self, other: &Matrix) -> Matrix {
        let (r2, c2) = (other.rows, other.cols);
        Matrix::from_fn(self.rows * r2, self.cols * c2, |r, c| self[(r / r2, c / c2)] * other[(r % r2, c % c2)])
    }

    /// Sum of the diagonal.
    pub fn trace(&self) -> Complex64 {
        (0..self.rows.min(self.cols)).map(|i| self[(i, i)]).sum()
    }

    /// The matrix times a number.
    pub fn scaled(&self, factor: Complex64) -> Matrix {
        Matrix { rows: self.rows, cols: self.cols, data: self.data.iter().map(|x| x * factor).collect() }
    }

    /// Largest absolute element of `self − other`. Panics if the shapes differ.
    pub fn max_difference(&self, other: &Matrix) -> f64 {
        assert_eq!((self.rows, self.cols), (other.rows, other.cols));
        self.data.iter().zip(&other.data).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max)
    }

    /// `max |(U†U − 1)_ij|`: zero for a unitary, and what an input check should report.
    pub fn unitarity_error(&self) -> f64 {
        (&self.dagger() * self).max_difference(&Matrix::identity(self.cols))
    }

    /// Applies a gate from the left: `self ← G_qubits · self`, where `self` has `2^n` rows and
    /// `gate` is `2^w × 2^w` on the ordered list `qubits` (first entry = bit 0 of the gate's index).
    ///
    /// This is the reference implementation that every faster one is tested against.
    /// Panics if a qubit is repeated or out of range: a bug in the caller.
    pub fn apply_gate(&mut self, gate: &Matrix, qubits: &[usize]) {
        let width = qubits.len();
        assert_eq!(gate.rows, 1 << width);
        assert_eq!(gate.cols, 1 << width);
        let mask = qubits.iter().fold(0usize, |m, &q| {
            assert!(1 << q < self.rows && m >> q & 1 == 0, "qubit {q} repeated or out of range");
            m | 1 << q
        });
        let spread = |k: usize| (0..width).fold(0, |x, b| x | (k >> b & 1) << qubits[b]);
        let mut amplitudes = vec![Complex64::ZERO; 1 << width];
        for base in (0..self.rows).filter(|r| r & mask == 0) {
            for c in 0..self.cols {
                for (k, a) in amplitudes.iter_mut().enumerate() {
                    *a = self[(base | spread(k), c)];
                }
                for k in 0..1 << width {
                    self[(base | spread(k), c)] = amplitudes.iter().enumerate().map(|(j, a)| gate[(k, j)] * a).sum();
                }
            }
        }
    }
}

impl Index<(usize, usize)> for Matrix {
    type Output = Complex64;
    fn index(&self, (r, c): (usize, usize)) -> &Complex64 {
        &self.data[r * self.cols + c]
    }
}

impl IndexMut<(usize, usize)> for Matrix {
    fn index_mut(&mut self, (r, c): (usize, usize)) -> &mut Complex64 {
        &mut self.data[r * self.cols + c]
    }
}

impl Mul for &Matrix {
    type Output = Matrix;
    fn mul(self, other: &Matrix) -> Matrix {
        assert_eq!(self.cols, other.rows, "inner dimensions differ");
        Matrix::from_fn(self.rows, other.cols, |r, c| (0..self.cols).map(|k| self[(r, k)] * other[(k, c)]).sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn haar_is_unitary() {
        let mut stream = Stream::new(1, 2, 3);
        for dim in [1, 2, 4, 8, 16] {
            assert!(Matrix::haar(dim, &mut stream).unitarity_error() < 1e-13);
        }
    }

    #[test]
    fn apply_gate_agrees_with_kron() {
        let mut stream = Stream::new(1, 2, 4);
        let (a, b, u) = (Matrix::haar(2, &mut stream), Matrix::haar(2, &mut stream), Matrix::haar(8, &mut stream));
        let id = Matrix::identity(2);
        let mut left = u.clone();
        left.apply_gate(&b.kron(&a), &[2, 0]);
        // Bit 0 of the gate is qubit 2, so `a` acts on qubit 2 and `b` on qubit 0.
        let full = a.kron(&id).kron(&b);
        assert!(left.max_difference(&(&full * &u)) < 1e-14);
    }
}
