//! Tangents in Pauli coordinates: the exact Gauss–Newton problem of a narrow template.
//!
//! Pulled to the middle of the circuit, the tangent of a slot is `i·B·H·A` with `H = W σ W†`: a real
//! combination of Pauli strings. A one-qubit gate rotates three coefficients (9 multiply-adds, where
//! amplitudes take 8 each), a CX is a signed permutation, no sample is involved, and the Gram matrix
//! over all columns is that of `4^n` real rows instead of `2·4^n`. The global phase is the identity
//! string, which no tangent contains, so it needs no column.

use super::jacobian::{Place, Tangent};
use super::layer::{Layer, check_layers};
use super::states::batch_len;
use super::{AMPLITUDE_STRIDE, LANES, Lanes, Level, Real, Vector, multiversion};
use crate::{Complex64, Su2};

/// Widest template that is worked on in these coordinates: `4^4` rows are as many as `2·4^n/2^n`
/// samples would have, above that sampling always wins.
pub const MAX_QUBITS: usize = 4;

/// The rotation of `(X, Y, Z)` by `u·σ·u†`, row by row.
type Rotation = [f64; 9];

/// `uσ_ju† = Σ_i R_ij σ_i`.
fn rotation(u: Su2) -> Rotation {
    // u = w + i(xX + yY + zZ), a unit quaternion.
    let (w, z, y, x) = (u.a.re, u.a.im, -u.b.re, u.b.im);
    let (xx, yy, zz) = (x * x, y * y, z * z);
    [
        1.0 - 2.0 * (yy + zz),
        2.0 * (x * y + w * z),
        2.0 * (x * z - w * y),
        2.0 * (x * y - w * z),
        1.0 - 2.0 * (xx + zz),
        2.0 * (y * z + w * x),
        2.0 * (x * z + w * y),
        2.0 * (y * z - w * x),
        1.0 - 2.0 * (xx + yy),
    ]
}

fn transposed(r: Rotation) -> Rotation {
    [r[0], r[3], r[6], r[1], r[4], r[7], r[2], r[5], r[8]]
}

/// A layer as it acts on coefficients, in the direction in which tangents travel.
#[derive(Clone, Copy, Debug)]
struct Turn {
    control: u8,
    target: u8,
    on_control: Rotation,
    on_target: Rotation,
}

/// The lane weights of the tangents of one place in one group of columns.
#[derive(Clone, Copy, Debug)]
struct Seed<R: Real> {
    /// `[X, Y, Z]` on `wire`.
    weights: [R::Row; 3],
    place: Place,
    wire: u8,
}

/// A Pauli string, found by which wires it flips (X, Y) and which it signs (Z, Y): `Im Tr(P·W)·2^-n` is
/// `factor` times one number of the transforms.
#[derive(Clone, Copy, Debug)]
struct PauliString {
    /// Where that number is in a [`Square`].
    source: u16,
    /// `±2^-n`.
    factor: f64,
}

/// All strings of `n` wires in the order of their rows: digit `q` is 1 for X, 2 for Y, 3 for Z on wire `q`.
fn strings(n: usize) -> impl Iterator<Item = PauliString> {
    (0..1usize << (2 * n)).map(move |row| {
        let digits = |wanted: [usize; 2]| {
            (0..n).filter(|q| wanted.contains(&(row >> (2 * q) & 3))).fold(0, |bits, q| bits | 1usize << q)
        };
        let (flips, signs) = (digits([1, 2]), digits([2, 3]));
        // ⟨b|Y|b⊕1⟩ = −i·(−1)^b: one factor −i for each Y.
        let (in_re, sign) =
            [(false, 1.0), (true, -1.0), (false, -1.0), (true, 1.0)][(flips & signs).count_ones() as usize % 4];
        let source = usize::from(!in_re) * MAX_DIM * MAX_DIM + signs * MAX_DIM + flips;
        PauliString { source: source as u16, factor: sign / (1 << n) as f64 }
    })
}

