//! The unit of work, and who does it.
//!
//! A pass asks a [`Workshop`] for each of its blocks: this process, a pool of others, a journal that has
//! the result already. Whoever it is, a [`Unit`]'s result is a function of the unit and the engine alone
//! (unless it was stopped), and what comes from outside this process counts only after
//! [`Unit::check`] has checked it here. Long work leaves a trail of [`CheckpointRecord`]s, from each of which
//! anybody goes on to the same result.

use bqc_circuit::BlockCircuit;
use bqc_instantiate::{Engine, Solver};
use bqc_linalg::Stream;
use bqc_optimize::search::{SearchCounts, WindowResult, WindowState};
use bqc_optimize::{BlockSettings, Context, Flow, Objective, Reason, Sabotage, Shortened, optimize_block, shorten};
use bqc_verify::{Composition, Rejected, VerifiedBlock};
use bqc_wire::{BlockForm, CheckpointRecord, FormError, Outcome, SolvedRecord, UnitFlow, UnitKey, UnitRecord};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Does units of work. Called from many threads at once, each of which waits for its answer.
pub trait Workshop: Sync {
    /// Whatever goes wrong, the unit's own block comes out and the reason with it. Comes back soon
    /// after `stop` is set.
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved;

    /// Asked before each step of a run: whether it goes on. `is_to_stop`: the caller's flag says that it shall not.
    ///
    /// A workshop may end a run that nothing stops, because something is missing. It may also go on for some seconds
    /// with answers that are there already, so that a run that is taken up comes to where it was before it ends.
    fn goes_on(&self, is_to_stop: bool) -> bool {
        !is_to_stop
    }

    /// The same as [`Workshop::solve`] along a trail. A workshop that knows of none begins at the beginning.
    fn solve_along(&self, unit: &Unit, _trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        self.solve(unit, stop)
    }

    /// Does all units of one pass, all of them different, hardest first, and tells `bench` of each. Called
    /// from a thread of a rayon pool.
    ///
    /// Unless a workshop does better: every thread of the pool takes the hardest unit that is left, so that
    /// what is begun last is short and the threads end together.
    fn solve_all(&self, units: &[&Unit], stop: &AtomicBool, bench: &dyn Bench) {
        let next = AtomicUsize::new(0);
        rayon::broadcast(|_| {
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                let Some(unit) = units.get(i) else { break };
                bench.begun(i);
                bench.done(i, self.solve(unit, stop));
            }
        });
    }
}

/// Where the work at a unit begins, and who is told how far it has come.
pub struct Trail<'a> {
    /// Where somebody else has left it; none: at its beginning. What is no such state is left out.
    pub from: Option<CheckpointRecord>,
    /// Called with each state that somebody may go on from, from the thread that asked for the work.
    pub note: &'a mut dyn FnMut(CheckpointRecord),
}

/// Where the results of many units go; from any thread, in any order.
pub trait Bench: Sync {
    /// The unit in this place is begun here. Nobody says so of a result that was there already.
    fn begun(&self, index: usize);

    /// The unit in this place is done. Only the first result of each counts.
    fn done(&self, index: usize, solved: Solved);
}

/// Does them in this process, on the calling thread.
pub struct InProcess<'a>(pub &'a dyn Engine);

impl Workshop for InProcess<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        unit.solve(self.0, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        unit.solve_along(self.0, trail, stop)
    }
}

/// A block and all that decides what becomes of it.
#[derive(Clone, Debug)]
pub struct Unit {
    block: BlockCircuit,
    /// All but the block, which it leaves empty.
    record: UnitRecord,
    key: UnitKey,
    solver: Solver,
    objective: Objective,
    /// For tests of the verifier; no part of the unit's name.
    sabotage: Option<Sabotage>,
}

/// A unit that is done.
#[derive(Clone, Debug)]
pub struct Solved {
    /// What replaces the block.
    pub verified: VerifiedBlock,
    /// How it ended.
    pub outcome: Outcome,
    /// Calls of the solver.
    pub instantiations: u64,
    /// Why it ended so, in words.
    pub reason: String,
    /// Whether the same unit would always end so: it was not cut short and nothing broke. Only such
    /// results are worth keeping.
    pub is_final: bool,
    /// Process id of the worker that has found it, if it was not this process.
    pub worker: Option<u32>,
}

