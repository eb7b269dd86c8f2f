//! Problems of the CPU engine written as the tables that a launch reads, and launches on the host.

#![allow(dead_code, reason = "every test file uses its part")]

pub mod ptx;
pub mod sweeps;

use bqc_instantiate::{CxTemplate, LmSettings as CpuSettings, Slot, StateBatch};
use bqc_kernels::complex::{Complex, Su2};
use bqc_kernels::cta::Memory;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, HostGlobal, Order, Watch};
use bqc_kernels::lm::layout::{ByColumn, ByRow, Layout, Sizes, Workspace};
use bqc_kernels::lm::{self, LmLaunch};
use bqc_kernels::states::Circuit;
use bqc_kernels::templates::{Base, Candidate, CxWord, Group, LmResult, LmSettings, NONE, StateSet, Tables, status};
use bqc_kernels::verify;
use bqc_linalg::lanes::two_qubit::amplitude;
use bqc_linalg::{Complex64, Stream};
use std::cell::Cell;
use std::sync::atomic::AtomicU32;

pub const ORDERS: [Order; 3] = [Order::Forward, Order::Reverse, Order::Shuffled(7)];

pub fn complex(z: Complex64) -> Complex {
    Complex::new(z.re, z.im)
}

pub fn cpu_su2(u: Su2) -> bqc_linalg::Su2 {
    bqc_linalg::Su2::new(Complex64::new(u.a.re, u.a.im), Complex64::new(u.b.re, u.b.im))
}

pub fn perturb(t: &mut CxTemplate, radians: f64, s: &mut Stream) {
    for slot in t.slots() {
        if !t.is_frozen(slot) {
            let d = [0; 3].map(|_| radians * s.gaussian());
            t.set(slot, t.value(slot) * bqc_linalg::Su2::exp(d));
        }
    }
}

pub fn settings(cpu: &CpuSettings) -> LmSettings {
    LmSettings {
        max_iterations: cpu.max_iterations as u32,
        patience: cpu.patience as u32,
        first_judgement: cpu.first_judgement as u32,
        reserved: 0,
        first_damping: cpu.first_damping,
        give_up_ratio: cpu.give_up_ratio,
    }
}

/// Global memory of a launch.
#[derive(Default)]
pub struct Global {
    pub bases: Vec<Base>,
    pub cx: Vec<CxWord>,
    pub slots: Vec<Complex>,
    pub states: Vec<Complex>,
    pub groups: Vec<Group>,
    pub settings: Vec<LmSettings>,
    pub candidates: Vec<Candidate>,
}

impl Global {
    /// States of sweeps: the lanes of the CPU engine's layout side by side.
    pub fn add_lanes(&mut self, batch: &StateBatch) -> StateSet {
        let mut add = |lanes: &[f64]| {
            let at = self.states.len() as u32;
            let amplitudes = lanes.chunks_exact(16);
            self.states.extend(amplitudes.flat_map(|z| (0..8).map(|lane| Complex::new(z[lane], z[lane + 8]))));
            at
        };
        let (inputs_at, outputs_at) = (add(batch.inputs()), add(batch.outputs()));
        StateSet { n_samples: batch.n_samples() as u32, inputs_at, outputs_at }
    }

    pub fn add_base(&mut self, t: &CxTemplate) -> u32 {
        let base = Base {
            n: t.n() as u32,
            n_cx: t.n_cx() as u32,
            cx_at: self.cx.len() as u32,
            slots_at: self.slots.len() as u32 / 2,
            frozen_first: (0..t.n()).map(|q| u32::from(t.is_frozen(Slot::First(q as u8))) << q).sum(),
        };
        self.slots.extend(t.slots().map(|slot| t.value(slot)).flat_map(|u| [complex(u.a), complex(u.b)]));
        self.cx.extend(t.layers().iter().enumerate().map(|(i, l)| {
            CxWord::new(l.control.into(), l.target.into())
                .with_frozen(t.is_frozen(Slot::OnControl(i)), t.is_frozen(Slot::OnTarget(i)))
        }));
        self.bases.push(base);
        self.bases.len() as u32 - 1
    }

