//! One pass: cut, rebuild every block on whichever thread is free, join what was verified.

use crate::observer::{Event, Observer};
use crate::unit::{Solved, Unit, Workshop};
use bqc_circuit::{BlockCircuit, Circuit};
use bqc_instantiate::Engine;
use bqc_optimize::{BlockSettings, Flow, Objective, VerifiedBlock};
use bqc_partition::{Block, Options, Partition, PartitionError, partition};
use bqc_wire::{BlockGates, BlockRecord, UnitKey};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// One pass over a lowered circuit.
pub(crate) struct Pass<'a> {
    /// Number of the pass, from 0.
    pub index: u32,
    /// What is done in each block.
    pub block: &'a BlockSettings,
    pub engine: &'a dyn Engine,
    pub workshop: &'a dyn Workshop,
    pub stop: &'a AtomicBool,
    pub observer: &'a dyn Observer,
}

/// What a pass has made.
pub(crate) struct PassResult {
    pub circuit: Circuit,
    /// Sum of the verified distances of all blocks.
    pub distance: f64,
    /// In the order of the blocks.
    pub records: Vec<BlockRecord>,
}

/// A block that is done.
struct Rebuilt {
    verified: VerifiedBlock,
    record: BlockRecord,
}

/// The units of one pass that are done or under way: blocks that are equal are solved once.
type Twins = Mutex<HashMap<UnitKey, Arc<OnceLock<Solved>>>>;

/// The starts of one block that are done.
#[derive(Default)]
struct Slot {
    n_done: usize,
    best: Option<(usize, Rebuilt)>,
}

impl Slot {
    /// Keeps the better result and the cost of both. Equally good ones: the earlier start, so that the
    /// order in which they end does not matter.
    fn add(&mut self, start: usize, rebuilt: Rebuilt, objective: Objective) {
        self.n_done += 1;
        let rank = |start: usize, r: &Rebuilt| (objective.rank_block(r.verified.circuit()), start);
        let (instantiations, seconds) = (rebuilt.record.instantiations, rebuilt.record.seconds);
        match &mut self.best {
            None => self.best = Some((start, rebuilt)),
            Some((kept_start, kept)) => {
                let total = (kept.record.instantiations + instantiations, kept.record.seconds + seconds);
                if rank(start, &rebuilt) < rank(*kept_start, kept) {
                    (*kept_start, *kept) = (start, rebuilt);
                }
                (kept.record.instantiations, kept.record.seconds) = total;
            }
        }
    }
}

