//! One run: the loop that carries out the steps of the strategy.
//!
//! What to do next is decided in `strategy.rs` alone, from the records that the loop keeps of its steps.

use crate::approximate::Budget;
use crate::exact::Exact;
use crate::kept::keeps_angles;
use crate::observer::{Event, Observer};
use crate::pass::{Pass, PassResult};
use crate::round::Around;
use crate::strategy::{self, Beginning, Cuts, Origin, PAIRS, Record, Step, Why};
use crate::version::Version;
use crate::workshop::{InProcess, Workshop};
use bqc_circuit::{Circuit, Directive, Operation, Qubit};
use bqc_instantiate::Engine;
use bqc_native::GateSet;
use bqc_optimize::{BlockSettings, Flow, n_generic};
use bqc_partition::{PartitionError, partition};
use bqc_verify::{Comparison, Fault, Incomparable, LoweringError, Output, VerifiedCircuit};
use bqc_wire::{BlockRecord, BlockTotals};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// What a run is asked to do. Its defaults and its text form stand in `settings.rs`.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Most wires of a block, 2 to 12.
    pub block_size: usize,
    /// Most CX gates of a block, at least 1: the time of a block grows faster than its gates.
    pub max_block_cx: usize,
    /// Most passes over the circuit that keep its unitary; those that approximate end by themselves.
    pub max_passes: u32,
    /// Rounds of exact passes over the whole circuit at the beginning. 0: none; 1: the light passes; `n` more: `n` rounds
    /// of the searches over Pauli blocks and CX networks, each twice as long as the one before, while they gain.
    pub exact_passes: u32,
    /// Passes with little gain, one after another, before a run ends; at least 1.
    pub patience: u32,
    /// What share of the objective's leading figure (by default the two-qubit gates) a pass has to
    /// remove so that its gain is not little.
    pub min_gain: f64,
    /// Times that a search begins again, one after another without a better circuit, before the run ends. Where a search ends depends on chance, by some per cent of the gates.
    pub restarts: u32,
    /// Whether the output may leave qubits on other wires than the input does ([`Output::moved`]).
    pub permutes_output: bool,
    /// Largest phase distance of the whole result from the input. What identities leave of it is
    /// spent on approximations once they gain little. Zero: identities only, and no limit on their
    /// rounding.
    pub epsilon_total: f64,
    /// Worker threads, at least 1.
    pub n_threads: usize,
    /// What is done in each block; its seed is that of the cuts and of the comparison too.
    pub block: BlockSettings,
    /// The gates in which the result is written.
    pub gates: GateSet,
    /// Most amplitude updates that the comparison of whole circuits may take; zero: they are not compared.
    pub max_check_updates: f64,
    /// Remember every pass, so that the result can be proven ([`Output::edits`]).
    pub is_recorded: bool,
    /// Keep a record of every block of every pass: hundreds of bytes each.
    pub has_block_records: bool,
}

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
    /// A gate lowers to something else: a fault of bqc.
    #[error(transparent)]
    Lowering(#[from] LoweringError),
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
    pub output: Output,
    /// How the blocks of all passes ended.
    pub totals: BlockTotals,
    /// One record per block and pass, in order, if they are kept.
    pub records: Vec<BlockRecord>,
    /// Passes that were begun.
    pub n_passes: u32,
    /// Whether `stop` ended the run early.
    pub was_stopped: bool,
    /// The comparison of the whole circuits, or why there is none: most often they are too large for one.
    pub comparison: Result<Comparison, Incomparable>,
    /// In words, how that comparison contradicts the error bound: a fault of bqc.
    pub difference: Option<String>,
    /// What the verifier refused of what bqc itself had made of whole circuits; each time the circuit before it stayed.
    pub faults: Vec<Fault>,
}

impl Compiled {
    /// The gates to be written.
    pub fn circuit(&self) -> &Circuit {
        self.output.circuit()
    }

    /// Whether its gates have names, and its angles are to be written as multiples of π.
    pub fn is_named(&self) -> bool {
        self.output.is_named()
    }

    /// The qubits that the new circuit leaves on another wire: see [`Output::moved`].
    pub fn moved(&self) -> Vec<[Qubit; 2]> {
        self.output.moved()
    }

    /// Whether it is in the gates of the set that was asked for, if that is another one than the default.
    pub fn is_native(&self) -> bool {
        self.output.is_native()
    }

