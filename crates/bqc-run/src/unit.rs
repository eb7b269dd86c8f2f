//! The unit of work: a block and all that decides what becomes of it, and what comes out.
//!
//! A [`Unit`]'s result is a function of the unit and the engine alone (unless it was stopped), whichever
//! [`Workshop`](crate::Workshop) does it. Long work leaves a trail of checkpoints, from each of which anybody goes on
//! to the same result. `record.rs` turns units, results and checkpoints into bytes, and checks them on the way back.

mod record;
pub(crate) mod state;

pub use record::{Refused, UnitError};

use crate::kept;
use crate::workshop::Trail;
use bqc_circuit::BlockCircuit;
use bqc_instantiate::{Engine, Solver};
use bqc_optimize::fitted::Fit;
use bqc_optimize::search::{WindowSettings, WindowState};
use bqc_optimize::{
    BlockSettings, Context, Flow, Objective, Rank, Reason, Sabotage, Shortened, optimize_block, shorten, to_clifford_t,
};
use bqc_rewrite::Outputs;
use bqc_verify::{Rejected, VerifiedBlock};
use bqc_wire::{BlockForm, ExactFlow, Outcome, UnitFlow, UnitKey, UnitRecord};
use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// A block and all that decides what becomes of it.
#[derive(Clone, Debug)]
pub struct Unit {
    block: BlockCircuit,
    /// All but the block, which it leaves empty.
    record: UnitRecord,
    /// Its name, once somebody has asked for it.
    key: OnceLock<UnitKey>,
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

impl Unit {
    /// The unit of one try (`start`) at one block in one pass, with an engine of that family.
    pub fn new(block: &BlockCircuit, settings: &BlockSettings, pass: u32, start: usize, engine: &str) -> Unit {
        let flow = match settings.flow {
            _ if settings.starts == 0 => UnitFlow::ClosedForm,
            Flow::Delete => UnitFlow::Delete,
            Flow::Search { n_rounds } => UnitFlow::Search { n_rounds: n_rounds as u64 },
            Flow::Exact => UnitFlow::Exact { by: ExactFlow::Light },
        };
        let BlockSettings { solver, objective, tolerance, seed, sabotage, .. } = *settings;
        let record = UnitRecord {
            block: no_block(),
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

    /// The unit of this block and all else that these bytes say.
    fn of(block: BlockCircuit, record: UnitRecord, solver: Solver, objective: Objective) -> Unit {
        let record = UnitRecord { block: no_block(), ..record };
        Unit { block, key: OnceLock::new(), record, solver, objective, sabotage: None }
    }

    /// The unit of making `from`, which stands for the block at that distance, shorter by one or two CX, within
    /// `tolerance` of the block. Nothing in it is left to chance, so it is the same in every pass and for every seed.
    pub fn shortening(block: &BlockCircuit, from: &BlockCircuit, distance: f64, tolerance: f64, engine: &str) -> Unit {
        let settings = BlockSettings { tolerance, ..BlockSettings::default() };
        let flow = UnitFlow::Shorten { from: BlockForm::from(from), distance };
        Unit::new(block, &settings, 0, 0, engine).with_flow(flow)
    }

    /// The unit of making one-qubit gates of a block Clifford+T gates.
    pub(crate) fn clifford_t(block: &BlockCircuit, settings: &BlockSettings, pass: u32, engine: &str) -> Unit {
        Unit::new(block, settings, pass, 0, engine).with_flow(UnitFlow::CliffordT)
    }

    /// The unit of one try at an exact rewriting (`flow`) of a region in one pass. No engine has to do with it.
    pub(crate) fn rewriting(
        block: &BlockCircuit,
        flow: UnitFlow,
        settings: &BlockSettings,
        pass: u32,
        start: usize,
    ) -> Unit {
        Unit::new(block, settings, pass, start, "").with_flow(flow)
    }

    /// Other work at the same block, with no fault planted in it.
    fn with_flow(self, flow: UnitFlow) -> Unit {
        let record = UnitRecord { flow, ..self.record };
        Unit::of(self.block, record, self.solver, self.objective)
    }

    /// The same unit, with a fault planted in its work.
    #[doc(hidden)]
    pub fn sabotaged(self, sabotage: Option<Sabotage>) -> Unit {
        Unit { sabotage, ..self }
    }

    /// Its name, which takes a hash of its bytes when it is first asked for.
    pub fn key(&self) -> UnitKey {
        *self.key.get_or_init(|| self.to_record().key())
    }

    /// What is to be done.
    pub(crate) fn flow(&self) -> &UnitFlow {
        &self.record.flow
    }

    /// Which of several tries it is, from 0.
    pub(crate) fn start(&self) -> u32 {
        self.record.start
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
        let n_cx = self.block.n_cx() as f64;
        match (self.record.flow.exact(), &self.record.flow) {
            (Some(ExactFlow::Light), _) => n_cx,
            // The numbers grow with the gates themselves.
            (Some(ExactFlow::Paulis { n_moves }), _) => n_moves as f64,
            (Some(ExactFlow::PathSums { n_proposals }), _) => n_proposals as f64 * 0.01,
            (None, UnitFlow::Search { n_rounds }) => n_cx * (*n_rounds).max(1) as f64,
            (None, _) => n_cx * 4f64.powi(n_wires_above.max(0)),
        }
    }

    /// What [`optimize_block`] is asked for: exact rewritings and shortening do not come to it, and closed forms need no start.
    fn settings(&self) -> BlockSettings {
        let UnitRecord { tolerance, seed, .. } = self.record;
        let (flow, starts) = match self.record.flow {
            UnitFlow::Delete => (Flow::Delete, 1),
            UnitFlow::Search { n_rounds } => (Flow::Search { n_rounds: n_rounds as usize }, 1),
            _ => (Flow::Delete, 0),
        };
        let Unit { solver, objective, sabotage, .. } = *self;
        BlockSettings { flow, starts, solver, objective, tolerance, seed, sabotage }
    }

    /// The result, if the unit asks for the light passes alone: no engine has to do with them.
    pub fn solve_light(&self) -> Option<Solved> {
        if self.record.flow.exact() != Some(ExactFlow::Light) {
            return None;
        }
        let mut trail = Trail { from: None, note: &mut |_| {} };
        let (verified, outcome, reason) = self.rewritten(&mut trail, &AtomicBool::new(false))?;
        let is_final = outcome != Outcome::Failed;
        Some(Solved { verified, outcome, instantiations: 0, reason, is_final, worker: None })
    }

    /// Does the work, here and now. It is final unless it was cut short or the engine, for this unit or
    /// for another one meanwhile, had to leave work to another engine.
    pub fn solve(&self, engine: &dyn Engine, stop: &AtomicBool) -> Solved {
        self.solve_along(engine, Trail { from: None, note: &mut |_| {} }, stop)
    }

    /// The same along a trail, to the same result. A state that this unit's search cannot have come to is left out.
    pub fn solve_along(&self, engine: &dyn Engine, mut trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let context = Context { engine, stop };
        let n_substituted = engine.n_substituted();
        let work = || {
            if let UnitFlow::Shorten { from, distance } = &self.record.flow {
                return self.shorten(context, from, *distance);
            }
            if self.record.flow == UnitFlow::CliffordT {
                return self.in_clifford_t(context);
            }
            if let Some((verified, outcome, reason)) = self.rewritten(&mut trail, stop) {
                return (verified, outcome, 0, reason);
            }
            let from = trail.from.and_then(|record| self.check_state(&record).ok());
            // Whoever goes on from a state gives what the engine itself would give.
            let note = &mut |state: &WindowState| {
                if engine.n_substituted() == n_substituted {
                    (trail.note)(record::of_state(state));
                }
            };
            let trail = bqc_optimize::Trail { from, note };
            let settings = self.settings();
            let stream = settings.stream(self.key().stream_key(), self.record.start as usize);
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

    /// The block with gates over Clifford and T where others can make up for it, or the block.
    fn in_clifford_t(&self, context: Context<'_>) -> (VerifiedBlock, Outcome, usize, String) {
        let mut stream = self.settings().stream(self.key().stream_key(), self.record.start as usize);
        let fit = Fit { solver: self.solver, ..WindowSettings::default().fit };
        let found = to_clifford_t(context, &self.block, fit, &mut stream);
        let verified = found.unwrap_or_else(|| VerifiedBlock::unchanged(self.block.clone()));
        (verified, Outcome::Unchanged, 0, "unchanged: gates become Clifford+T, none goes".into())
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

    /// Whether a candidate is better than the block, by the unit's objective.
    pub(crate) fn is_better(&self, candidate: &BlockCircuit) -> bool {
        match self.keeps_angles() {
            true => kept::is_better(self.objective, candidate, &self.block),
            false => self.rank(candidate) < self.rank(&self.block),
        }
    }

    /// On which wires the outputs of a result may be.
    pub(crate) fn outputs(&self) -> Outputs {
        match self.record.flow {
            UnitFlow::FreeLight | UnitFlow::FreePaulis { .. } => Outputs::Free,
            _ => Outputs::Kept,
        }
    }

    /// What counts of a block: exchanges at its end do not where outputs may be on any wires.
    pub(crate) fn counted<'a>(&self, block: &'a BlockCircuit) -> Cow<'a, BlockCircuit> {
        match self.outputs() {
            Outputs::Kept => Cow::Borrowed(block),
            Outputs::Free => Cow::Owned(block.split_exchanges().0),
        }
    }

    /// The rank of a block or of what may replace it, by the unit's objective.
    pub(crate) fn rank(&self, block: &BlockCircuit) -> Rank {
        self.objective.rank_block(&self.counted(block))
    }

    /// A candidate in the block's place, if that can be proved or measured.
    pub(crate) fn verified(&self, candidate: BlockCircuit) -> Result<VerifiedBlock, Rejected> {
        match self.keeps_angles() {
            true => self.proved(candidate),
            false if self.flow().exact().is_some() => {
                VerifiedBlock::check_rewritten(&self.block, candidate, self.record.tolerance)
            }
            false => VerifiedBlock::check(&self.block, candidate, self.record.tolerance),
        }
    }

    /// Which of two results is the better one; the first if they are equally good.
    pub fn better(&self, first: Solved, second: Solved) -> Solved {
        let rank = |solved: &Solved| self.rank(solved.verified.circuit());
        if rank(&second) < rank(&first) { second } else { first }
    }
}

/// What stands for the block in a record that is kept beside it.
fn no_block() -> BlockForm {
    BlockForm { width: 0, gates: Vec::new() }
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