/// Why bytes from outside are not a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnitError {
    /// One of its blocks is not a block.
    #[error(transparent)]
    Form(#[from] FormError),
    /// Its solver is not in [`Solver::ALL`].
    #[error("there is no solver of code {code}")]
    Solver {
        /// What stands in its place.
        code: u8,
    },
    /// Its objective is not in [`Objective::ALL`].
    #[error("there is no objective of code {code}")]
    Objective {
        /// What stands in its place.
        code: u8,
    },
}

/// Why a result from outside is not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Refused {
    /// It is no block.
    #[error(transparent)]
    Form(#[from] FormError),
    /// It is not the same unitary, or not within the tolerance.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// It has more two-qubit gates than the block.
    #[error("the result has {found} CX where the block has {original}")]
    Longer {
        /// CX gates of the result.
        found: usize,
        /// CX gates of the block.
        original: usize,
    },
    /// A state that a search of this unit does not come to.
    #[error("a search of {n_rounds} rounds does not come to such a state")]
    NoState {
        /// Rounds of the unit's search; 0 if it has none.
        n_rounds: u64,
    },
    /// It is called better and is not.
    #[error("the result is said to be better than the block, and is not")]
    NoBetter,
}

impl Unit {
    /// The unit of one try (`start`) at one block in one pass, with an engine of that family.
    pub fn new(block: &BlockCircuit, settings: &BlockSettings, pass: u32, start: usize, engine: &str) -> Unit {
        let flow = match settings.flow {
            _ if settings.starts == 0 => UnitFlow::ClosedForm,
            Flow::Delete => UnitFlow::Delete,
            Flow::Search { n_rounds } => UnitFlow::Search { n_rounds: n_rounds as u64 },
        };
        let BlockSettings { solver, objective, tolerance, seed, sabotage, .. } = *settings;
        let record = UnitRecord {
            block: BlockForm::from(block),
            flow,
            solver: solver.code(),
            objective: objective.code(),
            tolerance,
            seed,
            pass,
            start: start as u32,
            engine: engine.to_string(),
        };
        Unit::of(block.clone(), record, solver, objective).sabotaged(sabotage)
    }

    /// The unit that these bytes, which hold `block`, name.
    fn of(block: BlockCircuit, record: UnitRecord, solver: Solver, objective: Objective) -> Unit {
        let key = record.key();
        let empty = BlockForm { width: record.block.width, gates: Vec::new() };
        Unit { block, key, record: UnitRecord { block: empty, ..record }, solver, objective, sabotage: None }
    }

    /// The unit of making `from`, which stands for the block at that distance, shorter by one or two CX, within
    /// `tolerance` of the block. Nothing in it is left to chance, so it is the same in every pass and for every seed.
    pub fn shortening(block: &BlockCircuit, from: &BlockCircuit, distance: f64, tolerance: f64, engine: &str) -> Unit {
        let settings = BlockSettings { tolerance, ..BlockSettings::default() };
        let unit = Unit::new(block, &settings, 0, 0, engine);
        let flow = UnitFlow::Shorten { from: BlockForm::from(from), distance };
        let record = UnitRecord { flow, ..unit.to_record() };
        Unit::of(unit.block, record, unit.solver, unit.objective)
    }

    /// The unit of one try at an exact rewriting (`flow`) of a region in one pass. No engine has to do with it.
    pub(crate) fn rewriting(
        block: &BlockCircuit,
        flow: UnitFlow,
        settings: &BlockSettings,
        pass: u32,
        start: usize,
    ) -> Unit {
        let unit = Unit::new(block, settings, pass, start, "");
        let record = UnitRecord { flow, ..unit.to_record() };
        Unit::of(unit.block, record, unit.solver, unit.objective)
    }

    /// The unit in bytes that came from elsewhere.
    pub fn from_record(record: UnitRecord) -> Result<Unit, UnitError> {
        if let UnitFlow::Shorten { from, .. } = &record.flow {
            BlockCircuit::try_from(from)?;
        }
        let block = BlockCircuit::try_from(&record.block)?;
        let solver = Solver::from_code(record.solver).ok_or(UnitError::Solver { code: record.solver })?;
        let objective =
            Objective::from_code(record.objective).ok_or(UnitError::Objective { code: record.objective })?;
        Ok(Unit::of(block, record, solver, objective))
    }

