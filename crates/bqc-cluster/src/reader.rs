//! Workshops that do nothing: one knows what is known, one only looks what there is to do.

use crate::lock;
use crate::shards::divide;
use bqc_run::{Bench, Solved, Unit, Workshop};
use bqc_store::Ledger;
use bqc_wire::PlanPass;
use rayon::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// The first pass that is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing {
    /// From 0, as supervisors count.
    pub pass: u32,
    /// Units of it.
    pub n_units: usize,
    /// How many of them nobody has done.
    pub n_missing: usize,
}

/// Joins a run: whatever it is asked for it takes from a ledger, checked. Where something is missing, the
/// blocks stay as they are and the run ends with that pass.
pub struct Reader<'a> {
    ledger: &'a Ledger<'a>,
    missing: Mutex<Option<Missing>>,
    n_taken: AtomicU64,
    n_refused: AtomicU64,
    n_passes: AtomicU32,
}

impl<'a> Reader<'a> {
    /// Of a ledger that was refreshed.
    pub fn new(ledger: &'a Ledger<'a>) -> Reader<'a> {
        let (missing, n_taken, n_refused, n_passes) = Default::default();
        Reader { ledger, missing, n_taken, n_refused, n_passes }
    }

    /// What it has not found; none if the run is complete.
    pub fn missing(&self) -> Option<Missing> {
        *lock(&self.missing)
    }

    /// Results that were taken, and results that were refused.
    pub fn totals(&self) -> (u64, u64) {
        (self.n_taken.load(Ordering::Relaxed), self.n_refused.load(Ordering::Relaxed))
    }

    fn known(&self, unit: &Unit) -> Option<Solved> {
        let found = self.ledger.find(&unit.key(), |(record, is_settled)| {
            let checked = unit.check(record, is_settled);
            self.n_refused.fetch_add(u64::from(checked.is_err()), Ordering::Relaxed);
            checked.ok()
        });
        self.n_taken.fetch_add(u64::from(found.is_some()), Ordering::Relaxed);
        found
    }

    fn miss(&self, n_units: usize, n_missing: usize) {
        let pass = self.n_passes.load(Ordering::Relaxed).saturating_sub(1);
        lock(&self.missing).get_or_insert(Missing { pass, n_units, n_missing });
    }
}

impl Workshop for Reader<'_> {
    /// Nothing can follow what is missing.
    fn goes_on(&self, is_to_stop: bool) -> bool {
        !is_to_stop && self.missing().is_none()
    }

    fn solve(&self, unit: &Unit, _: &AtomicBool) -> Solved {
        self.known(unit).unwrap_or_else(|| {
            self.miss(1, 1);
            unit.stopped()
        })
    }

    fn solve_all(&self, units: &[&Unit], _: &AtomicBool, bench: &dyn Bench) {
        self.n_passes.fetch_add(1, Ordering::Relaxed);
        let take = |(i, unit): (usize, &&Unit)| {
            let known = self.known(unit);
            let is_missing = known.is_none();
            bench.done(i, known.unwrap_or_else(|| unit.stopped()));
            usize::from(is_missing)
        };
        let n_missing = units.par_iter().enumerate().map(take).sum();
        if n_missing > 0 {
            self.miss(units.len(), n_missing);
        }
    }
}

/// Looks what the first pass asks for, and ends the run with it.
#[derive(Default)]
pub struct Survey {
    n_shards: usize,
    first_pass: Mutex<Option<PlanPass>>,
}

impl Survey {
    /// For a plan of so many shards.
    pub fn new(n_shards: usize) -> Survey {
        Survey { n_shards, first_pass: Mutex::default() }
    }

    /// What it asked for after the light passes, which it does itself; nothing if there was no pass.
    pub fn first_pass(&self) -> PlanPass {
        lock(&self.first_pass).unwrap_or_default()
    }
}

impl Workshop for Survey {
    fn goes_on(&self, is_to_stop: bool) -> bool {
        !is_to_stop && lock(&self.first_pass).is_none()
    }

    fn solve(&self, unit: &Unit, _: &AtomicBool) -> Solved {
        unit.stopped()
    }

    fn solve_all(&self, units: &[&Unit], _: &AtomicBool, bench: &dyn Bench) {
        let light: Vec<Solved> = units.iter().map_while(|unit| unit.solve_light()).collect();
        if light.len() == units.len() {
            return light.into_iter().enumerate().for_each(|(i, solved)| bench.done(i, solved));
        }
        let works: Vec<f64> = units.iter().map(|unit| unit.work()).collect();
        let most_cx = units.iter().map(|unit| unit.block().n_cx()).max().unwrap_or(0) as u64;
        let shards = divide(&works, self.n_shards).len() as u64;
        lock(&self.first_pass).get_or_insert(PlanPass { units: units.len() as u64, shards, most_cx });
        units.iter().enumerate().for_each(|(i, unit)| bench.done(i, unit.stopped()));
    }
}