impl Pass<'_> {
    /// Cuts `circuit` as `cuts` says and rebuilds its blocks. Runs on the current rayon pool.
    pub fn run(&self, circuit: &Circuit, cuts: &Options) -> Result<PassResult, PartitionError> {
        let partition = partition(circuit, cuts)?;
        let blocks: Vec<&Block> = partition.blocks().collect();
        self.observer.event(Event::PassStarted { pass: self.index, n_blocks: blocks.len() });
        let rebuilt = self.rebuild_all(&blocks);
        Ok(joined(&partition, circuit, rebuilt))
    }

    /// The same on the calling thread alone, block after block, each once: what one walker of many does.
    pub fn run_here(&self, circuit: &Circuit, cuts: &Options) -> Result<PassResult, PartitionError> {
        let partition = partition(circuit, cuts)?;
        let twins = Twins::default();
        let rebuilt: Vec<Rebuilt> =
            partition.blocks().enumerate().map(|(i, block)| self.rebuild(i, 0, block, &twins)).collect();
        for r in rebuilt.iter().filter(|r| r.record.before.two_qubit_gates > 0) {
            self.observer.event(Event::BlockFinished(&r.record));
        }
        Ok(joined(&partition, circuit, rebuilt))
    }

    /// Every thread takes the hardest task that is left: what is started last is short, and the
    /// threads end together. A task is one start of one block; the best start of each block is kept.
    fn rebuild_all(&self, blocks: &[&Block]) -> Vec<Rebuilt> {
        let n_starts = self.starts_per_block(blocks.len());
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&i| (Reverse(hardness(blocks[i])), i));
        let slots: Vec<Mutex<Slot>> = blocks.iter().map(|_| Mutex::new(Slot::default())).collect();
        let (next, twins) = (AtomicUsize::new(0), Twins::default());
        rayon::broadcast(|_| {
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                let Some(&i) = order.get(task / n_starts) else { break };
                let start = task % n_starts;
                let rebuilt = self.rebuild(i, start, blocks[i], &twins);
                // A thread that panics while it holds the lock has left a whole value behind.
                let mut slot = slots[i].lock().unwrap_or_else(|e| e.into_inner());
                slot.add(start, rebuilt, self.block.objective);
                if let (true, Some((_, best))) = (slot.n_done == n_starts, &slot.best) {
                    self.observer.event(Event::BlockFinished(&best.record));
                }
            }
        });
        let kept = |slot: Mutex<Slot>| slot.into_inner().unwrap_or_else(|e| e.into_inner()).best;
        let results = slots.into_iter().map(kept).enumerate();
        // Every slot has been filled; should one not, its block is simply done now.
        results
            .map(|(i, best)| best.map_or_else(|| self.rebuild(i, 0, blocks[i], &twins), |(_, rebuilt)| rebuilt))
            .collect()
    }

    /// Starts of a search are divided among its windows: many windows keep all cores busy by
    /// themselves, and what one start misses the next pass may find.
    fn starts_per_block(&self, n_blocks: usize) -> usize {
        match self.block.flow {
            Flow::Delete => self.block.starts.max(1),
            Flow::Search { .. } => self.block.starts.div_ceil(n_blocks.max(1)).max(1),
        }
    }

    /// Rebuilds one block once. Whatever goes wrong in there, the block's own gates come out.
    fn rebuild(&self, index: usize, start: usize, block: &Block, twins: &Twins) -> Rebuilt {
        let start_seconds = self.observer.seconds();
        let original = &block.circuit;
        let unit = Unit::new(original, self.block, self.index, start, self.engine.name());
        // A thread that panics while it holds the lock has left a whole map behind.
        let twin = twins.lock().unwrap_or_else(|e| e.into_inner()).entry(unit.key()).or_default().clone();
        let solved = twin.get_or_init(|| self.workshop.solve(&unit, self.stop)).clone();
        let Solved { verified, outcome, instantiations, reason, worker, .. } = solved;
        let record = BlockRecord {
            pass: self.index,
            block: index as u32,
            wires: block.qubits.iter().map(|q| q.0).collect(),
            before: gates(original),
            after: gates(verified.circuit()),
            distance: verified.distance(),
            instantiations,
            start_seconds,
            seconds: (self.observer.seconds() - start_seconds).max(0.0),
            worker,
            outcome,
            reason,
        };
        Rebuilt { verified, record }
    }
}

/// The verified blocks in their places, their distances added up in order, so that the sum does not
/// depend on the threads.
fn joined(partition: &Partition, circuit: &Circuit, rebuilt: Vec<Rebuilt>) -> PassResult {
    let circuit = partition.join(circuit, |i, _| rebuilt[i].verified.circuit());
    let distance = rebuilt.iter().map(|r| r.verified.distance()).sum();
    PassResult { circuit, distance, records: rebuilt.into_iter().map(|r| r.record).collect() }
}

/// The time of a block grows with its gates and faster with its width.
fn hardness(block: &Block) -> u64 {
    (block.circuit.n_cx() as u64).pow(2) << block.circuit.width()
}

pub(crate) fn gates(block: &BlockCircuit) -> BlockGates {
    BlockGates { two_qubit_gates: block.n_cx() as u64, one_qubit_gates: block.n_one_qubit() as u64 }
}