    /// The same unit, with a fault planted in its work.
    #[doc(hidden)]
    pub fn sabotaged(self, sabotage: Option<Sabotage>) -> Unit {
        Unit { sabotage, ..self }
    }

    /// Its name.
    pub fn key(&self) -> UnitKey {
        self.key
    }

    /// Which of several tries it is, from 0.
    pub(crate) fn start(&self) -> u32 {
        self.record.start
    }

    /// In bytes.
    pub fn to_record(&self) -> UnitRecord {
        UnitRecord { block: BlockForm::from(&self.block), ..self.record.clone() }
    }

    /// What is to be rebuilt.
    pub fn block(&self) -> &BlockCircuit {
        &self.block
    }

    /// How much work it is at most, roughly in proportion to the time: CX gates times rounds, and four times as
    /// much for each wire above five that is fitted and compared over all columns. A search does neither: it
    /// cuts its windows into blocks of five wires.
    pub fn work(&self) -> f64 {
        let n_wires_above = i32::from(self.block.width()) - 5;
        let factor = match self.record.flow {
            UnitFlow::ClosedForm | UnitFlow::Delete | UnitFlow::Shorten { .. } => 4f64.powi(n_wires_above.max(0)),
            UnitFlow::Search { n_rounds } => n_rounds.max(1) as f64,
            UnitFlow::Light => 1.0,
            // The numbers grow with the gates themselves.
            UnitFlow::Paulis { n_moves } => return n_moves as f64,
            UnitFlow::PathSums { n_proposals } => return n_proposals as f64 * 0.01,
        };
        self.block.n_cx() as f64 * factor
    }

    fn settings(&self) -> BlockSettings {
        let UnitRecord { tolerance, seed, .. } = self.record;
        let (flow, starts) = match self.record.flow {
            UnitFlow::ClosedForm | UnitFlow::Shorten { .. } => (Flow::Delete, 0),
            UnitFlow::Light | UnitFlow::Paulis { .. } | UnitFlow::PathSums { .. } => (Flow::Delete, 0),
            UnitFlow::Delete => (Flow::Delete, 1),
            UnitFlow::Search { n_rounds } => (Flow::Search { n_rounds: n_rounds as usize }, 1),
        };
        let Unit { solver, objective, sabotage, .. } = *self;
        BlockSettings { flow, starts, solver, objective, tolerance, seed, sabotage }
    }

    /// The result, if the unit asks for the light passes alone: no engine has to do with them.
    pub fn solve_light(&self) -> Option<Solved> {
        if self.record.flow != UnitFlow::Light {
            return None;
        }
        let (verified, outcome, reason) = self.rewritten(&UnitFlow::Light, &AtomicBool::new(false));
        let is_final = outcome != Outcome::Failed;
        Some(Solved { verified, outcome, instantiations: 0, reason, is_final, worker: None })
    }

    /// Does the work, here and now. It is final unless it was cut short or the engine, for this unit or
    /// for another one meanwhile, had to leave work to another engine.
    pub fn solve(&self, engine: &dyn Engine, stop: &AtomicBool) -> Solved {
        self.solve_along(engine, Trail { from: None, note: &mut |_| {} }, stop)
    }

