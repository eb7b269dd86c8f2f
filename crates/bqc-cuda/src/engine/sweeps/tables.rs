//! Starts of problems, written as the records that the sweeping kernels read, and the shape of their
//! launch. Pure: what fits where is known before any memory is taken.

use super::super::tables::{BLOCK_THREADS, LEAST_SHARED_BYTES};
use bqc_instantiate::ops::Op;
use bqc_instantiate::qfactor::course::Order;
use bqc_instantiate::qfactor::plan::{self, Step};
use bqc_instantiate::samples::N_VALIDATION;
use bqc_instantiate::schedule::CostPoint;
use bqc_instantiate::template::TemplateGate;
use bqc_instantiate::{FreeValue, Problem, Settings, StateBatch, Template, Values};
use bqc_kernels::arguments::QUEUE_LEN;
use bqc_kernels::complex::Complex;
use bqc_kernels::sweep::Layout;
use bqc_kernels::templates::{LANE_BITS, StateSet, SweepRules, SweepRun, SweepStep, step, with_lanes};
use bqc_linalg::lanes::LANES;
use bqc_linalg::{Complex64, Matrix4, Su2};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Wires that the kernels are for. Wider blocks are the CPU's: their unitaries have no room on either.
pub(crate) const WIDTHS: RangeInclusive<u8> = 1..=12;

const _: () = assert!(LANES == 1 << LANE_BITS);

/// A template as steps, and where its values lie: the free ones in the order of the template, then the
/// constants.
pub(crate) struct Encoded {
    steps: Vec<SweepStep>,
    constants: Vec<Complex>,
    /// Numbers of each free value: 2 or 16.
    lens: Vec<usize>,
}

impl Encoded {
    pub(crate) fn new(template: &Template) -> Encoded {
        let lens: Vec<usize> = template.gates().iter().filter_map(numbers_of).collect();
        let places: Vec<u32> =
            lens.iter().scan(0, |end, len| Some(std::mem::replace(end, *end + len) as u32)).collect();
        let mut constants_at = lens.iter().sum::<usize>() as u32;
        let mut constants: Vec<Complex> = Vec::new();
        let mut constant = |numbers: Vec<Complex>| {
            let at = constants_at;
            constants_at += numbers.len() as u32;
            constants.extend(numbers);
            at
        };
        let width = template.width();
        let bit = |wire: u8| u32::from(wire) + LANE_BITS;
        // A one-qubit gate is a pair with any other bit of the index; with one wire that is a lane's.
        let other = |wire: u8| if width == 1 { 0 } else { bit((wire + 1) % width) };
        let new = |kind, a: u8, b: u32, value_a, value_b| SweepStep { kind, a: bit(a), b, value_a, value_b };
        let steps = plan::steps(template).into_iter().map(|s| match s {
            Step::Fixed(Op::Cx { control, target }) => new(step::CX, target, bit(control), 0, 0),
            Step::Fixed(Op::One { qubit, value }) => {
                new(step::CONSTANT_ONE, qubit, other(qubit), constant(one_to_numbers(value)), 0)
            }
            Step::Fixed(Op::Two { pair, value }) => {
                new(step::CONSTANT_TWO, pair.a, bit(pair.b), constant(two_to_numbers(&value)), 0)
            }
            Step::One { slot, qubit } => new(step::FREE_ONE, qubit, other(qubit), places[slot], 0),
            Step::LocalPair { slots, pair, cx } => {
                let kind = if cx { step::CX_FREE_PAIR } else { step::FREE_PAIR };
                new(kind, pair.a, bit(pair.b), places[slots[0]], places[slots[1]])
            }
            Step::Two { slot, pair } => new(step::FREE_TWO, pair.a, bit(pair.b), places[slot], 0),
        });
        let steps = steps.collect();
        Encoded { steps, constants, lens }
    }

    /// Complex numbers of one start's values.
    pub(crate) fn n_values(&self) -> usize {
        self.lens.iter().sum::<usize>() + self.constants.len()
    }

    /// The values that a start has come to.
    pub(crate) fn values(&self, found: &[Complex]) -> Values {
        let mut rest = found;
        let value = |len: &usize| {
            let (numbers, others) = rest.split_at(*len);
            rest = others;
            let cpu = |k: usize| Complex64::new(numbers[k].re, numbers[k].im);
            match *len {
                2 => FreeValue::One(Su2::new(cpu(0), cpu(1))),
                _ => FreeValue::Two(Matrix4::from_fn(|r, c| cpu(4 * r + c))),
            }
        };
        Values(self.lens.iter().map(value).collect())
    }
}

