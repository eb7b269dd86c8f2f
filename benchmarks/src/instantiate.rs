//! Whole instantiations by QFactor-Sample: all starts of many problems, on any engine.
//!
//! A problem is a random template of CX and free one-qubit gates whose target is one of its own instances, so
//! that there is a solution; its starts are Haar-random. Two loads: *sweeps* makes a fixed number of sweeps
//! from every start, which measures the arithmetic, and *instantiations* stops by the rules, which
//! measures what a user waits for. Wall time, because a device is wide and not fast.

use bqc_circuit::Circuit;
use bqc_instantiate::qfactor::SweepSettings;
use bqc_instantiate::schedule::{Rules, Verdict};
use bqc_instantiate::{
    CxTemplate, Engine, Finish, Problem, Sampling, Settings, Start, Target, Template, TemplateError,
};
use bqc_linalg::Stream;
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
    /// As many as the rules say, and Levenberg–Marquardt in between.
    Instantiations,
}

/// Problems of one size.
pub struct Problems {
    /// Wires.
    pub n: u8,
    /// CX gates.
    pub n_cx: usize,
    members: Vec<Member>,
    starts: Vec<Start>,
}

struct Member {
    solution: CxTemplate,
    template: Template,
    target: Target,
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
    pub fn new(n: u8, n_cx: usize, count: usize) -> Result<Problems, TemplateError> {
        let member = |i: usize| {
            let mut stream = Stream::new(i as u64, n_cx as u64, INSTANTIATE_STREAM + u64::from(n));
            let solution = CxTemplate::random(n, n_cx, &mut stream);
            let (template, values) = Template::from_cx(&solution)?;
            let target = Target::from_template(&template, &values)?;
            Ok(Member { solution, template, target })
        };
        let members = (0..count).map(member).collect::<Result<Vec<Member>, TemplateError>>()?;
        Ok(Problems { n, n_cx, members, starts: vec![Start::Random; N_STARTS] })
    }

    /// Solutions as circuits: template and target of each problem in one, for other programs.
    pub fn circuits(&self) -> impl Iterator<Item = Circuit> + '_ {
        self.members.iter().map(|member| member.solution.to_block().to_circuit())
    }

    /// Has an engine do the load once. An engine's error ends it.
    pub fn run(&self, engine: &dyn Engine, load: Load) -> Result<Done, String> {
        let settings = settings(load);
        let (starts, settings) = (&self.starts[..], &settings);
        let problems: Vec<Problem<'_>> = (self.members.iter().zip(0..))
            .map(|(Member { template, target, .. }, key)| Problem { template, target, starts, settings, seed: 1, key })
            .collect();
        let start = Instant::now();
        let outcomes = engine.instantiate(&problems, &AtomicBool::new(false));
        let wall_seconds = start.elapsed().as_secs_f64();
        let mut done = Done { wall_seconds, n_problems: self.members.len(), n_solved: 0, n_sweeps: 0.0, flops: 0.0 };
        for (outcome, member) in outcomes.into_iter().zip(&self.members) {
            let outcome = outcome.map_err(|e| e.to_string())?;
            done.n_solved += usize::from(outcome.verdict == Verdict::Converged);
            for start in &outcome.starts {
                let per_sweep = FLOPS_PER_AMPLITUDE * (member.template.n_free() * start.n_samples) as f64;
                done.n_sweeps += f64::from(start.sweeps);
                done.flops += f64::from(start.sweeps) * per_sweep * f64::from(1u32 << self.n);
            }
        }
        Ok(done)
    }
}

fn settings(load: Load) -> Settings {
    let rules = match load {
        // No cost is below nothing, and no gap is infinite: every start makes all of its sweeps.
        Load::Sweeps(n_sweeps) => Rules {
            cost_tol: -1.0,
            max_sweeps: n_sweeps,
            plateau_sweeps: u32::MAX / 2,
            overtrained_gap: f64::INFINITY,
            ..Rules::default()
        },
        Load::Instantiations => Rules { max_sweeps: MOST_SWEEPS, ..Rules::default() },
    };
    let finish = (load == Load::Instantiations).then(Finish::default);
    let (sampling, sweeps) = (Sampling::Sampled, SweepSettings::default());
    Settings { sampling, rules, sweeps, finish, ..Settings::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_instantiate::CpuEngine;

    #[test]
    fn a_fixed_number_of_sweeps_is_made_from_every_start() {
        let problems = Problems::new(3, 4, 2).unwrap();
        let done = problems.run(&CpuEngine::new(), Load::Sweeps(40)).unwrap();
        assert_eq!(done.n_sweeps, 40.0 * (2 * N_STARTS) as f64);
        assert!(done.flops > 44.0 * done.n_sweeps && done.wall_seconds > 0.0);
    }

    #[test]
    fn easy_problems_are_solved_and_their_circuits_are_their_targets() {
        let problems = Problems::new(3, 4, 2).unwrap();
        assert_eq!(problems.run(&CpuEngine::new(), Load::Instantiations).unwrap().n_solved, 2);
        let circuits: Vec<Circuit> = problems.circuits().collect();
        assert_eq!(circuits.len(), 2);
        assert!(circuits.iter().all(|circuit| circuit.n_qubits() == 3));
        assert_ne!(circuits[0], circuits[1]);
    }
}
