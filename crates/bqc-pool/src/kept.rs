//! A workshop that does nothing twice: it looks into journal and cache first, and goes on from where the journal
//! says that a unit was left.

use bqc_run::{Solved, Trail, Unit, Workshop};
use bqc_store::Journal;
use bqc_wire::{CheckpointRecord, Entry, KnownTotals, Outcome};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// How long a run that is to stop goes on with what is known. Together with the comparison of whole circuits at the
/// end, which takes some seconds too, it stays below the ten that a run has to stop in.
const MAX_REPLAY: Duration = Duration::from_secs(4);

/// Looks up, measures again, and passes on what it does not find.
pub struct Kept<'a> {
    inner: &'a dyn Workshop,
    journal: Option<&'a Journal>,
    cache: Option<&'a Journal>,
    n_found: AtomicUsize,
    n_refused: AtomicUsize,
    /// Whether all that was asked for so far was known, and something was.
    is_replaying: AtomicBool,
    /// When it was first seen that the run is to stop.
    stopped: OnceLock<Instant>,
    /// Whether something that is known was left out because the run is to stop.
    is_behind: AtomicBool,
    max_replay: Duration,
}

impl<'a> Kept<'a> {
    /// Around `inner`, with either, both or none.
    pub fn new(inner: &'a dyn Workshop, journal: Option<&'a Journal>, cache: Option<&'a Journal>) -> Kept<'a> {
        let knows_any = |folder: &&Journal| folder.n_known() + folder.n_under_way() > 0;
        let is_replaying = [journal, cache].into_iter().flatten().any(|folder| knows_any(&folder)).into();
        let (n_found, n_refused, stopped, is_behind) = Default::default();
        let max_replay = MAX_REPLAY;
        Kept { inner, journal, cache, n_found, n_refused, is_replaying, stopped, is_behind, max_replay }
    }

    /// Units that were found, and what became of them.
    pub fn totals(&self) -> KnownTotals {
        let n = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64;
        KnownTotals { taken: n(&self.n_found), refused: n(&self.n_refused) }
    }

    /// Whether the run was stopped before it had come to where the journal knows no more: then it may have less than
    /// the run before.
    pub fn is_behind(&self) -> bool {
        self.is_behind.load(Ordering::Relaxed)
    }

    /// Whether a run that is to stop has had its time for what is known.
    fn is_over(&self) -> bool {
        self.stopped.get_or_init(Instant::now).elapsed() >= self.max_replay
    }

    /// The best of a unit that was cut short, here or by the run before, for the end of this one; the next may end
    /// earlier.
    fn best_so_far(&self, unit: &Unit, here: Solved) -> Solved {
        let Some(journal) = self.journal else { return here };
        let key = unit.key();
        let known = journal.cut_short(&key);
        let of_stop = known.and_then(|record| unit.check(record, false).ok());
        let before = of_stop.or_else(|| unit.left_at(&journal.checkpoint(&key)?).ok());
        let best = before.into_iter().fold(here, |here, before| unit.better(before, here));
        let record = best.to_record();
        // What nothing was tried for is there again at once.
        let is_worth_it = best.instantiations > 0 && best.outcome != Outcome::Failed;
        if is_worth_it && known.is_none_or(|known| known.block != record.block) {
            journal.append(&Entry::CutShort(key, Box::new(record)));
        }
        best
    }

    fn look_up(&self, unit: &Unit, folder: Option<&Journal>, from: &str) -> Option<Solved> {
        folder?.find(&unit.key(), |(record, is_settled)| {
            let checked = unit.check(record, is_settled);
            match &checked {
                Ok(_) => info!(unit = ?unit.key(), from, "unit known"),
                Err(refused) => warn!(unit = ?unit.key(), from, reason = %refused, "unit refused"),
            }
            let count = if checked.is_ok() { &self.n_found } else { &self.n_refused };
            count.fetch_add(1, Ordering::Relaxed);
            checked.ok()
        })
    }
}

/// Tells of a unit that was done, if anybody listens.
fn tell(unit: &Unit, solved: &Solved, start: Instant) {
    let (before, after) = (unit.block(), solved.verified.circuit());
    info!(
        unit = ?unit.key(),
        worker = solved.worker,
        seconds = start.elapsed().as_secs_f64(),
        cx_before = before.n_cx() as u64,
        cx_after = after.n_cx() as u64,
        u3_before = before.n_one_qubit() as u64,
        u3_after = after.n_one_qubit() as u64,
        is_final = solved.is_final,
        reason = solved.reason,
        "unit solved"
    );
}

impl Workshop for Kept<'_> {
    fn goes_on(&self, is_to_stop: bool) -> bool {
        if !is_to_stop {
            return true;
        }
        let is_replaying = self.is_replaying.load(Ordering::Relaxed);
        let goes_on = is_replaying && !self.is_over();
        self.is_behind.fetch_or(is_replaying && !goes_on, Ordering::Relaxed);
        goes_on
    }

    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.solve_along(unit, Trail { from: None, note: &mut |_| {} }, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let start = Instant::now();
        let is_stopped = || stop.load(Ordering::Relaxed);
        if is_stopped() && self.is_over() {
            self.is_behind.fetch_or(self.journal.is_some_and(|journal| journal.has(&unit.key())), Ordering::Relaxed);
            return unit.stopped();
        }
        if let Some(solved) = self.look_up(unit, self.journal, "journal") {
            return solved;
        }
        let cached = self.look_up(unit, self.cache, "cache");
        let is_new = cached.is_none();
        if is_new {
            self.is_replaying.store(false, Ordering::Relaxed);
        }
        let from = self.journal.and_then(|journal| journal.checkpoint(&unit.key())).or(trail.from);
        let note = &mut |state: CheckpointRecord| {
            if let Some(journal) = self.journal {
                journal.note(unit.key(), state.clone());
            }
            (trail.note)(state);
        };
        let solved = cached.unwrap_or_else(|| {
            let solved = self.inner.solve_along(unit, Trail { from, note }, stop);
            tell(unit, &solved, start);
            solved
        });
        if solved.is_final {
            let folders = [self.journal, self.cache.filter(|_| is_new)];
            if folders.iter().any(Option::is_some) {
                let (result, seconds) = (Box::new(solved.to_record()), start.elapsed().as_secs_f64());
                let entry = Entry::Solved { key: unit.key(), result, is_settled: true, seconds };
                folders.into_iter().flatten().for_each(|folder| folder.append(&entry));
            }
        } else if is_stopped() {
            return self.best_so_far(unit, solved);
        }
        solved
    }
}

#[cfg(test)]
mod tests;
