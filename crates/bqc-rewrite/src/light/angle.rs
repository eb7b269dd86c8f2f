//! Angles as fractions of a full turn in 64 bits: sums are exact, the order of additions does not matter, and a full
//! turn is zero.
//!
//! A rotation `exp(−iθP/2)` is, up to global phase, the same for θ and θ + 2π, so arithmetic modulo 2^64 is arithmetic
//! of rotations. Multiples of π/2^k are exact for every k ≤ 23, and are recognised where a file writes them as
//! decimals. One unit is 3.4e-19 rad, a thousandth of the rounding of an `f64` near one. What is indistinguishable from
//! rounding becomes the multiple that it is rounded from; an angle that is merely small stays.

use std::f64::consts::TAU;
use std::ops::{Add, Neg, Sub};

/// An angle modulo 2π, in units of 2π/2^64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Angle(u64);

/// An angle near a multiple of π/2. Of two such, the nearer one comes first, then the smaller one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NearQuarters {
    /// How far it is from the multiple, in units.
    off: u64,
    /// How many times π/2, 0 to 3.
    pub n: u8,
}

/// Multiples of this many units, π/2^23, are recognised.
const GRID: u64 = 1 << 40;
/// A number of radians that is read is known to fifteen digits, as many programs write it: so many units a radian,
/// 5.0e-15.
const READ_NOISE: f64 = 14_680.0;
/// Angles of products of gates are known to some 1e-15 rad: so many units, 5.6e-15 rad.
const COMPUTED_NOISE: f64 = 16384.0;
/// A sum of two angles is known to this part of them, four roundings.
const SUM_NOISE_BITS: u32 = 50;
/// Above this many radians the reduction modulo 2π goes through sine and cosine.
const FEW_TURNS: f64 = 64.0;

/// The nearest integer to a number below 2^63, of two that are as near the one away from zero: [`f64::round`] in a few
/// instructions that every processor has.
fn nearest(x: f64) -> i64 {
    let whole = x as i64;
    let rest = x - whole as f64;
    whole + i64::from(rest >= 0.5) - i64::from(rest <= -0.5)
}

impl Angle {
    /// No rotation.
    pub const ZERO: Angle = Angle(0);
    /// π/2.
    pub const QUARTER: Angle = Angle(1 << 62);
    /// π.
    pub const HALF: Angle = Angle(1 << 63);

    /// `n` times π/2.
    pub fn quarters(n: u8) -> Angle {
        Angle(u64::from(n).wrapping_mul(1 << 62))
    }

    /// The angle of so many radians as a file gives them. `None` if the number is not finite.
    pub fn from_radians(radians: f64) -> Option<Angle> {
        Angle::rounded(radians, 1.0 + READ_NOISE * radians.abs())
    }

    /// The angle of so many radians that are the result of arithmetic with matrices.
    pub fn from_computed(radians: f64) -> Option<Angle> {
        Angle::rounded(radians, COMPUTED_NOISE)
    }

    /// The angle of so many radians, or the multiple of π/2^23 that is no more than `noise` units away.
    fn rounded(radians: f64, noise: f64) -> Option<Angle> {
        if !radians.is_finite() {
            return None;
        }
        if radians == 0.0 {
            return Some(Angle::ZERO);
        }
        let few = if radians.abs() <= FEW_TURNS {
            radians
        } else {
            let (sin, cos) = radians.sin_cos();
            sin.atan2(cos)
        };
        // 2π in three parts, so that the products with a small number of turns are exact (Cody and Waite).
        let high = f64::from_bits(TAU.to_bits() & !0xfff);
        let (middle, low) = (TAU - high, 2.449_293_598_294_706_4e-16);
        let turns = nearest(few / TAU) as f64;
        let rest = ((few - turns * high) - turns * middle) - turns * low;
        let units = rest * (2f64.powi(64) / TAU);
        let units =
            Angle(if units.abs() < 2f64.powi(62) { nearest(units) as u64 } else { units.round() as i128 as u64 });
        let nearest = Angle(units.0.wrapping_add(GRID / 2) & !(GRID - 1));
        Some(if (units - nearest).size() as f64 <= noise { nearest } else { units })
    }

    /// How many units it is away from zero.
    fn size(self) -> u64 {
        (self.0 as i64).unsigned_abs()
    }

    /// The sum of the angles of two rotations, or the multiple of π/2 that it cannot be told from.
    pub fn joined(self, other: Angle) -> Angle {
        let sum = self + other;
        let noise = (self.size() >> SUM_NOISE_BITS) + (other.size() >> SUM_NOISE_BITS);
        let nearest = Angle(sum.0.wrapping_add(Angle::QUARTER.0 / 2) & !(Angle::QUARTER.0 - 1));
        if (sum - nearest).size() <= noise { nearest } else { sum }
    }

    /// In radians, in `[−π, π)`: one rounding for multiples of π/2^23.
    pub fn radians(self) -> f64 {
        self.0 as i64 as f64 * (TAU / 2f64.powi(64))
    }

