//! The search over a window: rounds of random cuts, a search in every block, and the pieces joined.
//!
//! A window is the unit of work: a pure function of its gates, the settings and the seed. Between two rounds
//! a [`WindowState`] holds all that decides what comes after, so that another process can go on from there to
//! the same result.

use super::block::{ScanShare, SearchCounts, Tries, search_block};
use crate::Context;
use crate::fitted::Fit;
use crate::freezing::freeze_block;
use crate::merge::simplify;
use crate::objective::{Figures, Objective};
use crate::sabotage::Sabotage;
use bqc_circuit::{BlockCircuit, BlockQubit};
use bqc_instantiate::{CxTemplate, Solver};
use bqc_linalg::Stream;
use bqc_partition::{Block, Options, RandomCuts, partition};
use bqc_verify::{Composition, Fault, Piece, VerifiedBlock};
use rayon::prelude::*;

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
    /// For tests of the verifier.
    #[doc(hidden)]
    pub sabotage: Option<Sabotage>,
}

/// Largest phase distance of one change. A search makes thousands, so each has to be better than the
/// result must be; a converged solver is at 1e-14.
const MOVE_TOLERANCE: f64 = 1e-12;

impl Default for WindowSettings {
    fn default() -> WindowSettings {
        let objective = Objective::default();
        let fit = Fit { solver: Solver::default(), tolerance: MOVE_TOLERANCE };
        WindowSettings {
            widths: 3..=5,
            max_cx: [24, 40, 60],
            n_tries: 40,
            n_rounds: 20,
            objective,
            fit,
            sabotage: None,
        }
    }
}

/// What a window has become.
#[derive(Clone, Debug)]
pub struct WindowResult {
    /// The gates, and the sum of the measured distances of all changes.
    pub composition: Composition,
    /// What was done.
    pub counts: SearchCounts,
    /// A fault of bqc: something could not be put together as the search wanted. It has changed nothing.
    pub fault: Option<Fault>,
}

impl WindowResult {
    /// Nothing done yet.
    fn start(window: &BlockCircuit) -> WindowResult {
        WindowResult { composition: Composition::start(window), counts: SearchCounts::default(), fault: None }
    }

    /// Keeps the first fault.
    fn note(&mut self, done: Result<(), impl Into<Fault>>) {
        if let Err(fault) = done {
            self.fault.get_or_insert(fault.into());
        }
    }

    /// Joins one-qubit gates that meet where blocks have met.
    fn merge(&mut self) {
        let merged = self.composition.rewrite(simplify);
        self.note(merged);
    }

    /// Cuts the window at random into blocks of at most `width` wires, lets `change` replace blocks by verified ones,
    /// and joins the pieces.
    ///
    /// The blocks of a round know nothing of each other, and each draws from a stream of its own; so all threads of
    /// the rayon pool that are free take some, and the result is the same whoever did which. With one thread for each
    /// window that changes nothing; a GPU is filled by it, and so are more cores than there are windows.
    fn change_blocks(
        &mut self,
        width: usize,
        settings: &WindowSettings,
        stream: &mut Stream,
        change: impl Fn(&BlockCircuit, &mut Stream) -> (Option<VerifiedBlock>, SearchCounts) + Sync,
    ) {
        let width = width.min(self.composition.circuit().width().into());
        let max_cx = settings.max_cx[width.clamp(3, 5) - 3];
        let options = Options {
            max_cx,
            random_cuts: Some(RandomCuts { seed: stream.bits() }),
            shift: 1 + stream.below(max_cx),
            ..Options::new(width)
        };
        let Ok(cut) = partition(self.composition.circuit(), &options) else { return };
        let blocks: Vec<(&Block<BlockQubit>, u64)> = cut.blocks().map(|block| (block, stream.bits())).collect();
        let change_one = |&(block, seed): &(&Block<_>, u64)| change(&block.circuit, &mut Stream::new(seed, 0, 0));
        // One block at a time: some take a hundred times as long as others.
        let changed: Vec<(Option<VerifiedBlock>, SearchCounts)> =
            blocks.par_iter().with_max_len(1).map(change_one).collect();
        changed.iter().for_each(|(_, counts)| self.counts.add(counts));
        let mut pieces: Vec<Piece<'_, BlockQubit>> = Vec::with_capacity(blocks.len());
        for ((Block { qubits, steps, .. }, _), (replacement, _)) in blocks.iter().zip(&changed) {
            pieces.push(Piece::Window { wires: qubits, steps, replacement: replacement.as_ref() });
        }
        if settings.sabotage == Some(Sabotage::ReorderRound) {
            pieces.reverse();
        }
        let joined = self.composition.join(pieces);
        self.note(joined);
    }
}

