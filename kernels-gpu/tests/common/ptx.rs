//! Launches of the committed PTX on the host, with the tables of the emulated launches.

use super::sweeps::Sweeps;
use super::{Global, How, Lm};
use bqc_kernels::arguments::{LmArguments, QUEUE_LEN, SweepArguments};
use bqc_kernels::complex::Complex;
use bqc_kernels::sweep::Layout;
use bqc_kernels::templates::{
    Base, Candidate, CxWord, Group, LmResult, LmSettings, NONE, StateSet, SweepResult, SweepRun, SweepStep,
};
use bqc_schedule::Rules;
use ptx_runner::{Access, Counts, Kernel, Launch, Memory, Order, PtxError};
use std::path::Path;

/// The architectures of the committed files.
pub const ARCHITECTURES: [&str; 2] = ["sm_80", "sm_90"];

/// A committed file.
pub fn text(architecture: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("ptx/bqc-kernels.{architecture}.ptx"));
    std::fs::read_to_string(path).unwrap()
}

/// A kernel of a committed file.
pub fn committed(architecture: &str, kernel: &str) -> Kernel {
    Kernel::parse(&text(architecture), kernel).unwrap_or_else(|error| panic!("{kernel}: {error}"))
}

/// A record as it lies in memory.
pub trait Words {
    fn words(&self) -> Vec<u32>;
}

impl Words for u32 {
    fn words(&self) -> Vec<u32> {
        vec![*self]
    }
}

impl Words for u64 {
    fn words(&self) -> Vec<u32> {
        vec![*self as u32, (*self >> 32) as u32]
    }
}

impl Words for f64 {
    fn words(&self) -> Vec<u32> {
        self.to_bits().words()
    }
}

impl Words for CxWord {
    fn words(&self) -> Vec<u32> {
        vec![self.0]
    }
}

/// Records by their fields, in order. A field that is left out is missed in the length.
macro_rules! words_of {
    ($($record:ident { $($field:ident),* })*) => { $(
        impl Words for $record {
            fn words(&self) -> Vec<u32> {
                let words = [$(self.$field.words()),*].concat();
                assert_eq!(4 * words.len(), size_of::<$record>(), stringify!($record));
                words
            }
        }
    )* };
}

words_of! {
    Complex { re, im }
    Base { n, n_cx, cx_at, slots_at, frozen_first }
    StateSet { n_samples, inputs_at, outputs_at }
    Candidate {
        base, group, rank, delete, delete_rotation, insert_at, insert_cx, insert_rotation, samples_per_panel
    }
    Group { batch, check, settings, keep_all, tolerance }
    LmSettings { max_iterations, patience, first_judgement, reserved, first_damping, give_up_ratio }
    LmResult {
        cost, distance, first_cost, damping, status, iterations, n_solves, n_cx, survivor, n_tangents, reserved
    }
    SweepStep { kind, a, b, value_a, value_b }
    Rules {
        cost_tol, plateau_ratio, overtrained_factor, beta, max_sweeps, min_sweeps, window_points, sweeps_per_point
    }
    SweepRun {
        n, n_steps, steps_at, values_at, n_values, rules, first_sweeps, n_points, n_carried, points_at,
        n_rounds, training, validation
    }
    SweepResult { verdict, n_points }
    LmArguments {
        bases, cx, slots, states, candidates, groups, settings, winners, results, survivors, queue, stop, workspace,
        n_candidates, n_groups, n_survivors, slots_per_survivor, small_len, large_len
    }
    SweepArguments {
        runs, steps, rules, states, values, results, found, points, queue, stop, workspace, n_runs,
        small_len, large_len, reserved
    }
}

pub fn words<T: Words>(records: &[T]) -> Vec<u32> {
    records.iter().flat_map(Words::words).collect()
}

/// Garbage, as memory has it that nobody has written to.
fn unwritten(n_words: usize) -> Vec<u32> {
    vec![0x7ff8_dead; n_words]
}

/// A table; one that nobody reads has an address too.
fn table<T: Words>(memory: &mut Memory, records: &[T]) -> u64 {
    memory.add(words(records), Access::Read)
}

/// Shared memory of a launch.
fn shared_bytes(small_len: u32, large_len: u32, large_is_global: bool) -> u32 {
    8 * (QUEUE_LEN + small_len + if large_is_global { 0 } else { large_len })
}

