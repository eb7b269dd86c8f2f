//! Is the device to be trusted? Before it does any work, both kernels take one step from templates near
//! a solution, and the CPU takes the same step. Whatever the driver's compiler made of the PTX, this is
//! where it is held against a second opinion.

use super::descend::tables_of;
use super::{CudaEngine, tables};
use crate::CudaError;
use bqc_instantiate::{CxTemplate, Engine, LmOutcome, LmSettings, LmSolver, StateBatch, sample_count};
use bqc_linalg::{Stream, Su2};
use std::sync::atomic::AtomicBool;

/// Wires and CX gates of the templates.
const SIZE: (u8, usize) = (3, 5);

/// Templates: more than a warp of blocks.
const N_TEMPLATES: usize = 40;

/// Turns of their gates, radians: so near that the CPU works in double precision from the start.
const TURN: f64 = 2e-3;

/// How far two costs may differ: rounding of some thousand operations, multiplied by the condition of the
/// damped system, and the absolute part for costs that have come down to rounding. Measured on the
/// emulated kernels: 1e-13.
const RELATIVE_TOL: f64 = 1e-9;
const ABSOLUTE_TOL: f64 = 1e-15;

/// Key of the random stream of these templates.
const CHECK_STREAM: u64 = 0x4348_4543_4b00;

impl CudaEngine {
    /// See the module.
    pub(super) fn check(&self) -> Result<(), CudaError> {
        let (batch, begun) = problem();
        let settings = LmSettings { max_iterations: 1, ..LmSettings::default() };
        let (mut expected, go) = (begun.clone(), AtomicBool::new(false));
        let outcomes = self.cpu.descend(&batch, &settings, &mut expected, &go);
        let wrong = |kernel, what| CudaError::WrongResult { device: self.gpu.info().to_string(), kernel, what };
        let tables = tables_of(&self.target(&batch, None, &settings), &begun);
        let Some((tables, shape)) = tables.and_then(|tables| tables.shape().map(|shape| (tables, shape))) else {
            return Err(wrong("bqc_lm_global", "it has no room for templates of three wires".into()));
        };
        // One for each kernel.
        for shape in [shape, shape.global()] {
            let parts = self.finish(self.begin(&[&tables], &shape)?, |_| false)?;
            let Some(returned) = parts.first() else {
                return Err(wrong(shape.kernel_name(), "nothing came back".into()));
            };
            for (place, (template, outcome)) in begun.iter().zip(&outcomes).enumerate() {
                let mut found = template.clone();
                tables::set_slots(&mut found, returned.slots(place));
                let result = &returned.results[place];
                // The cost of the slots that came back, by the CPU.
                let own = LmSolver::new(self.level).distance(&batch, &found).powi(2);
                if !(agree(result.cost, outcome) && agree(own, outcome) && result.iterations == 1) {
                    let what = format!(
                        "after {} iterations template {place} has cost {:e}, by the CPU {own:e}, and the CPU came to {:e}",
                        result.iterations, result.cost, outcome.cost
                    );
                    return Err(wrong(shape.kernel_name(), what));
                }
            }
        }
        Ok(())
    }
}

fn agree(cost: f64, outcome: &LmOutcome) -> bool {
    (cost - outcome.cost).abs() <= RELATIVE_TOL * outcome.cost + ABSOLUTE_TOL
}

/// States of a target, and templates near it.
fn problem() -> (StateBatch, Vec<CxTemplate>) {
    let (n, n_cx) = SIZE;
    let mut s = Stream::new(0, 0, CHECK_STREAM);
    let mut target = CxTemplate::new(n);
    (0..n_cx as u8).for_each(|i| target.push(i % n, (i + 1) % n, Su2::IDENTITY, Su2::IDENTITY));
    for slot in target.slots() {
        target.set(slot, s.su2());
    }
    let n_samples = sample_count(n.into(), 3 * usize::from(n) + 4 * n_cx);
    let batch = StateBatch::sampled(&target, n_samples, &mut s);
    let near = (0..N_TEMPLATES).map(|_| {
        let mut near = target.clone();
        for slot in target.slots() {
            near.set(slot, target.value(slot) * Su2::exp([0; 3].map(|_| TURN * s.gaussian())));
        }
        near
    });
    let near = near.collect();
    (batch, near)
}
