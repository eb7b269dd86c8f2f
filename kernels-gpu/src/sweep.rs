//! QFactor and QFactor-Sample: one candidate from where it is to its verdict, in one block.
//!
//! Sweeps go to the left and to the right in turn, as on the CPU, and every few of them the rules judge
//! the costs. Exact QFactor is the sample set of all basis states, without validation. A launch may end a
//! run after any round and the next one go on: kets and bras are made anew from the values by the same
//! operations, so the numbers are the same bit by bit. More samples for a candidate that is overtrained, and
//! Levenberg–Marquardt after the sweeps, are the host's business.

pub mod pass;
pub mod polar;

use crate::complex::Complex;
use crate::cta::{Cta, Flags, Global, Memory, Output, Table, WARP};
use crate::states::{overlap, residual};
use crate::templates::{StateSet, SweepResult, SweepRun, SweepStep, verdict, with_lanes};
use bqc_schedule::{CostPoint, NO_VALIDATION, Rules};
use pass::Pass;

/// Sums made at once.
const MAX_SUMS: u32 = 16;
/// The environment, the scratch of its polar factor, and β with its padding.
const ENVIRONMENT_LEN: u32 = pass::BETA + 2;

/// Words from the first thread to all: whether a run has to end, and why; counts of the points recorded and of
/// the sweeps since the last one; the run; the way of the next sweep. Otherwise all would be held in registers
/// throughout.
const NEWS: u32 = 0;
const FOUND: u32 = 1;
const N_NEW: u32 = 2;
const N_SWEEPS: u32 = 3;
const INDEX: u32 = 4;
const TO_RIGHT: u32 = 5;
const N_WORDS: u32 = 6;

/// Offsets in `f64` from the start of the block's *small* memory (always shared) and its *large* one.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    environment: u32,
    words: u32,
    values: u32,
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
        let words = environment + ENVIRONMENT_LEN;
        let values = words + N_WORDS;
        Layout {
            environment,
            words,
            values,
            small_len: values + 2 * run.n_values,
            // Kets, then bras; validation states pass through the place of those that are read next.
            large_len: 4 * (with_lanes(run.training.n_samples) << run.n),
        }
    }
}

/// Everything a launch of this kernel is given.
#[derive(Clone, Copy)]
pub struct SweepLaunch<G: Global> {
    /// All runs.
    pub runs: G::Table<SweepRun>,
    /// All steps.
    pub steps: G::Table<SweepStep>,
    /// All rules.
    pub rules: G::Table<Rules>,
    /// All states.
    pub states: G::Numbers,
    /// First values of all runs.
    pub values: G::Numbers,
    /// One result a run.
    pub results: G::Output<SweepResult>,
    /// Last values of all runs, laid out as the first ones.
    pub found: G::Output<Complex>,
    /// Not zero: the host asks all to stop.
    pub stop: G::Flags,
    /// Numbers in the block's small memory.
    pub small_len: u32,
    /// Numbers in its large memory.
    pub large_len: u32,
}