/// What a panel is filled from. Keeps its memory.
#[derive(Clone, Debug)]
pub struct PauliPlan<R: Real = f64> {
    n: usize,
    middle: usize,
    n_tangents: usize,
    strings: Vec<PauliString>,
    turns: Vec<Turn>,
    seeds: Vec<Seed<R>>,
    /// Seeds of each group, `seeds[bounds[g]..bounds[g + 1]]`, in order of place.
    bounds: Vec<usize>,
    /// Room for the transforms of the residual.
    transforms: Box<[Square; 2]>,
}

impl<R: Real> Default for PauliPlan<R> {
    fn default() -> PauliPlan<R> {
        PauliPlan {
            n: 0,
            middle: 0,
            n_tangents: 0,
            strings: Vec::new(),
            turns: Vec::new(),
            seeds: Vec::new(),
            bounds: Vec::new(),
            transforms: Box::new([Square::ZERO; 2]),
        }
    }
}

impl<R: Real> PauliPlan<R> {
    /// Prepares the columns for `tangents`, sorted by place.
    pub fn prepare(&mut self, n: usize, layers: &[Layer], tangents: &[Tangent]) {
        check_layers(n, layers);
        assert!(n <= MAX_QUBITS, "{n} qubits are too many for Pauli coordinates");
        assert!(tangents.is_sorted_by_key(|t| t.place), "tangents out of order");
        if self.n != n {
            self.strings.clear();
            self.strings.extend(strings(n));
        }
        (self.n, self.middle, self.n_tangents) = (n, layers.len() / 2, tangents.len());
        self.seeds.clear();
        self.bounds.clear();
        for group in tangents.chunks(R::LANES) {
            let start = self.seeds.len();
            self.bounds.push(start);
            for (lane, &Tangent { place, wire, pauli }) in group.iter().enumerate() {
                assert!((wire as usize) < n);
                if let Place::Layer(i) = place {
                    assert!((i as usize) < layers.len());
                }
                let known = self.seeds[start..].iter().rposition(|s| s.place == place && s.wire == wire);
                let index = known.map_or(self.seeds.len(), |i| start + i);
                if known.is_none() {
                    self.seeds.push(Seed { weights: [R::ZEROS; 3], place, wire });
                }
                self.seeds[index].weights[pauli as usize].as_mut()[lane] = R::from_f64(1.0);
            }
        }
        self.bounds.push(self.seeds.len());
    }

    /// Frame of the panel: just before the CX of this layer.
    pub fn middle(&self) -> usize {
        self.middle
    }

    /// Column of the residual: the one behind the tangents.
    pub fn residual_column(&self) -> usize {
        self.n_tangents
    }

    /// Columns that are used, padded with zeros to whole vectors.
    pub fn n_columns(&self) -> usize {
        (self.n_tangents + 1).next_multiple_of(R::LANES)
    }

    /// Rows of the panel.
    pub fn n_rows(&self) -> usize {
        1 << (2 * self.n)
    }

    /// Takes over the values of the layers of the template that was prepared for.
    fn turn(&mut self, layers: &[Layer]) {
        self.turns.clear();
        for (i, l) in layers.iter().enumerate() {
            let adjoint = |r: Rotation| if i >= self.middle { transposed(r) } else { r };
            self.turns.push(Turn {
                control: l.control,
                target: l.target,
                on_control: adjoint(rotation(l.on_control)),
                on_target: adjoint(rotation(l.on_target)),
            });
        }
    }
}

