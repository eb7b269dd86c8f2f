//! Coefficients of tangents on their way to the middle of the circuit, one vector of tangents at a time.
//!
//! A CX permutes coefficients, a one-qubit gate rotates three of them; what no tangent has reached yet is skipped.

use super::super::jacobian::Place;
use super::super::{Real, Vector};
use super::{PauliPlan, Seed, Turn};

/// Adds one seed: single-qubit strings on its wire.
#[inline(always)]
unsafe fn sow<L: Vector>(seed: &Seed<L::Real>, coefficients: *mut L::Real) {
    for (digit, weights) in seed.weights.iter().enumerate() {
        // SAFETY: a single-qubit string of a wire of the template is one of the rows.
        unsafe {
            let p = coefficients.add(((digit + 1) << (2 * seed.wire)) * L::N);
            L::load(p).add(L::load(weights.as_ref().as_ptr())).store(p);
        }
    }
}

#[inline(always)]
unsafe fn clear<L: Vector>(rows: usize, coefficients: *mut L::Real) {
    for row in 0..rows {
        // SAFETY: the scratch holds all rows.
        unsafe { L::zero().store(coefficients.add(row * L::N)) };
    }
}

/// One vector of tangents on its way: coefficients, and the wires on which any of them is not 1.
struct Walk<'a, L: Vector> {
    plan: &'a PauliPlan<L::Real>,
    coefficients: *mut L::Real,
    support: u32,
}