    /// The same along a trail, to the same result. A state that this unit's search cannot have come to is left out.
    pub fn solve_along(&self, engine: &dyn Engine, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let context = Context { engine, stop };
        let n_substituted = engine.n_substituted();
        let work = || {
            if let UnitFlow::Shorten { from, distance } = &self.record.flow {
                return self.shorten(context, from, *distance);
            }
            if matches!(self.record.flow, UnitFlow::Light | UnitFlow::Paulis { .. } | UnitFlow::PathSums { .. }) {
                let (verified, outcome, reason) = self.rewritten(&self.record.flow, stop);
                return (verified, outcome, 0, reason);
            }
            let from = trail.from.and_then(|record| self.check_state(&record).ok());
            // Whoever goes on from a state gives what the engine itself would give.
            let note = &mut |state: &WindowState| {
                if engine.n_substituted() == n_substituted {
                    (trail.note)(state_record(state));
                }
            };
            let trail = bqc_optimize::Trail { from, note };
            let settings = self.settings();
            let stream = settings.stream(self.key.stream_key(), self.record.start as usize);
            let (block, report) = optimize_block(context, &self.block, &settings, stream, trail);
            (block, outcome(&report.reason), report.instantiations, report.reason.to_string())
        };
        match catch_unwind(AssertUnwindSafe(work)) {
            Ok((verified, outcome, instantiations, reason)) => {
                let is_own = engine.n_substituted() == n_substituted;
                let is_final = is_own && outcome != Outcome::Failed && !stop.load(Ordering::Relaxed);
                let instantiations = instantiations as u64;
                Solved { verified, outcome, instantiations, reason, is_final, worker: None }
            }
            Err(payload) => self.failed(format!("the block's task panicked: {}", panic_text(payload.as_ref()))),
        }
    }

    /// What is shorter and near enough, or the block.
    fn shorten(
        &self,
        context: Context<'_>,
        from: &BlockForm,
        distance: f64,
    ) -> (VerifiedBlock, Outcome, usize, String) {
        let shortened = match BlockCircuit::try_from(from) {
            Ok(from) => shorten(context, &self.block, &from, distance, self.record.tolerance),
            Err(_) => Shortened::default(),
        };
        let (outcome, reason) = match &shortened.block {
            Some(_) => (Outcome::Improved, "approximated"),
            None => (Outcome::Unchanged, "unchanged: nothing shorter is near enough"),
        };
        let block = shortened.block.unwrap_or_else(|| VerifiedBlock::unchanged(self.block.clone()));
        (block, outcome, shortened.n_descents, reason.into())
    }

    /// The block as it was, for a fault that `reason` names.
    pub fn failed(&self, reason: String) -> Solved {
        let verified = VerifiedBlock::unchanged(self.block.clone());
        Solved { verified, outcome: Outcome::Failed, instantiations: 0, reason, is_final: false, worker: None }
    }

    /// The block as it was, because the run ends.
    pub fn stopped(&self) -> Solved {
        let reason = "unchanged: stopped before anything was found".into();
        Solved { outcome: Outcome::Unchanged, ..self.failed(reason) }
    }

    /// Checks a state from outside as [`Unit::check`] does a result: it is this block, as near as it says.
    fn check_state(&self, record: &CheckpointRecord) -> Result<WindowState, Refused> {
        let same = |form: &BlockForm, bound: f64| -> Result<Composition, Refused> {
            let candidate = BlockCircuit::try_from(form)?;
            let (found, original) = (candidate.n_cx(), self.block.n_cx());
            if found > original {
                return Err(Refused::Longer { found, original });
            }
            Ok(Composition::resume(&self.block, candidate, bound, self.record.tolerance)?)
        };
        let CheckpointRecord { bound, rescan, .. } = *record;
        let n_rounds = if let UnitFlow::Search { n_rounds } = self.record.flow { n_rounds } else { 0 };
        let has_good = self.objective != Objective::Cx;
        if record.n_rounds == 0 || record.n_rounds > n_rounds || record.last_good.is_some() != has_good {
            return Err(Refused::NoState { n_rounds });
        }
        let [n_deletions, n_moves, n_accepted, n_removed, n_iterations] = record.counts.map(|n| n as usize);
        let counts = SearchCounts { n_deletions, n_moves, n_accepted, n_removed, n_iterations };
        let last_good = record.last_good.as_ref().map(|(form, bound)| same(form, *bound));
        Ok(WindowState {
            n_rounds: record.n_rounds as usize,
            result: WindowResult { composition: same(&record.block, bound)?, counts, fault: None },
            last_good: last_good.transpose()?,
            rescan,
            stream: Stream::at(record.stream),
        })
    }

