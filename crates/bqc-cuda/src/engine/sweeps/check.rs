//! Is the device to be trusted with sweeps? Both kernels make some on templates with gates of every kind,
//! and the CPU makes the same.

use super::tables::{Encoded, Shape, Tables, cost_point};
use super::{CudaEngine, Session, locked};
use crate::{CudaError, Kernels};
use bqc_circuit::BlockQubit;
use bqc_instantiate::qfactor::Sweeper;
use bqc_instantiate::qfactor::course::Course;
use bqc_instantiate::schedule::Rules;
use bqc_instantiate::{Problem, Settings, Start, Target, Template};
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
        let rules = Rules { min_sweeps: u32::MAX, ..Rules::default() };
        let settings = Settings { rules, n_samples: Some(8), sweeps_per_round: 2, ..Settings::default() };
        let starts = vec![Start::Random; N_STARTS];
        let problem = Problem {
            template: &template,
            target: &target,
            starts: &starts,
            settings: &settings,
            seed: 0,
            key: CHECK_STREAM,
        };
        let course = Course::new(self.level, &problem, usize::MAX);
        let orders: Vec<_> = (0..N_STARTS).filter_map(|start| course.order(start, N_ROUNDS)).collect();
        let encoded = Encoded::new(&template);
        for large_is_global in [false, true] {
            let mut tables = Tables::default();
            orders.iter().for_each(|order| tables.push(0, &problem, &encoded, order));
            let shape = Shape::of(&tables, large_is_global);
            let mut session = Session::new(&self.gpu)?;
            session.begin(kernels, tables, &shape)?;
            let returned = session.finish(&AtomicBool::new(false))?;
            for (start, (order, (found, points, values))) in orders.iter().zip(&returned.runs).enumerate() {
                let mut sweeper = Sweeper::new(self.level, &template, order.values, &order.set.training);
                let mut agree = *found == verdict::UNDECIDED && points.len() == N_ROUNDS as usize + 1;
                for (round, point) in points.iter().enumerate() {
                    if round > 0 {
                        for _ in 0..settings.sweeps_per_round {
                            sweeper.sweep(&order.set.training, &settings.sweeps);
                        }
                    }
                    let cost = cost_point(0, *point).training;
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
