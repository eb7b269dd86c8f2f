//! Templates and starts of the CPU engine written as runs of sweeps.

use super::{Global, complex};
use bqc_circuit::BlockQubit;
use bqc_instantiate::ops::Op;
use bqc_instantiate::qfactor::plan::{self, Step};
use bqc_instantiate::{FreeValue, StateBatch, Template, Values};
use bqc_kernels::complex::{Complex, Su2};
use bqc_kernels::cta::Memory;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, HostGlobal, Order, Watch};
use bqc_kernels::sweep::{self, Layout, SweepLaunch};
use bqc_kernels::templates::{LANE_BITS, StateSet, SweepResult, SweepRun, SweepStep, step};
use bqc_linalg::{Complex64, Matrix, Matrix4, Stream};
use bqc_schedule::{CostPoint, Rules};
use std::cell::Cell;
use std::sync::atomic::AtomicU32;

/// Tables of a launch of sweeps.
#[derive(Default)]
pub struct Sweeps {
    pub global: Global,
    pub runs: Vec<SweepRun>,
    pub steps: Vec<SweepStep>,
    pub rules: Vec<Rules>,
    pub values: Vec<Complex>,
    pub points: Vec<Complex>,
}

/// How a launch ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    pub results: Vec<SweepResult>,
    /// Values of all runs.
    pub found: Vec<Complex>,
    /// New points of every run.
    pub points: Vec<Vec<Complex>>,
}

impl Swept {
    /// Training and validation cost at the end of a run.
    pub fn last(&self, run: usize) -> (f64, f64) {
        let last = self.points[run].last().unwrap();
        (last.re, last.im)
    }
}

/// Rules that only count sweeps.
pub fn exactly(n_sweeps: u32) -> Rules {
    Rules { cost_tol: 0.0, max_sweeps: n_sweeps, min_sweeps: u32::MAX, sweeps_per_point: 1, ..Rules::default() }
}

impl Sweeps {
    /// Adds a run that begins at `start`, and makes as many rounds as its rules want; the places of its
    /// free values, in the order of the template.
    pub fn add(
        &mut self,
        template: &Template,
        start: &Values,
        training: &StateBatch,
        validation: Option<&StateBatch>,
        rules: Rules,
    ) -> Vec<u32> {
        let values_at = self.values.len() as u32;
        let mut values = Vec::new();
        let mut places = Vec::new();
        for value in &start.0 {
            places.push(values.len() as u32);
            match value {
                FreeValue::One(u) => values.extend([complex(u.a), complex(u.b)]),
                FreeValue::Two(m) => values.extend(m.0.iter().flatten().map(|z| complex(*z))),
            }
        }
        let steps_at = self.steps.len() as u32;
        for s in plan::steps(template) {
            let bit = |wire: u8| u32::from(wire) + LANE_BITS;
            let new = |kind: u32, a: u8, b: u32, value_a: u32, value_b: u32| {
                let a = bit(a);
                SweepStep { kind, a, b, value_a, value_b }
            };
            let other = |wire: u8| if template.width() == 1 { 0 } else { bit((wire + 1) % template.width()) };
            let constants_at = values.len() as u32;
            self.steps.push(match s {
                Step::Fixed(Op::Cx { control, target }) => new(step::CX, target, bit(control), 0, 0),
                Step::Fixed(Op::One { qubit, value }) => {
                    values.extend([complex(value.a), complex(value.b)]);
                    new(step::CONSTANT_ONE, qubit, other(qubit), constants_at, 0)
                }
                Step::Fixed(Op::Two { pair, value }) => {
                    values.extend(value.0.iter().flatten().map(|z| complex(*z)));
                    new(step::CONSTANT_TWO, pair.a, bit(pair.b), constants_at, 0)
                }
                Step::One { slot, qubit } => new(step::FREE_ONE, qubit, other(qubit), places[slot], 0),
                Step::LocalPair { slots, pair, cx } => {
                    let kind = if cx { step::CX_FREE_PAIR } else { step::FREE_PAIR };
                    new(kind, pair.a, bit(pair.b), places[slots[0]], places[slots[1]])
                }
                Step::Two { slot, pair } => new(step::FREE_TWO, pair.a, bit(pair.b), places[slot], 0),
            });
        }
        let none = StateSet { n_samples: 0, inputs_at: 0, outputs_at: 0 };
        let n_rounds = rules.max_sweeps.div_ceil(rules.sweeps_per_point);
        self.rules.push(rules);
        self.runs.push(SweepRun {
            n: template.width().into(),
            n_steps: self.steps.len() as u32 - steps_at,
            steps_at,
            values_at,
            n_values: values.len() as u32,
            rules: self.rules.len() as u32 - 1,
            first_sweeps: 0,
            n_points: 0,
            n_carried: 0,
            points_at: self.points.len() as u32,
            n_rounds,
            training: self.global.add_lanes(training),
            validation: validation.map_or(none, |v| self.global.add_lanes(v)),
        });
        self.values.extend(values);
        self.points.extend(vec![Complex::ZERO; n_rounds as usize + 1]);
        places
    }

    /// Makes a run go on from where a launch of it ended.
    pub fn go_on(&mut self, run: usize, swept: &Swept, n_rounds: u32) {
        let record = &mut self.runs[run];
        let (at, n_new) = (record.values_at as usize, swept.results[run].n_points);
        self.values[at..][..record.n_values as usize].copy_from_slice(&swept.found[at..][..record.n_values as usize]);
        let known = record.points_at as usize..(record.points_at + record.n_carried) as usize;
        let segment = [&self.points[known], &swept.points[run][..]].concat();
        record.n_points += n_new;
        record.n_carried = record.n_points.min(self.rules[record.rules as usize].window_points.max(2));
        record.n_rounds = n_rounds;
        record.points_at = self.points.len() as u32;
        self.points.extend(&segment[segment.len() - record.n_carried as usize..]);
        self.points.extend(vec![Complex::ZERO; n_rounds as usize + 1]);
    }

