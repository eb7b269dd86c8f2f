//! Two-qubit unitaries by square roots of `iswap`: at most three, and two for four fifths of them (C. Huang et al.,
//! arXiv:2105.06074).
//!
//! In the Weyl chamber `π/4 ≥ x ≥ y ≥ |z|` two are enough where `x ≥ y + |z|` (theorem 1 there): the one-qubit gates
//! between them have closed forms, and those outside follow from the decompositions of both sides. From any other
//! unitary one square root can be taken away, `exp(i(xXX + yYY + zZZ))` with `(π/8, π/8, 0)` in any order and with any
//! signs, so that what is left needs two.

use crate::care::{ROUNDING, SNAP};
use crate::pairs::Item;
use bqc_circuit::GateId;
use bqc_linalg::kak::{Kak, TwoQubitGate};
use bqc_linalg::{Complex64, Matrix4, Su2, phase_distance};
use std::f64::consts::FRAC_PI_8;

/// Cosines this near to ±1 are that: rounding of the expression that they come from.
const SINGULAR: f64 = 4e-15;

/// Distances above this are made smaller: rounding leaves less.
const EXACT: f64 = 1e-14;

/// Distances above this are worth a search.
const NEARLY_EXACT: f64 = 3e-14;

/// The step of differences, in radians, and the shortest one: their error is that of coordinates divided by it.
const STEP: f64 = 1e-5;
const SHORTEST_STEP: f64 = 1e-9;

/// Where the angles of the closed forms are unknown by the root of rounding, Newton's method starts this far from them, in
/// radians: at the angles themselves the coordinates have an extremum or a kink.
const NUDGES: [f64; 3] = [1e-6, 1e-4, 1e-2];

/// Steps of Newton's method from one start: each halves the distance at least, from the square of a nudge.
const MAX_STEPS: usize = 30;

/// The unitary by square roots of `iswap`, by the fewest that come within `tolerance`; else by three, as near as they
/// come. None if it is no unitary.
pub(crate) fn write(gate: GateId, u: &Matrix4, tolerance: f64) -> Option<Vec<Item>> {
    let kak = Kak::decompose(u)?;
    let root = Root { gate, matrix: Matrix4::from_matrix(&(gate.row().unitary)(&[]))? };
    let is_near =
        |items: &Vec<Item>| phase_distance(&root.product(items).matrix(), &u.matrix()) <= tolerance.max(ROUNDING);
    let none = || Some(local(std::array::from_fn(|wire| kak.left[wire] * kak.right[wire])));
    let one = || root.dressed(&kak, vec![root.item()]);
    let two = || root.two(&kak);
    let fewer = none().filter(is_near).or_else(|| one().filter(is_near)).or_else(|| two().filter(is_near));
    fewer.or_else(|| root.three(&kak))
}

/// The gate and its matrix.
struct Root {
    gate: GateId,
    matrix: Matrix4,
}

/// One-qubit gates on wires 0 and 1.
fn local(values: [Su2; 2]) -> Vec<Item> {
    values.into_iter().enumerate().map(|(wire, value)| Item::One { wire, value }).collect()
}

impl Root {
    fn item(&self) -> Item {
        Item::Two { gate: self.gate, angles: [0.0; 3], wires: [0, 1] }
    }

    fn product(&self, items: &[Item]) -> Matrix4 {
        items.iter().fold(Matrix4::identity(), |product, item| match *item {
            Item::One { wire, value } => TwoQubitGate::One { wire: wire as u8, value }.matrix() * product,
            Item::Two { .. } => self.matrix * product,
        })
    }

    /// `core` between the one-qubit gates that make it the unitary, if it has the same coordinates.
    fn dressed(&self, kak: &Kak, core: Vec<Item>) -> Option<Vec<Item>> {
        let inner = Kak::decompose(&self.product(&core))?;
        let before = std::array::from_fn(|wire| inner.right[wire].dagger() * kak.right[wire]);
        let after = std::array::from_fn(|wire| kak.left[wire] * inner.left[wire].dagger());
        Some(local(before).into_iter().chain(core).chain(local(after)).collect())
    }

