//! The Jacobian of one linearisation and its Gram matrix.
//!
//! One column per tangent `i·σ` of a free one-qubit gate, all multiplied by the inverse of the second
//! half of the circuit, as on the CPU: tangents before the middle travel forward, later ones backward,
//! both in the same phases. Columns of the panel are complex, `[column][sample of the panel][2^n]`, in global
//! memory `[sample of the panel][2^n][column]`; a thread takes quads of columns, neighbouring threads neighbouring columns. The states that seed the
//! tangents walk along in two copies: one is read while the other is written.

use super::layout::{Arrangement, Column, Columns, Part, TILE, Workspace, tile_at};
use crate::complex::Complex;
use crate::cta::{Cta, Memory};
use crate::real::{fma, quotient, remainder};
use crate::states::{Amplitudes, Circuit, Quad, Quads, apply_local};

/// What a linearisation starts from.
#[derive(Clone, Copy)]
pub struct Point<M> {
    /// The template.
    pub circuit: Circuit<M>,
    /// States after the first slots, `[sample][2^n]`.
    pub after_first: M,
    /// States at the end.
    pub at_end: M,
    /// The targets `y`.
    pub outputs: M,
    /// `e^{iφ}`: the phase of the mean overlap.
    pub phase: Complex,
}

/// Pauli matrices as they are numbered in `of_column`.
pub const X: u32 = 0;
/// See [`X`].
pub const Y: u32 = 1;
/// See [`X`].
pub const Z: u32 = 2;

/// Columns of a panel while it is filled.
#[derive(Clone, Copy)]
struct Panel<M, A> {
    columns: Columns<M, A>,
    /// Numbers of columns, padding included; the states come after.
    n_columns: u32,
    first_columns: M,
    of_columns: M,
    circuit: Circuit<M>,
    n_tangents: u32,
    /// Frame of the panel: just before this CX.
    middle: u32,
    /// Quads of a column.
    n_quads: u32,
    /// Amplitudes of a column.
    n_rows: u32,
}

/// Fills the Gram matrix `[J, r]ᵀ[J, r]` at a point, panel by panel.
#[inline(always)]
pub fn linearize<B: Cta, A: Arrangement>(cta: &mut B, workspace: Workspace<B::Memory, A>, point: Point<B::Memory>) {
    let Circuit { n, n_cx, .. } = point.circuit;
    let n_tangents = workspace.part(Part::FirstColumn).word(n + 2 * n_cx);
    let (n_samples, samples_per_panel) = (workspace.size(Part::NSamples), workspace.size(Part::SamplesPerPanel));
    let mut start = 0;
    while start < n_samples {
        let left = n_samples - start;
        let count = if left < samples_per_panel { left } else { samples_per_panel };
        let panel = Panel {
            columns: workspace.columns(),
            n_columns: workspace.size(Part::NColumns),
            first_columns: workspace.part(Part::FirstColumn),
            of_columns: workspace.part(Part::OfColumn),
            circuit: point.circuit,
            n_tangents,
            middle: n_cx / 2,
            n_quads: count << (n - 2),
            n_rows: count << n,
        };
        let from = 2 * (start << n);
        let here = Point {
            after_first: point.after_first.offset(from),
            at_end: point.at_end.offset(from),
            outputs: point.outputs.offset(from),
            ..point
        };
        panel.fill(cta, here);
        accumulate(cta, workspace, panel.n_rows, start == 0);
        start += count;
    }
}

impl<M: Memory, A: Arrangement> Panel<M, A> {
    #[inline(always)]
    fn forward_state(self, copy: u32) -> Column<M, A> {
        self.columns.at(self.n_columns + (copy & 1))
    }

    #[inline(always)]
    fn backward_state(self, copy: u32) -> Column<M, A> {
        self.columns.at(self.n_columns + 2 + (copy & 1))
    }

    /// The column of the residual, which holds `y` on its way back.
    #[inline(always)]
    fn residual_column(self) -> u32 {
        self.n_tangents + 1
    }

    #[inline(always)]
    fn first_column(self, slot: u32) -> u32 {
        self.first_columns.word(slot)
    }

    #[inline(always)]
    fn of_column(self, column: u32) -> (u32, u32) {
        let word = self.of_columns.word(column);
        (word >> 2, word & 3)
    }

