//! Whole instantiations by QFactor-Sample: all starts of many problems, on any engine, through the verb that compiling
//! uses.
//!
//! A problem is a random template of CX and free one-qubit gates whose target is one of its own instances, so
//! that there is a solution; its starts are Haar-random, the candidates of one call. As many threads call as the engine
//! wants. Two loads: *sweeps* makes a fixed number of sweeps from every start, which measures the arithmetic, and
//! *instantiations* stops by the rules, which measures what a user waits for. Wall time, because a device is wide and
//! not fast.

use bqc_circuit::Circuit;
use bqc_instantiate::schedule::Rules;
use bqc_instantiate::{CxTemplate, Engine, LmSettings, RefineProblem, Slot, Solver, Sweeps};
use bqc_linalg::Stream;
use bqc_optimize::IDENTITY_TOLERANCE;
use bqc_optimize::fitted::{Fit, Fitted};
use rayon::prelude::*;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

/// Wires and CX gates that are measured: blocks as the partitioner cuts them.
pub const SIZES: [(u8, usize); 8] = [(3, 9), (4, 14), (5, 18), (6, 22), (7, 26), (8, 30), (9, 34), (10, 38)];

/// Starts of a problem, as the users of QFactor-Sample ask for.
pub const N_STARTS: usize = 32;

/// Key of the random streams of these problems.
const INSTANTIATE_STREAM: u64 = 0x494e_5354;

/// Most sweeps of a start of the second load; QFactor-Sample on JAX is given half as many iterations, each of
/// which is two sweeps.
pub const MOST_SWEEPS: u32 = 2000;

/// Real operations for one free one-qubit gate, sample and amplitude in a sweep: it is taken out of one state
/// (two complex products and a sum), put into another, and its environment is two complex products with sums.
const FLOPS_PER_AMPLITUDE: f64 = 14.0 + 14.0 + 16.0;

/// What is asked of the starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// So many sweeps from every start.
    Sweeps(u32),
    /// As many as the rules say, and Levenberg–Marquardt after them, until the first start has a solution.
    Instantiations,
}

/// Problems of one size.
pub struct Problems {
    /// Wires.
    pub n: u8,
    /// CX gates.
    pub n_cx: usize,
    members: Vec<Member>,
}

struct Member {
    solution: CxTemplate,
    fitted: Fitted,
    starts: Vec<CxTemplate>,
}

/// What an engine did with them.
#[derive(Clone, Debug)]
pub struct Done {
    /// Wall seconds.
    pub wall_seconds: f64,
    /// Problems, and how many of them have a solution now.
    pub n_problems: usize,
    /// See above.
    pub n_solved: usize,
    /// Sweeps of all starts.
    pub n_sweeps: f64,
    /// Real operations of all sweeps.
    pub flops: f64,
}

impl Problems {
    /// Random ones.
    pub fn new(n: u8, n_cx: usize, count: usize) -> Problems {
        let member = |i: usize| {
            let mut stream = Stream::new(i as u64, n_cx as u64, INSTANTIATE_STREAM + u64::from(n));
            let solution = CxTemplate::random(n, n_cx, &mut stream);
            let fit = Fit { solver: Solver::QFactorSample, tolerance: IDENTITY_TOLERANCE };
            let fitted = Fitted::new(&solution, 3 * usize::from(n) + 4 * n_cx, fit, &mut stream);
            let starts = (0..N_STARTS).map(|_| haar(&solution, &mut stream)).collect();
            Member { solution, fitted, starts }
        };
        Problems { n, n_cx, members: (0..count).map(member).collect() }
    }