    /// By two, if `x ≥ y + |z|`: theorem 1 of the paper.
    fn two(&self, kak: &Kak) -> Option<Vec<Item>> {
        let [x, y, z] = kak.coordinates;
        if margin(kak.coordinates) < -SNAP {
            return None;
        }
        let sines = (x + y - z).sin() * (x - y + z).sin() * (-x - y - z).sin() * (-x + y + z).sin();
        let (sum, root) = ((2.0 * x).cos() - (2.0 * y).cos() + (2.0 * z).cos(), 2.0 * sines.max(0.0).sqrt());
        // Near 1 the angle is the root of what rounding leaves.
        let arccos = |cosine: f64| match cosine.abs() > 1.0 - SINGULAR {
            true => cosine.signum().acos(),
            false => cosine.acos(),
        };
        let (alpha, beta) = (arccos(sum + root), arccos(sum - root));
        let mixed = 4.0 * (x.cos() * z.cos() * y.sin()).powi(2);
        let cosines = ((2.0 * x).cos() * (2.0 * y).cos() * (2.0 * z).cos()).clamp(0.0, 1.0);
        // Where both vanish, y is zero and any angle will do.
        let ratio = if mixed + cosines > 0.0 { (mixed / (mixed + cosines)).sqrt() } else { 0.0 };
        let gamma = arccos(if z < 0.0 { -ratio } else { ratio });
        let angles = [alpha, beta, gamma];
        let first = self.measured(kak, angles)?;
        if first.0 < EXACT {
            return Some(first.1);
        }
        let newton = |angles| self.measured(kak, self.polished(kak.coordinates, angles, STEP)?);
        let second = newton(angles);
        if second.as_ref().is_some_and(|(distance, _)| *distance < EXACT) || first.0 < NEARLY_EXACT {
            return second.into_iter().filter(|(distance, _)| *distance < EXACT).chain([first]).next().map(|way| way.1);
        }
        let others = NUDGES.iter().flat_map(|nudge| (0..8).map(move |n| [0, 1, 2].map(|k| nudge * sign(n >> k & 1))));
        let mut nearest = second.into_iter().chain([first]).min_by(|a, b| a.0.total_cmp(&b.0))?;
        for nudge in others {
            let found = self.settled(kak, std::array::from_fn(|k| angles[k] + nudge[k]));
            nearest = found.into_iter().chain([nearest]).min_by(|a, b| a.0.total_cmp(&b.0))?;
            if nearest.0 < NEARLY_EXACT {
                break;
            }
        }
        Some(nearest.1)
    }

    /// Two with these angles between them as the unitary, and its distance from that.
    fn measured(&self, kak: &Kak, angles: [f64; 3]) -> Option<(f64, Vec<Item>)> {
        let items = self.dressed(kak, self.between(angles))?;
        Some((phase_distance(&self.product(&items).matrix(), &kak_matrix(kak).matrix()), items))
    }

    /// The same after steps of Newton's method, as long as they come nearer.
    fn settled(&self, kak: &Kak, mut angles: [f64; 3]) -> Option<(f64, Vec<Item>)> {
        let mut nearest = self.measured(kak, angles)?;
        for _ in 0..MAX_STEPS {
            let step = (nearest.0 * 1e-2).clamp(SHORTEST_STEP, STEP);
            angles = self.polished(kak.coordinates, angles, step)?;
            let found = self.measured(kak, angles)?;
            match found.0 < nearest.0 {
                true => nearest = found,
                false => break,
            }
        }
        Some(nearest)
    }

    /// Two with these gates between them.
    fn between(&self, [alpha, beta, gamma]: [f64; 3]) -> Vec<Item> {
        let gates = [Su2::rz(-gamma) * Su2::rx(-alpha) * Su2::rz(-gamma), Su2::rx(-beta)];
        [self.item()].into_iter().chain(local(gates)).chain([self.item()]).collect()
    }

