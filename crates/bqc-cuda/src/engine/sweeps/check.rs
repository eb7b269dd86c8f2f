//! Is the device to be trusted with sweeps? Both kernels make some on templates with gates of every kind,
//! and the CPU makes the same.

use super::super::{CudaEngine, locked};
use super::session::Session;
use super::tables::{Encoded, Order, Shape, Tables, cost_point};
use crate::{CudaError, Kernels};
use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::{Course, SweepSettings, Sweeper, Sweeps};
use bqc_instantiate::samples::Sampler;
use bqc_instantiate::schedule::Rules;
use bqc_instantiate::{Target, Template, Values};
use bqc_kernels::templates::verdict;
use bqc_linalg::{Matrix, Stream};
use std::sync::atomic::AtomicBool;

/// Starts: more than a warp of blocks.
const N_STARTS: usize = 40;

/// Rounds of two sweeps.
const N_ROUNDS: u32 = 3;

/// How far two costs may differ, relative: rounding of some thousand operations. Costs are far from zero
/// here. Measured on the emulated kernels: 1e-14.
const RELATIVE_TOL: f64 = 1e-10;

/// Key of the random stream of the templates.
const CHECK_STREAM: u64 = 0x5357_4550;

impl CudaEngine {
    /// See the module.
    pub(super) fn check_sweeps(&self, kernels: &Kernels) -> Result<(), CudaError> {
        let (template, target) = template_and_target();
        let rules = Rules { min_sweeps: u32::MAX, sweeps_per_point: 2, ..Rules::default() };
        let set = Sampler::new(template.width(), 0, CHECK_STREAM).draw(self.level, &target, 8);
        let sweeps = Sweeps { sets: vec![set], rules };
        let (training, encoded, course) = (&sweeps.sets[0].training, Encoded::new(&template), Course::default());
        let mut stream = Stream::new(1, 0, CHECK_STREAM);
        let starts: Vec<Values> = (0..N_STARTS).map(|_| template.random_values(&mut stream)).collect();
        for large_is_global in [false, true] {
            let mut tables = Tables::new(rules);
            for values in &starts {
                let (width, encoded, course) = (template.width(), &encoded, &course);
                tables.push(&sweeps, &Order { width, encoded, values, course, n_rounds: N_ROUNDS });
            }
            let shape = Shape::of(&tables, large_is_global);
            let mut session = Session::new(&self.gpu)?;
            session.begin(kernels, tables, &shape)?;
            let returned = session.finish(&AtomicBool::new(false))?;
            for (start, (begun, (found, points, values))) in starts.iter().zip(&returned.runs).enumerate() {
                let mut sweeper = Sweeper::new(self.level, &template, begun, training);
                let mut agree = *found == verdict::UNDECIDED && points.len() == N_ROUNDS as usize + 1;
                for (round, point) in points.iter().enumerate() {
                    if round > 0 {
                        for _ in 0..rules.sweeps_per_point {
                            sweeper.sweep(training, &SweepSettings::default());
                        }
                    }
                    let cost = cost_point(*point).training;
                    agree &= (cost - sweeper.cost()).abs() <= RELATIVE_TOL * sweeper.cost();
                }
                agree &= template.check_values(&encoded.values(values)).is_ok();
                if !agree {
                    let what = format!("start {start} came to {points:?}, the CPU to {:e}", sweeper.cost());
                    let (device, kernel) = (self.gpu.info().to_string(), shape.kernel_name());
                    return Err(CudaError::WrongResult { device, kernel, what });
                }
            }
            locked(&self.sweeps.sessions).push(session);
        }
        Ok(())
    }
}

/// Gates of every kind on four wires, and a target that they do not reach.
fn template_and_target() -> (Template, Target) {
    let mut s = Stream::new(0, 0, CHECK_STREAM);
    let [a, b, c, d] = [0, 1, 2, 3].map(BlockQubit);
    let built = (|| {
        let mut t = Template::new(4)?;
        t.push_free_two(c, a)?;
        t.push_cx(a, b)?;
        t.push_free_one(a)?;
        t.push_free_one(b)?;
        t.push_constant(&[d], &s.su2().matrix())?;
        t.push_constant(&[b, d], &Matrix::haar(4, &mut s))?;
        t.push_free_one(d)?;
        t.push_cx(c, d)?;
        t.push_free_two(a, d)?;
        t.push_free_one(c)?;
        Ok((t, Target::from_matrix(&Matrix::haar(16, &mut s))?))
    })();
    built.unwrap_or_else(|error: bqc_instantiate::TemplateError| unreachable!("{error}"))
}
