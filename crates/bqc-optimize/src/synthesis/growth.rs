//! Bottom-up synthesis: circuits grow by one CX at a time until one of them is the target.
//!
//! After QSearch (Davis et al., arXiv:2003.04462) and LEAP (Smith et al., arXiv:2106.11246), as a beam:
//! every circuit of the beam is extended by a CX on every pair of wires, the free gates are refined by
//! Levenberg–Marquardt from the parent's values and from random ones, and the nearest go on. Plateaus,
//! where one more CX gains nothing, fill a beam with useless variants of one circuit, so only a few of
//! equal cost are kept.

use crate::Context;
use bqc_instantiate::{CxTemplate, LmOutcome, LmSettings, Rotation, StateBatch};
use bqc_linalg::Stream;
use std::collections::HashSet;

/// How widely circuits grow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct GrowthSettings {
    /// Circuits that go on from each layer.
    pub beam: usize,
    /// Random starts of every extended circuit, beside the two from its parent's values.
    pub n_random: usize,
    /// Most CX gates.
    pub max_cx: usize,
    /// CX gates that a generic target needs, where growth shall end as soon as the target looks
    /// generic: see [`looks_generic`].
    pub generic_cx: Option<usize>,
}

/// Circuits of one cost that go on. Without a limit, increments and Toffoli gates of four wires are
/// not found with beams of thirty; one to four make little difference.
const MAX_OF_ONE_COST: usize = 2;
/// Relative difference below which two costs are the same.
const SAME_COST: f64 = 1e-3;
/// Layers in which the best cost has to fall by a tenth, or growth ends.
const MAX_IDLE_LAYERS: usize = 5;
/// See [`MAX_IDLE_LAYERS`].
const GAIN: f64 = 0.1;
/// Most CX in a row on one pair of wires: no two-qubit gate needs more.
const LONGEST_RUN: usize = 3;
/// Starts of every extended circuit from its parent's values: one for each rotation of the new CX.
const N_WARM: usize = 2;

/// The settings of the solver: patient, because most circuits fail and their cost is what is wanted.
fn solver_settings() -> LmSettings {
    LmSettings { give_up_ratio: 0.8, patience: 4, first_judgement: 8, ..LmSettings::default() }
}

/// Grows circuits until one fits the batch to the solver's threshold of an identity. None if
/// `max_cx` gates are not enough, growth stalls, or it is stopped.
///
/// The result is a function of the batch, the settings and the stream, unless it is stopped.
pub(super) fn grow(
    context: Context<'_>,
    batch: &StateBatch,
    settings: &GrowthSettings,
    stream: &mut Stream,
) -> Option<CxTemplate> {
    let solver = solver_settings();
    let mut root = CxTemplate::new(batch.n() as u8);
    randomize(&mut root, stream);
    let mut layer = vec![root];
    let (mut best_cost, mut n_idle) = (f64::INFINITY, 0);
    for n_cx in 0..=settings.max_cx {
        let outcomes = context.descend(batch, &solver, &mut layer);
        if let Some(index) = outcomes.iter().position(|o| o.found) {
            return Some(layer.swap_remove(index));
        }
        let n_starts = if n_cx == 0 { 1 } else { N_WARM + settings.n_random };
        let ranked = rank(&outcomes, n_starts);
        let &(cost, _) = ranked.first()?;
        if cost < (1.0 - GAIN) * best_cost {
            (best_cost, n_idle) = (cost, 0);
        } else {
            n_idle += 1;
        }
        let is_generic = settings.generic_cx.is_some_and(|generic_cx| looks_generic(cost, n_cx, generic_cx));
        if n_idle > MAX_IDLE_LAYERS || is_generic || context.is_stopped() {
            return None;
        }
        let beam: Vec<&CxTemplate> = select(&ranked, settings.beam).into_iter().map(|i| &layer[i]).collect();
        layer = extend(&beam, settings.n_random, stream);
    }
    None
}

