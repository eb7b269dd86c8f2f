//! QFactor and QFactor-Sample: one start from its first values to its verdict, in one block.
//!
//! Sweeps go to the left and to the right in turn, as on the CPU, and every few of them the rules judge
//! the costs. Exact QFactor is the sample set of all basis states, without validation. More samples for
//! an overtrained start are the host's business.

pub mod pass;
pub mod polar;

use crate::complex::Complex;
use crate::cta::{Cta, Memory, Output, Table, WARP};
use crate::real::quotient;
use crate::states::{overlap, residual};
use crate::templates::{PLATEAU_ROUNDS, StateSet, SweepResult, SweepRules, SweepRun, SweepStep, verdict};
use pass::Pass;

/// Successive points that must all show a gap before a start is called overtrained.
const OVERTRAINED_POINTS: u32 = 3;
/// Validation costs at a converged training cost may be larger than the tolerance by this factor.
const CONVERGED_SLACK: f64 = 10.0;
/// Sums made at once.
const MAX_SUMS: u32 = 16;
/// The environment, the scratch of its polar factor, and β with its padding.
const ENVIRONMENT_LEN: u32 = pass::BETA + 2;

/// Offsets in `f64` from the start of the block's *small* memory (always shared) and its *large* one.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    environment: u32,
    costs: u32,
    values: u32,
    bras: u32,
    validation: u32,
    /// Numbers in the small memory.
    pub small_len: u32,
    /// Numbers in the large memory: all states.
    pub large_len: u32,
}

impl Layout {
    /// The layout of a run.
    #[inline(always)]
    pub fn new(run: &SweepRun, n_threads: u32) -> Layout {
        let environment = n_threads / WARP * MAX_SUMS;
        let costs = environment + ENVIRONMENT_LEN;
        let values = costs + PLATEAU_ROUNDS;
        // The kets come first.
        let bras = 2 * (run.training.n_samples << run.n);
        let validation = 2 * bras;
        Layout {
            environment,
            costs,
            values,
            bras,
            validation,
            small_len: values + 2 * run.n_values,
            large_len: validation + 4 * (run.validation.n_samples << run.n),
        }
    }
}

/// Everything a launch of this kernel is given.
#[derive(Clone, Copy)]
pub struct SweepLaunch<TR, TS, TU, TA, TV, R, V> {
    /// All runs.
    pub runs: TR,
    /// All steps.
    pub steps: TS,
    /// All rules.
    pub rules: TU,
    /// All states.
    pub states: TA,
    /// First values of all runs.
    pub values: TV,
    /// One result a run.
    pub results: R,
    /// Last values of all runs, laid out as the first ones.
    pub found: V,
    /// Numbers in the block's small memory.
    pub small_len: u32,
    /// Numbers in its large memory.
    pub large_len: u32,
}

/// Makes run `index`. `small` and `large` are the block's memory, as long as the launch says. The block
/// has an even number of warps: with an odd one every run is too large.
#[inline(always)]
pub fn run<B, TR, TS, TU, TA, TV, R, V>(
    cta: &mut B,
    launch: SweepLaunch<TR, TS, TU, TA, TV, R, V>,
    index: u32,
    small: B::Memory,
    large: B::Memory,
) where
    B: Cta,
    TR: Table<SweepRun>,
    TS: Table<SweepStep>,
    TU: Table<SweepRules>,
    TA: Table<Complex>,
    TV: Table<Complex>,
    R: Output<SweepResult>,
    V: Output<Complex>,
{
    let run = launch.runs.get(index);
    let layout = Layout::new(&run, cta.n_threads());
    let mut result = SweepResult { training: 1.0, validation: -1.0, verdict: verdict::TOO_LARGE, sweeps: 0 };
    let is_even = cta.n_threads().is_multiple_of(2 * WARP);
    if is_even && layout.small_len <= launch.small_len && layout.large_len <= launch.large_len {
        let values = small.offset(layout.values);
        cta.each(run.n_values, |k| values.set_complex(k, launch.values.get(run.values_at + k)));
        let environment = small.offset(layout.environment);
        cta.once(|| environment.set_f64(pass::BETA, launch.rules.get(run.rules).beta));
        let sweeping = Sweeping {
            launch,
            index,
            pass: Pass {
                n: run.n,
                steps: launch.steps,
                steps_at: run.steps_at,
                n_steps: run.n_steps,
                values,
                partials: small,
                environment,
            },
            n_states: run.training.n_samples,
            kets: large,
            bras: large.offset(layout.bras),
            validation: large.offset(layout.validation),
            costs: small.offset(layout.costs),
        };
        result = sweeping.run(cta);
        let run = launch.runs.get(index);
        cta.each(run.n_values, |k| launch.found.set(run.values_at + k, values.complex(k)));
    }
    cta.once(|| launch.results.set(index, result));
}

/// A run between two judgements. What is needed once a round is read from the tables once a round.
#[derive(Clone, Copy)]
struct Sweeping<M, TR, TS, TU, TA, TV, R, V> {
    launch: SweepLaunch<TR, TS, TU, TA, TV, R, V>,
    index: u32,
    pass: Pass<M, TS>,
    n_states: u32,
    kets: M,
    bras: M,
    validation: M,
    costs: M,
}

