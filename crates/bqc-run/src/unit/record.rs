//! Units, results and checkpoints in bytes, and the checks that bytes from outside pass before they count.
//!
//! A worker, a journal or another machine may be wrong or damaged. What it hands over is taken only if it is a block
//! of no more two-qubit gates, no worse than it says, and as near to the unit's block as the unit asks for.

use super::{Solved, Unit};
use bqc_circuit::BlockCircuit;
use bqc_instantiate::Solver;
use bqc_linalg::Stream;
use bqc_optimize::Objective;
use bqc_optimize::search::{SearchCounts, WindowResult, WindowState};
use bqc_verify::{Composition, Rejected, VerifiedBlock};
use bqc_wire::{BlockForm, CheckpointRecord, FormError, Outcome, SolvedRecord, UnitFlow, UnitRecord, WindowCheckpoint};

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
    #[error("a search of {n_steps} rounds, moves or proposals does not come to such a state")]
    NoState {
        /// Rounds, moves or proposals of the unit's search; 0 if it has none.
        n_steps: u64,
    },
    /// It is called better and is not.
    #[error("the result is said to be better than the block, and is not")]
    NoBetter,
}

impl Unit {
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

    /// In bytes.
    pub fn to_record(&self) -> UnitRecord {
        UnitRecord { block: BlockForm::from(&self.block), ..self.record.clone() }
    }

    /// A block from outside that has no more two-qubit gates than the unit's, as far as they count.
    fn no_longer(&self, form: &BlockForm) -> Result<BlockCircuit, Refused> {
        let candidate = BlockCircuit::try_from(form)?;
        let [found, original] = [&candidate, &self.block].map(|block| self.outputs().n_cx(block));
        if found > original { Err(Refused::Longer { found, original }) } else { Ok(candidate) }
    }

    /// Checks a state from outside as [`Unit::check`] does a result: it is this block, as near as it says.
    pub(super) fn check_state(&self, record: &CheckpointRecord) -> Result<WindowState, Refused> {
        let same = |form: &BlockForm, bound: f64| -> Result<Composition, Refused> {
            let candidate = self.no_longer(form)?;
            Ok(Composition::resume(&self.block, candidate, bound, self.record.tolerance)?)
        };
        let CheckpointRecord::Window(record) = record else { return Err(Refused::NoState { n_steps: 0 }) };
        let WindowCheckpoint { bound, rescan, .. } = *record;
        let n_rounds = if let UnitFlow::Search { n_rounds } = self.record.flow { n_rounds } else { 0 };
        let has_good = self.objective != Objective::Cx;
        if record.n_rounds == 0 || record.n_rounds > n_rounds || record.last_good.is_some() != has_good {
            return Err(Refused::NoState { n_steps: n_rounds });
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
        let CheckpointRecord::Window(state) = state else { return self.left_exactly_at(state) };
        let (block, distance) = state.last_good.clone().unwrap_or_else(|| (state.block.clone(), state.bound));
        let is_better = self.is_better(&BlockCircuit::try_from(&block)?);
        let (outcome, reason) =
            if is_better { (Outcome::Improved, "improved") } else { (Outcome::Unchanged, "unchanged") };
        let (instantiations, reason) = (state.counts[0] + state.counts[1], format!("{reason}: stopped in its search"));
        self.check(&SolvedRecord { block, distance, instantiations, outcome, reason }, false)
    }

    /// The same of an exact search.
    fn left_exactly_at(&self, state: &CheckpointRecord) -> Result<Solved, Refused> {
        let found = self.best_at(state)?;
        let is_better = self.is_better(&found);
        let verified = if is_better { self.verified(found)? } else { VerifiedBlock::unchanged(self.block.clone()) };
        let (outcome, reason) =
            if is_better { (Outcome::Improved, "improved") } else { (Outcome::Unchanged, "unchanged") };
        let reason = format!("{reason}: stopped in its search");
        Ok(Solved { verified, outcome, instantiations: 0, reason, is_final: false, worker: None })
    }

    /// Checks a result from outside, by measuring it as far as [`VerifiedBlock::check_claim`] does. `is_final`: it was
    /// not cut short.
    pub fn check(&self, result: &SolvedRecord, is_final: bool) -> Result<Solved, Refused> {
        let candidate = self.no_longer(&result.block)?;
        let outcome = result.outcome;
        let is_shortened = match &self.record.flow {
            UnitFlow::Shorten { from, .. } => candidate.n_cx() < BlockCircuit::try_from(from)?.n_cx(),
            _ => true,
        };
        if outcome == Outcome::Improved && !(is_shortened && self.is_better(&candidate)) {
            return Err(Refused::NoBetter);
        }
        let verified = if candidate == self.block {
            VerifiedBlock::unchanged(candidate)
        } else if self.keeps_angles() {
            self.proved(candidate)?
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
pub(super) fn of_state(state: &WindowState) -> CheckpointRecord {
    let WindowResult { composition, counts, .. } = &state.result;
    let form = |composition: &Composition| (BlockForm::from(composition.circuit()), composition.bound());
    let (block, bound) = form(composition);
    let SearchCounts { n_deletions, n_moves, n_accepted, n_removed, n_iterations } = *counts;
    CheckpointRecord::Window(WindowCheckpoint {
        n_rounds: state.n_rounds as u64,
        block,
        bound,
        last_good: state.last_good.as_ref().map(form),
        rescan: state.rescan,
        counts: [n_deletions, n_moves, n_accepted, n_removed, n_iterations].map(|n| n as u64),
        stream: state.stream.position(),
    })
}
