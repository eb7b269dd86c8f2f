//! A run as its folder tells it.

use crate::error::StoreError;
use crate::ledger::{Ledger, Writing};
use crate::names::SEGMENTS;
use bqc_wire::{PassRecord, WriterRecord};
use std::time::Duration;

/// A run at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The pass that the foremost supervisor is at, and how many of its units are done.
    pub pass: Option<(PassRecord, u64)>,
    /// Units done in all passes.
    pub n_done: u64,
    /// How often one was done that was done already.
    pub n_twice: u64,
    /// Time in units, over all threads of all supervisors, in seconds.
    pub unit_seconds: f64,
    /// Whether a supervisor has seen the run complete.
    pub is_complete: bool,
    /// All supervisors there ever were, by name.
    pub writers: Vec<WriterState>,
}

/// A supervisor at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct WriterState {
    /// Who it is.
    pub record: WriterRecord,
    /// Units that it has done.
    pub n_done: u64,
    /// Units that it has done in the foremost pass, and for how long it has been at it, in seconds.
    pub in_pass: Option<(u64, f64)>,
    /// Whether it has ended in order, and whether it had seen the run complete then.
    pub ended: Option<bool>,
    /// Since something was heard of it, in seconds; none if the folder does not tell.
    pub silent_seconds: Option<f64>,
}

impl Status {
    /// Units a second by which the foremost pass grows at present: of all supervisors that have not ended
    /// and were surely heard of in this lease.
    pub fn rate(&self, lease: Duration) -> f64 {
        let running = self.writers.iter().filter(|w| w.is_running(lease) == Some(true));
        let paces = running.filter_map(|w| w.in_pass).filter(|(_, seconds)| *seconds > 0.0).map(|(n, s)| n as f64 / s);
        // A sum of nothing would be a negative zero.
        paces.fold(0.0, |sum, pace| sum + pace)
    }

    /// Time that the foremost pass will take at this rate, in seconds; none if nobody works.
    pub fn seconds_left(&self, lease: Duration) -> Option<f64> {
        let (pass, n_done) = self.pass.as_ref()?;
        let rate = self.rate(lease);
        (rate > 0.0).then(|| pass.n_units.saturating_sub(*n_done) as f64 / rate)
    }
}

impl WriterState {
    /// Whether it works: it has not ended, and was heard of in this lease. None if the folder does not tell when.
    pub fn is_running(&self, lease: Duration) -> Option<bool> {
        match self.ended {
            Some(_) => Some(false),
            None => self.silent_seconds.map(|seconds| seconds < lease.as_secs_f64()),
        }
    }
}

impl Ledger<'_> {
    /// Reads what is new and sums it up. `reference` is a name for a file that is made for a moment, to see
    /// what time it is by the file system's clock: nobody else's says how old a segment is.
    pub fn status(&self, reference: &str) -> Result<Status, StoreError> {
        self.load()?;
        let storage = self.storage();
        // In a folder that cannot be written to, nobody can tell.
        let has_reference = storage.create(reference).and_then(|file| file.append(b"\n")).is_ok();
        let silent_seconds = |segment: &str| {
            let seconds = storage.seconds_between(&format!("{SEGMENTS}/{segment}"), reference).ok()?;
            has_reference.then_some(seconds.max(0.0))
        };
        let writers = self.writers();
        let passes = writers.values().filter_map(|w| w.news.pass.clone());
        let pass = passes.max_by_key(|pass| pass.pass).map(|pass| (pass.clone(), self.n_known_of(&pass.key)));
        let states = writers.values().map(|writing| state(writing, pass.as_ref(), silent_seconds(&writing.segment)));
        let (n_done, n_twice) = self.counts();
        let status = Status {
            n_done,
            n_twice,
            unit_seconds: writers.values().map(|w| w.news.unit_seconds).sum(),
            is_complete: writers.values().any(|w| w.news.ended == Some(true)),
            writers: states.collect(),
            pass,
        };
        if has_reference {
            // One that stays is empty.
            _ = storage.remove(reference);
        }
        Ok(status)
    }
}

fn state(writing: &Writing, pass: Option<&(PassRecord, u64)>, silent_seconds: Option<f64>) -> WriterState {
    let news = &writing.news;
    let is_there = news.pass.as_ref().filter(|own| pass.is_some_and(|(foremost, _)| own.key == foremost.key));
    // It may have said nothing since its last sign of life but that it lives.
    let seconds = |own: &PassRecord| news.seconds + silent_seconds.unwrap_or(0.0) - own.seconds;
    WriterState {
        record: writing.record.clone(),
        n_done: news.n_solved,
        in_pass: is_there.map(|own| (news.n_in_pass, seconds(own))),
        ended: news.ended,
        silent_seconds,
    }
}
