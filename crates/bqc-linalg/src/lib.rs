//! The arithmetic below bqc: everything here is about numbers, nothing about circuits.
//!
//! Notation used in the whole workspace: `n` qubits, `N = 2^n` amplitudes, `M` sample states,
//! `P` parameters. Bit `q` of an amplitude's index is the value of qubit `q`, so qubit 0 is the
//! least significant bit. A two-qubit matrix on the ordered pair `(a, b)` has qubit `a` as bit 0
//! and qubit `b` as bit 1 of its row and column index.

pub mod csd;
pub mod distance;
pub mod haar;
pub mod jacobi;
pub mod kak;
pub mod lanes;
pub mod matrix;
pub mod polar;
pub mod small;
pub mod stream;
pub mod su2;

pub use distance::phase_distance;
pub use matrix::Matrix;
pub use num_complex::Complex64;
pub use small::{Matrix2, Matrix4};
pub use stream::Stream;
pub use su2::Su2;
