//! Closed-form decomposition of two-qubit unitaries, and the circuits with fewest CX.
//!
//! `U = (l₀ ⊗ l₁) · exp(i(x XX + y YY + z ZZ)) · (r₀ ⊗ r₁)` up to phase (Khaneja and Glaser,
//! quant-ph/0010100; Zhang, Vala, Sastry and Whaley, quant-ph/0209120). In the magic basis local
//! gates are real and the middle is diagonal, so `Q = UᵀU` there is a symmetric unitary whose real
//! and imaginary parts are diagonalised at once by Jacobi rotations (Bunse-Gerstner, Byers and
//! Mehrmann 1993). Nothing is divided and no eigenvalue needs a neighbour at a distance: degenerate
//! and nearly degenerate gates are as accurate as generic ones. Circuits of 0 to 3 CX follow Shende,
//! Bullock and Markov, quant-ph/0308045, and Vatan and Williams, quant-ph/0308006.

mod circuit;

pub use circuit::{LOWER_COUNT_TOLERANCE, TwoQubitCircuit, TwoQubitGate};

use crate::{Complex64, Matrix4, Su2};
use std::array::from_fn;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2, FRAC_PI_4, PI};

/// What is called unitary here; results are as accurate as the input is unitary.
const UNITARITY: f64 = 1e-9;

/// A real 4×4 matrix, `[row][column]`.
type Real4 = [[f64; 4]; 4];

/// The parts of `U = (l₀ ⊗ l₁) · exp(i(x XX + y YY + z ZZ)) · (r₀ ⊗ r₁)`, up to global phase.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Kak {
    /// The gates applied last, on wires 0 and 1.
    pub left: [Su2; 2],
    /// `[x, y, z]` in the Weyl chamber `π/4 ≥ x ≥ y ≥ |z|`, radians; `z ≥ 0` where `x = π/4`.
    /// The bounds hold to about 1e-15.
    pub coordinates: [f64; 3],
    /// The gates applied first, on wires 0 and 1.
    pub right: [Su2; 2],
}

impl Kak {
    /// Decomposes `u`, with qubit 0 as bit 0 of the index.
    ///
    /// * `None` if `u` is not unitary to 1e-9 or not finite.
    /// * Accuracy: a phase distance of about 1e-15, whatever the spectrum, plus the deviation of `u`
    ///   from a unitary.
    pub fn decompose(u: &Matrix4) -> Option<Kak> {
        // False for NaN too.
        let unitary = u.unitarity_error() < UNITARITY;
        if !unitary {
            return None;
        }
        let magic = magic_basis();
        let v = magic.dagger() * *u * magic;
        let q = transpose(&v) * v;
        let mut p = diagonalize(&q);
        if determinant(&p) < 0.0 {
            p.iter_mut().for_each(|row| row[0] = -row[0]);
        }
        let p = Matrix4::from_fn(|r, c| Complex64::new(p[r][c], 0.0));
        // Eigenvalues of Q are e^{2iθ}; with θ known, K = V·P·e^{−iθ} is unitary and KᵀK = 1: real.
        let diagonal = transpose(&p) * q * p;
        let mut theta: [f64; 4] = from_fn(|k| diagonal.0[k][k].arg() / 2.0);
        let vp = v * p;
        let mut k: Real4 = from_fn(|r| from_fn(|c| (vp.0[r][c] * Complex64::cis(-theta[c])).re));
        if determinant(&k) < 0.0 {
            theta[0] += PI;
            k.iter_mut().for_each(|row| row[0] = -row[0]);
        }
        let k = Matrix4::from_fn(|r, c| Complex64::new(k[r][c], 0.0));
        let left = tensor_factors(&(magic * k * magic.dagger()));
        let right = tensor_factors(&(magic * transpose(&p) * magic.dagger()));
        // The signs of XX, YY and ZZ on the magic states: see `magic_basis`.
        let [a, b, c, d] = theta;
        let coordinates = [(a + b - c - d) / 4.0, (b + d - a - c) / 4.0, (a + d - b - c) / 4.0];
        let mut kak = Kak { left, coordinates, right };
        kak.move_into_chamber();
        Some(kak)
    }

