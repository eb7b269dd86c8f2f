//! The arithmetic below bqc: small complex matrices, batches of states, distances, and seeded random numbers.
//!
//! Everything here is about numbers; circuits and gates with names begin in `bqc-circuit`. There are two halves. The
//! *scalar* half is plain code for matrices of a few qubits: it serves the gate table, decompositions and reference
//! computations. The *lanes* half ([`lanes`]) is the SIMD leaf that engines spend their time in: the same kernels for
//! AVX-512, AVX2 and plain scalars, with the same bits on each, and the only place here with `unsafe`.
//!
//! Notation used in the whole workspace: `n` qubits, `N = 2^n` amplitudes, `M` sample states,
//! `P` parameters. Bit `q` of an amplitude's index is the value of qubit `q`, so qubit 0 is the
//! least significant bit. A two-qubit matrix on the ordered pair `(a, b)` has qubit `a` as bit 0
//! and qubit `b` as bit 1 of its row and column index.
//!
//! # Where to begin
//!
//! | part | modules |
//! |---|---|
//! | matrices | [`matrix`] (any size), [`small`] (2×2 and 4×4), [`su2`] (one-qubit unitaries as quaternions) |
//! | how far apart unitaries are | [`distance`] |
//! | decompositions | [`jacobi`] (singular values, eigenvectors), [`csd`] (cosine–sine), [`kak`] (two-qubit unitaries, their circuits), [`polar`] (the unitary that fits an environment) |
//! | random numbers and states | [`stream`] (each stream is named by seed and purpose), [`haar`] |
//! | SIMD kernels | [`lanes`]: states through gates, environments of sweeps, Jacobians, Gram matrices and their factors |

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
