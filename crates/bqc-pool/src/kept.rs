//! A workshop that does nothing twice: it looks into journal and cache first, and goes on from where the journal
//! says that a unit was left.

use crate::Journal;
use bqc_run::{Solved, Trail, Unit, Workshop};
use bqc_wire::KnownTotals;
use bqc_wire::segment::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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

    fn look_up(&self, unit: &Unit, folder: Option<&Journal>) -> Option<Solved> {
        let record = folder?.get(&unit.key())?;
        let checked = unit.check(record, true);
        let count = if checked.is_ok() { &self.n_found } else { &self.n_refused };
        count.fetch_add(1, Ordering::Relaxed);
        checked.ok()
    }
}

impl Workshop for Kept<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        if let Some(solved) = self.look_up(unit, self.journal) {
            return solved;
        }
        let cached = self.look_up(unit, self.cache);
        let is_new = cached.is_none();
        let from = self.journal.and_then(|journal| journal.checkpoint(&unit.key()));
        let note = &mut |state| {
            if let Some(journal) = self.journal {
                journal.note(unit.key(), state);
            }
        };
        let solved = cached.unwrap_or_else(|| self.inner.solve_along(unit, Trail { from, note }, stop));
        if solved.is_final {
            let entry = Entry::Solved(unit.key(), Box::new(solved.to_record()));
            let folders = [self.journal, self.cache.filter(|_| is_new)];
            folders.into_iter().flatten().for_each(|folder| folder.append(&entry));
        }
        solved
    }
}