/// Fills the panel `[Pauli string][ld]`: digit `q` (base 4: 1, X, Y, Z) of a row is the Pauli matrix
/// on qubit `q`. Columns are the tangents in units of the identity's norm, then the residual
/// `−Im(e^{iφ}·Tr(P·W))/2^n` with `W = Σ_m y_m s_m†` in the frame of the middle.
///
/// `middle` and `pulled_back` are exact batches (all `2^n` basis states as inputs) in that frame.
#[allow(clippy::too_many_arguments, reason = "a kernel's operands are what they are")]
pub fn fill_pauli_panel<R: Real>(
    level: Level,
    plan: &mut PauliPlan<R>,
    layers: &[Layer],
    middle: &[f64],
    pulled_back: &[f64],
    phase: Complex64,
    ld: usize,
    scratch: &mut [R],
    panel: &mut [R],
) {
    let n = plan.n;
    check_layers(n, layers);
    assert!(
        plan.n_columns() <= ld && panel.len() >= plan.n_rows() * ld && scratch.len() >= 2 * plan.n_rows() * R::LANES
    );
    let len = batch_len(n, (1usize << n).div_ceil(LANES));
    assert!(middle.len() == len && pulled_back.len() == len);
    let in_range = |place| !matches!(place, Place::Layer(i) if i as usize >= layers.len());
    assert!(plan.seeds.iter().all(|s| in_range(s.place)), "another template was prepared for");
    plan.turn(layers);
    let (middle, pulled_back) = (middle.as_ptr(), pulled_back.as_ptr());
    let [rows, lines] = &mut *plan.transforms;
    multiversion!(level, transforms(n: usize, middle: *const f64, pulled_back: *const f64, phase: Complex64,
        rows: &mut Square, lines: &mut Square));
    let plan = &*plan;
    let (scratch, panel) = (scratch.as_mut_ptr(), panel.as_mut_ptr());
    multiversion!(level, R, fill(plan: &PauliPlan<R>, scratch: *mut R, ld: usize, panel: *mut R));
    // SAFETY: the panel has `4^n` rows of `ld` columns, and the residual's is one of them.
    unsafe { residual_column(plan, &plan.transforms[1], ld, panel) };
}

#[inline(always)]
unsafe fn fill<L: Vector>(plan: &PauliPlan<L::Real>, scratch: *mut L::Real, ld: usize, panel: *mut L::Real) {
    let rows = plan.n_rows();
    // SAFETY: `fill_pauli_panel` checked the sizes, and the wires against the width.
    unsafe {
        for (group, bounds) in plan.bounds.windows(2).enumerate() {
            let seeds = &plan.seeds[bounds[0]..bounds[1]];
            let n_before = seeds.partition_point(|s| s.place < Place::Layer(plan.middle as u32));
            let (before, after) = seeds.split_at(n_before);
            let second = scratch.add(rows * L::N);
            let mut from = scratch;
            if !before.is_empty() {
                forward::<L>(plan, before, scratch);
            }
            if !after.is_empty() {
                backward::<L>(plan, after, second);
                from = second;
            }
            let both = !before.is_empty() && !after.is_empty();
            for row in 0..rows {
                let mut x = L::load(from.add(row * L::N));
                if both {
                    x = x.add(L::load(scratch.add(row * L::N)));
                }
                x.store(panel.add(row * ld + group * L::N));
            }
        }
        if plan.n_columns() > plan.n_tangents.next_multiple_of(L::N) {
            for row in 0..rows {
                L::zero().store(panel.add(row * ld + plan.n_columns() - L::N));
            }
        }
    }
}

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

