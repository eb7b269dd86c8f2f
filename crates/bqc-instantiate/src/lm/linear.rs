//! The linear problem of one iteration: the Gram matrix of the Jacobian, and its damped solution.
//!
//! It exists for `f64` and for `f32`. Single precision takes half the time and chooses steps as good while
//! the residual is large: the Gram matrix is right to 1e-6 of its diagonal, which the damping covers.

use crate::StateBatch;
use bqc_linalg::Complex64;
use bqc_linalg::lanes::jacobian::{self, Plan, States, Tangent};
use bqc_linalg::lanes::layer::Layer;
use bqc_linalg::lanes::pauli::{self, PauliPlan};
use bqc_linalg::lanes::{AlignedBuffer, Level, Real, gram};

/// The shape of the normal equations `(scale·G + λ)d = −scale·g`.
#[derive(Clone, Copy, Debug, Default)]
struct System {
    /// Unknowns; the gradient `g` is the next column of `G`. With amplitudes the last unknown is the
    /// global phase.
    n_unknowns: usize,
    /// Columns of `G` with the padding.
    n_columns: usize,
    /// Leading dimension of `G`.
    ld: usize,
    /// Makes the diagonal one.
    scale: f64,
}

/// Where the tangents start and what they are compared with.
#[derive(Clone, Copy)]
pub(super) struct Point<'a> {
    /// From `push_recorded`.
    pub after_first: &'a [f64],
    /// From `push_recorded`.
    pub after_cx: &'a [f64],
    /// States in the frame of the middle.
    pub middle: &'a [f64],
    /// Targets in the frame of the middle.
    pub pulled_back: &'a [f64],
    /// Phase of the mean overlap.
    pub phase: Complex64,
}

/// Lays out and fills the linear problem in numbers of type `R`, and keeps the memory for it.
pub(super) struct Linear<R: Real> {
    is_prepared: bool,
    plan: Plan<R>,
    pauli_plan: PauliPlan<R>,
    after_first: AlignedBuffer<R>,
    after_cx: AlignedBuffer<R>,
    scratch: AlignedBuffer<R>,
    panel: AlignedBuffer<R>,
    system: System,
    gram: AlignedBuffer<R>,
    factor: AlignedBuffer<R>,
    solution: AlignedBuffer<R>,
}

impl<R: Real> Default for Linear<R> {
    fn default() -> Linear<R> {
        Linear {
            is_prepared: false,
            plan: Plan::default(),
            pauli_plan: PauliPlan::default(),
            after_first: AlignedBuffer::default(),
            after_cx: AlignedBuffer::default(),
            scratch: AlignedBuffer::default(),
            panel: AlignedBuffer::default(),
            system: System::default(),
            gram: AlignedBuffer::default(),
            factor: AlignedBuffer::default(),
            solution: AlignedBuffer::default(),
        }
    }
}

/// A panel of the Jacobian takes as many samples as fit into this many bytes (an eighth of the
/// second-level cache of current cores), at least one.
const PANEL_BYTES: usize = 128 * 1024;

impl<R: Real> Linear<R> {
    /// Forgets the layout: another template comes.
    pub fn forget(&mut self) {
        self.is_prepared = false;
    }

    /// Fills the upper triangle of the Gram matrix `[JᵀJ, Jᵀr]`.
    pub fn fill(&mut self, level: Level, batch: &StateBatch, layers: &[Layer], tangents: &[Tangent], point: Point<'_>) {
        let n = batch.n();
        let in_pauli_coordinates = batch.is_exact() && n <= pauli::MAX_QUBITS;
        if !self.is_prepared {
            self.is_prepared = true;
            if in_pauli_coordinates {
                self.pauli_plan.prepare(n, layers, tangents);
            } else {
                self.plan.prepare(n, layers, tangents);
            }
        }
        if in_pauli_coordinates {
            self.fill_strings(level, layers, point);
        } else {
            self.fill_samples(level, batch, layers, point);
        }
        let System { n_unknowns, n_columns, ld, .. } = self.system;
        self.factor.ensure(n_columns * ld);
        self.solution.ensure(n_unknowns.next_multiple_of(R::LANES) + R::LANES);
    }

