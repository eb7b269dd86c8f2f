//! Angles that add up without rounding: a number of quarter turns, a fraction of one as an integer, and a rest in two
//! doubles.
//!
//! A double may be read in two ways ([`Reading`]). Taken literally, all but its quarter turns is the rest. In algebra a
//! double next to `k·π/2^23` stands for that angle, which is an integer, and any other one is a [`Symbol`] with an
//! integer before it. Neither has a rest: sums never meet a floating-point number, until two symbols come together.
//!
//! The rest is an unevaluated sum of two doubles (T. J. Dekker, "A floating-point technique for extending the available
//! precision", Numer. Math. 18, 1971), because a circuit has a million angles, and a rounding of 1e-16 each would use
//! up the tolerance of the comparison.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

/// `π/2 − FRAC_PI_2`, to 33 digits below `π/2`.
const FRAC_PI_2_REST: f64 = 6.123_233_995_736_766e-17;

/// Angles beyond this are not taken: up to here, an angle's error stays below [`ERROR`].
const LARGEST: f64 = 1e6;

/// How far an angle of this module may be from the true one after a merge, in radians: `1e6 / (π/2)` quarter turns
/// times the rounding of the second double, 1e-32, and as much again for the sums.
pub(crate) const ERROR: f64 = 1e-25;

/// A fraction of this many units is a quarter turn: a unit is 2π/2^64.
const QUARTER: i64 = 1 << 62;

/// Multiples of this fraction of π are recognised: those that a circuit of 23 bits of phase has.
const FINEST: f64 = (1 << 23) as f64;
/// The same in units.
const UNITS_OF_FINEST: u64 = 1 << 40;

/// A double is next to a multiple if it is no further from it than this part of itself: half a unit of the fifteenth
/// digit, as many programs write angles. The multiples lie 3.7e-7 apart, so an angle that is none is taken for one with
/// a probability of 1e-7 at most.
const NEXT_TO: f64 = 5e-15;

/// What a double that is written in a circuit means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The number that it is, so π/4 is only nearly π/4.
    Literal,
    /// The multiple of π/2^23 that it is next to, or a symbol.
    Algebra,
}

/// An angle that is no multiple of π/2^23, a whole number of times: `times · x`, where `x` is the double of these bits.
/// No times of nothing are none.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Symbol {
    bits: u64,
    times: i32,
}

impl Symbol {
    const NONE: Symbol = Symbol { bits: 0, times: 0 };

    /// The sum of two that are the same, or of which one is none. None if they are different or beyond counting.
    fn plus(self, other: Symbol) -> Option<Symbol> {
        match (self.times, other.times) {
            (0, _) => Some(other),
            (_, 0) => Some(self),
            _ if self.bits != other.bits => None,
            (a, b) => {
                let times = a.checked_add(b)?;
                Some(if times == 0 { Symbol::NONE } else { Symbol { times, ..self } })
            }
        }
    }
}

/// `quarters · π/2 + fraction · 2π/2^64 + symbol + rest[0] + rest[1]` radians, modulo 2π. There is no rest where there is
/// a symbol.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Angle {
    /// Quarter turns, `0..4`.
    pub(crate) quarters: u8,
    /// From minus half a quarter turn on, and below half a quarter turn.
    fraction: i64,
    symbol: Symbol,
    /// At most π/4 from zero; the second is the rounding of the first.
    pub(crate) rest: [f64; 2],
}

impl Angle {
    /// So many quarter turns, `0..4`.
    pub(super) fn quarter_turns(quarters: u8) -> Angle {
        Angle { quarters, fraction: 0, symbol: Symbol::NONE, rest: [0.0; 2] }
    }

    /// None if it is no finite number, or beyond [`LARGEST`] and taken literally.
    pub(super) fn read(radians: f64, reading: Reading) -> Option<Angle> {
        match reading {
            Reading::Literal => Angle::of(radians),
            Reading::Algebra => Angle::multiple(radians).or_else(|| Angle::symbol(radians)),
        }
    }

    /// Whether [`Angle::read`] gives one.
    pub(super) fn is_read(radians: f64, reading: Reading) -> bool {
        match reading {
            Reading::Literal => radians.abs() <= LARGEST,
            Reading::Algebra => Angle::read(radians, reading).is_some(),
        }
    }

    /// The multiple of π/2^23 that a double is next to.
    fn multiple(radians: f64) -> Option<Angle> {
        if radians.is_nan() || radians.abs() > LARGEST {
            return None;
        }
        let n = (radians * (FINEST / PI)).round();
        if (n * (PI / FINEST) - radians).abs() > NEXT_TO * radians.abs() {
            return None;
        }
        // `n` is below 2^42.
        let units = (n as i64 as u64).wrapping_mul(UNITS_OF_FINEST) as i64;
        Some(Angle::quarter_turns(0).with_units(units))
    }