    /// Largest possible phase distance of the new circuit, with its qubits back on their wires, and the input.
    pub fn error_bound(&self) -> f64 {
        self.output.bound()
    }
}

/// What ends a run early: flags that somebody else sets.
#[derive(Clone, Copy, Debug)]
pub struct Ends<'a> {
    /// Ends the search, soon after it is set, with the best circuit so far: see [`Workshop::goes_on`].
    pub search: &'a AtomicBool,
    /// Ends the comparison of whole circuits, or lets it not begin. The error bound does not depend on it.
    pub check: &'a AtomicBool,
}

/// For what nothing ends.
static NEVER: AtomicBool = AtomicBool::new(false);

/// The search alone is ended by it.
impl<'a> From<&'a AtomicBool> for Ends<'a> {
    fn from(search: &'a AtomicBool) -> Ends<'a> {
        Ends { search, check: &NEVER }
    }
}

/// Rewrites `circuit` with fewer two-qubit gates.
///
/// Stops early, with the best circuit so far, soon after `stop` is set: see [`Workshop::goes_on`]. `observer` is called from the
/// worker threads. These are started for the run, unless the calling thread belongs to a rayon pool of as many.
pub fn compile(
    circuit: &Circuit,
    settings: &Settings,
    engine: &dyn Engine,
    stop: &AtomicBool,
    observer: &dyn Observer,
) -> Result<Compiled, CompileError> {
    compile_in(&InProcess(engine), circuit, settings, engine.family(), stop, observer)
}