    /// Runs everything.
    ///
    /// The states are in shared memory, or with `large_is_global` in a block's part of global memory.
    pub fn launch(&self, order: Order, watch: Watch, n_threads: u32, large_is_global: bool) -> Swept {
        self.launch_with(order, watch, n_threads, large_is_global, &[AtomicU32::new(0)])
    }

    /// The same with a word for a stop.
    pub fn launch_with(
        &self,
        order: Order,
        watch: Watch,
        n_threads: u32,
        large_is_global: bool,
        stop: &[AtomicU32],
    ) -> Swept {
        let layouts: Vec<Layout> = self.runs.iter().map(|r| Layout::new(r, n_threads)).collect();
        let small_len = layouts.iter().map(|l| l.small_len).max().unwrap();
        let large_len = layouts.iter().map(|l| l.large_len).max().unwrap();
        let results = vec![Cell::new(SweepResult { verdict: u32::MAX, n_points: 0 }); self.runs.len()];
        let found = vec![Cell::new(Complex::ZERO); self.values.len()];
        let launch = SweepLaunch::<HostGlobal<'_>> {
            runs: &self.runs[..],
            steps: &self.steps[..],
            rules: &self.rules[..],
            states: &self.global.states[..],
            values: &self.values[..],
            results: &results[..],
            found: &found[..],
            stop,
            small_len,
            large_len,
        };
        let clock = Clock::new(watch);
        let content: Vec<f64> = self.points.iter().flat_map(|z| [z.re, z.im]).collect();
        let points = Arena::filled(&content, &clock);
        for index in 0..self.runs.len() as u32 {
            let shared_len = if large_is_global { small_len } else { small_len + large_len };
            let shared = Arena::poisoned(shared_len as usize, &clock);
            let workspace = Arena::poisoned(large_len as usize, &clock);
            let small = shared.memory();
            let large = if large_is_global { workspace.memory() } else { small.offset(small_len) };
            let cta = &mut HostCta::new(&shared, n_threads, order);
            sweep::run(cta, launch, index, small, large, points.memory());
        }
        let results: Vec<SweepResult> = results.iter().map(Cell::get).collect();
        let content = points.content();
        let new = |(run, result): (&SweepRun, &SweepResult)| {
            let first = 2 * (run.points_at + run.n_carried) as usize;
            let points = content[first..][..2 * result.n_points as usize].chunks_exact(2);
            points.map(|z| Complex::new(z[0], z[1])).collect()
        };
        let points = self.runs.iter().zip(&results).map(new).collect();
        Swept { results, found: found.iter().map(Cell::get).collect(), points }
    }
}

/// All kinds of gates that a template can have.
pub fn random_template(n: u8, n_gates: usize, s: &mut Stream) -> Template {
    let mut t = Template::new(n).unwrap();
    for _ in 0..n_gates {
        let a = BlockQubit(s.below(n.into()) as u16);
        let b = BlockQubit((a.0 + 1 + s.below((usize::from(n) - 1).max(1)) as u16) % u16::from(n));
        match s.below(if n == 1 { 2 } else { 8 }) {
            0 | 6 => t.push_free_one(a).unwrap(),
            1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
            2 => t.push_constant(&[a, b], &Matrix::haar(4, s)).unwrap(),
            3 => t.push_cx(a, b).unwrap(),
            7 => {
                t.push_cx(a, b).unwrap();
                t.push_free_one(b).unwrap();
                t.push_free_one(a).unwrap();
            }
            _ => t.push_free_two(a, b).unwrap(),
        }
    }
    t
}

/// Points of a launch as the rules have them.
pub fn cost_points(points: &[Complex]) -> Vec<CostPoint> {
    points.iter().map(|z| CostPoint { training: z.re, validation: z.im }).collect()
}

/// The free values of one run.
pub fn free_values(start: &Values, places: &[u32], found: &[Complex]) -> Values {
    let cpu = |z: Complex| Complex64::new(z.re, z.im);
    let value = |(value, &at): (&FreeValue, &u32)| {
        let at = at as usize;
        match value {
            FreeValue::One(_) => FreeValue::One(super::cpu_su2(Su2 { a: found[at], b: found[at + 1] })),
            FreeValue::Two(_) => FreeValue::Two(Matrix4::from_fn(|r, c| cpu(found[at + 4 * r + c]))),
        }
    };
    Values(start.0.iter().zip(places).map(value).collect())
}

/// Largest difference of two values' elements.
pub fn difference(a: &Values, b: &Values) -> f64 {
    let far = |(a, b): (&FreeValue, &FreeValue)| match (a, b) {
        (FreeValue::One(a), FreeValue::One(b)) => {
            let apart = |s: f64| (a.a - b.a * s).norm().max((a.b - b.b * s).norm());
            // A gate and its negative are the same gate.
            apart(1.0).min(apart(-1.0))
        }
        (FreeValue::Two(a), FreeValue::Two(b)) => {
            (0..16).map(|k| (a.0[k / 4][k % 4] - b.0[k / 4][k % 4]).norm()).fold(0.0, f64::max)
        }
        _ => f64::INFINITY,
    };
    assert_eq!(a.0.len(), b.0.len());
    a.0.iter().zip(&b.0).map(far).fold(0.0, f64::max)
}