    /// Solves with the damping `lambda` and writes the step, one number per unknown. Returns the decrease
    /// of the cost that the quadratic model promises, `½ Σ d(λd − g)`; none: the matrix is singular.
    pub fn step(&mut self, level: Level, lambda: f64, step: &mut Vec<f64>) -> Option<f64> {
        let System { n_unknowns, n_columns, ld, scale } = self.system;
        let (gram, factor) = (&self.gram[..n_columns * ld], &mut self.factor[..n_columns * ld]);
        if !gram::cholesky(level, gram, scale, lambda, n_unknowns, n_columns, ld, factor) {
            return None;
        }
        gram::back_substitute(level, factor, n_unknowns, n_unknowns, ld, &mut self.solution);
        step.clear();
        step.extend(self.solution[..n_unknowns].iter().map(|&d| d.into()));
        let gradient = |i: usize| scale * gram[i * ld + n_unknowns].into();
        Some(step.iter().enumerate().map(|(i, d)| d * (lambda * d - gradient(i))).sum::<f64>() / 2.0)
    }

    fn fill_strings(&mut self, level: Level, layers: &[Layer], point: Point<'_>) {
        let plan = &mut self.pauli_plan;
        let (rows, n_columns, n_unknowns) = (plan.n_rows(), plan.n_columns(), plan.residual_column());
        let ld = gram::leading_dimension::<R>(n_columns);
        self.gram.ensure(n_columns * ld);
        self.panel.ensure(rows * ld);
        self.scratch.ensure(2 * rows * R::LANES);
        let Point { middle, pulled_back, phase, .. } = point;
        let (scratch, panel) = (&mut self.scratch, &mut self.panel[..rows * ld]);
        pauli::fill_pauli_panel(level, plan, layers, middle, pulled_back, phase, ld, scratch, panel);
        gram::accumulate(level, panel, n_unknowns, n_columns, ld, &mut self.gram, true);
        self.system = System { n_unknowns, n_columns, ld, scale: 1.0 };
    }

    fn fill_samples(&mut self, level: Level, batch: &StateBatch, layers: &[Layer], point: Point<'_>) {
        let (n, plan) = (batch.n(), &self.plan);
        let (n_columns, n_unknowns) = (plan.n_columns(), plan.phase_column() + 1);
        let ld = gram::leading_dimension::<R>(n_columns);
        let rows_per_sample = 2usize << n;
        let sample_bytes = rows_per_sample * ld * size_of::<R>();
        let samples_per_panel = (PANEL_BYTES / sample_bytes).clamp(1, batch.n_samples());
        self.gram.ensure(n_columns * ld);
        self.panel.ensure(samples_per_panel * rows_per_sample * ld);
        self.scratch.ensure(jacobian::scratch_len::<R>(n));
        let states = States {
            after_first: R::converted(level, point.after_first, &mut self.after_first),
            after_cx: R::converted(level, point.after_cx, &mut self.after_cx),
            middle: point.middle,
            pulled_back: point.pulled_back,
            phase: point.phase,
        };
        let mut start = 0;
        while start < batch.n_samples() {
            let end = (start + samples_per_panel).min(batch.n_samples());
            let panel = &mut self.panel[..(end - start) * rows_per_sample * ld];
            jacobian::fill_panel(level, plan, layers, states, start..end, ld, &mut self.scratch, panel);
            gram::accumulate(level, panel, n_unknowns, n_columns, ld, &mut self.gram, start == 0);
            start = end;
        }
        self.system = System { n_unknowns, n_columns, ld, scale: 1.0 / batch.n_samples() as f64 };
    }
}