/// Whether a target of four qubits or more is as far away at this depth as Haar-random ones are.
///
/// Measured on those, the best cost falls as `¾(1 − n_cx/generic_cx)^3.2`; random circuits of at most a
/// dozen CX are at six sevenths of it after seven.
fn looks_generic(cost: f64, n_cx: usize, generic_cx: usize) -> bool {
    const FIRST_VERDICT: usize = 8;
    const SHARE: f64 = 0.93;
    let left = 1.0 - n_cx as f64 / generic_cx as f64;
    n_cx >= FIRST_VERDICT && cost > SHARE * 0.75 * left.max(0.0).powf(3.2)
}

/// The best start of every circuit, `(cost, index)`, nearest first.
fn rank(outcomes: &[LmOutcome], n_starts: usize) -> Vec<(f64, usize)> {
    let best = |(circuit, starts): (usize, &[LmOutcome])| {
        let costs = starts.iter().enumerate().map(|(i, o)| (o.cost, circuit * n_starts + i));
        costs.filter(|(cost, _)| !cost.is_nan()).min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut ranked: Vec<(f64, usize)> = outcomes.chunks(n_starts).enumerate().filter_map(best).collect();
    ranked.sort_by(|a, b| a.0.total_cmp(&b.0));
    ranked
}

/// Indices of the nearest circuits, few of one cost.
fn select(ranked: &[(f64, usize)], beam: usize) -> Vec<usize> {
    let (mut chosen, mut first_of_cost, mut n_of_cost) = (Vec::new(), f64::NEG_INFINITY, 0);
    for &(cost, index) in ranked {
        if cost > first_of_cost * (1.0 + SAME_COST) {
            (first_of_cost, n_of_cost) = (cost, 0);
        }
        n_of_cost += 1;
        if n_of_cost <= MAX_OF_ONE_COST {
            chosen.push(index);
        }
        if chosen.len() == beam {
            break;
        }
    }
    chosen
}

/// All circuits with one CX more, each with its starts one after the other. Which wire is the control
/// makes no difference between free one-qubit gates.
fn extend(beam: &[&CxTemplate], n_random: usize, stream: &mut Stream) -> Vec<CxTemplate> {
    let (mut seen, mut extended) = (HashSet::new(), Vec::new());
    for &parent in beam {
        let n = parent.n() as u8;
        for (a, b) in (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))) {
            let with = |rotation| {
                let mut child = parent.clone();
                child.insert_cx(parent.n_cx(), a, b, rotation);
                child
            };
            let child = with(Rotation::Plus);
            if run_at_end(&child, a, b) > LONGEST_RUN || !seen.insert(structure(&child)) {
                continue;
            }
            let first_random = extended.len() + N_WARM;
            extended.extend([child, with(Rotation::Minus)]);
            for _ in 0..n_random {
                let mut random = extended[first_random - N_WARM].clone();
                randomize(&mut random, stream);
                extended.push(random);
            }
        }
    }
    extended
}

/// How many CX on this pair stand at the end, with nothing else on either wire between them.
fn run_at_end(template: &CxTemplate, a: u8, b: u8) -> usize {
    let on =
        |l: &&bqc_linalg::lanes::layer::Layer| [l.control, l.target].iter().filter(|w| **w == a || **w == b).count();
    template.layers().iter().rev().filter(|l| on(l) > 0).take_while(|l| on(l) == 2).count()
}

/// The partners of each wire in order: the same for circuits that differ by exchanges of independent
/// CX gates and by which wire is the control.
fn structure(template: &CxTemplate) -> Vec<Vec<u8>> {
    let mut wires = vec![Vec::new(); template.n()];
    for l in template.layers() {
        wires[l.control as usize].push(l.target);
        wires[l.target as usize].push(l.control);
    }
    wires
}

/// Gives every slot a Haar-random value.
pub(super) fn randomize(template: &mut CxTemplate, stream: &mut Stream) {
    for slot in template.slots() {
        template.set(slot, stream.su2());
    }
}
