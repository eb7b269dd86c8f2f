//! A workshop that does nothing twice: it looks into journal and cache first, and goes on from where the journal
//! says that a unit was left.

use crate::Journal;
use bqc_run::{Solved, Trail, Unit, Workshop};
use bqc_wire::KnownTotals;
use bqc_wire::segment::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// Looks up, measures again, and passes on what it does not find.
pub struct Kept<'a> {
    inner: &'a dyn Workshop,
    journal: Option<&'a Journal>,
    cache: Option<&'a Journal>,
    n_found: AtomicUsize,
    n_refused: AtomicUsize,
}

impl<'a> Kept<'a> {
    /// Around `inner`, with either, both or none.
    pub fn new(inner: &'a dyn Workshop, journal: Option<&'a Journal>, cache: Option<&'a Journal>) -> Kept<'a> {
        Kept { inner, journal, cache, n_found: AtomicUsize::new(0), n_refused: AtomicUsize::new(0) }
    }

    /// Units that were found, and what became of them.
    pub fn totals(&self) -> KnownTotals {
        let n = |count: &AtomicUsize| count.load(Ordering::Relaxed) as u64;
        KnownTotals { taken: n(&self.n_found), refused: n(&self.n_refused) }
    }

    fn look_up(&self, unit: &Unit, folder: Option<&Journal>, from: &str) -> Option<Solved> {
        let record = folder?.get(&unit.key())?;
        let checked = unit.check(record, true);
        match &checked {
            Ok(_) => info!(unit = ?unit.key(), from, "unit known"),
            Err(refused) => warn!(unit = ?unit.key(), from, reason = %refused, "unit refused"),
        }
        let count = if checked.is_ok() { &self.n_found } else { &self.n_refused };
        count.fetch_add(1, Ordering::Relaxed);
        checked.ok()
    }
}

/// Tells of a unit that was done.
fn tell(unit: &Unit, solved: &Solved, took: Duration) {
    let (before, after) = (unit.block(), solved.verified.circuit());
    info!(
        unit = ?unit.key(),
        worker = solved.worker,
        seconds = took.as_secs_f64(),
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
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        if let Some(solved) = self.look_up(unit, self.journal, "journal") {
            return solved;
        }
        let cached = self.look_up(unit, self.cache, "cache");
        let is_new = cached.is_none();
        let from = self.journal.and_then(|journal| journal.checkpoint(&unit.key()));
        let note = &mut |state| {
            if let Some(journal) = self.journal {
                journal.note(unit.key(), state);
            }
        };
        let solved = cached.unwrap_or_else(|| {
            let start = Instant::now();
            let solved = self.inner.solve_along(unit, Trail { from, note }, stop);
            tell(unit, &solved, start.elapsed());
            solved
        });
        if solved.is_final {
            let entry = Entry::Solved(unit.key(), Box::new(solved.to_record()));
            let folders = [self.journal, self.cache.filter(|_| is_new)];
            folders.into_iter().flatten().for_each(|folder| folder.append(&entry));
        }
        solved
    }
}