fn numbers_of(gate: &TemplateGate) -> Option<usize> {
    match gate {
        TemplateGate::Fixed(_) => None,
        TemplateGate::FreeOne { .. } => Some(2),
        TemplateGate::FreeTwo { .. } => Some(16),
    }
}

fn complex(z: Complex64) -> Complex {
    Complex::new(z.re, z.im)
}

fn one_to_numbers(u: Su2) -> Vec<Complex> {
    vec![complex(u.a), complex(u.b)]
}

fn two_to_numbers(u: &Matrix4) -> Vec<Complex> {
    u.0.iter().flatten().map(|z| complex(*z)).collect()
}

/// Host's side of one launch.
#[derive(Default)]
pub(crate) struct Tables {
    pub runs: Vec<SweepRun>,
    pub steps: Vec<SweepStep>,
    pub rules: Vec<SweepRules>,
    pub states: Vec<Complex>,
    pub values: Vec<Complex>,
    pub points: Vec<Complex>,
    /// Index in this launch, and first step, of the problems that are in it.
    problems: BTreeMap<usize, (u32, u32)>,
    sets: BTreeMap<(usize, usize), [StateSet; 2]>,
}

impl Tables {
    /// Adds a start of the problem with this number.
    pub(crate) fn push(&mut self, number: usize, problem: &Problem<'_>, encoded: &Encoded, order: &Order<'_>) {
        let (problem_index, steps_at) = *self.problems.entry(number).or_insert_with(|| {
            self.rules.push(rules(problem.settings));
            self.steps.extend(&encoded.steps);
            (self.rules.len() as u32 - 1, (self.steps.len() - encoded.steps.len()) as u32)
        });
        let none = StateSet { n_samples: 0, inputs_at: 0, outputs_at: 0 };
        let states = &mut self.states;
        let [training, validation] = *self.sets.entry((number, order.set_index)).or_insert_with(|| {
            let validation = order.set.validation.as_ref();
            [add_states(states, &order.set.training), validation.map_or(none, |v| add_states(states, v))]
        });
        let window = self.rules[problem_index as usize].window_rounds.max(2) as usize;
        let carried = &order.segment[order.segment.len().saturating_sub(window)..];
        self.runs.push(SweepRun {
            n: problem.template.width().into(),
            n_steps: encoded.steps.len() as u32,
            steps_at,
            values_at: self.values.len() as u32,
            n_values: encoded.n_values() as u32,
            rules: problem_index,
            problem: problem_index,
            time: order.time as u32,
            first_sweeps: order.segment.first().map_or(order.sweeps, |point| point.sweeps),
            n_points: order.segment.len() as u32,
            n_carried: carried.len() as u32,
            points_at: self.points.len() as u32,
            n_rounds: order.n_rounds,
            training,
            validation,
        });
        self.points.extend(carried.iter().map(|p| Complex::new(p.training, p.validation.unwrap_or(NO_VALIDATION))));
        self.points.extend(std::iter::repeat_n(Complex::ZERO, order.n_rounds as usize + 1));
        for value in &order.values.0 {
            match value {
                FreeValue::One(u) => self.values.extend(one_to_numbers(*u)),
                FreeValue::Two(u) => self.values.extend(two_to_numbers(u)),
            }
        }
        self.values.extend(&encoded.constants);
    }

    /// With the runs of other problems behind these.
    pub(crate) fn and(mut self, others: Tables) -> Tables {
        let len = |table: usize| table as u32;
        let [steps, rules, states] = [self.steps.len(), self.rules.len(), self.states.len()].map(len);
        let [values, points] = [self.values.len(), self.points.len()].map(len);
        let moved = |set: StateSet| match set.n_samples {
            0 => set,
            _ => StateSet { inputs_at: set.inputs_at + states, outputs_at: set.outputs_at + states, ..set },
        };
        self.runs.extend(others.runs.into_iter().map(|run| SweepRun {
            steps_at: run.steps_at + steps,
            values_at: run.values_at + values,
            rules: run.rules + rules,
            problem: run.problem + rules,
            points_at: run.points_at + points,
            training: moved(run.training),
            validation: moved(run.validation),
            ..run
        }));
        self.steps.extend(others.steps);
        self.rules.extend(others.rules);
        self.states.extend(others.states);
        self.values.extend(others.values);
        self.points.extend(others.points);
        let problems = others.problems.into_iter();
        self.problems.extend(problems.map(|(number, (index, steps_at))| (number, (index + rules, steps_at + steps))));
        self.sets.extend(others.sets.into_iter().map(|(key, sets)| (key, sets.map(moved))));
        self
    }

