//! Templates and starts of the CPU engine written as runs of sweeps.

use super::{Global, complex};
use bqc_instantiate::ops::Op;
use bqc_instantiate::qfactor::plan::{self, Step};
use bqc_instantiate::{FreeValue, StateBatch, Template, Values};
use bqc_kernels::complex::{Complex, Su2};
use bqc_kernels::cta::Memory;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::sweep::{self, Layout, SweepLaunch};
use bqc_kernels::templates::{StateSet, SweepResult, SweepRules, SweepRun, SweepStep, step, verdict};
use bqc_linalg::{Complex64, Matrix4};
use std::cell::Cell;

/// Tables of a launch of sweeps.
#[derive(Default)]
pub struct Sweeps {
    pub global: Global,
    pub runs: Vec<SweepRun>,
    pub steps: Vec<SweepStep>,
    pub rules: Vec<SweepRules>,
    pub values: Vec<Complex>,
}

/// Rules that only count sweeps.
pub fn exactly(n_sweeps: u32) -> SweepRules {
    SweepRules {
        cost_tol: 0.0,
        plateau_ratio: f64::INFINITY,
        overtrained_factor: f64::INFINITY,
        beta: 0.0,
        max_sweeps: n_sweeps,
        min_sweeps: 0,
        plateau_sweeps: 4,
        sweeps_per_round: 1,
    }
}

impl Sweeps {
    /// Adds a run; the places of its free values, in the order of the template.
    pub fn add(
        &mut self,
        template: &Template,
        start: &Values,
        training: &StateBatch,
        validation: Option<&StateBatch>,
        rules: SweepRules,
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
            let new = |kind: u32, a: u8, b: u8, value_a: u32, value_b: u32| SweepStep {
                kind,
                a: a.into(),
                b: b.into(),
                value_a,
                value_b,
            };
            let constants_at = values.len() as u32;
            self.steps.push(match s {
                Step::Fixed(Op::Cx { control, target }) => new(step::CX, target, control, 0, 0),
                Step::Fixed(Op::One { qubit, value }) => {
                    values.extend([complex(value.a), complex(value.b)]);
                    new(step::CONSTANT_ONE, qubit, 0, constants_at, 0)
                }
                Step::Fixed(Op::Two { pair, value }) => {
                    values.extend(value.0.iter().flatten().map(|z| complex(*z)));
                    new(step::CONSTANT_TWO, pair.a, pair.b, constants_at, 0)
                }
                Step::One { slot, qubit } => new(step::FREE_ONE, qubit, 0, places[slot], 0),
                Step::LocalPair { slots, pair, cx } => {
                    let kind = if cx { step::CX_FREE_PAIR } else { step::FREE_PAIR };
                    new(kind, pair.a, pair.b, places[slots[0]], places[slots[1]])
                }
                Step::Two { slot, pair } => new(step::FREE_TWO, pair.a, pair.b, places[slot], 0),
            });
        }
        let none = StateSet { n_samples: 0, inputs_at: 0, outputs_at: 0 };
        self.rules.push(rules);
        self.runs.push(SweepRun {
            n: template.width().into(),
            n_steps: self.steps.len() as u32 - steps_at,
            steps_at,
            values_at,
            n_values: values.len() as u32,
            rules: self.rules.len() as u32 - 1,
            training: self.global.add_states(training),
            validation: validation.map_or(none, |v| self.global.add_states(v)),
        });
        self.values.extend(values);
        places
    }

    /// Runs everything; results and last values.
    ///
    /// The states are in shared memory, or with `large_is_global` in a block's part of global memory.
    pub fn launch(
        &self,
        order: Order,
        watch: Watch,
        n_threads: u32,
        large_is_global: bool,
    ) -> (Vec<SweepResult>, Vec<Complex>) {
        let layouts: Vec<Layout> = self.runs.iter().map(|r| Layout::new(r, n_threads)).collect();
        let small_len = layouts.iter().map(|l| l.small_len).max().unwrap();
        let large_len = layouts.iter().map(|l| l.large_len).max().unwrap();
        let unset = SweepResult { training: f64::NAN, validation: f64::NAN, verdict: u32::MAX, sweeps: 0 };
        let results = vec![Cell::new(unset); self.runs.len()];
        let found = vec![Cell::new(Complex::ZERO); self.values.len()];
        let launch = SweepLaunch {
            runs: &self.runs[..],
            steps: &self.steps[..],
            rules: &self.rules[..],
            states: &self.global.states[..],
            values: &self.values[..],
            results: &results[..],
            found: &found[..],
            small_len,
            large_len,
        };
        let clock = Clock::new(watch);
        for index in 0..self.runs.len() as u32 {
            let shared_len = if large_is_global { small_len } else { small_len + large_len };
            let shared = Arena::poisoned(shared_len as usize, &clock);
            let workspace = Arena::poisoned(large_len as usize, &clock);
            let small = shared.memory();
            let large = if large_is_global { workspace.memory() } else { small.offset(small_len) };
            sweep::run(&mut HostCta::new(&shared, n_threads, order), launch, index, small, large);
        }
        (results.iter().map(Cell::get).collect(), found.iter().map(Cell::get).collect())
    }
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

pub fn verdict_name(verdict: u32) -> &'static str {
    match verdict {
        verdict::CONVERGED => "converged",
        verdict::OVERTRAINED => "overtrained",
        verdict::PLATEAU => "plateau",
        verdict::OUT_OF_SWEEPS => "out of sweeps",
        verdict::NOT_FINITE => "not finite",
        verdict::TOO_LARGE => "too large",
        _ => "unset",
    }
}
