//! The search over a window: rounds of random cuts, a search in every block, and the pieces joined.
//!
//! A window is the unit of work: a pure function of its gates, the settings and the seed. Between two rounds
//! a [`WindowState`] holds all that decides what comes after, so that another process can go on from there to
//! the same result.

use super::block::{ScanShare, SearchCounts, search_block};
use crate::deletion::{Fit, freeze_block};
use crate::merge::merge_circuit;
use crate::objective::{Figures, Objective};
use crate::verify::VerifiedBlock;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Circuit, Operation, Qubit};
use bqc_instantiate::{CxTemplate, Engine, Solver};
use bqc_linalg::Stream;
use bqc_partition::{Block, Options, Partition, Piece, RandomCuts, partition};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// How a window is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowSettings {
    /// Widths of the blocks of a round, one chosen at random.
    pub widths: std::ops::RangeInclusive<usize>,
    /// Most CX gates of a block of three, four and five wires: beyond, an iteration costs more than the
    /// freedom gains.
    pub max_cx: [usize; 3],
    /// Moves tried in each block of a round.
    pub n_tries: usize,
    /// Rounds.
    pub n_rounds: usize,
    /// What to make small.
    pub objective: Objective,
    /// How one block's change is fitted, and how near it has to come.
    pub fit: Fit,
}

/// Largest phase distance of one change. A search makes thousands, so each has to be better than the
/// result must be; a converged solver is at 1e-14.
const MOVE_TOLERANCE: f64 = 1e-12;

impl Default for WindowSettings {
    fn default() -> WindowSettings {
        let objective = Objective::default();
        let fit = Fit { solver: Solver::default(), tolerance: MOVE_TOLERANCE };
        WindowSettings { widths: 3..=5, max_cx: [24, 40, 60], n_tries: 40, n_rounds: 20, objective, fit }
    }
}

/// What a window has become.
#[derive(Clone, Debug)]
pub struct WindowResult {
    /// The gates.
    pub circuit: BlockCircuit,
    /// Sum of the measured distances of all changes: a bound of the distance from the original.
    pub bound: f64,
    /// What was done.
    pub counts: SearchCounts,
}

/// Where the search of a window stands between two rounds.
#[derive(Clone, Debug)]
pub struct WindowState {
    /// Rounds that are done.
    pub n_rounds: usize,
    /// What they have made.
    pub result: WindowResult,
    /// The last of the rounds' circuits that does not fall behind the ones before, and its bound; none where the
    /// objective takes any.
    pub last_good: Option<(BlockCircuit, f64)>,
    /// Whether the next round scans all gates, because the last one removed some.
    pub rescan: bool,
    /// What the next round draws from.
    pub stream: Stream,
}

impl WindowState {
    /// Before the first round.
    pub fn start(window: &BlockCircuit, objective: Objective, stream: Stream) -> WindowState {
        let mut result = WindowResult { circuit: window.clone(), bound: 0.0, counts: SearchCounts::default() };
        merge(&mut result);
        let last_good = (objective != Objective::Cx).then(|| (result.circuit.clone(), result.bound));
        WindowState { n_rounds: 0, result, last_good, rescan: true, stream }
    }

    /// One more round.
    fn advance(&mut self, engine: &dyn Engine, settings: &WindowSettings, stop: &AtomicBool) {
        let WindowState { n_rounds, result, last_good, rescan, stream } = self;
        let scan = if *rescan { ScanShare::FULL } else { ScanShare::SAMPLE };
        let before = result.counts.n_removed;
        let width = settings.widths.start() + stream.below(settings.widths.clone().count());
        round(result, engine, width.min(result.circuit.width().into()), scan, settings, stream, stop);
        *rescan = result.counts.n_removed > before;
        if let Some(good) = last_good {
            merge(result);
            let (next, present) = (Figures::of_block(&result.circuit), Figures::of_block(&good.0));
            if settings.objective.goes_on_from(&next, &present) {
                *good = (result.circuit.clone(), result.bound);
            }
        }
        *n_rounds += 1;
    }
}

/// Searches a window: rounds of moves, then a scan that removes one-qubit gates.
///
/// The result has at most as many CX gates as the window; with as many it is usually another circuit,
/// from which the next search goes on, if the objective says so: of the rounds' circuits, the last that
/// does not fall behind the ones before ([`Objective::goes_on_from`]). `stop` ends it early with what was reached.
pub fn search_window(
    window: &BlockCircuit,
    engine: &dyn Engine,
    settings: &WindowSettings,
    stream: &mut Stream,
    stop: &AtomicBool,
) -> WindowResult {
    if window.width() < 2 {
        return WindowResult { circuit: window.clone(), bound: 0.0, counts: SearchCounts::default() };
    }
    let mut state = WindowState::start(window, settings.objective, stream.clone());
    let result = search_window_from(&mut state, engine, settings, stop, &mut |_| {});
    *stream = state.stream;
    result
}

/// The same from any state of it on, to the same result. `note` is told of the state after every round but those
/// that `stop` cut short.
pub fn search_window_from(
    state: &mut WindowState,
    engine: &dyn Engine,
    settings: &WindowSettings,
    stop: &AtomicBool,
    note: &mut dyn FnMut(&WindowState),
) -> WindowResult {
    while state.n_rounds < settings.n_rounds && !stop.load(Ordering::Relaxed) {
        state.advance(engine, settings, stop);
        if !stop.load(Ordering::Relaxed) {
            note(state);
        }
    }
    let mut result = state.result.clone();
    if let Some((circuit, bound)) = &state.last_good {
        (result.circuit, result.bound) = (circuit.clone(), *bound);
    }
    merge(&mut result);
    freeze(&mut result, engine, settings, &mut state.stream, stop);
    merge(&mut result);
    result
}