/// Makes run `index`. `small` and `large` are the block's memory, as long as the launch says, `points`
/// the memory of the points of all runs. The block has an even number of warps: with an odd one every run
/// is too large.
#[inline(always)]
pub fn run<B: Cta, G: Global>(
    cta: &mut B,
    launch: SweepLaunch<G>,
    index: u32,
    small: B::Memory,
    large: B::Memory,
    points: B::Memory,
) {
    let run = launch.runs.get(index);
    let layout = Layout::new(&run, cta.n_threads());
    let is_even = cta.n_threads().is_multiple_of(2 * WARP);
    let fits = layout.small_len <= launch.small_len && layout.large_len <= launch.large_len;
    let has_place = with_lanes(run.validation.n_samples) <= with_lanes(run.training.n_samples);
    if !(is_even && fits && has_place) {
        cta.once(|| launch.results.set(index, SweepResult { verdict: verdict::TOO_LARGE, n_points: 0 }));
    } else {
        let values = small.offset(layout.values);
        cta.each(run.n_values, |k| values.set_complex(k, launch.values.get(run.values_at + k)));
        let environment = small.offset(layout.environment);
        let words = small.offset(layout.words);
        cta.once(|| {
            environment.set_f64(pass::BETA, launch.rules.get(run.rules).beta);
            words.set_word(INDEX, index);
            words.set_word(N_NEW, 0);
        });
        let sweeping = Sweeping {
            launch,
            pass: Pass {
                steps: launch.steps,
                steps_at: run.steps_at,
                n_steps: run.n_steps,
                values,
                partials: small,
                environment,
            },
            len: with_lanes(run.training.n_samples) << run.n,
            kets: large,
            words,
            points,
        };
        let result = sweeping.run(cta);
        cta.once(|| launch.results.set(words.word(INDEX), result));
        let run = sweeping.record();
        cta.each(run.n_values, |k| launch.found.set(run.values_at + k, values.complex(k)));
    }
}

/// A run under way. What is needed once a round is read from the tables once a round.
#[derive(Clone, Copy)]
struct Sweeping<M, G: Global> {
    launch: SweepLaunch<G>,
    pass: Pass<M, G>,
    /// Amplitudes of the training states.
    len: u32,
    kets: M,
    /// From the first thread to all: `[`[`N_WORDS`]`]`.
    words: M,
    points: M,
}

impl<M: Memory, G: Global> Sweeping<M, G> {
    #[inline(always)]
    fn record(self) -> SweepRun {
        self.launch.runs.get(self.words.word(INDEX))
    }

    /// The way of the next sweep.
    #[inline(always)]
    fn to_right(self) -> bool {
        self.words.word(TO_RIGHT) != 0
    }

    /// The states that the sweep before has taken through the circuit: kets at its end if the next sweep
    /// goes to the left, or else bras at its front.
    #[inline(always)]
    fn moved(self, to_right: bool) -> M {
        self.kets.offset(if to_right { 2 * self.len } else { 0 })
    }

    /// The place of the others.
    #[inline(always)]
    fn others(self, to_right: bool) -> M {
        self.moved(!to_right)
    }

    /// What the others are read from before a sweep: what the moved ones should be.
    #[inline(always)]
    fn wanted_at(self, to_right: bool) -> u32 {
        let StateSet { inputs_at, outputs_at, .. } = self.record().training;
        if to_right { inputs_at } else { outputs_at }
    }

    #[inline(always)]
    fn rules(self) -> Rules {
        self.launch.rules.get(self.record().rules)
    }

    #[inline(always)]
    fn run<B: Cta<Memory = M>>(self, cta: &mut B) -> SweepResult {
        let n_points = self.record().n_points;
        let to_right = n_points > 0 && (n_points - 1) & self.rules().sweeps_per_point & 1 == 1;
        cta.once(|| self.words.set_word(TO_RIGHT, to_right as u32));
        let moved = self.moved(to_right);
        self.read(cta, self.wanted_at(!to_right), self.len, moved);
        self.pass.push(cta, moved, self.len / 4, to_right);
        let mut found = verdict::UNDECIDED;
        while found == verdict::UNDECIDED {
            let (SweepRun { n_points, n_rounds, .. }, n_new) = (self.record(), self.words.word(N_NEW));
            // The point before any sweep comes on top of the rounds.
            if n_points + n_new > 0 {
                if n_new >= n_rounds + (n_points == 0) as u32 {
                    break;
                }
                found = self.news(cta);
                if found != verdict::UNDECIDED {
                    break;
                }
                self.round(cta);
            }
            found = self.measure(cta);
        }
        SweepResult { verdict: found, n_points: self.words.word(N_NEW) }
    }