    pub fn add_states(&mut self, batch: &StateBatch) -> StateSet {
        let (n, n_samples) = (batch.n(), batch.n_samples());
        let mut add = |of: &[f64]| {
            let at = self.states.len() as u32;
            for m in 0..n_samples {
                self.states.extend((0..1 << n).map(|a| complex(amplitude(n, of, m, a))));
            }
            at
        };
        let (inputs_at, outputs_at) = (add(batch.inputs()), add(batch.outputs()));
        StateSet { n_samples: n_samples as u32, inputs_at, outputs_at }
    }

    pub fn add_group(&mut self, batch: &StateBatch, check: &StateBatch, cpu: &CpuSettings, keep_all: bool) -> u32 {
        let (batch, check) = (self.add_states(batch), self.add_states(check));
        let settings_index = self.settings.len() as u32;
        self.settings.push(settings(cpu));
        let keep_all = keep_all.into();
        self.groups.push(Group { batch, check, settings: settings_index, keep_all, tolerance: 1e-10 });
        self.groups.len() as u32 - 1
    }
}

/// What a launch left behind.
pub struct Launched {
    pub results: Vec<LmResult>,
    pub survivors: Vec<Su2>,
    pub slots_per_survivor: usize,
    pub winners: Vec<u32>,
}

impl Launched {
    /// The slots that candidate `index` ended with.
    pub fn slots(&self, index: usize) -> &[Su2] {
        let place = self.results[index].survivor as usize;
        &self.survivors[place * self.slots_per_survivor..][..self.slots_per_survivor]
    }
}

/// How a launch is emulated.
#[derive(Clone, Copy, Debug)]
pub struct How {
    pub order: Order,
    pub watch: Watch,
    pub n_threads: u32,
    pub samples_per_panel: u32,
    /// Whether the large memory is a block's part of global memory.
    pub large_is_global: bool,
    /// Candidates from the last to the first: the worst case of timing.
    pub backwards: bool,
    /// The group that the host has asked to stop.
    pub stopped: Option<u32>,
}

impl How {
    pub fn new(order: Order) -> How {
        How {
            order,
            watch: Watch::On,
            n_threads: 64,
            samples_per_panel: 2,
            large_is_global: false,
            backwards: false,
            stopped: None,
        }
    }
}

/// What a launch is sized for.
pub struct Lm {
    pub candidates: Vec<Candidate>,
    pub small_len: u32,
    pub large_len: u32,
    pub slots_per_survivor: u32,
}

impl Lm {
    /// For all candidates, or for one of them.
    pub fn new(global: &Global, how: How, sized_for: Option<usize>) -> Lm {
        let mut layouts: Vec<Layout> = global.candidates.iter().map(|c| layout_of(global, c, how)).collect();
        if let Some(index) = sized_for {
            layouts = vec![layouts[index]];
        }
        let panel = how.samples_per_panel;
        Lm {
            candidates: global.candidates.iter().map(|c| Candidate { samples_per_panel: panel, ..*c }).collect(),
            small_len: layouts.iter().map(|l| l.small_len).max().unwrap().next_multiple_of(2),
            large_len: layouts.iter().map(|l| l.large_len).max().unwrap(),
            slots_per_survivor: global.bases.iter().map(|b| b.n + 2 * (b.n_cx + 1)).max().unwrap(),
        }
    }
}

/// Runs all candidates one after the other, each on fresh memory.
pub fn launch_lm(global: &Global, how: How) -> Launched {
    launch_lm_with(global, how, None)
}