    /// Brings any real coordinates into the Weyl chamber, with the local gates that this takes.
    fn move_into_chamber(&mut self) {
        for (coordinate, pauli) in self.coordinates.iter_mut().zip(PAULI) {
            // exp(iπ/2 σσ) is i σσ, a local gate.
            let turns = (*coordinate / FRAC_PI_2).round();
            *coordinate -= turns * FRAC_PI_2;
            if turns.rem_euclid(2.0) == 1.0 {
                self.right = self.right.map(|r| pauli * r);
            }
        }
        for (j, k) in [(0, 1), (1, 2), (0, 1)] {
            if self.coordinates[j].abs() < self.coordinates[k].abs() {
                self.swap_axes(j, k);
            }
        }
        for j in [0, 1] {
            if self.coordinates[j] < 0.0 {
                self.flip_axes(j, 2);
            }
        }
        // Where x = π/4 the signs of z are one gate; 1e-14 is the rounding of x.
        if self.coordinates[2] < 0.0 && self.coordinates[0] > FRAC_PI_4 - 1e-14 {
            self.coordinates[0] -= FRAC_PI_2;
            self.right = self.right.map(|r| PAULI[0] * r);
            self.flip_axes(0, 2);
        }
    }

    /// Exchanges two coordinates: conjugation of both wires by a quarter turn about the third axis.
    fn swap_axes(&mut self, j: usize, k: usize) {
        self.coordinates.swap(j, k);
        let turn = [Su2::rx, Su2::ry, Su2::rz][3 - j - k](FRAC_PI_2);
        self.left = self.left.map(|l| l * turn.dagger());
        self.right = self.right.map(|r| turn * r);
    }

    /// Changes the signs of two coordinates: conjugation of wire 0 by the third Pauli matrix.
    fn flip_axes(&mut self, j: usize, k: usize) {
        self.coordinates[j] = -self.coordinates[j];
        self.coordinates[k] = -self.coordinates[k];
        let pauli = PAULI[3 - j - k];
        self.left[0] = self.left[0] * pauli;
        self.right[0] = pauli * self.right[0];
    }
}

/// The Pauli matrices as rotations by π: `−iσ`.
const PAULI: [Su2; 3] = [
    Su2 { a: Complex64::ZERO, b: Complex64::new(0.0, -1.0) },
    Su2 { a: Complex64::ZERO, b: Complex64::new(1.0, 0.0) },
    Su2 { a: Complex64::new(0.0, -1.0), b: Complex64::ZERO },
];

/// The magic basis in columns: `|00⟩+|11⟩`, `i(|01⟩+|10⟩)`, `|01⟩−|10⟩`, `i(|00⟩−|11⟩)`, each by √2.
/// `XX = (+,+,−,−)`, `YY = (−,+,−,+)` and `ZZ = (+,−,−,+)` on them.
fn magic_basis() -> Matrix4 {
    let (r, i, o) = (Complex64::new(FRAC_1_SQRT_2, 0.0), Complex64::new(0.0, FRAC_1_SQRT_2), Complex64::ZERO);
    let mut m = Matrix4::ZERO;
    m.0 = [[r, o, o, i], [o, i, r, o], [o, i, -r, o], [r, o, o, -i]];
    m
}

fn transpose(m: &Matrix4) -> Matrix4 {
    Matrix4::from_fn(|r, c| m.0[c][r])
}

/// `w[0]` on wire 0 and `w[1]` on wire 1.
fn tensor(w: [Su2; 2]) -> Matrix4 {
    let [m0, m1] = w.map(|u| [[u.a, -u.b.conj()], [u.b, u.a.conj()]]);
    Matrix4::from_fn(|r, c| m1[r >> 1][c >> 1] * m0[r & 1][c & 1])
}

/// The factors of a matrix that is a tensor product of two special unitaries, up to a phase.
fn tensor_factors(m: &Matrix4) -> [Su2; 2] {
    let block = |r: usize, c: usize| [0, 1].map(|i| [0, 1].map(|j| m.0[2 * r + i][2 * c + j]));
    let size = |b: &[[Complex64; 2]; 2]| b.iter().flatten().map(|x| x.norm_sqr()).sum::<f64>();
    // Every block is an element of the factor on wire 1 times the factor on wire 0: the largest one
    // has the fewest rounding errors.
    let (row, column) = if size(&block(0, 0)) >= size(&block(0, 1)) { (0, 0) } else { (0, 1) };
    let zero = special(&block(row, column));
    let [a, b] = [zero.a, zero.b];
    // ½ Tr(zero† · block) for the first column of the factor on wire 1.
    let element = |r: usize| {
        let x = block(r, 0);
        a.conj() * x[0][0] + b.conj() * x[1][0] - b * x[0][1] + a * x[1][1]
    };
    let other = |r: usize| {
        let x = block(r, 1);
        a.conj() * x[0][0] + b.conj() * x[1][0] - b * x[0][1] + a * x[1][1]
    };
    let one = special(&[[element(0), other(0)], [element(1), other(1)]]);
    [zero, one]
}

