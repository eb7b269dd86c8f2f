//! One pass as one supervisor sees it: which units are done, and which it has to do itself.

use crate::lock;
use crate::shards::divide;
use bqc_run::{Bench, Solved, Unit};
use bqc_store::KeyMap;
use bqc_wire::{PassKey, UnitKey};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A pass under way.
pub(crate) struct PassState<'a> {
    pub units: &'a [&'a Unit],
    /// Names the pass by its units, in order.
    pub key: PassKey,
    pub shards: Vec<Range<usize>>,
    bench: &'a dyn Bench,
    places: KeyMap<usize>,
    is_done: Vec<AtomicBool>,
    n_left: AtomicUsize,
    /// Units that are to be done here, because this supervisor has claimed them.
    queue: Mutex<VecDeque<usize>>,
}

impl<'a> PassState<'a> {
    pub(crate) fn new(units: &'a [&'a Unit], n_shards: usize, bench: &'a dyn Bench) -> PassState<'a> {
        let keys: Vec<UnitKey> = units.iter().map(|unit| unit.key()).collect();
        let works: Vec<f64> = units.iter().map(|unit| unit.work()).collect();
        PassState {
            units,
            key: UnitKey::of_pass(&keys),
            shards: divide(&works, n_shards),
            bench,
            places: keys.into_iter().enumerate().map(|(i, key)| (key, i)).collect(),
            is_done: units.iter().map(|_| AtomicBool::new(false)).collect(),
            n_left: AtomicUsize::new(units.len()),
            queue: Mutex::default(),
        }
    }

    /// Where a unit stands in this pass.
    pub(crate) fn place(&self, key: &UnitKey) -> Option<usize> {
        self.places.get(key).copied()
    }

    pub(crate) fn is_done(&self, index: usize) -> bool {
        self.is_done[index].load(Ordering::Acquire)
    }

    pub(crate) fn n_left(&self) -> usize {
        self.n_left.load(Ordering::Acquire)
    }

    /// Hands on a result, unless there was one.
    pub(crate) fn finish(&self, index: usize, solved: Solved) {
        if !self.is_done[index].swap(true, Ordering::AcqRel) {
            self.bench.done(index, solved);
            self.n_left.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn begin(&self, index: usize) {
        self.bench.begun(index);
    }

    /// The units of a shard that are not done.
    pub(crate) fn left_of(&self, shard: usize) -> impl DoubleEndedIterator<Item = usize> {
        self.shards[shard].clone().filter(|&i| !self.is_done(i))
    }

    /// Work of a shard that is left, as [`Unit::work`] measures it.
    pub(crate) fn work_left_of(&self, shard: usize) -> f64 {
        self.left_of(shard).map(|i| self.units[i].work()).sum()
    }

    /// What is to be done here next. Where there is nothing, `more` may have something.
    pub(crate) fn next(&self, more: impl Fn() -> Vec<usize>) -> Option<usize> {
        // Whoever waits for the lock has nothing to do either.
        let mut queue = lock(&self.queue);
        loop {
            match queue.pop_front() {
                Some(i) if self.is_done(i) => {}
                Some(i) => return Some(i),
                None => {
                    queue.extend(more());
                    if queue.is_empty() {
                        return None;
                    }
                }
            }
        }
    }

    /// More to be done here.
    pub(crate) fn add(&self, units: impl Iterator<Item = usize>) {
        lock(&self.queue).extend(units);
    }
}
