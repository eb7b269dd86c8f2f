//! Tangents in Pauli coordinates: the exact Gauss–Newton problem of a narrow template.
//!
//! Pulled to the middle of the circuit, the tangent of a slot is `i·B·H·A` with `H = W σ W†`: a real
//! combination of Pauli strings. A one-qubit gate rotates three coefficients (9 multiply-adds, where
//! amplitudes take 8 each), a CX is a signed permutation, no sample is involved, and the Gram matrix
//! over all columns is that of `4^n` real rows instead of `2·4^n`. The global phase is the identity
//! string, which no tangent contains, so it needs no column.

mod residual;
mod walk;

use super::jacobian::{Frame, Place, Tangent};
use super::layer::{Layer, check_layers};
use super::panel::{Panel, View};
use super::states::batch_len;
use super::{AlignedBuffer, LANES, Level, Real, Vector, multiversion};
use crate::Su2;
use residual::{MAX_DIM, Square, residual_column, transforms};
use walk::{backward, forward};

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
    /// Room for the coefficients of two groups of tangents.
    scratch: AlignedBuffer<R>,
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
            scratch: AlignedBuffer::default(),
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

impl<R: Real> PauliPlan<R> {
    /// Gives `panel` its shape and fills it, with the layers' present values.
    ///
    /// `panel`: a row for each Pauli string, digit `q` (base 4: 1, X, Y, Z) of a row being the Pauli matrix on qubit
    /// `q`; [`PauliPlan::n_columns`] columns. They are the tangents in units of the identity's norm, then the residual
    /// `−Im(e^{iφ}·Tr(P·W))/2^n` with `W = Σ_m y_m s_m†` in the frame of the middle.
    ///
    /// `frame` holds exact batches: all `2^n` basis states as inputs.
    pub fn fill(&mut self, level: Level, layers: &[Layer], frame: Frame<'_>, panel: &mut Panel<R>) {
        let n = self.n;
        check_layers(n, layers);
        let len = batch_len(n, (1usize << n).div_ceil(LANES));
        assert!(frame.middle.len() == len && frame.pulled_back.len() == len);
        let in_range = |place| !matches!(place, Place::Layer(i) if i as usize >= layers.len());
        assert!(self.seeds.iter().all(|s| in_range(s.place)), "another template was prepared for");
        self.turn(layers);
        let squares = &mut *self.transforms;
        multiversion!(level, transforms(n: usize, frame: Frame<'_>, squares: &mut [Square; 2]));
        panel.reshape(self.n_rows(), self.n_columns());
        self.scratch.ensure(2 * self.n_rows() * R::LANES);
        let (scratch, panel) = (self.scratch.as_mut_ptr(), panel.view_mut());
        let plan = &*self;
        multiversion!(level, R, fill(plan: &PauliPlan<R>, scratch: *mut R, panel: View<*mut R>));
        // SAFETY: the panel has `4^n` rows, and the residual's column is one of its own.
        unsafe { residual_column(plan, panel) };
    }
}

#[inline(always)]
unsafe fn fill<L: Vector>(plan: &PauliPlan<L::Real>, scratch: *mut L::Real, panel: View<*mut L::Real>) {
    let (rows, ld, panel) = (plan.n_rows(), panel.ld, panel.start);
    // SAFETY: `PauliPlan::fill` made the room, and the wires were checked against the width.
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

#[cfg(test)]
mod tests;