    /// The angles after a step of Newton's method: where a cosine is near 1, its angle is known to fewer digits than the
    /// coordinates. Differences over a wide step are exact enough, since the error is small.
    fn polished(&self, wanted: [f64; 3], angles: [f64; 3], width: f64) -> Option<[f64; 3]> {
        let coordinates = |angles| Some(Kak::decompose(&self.product(&self.between(angles)))?.coordinates);
        let now = coordinates(angles)?;
        let mut columns = [[0.0; 3]; 3];
        for (k, column) in columns.iter_mut().enumerate() {
            let at = |step: f64| {
                let mut moved = angles;
                moved[k] += step;
                coordinates(moved)
            };
            let [after, before] = [at(width)?, at(-width)?];
            *column = std::array::from_fn(|row| (after[row] - before[row]) / (2.0 * width));
        }
        let missing: [f64; 3] = std::array::from_fn(|row| wanted[row] - now[row]);
        // Cramer's rule.
        let whole = determinant(&columns);
        let moved = std::array::from_fn(|k| {
            let mut replaced = columns;
            replaced[k] = missing;
            angles[k] + determinant(&replaced) / whole
        });
        moved.iter().all(|angle: &f64| angle.is_finite()).then_some(moved)
    }

    /// By three: one is taken away so that two are left. Next to the borders of what two make, the angles of some ways to
    /// do so are known to too few digits: the first that is exact is taken, or the nearest.
    fn three(&self, kak: &Kak) -> Option<Vec<Item>> {
        let steps = (0..12).map(|n| {
            let (missing, a, b) = (n / 4, sign(n & 1), sign(n >> 1 & 1));
            let pair = [[0.0, a, b], [a, 0.0, b], [a, b, 0.0]][missing];
            pair.map(|factor| factor * FRAC_PI_8)
        });
        let rest = |step: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|k| kak.coordinates[k] - step[k]) };
        let mut ways: Vec<([f64; 3], Kak)> =
            steps.filter_map(|step| Some((step, Kak::decompose(&exponential(rest(&step)))?))).collect();
        ways.sort_by(|a, b| margin(a.1.coordinates).total_cmp(&margin(b.1.coordinates)));
        let wanted = kak_matrix(kak).matrix();
        let mut nearest: Option<(f64, Vec<Item>)> = None;
        for items in ways.iter().rev().filter_map(|(step, left)| self.after_two(kak, *step, left)) {
            let distance = phase_distance(&self.product(&items).matrix(), &wanted);
            if nearest.as_ref().is_none_or(|(known, _)| distance < *known) {
                nearest = Some((distance, items));
            }
            if distance < NEARLY_EXACT {
                break;
            }
        }
        nearest.map(|(_, items)| items)
    }

    /// One that makes this step, and two that make what is left.
    fn after_two(&self, kak: &Kak, step: [f64; 3], left: &Kak) -> Option<Vec<Item>> {
        let taken = self.dressed(&Kak::decompose(&exponential(step))?, vec![self.item()])?;
        let all = local(kak.right).into_iter().chain(taken).chain(self.two(left)?).chain(local(kak.left));
        Some(all.collect())
    }
}

fn sign(bit: usize) -> f64 {
    if bit == 0 { 1.0 } else { -1.0 }
}

/// How far coordinates are inside the part of the chamber where two are enough; negative outside.
fn margin([x, y, z]: [f64; 3]) -> f64 {
    x - y - z.abs()
}

/// The determinant of three columns.
fn determinant([a, b, c]: &[[f64; 3]; 3]) -> f64 {
    a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
}

/// The unitary of a decomposition.
fn kak_matrix(kak: &Kak) -> Matrix4 {
    let on = |values: [Su2; 2]| {
        let gates = [0, 1].map(|wire: u8| TwoQubitGate::One { wire, value: values[usize::from(wire)] }.matrix());
        gates[0] * gates[1]
    };
    on(kak.left) * exponential(kak.coordinates) * on(kak.right)
}

/// `exp(i(x XX + y YY + z ZZ))`.
fn exponential([x, y, z]: [f64; 3]) -> Matrix4 {
    let (even, odd) = (Complex64::cis(z), Complex64::cis(-z));
    let i = Complex64::I;
    let mut m = Matrix4::ZERO;
    let (outer, inner) = ((x - y).sin_cos(), (x + y).sin_cos());
    for (r, c) in [(0, 3), (3, 0)] {
        m.0[r][r] = even * outer.1;
        m.0[r][c] = even * i * outer.0;
    }
    for (r, c) in [(1, 2), (2, 1)] {
        m.0[r][r] = odd * inner.1;
        m.0[r][c] = odd * i * inner.0;
    }
    m
}