/// Joins one-qubit gates that meet where blocks have met; the rounding of that is measured.
fn merge(result: &mut WindowResult) {
    let wires = window_wires(result.circuit.width());
    let merged = merge_circuit(&as_circuit(&result.circuit, &wires));
    let calls = merged.circuit.operations.iter().filter_map(|o| match o {
        Operation::Gate(call) => Some(call),
        Operation::Directive(_) => None,
    });
    if let Some(circuit) = BlockCircuit::from_calls(&wires, calls) {
        result.circuit = circuit;
        result.bound += merged.bound;
    }
}

fn window_wires(width: u8) -> Vec<Qubit> {
    (0..width.into()).map(Qubit).collect()
}

fn as_circuit(window: &BlockCircuit, wires: &[Qubit]) -> Circuit {
    let mut circuit = Circuit::with_qubits(wires.len() as u32);
    circuit.operations.extend(window.to_calls(wires).map(Operation::Gate));
    circuit
}

fn round(
    result: &mut WindowResult,
    engine: &dyn Engine,
    width: usize,
    scan: ScanShare,
    settings: &WindowSettings,
    stream: &mut Stream,
    stop: &AtomicBool,
) {
    change_blocks(result, width, settings, stream, |block, stream| {
        if block.width() < 2 || block.n_cx() < 2 || stop.load(Ordering::Relaxed) {
            return (None, SearchCounts::default());
        }
        let template = CxTemplate::from_block(block);
        let (found, done) = search_block(&template, engine, scan, settings.n_tries, settings.fit, stream, stop);
        let mut verified = None;
        if let Some(found) = found {
            verified = VerifiedBlock::check(block, found.to_block(), settings.fit.tolerance).ok();
        }
        // What the verifier refuses was not removed.
        let n_removed = if verified.is_some() { done.n_removed } else { 0 };
        (verified, SearchCounts { n_removed, ..done })
    });
}

/// Removes one-qubit gates from a window, block by block.
fn freeze(
    result: &mut WindowResult,
    engine: &dyn Engine,
    settings: &WindowSettings,
    stream: &mut Stream,
    stop: &AtomicBool,
) {
    let width = (*settings.widths.start()).min(result.circuit.width().into());
    change_blocks(result, width, settings, stream, |block, stream| {
        if block.width() < 2 || stop.load(Ordering::Relaxed) {
            return (None, SearchCounts::default());
        }
        let frozen = freeze_block(block, engine, settings.fit, stream, stop);
        let is_smaller = frozen.n_one_qubit() < block.n_one_qubit();
        let verified = is_smaller.then(|| VerifiedBlock::check(block, frozen, settings.fit.tolerance).ok());
        (verified.flatten(), SearchCounts::default())
    });
}

/// Cuts the window at random, lets `change` replace blocks by verified ones, and joins the pieces.
///
/// The blocks of a round know nothing of each other, and each draws from a stream of its own; so all threads of
/// the rayon pool that are free take some, and the result is the same whoever did which. With one thread for each
/// window that changes nothing; a GPU is filled by it, and so are more cores than there are windows.
fn change_blocks(
    result: &mut WindowResult,
    width: usize,
    settings: &WindowSettings,
    stream: &mut Stream,
    change: impl Fn(&BlockCircuit, &mut Stream) -> (Option<VerifiedBlock>, SearchCounts) + Sync,
) {
    let circuit = as_circuit(&result.circuit, &window_wires(result.circuit.width()));
    let max_cx = settings.max_cx[width.clamp(3, 5) - 3];
    let options = Options {
        max_cx,
        random_cuts: Some(RandomCuts { seed: stream.bits() }),
        shift: 1 + stream.below(max_cx),
        ..Options::new(width)
    };
    let Ok(Partition { pieces }) = partition(&circuit, &options) else { return };
    let blocks = pieces.iter().filter_map(|piece| match piece {
        Piece::Block(block) => Some((block, stream.bits())),
        Piece::Directive(_) => None,
    });
    let blocks: Vec<(&Block, u64)> = blocks.collect();
    let change_one = |&(block, seed): &(&Block, u64)| change(&block.circuit, &mut Stream::new(seed, 0, 0));
    // One block at a time: some take a hundred times as long as others.
    let changed: Vec<(Option<VerifiedBlock>, SearchCounts)> =
        blocks.par_iter().with_max_len(1).map(change_one).collect();
    let mut joined = BlockCircuit::new(result.circuit.width());
    for ((block, _), (changed, counts)) in blocks.iter().zip(changed) {
        result.counts.add(&counts);
        result.bound += changed.as_ref().map_or(0.0, |v| v.distance());
        let gates = changed.as_ref().map_or(&block.circuit, |v| v.circuit());
        joined.gates.extend(gates.gates.iter().map(|gate| on_window(*gate, &block.qubits)));
    }
    result.circuit = joined;
}

/// A block's gate on the wires of the window, which are `BlockQubit`s too.
fn on_window(gate: BlockGate, qubits: &[Qubit]) -> BlockGate {
    let wire = |b: BlockQubit| BlockQubit(qubits[b.index()].0 as u8);
    match gate {
        BlockGate::Cx { control, target } => BlockGate::Cx { control: wire(control), target: wire(target) },
        BlockGate::U3 { qubit, angles } => BlockGate::U3 { qubit: wire(qubit), angles },
    }
}