    /// A finite double as a symbol, however large.
    fn symbol(radians: f64) -> Option<Angle> {
        let symbol = Symbol { bits: radians.abs().to_bits(), times: if radians < 0.0 { -1 } else { 1 } };
        radians.is_finite().then(|| Angle { symbol, ..Angle::quarter_turns(0) })
    }

    /// The same without a symbol: in two doubles, which are no numbers if the symbol is too large for them.
    fn dissolved(self) -> Angle {
        let Symbol { bits, times } = self.symbol;
        let mut sum = Angle { symbol: Symbol::NONE, ..self };
        if times == 0 {
            return sum;
        }
        let Some(mut power) = Angle::of(f64::from_bits(bits)) else { return Angle { rest: [f64::NAN; 2], ..sum } };
        if times < 0 {
            power = power.negated();
        }
        let mut times = times.unsigned_abs();
        while times > 0 {
            if times % 2 == 1 {
                sum = sum.plus(power);
            }
            power = power.plus(power);
            times /= 2;
        }
        sum
    }

    /// Whether the sum of the two is known without rounding.
    pub(super) fn adds_exactly(self, other: Angle) -> bool {
        self.is_exact() && other.is_exact() && self.symbol.plus(other.symbol).is_some()
    }

    /// Further by so many units.
    fn with_units(self, units: i64) -> Angle {
        // The nearest quarter turn; half of one is rounded up, so that the fraction is below it.
        let quarters = units.wrapping_add(QUARTER / 2) >> 62;
        let fraction = units.wrapping_sub(quarters << 62);
        Angle { quarters: (i64::from(self.quarters) + quarters).rem_euclid(4) as u8, fraction, ..self }
    }

    /// Whether it is quarter turns and nothing else, not even a rounding.
    pub(super) fn is_quarters(self) -> bool {
        self.fraction == 0 && self.is_exact() && !self.has_symbol()
    }

    /// Whether it is known without rounding.
    pub(super) fn is_exact(self) -> bool {
        self.rest == [0.0; 2]
    }

    /// Whether there is a symbol in it.
    pub(super) fn has_symbol(self) -> bool {
        self.symbol.times != 0
    }

    /// Whether it is within a rounding of quarter turns: a rest up to this and nothing else.
    pub(super) fn is_quarters_within(self, most: f64) -> bool {
        self.fraction == 0 && !self.has_symbol() && self.rest[0].abs() <= most
    }

    /// None if it is no finite number, or beyond [`LARGEST`].
    pub(crate) fn of(radians: f64) -> Option<Angle> {
        if radians.is_nan() || radians.abs() > LARGEST {
            return None;
        }
        if radians == 0.0 {
            return Some(Angle::quarter_turns(0));
        }
        let turns = (radians / FRAC_PI_2).round();
        // The product in two doubles. The difference of its first to the angle is exact, as the two are within a
        // factor of two (Sterbenz), or the product is zero.
        let product = turns * FRAC_PI_2;
        let product_rest = turns.mul_add(FRAC_PI_2, -product);
        let rest = two_sum(radians - product, -(product_rest + turns * FRAC_PI_2_REST));
        Some(Angle { rest, ..Angle::quarter_turns((turns as i64).rem_euclid(4) as u8) })
    }

    /// Further by some quarter turns.
    pub(crate) fn turned(self, quarters: u8) -> Angle {
        Angle { quarters: (self.quarters + quarters) % 4, ..self }
    }

    /// The sum.
    pub(crate) fn plus(self, other: Angle) -> Angle {
        if self.has_symbol() || other.has_symbol() {
            return match self.symbol.plus(other.symbol) {
                Some(symbol) if self.is_exact() && other.is_exact() => {
                    let quarters = (self.quarters + other.quarters) % 4;
                    Angle { symbol, ..Angle::quarter_turns(quarters).with_units(self.fraction + other.fraction) }
                }
                _ => self.dissolved().plus(other.dissolved()),
            };
        }
        let [sum, low] = two_sum(self.rest[0], other.rest[0]);
        let mut rest = two_sum(sum, low + (self.rest[1] + other.rest[1]));
        let mut quarters = self.quarters + other.quarters;
        if rest[0].abs() > FRAC_PI_4 {
            let sign = rest[0].signum();
            let [sum, low] = two_sum(rest[0], -sign * FRAC_PI_2);
            rest = two_sum(sum, low + (rest[1] - sign * FRAC_PI_2_REST));
            quarters += if sign > 0.0 { 1 } else { 3 };
        }
        // Two fractions are at most a quarter turn.
        Angle { rest, ..Angle::quarter_turns(quarters % 4) }.with_units(self.fraction + other.fraction)
    }

    /// The other way round.
    pub(crate) fn negated(self) -> Angle {
        let turned = Angle::quarter_turns((4 - self.quarters) % 4).with_units(-self.fraction);
        let symbol = Symbol { times: -self.symbol.times, ..self.symbol };
        Angle { rest: self.rest.map(|x| -x), symbol, ..turned }
    }

