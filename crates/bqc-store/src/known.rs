//! Which result of a unit counts. This is the one place that decides it, for journals, caches and shared folders.
//!
//! A result is *settled* if another try would give the same: nothing failed and nothing was cut short. A settled
//! result counts at once. A try that is not settled counts only when there are as many as [`MAX_UNSETTLED`], for want
//! of anything better. What was cut short because its run was stopped never counts here: the next run does it anew.

use bqc_wire::{Outcome, PassKey, SolvedRecord, UnitKey};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// Tries at a unit that may fail, or be cut short, before one of them is taken.
const MAX_UNSETTLED: usize = 2;

/// A map by units. Their names are as random as any hash of them.
pub type KeyMap<T> = HashMap<UnitKey, T, BuildHasherDefault<KeyHasher>>;

/// Takes eight bytes of a unit's name for its hash.
#[derive(Default)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length, which is the same for all.
    fn write_usize(&mut self, _: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is known of one unit.
#[derive(Default)]
pub(crate) struct Known {
    /// Settled results, different ones in order of their bytes. There is one, unless a machine computes wrongly.
    settled: Vec<SolvedRecord>,
    /// Tries that failed or were cut short.
    unsettled: Vec<SolvedRecord>,
    pub n_records: u64,
    /// The pass that asked for it: a unit belongs to one pass.
    pub pass: PassKey,
}

impl Known {
    /// What may be taken, the best first, and whether another try would give the same.
    pub(crate) fn candidates(&self) -> impl Iterator<Item = (&SolvedRecord, bool)> {
        let unsettled = if self.unsettled.len() >= MAX_UNSETTLED { &self.unsettled[..] } else { &[] };
        let settled = self.settled.iter().map(|record| (record, true));
        settled.chain(unsettled.iter().map(|record| (record, false)))
    }

    pub(crate) fn is_settled(&self) -> bool {
        !self.settled.is_empty()
    }

    /// Adds one of many that write at the same time: all that they say stays, in an order that all readers share.
    pub(crate) fn add(&mut self, record: SolvedRecord, is_settled: bool) {
        self.n_records += 1;
        let rank = |r: &SolvedRecord| (r.outcome == Outcome::Failed, r.to_bytes());
        let list = if is_settled { &mut self.settled } else { &mut self.unsettled };
        if is_settled && list.first() == Some(&record) {
            // Said again, or done twice. What else is known stays: this one may be refused.
            return;
        }
        let key = rank(&record);
        let at = list.partition_point(|other| rank(other) < key);
        // Tries that came to the same are tries; a result that is known is not known better.
        if !is_settled || list.get(at) != Some(&record) {
            list.insert(at, record);
        }
    }

    /// Adds one of processes that write one after the other: whoever writes a unit again has refused what was there.
    pub(crate) fn add_newest(&mut self, record: SolvedRecord, is_settled: bool) {
        if is_settled {
            self.settled.clear();
        }
        self.add(record, is_settled);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_wire::BlockForm;

    fn record(reason: &str, outcome: Outcome) -> SolvedRecord {
        let block = BlockForm { width: 1, gates: Vec::new() };
        SolvedRecord { block, distance: 0.0, instantiations: 0, outcome, reason: reason.into() }
    }

    /// What may be taken, by its reason.
    fn taken(known: &Known) -> Vec<(&str, bool)> {
        known.candidates().map(|(record, is_settled)| (record.reason.as_str(), is_settled)).collect()
    }

    #[test]
    fn a_settled_result_counts_at_once_and_the_order_of_the_writers_does_not_matter() {
        let mut known = Known::default();
        for reason in ["b", "a", "b"] {
            known.add(record(reason, Outcome::Unchanged), true);
        }
        assert_eq!(taken(&known), [("a", true), ("b", true)]);
        assert_eq!(known.n_records, 3);
    }

    #[test]
    fn tries_that_are_not_settled_count_when_there_are_two_and_failures_last() {
        let mut known = Known::default();
        known.add(record("a", Outcome::Failed), false);
        assert_eq!(taken(&known), []);
        known.add(record("b", Outcome::Unchanged), false);
        assert_eq!(taken(&known), [("b", false), ("a", false)]);
        known.add(record("c", Outcome::Unchanged), true);
        assert_eq!(taken(&known), [("c", true), ("b", false), ("a", false)]);
    }

    #[test]
    fn of_processes_one_after_the_other_the_newest_counts() {
        let mut known = Known::default();
        for reason in ["a", "b"] {
            known.add_newest(record(reason, Outcome::Unchanged), true);
        }
        assert_eq!(taken(&known), [("b", true)]);
    }
}
