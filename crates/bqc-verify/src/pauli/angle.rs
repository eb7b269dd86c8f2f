//! Angles that add up without rounding: a number of quarter turns and a rest in two doubles.
//!
//! The rest is an unevaluated sum of two doubles (T. J. Dekker, "A floating-point technique for extending the available
//! precision", Numer. Math. 18, 1971), because a circuit has a million angles, and a rounding of 1e-16 each would use
//! up the tolerance of the comparison.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, TAU};

/// `π/2 − FRAC_PI_2`, to 33 digits below `π/2`.
const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;

/// Angles beyond this are not taken: up to here, an angle's error stays below [`ERROR`].
const LARGEST: f64 = 1e6;

/// How far an angle of this module may be from the true one after a merge, in radians: `1e6 / (π/2)` quarter turns
/// times the rounding of the second double, 1e-32, and as much again for the sums.
pub(crate) const ERROR: f64 = 1e-25;

/// `quarters · π/2 + rest[0] + rest[1]` radians, modulo 2π.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Angle {
    /// Quarter turns, `0..4`.
    pub(crate) quarters: u8,
    /// At most π/4 from zero; the second is the rounding of the first.
    pub(crate) rest: [f64; 2],
}

impl Angle {
    /// None if it is no finite number, or beyond [`LARGEST`].
    pub(crate) fn of(radians: f64) -> Option<Angle> {
        if radians.is_nan() || radians.abs() > LARGEST {
            return None;
        }
        let turns = (radians / FRAC_PI_2).round();
        // The product in two doubles. The difference of its first to the angle is exact, as the two are within a
        // factor of two (Sterbenz), or the product is zero.
        let product = turns * FRAC_PI_2;
        let product_rest = turns.mul_add(FRAC_PI_2, -product);
        let rest = two_sum(radians - product, -(product_rest + turns * FRAC_PI_2_REST));
        Some(Angle { quarters: (turns as i64).rem_euclid(4) as u8, rest })
    }

    /// Further by some quarter turns.
    pub(crate) fn turned(self, quarters: u8) -> Angle {
        Angle { quarters: (self.quarters + quarters) % 4, ..self }
    }

    /// The sum.
    pub(crate) fn plus(self, other: Angle) -> Angle {
        let [sum, low] = two_sum(self.rest[0], other.rest[0]);
        let mut rest = two_sum(sum, low + (self.rest[1] + other.rest[1]));
        let mut quarters = self.quarters + other.quarters;
        if rest[0].abs() > FRAC_PI_4 {
            let sign = rest[0].signum();
            let [sum, low] = two_sum(rest[0], -sign * FRAC_PI_2);
            rest = two_sum(sum, low + (rest[1] - sign * FRAC_PI_2_REST));
            quarters += if sign > 0.0 { 1 } else { 3 };
        }
        Angle { quarters: quarters % 4, rest }
    }

    /// The other way round.
    pub(crate) fn negated(self) -> Angle {
        Angle { quarters: (4 - self.quarters) % 4, rest: self.rest.map(|x| -x) }
    }

    /// Only the rest.
    pub(crate) fn without_quarters(self) -> Angle {
        Angle { quarters: 0, ..self }
    }

    /// The phase distance of a rotation from the identity: `exp(−i r/2 P)` has the trace `N cos(r/2)`, so
    /// `d = √(1 − |cos(r/2)|)`, which is `√2 |sin(r/4)|` for r up to π from zero.
    pub(crate) fn distance(self) -> f64 {
        // From the nearest whole turn, in quarters.
        let quarters = if self.quarters > 2 { f64::from(self.quarters) - 4.0 } else { f64::from(self.quarters) };
        let radians = (quarters * FRAC_PI_2 + self.rest[0]).abs();
        std::f64::consts::SQRT_2 * (radians.min(TAU - radians) / 4.0).sin()
    }
}

/// `a + b` in two doubles, without error (D. Knuth, TAOCP 2, 4.2.2, theorem B).
fn two_sum(a: f64, b: f64) -> [f64; 2] {
    let sum = a + b;
    let b_part = sum - a;
    [sum, (a - (sum - b_part)) + (b - b_part)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn quarter_turns_are_split_off() {
        for (radians, quarters, rest) in [
            (0.0, 0, 0.0),
            (FRAC_PI_2, 1, -FRAC_PI_2_REST),
            (-FRAC_PI_2, 3, FRAC_PI_2_REST),
            (PI, 2, -2.0 * FRAC_PI_2_REST),
            (2.0 * PI, 0, -4.0 * FRAC_PI_2_REST),
            (0.25, 0, 0.25),
            (-0.25, 0, -0.25),
        ] {
            assert_eq!(Angle::of(radians), Some(Angle { quarters, rest: [rest, 0.0] }), "{radians}");
        }
        for radians in [f64::NAN, f64::INFINITY, -1e7] {
            assert_eq!(Angle::of(radians), None);
        }
    }

    #[test]
    fn sums_lose_nothing() {
        // A thousand times the double next to π/4000 is π/4 and a thousand times its rounding; the true rest of that,
        // by integer arithmetic, is far below what a sum of doubles would make of it.
        let step = Angle::of(PI / 4000.0).unwrap();
        let sum = (0..4000).fold(Angle::of(0.0).unwrap(), |sum, _| sum.plus(step));
        let back = (0..4000).fold(sum, |sum, _| sum.plus(step.negated()));
        assert_eq!((sum.quarters, back.quarters), (2, 0));
        assert!(sum.rest[0].abs() < 4000.0 * 1e-19 && back.rest[0].abs() < 1e-27, "{back:?}");
        for x in [0.1, 0.7, 3.0, -2.5, 1e5, 123_456.7] {
            let angle = Angle::of(x).unwrap();
            let (sin, cos) = (f64::from(angle.quarters) * FRAC_PI_2 + angle.rest[0]).sin_cos();
            assert!((sin - x.sin()).abs() < 1e-15 && (cos - x.cos()).abs() < 1e-15, "{x}");
            assert!(angle.rest[0].abs() <= FRAC_PI_4 + 1e-9);
            let nothing = angle.plus(angle.negated());
            assert_eq!((nothing.quarters, nothing.rest[0]), (0, 0.0));
        }
    }
}
