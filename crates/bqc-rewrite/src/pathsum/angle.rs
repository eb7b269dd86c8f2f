//! Angles of rotations about z: a whole number of eighths of a turn, kept exactly, and a generic rest. Sums of angles
//! of a Clifford+T circuit never leave the exact part, and are written out in one way, however they came about.

use std::f64::consts::FRAC_PI_4;
use std::ops::{Add, Neg};

/// An angle this near to a multiple of π/4, in radians, is taken for it. Sums and products of angles that were
/// multiples are wrong by some 1e-15; the phase distance that the rounding costs is below half of this, and whoever
/// measures the result against the circuit measures it too.
const SNAP_TOL: f64 = 1e-12;

/// `eighths · π/4 + rest`, modulo 2π.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Angle {
    /// `0..8`.
    eighths: u8,
    /// In radians, within π/8 of zero; zero where the angle is exact.
    rest: f64,
}

impl Angle {
    pub(super) const ZERO: Angle = Angle::eighths(0);
    pub(super) const QUARTER: Angle = Angle::eighths(2);
    pub(super) const HALF: Angle = Angle::eighths(4);

    /// `n · π/4`.
    pub(super) const fn eighths(n: u8) -> Angle {
        Angle { eighths: n % 8, rest: 0.0 }
    }

    /// The angle of this many radians, which are finite.
    pub(super) fn of(radians: f64) -> Angle {
        let n = (radians / FRAC_PI_4).round();
        let rest = radians - n * FRAC_PI_4;
        Angle { eighths: n.rem_euclid(8.0) as u8, rest: if rest.abs() < SNAP_TOL { 0.0 } else { rest } }
    }

    /// Its eighths of a turn and its rest in radians.
    pub(super) fn parts(self) -> (u8, f64) {
        (self.eighths, self.rest)
    }

    /// The angle of these parts; none if no angle has them.
    pub(super) fn of_parts((eighths, rest): (u8, f64)) -> Option<Angle> {
        // Half an eighth, and what rounding may add.
        let is_rest = rest == 0.0 && rest.is_sign_positive() || (SNAP_TOL..0.4).contains(&rest.abs());
        (eighths < 8 && is_rest).then_some(Angle { eighths, rest })
    }

    /// In radians, from 0 to 2π; minus the smallest rest.
    pub(super) fn radians(self) -> f64 {
        self.eighths as f64 * FRAC_PI_4 + self.rest
    }

    /// Whether it is a multiple of π/4.
    pub(super) fn is_exact(self) -> bool {
        self.rest == 0.0
    }

    pub(super) fn is_zero(self) -> bool {
        self == Angle::ZERO
    }

    /// The number of quarter turns, `0..4`, of a Clifford rotation.
    pub(super) fn quarters(self) -> Option<u8> {
        (self.rest == 0.0 && self.eighths.is_multiple_of(2)).then_some(self.eighths / 2)
    }

    /// Itself, or its negative.
    pub(super) fn negated_if(self, is_negated: bool) -> Angle {
        if is_negated { -self } else { self }
    }
}

impl Add for Angle {
    type Output = Angle;

    fn add(self, other: Angle) -> Angle {
        let exact = (self.eighths + other.eighths) % 8;
        let rest = self.rest + other.rest;
        if rest == 0.0 {
            return Angle::eighths(exact);
        }
        let rest = Angle::of(rest);
        Angle { eighths: (exact + rest.eighths) % 8, rest: rest.rest }
    }
}

impl Neg for Angle {
    type Output = Angle;

    fn neg(self) -> Angle {
        Angle { eighths: (8 - self.eighths) % 8, rest: if self.rest == 0.0 { 0.0 } else { -self.rest } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    #[test]
    fn angles_add_up_modulo_a_turn() {
        for a in [-7.0, -0.3, 0.0, 1e-13, 0.7, FRAC_PI_4, 3.0, PI, 9.5] {
            for b in [-4.1, -FRAC_PI_4, 0.25, 0.0, 2.0 * PI] {
                let sum = (Angle::of(a) + Angle::of(b)).radians();
                let off = (sum - a - b).rem_euclid(TAU);
                assert!(off.min(TAU - off) < 1e-11, "{a} + {b} = {sum}");
                assert!((Angle::of(a) + -Angle::of(a)).is_zero());
            }
        }
    }

    #[test]
    fn multiples_of_an_eighth_are_exact_and_written_in_one_way() {
        for n in -16..16i32 {
            let angle = Angle::of(n as f64 * FRAC_PI_4 + 3e-15);
            assert_eq!(angle, Angle::eighths(n.rem_euclid(8) as u8));
            assert_eq!(angle.radians().to_bits(), (n.rem_euclid(8) as f64 * FRAC_PI_4).to_bits());
            assert_eq!(angle.quarters(), (n % 2 == 0).then_some((n.rem_euclid(8) / 2) as u8));
        }
        let third = Angle::of(PI / 3.0);
        assert!(!third.is_exact() && third.quarters().is_none());
        assert_eq!(third + third + third, Angle::HALF);
    }
}