impl<'a, L: Vector> Walk<'a, L> {
    #[inline(always)]
    unsafe fn start(plan: &'a PauliPlan<L::Real>, coefficients: *mut L::Real) -> Walk<'a, L> {
        // SAFETY: the caller's scratch holds all rows.
        unsafe { clear::<L>(plan.n_rows(), coefficients) };
        Walk { plan, coefficients, support: 0 }
    }

    #[inline(always)]
    unsafe fn sow(&mut self, seed: &Seed<L::Real>) {
        self.support |= 1 << seed.wire;
        // SAFETY: as in `start`.
        unsafe { sow::<L>(seed, self.coefficients) };
    }

    /// CX, seeds, rotations.
    #[inline(always)]
    unsafe fn forward(&mut self, turn: &Turn, seeds: &[Seed<L::Real>]) {
        // SAFETY: as in `start`; the turn's wires are those of the template.
        unsafe {
            if self.support != 0 {
                self.pass::<true, false, false>(turn);
            }
            for seed in seeds {
                self.sow(seed);
            }
            self.pass::<false, true, false>(turn);
        }
    }

    /// Inverse rotations, seeds, CX.
    #[inline(always)]
    unsafe fn backward(&mut self, turn: &Turn, seeds: &[Seed<L::Real>]) {
        // SAFETY: as in `forward`.
        unsafe {
            if self.support != 0 && seeds.is_empty() {
                self.pass::<false, true, true>(turn);
                return;
            }
            if self.support != 0 {
                self.pass::<false, true, false>(turn);
            }
            for seed in seeds {
                self.sow(seed);
            }
            self.pass::<true, false, false>(turn);
        }
    }

    /// Forward layer without seeds: everything in one pass.
    #[inline(always)]
    unsafe fn forward_plain(&mut self, turn: &Turn) {
        // SAFETY: as in `forward`.
        unsafe { self.pass::<true, true, false>(turn) };
    }

    /// Loads (through the CX if `BEFORE`), rotates (if `ROTATE`), stores (through the CX if `AFTER`).
    #[inline(always)]
    unsafe fn pass<const BEFORE: bool, const ROTATE: bool, const AFTER: bool>(&mut self, turn: &Turn) {
        let wires = 1 << turn.control | 1 << turn.target;
        if self.support & wires == 0 {
            return;
        }
        let alone = self.support & !wires == 0;
        if BEFORE || AFTER {
            self.support |= wires;
        }
        let (low, high) = (turn.control.min(turn.target), turn.control.max(turn.target));
        let (low_mask, high_mask) = ((1usize << (2 * low)) - 1, (1usize << (2 * high)) - 1);
        let (c, t) = (L::N << (2 * turn.control), L::N << (2 * turn.target));
        let count = if alone { 1 } else { 1usize << (2 * (self.plan.n - 2)) };
        // SAFETY: all strings are rows of the scratch.
        unsafe {
            // No closures around vectors: they would not be compiled for the level.
            let (mut on_control, mut on_target) = ([L::zero(); 9], [L::zero(); 9]);
            for k in 0..9 {
                on_control[k] = L::splat(L::Real::from_f64(turn.on_control[k]));
                on_target[k] = L::splat(L::Real::from_f64(turn.on_target[k]));
            }
            for i in 0..count {
                let x = ((i & !low_mask) << 2) | (i & low_mask);
                let base = ((x & !high_mask) << 2) | (x & high_mask);
                let p = self.coefficients.add(base * L::N);
                let mut digits = [[L::zero(); 4]; 4];
                for (cd, row) in digits.iter_mut().enumerate() {
                    for (td, x) in row.iter_mut().enumerate() {
                        *x = L::load(p.add(cd * c + td * t));
                    }
                }
                if BEFORE {
                    digits = through_cx(digits);
                }
                if ROTATE {
                    for row in &mut digits {
                        [row[1], row[2], row[3]] = turned(&on_target, [row[1], row[2], row[3]]);
                    }
                    for td in 0..4 {
                        [digits[1][td], digits[2][td], digits[3][td]] =
                            turned(&on_control, [digits[1][td], digits[2][td], digits[3][td]]);
                    }
                }
                if AFTER {
                    digits = through_cx(digits);
                }
                for (cd, row) in digits.iter().enumerate() {
                    for (td, x) in row.iter().enumerate() {
                        x.store(p.add(cd * c + td * t));
                    }
                }
            }
        }
    }
}

/// Conjugation by CX of the coefficients `[control digit][target digit]`: a permutation with a sign
/// on `XZ ↔ YY`.
#[inline(always)]
unsafe fn through_cx<L: Vector>(d: [[L; 4]; 4]) -> [[L; 4]; 4] {
    // SAFETY: the caller runs on the level of `L`.
    let (xz, yy) = unsafe { (L::zero().sub(d[2][2]), L::zero().sub(d[1][3])) };
    [
        [d[0][0], d[0][1], d[3][2], d[3][3]],
        [d[1][1], d[1][0], d[2][3], xz],
        [d[2][1], d[2][0], yy, d[1][2]],
        [d[3][0], d[3][1], d[0][2], d[0][3]],
    ]
}

/// Takes the seeds before the middle there.
#[inline(always)]
pub(super) unsafe fn forward<L: Vector>(
    plan: &PauliPlan<L::Real>,
    seeds: &[Seed<L::Real>],
    coefficients: *mut L::Real,
) {
    // SAFETY: the scratch holds all rows; places and wires are those of the template.
    unsafe {
        let mut walk = Walk::<L>::start(plan, coefficients);
        let n_first = seeds.iter().take_while(|s| s.place == Place::First).count();
        for seed in &seeds[..n_first] {
            walk.sow(seed);
        }
        let mut rest = &seeds[n_first..];
        let start = match seeds[0].place {
            Place::First => 0,
            Place::Layer(i) => i as usize,
        };
        for i in start..plan.middle {
            let here = rest.iter().take_while(|s| s.place == Place::Layer(i as u32)).count();
            if here == 0 {
                walk.forward_plain(&plan.turns[i]);
            } else {
                walk.forward(&plan.turns[i], &rest[..here]);
                rest = &rest[here..];
            }
        }
    }
}

/// Takes the seeds behind the middle there.
#[inline(always)]
pub(super) unsafe fn backward<L: Vector>(
    plan: &PauliPlan<L::Real>,
    seeds: &[Seed<L::Real>],
    coefficients: *mut L::Real,
) {
    let Some(Seed { place: Place::Layer(last), .. }) = seeds.last() else { return };
    let mut rest = seeds;
    // SAFETY: as in `forward`.
    unsafe {
        let mut walk = Walk::<L>::start(plan, coefficients);
        for i in (plan.middle..=*last as usize).rev() {
            let here = rest.iter().rev().take_while(|s| s.place == Place::Layer(i as u32)).count();
            walk.backward(&plan.turns[i], &rest[rest.len() - here..]);
            rest = &rest[..rest.len() - here];
        }
    }
}

#[inline(always)]
unsafe fn turned<L: Vector>(r: &[L; 9], [x, y, z]: [L; 3]) -> [L; 3] {
    // SAFETY: the caller runs on the level of `L`.
    unsafe {
        [
            r[2].fma(z, r[1].fma(y, r[0].mul(x))),
            r[5].fma(z, r[4].fma(y, r[3].mul(x))),
            r[8].fma(z, r[7].fma(y, r[6].mul(x))),
        ]
    }
}
