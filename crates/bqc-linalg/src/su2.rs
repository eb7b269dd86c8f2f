//! One-qubit unitaries up to global phase, as unit quaternions.
//!
//! Four numbers instead of eight, products and inverses without trigonometry, and a projection
//! back to the group that is one square root. Angles (`u3`) exist only at the edges of bqc.

use crate::{Complex64, Matrix};

/// An element of SU(2): the matrix `[[a, −b*], [b, a*]]` with `|a|² + |b|² = 1`.
///
/// As a rotation, `a = cos(θ/2) − i·n_z·sin(θ/2)` and `b = (n_y − i·n_x)·sin(θ/2)`.
/// `U` and `−U` are different values but the same gate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Su2 {
    /// Upper left element.
    pub a: Complex64,
    /// Lower left element.
    pub b: Complex64,
}

impl Su2 {
    /// The identity.
    pub const IDENTITY: Su2 = Su2 { a: Complex64::ONE, b: Complex64::ZERO };

    /// The value with these elements, taken as they are: call [`Su2::normalized`] unless
    /// `|a|² + |b|² = 1` already holds.
    #[inline]
    pub fn new(a: Complex64, b: Complex64) -> Su2 {
        Su2 { a, b }
    }

    /// `exp(−iθZ/2)`, θ in radians.
    pub fn rz(theta: f64) -> Su2 {
        Su2::new(Complex64::cis(-theta / 2.0), Complex64::ZERO)
    }

    /// `exp(−iθY/2)`, θ in radians.
    pub fn ry(theta: f64) -> Su2 {
        let (s, c) = (theta / 2.0).sin_cos();
        Su2::new(Complex64::new(c, 0.0), Complex64::new(s, 0.0))
    }

    /// `exp(−iθX/2)`, θ in radians.
    pub fn rx(theta: f64) -> Su2 {
        let (s, c) = (theta / 2.0).sin_cos();
        Su2::new(Complex64::new(c, 0.0), Complex64::new(0.0, -s))
    }

    /// OpenQASM's `u3(θ, φ, λ) = Rz(φ)·Ry(θ)·Rz(λ)` up to global phase, angles in radians.
    pub fn u3(theta: f64, phi: f64, lambda: f64) -> Su2 {
        let (s, c) = (theta / 2.0).sin_cos();
        Su2::new(Complex64::from_polar(c, -(phi + lambda) / 2.0), Complex64::from_polar(s, (phi - lambda) / 2.0))
    }

    /// The angles `(θ, φ, λ)` of [`Su2::u3`], with θ in `[0, π]` and φ, λ in `[−2π, 2π]`.
    /// Where θ is 0 or π only one combination of φ and λ matters; the other is set to zero.
    pub fn u3_angles(self) -> [f64; 3] {
        let (cos, sin) = (self.a.norm(), self.b.norm());
        let theta = 2.0 * sin.atan2(cos);
        // Below this an argument is rounding noise: keep one angle instead of two random ones.
        const NOISE: f64 = 1e-15;
        if sin < NOISE {
            return [0.0, 0.0, -2.0 * self.a.arg()];
        }
        if cos < NOISE {
            return [std::f64::consts::PI, 0.0, -2.0 * self.b.arg()];
        }
        [theta, self.b.arg() - self.a.arg(), -self.a.arg() - self.b.arg()]
    }

    /// `exp(i(xX + yY + zZ))`, exactly.
    #[inline]
    pub fn exp([x, y, z]: [f64; 3]) -> Su2 {
        let t = (x * x + y * y + z * z).sqrt();
        let s = if t < 1e-12 { 1.0 } else { t.sin() / t };
        Su2::new(Complex64::new(t.cos(), s * z), Complex64::new(-s * y, s * x))
    }

    /// The inverse.
    #[inline]
    pub fn dagger(self) -> Su2 {
        Su2::new(self.a.conj(), -self.b)
    }

    /// Scaled back to `|a|² + |b|² = 1`. Zero has no direction and gives NaN.
    #[inline]
    pub fn normalized(self) -> Su2 {
        let s = 1.0 / (self.a.norm_sqr() + self.b.norm_sqr()).sqrt();
        Su2::new(self.a * s, self.b * s)
    }

    /// How far from the identity, ignoring the sign: `√(1 − |Re a|)·√2 ≈ θ/2`, zero for `±1`.
    pub fn distance_to_identity(self) -> f64 {
        (self.a.im.powi(2) + self.b.norm_sqr()).sqrt()
    }

    /// The 2×2 matrix.
    pub fn matrix(self) -> Matrix {
        Matrix::from_rows(2, 2, &[self.a, -self.b.conj(), self.b, self.a.conj()])
    }
}

/// `u * v` applies `v` first.
impl std::ops::Mul for Su2 {
    type Output = Su2;
    #[inline]
    fn mul(self, v: Su2) -> Su2 {
        Su2::new(self.a * v.a - self.b.conj() * v.b, self.b * v.a + self.a.conj() * v.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Stream, phase_distance};

    #[test]
    fn products_and_inverses_are_those_of_the_matrices() {
        let mut s = Stream::new(0, 0, 1);
        for _ in 0..100 {
            let (u, v) = (s.su2(), s.su2());
            assert!((u * v).matrix().max_difference(&(&u.matrix() * &v.matrix())) < 1e-15);
            assert!((u * u.dagger()).distance_to_identity() < 1e-15);
        }
    }

    #[test]
    fn angles_round_trip() {
        let mut s = Stream::new(0, 0, 2);
        let special = [Su2::IDENTITY, Su2::rx(std::f64::consts::PI), Su2::rz(1.0), Su2::ry(1e-9)];
        for u in special.into_iter().chain((0..1000).map(|_| s.su2())) {
            let [t, p, l] = u.u3_angles();
            assert!(phase_distance(&u.matrix(), &Su2::u3(t, p, l).matrix()) < 1e-15);
        }
    }

    #[test]
    fn exponential_matches_rotations() {
        let (t, close) = (0.7, |u: Su2, v: Su2| (u * v.dagger()).distance_to_identity() < 1e-15);
        assert!(close(Su2::exp([-t / 2.0, 0.0, 0.0]), Su2::rx(t)));
        assert!(close(Su2::exp([0.0, -t / 2.0, 0.0]), Su2::ry(t)));
        assert!(close(Su2::exp([0.0, 0.0, -t / 2.0]), Su2::rz(t)));
        assert!(close(Su2::u3(t, 0.3, -0.4), Su2::rz(0.3) * Su2::ry(t) * Su2::rz(-0.4)));
    }
}