    /// Problems that have runs.
    pub(crate) fn n_problems(&self) -> usize {
        self.problems.len()
    }
}

/// The validation cost of a point where there is none.
const NO_VALIDATION: f64 = -1.0;

/// A point that a run has recorded.
pub(crate) fn cost_point(sweeps: u32, point: Complex) -> CostPoint {
    CostPoint { sweeps, training: point.re, validation: (point.im != NO_VALIDATION).then_some(point.im) }
}

/// States with the lanes of the CPU engine's layout side by side.
fn add_states(states: &mut Vec<Complex>, batch: &StateBatch) -> StateSet {
    let mut add = |lanes: &[f64]| {
        let at = states.len() as u32;
        let amplitudes = lanes.chunks_exact(2 * LANES);
        states.extend(amplitudes.flat_map(|z| (0..LANES).map(|lane| Complex::new(z[lane], z[lane + LANES]))));
        at
    };
    let (inputs_at, outputs_at) = (add(batch.inputs()), add(batch.outputs()));
    StateSet { n_samples: batch.n_samples() as u32, inputs_at, outputs_at }
}

fn rules(settings: &Settings) -> SweepRules {
    let (rules, sweeps_per_round) = (&settings.rules, settings.sweeps_per_round.max(1));
    SweepRules {
        cost_tol: rules.cost_tol,
        plateau_ratio: rules.plateau_ratio,
        overtrained_factor: rules.overtrained_factor(N_VALIDATION),
        beta: settings.sweeps.beta,
        max_sweeps: rules.max_sweeps,
        min_sweeps: rules.min_sweeps,
        window_rounds: rules.plateau_sweeps.div_ceil(sweeps_per_round),
        sweeps_per_round,
    }
}

/// Amplitudes of kets or of bras, the lanes without a sample among them.
pub(crate) fn n_amplitudes(width: u8, n_samples: usize) -> u64 {
    u64::from(with_lanes(n_samples as u32)) << width
}

/// Operations of a round, roughly: three passes over kets and bras for every step, of sixteen
/// multiply-adds an amplitude.
pub(crate) fn round_flops(problem: &Problem<'_>, encoded: &Encoded, order: &Order<'_>) -> f64 {
    const OF_AN_AMPLITUDE: f64 = 3.0 * 2.0 * 16.0;
    let n_sweeps = f64::from(problem.settings.sweeps_per_round.max(1));
    let amplitudes = n_amplitudes(problem.template.width(), order.set.training.n_samples()) as f64;
    OF_AN_AMPLITUDE * amplitudes * n_sweeps * encoded.steps.len() as f64
}

/// How the runs of some tables are launched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Shape {
    pub small_len: u32,
    pub large_len: u32,
    /// Whether the states are in a block's part of global memory.
    pub large_is_global: bool,
}

impl Shape {
    /// All in shared memory if a block may have so much, else the states in global memory. `None` if the values
    /// do not fit into [`LEAST_SHARED_BYTES`].
    pub(crate) fn choose(tables: &Tables, block_shared_bytes: u32) -> Option<Shape> {
        let [shared, global] = [false, true].map(|large_is_global| Shape::of(tables, large_is_global));
        let is_taken = global.shared_bytes() <= u64::from(LEAST_SHARED_BYTES);
        let shape = if shared.shared_bytes() <= u64::from(block_shared_bytes) { shared } else { global };
        is_taken.then_some(shape)
    }

    /// With the states where one wants them.
    pub(crate) fn of(tables: &Tables, large_is_global: bool) -> Shape {
        let layouts = || tables.runs.iter().map(|run| Layout::new(run, BLOCK_THREADS));
        let small_len = layouts().map(|l| l.small_len).max().unwrap_or(0).next_multiple_of(2);
        let large_len = layouts().map(|l| l.large_len).max().unwrap_or(0).next_multiple_of(2);
        Shape { small_len, large_len, large_is_global }
    }

    /// The kernel of this shape.
    pub(crate) fn kernel_name(&self) -> &'static str {
        if self.large_is_global { "bqc_sweep_global" } else { "bqc_sweep_shared" }
    }

    /// Dynamic shared memory of a block.
    pub(crate) fn shared_bytes(&self) -> u64 {
        let large = if self.large_is_global { 0 } else { self.large_len };
        8 * (u64::from(QUEUE_LEN) + u64::from(self.small_len) + u64::from(large))
    }
}

