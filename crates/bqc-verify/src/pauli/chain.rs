//! Four rotations about two Paulis and their product are three.
//!
//! For two Paulis that do not commute, `i = −iP`, `j = −iQ` and `k = ij = −PQ` are quaternion units, and
//! `exp(−i a/2 P)` is `cos(a/2) + i sin(a/2)`. So rotations about them in any number are one unit quaternion, and any
//! unit quaternion is a product of three, of which only neighbours need to be about different units: Euler's angles.

use super::angle::Angle;

/// What the measurement of a reduction may miss, in phase distance: five products of quaternions round to some 1e-16
/// each, and so do the sines and cosines that they are made of.
const ROUNDING: f64 = 4e-15;

/// `w + xi + yj + zk`.
type Quaternion = [f64; 4];

/// Three rotations in time order, and how far they may be from the four.
pub(super) struct Reduced {
    pub(super) angles: [Angle; 3],
    pub(super) distance: f64,
}

/// The product `a·b`.
fn product([a0, a1, a2, a3]: Quaternion, [b0, b1, b2, b3]: Quaternion) -> Quaternion {
    [
        a0 * b0 - a1 * b1 - a2 * b2 - a3 * b3,
        a0 * b1 + a1 * b0 + a2 * b3 - a3 * b2,
        a0 * b2 - a1 * b3 + a2 * b0 + a3 * b1,
        a0 * b3 + a1 * b2 - a2 * b1 + a3 * b0,
    ]
}

/// The product of rotations in time order, each about the unit i, j or k: 0, 1 or 2.
fn quaternion(rotations: &[(usize, Angle)]) -> Quaternion {
    rotations.iter().fold([1.0, 0.0, 0.0, 0.0], |total, (axis, angle)| {
        let (sin, cos) = (angle.radians() / 2.0).sin_cos();
        let mut factor = [cos, 0.0, 0.0, 0.0];
        factor[1 + axis] = sin;
        product(factor, total)
    })
}

/// Four rotations in time order as three: about the axis of the second, j and i. The second is about i or k, the third
/// about j, the fourth about i. None if the three do not come as near as rounding allows.
///
/// `P(z) Q(y) P(x)` is `cos(y/2) (cos s + i sin s) + sin(y/2) (j cos d + k sin d)` with `s = (z + x)/2` and
/// `d = (z − x)/2`. Where one of the two parts is nothing, its angle is the rounding's, and of no account. As
/// `S(x) = Q(−π/2) P(x) Q(π/2)` for the axis k, `P(z) Q(y) S(x)` is `P(z) Q(y − π/2) P(x)` in front of `Q(π/2)`.
pub(super) fn reduced(chain: [(usize, Angle); 4]) -> Option<Reduced> {
    let axis = chain[1].0;
    let quarter = Angle::quarter_turns(u8::from(axis == 2));
    let whole = quaternion(&chain);
    let [w, i, j, k] = product(whole, quaternion(&[(1, quarter.negated())]));
    let y = 2.0 * j.hypot(k).atan2(w.hypot(i));
    let (half_sum, half_difference) = (i.atan2(w), k.atan2(j));
    let angles = [half_sum - half_difference, y, half_sum + half_difference].map(Angle::of);
    let [Some(x), Some(y), Some(z)] = angles else { return None };
    let y = y.plus(quarter);
    // Not by trust in the formula: the three are measured. `1 − |⟨p, q⟩|` is `|p ∓ q|² / 2` for unit quaternions.
    let again = quaternion(&[(axis, x), (1, y), (0, z)]);
    let apart = |sign: f64| (0..4).map(|n| (whole[n] - sign * again[n]).powi(2)).sum::<f64>().sqrt();
    let distance = apart(1.0).min(apart(-1.0)) * std::f64::consts::FRAC_1_SQRT_2 + ROUNDING;
    (distance < 2.0 * ROUNDING).then_some(Reduced { angles: [x, y, z], distance })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Stream, Su2};
    use std::f64::consts::FRAC_PI_2;

    /// By 2 × 2 matrices: the units are X, Y and Z.
    fn matrix(rotations: &[(usize, Angle)]) -> Su2 {
        rotations.iter().fold(Su2::IDENTITY, |total, (axis, angle)| {
            let a = angle.radians();
            let gate = [Su2::u3(a, -FRAC_PI_2, FRAC_PI_2), Su2::u3(a, 0.0, 0.0), Su2::u3(0.0, 0.0, a)][*axis];
            gate * total
        })
    }

    #[test]
    fn three_rotations_are_the_four() {
        let mut s = Stream::new(5, 12, 5);
        let special = [0.0, FRAC_PI_2, -FRAC_PI_2, std::f64::consts::PI, 1e-9, std::f64::consts::FRAC_PI_4];
        for _ in 0..5000 {
            let second = [0, 2][s.below(2)];
            let axes = [(second + 1 + s.below(2)) % 3, second, 1, 0];
            let chain = axes.map(|axis| {
                let angle = if s.chance(0.5) { s.uniform() * 6.0 } else { special[s.below(6)] };
                // `ij = k`, and `(−iX)(−iY) = −iZ`.
                (axis, Angle::of(angle).unwrap())
            });
            let Reduced { angles: [x, y, z], distance } = reduced(chain).unwrap();
            let three = [(second, x), (1, y), (0, z)];
            let apart = (matrix(&chain) * matrix(&three).dagger()).distance_to_identity();
            assert!(apart < 1e-14 && distance < 1e-14, "{chain:?}: {apart:e} {distance:e}");
        }
    }
}