/// What a launch left in memory.
#[derive(Debug, PartialEq)]
pub struct LeftBehind {
    /// Records of results.
    pub results: Vec<u32>,
    /// Slots of survivors, or values that were found.
    pub values: Vec<u32>,
    /// Winners and the number of survivors, or the costs of all rounds.
    pub rest: Vec<u32>,
}

/// Runs the candidates of a launch that [`super::launch_lm`] emulates.
pub fn launch_lm(kernel: &Kernel, global: &Global, how: How, order: Order) -> Result<(LeftBehind, Counts), PtxError> {
    let lm = Lm::new(global, how, None);
    let n = lm.candidates.len();
    let mut memory = Memory::default();
    let m = &mut memory;
    let n_blocks = 2;
    let flags = |of: Vec<u32>, m: &mut Memory| m.add(of, Access::Atomic);
    let stop = (0..global.groups.len() as u32).map(|group| (how.stopped == Some(group)).into()).collect();
    let arguments = LmArguments {
        bases: table(m, &global.bases),
        cx: table(m, &global.cx),
        slots: table(m, &global.slots),
        states: table(m, &global.states),
        candidates: table(m, &lm.candidates),
        groups: table(m, &global.groups),
        settings: table(m, &global.settings),
        winners: flags([vec![NONE; global.groups.len()], vec![0]].concat(), m),
        results: m.add(unwritten(n * size_of::<LmResult>() / 4), Access::Written),
        survivors: m.add(words(&vec![Complex::ZERO; 2 * n * lm.slots_per_survivor as usize]), Access::Written),
        queue: flags(vec![0], m),
        stop: flags(stop, m),
        workspace: m.add(unwritten((n_blocks * 2 * lm.large_len) as usize), Access::Written),
        n_candidates: n as u32,
        n_groups: global.groups.len() as u32,
        n_survivors: n as u32,
        slots_per_survivor: lm.slots_per_survivor,
        small_len: lm.small_len,
        large_len: lm.large_len,
    };
    let shared_bytes = shared_bytes(lm.small_len, lm.large_len, how.large_is_global);
    let launch = Launch { n_blocks, n_threads: how.n_threads, shared_bytes, order };
    let counts = kernel.run(&arguments.words(), &mut memory, launch)?;
    let left = |at: u64| memory.words(at).to_vec();
    let a = arguments;
    Ok((LeftBehind { results: left(a.results), values: left(a.survivors), rest: left(a.winners) }, counts))
}

/// Makes the runs of a launch that [`Sweeps::launch`] emulates.
pub fn launch_sweeps(
    kernel: &Kernel,
    sweeps: &Sweeps,
    n_threads: u32,
    large_is_global: bool,
    order: Order,
) -> Result<(LeftBehind, Counts), PtxError> {
    let layouts: Vec<Layout> = sweeps.runs.iter().map(|run| Layout::new(run, n_threads)).collect();
    let small_len = layouts.iter().map(|l| l.small_len).max().unwrap();
    let large_len = layouts.iter().map(|l| l.large_len).max().unwrap();
    let (n_blocks, n_runs) = (2, sweeps.runs.len());
    let mut memory = Memory::default();
    let m = &mut memory;
    let arguments = SweepArguments {
        runs: table(m, &sweeps.runs),
        steps: table(m, &sweeps.steps),
        rules: table(m, &sweeps.rules),
        states: table(m, &sweeps.global.states),
        values: table(m, &sweeps.values),
        results: m.add(unwritten(2 * n_runs), Access::Written),
        found: m.add(words(&vec![Complex::ZERO; sweeps.values.len()]), Access::Written),
        points: m.add(words(&sweeps.points), Access::Written),
        queue: m.add(vec![0], Access::Atomic),
        stop: m.add(vec![0], Access::Atomic),
        workspace: m.add(unwritten((n_blocks * 2 * large_len) as usize), Access::Written),
        n_runs: n_runs as u32,
        small_len,
        large_len,
        reserved: 0,
    };
    let shared_bytes = shared_bytes(small_len, large_len, large_is_global);
    let counts = kernel.run(&arguments.words(), &mut memory, Launch { n_blocks, n_threads, shared_bytes, order })?;
    let left = |at: u64| memory.words(at).to_vec();
    let a = arguments;
    Ok((LeftBehind { results: left(a.results), values: left(a.found), rest: left(a.points) }, counts))
}