    #[inline(always)]
    fn fill<B: Cta<Memory = M>>(self, cta: &mut B, point: Point<M>) {
        let Circuit { n, n_cx, .. } = self.circuit;
        self.begin(cta, point);
        let (n_forward, n_backward) = (self.middle, n_cx - self.middle);
        let n_steps = if n_forward > n_backward { n_forward } else { n_backward };
        let mut k = 0;
        while k < n_steps {
            // The columns that move: 0..forward_end from the left and backward_start.. from the right.
            let forward_end = if k < n_forward { self.first_column(n + 2 * k + 2) } else { 0 };
            let goes_forward = (k < n_forward) as u32;
            let layer = n_cx - 1 - k;
            let backward_start = if k < n_backward { self.first_column(n + 2 * layer) } else { self.n_tangents };
            let goes_backward = (k < n_backward) as u32;
            let n_left = forward_end + goes_forward;
            let n_right = (self.n_tangents - backward_start) + 2 * goes_backward;
            let n_moving = n_left + n_right;
            let n_threads = cta.n_threads();
            cta.phase(|thread| {
                let (mut item, mut quad) = (remainder(thread, n_moving), quotient(thread, n_moving));
                while quad < self.n_quads {
                    if item < n_left {
                        self.step_forward(k, item, forward_end, quad);
                    } else {
                        self.step_backward(k, layer, backward_start + item - n_left, quad);
                    }
                    item += n_threads;
                    while item >= n_moving {
                        item -= n_moving;
                        quad += 1;
                    }
                }
            });
            k += 1;
        }
        self.finish(cta, point.phase, n_forward);
    }

    /// Seeds the tangents of the first slots and sets the states off.
    #[inline(always)]
    fn begin<B: Cta<Memory = M>>(self, cta: &mut B, point: Point<M>) {
        let n_seeds = self.first_column(self.circuit.n);
        let n_rows = self.n_rows;
        cta.each(n_rows, |row| {
            self.forward_state(0).set_amplitude(row, point.after_first.complex(row));
            self.backward_state(0).set_amplitude(row, point.at_end.complex(row));
            self.columns.at(self.residual_column()).set_amplitude(row, point.outputs.complex(row));
        });
        cta.each(n_seeds * n_rows, |i| {
            let (column, row) = (remainder(i, n_seeds), quotient(i, n_seeds));
            let (wire, pauli) = self.of_column(column);
            let source = if pauli == Z { row } else { row ^ 1 << wire };
            let value = seeded(point.after_first.complex(source), pauli, row >> wire & 1 == 1);
            self.columns.at(column).set_amplitude(row, value);
        });
    }

    /// Takes a tangent, or with `column == end` the state, through layer `k`; tangents that arise in it
    /// are made from the state.
    #[inline(always)]
    fn step_forward(self, k: u32, column: u32, end: u32, i: u32) {
        let word = self.circuit.layer(k);
        let quads = Quads::new(word.control(), word.target());
        let (on_control, on_target) = self.circuit.layer_gates(k);
        let is_state = column == end;
        let is_new = !is_state && column >= self.first_column(self.circuit.n + 2 * k);
        let own = self.columns.at(column);
        let from = if is_state || is_new { self.forward_state(k) } else { own };
        let to = if is_state { self.forward_state(k + 1) } else { own };
        let mut quad = quads.load(from, i, true);
        if is_new {
            quad = self.seed(column, quad);
        }
        quads.store(to, i, false, apply_local(on_control, on_target, quad));
    }

    /// Takes a tangent back through a layer; the two columns after the tangents are the targets and the
    /// state.
    #[inline(always)]
    fn step_backward(self, k: u32, layer: u32, column: u32, i: u32) {
        let word = self.circuit.layer(layer);
        let quads = Quads::new(word.control(), word.target());
        let (on_control, on_target) = self.circuit.layer_gates(layer);
        let is_targets = column == self.n_tangents;
        let is_state = column == self.n_tangents + 1;
        let is_new = column < self.first_column(self.circuit.n + 2 * layer + 2);
        let own = self.columns.at(if is_targets { self.residual_column() } else { column });
        let from = if is_state || is_new { self.backward_state(k) } else { own };
        let to = if is_state { self.backward_state(k + 1) } else { own };
        let mut quad = apply_local(on_control.dagger(), on_target.dagger(), quads.load(from, i, false));
        if is_new {
            quad = self.seed(column, quad);
        }
        quads.store(to, i, true, quad);
    }

    /// `i·σ` of a tangent on a quad after the CX of its layer.
    #[inline(always)]
    fn seed(self, column: u32, quad: Quad) -> Quad {
        let (slot, pauli) = self.of_column(column);
        let on_target = (slot - self.circuit.n) & 1 == 1;
        let [q0, q1, q2, q3] = quad;
        // The pairs that differ in the wire's bit, with their places.
        let (low, high) = if on_target { ([q0, q2], [q1, q3]) } else { ([q0, q1], [q2, q3]) };
        let is_z = pauli == Z;
        let new_low = [0, 1].map(|k| seeded(if is_z { low[k] } else { high[k] }, pauli, false));
        let new_high = [0, 1].map(|k| seeded(if is_z { high[k] } else { low[k] }, pauli, true));
        if on_target {
            [new_low[0], new_high[0], new_low[1], new_high[1]]
        } else {
            [new_low[0], new_low[1], new_high[0], new_high[1]]
        }
    }

