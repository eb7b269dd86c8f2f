//! The passes of one run, and the comparison at its end.

use crate::approximate::Budget;
use crate::observer::{Event, Observer};
use crate::pass::Pass;
use crate::round::Around;
use crate::unit::{InProcess, Workshop};
use bqc_circuit::{Circuit, Directive, Operation, Stats, lower};
use bqc_instantiate::Engine;
use bqc_linalg::Stream;
use bqc_optimize::{
    BlockSettings, CompareOptions, Comparison, Figures, Flow, Objective, Rank, compare_circuits, merge_circuit,
};
use bqc_partition::{Options, PartitionError, RandomCuts};
use bqc_wire::BlockRecord;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run is asked to do. The binary resolves it; nothing here reads a default from elsewhere.
#[derive(Clone, Debug, PartialEq)]
pub struct RunSettings {
    /// Most wires of a block, 2 to 12.
    pub block_size: usize,
    /// Most CX gates of a block, at least 1: the time of a block grows faster than its gates.
    pub max_block_cx: usize,
    /// Most passes over the circuit that keep its unitary; those that approximate end by themselves.
    pub max_passes: u32,
    /// Passes with little gain, one after another, before a run ends; at least 1.
    pub patience: u32,
    /// What share of the objective's leading figure (by default the two-qubit gates) a pass has to
    /// remove so that its gain is not little.
    pub min_gain: f64,
    /// Largest phase distance of the whole result from the input. What identities leave of it is
    /// spent on approximations once they gain little. Zero: identities only, and no limit on their
    /// rounding.
    pub epsilon_total: f64,
    /// Worker threads, at least 1.
    pub n_threads: usize,
    /// What is done in each block; its seed is that of the cuts and of the comparison too.
    pub block: BlockSettings,
    /// Most amplitude updates that the comparison of whole circuits may take.
    pub max_check_updates: f64,
}

/// By how many wires the blocks of successive deletion passes are narrower than the widest, down to three.
/// Mixed widths find what one width misses: on 19 circuits of 5 to 36 wires they left 2 % fewer CX
/// than equal widths in half the time.
const NARROWER: [usize; 3] = [0, 2, 1];

/// From this many CX on, a run begins with the narrowest blocks, which take the easy gains in a
/// tenth of the time, so that a run that is cut short has them.
const LARGE_CX: usize = 1000;

/// Rounds of the first pass of a search; each further pass has twice as many, up to the setting.
const FIRST_ROUNDS: usize = 2;

/// Widest blocks and most CX gates in them, of the deletion passes with which a search begins.
const DELETION_WIDTH: usize = 5;
const DELETION_CX: usize = 48;

/// These passes end when each width in turn has removed less than this share of the gates.
const LITTLE_DELETED: f64 = 0.01;

/// Passes in a row without a better circuit after which the search of a small circuit that is more than one
/// window goes on with walkers.
const STALLED_AFTER: u32 = 5;
/// Purpose of the stream that shifts the cuts.
const CUTS: u64 = 0x4355_5453;

/// Largest shift of the cuts of deletion passes, in CX gates. Blocks of up to five wires hold some
/// dozens. The windows of a search are shifted by anything up to their size.
const MAX_SHIFT: usize = 16;

/// Passes with little gain before approximations are tried, if the run is patient for longer.
const PATIENCE_BEFORE_APPROXIMATING: u32 = 3;

/// Widths and most CX gates of the blocks of approximating passes; what one width does not offer
/// another may. Wide ones first leaves fewest gates, narrow ones take a tenth of the time: large
/// circuits begin with these.
const APPROXIMATE_WIDTHS: [usize; 3] = [5, 4, 3];
const APPROXIMATE_CX: usize = 24;

/// What rounding may add to a measured distance: a million gates, each of 1e-16 and in random
/// directions, come to 1e-13; ten times that.
const CHECK_ROUNDING: f64 = 1e-12;

/// Why a circuit was not compiled at all.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CompileError {
    /// A gate without a definition has no unitary to keep.
    #[error("line {line} applies `{gate}`, which is declared opaque; define it with `gate`, or remove it")]
    Opaque {
        /// Its name.
        gate: String,
        /// Line of the source, from 1.
        line: u32,
    },
    /// The circuit cannot be cut.
    #[error(transparent)]
    Partition(#[from] PartitionError),
    /// The system gives no threads.
    #[error("cannot start {n_threads} worker threads: {reason}")]
    Threads {
        /// How many were asked for.
        n_threads: usize,
        /// The system's reason.
        reason: String,
    },
}

