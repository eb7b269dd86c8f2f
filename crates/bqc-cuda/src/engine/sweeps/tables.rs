//! Candidates, written as the records that the sweeping kernels read, and the shape of their launch. Pure: what fits
//! where is known before any memory is taken.

use super::super::tables::{BLOCK_THREADS, LEAST_SHARED_BYTES};
use bqc_instantiate::ops::Op;
use bqc_instantiate::qfactor::plan::{self, Step};
use bqc_instantiate::qfactor::{Course, Sweeps};
use bqc_instantiate::schedule::{CostPoint, Rules};
use bqc_instantiate::template::TemplateGate;
use bqc_instantiate::{FreeValue, StateBatch, Template, Values};
use bqc_kernels::arguments::QUEUE_LEN;
use bqc_kernels::complex::Complex;
use bqc_kernels::sweep::Layout;
use bqc_kernels::templates::{LANE_BITS, StateSet, SweepRun, SweepStep, step, with_lanes};
use bqc_linalg::lanes::LANES;
use bqc_linalg::{Complex64, Matrix4, Su2};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Wires that the kernels are for. Wider blocks are the CPU's: their unitaries have no room on either.
pub(crate) const WIDTHS: RangeInclusive<usize> = 2..=12;

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

    /// Whether the kernels have room for its values: no more than [`LEAST_SHARED_BYTES`] with the states elsewhere.
    pub(crate) fn is_taken(&self) -> bool {
        let run = SweepRun { n_values: self.n_values() as u32, ..NO_RUN };
        let small_len = Layout::new(&run, BLOCK_THREADS).small_len.next_multiple_of(2);
        Shape { small_len, large_len: 0, large_is_global: true }.is_taken()
    }

    /// The values that a candidate has come to.
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

/// No set of states.
const NO_STATES: StateSet = StateSet { n_samples: 0, inputs_at: 0, outputs_at: 0 };

/// A run of nothing.
const NO_RUN: SweepRun = SweepRun {
    n: 0,
    n_steps: 0,
    steps_at: 0,
    values_at: 0,
    n_values: 0,
    rules: 0,
    first_sweeps: 0,
    n_points: 0,
    n_carried: 0,
    points_at: 0,
    n_rounds: 0,
    training: NO_STATES,
    validation: NO_STATES,
};

/// What a candidate has to do in one launch.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    pub width: u8,
    pub encoded: &'a Encoded,
    pub values: &'a Values,
    pub course: &'a Course,
    pub n_rounds: u32,
}

/// Host's side of one launch of candidates that have their rules and sets in common.
pub(crate) struct Tables {
    pub runs: Vec<SweepRun>,
    pub steps: Vec<SweepStep>,
    pub rules: [Rules; 1],
    pub states: Vec<Complex>,
    pub values: Vec<Complex>,
    pub points: Vec<Complex>,
    /// Training and validation states of the sets that are in it.
    sets: BTreeMap<usize, [StateSet; 2]>,
}

impl Tables {
    /// Without a candidate.
    pub(crate) fn new(rules: Rules) -> Tables {
        let (runs, steps, states, values, points) = Default::default();
        Tables { runs, steps, rules: [rules], states, values, points, sets: BTreeMap::new() }
    }

    /// Adds a candidate.
    pub(crate) fn push(&mut self, sweeps: &Sweeps, order: &Order<'_>) {
        let Order { width, encoded, values, course, n_rounds } = *order;
        let set = &sweeps.sets[course.set_index()];
        let states = &mut self.states;
        let [training, validation] = *self.sets.entry(course.set_index()).or_insert_with(|| {
            let validation = set.validation.as_ref();
            [add_states(states, &set.training), validation.map_or(NO_STATES, |v| add_states(states, v))]
        });
        let window = sweeps.rules.window_points.max(2) as usize;
        let carried = &course.points()[course.points().len().saturating_sub(window)..];
        self.runs.push(SweepRun {
            n: width.into(),
            n_steps: encoded.steps.len() as u32,
            steps_at: self.steps.len() as u32,
            values_at: self.values.len() as u32,
            n_values: encoded.n_values() as u32,
            rules: 0,
            first_sweeps: course.first_sweeps(),
            n_points: course.points().len() as u32,
            n_carried: carried.len() as u32,
            points_at: self.points.len() as u32,
            n_rounds,
            training,
            validation,
        });
        self.steps.extend(&encoded.steps);
        self.points.extend(carried.iter().map(|p| Complex::new(p.training, p.validation)));
        self.points.extend(std::iter::repeat_n(Complex::ZERO, n_rounds as usize + 1));
        for value in &values.0 {
            match value {
                FreeValue::One(u) => self.values.extend(one_to_numbers(*u)),
                FreeValue::Two(u) => self.values.extend(two_to_numbers(u)),
            }
        }
        self.values.extend(&encoded.constants);
    }
}