/// The same with its blocks rebuilt and approximated in `workshop`. The name of the engine's `family` is part of the
/// name of every unit.
pub fn compile_in<'a>(
    workshop: &dyn Workshop,
    circuit: &Circuit,
    settings: &Settings,
    family: &str,
    ends: impl Into<Ends<'a>>,
    observer: &dyn Observer,
) -> Result<Compiled, CompileError> {
    refuse_opaque(circuit)?;
    let Ends { search: stop, check } = ends.into();
    let work = || {
        let around = Around { workshop, stop, observer };
        let mut run = Run::new(settings, family, around);
        let (best, why) = run.carry_out(circuit)?;
        let best = if keeps_angles(settings) { run.spelled(best) } else { best };
        Ok(run.finish(circuit, Arc::unwrap_or_clone(best), why, check))
    };
    let n_threads = settings.n_threads;
    if rayon::current_thread_index().is_some() && rayon::current_num_threads() == n_threads {
        return work();
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build();
    pool.map_err(|e| CompileError::Threads { n_threads, reason: e.to_string() })?.install(work)
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

/// A run under way.
pub(crate) struct Run<'a> {
    pub settings: &'a Settings,
    /// Name of the engine's family.
    pub family: &'a str,
    pub around: Around<'a>,
    /// Passes begun.
    pub n_passes: u32,
    pub(crate) totals: BlockTotals,
    pub(crate) records: Vec<BlockRecord>,
    pub(crate) faults: Vec<Fault>,
    /// Circuits at the end beside the best one, which may have fewer gates in another gate set.
    pub(crate) others: Vec<Arc<Version>>,
}

/// The circuits between which a strategy chooses.
struct Versions {
    best: Arc<Version>,
    /// What the last step left.
    last: Arc<Version>,
    /// The best when the present search began.
    start: Arc<Version>,
    /// The input after the light passes.
    written: Arc<Version>,
    /// Whether all gates of that are over Clifford and T.
    is_clifford_t: bool,
    /// The best circuit before the last restart.
    before: Option<Arc<Version>>,
}

impl Versions {
    /// Puts the best circuit aside and goes to the one with which a search begins again.
    fn restart(&mut self, beginning: Beginning, settings: &Settings) {
        let best = self.best_of_all(settings);
        let from = if beginning == Beginning::Best { best.clone() } else { self.written.clone() };
        self.before = Some(best);
        self.best = from.clone();
        self.start = from.clone();
        self.last = from;
    }

    /// The best circuit of all restarts; of equals the first.
    fn best_of_all(&self, settings: &Settings) -> Arc<Version> {
        let rank = |version: &Arc<Version>| settings.block.objective.rank(&version.figures);
        match &self.before {
            Some(before) if rank(before) <= rank(&self.best) => before.clone(),
            _ => self.best.clone(),
        }
    }
}

impl<'a> Run<'a> {
    pub(crate) fn new(settings: &'a Settings, family: &'a str, around: Around<'a>) -> Run<'a> {
        let (totals, records, faults, others) = (BlockTotals::default(), Vec::new(), Vec::new(), Vec::new());
        Run { settings, family, around, n_passes: 0, totals, records, faults, others }
    }

    /// Carries out one step after another, and gives the best circuit and why the run ended.
    fn carry_out(&mut self, circuit: &Circuit) -> Result<(Arc<Version>, Why), CompileError> {
        let lowered = Arc::new(Version::new(VerifiedCircuit::lower(circuit, self.settings.is_recorded)?));
        let [best, last, start, written] = [(); 4].map(|()| lowered.clone());
        let mut at = Versions { best, last, start, written, is_clifford_t: false, before: None };
        let mut history = Vec::new();
        loop {
            let step = strategy::next(&history, self.settings);
            let (from, had_passes) = (self.origin(&at, &step), self.n_passes);
            at.last = match step {
                Step::Done(why) => {
                    self.others = vec![at.written.clone(), at.start.clone()];
                    return Ok((at.best_of_all(self.settings), why));
                }
                Step::Restart(beginning) => {
                    at.restart(beginning, self.settings);
                    let n_two_qubit = at.best_of_all(self.settings).figures.n_two_qubit;
                    self.around.observer.event(Event::Restarted { n_two_qubit });
                    at.last.clone()
                }
                Step::Rewrite => Arc::new(self.merged(from.circuit.clone())),
                Step::Exact { exact, size } => self.exact(exact, size, &from),
                Step::CliffordT { cuts } => self.clifford_t(cuts, &from, &at.written)?,
                Step::Walk { exact } => {
                    let walked = self.exact(exact, 1, &from);
                    Arc::new(self.merged(walked.circuit.clone()))
                }
                Step::Pairs => self.pass(Flow::Delete, 0, PAIRS, &from)?,
                Step::Delete { cuts, .. } => self.pass(Flow::Delete, self.settings.block.starts, cuts, &from)?,
                Step::Search { cuts, n_rounds, .. } => {
                    self.pass(Flow::Search { n_rounds }, self.settings.block.starts, cuts, &from)?
                }
                Step::Race(terms) => {
                    let starts = self.starts(&at);
                    self.race(terms, &starts, &from)?
                }
                Step::Approximate { cuts } => self.approximate(cuts, &from)?,
            };
            let is_better =
                strategy::is_kept(&step, &at.last.figures, at.last.bound(), &at.best.figures, self.settings);
            if is_better {
                at.best = at.last.clone();
            }
            if strategy::begins_search(&step, is_better) {
                at.start = at.best.clone();
            }
            if strategy::keeps_structure(&step) {
                at.written = at.best.clone();
                at.is_clifford_t = n_generic(at.written.circuit.circuit().gates()) == 0;
            }
            history.push(Record {
                step,
                n_passes: self.n_passes - had_passes,
                before: from.figures,
                after: at.last.figures,
                bound: at.last.bound(),
                best: at.best.figures,
                is_better,
                is_one_window: strategy::asks_for_windows(&step, is_better, self.settings)
                    && self.is_one_window(&at.best)?,
                is_clifford_t: at.is_clifford_t,
                end: self.end(),
            });
        }
    }

    /// The circuit from which a step goes on.
    fn origin(&mut self, at: &Versions, step: &Step) -> Arc<Version> {
        match step {
            Step::Delete { from, .. } | Step::Search { from, .. } => match from {
                Origin::Last => at.last.clone(),
                Origin::Best => at.best.clone(),
                Origin::Written => Arc::new(self.merged(at.written.circuit.clone())),
            },
            _ => at.best.clone(),
        }
    }

    /// The circuits with which walkers begin: the best when the search began, and the input after the light passes if
    /// that is another one.
    fn starts(&mut self, at: &Versions) -> Vec<Arc<Version>> {
        let written = self.merged(at.written.circuit.clone());
        let is_other = written.figures != at.start.figures;
        [at.start.clone()].into_iter().chain(is_other.then(|| Arc::new(written))).collect()
    }

    /// One pass of exact rewritings.
    fn exact(&mut self, exact: Exact, size: u32, from: &Version) -> Arc<Version> {
        let index = self.next_pass();
        let pass = Pass { index, block: &self.settings.block, family: self.family, around: self.around };
        let PassResult { circuit, fault, records } =
            pass.run_exact(&from.circuit, exact, size, self.settings.permutes_output);
        self.count(fault, records);
        let version = Version::new(circuit);
        self.report_pass(index, &version);
        Arc::new(version)
    }

    /// Gates made Clifford+T gates, if there are more that are not than in the circuit as written.
    fn clifford_t(
        &mut self,
        all_cuts: [Cuts; 3],
        from: &Arc<Version>,
        written: &Version,
    ) -> Result<Arc<Version>, PartitionError> {
        let n_generic = |version: &Version| n_generic(version.circuit.circuit().gates());
        let mut version = from.clone();
        if n_generic(from) <= n_generic(&self.merged(written.circuit.clone())) {
            return Ok(version);
        }
        for cuts in all_cuts {
            let index = self.next_pass();
            let block = &self.settings.block;
            let pass = Pass { index, block, family: self.family, around: self.around };
            let result = pass.run_clifford_t(&version.circuit, &cuts.options(block.seed, index))?;
            version = self.made(index, result);
        }
        Ok(version)
    }

    /// One pass that keeps the unitary.
    fn pass(&mut self, flow: Flow, starts: usize, cuts: Cuts, from: &Version) -> Result<Arc<Version>, PartitionError> {
        let index = self.next_pass();
        let block = &BlockSettings { flow, starts, ..self.settings.block.clone() };
        let pass = Pass { index, block, family: self.family, around: self.around };
        let result = pass.run(&from.circuit, &cuts.options(block.seed, index))?;
        Ok(self.made(index, result))
    }

    /// One pass that spends some of what is left of the budget.
    fn approximate(&mut self, cuts: Cuts, from: &Version) -> Result<Arc<Version>, PartitionError> {
        let index = self.next_pass();
        let block = &self.settings.block;
        let budget = Budget { total: self.settings.epsilon_total, spent: from.bound() };
        let pass = Pass { index, block, family: self.family, around: self.around };
        let result = pass.run_approximate(&from.circuit, &cuts.options(block.seed, index), budget)?;
        Ok(self.made(index, result))
    }

    /// What a pass has made, merged.
    fn made(&mut self, index: u32, result: PassResult) -> Arc<Version> {
        let version = Arc::new(self.landed(result));
        self.report_pass(index, &version);
        version
    }

    /// Takes over what a pass has made.
    pub(crate) fn landed(&mut self, PassResult { circuit, fault, records }: PassResult) -> Version {
        self.count(fault, records);
        self.merged(circuit)
    }

    fn count(&mut self, fault: Option<Fault>, records: Vec<BlockRecord>) {
        self.totals.add(&BlockTotals::of(&records));
        if self.settings.has_block_records {
            self.records.extend(records);
        }
        self.faults.extend(fault);
    }

    fn merged(&mut self, circuit: VerifiedCircuit) -> Version {
        Version::merged(circuit, self.settings.block.sabotage, &mut self.faults)
    }

    /// Whether windows of full size cut this circuit into one that has CX gates.
    fn is_one_window(&self, version: &Version) -> Result<bool, PartitionError> {
        let cuts = strategy::one_window(self.settings).options(self.settings.block.seed, 0);
        let partition = partition(version.circuit.circuit(), &cuts)?;
        Ok(partition.blocks().filter(|block| block.circuit.n_cx() > 0).count() == 1)
    }

    pub(crate) fn next_pass(&mut self) -> u32 {
        self.n_passes += 1;
        self.n_passes - 1
    }

    pub(crate) fn report_pass(&self, pass: u32, version: &Version) {
        let (n_two_qubit, n_one_qubit) = (version.figures.n_two_qubit, version.figures.n_one_qubit);
        self.around.observer.event(Event::PassFinished { pass, n_two_qubit, n_one_qubit });
    }

    /// Why the run has to end now, if it has to.
    pub(crate) fn end(&self) -> Option<Why> {
        if !self.faults.is_empty() { Some(Why::Refused) } else { self.is_stopped().then_some(Why::Stopped) }
    }

    /// Whether the run was stopped. Results that are known already are still taken, so that a run that is taken up
    /// and stopped at once has no less than before.
    pub(crate) fn is_stopped(&self) -> bool {
        !self.around.workshop.goes_on(self.around.stop.load(Ordering::Relaxed))
    }
}
