//! One-qubit gates as three Euler angles, `Rz(φ) Ry(θ) Rz(λ)`, with products that are exact where they can be.
//!
//! The product of two such gates has `Ry(a) Rz(m) Ry(b)` in its middle. If one of the three angles is a multiple of π,
//! or two of them are multiples of π/2, the Euler angles of the product are sums of the given ones: rows 1 to 4 of
//! [`Euler::then_exactly`], which a test compares with matrices. So Clifford gates among themselves, and rotations about
//! one axis, never meet a rounding. Otherwise the product goes through quaternions.

use super::angle::Angle;
use super::clifford::{Axis, Clifford};
use bqc_linalg::Su2;

/// `Rz(φ) Ry(θ) Rz(λ)`, which is OpenQASM's `u3(θ, φ, λ)` up to global phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Euler {
    pub theta: Angle,
    pub phi: Angle,
    pub lambda: Angle,
}

impl Euler {
    pub const IDENTITY: Euler = Euler { theta: Angle::ZERO, phi: Angle::ZERO, lambda: Angle::ZERO };

    fn new(theta: Angle, phi: Angle, lambda: Angle) -> Euler {
        Euler { theta, phi, lambda }
    }

    /// From `[θ, φ, λ]` in radians. `None` if one of them is not finite.
    pub fn from_radians([theta, phi, lambda]: [f64; 3]) -> Option<Euler> {
        Some(Euler::new(Angle::from_radians(theta)?, Angle::from_radians(phi)?, Angle::from_radians(lambda)?))
    }

    /// `exp(−iθA/2)`.
    pub fn rotation(axis: Axis, angle: Angle) -> Euler {
        match axis {
            Axis::X => Euler::new(angle, -Angle::QUARTER, Angle::QUARTER),
            Axis::Y => Euler::new(angle, Angle::ZERO, Angle::ZERO),
            Axis::Z => Euler::new(Angle::ZERO, Angle::ZERO, angle),
        }
    }

    /// The gate that a conjugation belongs to.
    pub fn clifford(wanted: Clifford) -> Euler {
        let all = (0..3).flat_map(|theta| (0..4).flat_map(move |phi| (0..4).map(move |lambda| [theta, phi, lambda])));
        let is_wanted = |&[theta, phi, lambda]: &[u8; 3]| {
            let inner = Clifford::turn(Axis::Z, lambda).then(Clifford::turn(Axis::Y, theta));
            inner.then(Clifford::turn(Axis::Z, phi)) == wanted
        };
        let [theta, phi, lambda] = all.into_iter().find(is_wanted).expect("the Euler angles reach every Clifford gate");
        Euler::new(Angle::quarters(theta), Angle::quarters(phi), Angle::quarters(lambda))
    }

    /// This gate, then another one.
    pub fn then(self, next: Euler) -> Euler {
        self.then_exactly(next).unwrap_or_else(|| Euler::of(next.su2() * self.su2()))
    }

    /// This gate, then another one, if the angles of the product are sums of theirs.
    pub fn then_exactly(self, next: Euler) -> Option<Euler> {
        let (mut a, mut b) = (next.theta, self.theta);
        let (mut phi, mut middle, mut lambda) = (next.phi, next.lambda + self.phi, self.lambda);
        let minus_quarter = -Angle::QUARTER;
        // Ry(−θ) = Rz(π) Ry(θ) Rz(π), up to phase.
        if a == minus_quarter {
            (a, phi, middle) = (Angle::QUARTER, phi + Angle::HALF, middle + Angle::HALF);
        }
        if b == minus_quarter {
            (b, lambda, middle) = (Angle::QUARTER, lambda + Angle::HALF, middle + Angle::HALF);
        }
        let (quarter, half) = (Angle::QUARTER, Angle::HALF);
        let product = match (a.as_quarters(), middle.as_quarters(), b.as_quarters()) {
            // 1. One of the outer angles is a multiple of π.
            (Some(0), ..) => Euler::new(b, phi + middle, lambda),
            (Some(2), ..) => Euler::new(b + half, phi - middle, lambda),
            (.., Some(0)) => Euler::new(a, phi, middle + lambda),
            (.., Some(2)) => Euler::new(a + half, phi, lambda - middle),
            // 2. The middle one is.
            (_, Some(0), _) => Euler::new(a + b, phi, lambda),
            (_, Some(2), _) => Euler::new(b - a, phi + half, lambda),
            // 3. Ry(π/2) Rz(m) Ry(π/2) = X H Rz(m) H Z = Rx(m + π) Rz(π).
            (Some(1), _, Some(1)) => Euler::new(middle + half, phi - quarter, lambda - quarter),
            // 4. Ry(π/2) Rz(π/2) takes Y to Z.
            (Some(1), Some(1), _) => Euler::new(quarter, phi + b, lambda + quarter),
            (Some(1), Some(3), _) => Euler::new(quarter, phi - b, lambda - quarter),
            (_, Some(1), Some(1)) => Euler::new(quarter, phi + quarter, lambda + a),
            (_, Some(3), Some(1)) => Euler::new(quarter, phi - quarter, lambda - a),
            _ => return None,
        };
        Some(product.normal())
    }