/// A point that a run has recorded.
pub(crate) fn cost_point(point: Complex) -> CostPoint {
    CostPoint { training: point.re, validation: point.im }
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

/// Amplitudes of kets or of bras, the lanes without a sample among them.
pub(crate) fn n_amplitudes(width: u8, n_samples: usize) -> u64 {
    u64::from(with_lanes(n_samples as u32)) << width
}

/// Operations of a round, roughly: three passes over kets and bras for every step, of sixteen
/// multiply-adds an amplitude.
pub(crate) fn round_flops(width: u8, encoded: &Encoded, n_samples: usize, n_sweeps: u32) -> f64 {
    const OF_AN_AMPLITUDE: f64 = 3.0 * 2.0 * 16.0;
    let amplitudes = n_amplitudes(width, n_samples) as f64;
    OF_AN_AMPLITUDE * amplitudes * f64::from(n_sweeps) * encoded.steps.len().max(1) as f64
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
        let shape = if shared.shared_bytes() <= u64::from(block_shared_bytes) { shared } else { global };
        global.is_taken().then_some(shape)
    }

    /// Whether every device has so much shared memory.
    fn is_taken(&self) -> bool {
        self.shared_bytes() <= u64::from(LEAST_SHARED_BYTES)
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
    use bqc_instantiate::Target;
    use bqc_instantiate::samples::Sampler;
    use bqc_linalg::Stream;
    use bqc_linalg::lanes::Level;

    /// Tables of the first orders of two candidates of `n_gates` free gates, and what they are made of.
    fn first(n: u8, n_gates: usize, n_samples: usize, look: impl Fn(&Tables, &Sweeps, &Order<'_>)) {
        let mut t = Template::new(n).unwrap();
        let wire = |k: usize| BlockQubit((k % usize::from(n)) as u16);
        for k in 0..n_gates {
            t.push_free_two(wire(k), wire(k + 1)).unwrap();
        }
        let mut stream = Stream::new(1, 1, 1);
        let target = Target::from_template(&t, &t.random_values(&mut stream)).unwrap();
        let set = Sampler::new(n, 1, 2).draw(Level::detect(), &target, n_samples);
        let sweeps = Sweeps { sets: vec![set], rules: Rules::default() };
        let (encoded, course, values) = (Encoded::new(&t), Course::default(), t.random_values(&mut stream));
        let order = Order { width: n, encoded: &encoded, values: &values, course: &course, n_rounds: 5 };
        let mut tables = Tables::new(sweeps.rules);
        (0..2).for_each(|_| tables.push(&sweeps, &order));
        look(&tables, &sweeps, &order);
    }

    #[test]
    fn candidates_share_their_states() {
        first(4, 5, 8, |tables, _, order| {
            assert_eq!((tables.runs.len(), tables.steps.len()), (2, 10));
            // Eight training and eight validation states, inputs and outputs.
            assert_eq!((tables.states.len(), tables.values.len()), (4 * 8 * 16, 2 * 5 * 16));
            assert_eq!((tables.runs[1].points_at, tables.points.len()), (6, 12));
            assert_eq!((tables.runs[0].n_points, tables.runs[0].n_rounds), (0, 5));
            assert_eq!(order.encoded.values(&tables.values[80..]), *order.values);
            // Runs 136 in 144, steps 200 in 208, rules 48, states 8192, values 2560, queue 16, points 192, results 16,
            // found 2560; kets and bras of eight states in each block's work space.
            let bytes = |large_is_global| session::bytes(tables, &Shape::of(tables, large_is_global));
            assert_eq!((bytes(false), bytes(true)), ((13936, 0), (13936, 8 * 4 * 8 * 16)));
        });
    }

    #[test]
    fn up_to_eight_wires_fit_into_shared_memory_and_twelve_into_global() {
        // H200: 227 KiB a block.
        let shape = |n, n_gates, n_samples| {
            let found = std::cell::Cell::new(None);
            first(n, n_gates, n_samples, |tables, _, order| {
                found.set(Shape::choose(tables, 227 << 10));
                assert_eq!(found.get().is_some(), order.encoded.is_taken());
            });
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
        first(5, 15, 24, |_, _, order| {
            let flops = round_flops(5, order.encoded, 24, 8);
            // 24 samples of 32 amplitudes, 15 steps, eight sweeps.
            assert_eq!(flops, 96.0 * 24.0 * 32.0 * 15.0 * 8.0);
        });
    }
}