    /// Only the rest.
    pub(crate) fn without_quarters(self) -> Angle {
        Angle { quarters: 0, ..self }
    }

    /// In radians, from `−5π/4` to `5π/4` if there is no symbol in it; to rounding. NaN if it is too large to say.
    pub(super) fn radians(self) -> f64 {
        let quarters = if self.quarters > 2 { f64::from(self.quarters) - 4.0 } else { f64::from(self.quarters) };
        let symbol = f64::from_bits(self.symbol.bits) * f64::from(self.symbol.times);
        let symbol = if symbol.abs() <= LARGEST { symbol } else { f64::NAN };
        quarters * FRAC_PI_2 + self.fraction as f64 * (TAU / 2f64.powi(64)) + symbol + self.rest[0]
    }

    /// The phase distance of a rotation from the identity: `exp(−i r/2 P)` has the trace `N cos(r/2)`, so
    /// `d = √(1 − |cos(r/2)|)`, which is `√2 |sin(r/4)|` for r up to π from zero.
    pub(crate) fn distance(self) -> f64 {
        // From the nearest whole turn.
        let radians = self.radians().abs() % TAU;
        let radians = radians.min(TAU - radians);
        std::f64::consts::SQRT_2 * (radians / 4.0).sin()
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
            let expected = Angle { rest: [rest, 0.0], ..Angle::quarter_turns(quarters) };
            assert_eq!(Angle::of(radians), Some(expected), "{radians}");
        }
        for radians in [f64::NAN, f64::INFINITY, -1e7] {
            assert_eq!(Angle::of(radians), None);
        }
    }

    #[test]
    fn multiples_of_pi_are_integers_and_so_are_their_sums() {
        let read = |radians: f64| Angle::read(radians, Reading::Algebra).unwrap();
        for k in 0..=23 {
            let step = PI / 2f64.powi(k);
            for n in [-1001i32, -65, -7, -3, -1, 0, 1, 3, 5, 8, 64, 999] {
                let at_once = read(f64::from(n) * step);
                let one = read(step.copysign(f64::from(n)));
                let sum = (0..n.abs()).fold(read(0.0), |sum, _| sum.plus(one));
                assert!(sum.is_exact() && !sum.has_symbol(), "{n} times pi/2^{k}");
                assert_eq!(at_once, sum, "{n} times pi/2^{k}");
                assert!(sum.plus(sum.negated()).is_quarters() && sum.plus(sum.negated()).quarters == 0);
                let expected = f64::from(n) * step;
                assert!((sum.radians().sin() - expected.sin()).abs() < 1e-12, "{n} times pi/2^{k}");
            }
        }
        assert_eq!(read(-PI), Angle::quarter_turns(2));
        assert!(!read(FRAC_PI_4).has_symbol() && !read(FRAC_PI_4).is_quarters());
        // A number next to none of them is a symbol, however small its difference is.
        for radians in [0.3, FRAC_PI_4 + 1e-12, PI + 1e-11, 1e-9, -2.0, PI / 3.0] {
            assert!(read(radians).has_symbol() && read(radians).is_exact(), "{radians}");
            assert!((read(radians).dissolved().radians() - radians).rem_euclid(TAU) % TAU < 1e-9, "{radians}");
        }
        assert_eq!(Angle::read(f64::NAN, Reading::Algebra), None);
        assert_eq!(Angle::read(f64::INFINITY, Reading::Algebra), None);
        assert_eq!(Angle::read(1e7, Reading::Literal), None);
    }

    #[test]
    fn symbols_are_counted_and_two_of_them_round() {
        let read = |radians: f64| Angle::read(radians, Reading::Algebra).unwrap();
        let (x, y, t) = (read(0.3), read(0.7), read(FRAC_PI_4));
        let many = (0..50).fold(t, |sum, _| sum.plus(x));
        assert!(many.is_exact() && many.adds_exactly(x.negated()) && !many.adds_exactly(y));
        let back = (0..50).fold(many, |sum, _| sum.plus(read(-0.3)));
        assert_eq!(back, t);
        assert!((many.radians() - (FRAC_PI_4 + 15.0)).abs() < 1e-13);
        assert!((many.dissolved().radians() - (FRAC_PI_4 + 15.0)).rem_euclid(TAU).sin().abs() < 1e-13);
        // 0.3 + 0.7 as doubles is one and a rest of some 1e-17.
        let rest = x.plus(y).plus(read(-1.0));
        assert!(!rest.has_symbol() && rest.distance() < 1e-16 && rest.quarters == 0, "{rest:?}");
        // One that is too large for sums is still itself.
        let large = read(1e300);
        assert_eq!(large.plus(t).plus(large.negated()), t);
        assert!(
            large.distance().is_nan() && large.plus(x).distance().is_nan() && large.plus(x).plus(y).distance().is_nan()
        );
        assert_eq!(x.plus(t).negated().plus(x).plus(t), read(0.0));
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