    /// Solutions as circuits: template and target of each problem in one, for other programs.
    pub fn circuits(&self) -> impl Iterator<Item = Circuit> + '_ {
        self.members.iter().map(|member| member.solution.to_block().to_circuit())
    }

    /// Has an engine do the load once, with as many callers as it wants. Fails if there are no threads for them.
    pub fn run(&self, engine: &dyn Engine, load: Load) -> Result<Done, String> {
        let n_cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(engine.concurrency(n_cores)).build();
        let pool = pool.map_err(|e| e.to_string())?;
        let start = Instant::now();
        let done: Vec<Done> =
            pool.install(|| self.members.par_iter().with_max_len(1).map(|m| self.run_one(m, engine, load)).collect());
        let sum = |what: fn(&Done) -> f64| done.iter().map(what).sum();
        Ok(Done {
            wall_seconds: start.elapsed().as_secs_f64(),
            n_problems: done.len(),
            n_solved: done.iter().map(|d| d.n_solved).sum(),
            n_sweeps: sum(|d| d.n_sweeps),
            flops: sum(|d| d.flops),
        })
    }

    fn run_one(&self, member: &Member, engine: &dyn Engine, load: Load) -> Done {
        let mut settings = LmSettings::default();
        if matches!(load, Load::Sweeps(_)) {
            // Sweeps alone.
            settings.max_iterations = 0;
        }
        let usual = member.fitted.problem(&settings);
        // QFactor-Sample always sweeps.
        let sweeps = usual.sweeps.map(|sweeps| Sweeps { rules: rules(load), ..sweeps.clone() });
        let problem = RefineProblem { sweeps: sweeps.as_ref(), ..usual };
        let make = |index: usize, out: &mut CxTemplate| out.copy_from(&member.starts[index]);
        let refined = engine.refine(&problem, member.starts.len(), &make, &AtomicBool::new(false));
        let n_samples = sweeps.as_ref().map_or(0, |sweeps| sweeps.sets[0].training.n_samples());
        let n_free = usize::from(self.n) + 2 * self.n_cx;
        let n_sweeps = refined.n_sweeps as f64;
        let per_sweep = FLOPS_PER_AMPLITUDE * (n_free * n_samples) as f64 * f64::from(1u32 << self.n);
        let n_solved = usize::from(refined.winner.is_some());
        Done { wall_seconds: 0.0, n_problems: 1, n_solved, n_sweeps, flops: n_sweeps * per_sweep }
    }
}

/// The same CX with Haar-random gates between them.
fn haar(template: &CxTemplate, stream: &mut Stream) -> CxTemplate {
    let mut random = template.clone();
    for slot in template.slots().collect::<Vec<Slot>>() {
        random.set(slot, stream.su2());
    }
    random
}

fn rules(load: Load) -> Rules {
    match load {
        // No cost is below nothing, and nothing else is judged: every start makes all of its sweeps.
        Load::Sweeps(n_sweeps) => {
            Rules { cost_tol: -1.0, max_sweeps: n_sweeps, min_sweeps: u32::MAX, ..Rules::default() }
        }
        Load::Instantiations => Rules { max_sweeps: MOST_SWEEPS, ..Rules::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_instantiate::CpuEngine;

    #[test]
    fn a_fixed_number_of_sweeps_is_made_from_every_start() {
        let problems = Problems::new(3, 4, 2);
        let done = problems.run(&CpuEngine::new(), Load::Sweeps(40)).unwrap();
        assert_eq!(done.n_sweeps, 40.0 * (2 * N_STARTS) as f64);
        assert!(done.flops > 44.0 * done.n_sweeps && done.wall_seconds > 0.0);
    }

    #[test]
    fn easy_problems_are_solved_and_their_circuits_are_their_targets() {
        let problems = Problems::new(3, 4, 2);
        assert_eq!(problems.run(&CpuEngine::new(), Load::Instantiations).unwrap().n_solved, 2);
        let circuits: Vec<Circuit> = problems.circuits().collect();
        assert_eq!(circuits.len(), 2);
        assert!(circuits.iter().all(|circuit| circuit.n_qubits() == 3));
        assert_ne!(circuits[0], circuits[1]);
    }
}