/// What a run has made of a circuit.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The new circuit; the input itself if there is a `difference`.
    pub circuit: Circuit,
    /// Largest possible phase distance of the new circuit and the input.
    pub error_bound: f64,
    /// One record per block and pass, in order.
    pub records: Vec<BlockRecord>,
    /// Passes that were begun.
    pub n_passes: u32,
    /// Whether `stop` ended the run early.
    pub was_stopped: bool,
    /// The comparison of the whole circuits, none if they are too large for one.
    pub comparison: Option<Comparison>,
    /// In words, how that comparison contradicts the error bound: a fault of bqc.
    pub difference: Option<String>,
}

/// Rewrites `circuit` with fewer two-qubit gates.
///
/// Stops early, with the best circuit so far, soon after `stop` is set: see [`Workshop::goes_on`]. `observer` is called from the
/// worker threads.
pub fn compile(
    circuit: &Circuit,
    settings: &RunSettings,
    engine: &dyn Engine,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Compiled, CompileError> {
    compile_in(&InProcess(engine), circuit, settings, engine, stop, observer)
}

/// The same with its blocks rebuilt and approximated in `workshop`. The name of `engine` is part of every unit's.
pub fn compile_in(
    workshop: &dyn Workshop,
    circuit: &Circuit,
    settings: &RunSettings,
    engine: &dyn Engine,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Compiled, CompileError> {
    refuse_opaque(circuit)?;
    let n_threads = settings.n_threads;
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .map_err(|e| CompileError::Threads { n_threads, reason: e.to_string() })?;
    pool.install(|| {
        let (n_passes, n_searches, error_bound, records) = (0, 0, 0.0, Vec::new());
        let mut run = Run {
            settings,
            engine,
            around: Around { workshop, stop, observer },
            n_passes,
            n_searches,
            is_deleting: false,
            n_deletions: 0,
            error_bound,
            records,
        };
        let best = run.passes(circuit)?;
        Ok(run.finish(circuit, best))
    })
}

fn refuse_opaque(circuit: &Circuit) -> Result<(), CompileError> {
    for mut operation in &circuit.operations {
        while let Operation::Directive(directive) = operation {
            match &**directive {
                Directive::Conditional { operation: inner, .. } => operation = inner,
                Directive::Opaque { gate, line, .. } => {
                    let gate = circuit.opaque_gates[*gate].name.clone();
                    return Err(CompileError::Opaque { gate, line: *line });
                }
                _ => break,
            }
        }
    }
    Ok(())
}

/// The best circuit so far.
pub(crate) struct Best {
    pub figures: Figures,
    pub rank: Rank,
    pub circuit: Circuit,
    /// Its error bound.
    pub bound: f64,
}

impl Best {
    fn of(circuit: Circuit, bound: f64, objective: Objective) -> Best {
        let figures = Figures::of_stats(&Stats::of(&circuit));
        Best { figures, rank: objective.rank(&figures), circuit, bound }
    }
}

/// Cuts of this pass: shifted by at most `max_shift`, and left to chance.
pub(crate) fn random_cuts(options: Options, seed: u64, pass: u32, max_shift: usize) -> Options {
    let mut stream = Stream::new(seed, pass.into(), CUTS);
    let shift = 1 + stream.below(options.max_cx.min(max_shift));
    Options { shift, random_cuts: Some(RandomCuts { seed: stream.bits() }), ..options }
}

/// A run under way.
pub(crate) struct Run<'a> {
    pub settings: &'a RunSettings,
    pub engine: &'a dyn Engine,
    pub around: Around<'a>,
    /// Passes begun, and how many of them keep the unitary.
    pub n_passes: u32,
    pub n_searches: u32,
    /// Whether a search is still at its first, deleting passes, and how many of them there were.
    pub is_deleting: bool,
    pub n_deletions: u32,
    pub error_bound: f64,
    pub records: Vec<BlockRecord>,
}

impl Run<'_> {
    /// All passes; gives the best circuit and leaves its bound in `error_bound`.
    fn passes(&mut self, circuit: &Circuit) -> Result<Circuit, CompileError> {
        let lowered = lower(circuit);
        let objective = self.settings.block.objective;
        let merged = self.merge(&lowered);
        let mut best = Best::of(merged, self.error_bound, objective);
        if best.bound > self.limit() {
            best = Best::of(lowered, 0.0, objective);
        }
        let patience = self.settings.patience;
        if self.settings.epsilon_total > 0.0 {
            let short = patience.min(PATIENCE_BEFORE_APPROXIMATING);
            self.search(&mut best, short)?;
            while self.approximate(&mut best)? {
                self.search(&mut best, short)?;
            }
            if short < patience {
                self.search(&mut best, patience)?;
            }
        } else {
            self.search(&mut best, patience)?;
        }
        self.error_bound = best.bound;
        Ok(best.circuit)
    }

    /// Passes that keep the unitary, from the best circuit on, until `patience` of them have gained
    /// little. The circuit that goes from pass to pass may be another than the best: a search wanders.
    fn search(&mut self, best: &mut Best, patience: u32) -> Result<(), CompileError> {
        let start = (best.circuit.clone(), best.bound);
        if self.is_one_window(&best.circuit)? {
            return Ok(self.search_islands(&start, best, patience)?);
        }
        let mut current = best.circuit.clone();
        let mut stats = Stats::of(&current);
        self.error_bound = best.bound;
        let first_width = usize::from(stats.n_two_qubit >= LARGE_CX);
        self.is_deleting = self.begins_with_deletion(first_width);
        let (mut n_idle, mut n_stalled) = (0, 0);
        // The deleting passes of a large circuit have a patience of their own.
        while (self.is_deleting || n_idle < patience)
            && self.may_search()
            && !self.is_stopped()
            && self.error_bound <= self.limit()
        {
            if n_stalled >= STALLED_AFTER && self.has_room_for_islands(&best.figures) {
                return Ok(self.search_islands(&start, best, patience - n_idle)?);
            }
            self.n_searches += 1;
            let before = self.rank(&stats).leading();
            let pass = self.next_pass();
            self.n_deletions += u32::from(self.is_deleting);
            current = self.pass(pass, &self.cuts(pass, first_width), &current)?;
            stats = self.report_pass(pass, &current);
            let had = best.rank.leading();
            self.offer(best, &current, &stats);
            n_stalled = if best.rank.leading() < had || self.is_deleting { 0 } else { n_stalled + 1 };
            let gain = before.saturating_sub(self.rank(&stats).leading()) as f64;
            let min_gain = if self.is_deleting { LITTLE_DELETED } else { self.settings.min_gain };
            n_idle = if gain > min_gain * before as f64 { 0 } else { n_idle + 1 };
            if self.is_deleting && n_idle == NARROWER.len() as u32 {
                (self.is_deleting, n_idle) = (false, 0);
            }
            if !self.settings.block.objective.goes_on_from(&Figures::of_stats(&stats), &best.figures) {
                (current, self.error_bound) = (best.circuit.clone(), best.bound);
                stats = Stats::of(&current);
            }
        }
        Ok(())
    }

    /// Spends some of what is left of the budget. Returns whether the circuit has got better.
    fn approximate(&mut self, best: &mut Best) -> Result<bool, CompileError> {
        let Run { settings, engine, around, .. } = *self;
        let mut widths = APPROXIMATE_WIDTHS.map(|width| width.min(settings.block_size));
        if best.figures.n_two_qubit >= LARGE_CX {
            widths.reverse();
        }
        for (i, &width) in widths.iter().enumerate() {
            if self.is_stopped() || widths[..i].contains(&width) {
                continue;
            }
            let index = self.next_pass();
            let cuts = random_cuts(
                Options { max_cx: APPROXIMATE_CX, ..Options::new(width) },
                settings.block.seed,
                index,
                usize::MAX,
            );
            let budget = Budget { total: settings.epsilon_total, spent: best.bound };
            let pass = Pass { index, block: &settings.block, engine, around };
            let result = pass.run_approximate(&best.circuit, &cuts, budget)?;
            self.error_bound = best.bound + result.distance;
            self.records.extend(result.records);
            let circuit = self.merge(&result.circuit);
            let stats = self.report_pass(index, &circuit);
            if self.offer(best, &circuit, &stats) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Keeps a circuit, whose bound is `error_bound`, if it is better and within the limit.
    pub(crate) fn offer(&self, best: &mut Best, circuit: &Circuit, stats: &Stats) -> bool {
        let rank = self.rank(stats);
        let is_better = rank < best.rank && self.error_bound <= self.limit();
        if is_better {
            *best = Best { figures: Figures::of_stats(stats), rank, circuit: circuit.clone(), bound: self.error_bound };
        }
        is_better
    }

    /// Where a circuit with these figures stands in the order of preference.
    pub(crate) fn rank(&self, stats: &Stats) -> Rank {
        self.settings.block.objective.rank(&Figures::of_stats(stats))
    }

    /// Largest bound that a result may have.
    pub(crate) fn limit(&self) -> f64 {
        if self.settings.epsilon_total > 0.0 { self.settings.epsilon_total } else { f64::INFINITY }
    }

    pub(crate) fn may_search(&self) -> bool {
        self.n_searches < self.settings.max_passes
    }

    pub(crate) fn next_pass(&mut self) -> u32 {
        self.n_passes += 1;
        self.n_passes - 1
    }

    pub(crate) fn report_pass(&self, pass: u32, circuit: &Circuit) -> Stats {
        let stats = Stats::of(circuit);
        let (n_two_qubit, n_one_qubit) = (stats.n_two_qubit, stats.n_one_qubit);
        self.around.observer.event(Event::PassFinished { pass, n_two_qubit, n_one_qubit });
        stats
    }

    /// One pass over `circuit`; its records and distances are added to the run's.
    fn pass(&mut self, index: u32, cuts: &Options, circuit: &Circuit) -> Result<Circuit, CompileError> {
        let Run { engine, around, .. } = *self;
        let block = &self.block_settings(index);
        let result = Pass { index, block, engine, around }.run(circuit, cuts)?;
        self.error_bound += result.distance;
        self.records.extend(result.records);
        Ok(self.merge(&result.circuit))
    }

    /// The first passes of a search are short: the first rounds in a window gain most, and a run that
    /// is cut short should have been everywhere.
    fn block_settings(&self, pass: u32) -> BlockSettings {
        let mut block = self.settings.block.clone();
        match &mut block.flow {
            flow if self.is_deleting => *flow = Flow::Delete,
            Flow::Search { n_rounds } => {
                *n_rounds = (*n_rounds).min(FIRST_ROUNDS << (pass - self.n_deletions).min(16));
            }
            Flow::Delete => {}
        }
        block
    }

    /// Whether a search starts with deletion passes: on large circuits they take most of what there is
    /// to take in a fraction of the time.
    fn begins_with_deletion(&self, is_large: usize) -> bool {
        is_large == 1 && matches!(self.settings.block.flow, Flow::Search { .. })
    }

    /// Every pass but the first cuts at random, so that what lay on a border comes to lie inside.
    fn cuts(&self, pass: u32, first_width: usize) -> Options {
        let RunSettings { mut block_size, max_block_cx: mut max_cx, ref block, .. } = *self.settings;
        if self.is_deleting {
            (block_size, max_cx) = (block_size.min(DELETION_WIDTH), max_cx.min(DELETION_CX));
        }
        let (narrower, max_shift) = match block.flow {
            _ if self.is_deleting => (NARROWER[(first_width + pass as usize) % NARROWER.len()], MAX_SHIFT),
            Flow::Delete => (NARROWER[(first_width + pass as usize) % NARROWER.len()], MAX_SHIFT),
            Flow::Search { .. } => (0, max_cx),
        };
        let width = block_size.saturating_sub(narrower).max(block_size.min(3));
        let options = Options { max_cx, ..Options::new(width) };
        if pass > 0 { random_cuts(options, block.seed, pass, max_shift) } else { options }
    }

    /// Joins one-qubit gates where they meet, and cancels equal CX: the blocks do so only inside.
    fn merge(&mut self, circuit: &Circuit) -> Circuit {
        let merged = merge_circuit(circuit);
        self.error_bound += merged.bound;
        merged.circuit
    }

    /// What is known already is done first: who takes up a run and stops it at once has no less than before.
    pub(crate) fn is_stopped(&self) -> bool {
        !self.around.workshop.goes_on(self.around.stop.load(Ordering::Relaxed))
    }

    /// Compares the result with the input, and gives the input back if they differ.
    fn finish(self, input: &Circuit, best: Circuit) -> Compiled {
        self.around.observer.event(Event::Checking { n_qubits: input.n_qubits() });
        let was_stopped = self.is_stopped();
        let options = CompareOptions {
            max_updates: self.settings.max_check_updates,
            seed: self.settings.block.seed,
            ..CompareOptions::default()
        };
        let (comparison, difference) = match compare_circuits(input, &best, &options) {
            Ok(comparison) => (Some(comparison), contradiction(&comparison, self.error_bound)),
            Err(incomparable) if incomparable.is_difference() => (None, Some(incomparable.to_string())),
            Err(_) => (None, None),
        };
        let (circuit, error_bound) = if difference.is_some() { (input.clone(), 0.0) } else { (best, self.error_bound) };
        let Run { records, n_passes, .. } = self;
        Compiled { circuit, error_bound, records, n_passes, was_stopped, comparison, difference }
    }
}

/// The measured distance may exceed the bound by rounding only. NaN is a contradiction too.
fn contradiction(comparison: &Comparison, error_bound: f64) -> Option<String> {
    let (found, method) = (comparison.distance, comparison.method);
    let agrees = found <= error_bound + CHECK_ROUNDING;
    (!agrees).then(|| format!("the result is at distance {found:.3e} ({method}), the bound is {error_bound:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Unobserved;
    use bqc_circuit::{GateCall, Qubit};
    use bqc_instantiate::CpuEngine;

    /// Ends a run on `input` as if it had made `best` of it.
    fn finished(input: &Circuit, best: Circuit, error_bound: f64) -> Compiled {
        let settings = RunSettings {
            block_size: 3,
            max_block_cx: 10,
            max_passes: 1,
            patience: 6,
            min_gain: 0.0,
            epsilon_total: 0.0,
            n_threads: 1,
            block: BlockSettings::default(),
            max_check_updates: 1e9,
        };
        let (engine, stop, records) = (CpuEngine::new(), AtomicBool::new(false), Vec::new());
        let run = Run {
            settings: &settings,
            engine: &engine,
            around: Around { workshop: &InProcess(&engine), stop: &stop, observer: &Unobserved },
            n_passes: 1,
            n_searches: 1,
            is_deleting: false,
            n_deletions: 0,
            error_bound,
            records,
        };
        run.finish(input, best)
    }

    fn rotated(angle: f64) -> Circuit {
        let mut circuit = Circuit::with_qubits(2);
        circuit.push(GateCall::cx(Qubit(0), Qubit(1)));
        circuit.push(GateCall::u3([angle, 0.0, 0.0], Qubit(1)));
        circuit
    }

    #[test]
    fn a_wrong_result_is_an_internal_error_and_gives_the_input_back() {
        for wrong in [rotated(0.3 + 1e-9), rotated(f64::NAN), Circuit::with_qubits(2), Circuit::with_qubits(3)] {
            let compiled = finished(&rotated(0.3), wrong, 1e-12);
            assert!(compiled.difference.is_some());
            assert_eq!((compiled.circuit, compiled.error_bound), (rotated(0.3), 0.0));
        }
    }

    #[test]
    fn a_difference_within_the_bound_is_none() {
        let compiled = finished(&rotated(0.3), rotated(0.3 + 1e-9), 1e-9);
        assert_eq!((compiled.difference, compiled.circuit), (None, rotated(0.3 + 1e-9)));
        assert!(compiled.comparison.is_some_and(|c| c.distance > 1e-10));
    }

    #[test]
    fn a_circuit_too_wide_to_compare_is_none_either() {
        let wide = |n: u32| {
            let mut circuit = Circuit::with_qubits(n);
            (1..n).for_each(|q| circuit.push(GateCall::cx(Qubit(0), Qubit(q))));
            circuit
        };
        let compiled = finished(&wide(30), wide(30), 0.0);
        assert_eq!((compiled.difference, compiled.comparison), (None, None));
    }
}