#[cfg(test)]
mod tests {
    use super::super::session;
    use super::*;
    use bqc_circuit::BlockQubit;
    use bqc_instantiate::qfactor::course::Course;
    use bqc_instantiate::{Start, Target};
    use bqc_linalg::Stream;
    use bqc_linalg::lanes::Level;

    /// Tables of the first orders of a problem of `n_gates` free gates, and what they are made of.
    fn first(n: u8, n_gates: usize, n_samples: usize, look: impl Fn(&Tables, &Encoded, &Problem<'_>, &Order<'_>)) {
        let mut t = Template::new(n).unwrap();
        let wire = |k: usize| BlockQubit((k % usize::from(n)) as u16);
        for k in 0..n_gates {
            t.push_free_two(wire(k), wire(k + 1)).unwrap();
        }
        let target = Target::from_template(&t, &t.random_values(&mut Stream::new(1, 1, 1))).unwrap();
        let settings = Settings { n_samples: Some(n_samples), ..Settings::default() };
        let starts = [Start::Random, Start::Random];
        let problem = Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 1, key: 2 };
        let (course, encoded) = (Course::new(Level::detect(), &problem, usize::MAX), Encoded::new(&t));
        let mut tables = Tables::default();
        for start in 0..2 {
            tables.push(7, &problem, &encoded, &course.order(start, 5).unwrap());
        }
        look(&tables, &encoded, &problem, &course.order(1, 5).unwrap());
    }

    #[test]
    fn starts_of_a_problem_share_its_steps_and_states() {
        first(4, 5, 8, |tables, encoded, _, order| {
            assert_eq!((tables.runs.len(), tables.n_problems(), tables.steps.len()), (2, 1, 5));
            // Eight training and eight validation states, inputs and outputs.
            assert_eq!((tables.states.len(), tables.values.len()), (4 * 8 * 16, 2 * 5 * 16));
            assert_eq!((tables.runs[1].points_at, tables.points.len()), (6, 12));
            assert_eq!((tables.runs[0].time, tables.runs[0].n_points, tables.runs[0].n_rounds), (0, 0, 5));
            assert_eq!(encoded.values(&tables.values[80..]), *order.values);
            // Runs 160, steps 112, rules 48, states 8192, values 2560, flag and queue 32, points 192, results
            // 16, found 2560; kets and bras of eight states in each block's work space.
            let bytes = |large_is_global| session::bytes(tables, &Shape::of(tables, large_is_global));
            assert_eq!((bytes(false), bytes(true)), ((13872, 0), (13872, 8 * 4 * 8 * 16)));
        });
    }

    #[test]
    fn tables_of_some_problems_behind_others_are_those_of_all() {
        first(4, 5, 8, |_, encoded, problem, order| {
            let of = |numbers: &[usize]| {
                let mut tables = Tables::default();
                numbers.iter().for_each(|number| tables.push(*number, problem, encoded, order));
                tables
            };
            let (one, all) = (of(&[3, 3, 5]).and(of(&[7])).and(of(&[8, 8])), of(&[3, 3, 5, 7, 8, 8]));
            assert!(one.runs == all.runs && one.steps == all.steps && one.rules == all.rules);
            assert!(one.states == all.states && one.values == all.values && one.points == all.points);
            assert!(one.problems == all.problems && one.sets == all.sets && one.n_problems() == 4);
        });
    }

    #[test]
    fn up_to_eight_wires_fit_into_shared_memory_and_twelve_into_global() {
        // H200: 227 KiB a block.
        let shape = |n, n_gates, n_samples| {
            let found = std::cell::Cell::new(None);
            first(n, n_gates, n_samples, |tables, _, _, _| found.set(Shape::choose(tables, 227 << 10)));
            found.take()
        };
        let usual = shape(5, 15, 24).unwrap();
        assert!(!usual.large_is_global && usual.shared_bytes() <= 40 << 10, "{usual:?}");
        let most = shape(8, 24, 24).unwrap();
        assert!(!most.large_is_global && most.shared_bytes() <= 227 << 10, "{most:?}");
        let wide = shape(12, 12, 24).unwrap();
        assert!(wide.large_is_global && wide.large_len == 4 * 24 * 4096, "{wide:?}");
        // The values alone are more than that.
        assert_eq!(shape(4, 2000, 8), None);
    }

    #[test]
    fn the_arithmetic_of_a_round_is_that_of_its_sweeps() {
        first(5, 15, 24, |_, encoded, problem, order| {
            let flops = round_flops(problem, encoded, order);
            // 24 samples of 32 amplitudes, 15 steps, eight sweeps.
            assert_eq!(flops, 96.0 * 24.0 * 32.0 * 15.0 * 8.0);
        });
    }
}