/// The same with memory for one of the candidates only.
pub fn launch_lm_with(global: &Global, how: How, sized_for: Option<usize>) -> Launched {
    let Lm { candidates, small_len, large_len, slots_per_survivor } = Lm::new(global, how, sized_for);
    let n = global.candidates.len();
    let unset = LmResult::not_begun(NONE, 0);
    let results = vec![Cell::new(unset); n];
    let survivors = vec![Cell::new(Complex::ZERO); 2 * n * slots_per_survivor as usize];
    let winners: Vec<AtomicU32> =
        global.groups.iter().map(|_| AtomicU32::new(NONE)).chain([AtomicU32::new(0)]).collect();
    let stop: Vec<AtomicU32> = (0..global.groups.len() as u32)
        .map(|group| AtomicU32::new(how.stopped.is_some_and(|one| one == group).into()))
        .collect();
    let launch = LmLaunch::<HostGlobal<'_>> {
        tables: tables(global),
        candidates: &candidates[..],
        groups: &global.groups[..],
        settings: &global.settings[..],
        winners: &winners[..],
        stop: &stop[..],
        n_groups: global.groups.len() as u32,
        results: &results[..],
        survivors: &survivors[..],
        n_survivors: n as u32,
        slots_per_survivor,
        small_len,
        large_len,
    };
    let clock = Clock::new(how.watch);
    let mut order: Vec<u32> = (0..n as u32).collect();
    if how.backwards {
        order.reverse();
    }
    for index in order {
        let shared_len = if how.large_is_global { small_len } else { small_len + large_len };
        let shared = Arena::poisoned(shared_len as usize, &clock);
        let workspace = Arena::poisoned(large_len as usize, &clock);
        let small = shared.memory();
        let cta = &mut HostCta::new(&shared, how.n_threads, how.order);
        if how.large_is_global {
            lm::run(cta, launch, index, Workspace { small, large: workspace.memory(), arrangement: ByRow });
        } else {
            let large = small.offset(small_len);
            lm::run(cta, launch, index, Workspace { small, large, arrangement: ByColumn });
        }
    }
    Launched {
        results: results.iter().map(Cell::get).collect(),
        survivors: survivors.chunks(2).map(|u| Su2 { a: u[0].get(), b: u[1].get() }).collect(),
        slots_per_survivor: slots_per_survivor as usize,
        winners: winners.into_iter().map(AtomicU32::into_inner).collect(),
    }
}

fn layout_of(global: &Global, c: &Candidate, how: How) -> Layout {
    let base = &global.bases[c.base as usize];
    Layout::new(Sizes {
        n: base.n,
        n_cx: c.n_cx(base),
        n_samples: global.groups[c.group as usize].batch.n_samples,
        samples_per_panel: how.samples_per_panel,
        n_threads: how.n_threads,
    })
}

pub fn tables(global: &Global) -> Tables<HostGlobal<'_>> {
    Tables { bases: &global.bases, cx: &global.cx, slots: &global.slots, states: &global.states }
}

/// The distance of a base from all states of a set, with memory for `n_states` at once.
pub fn distance(global: &Global, base: u32, set: StateSet, n_states: u32, order: Order) -> f64 {
    let Base { n, n_cx, cx_at, slots_at, .. } = global.bases[base as usize];
    let word = |word: &CxWord| f64::from_bits(word.0.into());
    let cx: Vec<f64> = global.cx[cx_at as usize..][..n_cx as usize].iter().map(word).collect();
    let slots = &global.slots[2 * slots_at as usize..][..2 * (n + 2 * n_cx) as usize];
    let gates: Vec<f64> = slots.iter().flat_map(|z| [z.re, z.im]).collect();
    let (clock, len) = (Clock::new(Watch::On), n_states * verify::large_len(n));
    let [cx, gates] = [cx, gates].map(|content| Arena::filled(&content, &clock));
    let (large, partials) = (Arena::poisoned(len as usize, &clock), Arena::poisoned(8, &clock));
    let circuit = Circuit { n, n_cx, cx: cx.memory(), gates: gates.memory() };
    let cta = &mut HostCta::new(&partials, 32, order);
    verify::distance(cta, &global.states[..], set, circuit, large.memory(), len, partials.memory())
}

/// The template with other values, slot by slot.
pub fn with_slots(t: &CxTemplate, slots: &[Su2]) -> CxTemplate {
    let mut t = t.clone();
    for (slot, value) in t.slots().zip(slots) {
        t.set(slot, cpu_su2(*value));
    }
    t
}

pub fn status_name(status: u32) -> &'static str {
    match status {
        status::ACCEPTED => "accepted",
        status::OVERFIT => "overfit",
        status::HOPELESS => "hopeless",
        status::NO_STEP => "no step",
        status::OUT_OF_ITERATIONS => "out of iterations",
        status::BEATEN => "beaten",
        status::TOO_LARGE => "too large",
        status::NO_PLACE => "no place",
        status::STOPPED => "stopped",
        _ => "unset",
    }
}