/// The special unitary nearest to a 2×2 matrix that is one up to a factor.
fn special(m: &[[Complex64; 2]; 2]) -> Su2 {
    // With the phase of the determinant removed, the matrix is s·[[a, −b*], [b, a*]].
    let determinant = m[0][0] * m[1][1] - m[0][1] * m[1][0];
    let phase = Complex64::cis(-determinant.arg() / 2.0);
    let [[p, q], [r, s]] = m.map(|row| row.map(|x| x * phase));
    Su2::new(p + s.conj(), r - q.conj()).normalized()
}

/// Determinant of a real 4×4 matrix, by 2×2 minors.
fn determinant(m: &Real4) -> f64 {
    let minor = |r: usize, i: usize, j: usize| m[r][i] * m[r + 1][j] - m[r][j] * m[r + 1][i];
    minor(0, 0, 1) * minor(2, 2, 3) - minor(0, 0, 2) * minor(2, 1, 3)
        + minor(0, 0, 3) * minor(2, 1, 2)
        + minor(0, 1, 2) * minor(2, 0, 3)
        - minor(0, 1, 3) * minor(2, 0, 2)
        + minor(0, 2, 3) * minor(2, 0, 1)
}

/// Sweeps of Jacobi rotations at most. Convergence is quadratic: four or five are usual.
const MAX_SWEEPS: usize = 30;
/// Off-diagonal elements below this are rounding errors of `Q`.
const CONVERGED: f64 = 2e-16;

/// A real orthogonal `P` for which `PᵀQP` is diagonal, `Q` a symmetric unitary: its real and
/// imaginary parts are real symmetric and commute. Every rotation minimises the sum of the squares of
/// both off-diagonal elements: with `h = (m_pp − m_qq, 2m_pq)` of each part, at the angle
/// `¼ atan2(Σ 2h₀h₁, Σ h₀² − h₁²)`.
fn diagonalize(q: &Matrix4) -> Real4 {
    // Rounding leaves Q symmetric only to 1e-16.
    let symmetric =
        |part: fn(Complex64) -> f64| -> Real4 { from_fn(|r| from_fn(|c| (part(q.0[r][c]) + part(q.0[c][r])) / 2.0)) };
    let mut parts = [symmetric(|x| x.re), symmetric(|x| x.im)];
    let mut p: Real4 = from_fn(|r| from_fn(|c| f64::from(r == c)));
    for _ in 0..MAX_SWEEPS {
        let mut largest = 0.0f64;
        for i in 0..4 {
            for j in i + 1..4 {
                let off = parts[0][i][j].abs().max(parts[1][i][j].abs());
                largest = largest.max(off);
                if off <= CONVERGED {
                    continue;
                }
                let (mut on, mut cross) = (0.0, 0.0);
                for m in &parts {
                    let (h0, h1) = (m[i][i] - m[j][j], 2.0 * m[i][j]);
                    on += h0 * h0 - h1 * h1;
                    cross += 2.0 * h0 * h1;
                }
                let (s, c) = (cross.atan2(on) / 4.0).sin_cos();
                for m in &mut parts {
                    rotate_columns(m, i, j, c, s);
                    rotate_rows(m, i, j, c, s);
                }
                rotate_columns(&mut p, i, j, c, s);
            }
        }
        if largest <= CONVERGED {
            break;
        }
    }
    p
}

/// `m ← Gᵀ · m` with the rotation of [`rotate_columns`].
fn rotate_rows(m: &mut Real4, i: usize, j: usize, c: f64, s: f64) {
    let (x, y) = (m[i], m[j]);
    m[i] = from_fn(|k| c * x[k] + s * y[k]);
    m[j] = from_fn(|k| c * y[k] - s * x[k]);
}

/// `m ← m · G` with the rotation `G` in the plane of columns `i` and `j`.
fn rotate_columns(m: &mut Real4, i: usize, j: usize, c: f64, s: f64) {
    for row in m {
        (row[i], row[j]) = (c * row[i] + s * row[j], c * row[j] - s * row[i]);
    }
}

#[cfg(test)]
mod tests;