#[inline(always)]
unsafe fn forward<L: Vector>(plan: &PauliPlan<L::Real>, seeds: &[Seed<L::Real>], coefficients: *mut L::Real) {
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

#[inline(always)]
unsafe fn backward<L: Vector>(plan: &PauliPlan<L::Real>, seeds: &[Seed<L::Real>], coefficients: *mut L::Real) {
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

const MAX_DIM: usize = 1 << MAX_QUBITS;

/// One value for each pair of indices below `2^n`, real and imaginary parts apart; others are not read.
#[derive(Clone, Copy, Debug)]
struct Square {
    re: [[f64; MAX_DIM]; MAX_DIM],
    im: [[f64; MAX_DIM]; MAX_DIM],
}

impl Square {
    const ZERO: Square = Square { re: [[0.0; MAX_DIM]; MAX_DIM], im: [[0.0; MAX_DIM]; MAX_DIM] };
}

/// `W = e^{iφ} Σ_m y_m s_m†` as `lines[b][x] = W[b ⊕ x][b]`, then a Walsh transform over `b`, since
/// `Tr(P·W) = Σ_b ⟨b|P|b⊕x⟩ W[b⊕x][b]` for a string `P` that flips `x`.
#[inline(always)]
unsafe fn transforms<L: Lanes>(
    n: usize,
    middle: *const f64,
    pulled_back: *const f64,
    phase: Complex64,
    rows: &mut Square,
    lines: &mut Square,
) {
    let dim = 1usize << n;
    // SAFETY: `fill_pauli_panel` checked that the batches are exact ones of `n` qubits; both squares
    // hold whole vectors.
    unsafe {
        flipped_products::<L>(n, middle, pulled_back, phase, rows, lines);
        for q in 0..n {
            for b in 0..dim {
                if b >> q & 1 == 0 {
                    for v in 0..dim.div_ceil(LANES) {
                        butterfly::<L>(&mut lines.re, b, b | 1 << q, v * LANES);
                        butterfly::<L>(&mut lines.im, b, b | 1 << q, v * LANES);
                    }
                }
            }
        }
    }
}

/// Writes the residual's coefficients from the transforms.
#[inline(always)]
unsafe fn residual_column<R: Real>(plan: &PauliPlan<R>, lines: &Square, ld: usize, panel: *mut R) {
    let numbers = [lines.re.as_flattened(), lines.im.as_flattened()];
    for (row, string) in plan.strings.iter().enumerate() {
        let at = usize::from(string.source);
        let value = numbers[at / (MAX_DIM * MAX_DIM)][at % (MAX_DIM * MAX_DIM)];
        // SAFETY: the caller's panel has `4^n` rows.
        unsafe { *panel.add(row * ld + plan.n_tangents) = R::from_f64(-string.factor * value) };
    }
    // The identity string belongs to the global phase.
    // SAFETY: as above.
    unsafe { *panel.add(plan.n_tangents) = R::default() };
}

#[inline(always)]
unsafe fn butterfly<L: Lanes>(rows: &mut [[f64; MAX_DIM]; MAX_DIM], low: usize, high: usize, at: usize) {
    // SAFETY: the rows hold whole vectors at `at`.
    unsafe {
        let (p, q) = (rows[low].as_mut_ptr().add(at), rows[high].as_mut_ptr().add(at));
        let (x, y) = (L::load(p), L::load(q));
        x.add(y).store(p);
        x.sub(y).store(q);
    }
}

/// `lines[b][x] = W[b ⊕ x][b]` with `W[a][b] = e^{iφ} Σ_m y_m[a] conj(s_m[b])`.
#[inline(always)]
unsafe fn flipped_products<L: Lanes>(
    n: usize,
    states: *const f64,
    y: *const f64,
    phase: Complex64,
    rows: &mut Square,
    lines: &mut Square,
) {
    let dim = 1usize << n;
    // SAFETY: both batches hold `2^n` samples of `2^n` amplitudes.
    unsafe {
        // Samples become rows, amplitudes lanes.
        for m in 0..dim {
            for a in 0..dim {
                let p = y.add(batch_len(n, m / LANES) + a * AMPLITUDE_STRIDE + m % LANES);
                (rows.re[m][a], rows.im[m][a]) = (*p, *p.add(LANES));
            }
        }
        let (cr, ci) = (L::splat(phase.re), L::splat(phase.im));
        for v in 0..dim.div_ceil(LANES) {
            for b in 0..dim {
                let (mut re, mut im) = (L::splat(0.0), L::splat(0.0));
                for m in 0..dim {
                    let p = states.add(batch_len(n, m / LANES) + b * AMPLITUDE_STRIDE + m % LANES);
                    let (sr, si) = (L::splat(*p), L::splat(*p.add(LANES)));
                    let yr = L::load(rows.re[m].as_ptr().add(v * LANES));
                    let yi = L::load(rows.im[m].as_ptr().add(v * LANES));
                    re = yr.fma(sr, yi.fma(si, re));
                    im = yi.fma(sr, yr.fnma(si, im));
                }
                let (mut turned_re, mut turned_im) = ([0.0; LANES], [0.0; LANES]);
                ci.fnma(im, cr.mul(re)).store(turned_re.as_mut_ptr());
                ci.fma(re, cr.mul(im)).store(turned_im.as_mut_ptr());
                for lane in 0..LANES.min(dim) {
                    let flips = (v * LANES + lane) ^ b;
                    (lines.re[b][flips], lines.im[b][flips]) = (turned_re[lane], turned_im[lane]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