    /// What a search that is not done had found in a state from outside.
    pub fn left_at(&self, state: &CheckpointRecord) -> Result<Solved, Refused> {
        let (block, distance) = state.last_good.clone().unwrap_or_else(|| (state.block.clone(), state.bound));
        let rank = |block: &BlockCircuit| self.objective.rank_block(block);
        let is_better = rank(&BlockCircuit::try_from(&block)?) < rank(&self.block);
        let (outcome, reason) =
            if is_better { (Outcome::Improved, "improved") } else { (Outcome::Unchanged, "unchanged") };
        let (instantiations, reason) = (state.counts[0] + state.counts[1], format!("{reason}: stopped in its search"));
        self.check(&SolvedRecord { block, distance, instantiations, outcome, reason }, false)
    }

    /// Whether a candidate is better than the block, by the unit's objective.
    pub(crate) fn is_better(&self, candidate: &BlockCircuit) -> bool {
        self.objective.rank_block(candidate) < self.objective.rank_block(&self.block)
    }

    /// A candidate in the block's place, if that can be proved or measured.
    pub(crate) fn verified(&self, candidate: BlockCircuit) -> Result<VerifiedBlock, Rejected> {
        VerifiedBlock::check(&self.block, candidate, self.record.tolerance)
    }

    /// Which of two results is the better one; the first if they are equally good.
    pub fn better(&self, first: Solved, second: Solved) -> Solved {
        let rank = |solved: &Solved| self.objective.rank_block(solved.verified.circuit());
        if rank(&second) < rank(&first) { second } else { first }
    }

    /// Checks a result from outside, by measuring it as far as [`VerifiedBlock::check_claim`] does. `is_final`: it was
    /// not cut short.
    pub fn check(&self, result: &SolvedRecord, is_final: bool) -> Result<Solved, Refused> {
        let candidate = BlockCircuit::try_from(&result.block)?;
        let (found, original) = (candidate.n_cx(), self.block.n_cx());
        if found > original {
            return Err(Refused::Longer { found, original });
        }
        let (outcome, objective) = (result.outcome, self.objective);
        if let UnitFlow::Shorten { from, .. } = &self.record.flow
            && outcome == Outcome::Improved
            && found >= BlockCircuit::try_from(from)?.n_cx()
        {
            return Err(Refused::NoBetter);
        }
        if outcome == Outcome::Improved && objective.rank_block(&candidate) >= objective.rank_block(&self.block) {
            return Err(Refused::NoBetter);
        }
        let verified = if candidate == self.block {
            VerifiedBlock::unchanged(candidate)
        } else {
            VerifiedBlock::check_claim(&self.block, candidate, result.distance, self.record.tolerance)?
        };
        let (instantiations, reason) = (result.instantiations, result.reason.clone());
        let is_final = is_final && outcome != Outcome::Failed;
        Ok(Solved { verified, outcome, instantiations, reason, is_final, worker: None })
    }
}

impl Solved {
    /// In bytes, to be checked by whoever reads them.
    pub fn to_record(&self) -> SolvedRecord {
        SolvedRecord {
            block: BlockForm::from(self.verified.circuit()),
            distance: self.verified.distance(),
            instantiations: self.instantiations,
            outcome: self.outcome,
            reason: self.reason.clone(),
        }
    }
}

/// A state of a search in bytes, to be checked by whoever reads them.
fn state_record(state: &WindowState) -> CheckpointRecord {
    let WindowResult { composition, counts, .. } = &state.result;
    let form = |composition: &Composition| (BlockForm::from(composition.circuit()), composition.bound());
    let (block, bound) = form(composition);
    let SearchCounts { n_deletions, n_moves, n_accepted, n_removed, n_iterations } = *counts;
    CheckpointRecord {
        n_rounds: state.n_rounds as u64,
        block,
        bound,
        last_good: state.last_good.as_ref().map(form),
        rescan: state.rescan,
        counts: [n_deletions, n_moves, n_accepted, n_removed, n_iterations].map(|n| n as u64),
        stream: state.stream.position(),
    }
}

/// The outcome of a block that came back.
fn outcome(reason: &Reason) -> Outcome {
    match reason {
        Reason::Improved => Outcome::Improved,
        Reason::Rearranged | Reason::Unchanged { .. } => Outcome::Unchanged,
        Reason::Failed { .. } => Outcome::Failed,
    }
}

/// The words of a panic, for the record.
fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