    /// Sweeps up to the next point.
    #[inline(always)]
    fn round<B: Cta<Memory = M>>(self, cta: &mut B) {
        while self.words.word(N_SWEEPS) < self.rules().sweeps_per_point {
            // Read afresh, although to rounding they are there: errors do not add up.
            let to_right = self.to_right();
            self.read(cta, self.wanted_at(to_right), self.len, self.others(to_right));
            self.pass.sweep(cta, to_right, self.kets, self.len / 4);
            cta.once(|| {
                self.words.set_word(TO_RIGHT, !self.to_right() as u32);
                self.words.set_word(N_SWEEPS, self.words.word(N_SWEEPS) + 1);
            });
        }
    }

    #[inline(always)]
    fn read<B: Cta<Memory = M>>(self, cta: &mut B, at: u32, len: u32, to: M) {
        cta.each(len, |i| to.set_complex(i, self.launch.states.get(at + i)));
    }

    /// Whether the host asks the run to end. The same in every thread.
    #[inline(always)]
    fn news<B: Cta<Memory = M>>(self, cta: &mut B) -> u32 {
        cta.once(|| {
            let is_stopped = self.launch.stop.load_from_host(0) != 0;
            self.words.set_word(N_SWEEPS, 0);
            self.words.set_word(NEWS, if is_stopped { verdict::STOPPED } else { verdict::UNDECIDED });
        });
        self.words.word(NEWS)
    }

    /// Records the next point, and judges it. The same in every thread.
    #[inline(always)]
    fn measure<B: Cta<Memory = M>>(self, cta: &mut B) -> u32 {
        let to_right = self.to_right();
        let n_samples = self.record().training.n_samples;
        let training = self.cost(cta, self.wanted_at(to_right), self.moved(to_right), self.len, n_samples);
        let validation = self.validate(cta, self.others(to_right));
        cta.once(|| {
            let n_new = self.words.word(N_NEW);
            let index = self.record().n_points + n_new;
            self.points.set_complex(self.place(index), Complex::new(training, validation));
            let first_sweeps = self.record().first_sweeps;
            let before = |index: u32| {
                let Complex { re: training, im: validation } = self.points.complex(self.place(index));
                CostPoint { training, validation }
            };
            let found = self.rules().judge(first_sweeps, index, CostPoint { training, validation }, before) as u32;
            self.words.set_word(FOUND, found);
            self.words.set_word(N_NEW, n_new + 1);
        });
        self.words.word(FOUND)
    }

    /// `min_φ Σ|v − e^{iφ}y|²/(2M)`: the square of the phase distance from the states at `wanted_at`.
    #[inline(always)]
    fn cost<B: Cta<Memory = M>>(self, cta: &mut B, wanted_at: u32, v: M, len: u32, n_samples: u32) -> f64 {
        let second = self.pass.partials.offset(2 * cta.n_threads() / WARP);
        let wanted = |i: u32| self.launch.states.get(wanted_at + i);
        let phase = overlap(cta, wanted, v, len, self.pass.partials).phase();
        residual(cta, wanted, v, len, phase, second) / f64::from(2 * n_samples)
    }

    /// The cost on the validation states, which pass through `states`; [`NO_VALIDATION`] if there are none.
    #[inline(always)]
    fn validate<B: Cta<Memory = M>>(self, cta: &mut B, states: M) -> f64 {
        let SweepRun { n, validation: StateSet { n_samples, inputs_at, outputs_at }, .. } = self.record();
        if n_samples == 0 {
            return NO_VALIDATION;
        }
        let len = with_lanes(n_samples) << n;
        self.read(cta, inputs_at, len, states);
        self.pass.push(cta, states, len / 4, false);
        self.cost(cta, outputs_at, states, len, n_samples)
    }

    /// Where point `point` of the history on these states is kept.
    #[inline(always)]
    fn place(self, point: u32) -> u32 {
        let run = self.record();
        run.points_at + run.n_carried + point - run.n_points
    }
}
