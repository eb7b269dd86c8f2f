//! The search over a window: rounds of random cuts, a search in every block, and the pieces joined.
//!
//! A window is the unit of work: a pure function of its gates, the settings and the seed.

use super::block::{ScanShare, SearchCounts, search_block};
use crate::deletion::freeze_block;
use crate::verify::VerifiedBlock;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Circuit, Operation, Qubit};
use bqc_instantiate::{CxTemplate, Engine};
use bqc_linalg::Stream;
use bqc_partition::{Options, Partition, Piece, RandomCuts, partition};
use std::sync::atomic::{AtomicBool, Ordering};

/// How a window is searched.
#[derive(Clone, Debug, PartialEq)]
pub struct WindowSettings {
    /// Widths of the blocks of a round, one chosen at random.
    pub widths: std::ops::RangeInclusive<usize>,
    /// Moves tried in each block of a round.
    pub n_tries: usize,
    /// Rounds.
    pub n_rounds: usize,
    /// Largest phase distance of one block's change.
    pub tolerance: f64,
}

impl Default for WindowSettings {
    fn default() -> WindowSettings {
        WindowSettings { widths: 3..=5, n_tries: 40, n_rounds: 20, tolerance: 1e-10 }
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

/// Searches a window.
pub fn search_window(
    window: &BlockCircuit,
    engine: &dyn Engine,
    settings: &WindowSettings,
    stream: &mut Stream,
    stop: &AtomicBool,
) -> WindowResult {
    let mut result = WindowResult { circuit: window.clone(), bound: 0.0, counts: SearchCounts::default() };
    if window.width() < 2 {
        return result;
    }
    let mut rescan = true;
    for _ in 0..settings.n_rounds {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let scan = if rescan { ScanShare::FULL } else { ScanShare::SAMPLE };
        let before = result.counts.n_removed;
        let width = settings.widths.start() + stream.below(settings.widths.clone().count());
        round(&mut result, engine, width.min(window.width().into()), scan, settings, stream, stop);
        rescan = result.counts.n_removed > before;
    }
    result
}

/// Most CX gates of a block by width: beyond, an iteration costs more than the block's freedom gains.
fn max_cx(width: usize) -> usize {
    match width {
        0..=3 => 20,
        4 => 28,
        _ => 36,
    }
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
    change_blocks(result, width, stream, |block, stream, counts| {
        if block.width() < 2 || block.n_cx() < 2 || stop.load(Ordering::Relaxed) {
            return None;
        }
        let template = CxTemplate::from_block(block);
        let (found, done) = search_block(&template, engine, scan, settings.n_tries, settings.tolerance, stream, stop);
        let mut verified = None;
        if let Some(found) = found {
            verified = VerifiedBlock::check(block, found.to_block(), settings.tolerance).ok();
        }
        // What the verifier refuses was not removed.
        counts.add(&SearchCounts { n_removed: if verified.is_some() { done.n_removed } else { 0 }, ..done });
        verified
    });
}

/// Removes one-qubit gates from a window, block by block.
pub fn freeze_window(
    result: &mut WindowResult,
    engine: &dyn Engine,
    width: usize,
    tolerance: f64,
    stream: &mut Stream,
    stop: &AtomicBool,
) {
    change_blocks(result, width, stream, |block, stream, _| {
        if block.width() < 2 || stop.load(Ordering::Relaxed) {
            return None;
        }
        let frozen = freeze_block(block, engine, tolerance, stream, stop);
        (frozen.n_one_qubit() < block.n_one_qubit()).then(|| VerifiedBlock::check(block, frozen, tolerance).ok())?
    });
}

/// Cuts the window at random, lets `change` replace blocks by verified ones, and joins the pieces.
fn change_blocks(
    result: &mut WindowResult,
    width: usize,
    stream: &mut Stream,
    mut change: impl FnMut(&BlockCircuit, &mut Stream, &mut SearchCounts) -> Option<VerifiedBlock>,
) {
    let wires: Vec<Qubit> = (0..result.circuit.width().into()).map(Qubit).collect();
    let mut circuit = Circuit::with_qubits(wires.len() as u32);
    circuit.operations.extend(result.circuit.to_calls(&wires).map(Operation::Gate));
    let options = Options {
        max_cx: max_cx(width),
        random_cuts: Some(RandomCuts { seed: stream.bits() }),
        shift: 1 + stream.below(max_cx(width)),
        ..Options::new(width)
    };
    let Ok(pieces) = partition(&circuit, &options) else { return };
    let mut joined = BlockCircuit::new(result.circuit.width());
    let Partition { pieces } = pieces;
    for piece in &pieces {
        let Piece::Block(block) = piece else { continue };
        let seed = stream.bits();
        let changed = change(&block.circuit, &mut Stream::new(seed, 0, 0), &mut result.counts);
        result.bound += changed.as_ref().map_or(0.0, |v| v.distance());
        let gates = changed.as_ref().map_or(&block.circuit, |v| v.circuit());
        joined.gates.extend(gates.gates.iter().map(|gate| on_window(*gate, &block.qubits)));
    }
    // Neighbouring one-qubit gates of different blocks become one slot.
    result.circuit = if joined.width() >= 2 { CxTemplate::from_block(&joined).to_block() } else { joined };
}

/// A block's gate on the wires of the window, which are `BlockQubit`s too.
fn on_window(gate: BlockGate, qubits: &[Qubit]) -> BlockGate {
    let wire = |b: BlockQubit| BlockQubit(qubits[b.index()].0 as u8);
    match gate {
        BlockGate::Cx { control, target } => BlockGate::Cx { control: wire(control), target: wire(target) },
        BlockGate::U3 { qubit, angles } => BlockGate::U3 { qubit: wire(qubit), angles },
    }
}