    /// How many times π/2 it is, 0 to 3, if it is a multiple.
    pub fn as_quarters(self) -> Option<u8> {
        (self.0 << 2 == 0).then_some((self.0 >> 62) as u8)
    }

    /// How many times π/4 it is, 0 to 7, if it is a multiple.
    pub fn as_eighths(self) -> Option<u8> {
        (self.0 << 3 == 0).then_some((self.0 >> 61) as u8)
    }

    /// What it is beyond a multiple of π/2: less than that.
    pub fn beyond_quarters(self) -> Angle {
        Angle(self.0 & (Angle::QUARTER.0 - 1))
    }

    /// The multiple of π/2 that it is within the noise of computed angles, if it is one.
    pub fn near_quarters(self) -> Option<NearQuarters> {
        let nearest = Angle(self.0.wrapping_add(Angle::QUARTER.0 / 2) & !(Angle::QUARTER.0 - 1));
        let off = (self - nearest).size();
        nearest.as_quarters().filter(|_| off as f64 <= COMPUTED_NOISE).map(|n| NearQuarters { off, n })
    }

    /// Whether it is a multiple of π/2^23.
    pub fn is_multiple(self) -> bool {
        self.0.is_multiple_of(GRID)
    }

    /// The angle in `(−π/2, π/2]` that differs by a multiple of π, and whether that multiple is odd.
    pub fn without_half_turn(self) -> (Angle, bool) {
        let is_odd = !matches!(self.0, 0..=0x4000_0000_0000_0000 | 0xc000_0000_0000_0001..);
        (if is_odd { self + Angle::HALF } else { self }, is_odd)
    }
}

impl Add for Angle {
    type Output = Angle;
    fn add(self, other: Angle) -> Angle {
        Angle(self.0.wrapping_add(other.0))
    }
}

impl Sub for Angle {
    type Output = Angle;
    fn sub(self, other: Angle) -> Angle {
        Angle(self.0.wrapping_sub(other.0))
    }
}

impl Neg for Angle {
    type Output = Angle;
    fn neg(self) -> Angle {
        Angle(self.0.wrapping_neg())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::Stream;
    use std::f64::consts::PI;

    #[test]
    fn multiples_of_pi_are_exact_however_they_are_computed() {
        for k in 0..=23 {
            let step = PI / 2f64.powi(k);
            for n in [-65i32, -7, -1, 0, 1, 3, 5, 8, 64] {
                let at_once = Angle::from_radians(f64::from(n) * step).unwrap();
                let one = Angle::from_radians(step).unwrap();
                let sum = (0..n.abs()).fold(Angle::ZERO, |sum, _| sum + one);
                assert_eq!(at_once, if n < 0 { -sum } else { sum }, "{n} times pi/2^{k}");
            }
        }
        assert_eq!(Angle::from_radians(PI), Some(Angle::HALF));
        assert_eq!(Angle::from_radians(-PI), Some(Angle::HALF));
        assert_eq!(Angle::from_radians(1.5 * PI).unwrap().as_quarters(), Some(3));
        assert_eq!(Angle::from_radians(PI / 4.0).unwrap().as_quarters(), None);
    }

    #[test]
    fn other_angles_come_back_to_rounding() {
        let mut stream = Stream::new(0, 7, 0);
        for scale in [1e-12, 1e-3, 1.0, 30.0, 1e5] {
            for _ in 0..200 {
                let radians = scale * stream.gaussian();
                let back = Angle::from_radians(radians).unwrap().radians();
                let difference = back - radians;
                let bound = 1e-14 + 1e-15 * radians.abs();
                assert!(difference.sin().abs() < bound && difference.cos() > 0.5, "{radians}");
            }
        }
        assert_eq!(Angle::from_radians(f64::NAN), None);
        assert_eq!(Angle::from_radians(f64::INFINITY), None);
    }

    #[test]
    fn small_angles_are_not_noise_but_what_is_left_of_large_ones_is() {
        let angle = |radians: f64| Angle::from_radians(radians).unwrap();
        let small = angle(PI / 2f64.powi(55));
        assert_eq!(small, Angle(1 << 8));
        assert_eq!(small.joined(small), Angle(1 << 9));
        assert_eq!(angle(0.1).joined(angle(0.2)).joined(-angle(0.3)), Angle::ZERO);
        assert_eq!(angle(PI / 4.0).joined(small), angle(PI / 4.0) + small);
        assert_eq!(Angle::from_computed(PI / 2.0 + 1e-15), Some(Angle::QUARTER));
        assert_eq!(Angle::from_computed(1e-15), Some(Angle::ZERO));
    }

    #[test]
    fn half_turns_are_taken_off() {
        for n in 0..16 {
            let angle = Angle(n << 60);
            let (rest, is_odd) = angle.without_half_turn();
            assert_eq!(if is_odd { rest + Angle::HALF } else { rest }, angle);
            assert!(rest.radians() > -PI / 2.0 && rest.radians() <= PI / 2.0);
        }
    }
}