impl<M, TR, TS, TU, TA, TV, R, V> Sweeping<M, TR, TS, TU, TA, TV, R, V>
where
    M: Memory,
    TR: Table<SweepRun>,
    TS: Table<SweepStep>,
    TU: Table<SweepRules>,
    TA: Table<Complex>,
    TV: Copy,
    R: Copy,
    V: Copy,
{
    #[inline(always)]
    fn training(self) -> StateSet {
        self.launch.runs.get(self.index).training
    }

    #[inline(always)]
    fn rules(self) -> SweepRules {
        self.launch.rules.get(self.launch.runs.get(self.index).rules)
    }

    #[inline(always)]
    fn run<B: Cta<Memory = M>>(self, cta: &mut B) -> SweepResult {
        let n_states = self.n_states;
        self.read(cta, self.training().inputs_at, n_states, self.kets);
        self.pass.push(cta, self.kets, n_states);
        self.read(cta, self.training().outputs_at, n_states, self.bras);
        let mut to_right = false;
        let (mut sweeps, mut round, mut n_gaps) = (0, 0, 0);
        loop {
            // After a sweep to the right the kets are at the end; after one to the left the bras are at
            // the front, where the inputs are what they should be.
            let training = self.cost(cta, self.kets, self.bras, n_states);
            let validation = self.validate(cta);
            let has_gap = validation > self.rules().overtrained_factor * training;
            n_gaps = if has_gap { n_gaps + 1 } else { 0 };
            let found = self.judge(sweeps, round, training, validation, n_gaps);
            if found != GO_ON {
                return SweepResult { training, validation, verdict: found, sweeps };
            }
            cta.once(|| self.costs.set_f64(round % PLATEAU_ROUNDS, training));
            let n_sweeps = self.rules().sweeps_per_round;
            let mut k = 0;
            while k < n_sweeps {
                self.pass.sweep(cta, to_right, self.kets, self.bras, n_states);
                // What was pulled through all gates is what it was at the start, to rounding.
                let set = self.training();
                let (at, fresh) = if to_right { (set.outputs_at, self.bras) } else { (set.inputs_at, self.kets) };
                self.read(cta, at, n_states, fresh);
                to_right = !to_right;
                k += 1;
            }
            sweeps += n_sweeps;
            round += 1;
        }
    }

    #[inline(always)]
    fn read<B: Cta<Memory = M>>(self, cta: &mut B, at: u32, n_states: u32, to: M) {
        cta.each(n_states << self.pass.n, |i| to.set_complex(i, self.launch.states.get(at + i)));
    }

    /// `min_φ Σ|a − e^{iφ}b|²/(2M)`: the square of the phase distance.
    #[inline(always)]
    fn cost<B: Cta<Memory = M>>(self, cta: &mut B, a: M, b: M, n_states: u32) -> f64 {
        let len = n_states << self.pass.n;
        let second = self.pass.partials.offset(2 * cta.n_threads() / WARP);
        let phase = overlap(cta, b, a, len, self.pass.partials).phase();
        residual(cta, b, a, len, phase, second) / f64::from(2 * n_states)
    }

    /// The cost on the validation states, negative if there are none.
    #[inline(always)]
    fn validate<B: Cta<Memory = M>>(self, cta: &mut B) -> f64 {
        let StateSet { n_samples, inputs_at, outputs_at } = self.launch.runs.get(self.index).validation;
        if n_samples == 0 {
            return -1.0;
        }
        let outputs = self.validation.offset(2 * (n_samples << self.pass.n));
        self.read(cta, inputs_at, n_samples, self.validation);
        self.read(cta, outputs_at, n_samples, outputs);
        self.pass.push(cta, self.validation, n_samples);
        self.cost(cta, self.validation, outputs, n_samples)
    }

    /// The CPU engine's rules on the costs so far; [`GO_ON`] or a verdict.
    #[inline(always)]
    fn judge(self, sweeps: u32, round: u32, training: f64, validation: f64, n_gaps: u32) -> u32 {
        let rules = self.rules();
        if !(training.is_finite() && validation.is_finite()) {
            return verdict::NOT_FINITE;
        }
        if training <= rules.cost_tol {
            let confirmed = validation <= CONVERGED_SLACK * rules.cost_tol;
            return if confirmed { verdict::CONVERGED } else { verdict::OVERTRAINED };
        }
        let early = sweeps < rules.min_sweeps;
        if !early && n_gaps >= OVERTRAINED_POINTS {
            return verdict::OVERTRAINED;
        }
        if sweeps >= rules.max_sweeps {
            return verdict::OUT_OF_SWEEPS;
        }
        let window = quotient(rules.plateau_sweeps, rules.sweeps_per_round);
        if !early && round >= window {
            let before = self.costs.f64((round - window) % PLATEAU_ROUNDS);
            if training > rules.plateau_ratio * before {
                return verdict::PLATEAU;
            }
        }
        GO_ON
    }
}

/// No verdict yet.
const GO_ON: u32 = u32::MAX;