/// Where the search of a window stands between two rounds.
#[derive(Clone, Debug)]
pub struct WindowState {
    /// Rounds that are done.
    pub n_rounds: usize,
    /// What they have made.
    pub result: WindowResult,
    /// The last of the rounds' circuits that does not fall behind the ones before; none where the objective takes any.
    pub last_good: Option<Composition>,
    /// Whether the next round scans all gates, because the last one removed some.
    pub rescan: bool,
    /// What the next round draws from.
    pub stream: Stream,
}

impl WindowState {
    /// Before the first round.
    pub fn start(window: &BlockCircuit, objective: Objective, stream: Stream) -> WindowState {
        let mut result = WindowResult::start(window);
        result.merge();
        let last_good = (objective != Objective::Cx).then(|| result.composition.clone());
        WindowState { n_rounds: 0, result, last_good, rescan: true, stream }
    }

    /// One more round.
    fn advance(&mut self, context: Context<'_>, settings: &WindowSettings) {
        let WindowState { n_rounds, result, last_good, rescan, stream } = self;
        let scan = if *rescan { ScanShare::FULL } else { ScanShare::SAMPLE };
        let before = result.counts.n_removed;
        let width = settings.widths.start() + stream.below(settings.widths.clone().count());
        let tries = Tries { scan, n_moves: settings.n_tries };
        result.change_blocks(width, settings, stream, |block, stream| {
            search_one(context, block, tries, settings.fit, stream)
        });
        *rescan = result.counts.n_removed > before;
        if let Some(good) = last_good {
            result.merge();
            let figures = |composition: &Composition| Figures::of_block(composition.circuit());
            if settings.objective.goes_on_from(&figures(&result.composition), &figures(good)) {
                *good = result.composition.clone();
            }
        }
        *n_rounds += 1;
    }
}

/// Searches a window: rounds of moves, then a scan that removes one-qubit gates.
///
/// The result has at most as many CX gates as the window; with as many it is usually another circuit,
/// from which the next search goes on, if the objective says so: of the rounds' circuits, the last that
/// does not fall behind the ones before ([`Objective::goes_on_from`]). If it is stopped, it
/// returns what was reached.
pub fn search_window(
    context: Context<'_>,
    window: &BlockCircuit,
    settings: &WindowSettings,
    stream: &mut Stream,
) -> WindowResult {
    if window.width() < 2 {
        return WindowResult::start(window);
    }
    let mut state = WindowState::start(window, settings.objective, stream.clone());
    let result = search_window_from(context, &mut state, settings, &mut |_| {});
    *stream = state.stream;
    result
}

/// The same from any state of it on, to the same result. `note` is told of the state after every round but those
/// that were cut short.
pub fn search_window_from(
    context: Context<'_>,
    state: &mut WindowState,
    settings: &WindowSettings,
    note: &mut dyn FnMut(&WindowState),
) -> WindowResult {
    while state.n_rounds < settings.n_rounds && state.result.fault.is_none() && !context.is_stopped() {
        state.advance(context, settings);
        if !context.is_stopped() {
            note(state);
        }
    }
    let mut result = state.result.clone();
    if let Some(good) = &state.last_good {
        result.composition = good.clone();
    }
    result.merge();
    result.change_blocks(*settings.widths.start(), settings, &mut state.stream, |block, stream| {
        (freeze_one(context, block, settings.fit, stream), SearchCounts::default())
    });
    result.merge();
    result
}

/// Searches one block of a round.
fn search_one(
    context: Context<'_>,
    block: &BlockCircuit,
    tries: Tries,
    fit: Fit,
    stream: &mut Stream,
) -> (Option<VerifiedBlock>, SearchCounts) {
    if block.width() < 2 || block.n_cx() < 2 || context.is_stopped() {
        return (None, SearchCounts::default());
    }
    let (found, done) = search_block(context, &CxTemplate::from_block(block), tries, fit, stream);
    let verified = found.and_then(|found| VerifiedBlock::check(block, found.to_block(), fit.tolerance).ok());
    // What the verifier refuses was not removed.
    let n_removed = if verified.is_some() { done.n_removed } else { 0 };
    (verified, SearchCounts { n_removed, ..done })
}

/// Removes one-qubit gates from one block, if it can.
fn freeze_one(context: Context<'_>, block: &BlockCircuit, fit: Fit, stream: &mut Stream) -> Option<VerifiedBlock> {
    if block.width() < 2 || context.is_stopped() {
        return None;
    }
    let frozen = freeze_block(context, block, fit, stream);
    let is_smaller = frozen.n_one_qubit() < block.n_one_qubit();
    is_smaller.then(|| VerifiedBlock::check(block, frozen, fit.tolerance).ok()).flatten()
}
