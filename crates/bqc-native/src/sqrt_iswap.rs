//! Two-qubit unitaries by square roots of `iswap`: at most three, and two for four fifths of them (C. Huang et al.,
//! arXiv:2105.06074).
//!
//! In the Weyl chamber `π/4 ≥ x ≥ y ≥ |z|` two are enough where `x ≥ y + |z|` (theorem 1 there): the one-qubit gates
//! between them have closed forms, and those outside follow from the decompositions of both sides. From any other
//! unitary one square root can be taken away, `exp(i(xXX + yYY + zZZ))` with `(π/8, π/8, 0)` in any order and with any
//! signs, so that what is left needs two.

use crate::SNAP;
use crate::pairs::Item;
use bqc_circuit::GateId;
use bqc_linalg::kak::{Kak, TwoQubitGate};
use bqc_linalg::{Complex64, Matrix4, Su2, phase_distance};
use std::f64::consts::FRAC_PI_8;

/// What is called the same unitary where the number of gates is known to be enough: rounding of two decompositions.
const ROUNDING: f64 = 1e-13;

/// Cosines this near to ±1 are that: rounding of the expression that they come from.
const SINGULAR: f64 = 4e-15;

/// Distances above this are made smaller: rounding leaves less.
const EXACT: f64 = 1e-14;

/// The step of differences, in radians.
const STEP: f64 = 1e-5;

/// The unitary by square roots of `iswap`, by the fewest that come within `tolerance`. None if it is no unitary.
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
        let first = self.dressed(kak, self.between([alpha, beta, gamma]))?;
        let is_near = |items: &[Item]| phase_distance(&self.product(items).matrix(), &kak_matrix(kak).matrix()) < EXACT;
        if is_near(&first) {
            return Some(first);
        }
        let polished = self.polished(kak.coordinates, [alpha, beta, gamma]);
        polished
            .and_then(|angles| self.dressed(kak, self.between(angles)))
            .filter(|items| is_near(items))
            .or(Some(first))
    }

    /// Two with these gates between them.
    fn between(&self, [alpha, beta, gamma]: [f64; 3]) -> Vec<Item> {
        let gates = [Su2::rz(-gamma) * Su2::rx(-alpha) * Su2::rz(-gamma), Su2::rx(-beta)];
        [self.item()].into_iter().chain(local(gates)).chain([self.item()]).collect()
    }

    /// The angles after a step of Newton's method: where a cosine is near 1, its angle is known to fewer digits than the
    /// coordinates. Differences over a wide step are exact enough, since the error is small.
    fn polished(&self, wanted: [f64; 3], angles: [f64; 3]) -> Option<[f64; 3]> {
        let coordinates = |angles| Some(Kak::decompose(&self.product(&self.between(angles)))?.coordinates);
        let now = coordinates(angles)?;
        let mut columns = [[0.0; 3]; 3];
        for (k, column) in columns.iter_mut().enumerate() {
            let at = |step: f64| {
                let mut moved = angles;
                moved[k] += step;
                coordinates(moved)
            };
            let [after, before] = [at(STEP)?, at(-STEP)?];
            *column = std::array::from_fn(|row| (after[row] - before[row]) / (2.0 * STEP));
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

    /// By three: one is taken away so that two are left.
    fn three(&self, kak: &Kak) -> Option<Vec<Item>> {
        let steps = (0..12).map(|n| {
            let (missing, a, b) = (n / 4, sign(n & 1), sign(n >> 1 & 1));
            let pair = [[0.0, a, b], [a, 0.0, b], [a, b, 0.0]][missing];
            pair.map(|factor| factor * FRAC_PI_8)
        });
        let rest = |step: &[f64; 3]| -> [f64; 3] { std::array::from_fn(|k| kak.coordinates[k] - step[k]) };
        let ways = steps.filter_map(|step| Some((step, Kak::decompose(&exponential(rest(&step)))?)));
        let (step, left) = ways.max_by(|a, b| margin(a.1.coordinates).total_cmp(&margin(b.1.coordinates)))?;
        let taken = self.dressed(&Kak::decompose(&exponential(step))?, vec![self.item()])?;
        let all = local(kak.right).into_iter().chain(taken).chain(self.two(&left)?).chain(local(kak.left));
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
