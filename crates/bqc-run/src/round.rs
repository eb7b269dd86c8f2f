//! All units of one pass, handed to the workshop at once, hardest first.
//!
//! A workshop that has many hands sees the whole of the work before it divides it. Tasks that are equal are
//! one unit: it is solved once, and each of them gets its result.

use crate::observer::Observer;
use crate::pass::gates;
use crate::unit::{Solved, Unit};
use crate::workshop::{Bench, Workshop};
use bqc_partition::Block;
use bqc_verify::VerifiedBlock;
use bqc_wire::{BlockRecord, UnitKey};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// One try at one block.
pub(crate) struct Task<'a> {
    /// The pass that asks, from 0.
    pub pass: u32,
    /// Position of the block in its pass.
    pub index: usize,
    pub block: &'a Block,
    pub unit: Unit,
}

/// A block that is done.
pub(crate) struct Rebuilt {
    pub verified: VerifiedBlock,
    pub record: BlockRecord,
}

/// Whoever does the work, and whoever watches.
#[derive(Clone, Copy)]
pub(crate) struct Around<'a> {
    pub workshop: &'a dyn Workshop,
    pub stop: &'a AtomicBool,
    pub observer: &'a dyn Observer,
}

/// A unit that is done, when it was begun, and how long it took, in seconds.
pub(crate) struct Timed {
    pub solved: Solved,
    pub start_seconds: f64,
    pub seconds: f64,
}

/// Where the results of the units under way go.
struct Board<'a> {
    /// For each unit, the positions of all that ask for it.
    twins: Vec<Vec<usize>>,
    /// Bits of the seconds at which each unit was begun.
    begun: Vec<AtomicU64>,
    is_done: Vec<AtomicBool>,
    observer: &'a dyn Observer,
    take: &'a (dyn Fn(usize, Timed) + Sync),
}

impl Around<'_> {
    /// Does all tasks; `take` gets the position of each and what came of it, from any thread. Whatever goes
    /// wrong, the block's own gates come out.
    pub(crate) fn rebuild(&self, tasks: &[Task<'_>], take: &(dyn Fn(usize, Rebuilt) + Sync)) {
        let mut order: Vec<usize> = (0..tasks.len()).collect();
        order.sort_by_key(|&i| (Reverse(hardness(tasks[i].block)), i));
        let units: Vec<&Unit> = order.iter().map(|&i| &tasks[i].unit).collect();
        self.solve(&units, &|nth, timed| take(order[nth], tasks[order[nth]].rebuilt(timed)));
    }

    /// Does all units, hardest first, equal ones once.
    pub(crate) fn solve(&self, asked: &[&Unit], take: &(dyn Fn(usize, Timed) + Sync)) {
        let mut places: HashMap<UnitKey, usize> = HashMap::with_capacity(asked.len());
        let (mut units, mut twins) = (Vec::new(), Vec::<Vec<usize>>::new());
        for (i, unit) in asked.iter().enumerate() {
            let mut add = || {
                units.push(*unit);
                twins.push(Vec::new());
                units.len() - 1
            };
            // A unit alone needs no name to be told apart.
            let place = if asked.len() > 1 { *places.entry(unit.key()).or_insert_with(add) } else { add() };
            twins[place].push(i);
        }
        let begun = units.iter().map(|_| AtomicU64::new(f64::NAN.to_bits())).collect();
        let is_done = units.iter().map(|_| AtomicBool::new(false)).collect();
        let board = Board { twins, begun, is_done, observer: self.observer, take };
        self.workshop.solve_all(&units, self.stop, &board);
        // Every unit is done; should one not be, it is simply done now.
        for (i, unit) in units.iter().enumerate() {
            if !board.is_done[i].load(Ordering::Acquire) {
                board.done(i, self.workshop.solve(unit, self.stop));
            }
        }
    }
}

impl Bench for Board<'_> {
    fn begun(&self, index: usize) {
        self.begun[index].store(self.observer.seconds().to_bits(), Ordering::Relaxed);
    }

    fn done(&self, index: usize, solved: Solved) {
        if self.is_done[index].swap(true, Ordering::AcqRel) {
            return;
        }
        let now = self.observer.seconds();
        let begun = f64::from_bits(self.begun[index].load(Ordering::Relaxed));
        let start_seconds = if begun.is_nan() { now } else { begun };
        for (nth, &i) in self.twins[index].iter().enumerate() {
            // The time is spent once.
            let seconds = if nth == 0 { (now - start_seconds).max(0.0) } else { 0.0 };
            (self.take)(i, Timed { solved: solved.clone(), start_seconds, seconds });
        }
    }
}

impl Task<'_> {
    fn rebuilt(&self, Timed { solved, start_seconds, seconds }: Timed) -> Rebuilt {
        let Solved { verified, outcome, instantiations, reason, worker, .. } = solved;
        let record = BlockRecord {
            pass: self.pass,
            block: self.index as u32,
            wires: self.block.qubits.iter().map(|q| q.0).collect(),
            before: gates(&self.unit.counted(&self.block.circuit)),
            after: gates(&self.unit.counted(verified.circuit())),
            distance: verified.distance(),
            instantiations,
            start_seconds,
            seconds,
            worker,
            outcome,
            reason,
        };
        Rebuilt { verified, record }
    }
}

/// What `work` puts at the positions `0..n`, from any threads and each at most once, in their order. None where
/// it has put nothing.
pub(crate) fn in_order<T: Send + Sync>(n: usize, work: impl FnOnce(&(dyn Fn(usize, T) + Sync))) -> Vec<Option<T>> {
    let slots: Vec<OnceLock<T>> = (0..n).map(|_| OnceLock::new()).collect();
    work(&|i, value| _ = slots[i].set(value));
    slots.into_iter().map(OnceLock::into_inner).collect()
}

/// The time of a block grows with its gates and faster with its width.
fn hardness(block: &Block) -> u64 {
    (block.circuit.n_cx() as u64).pow(2) << block.circuit.width()
}
