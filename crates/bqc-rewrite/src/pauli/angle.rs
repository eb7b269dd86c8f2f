//! Angles of rotations `exp(−iθP/2)`, in radians: which are Clifford, and how sums stay exact.
//!
//! Angles here are sums of the input's angles. A sum that is a multiple of π/4 up to rounding is written as
//! `k · FRAC_PI_4`, so a circuit over Clifford and T keeps exactly such angles however many of them are added. Global
//! phase is free, so angles are reduced by 2π.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI, TAU};

/// Angles closer than this to a multiple of π/4 are that multiple, in radians. The rounding of some hundred additions
/// of angles below 2π stays below it; an error of half of it is the most that one rotation adds to a distance.
const ROUNDING: f64 = 1e-13;
/// Above this many radians the reduction by a multiple of the rounded π would lose digits.
const FEW_TURNS: f64 = 64.0;

/// The angle in `(−π, π]`, and as `k · FRAC_PI_4` where it is a multiple of π/4 up to rounding.
pub(crate) fn settle(angle: f64) -> f64 {
    let reduced = match angle.abs() {
        size if size <= PI => angle,
        size if size > FEW_TURNS => angle.sin().atan2(angle.cos()),
        _ => angle - (angle / TAU).round() * TAU,
    };
    let eighths = (reduced / FRAC_PI_4).round();
    if (reduced - eighths * FRAC_PI_4).abs() > ROUNDING {
        return reduced;
    }
    if eighths == -4.0 { PI } else { eighths * FRAC_PI_4 }
}

/// `k` in `0..4` if a settled angle is `k·π/2`.
pub(crate) fn quarter_turns(settled: f64) -> Option<u8> {
    let quarters = (settled / FRAC_PI_2).round();
    (settled == quarters * FRAC_PI_2).then_some((quarters as i8).rem_euclid(4) as u8)
}

/// The nearest `k·π/2`, as `k` in `0..4`, and what remains, settled: zero if it is only rounding.
pub(crate) fn split(angle: f64) -> (u8, f64) {
    let settled = settle(angle);
    let quarters = (settled / FRAC_PI_2).round();
    ((quarters as i8).rem_euclid(4) as u8, settle(settled - quarters * FRAC_PI_2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn multiples_of_an_eighth_turn_are_exact_however_they_are_added() {
        let mut sum = 0.0;
        for k in 1..1000i32 {
            sum = settle(sum + 3.0 * FRAC_PI_4);
            let eighths = (3 * k).rem_euclid(8);
            let expected = if eighths > 4 { eighths - 8 } else { eighths };
            assert_eq!(sum.to_bits(), (f64::from(expected) * FRAC_PI_4).to_bits());
            assert_eq!(quarter_turns(sum), (eighths % 2 == 0).then_some(eighths as u8 / 2));
        }
    }

    #[test]
    fn splitting_keeps_the_angle_up_to_full_turns() {
        for angle in [0.3, -0.3, 1.0, -2.9, 3.1, 17.0, -1234.5, 9e9, FRAC_PI_4, -FRAC_PI_4, 5.0 * FRAC_PI_4] {
            let (quarters, rest) = split(angle);
            let again = f64::from(quarters) * FRAC_PI_2 + rest;
            assert!((again.sin() - angle.sin()).abs() < 1e-14 && (again.cos() - angle.cos()).abs() < 1e-14, "{angle}");
            assert!(rest.abs() <= FRAC_PI_4);
        }
        assert_eq!(split(FRAC_PI_2 + 1e-15), (1, 0.0));
        assert_eq!(split(-PI), (2, 0.0));
        assert!(split(1e-12).1 != 0.0);
    }
}
