//! Microseconds per Levenberg–Marquardt iteration, beside the floor of its arithmetic.
//!
//! Each call begins 0.1 rad per component from a solution and converges in five to seven iterations;
//! what it costs besides them (laying out the columns, the first evaluation) is counted in.

use super::{MULTIPLY_ADDS_PER_SECOND, random_template};
use crate::measure::{Effort, Spread, seconds_per_unit, timed};
use bqc_instantiate::{CxTemplate, LmSettings, LmSolver, Slot, StateBatch, sample_count};
use bqc_linalg::lanes::Level;
use bqc_linalg::lanes::pauli;
use bqc_linalg::{Stream, Su2};
use std::sync::atomic::AtomicBool;

/// Widths and numbers of CX.
pub const WIDTHS: [u8; 6] = [3, 4, 5, 6, 7, 8];
/// See [`WIDTHS`].
pub const CX_COUNTS: [usize; 4] = [8, 16, 24, 48];

/// One size of problem.
#[derive(Clone, Debug)]
pub struct IterationSpeed {
    /// Wires.
    pub n: u8,
    /// CX gates.
    pub n_cx: usize,
    /// Free parameters.
    pub n_parameters: usize,
    /// Sample states; `2^n` is the exact problem.
    pub n_samples: usize,
    /// Microseconds per iteration, one value a repetition.
    pub microseconds: Vec<f64>,
    /// See [`floor_microseconds`].
    pub floor_microseconds: f64,
}

impl IterationSpeed {
    /// Median and quartiles.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.microseconds).expect("at least one repetition")
    }

    /// What the project wants of this size, in microseconds; the prototype's figure is the second.
    pub fn goal(&self) -> Option<(f64, f64)> {
        (self.n == 5 && self.n_cx == 48).then_some((500.0, 1230.0))
    }
}

/// Measures one size on one thread.
pub fn measure(level: Level, n: u8, n_cx: usize, effort: Effort) -> IterationSpeed {
    let mut stream = Stream::new(1, n.into(), n_cx as u64);
    let target = random_template(n, n_cx, &mut stream);
    let n_parameters = 3 * usize::from(n) + 4 * n_cx;
    let n_samples = sample_count(n.into(), n_parameters);
    let batch = if n_samples == 1 << n {
        StateBatch::exact(&target)
    } else {
        StateBatch::sampled(&target, n_samples, &mut stream)
    };
    let mut solver = LmSolver::new(level);
    let go = AtomicBool::new(false);
    let seconds = seconds_per_unit(effort, || {
        let mut start = shaken(&target, 0.1, &mut stream);
        let (outcome, seconds) = timed(|| solver.solve(&batch, &mut start, &LmSettings::default(), &go));
        (outcome.iterations, seconds)
    });
    IterationSpeed {
        n,
        n_cx,
        n_parameters,
        n_samples,
        microseconds: seconds.iter().map(|s| s * 1e6).collect(),
        floor_microseconds: floor_microseconds(n, n_cx, n_parameters, n_samples),
    }
}

/// All slots turned by a random angle, `radians` the standard deviation of its components.
pub fn shaken(template: &CxTemplate, radians: f64, stream: &mut Stream) -> CxTemplate {
    let mut turned = template.clone();
    for slot in template.slots().collect::<Vec<Slot>>() {
        let angles = [0; 3].map(|_| radians * stream.gaussian());
        turned.set(slot, (template.value(slot) * Su2::exp(angles)).normalized());
    }
    turned
}

/// The arithmetic that the method cannot do without, at [`MULTIPLY_ADDS_PER_SECOND`].
///
/// Counted are: every tangent through a quarter of the layers (two one-qubit gates each; 8 real
/// multiply-adds an amplitude and gate, or 2.25 a Pauli coefficient), half the Gram matrix, a sixth of the
/// cube for its factor, and one evaluation through all layers. In Pauli coordinates the Gram matrix is
/// that of the smaller side, since with more parameters than rows the dual problem could be solved.
pub fn floor_microseconds(n: u8, n_cx: usize, n_parameters: usize, n_samples: usize) -> f64 {
    let (dim, p, layers) = ((1usize << n) as f64, n_parameters as f64, n_cx as f64);
    let is_pauli = n_samples == 1 << n && usize::from(n) <= pauli::MAX_QUBITS;
    let (rows, per_gate_and_row, unknowns) =
        if is_pauli { (dim * dim, 2.25, p.min(dim * dim)) } else { (2.0 * n_samples as f64 * dim, 4.0, p) };
    let tangents = p * rows * 2.0 * per_gate_and_row * layers / 4.0;
    let gram = if unknowns < p { rows * rows * p } else { p * p * rows } / 2.0;
    let factor = unknowns.powi(3) / 6.0;
    let evaluation = n_samples as f64 * dim * 16.0 * layers;
    (tangents + gram + factor + evaluation) / MULTIPLY_ADDS_PER_SECOND * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_of_the_goal_is_below_the_goal() {
        // 207 parameters, 5 samples: 6.4 M for tangents, 6.9 M for the Gram matrix, 1.5 M, 0.1 M.
        let floor = floor_microseconds(5, 48, 207, 5);
        assert!((floor - 308.0).abs() < 3.0, "{floor}");
        // 33 parameters, 64 Pauli rows: 19 k, 35 k, 6 k and 8 k.
        let floor = floor_microseconds(3, 6, 33, 8);
        assert!((floor - 1.3).abs() < 0.2, "{floor}");
    }

    #[test]
    fn what_is_measured_converges() {
        let effort = Effort { repeats: 2, seconds: 0.0 };
        let speed = measure(Level::detect(), 3, 8, effort);
        assert_eq!((speed.n_parameters, speed.n_samples, speed.microseconds.len()), (41, 8, 2));
        assert!(speed.spread().median > 0.0);
    }
}