    /// The columns of phase and residual, and zeros up to whole tiles.
    #[inline(always)]
    fn finish<B: Cta<Memory = M>>(self, cta: &mut B, phase: Complex, copy: u32) {
        let n_rows = self.n_rows;
        let (state, residual) = (self.forward_state(copy), self.columns.at(self.residual_column()));
        cta.each(n_rows, |row| {
            let s = state.amplitude(row);
            self.columns.at(self.n_tangents).set_amplitude(row, s.times_i());
            residual.set_amplitude(row, s.minus(phase.times(residual.amplitude(row))));
            let mut column = self.n_tangents + 2;
            while column < self.n_columns {
                self.columns.at(column).set_amplitude(row, Complex::ZERO);
                column += 1;
            }
        });
    }
}

/// One amplitude of `i·σ·state`: `other` is the amplitude that σ brings to this place, `high` the
/// wire's bit here.
#[inline(always)]
fn seeded(other: Complex, pauli: u32, high: bool) -> Complex {
    // iX: i·other; iY: ±other (+ on bit 0); iZ: ±i·other. Signs are flipped as bits, without a branch.
    let (is_x, is_y) = (pauli == X, pauli == Y);
    let (flips_re, flips_im) = (is_x || high == is_y, high && !is_x);
    let (re, im) = (if is_y { other.re } else { other.im }, if is_y { other.im } else { other.re });
    Complex::new(with_sign_flipped(re, flips_re), with_sign_flipped(im, flips_im))
}

#[inline(always)]
fn with_sign_flipped(x: f64, is_flipped: bool) -> f64 {
    f64::from_bits(x.to_bits() ^ (is_flipped as u64) << 63)
}

/// `G ← G + panelᵀ·panel` over the real and imaginary parts of `n_rows` amplitudes, lower triangle of
/// tiles with full tiles on the diagonal; `fresh` starts from zero.
///
/// A sum goes on where the last panel left it, product by product: how samples are divided into panels, which
/// follows from the memory of the device, changes no digit.
///
/// With `Q` a quarter of the columns, patch `(p, q)`, `q ≤ p`, is all `(p + Q·r, q + Q·s)`, `r, s < 4`:
/// every pair of columns is met once, and neighbouring threads read neighbouring columns.
#[inline(always)]
fn accumulate<B: Cta, A: Arrangement>(cta: &mut B, workspace: Workspace<B::Memory, A>, n_rows: u32, fresh: bool) {
    let gram = workspace.gram();
    let (columns, quarter) = (workspace.columns(), workspace.size(Part::NColumns) / 4);
    cta.each(quarter * (quarter + 1) / 2, |patch| {
        let mut p = 0;
        while (p + 1) * (p + 2) / 2 <= patch {
            p += 1;
        }
        let q = patch - p * (p + 1) / 2;
        let left = [0, 1, 2, 3].map(|r| columns.at(p + quarter * r));
        let right = [0, 1, 2, 3].map(|s| columns.at(q + quarter * s));
        // Places that a compiler takes for other ones than those below, or it would keep all sixteen through the loop.
        let (first_p, first_q) = (B::Memory::rolled(p), B::Memory::rolled(q));
        let mut sums = [[0.0; 4]; 4];
        for r in 0..4 {
            for s in 0..4 {
                let (tile, at) = gram_place(gram, first_p + quarter * r as u32, first_q + quarter * s as u32);
                sums[r][s] = if fresh { 0.0 } else { tile.f64(at) };
            }
        }
        let mut row = 0;
        while row < n_rows {
            let at = B::Memory::rolled(row);
            sums =
                add_products(sums, left.map(|column| column.amplitude(at)), right.map(|column| column.amplitude(at)));
            row += 1;
        }
        for r in 0..4 {
            for s in 0..4 {
                // A patch on the diagonal holds its pairs twice.
                if p != q || s <= r {
                    set_gram(gram, p + quarter * r as u32, q + quarter * s as u32, sums[r][s]);
                }
            }
        }
    });
}

#[inline(always)]
fn add_products(mut sums: [[f64; 4]; 4], x: [Complex; 4], y: [Complex; 4]) -> [[f64; 4]; 4] {
    for r in 0..4 {
        for s in 0..4 {
            sums[r][s] = fma(x[r].im, y[s].im, fma(x[r].re, y[s].re, sums[r][s]));
        }
    }
    sums
}

/// The tile of an element of the lower triangle, and its place there.
#[inline(always)]
fn gram_place<M: Memory>(gram: M, i: u32, j: u32) -> (M, u32) {
    let (row, column) = if i >= j { (i, j) } else { (j, i) };
    (gram.offset(tile_at(row / TILE, column / TILE)), row % TILE * TILE + column % TILE)
}

#[inline(always)]
fn set_gram<M: Memory>(gram: M, i: u32, j: u32, value: f64) {
    let (row, column) = if i >= j { (i, j) } else { (j, i) };
    let (tile_row, tile_column) = (row / TILE, column / TILE);
    let tile = gram.offset(tile_at(tile_row, tile_column));
    tile.set_f64(row % TILE * TILE + column % TILE, value);
    if tile_row == tile_column {
        tile.set_f64(column % TILE * TILE + row % TILE, value);
    }
}
