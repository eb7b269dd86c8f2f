//! The linear problem of one iteration: the Gram matrix of the Jacobian, and its damped solution.
//!
//! It exists for `f64` and for `f32`. Single precision takes half the time and chooses steps as good while
//! the residual is large: the Gram matrix is right to 1e-6 of its diagonal, which the damping covers.

use crate::StateBatch;
use bqc_linalg::lanes::gram::{self, Damping};
use bqc_linalg::lanes::jacobian::{Frame, Plan, States, Tangent};
use bqc_linalg::lanes::layer::Layer;
use bqc_linalg::lanes::pauli::{self, PauliPlan};
use bqc_linalg::lanes::{AlignedBuffer, Level, Panel, Real};

/// The shape of the normal equations `(scale·G + λ)d = −scale·g`.
#[derive(Clone, Copy, Debug, Default)]
struct System {
    /// Unknowns; the gradient `g` is the next column of `G`. With amplitudes the last unknown is the
    /// global phase.
    n_unknowns: usize,
    /// Makes the diagonal one.
    scale: f64,
}

/// Lays out and fills the linear problem in numbers of type `R` on one CPU level, and keeps the memory for it.
pub(super) struct Linear<R: Real> {
    level: Level,
    is_prepared: bool,
    plan: Plan<R>,
    pauli_plan: PauliPlan<R>,
    after_first: AlignedBuffer<R>,
    after_cx: AlignedBuffer<R>,
    panel: Panel<R>,
    system: System,
    gram: Panel<R>,
    factor: Panel<R>,
    solution: AlignedBuffer<R>,
}

/// A panel of the Jacobian takes as many samples as fit into this many bytes (an eighth of the
/// second-level cache of current cores), at least one.
const PANEL_BYTES: usize = 128 * 1024;

impl<R: Real> Linear<R> {
    /// Nothing yet.
    pub fn new(level: Level) -> Linear<R> {
        Linear {
            level,
            is_prepared: false,
            plan: Plan::default(),
            pauli_plan: PauliPlan::default(),
            after_first: AlignedBuffer::default(),
            after_cx: AlignedBuffer::default(),
            panel: Panel::default(),
            system: System::default(),
            gram: Panel::default(),
            factor: Panel::default(),
            solution: AlignedBuffer::default(),
        }
    }

    /// Forgets the layout: another template comes.
    pub fn forget(&mut self) {
        self.is_prepared = false;
    }

    /// Fills the upper triangle of the Gram matrix `[JᵀJ, Jᵀr]` at the point where the template's states are
    /// `point`, in the frame of the middle.
    pub fn fill(&mut self, batch: &StateBatch, layers: &[Layer], tangents: &[Tangent], point: States<'_>) {
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
            self.fill_strings(layers, point.frame);
        } else {
            self.fill_samples(batch, layers, point);
        }
    }

    /// Solves with the damping `lambda` and writes the step, one number per unknown. Returns the decrease
    /// of the cost that the quadratic model promises, `½ Σ d(λd − g)`; none: the matrix is singular.
    pub fn step(&mut self, lambda: f64, step: &mut Vec<f64>) -> Option<f64> {
        let System { n_unknowns, scale } = self.system;
        if !gram::cholesky(self.level, &self.gram, Damping { scale, lambda }, n_unknowns, &mut self.factor) {
            return None;
        }
        gram::back_substitute(self.level, &self.factor, n_unknowns, &mut self.solution);
        step.clear();
        step.extend(self.solution[..n_unknowns].iter().map(|&d| d.into()));
        let gradient = |i: usize| scale * self.gram.row(i)[n_unknowns].into();
        Some(step.iter().enumerate().map(|(i, d)| d * (lambda * d - gradient(i))).sum::<f64>() / 2.0)
    }

    fn fill_strings(&mut self, layers: &[Layer], frame: Frame<'_>) {
        let (n_columns, n_unknowns) = (self.pauli_plan.n_columns(), self.pauli_plan.residual_column());
        self.begin(System { n_unknowns, scale: 1.0 }, n_columns);
        self.pauli_plan.fill(self.level, layers, frame, &mut self.panel);
        gram::accumulate(self.level, &self.panel, n_unknowns, &mut self.gram, true);
    }

    fn fill_samples(&mut self, batch: &StateBatch, layers: &[Layer], point: States<'_>) {
        let (level, n_samples) = (self.level, batch.n_samples());
        let (n_columns, n_unknowns) = (self.plan.n_columns(), self.plan.phase_column() + 1);
        self.begin(System { n_unknowns, scale: 1.0 / n_samples as f64 }, n_columns);
        let sample_bytes = (2usize << batch.n()) * Panel::<R>::row_bytes(n_columns);
        let samples_per_panel = (PANEL_BYTES / sample_bytes).clamp(1, n_samples);
        let states = States {
            after_first: R::converted(level, point.after_first, &mut self.after_first),
            after_cx: R::converted(level, point.after_cx, &mut self.after_cx),
            frame: point.frame,
        };
        let mut start = 0;
        while start < n_samples {
            let end = (start + samples_per_panel).min(n_samples);
            self.plan.fill(level, layers, states, start..end, &mut self.panel);
            gram::accumulate(level, &self.panel, n_unknowns, &mut self.gram, start == 0);
            start = end;
        }
    }

    /// Makes room for a system whose Gram matrix has `n_columns` columns.
    fn begin(&mut self, system: System, n_columns: usize) {
        self.system = system;
        self.gram.reshape(n_columns, n_columns);
        self.factor.reshape(n_columns, n_columns);
        // Back substitution works on whole tiles of eight rows.
        self.solution.ensure(system.n_unknowns.next_multiple_of(R::LANES) + R::LANES);
    }
}