    /// The same gate with θ in `[0, π]`, and one angle where θ is zero or π.
    pub fn normal(self) -> Euler {
        let Euler { mut theta, mut phi, mut lambda } = self;
        if theta.radians() < 0.0 && theta != Angle::HALF {
            (theta, phi, lambda) = (-theta, phi + Angle::HALF, lambda + Angle::HALF);
        }
        match theta {
            Angle::ZERO => Euler::new(theta, Angle::ZERO, phi + lambda),
            Angle::HALF => Euler::new(theta, Angle::ZERO, lambda - phi),
            _ => Euler::new(theta, phi, lambda),
        }
    }

    /// How many of its angles are no multiples of π/2.
    pub fn n_rotations(self) -> usize {
        let Euler { theta, phi, lambda } = self.normal();
        [theta, phi, lambda].iter().filter(|angle| angle.as_quarters().is_none()).count()
    }

    /// Whether it is the identity up to phase.
    pub fn is_identity(self) -> bool {
        self.normal() == Euler::IDENTITY
    }

    /// `[θ, φ, λ]` in radians, θ in `[0, π]`.
    pub fn radians(self) -> [f64; 3] {
        let Euler { theta, phi, lambda } = self.normal();
        [theta.radians().abs(), phi.radians(), lambda.radians()]
    }

    /// The angles of a unit quaternion. Not-a-number becomes the identity, which no verifier takes for it.
    pub fn of(value: Su2) -> Euler {
        let [theta, phi, lambda] = value.normalized().u3_angles().map(Angle::from_computed);
        let angles = theta.zip(phi).zip(lambda);
        angles.map_or(Euler::IDENTITY, |((theta, phi), lambda)| Euler::new(theta, phi, lambda).normal())
    }

    fn su2(self) -> Su2 {
        Su2::u3(self.theta.radians(), self.phi.radians(), self.lambda.radians())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::Stream;

    fn distance(a: Su2, b: Su2) -> f64 {
        (a * b.dagger()).distance_to_identity()
    }

    #[test]
    fn every_product_is_that_of_the_matrices() {
        // All multiples of π/4 and a generic angle on each of the three places that meet, and generic ones outside.
        let mut stream = Stream::new(0, 7, 1);
        let eighths = (0..8).map(|n| Angle::from_radians(f64::from(n) * std::f64::consts::FRAC_PI_4).unwrap());
        let angles: Vec<Angle> = eighths.chain([Angle::from_radians(0.7).unwrap()]).collect();
        for &a in &angles {
            for &b in &angles {
                for &m in &angles {
                    let [phi, lambda, split] = [0; 3].map(|_| Angle::from_radians(stream.gaussian()).unwrap());
                    let first = Euler::new(b, m - split, lambda);
                    let next = Euler::new(a, phi, split);
                    let product = first.then(next);
                    let n_right = [a, m, b].iter().filter(|angle| angle.as_quarters().is_some()).count();
                    assert!(first.then_exactly(next).is_some() || n_right < 2);
                    assert!(distance(product.su2(), next.su2() * first.su2()) < 1e-14, "{a:?} {m:?} {b:?}");
                    assert!((0.0..=std::f64::consts::PI).contains(&product.radians()[0]));
                }
            }
        }
    }

    #[test]
    fn clifford_gates_stay_on_multiples_of_a_quarter_turn() {
        let turns = Axis::ALL.map(|axis| (Euler::rotation(axis, Angle::QUARTER), Clifford::turn(axis, 1)));
        let mut stream = Stream::new(0, 7, 2);
        let (mut gate, mut clifford) = (Euler::IDENTITY, Clifford::IDENTITY);
        for _ in 0..500 {
            let (next, turn) = turns[stream.below(3)];
            (gate, clifford) = (gate.then(next), clifford.then(turn));
            assert!([gate.theta, gate.phi, gate.lambda].iter().all(|angle| angle.as_quarters().is_some()));
            assert_eq!(gate.normal(), Euler::clifford(clifford).normal());
            assert_eq!(gate.is_identity(), clifford == Clifford::IDENTITY);
        }
    }
}
