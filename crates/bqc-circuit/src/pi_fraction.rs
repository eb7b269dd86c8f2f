//! Angles that are multiples of π/2^k, as integers: which multiple a double stands for, and how it is written.
//!
//! A circuit over Clifford and T gates, or with the phases of a Fourier transform, has no other angles. In a file they
//! are doubles; one that is `k·π/2^n`, `n` up to 23, to fifteen digits stands for that multiple.

use std::f64::consts::PI;
use std::fmt;

/// Largest exponent of the denominator.
const MOST_HALVINGS: u32 = 23;

/// How far a double may be from a multiple, as a part of itself: half a unit of the fifteenth digit, as many programs
/// write angles.
const NEXT_TO: f64 = 5e-15;

/// Larger angles, in radians, are not read: the multiples would be finer than the doubles.
const LARGEST: f64 = 1e6;

/// `numerator · π / 2^halvings`, in lowest terms: the numerator is odd, unless there are no halvings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PiFraction {
    numerator: i64,
    halvings: u32,
}

impl PiFraction {
    /// The multiple that a double stands for. None if there is none, and for what is not finite or above 1e6.
    pub fn of(radians: f64) -> Option<PiFraction> {
        if radians.is_nan() || radians.abs() > LARGEST {
            return None;
        }
        let finest = f64::from(1 << MOST_HALVINGS);
        let n = nearest(radians * (finest / PI));
        if (n * (PI / finest) - radians).abs() > NEXT_TO * radians.abs() {
            return None;
        }
        let n = n as i64;
        let shift = n.trailing_zeros().min(MOST_HALVINGS);
        Some(PiFraction { numerator: n >> shift, halvings: MOST_HALVINGS - shift })
    }

    /// In radians, with the roundings of the expression that [`Display`](fmt::Display) writes.
    pub fn radians(self) -> f64 {
        self.numerator as f64 * PI / f64::from(1u32 << self.halvings)
    }

    /// How many times π/2 it is, `0..4` modulo 2π, if it is a multiple of π/2: a Clifford rotation.
    pub fn quarters(self) -> Option<u8> {
        (self.halvings <= 1).then(|| (self.numerator << (1 - self.halvings)).rem_euclid(4) as u8)
    }
}

/// As an expression of OpenQASM, which reads back as [`PiFraction::radians`] to the last bit.
impl fmt::Display for PiFraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.numerator {
            0 => return f.write_str("0"),
            1 => f.write_str("pi")?,
            -1 => f.write_str("-pi")?,
            n => write!(f, "{n}*pi")?,
        }
        if self.halvings > 0 { write!(f, "/{}", 1u32 << self.halvings) } else { Ok(()) }
    }
}

/// The nearest integer to a number below 2^51; of two that are as near the even one. Several times as fast as
/// [`f64::round`], which is a call where the processor is not known to have an instruction for it. Which of two is taken
/// does not matter here: neither is next to the angle.
fn nearest(x: f64) -> f64 {
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    (x + SHIFT) - SHIFT
}

/// How many quarter turns an angle is, if it stands for a multiple of π/2.
fn quarters(radians: f64) -> Option<u8> {
    PiFraction::of(radians).and_then(PiFraction::quarters)
}

/// How many rotations by angles that are no multiples of π/2 a `u3(θ, φ, λ)` takes, 0 to 3: the T count of a gate over
/// Clifford and T.
pub fn n_rotations_of_u3([theta, phi, lambda]: [f64; 3]) -> usize {
    let n = |radians: f64| usize::from(quarters(radians).is_none());
    match quarters(theta) {
        // The outer rotations are one.
        Some(0) => n(phi + lambda),
        Some(2) => n(lambda - phi),
        Some(_) => n(phi) + n(lambda),
        None => 1 + n(phi) + n(lambda),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

    #[test]
    fn multiples_come_back_however_they_are_computed() {
        for k in 0..=23 {
            let step = PI / 2f64.powi(k);
            for n in [-1001i32, -7, -3, -2, -1, 0, 1, 5, 6, 999] {
                let fraction = PiFraction::of(f64::from(n) * step).unwrap();
                assert_eq!(PiFraction::of(fraction.radians()), Some(fraction));
                assert!((fraction.radians() - f64::from(n) * step).abs() <= 1e-15 * (f64::from(n) * step).abs());
                assert!(fraction.numerator % 2 != 0 || fraction.halvings == 0, "{fraction:?}");
            }
        }
        assert_eq!(PiFraction::of(-3.0 * PI / 8.0).unwrap().to_string(), "-3*pi/8");
        assert_eq!(
            ["0", "pi", "-pi/2"].map(String::from),
            [0.0, PI, -FRAC_PI_2].map(|a| PiFraction::of(a).unwrap().to_string())
        );
        for radians in [0.3, FRAC_PI_4 + 1e-14, 1e-9, f64::NAN, f64::INFINITY, 1e9] {
            assert_eq!(PiFraction::of(radians), None, "{radians}");
        }
    }

    #[test]
    fn rotations_of_a_gate_are_counted() {
        let t = FRAC_PI_4;
        let rows = [
            ([0.0, 0.0, 0.0], 0),
            ([0.0, 0.0, t], 1),
            ([0.0, t, t], 0),
            ([PI, t, t], 0),
            ([PI, 0.0, t], 1),
            ([FRAC_PI_2, 0.0, PI], 0),
            ([FRAC_PI_2, t, -3.0 * t], 2),
            ([-t, t, FRAC_PI_2], 2),
            ([0.3, 0.2, 0.1], 3),
        ];
        rows.into_iter().for_each(|(angles, n)| assert_eq!(n_rotations_of_u3(angles), n, "{angles:?}"));
    }
}
