//! One pass: cut, have every block rebuilt, join what was verified.

use crate::observer::Event;
use crate::round::{Around, Rebuilt, Task};
use crate::unit::Unit;
use bqc_circuit::BlockCircuit;
use bqc_optimize::{BlockSettings, Flow, Sabotage};
use bqc_partition::{Block, Options, Partition, PartitionError, Piece, partition};
use bqc_verify::{Fault, VerifiedBlock, VerifiedCircuit};
use bqc_wire::{BlockGates, BlockRecord};
use rayon::prelude::*;
use std::sync::Mutex;

/// One pass over a lowered circuit.
pub(crate) struct Pass<'a> {
    /// Number of the pass, from 0.
    pub index: u32,
    /// What is done in each block.
    pub block: &'a BlockSettings,
    /// Name of the engine's family, which is part of the name of every unit.
    pub family: &'a str,
    pub around: Around<'a>,
}

/// What a pass has made.
pub(crate) struct PassResult {
    /// The circuit before the pass, if the verifier refused to join its blocks.
    pub circuit: VerifiedCircuit,
    pub fault: Option<Fault>,
    /// In the order of the blocks.
    pub records: Vec<BlockRecord>,
}

/// The starts of one block that are done.
#[derive(Default)]
struct Slot {
    n_done: usize,
    best: Option<(usize, Rebuilt)>,
}

impl Slot {
    /// Keeps the better result and the cost of both. Equally good ones: the earlier start, so that the
    /// order in which they end does not matter.
    fn add(&mut self, start: usize, rebuilt: Rebuilt, unit: &Unit) {
        self.n_done += 1;
        let rank = |start: usize, r: &Rebuilt| (unit.rank(r.verified.circuit()), start);
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
    pub fn run(&self, circuit: &VerifiedCircuit, cuts: &Options) -> Result<PassResult, PartitionError> {
        let n_starts = |n_blocks| match self.block.flow {
            Flow::Delete | Flow::Exact => self.block.starts.max(1),
            Flow::Search { .. } => self.starts_per_block(n_blocks),
        };
        let unit = |block: &Block, start| Unit::new(&block.circuit, self.block, self.index, start, self.family);
        self.run_units(circuit, cuts, n_starts, unit)
    }

    /// Cuts `circuit` as `cuts` says and makes one-qubit gates of its blocks Clifford+T gates.
    pub fn run_clifford_t(&self, circuit: &VerifiedCircuit, cuts: &Options) -> Result<PassResult, PartitionError> {
        let unit = |block: &Block, _| Unit::clifford_t(&block.circuit, self.block, self.index, self.family);
        self.run_units(circuit, cuts, |_| 1, unit)
    }

    /// Cuts `circuit`, has `unit` done for each block and start, and joins the best. `n_starts`: by the number of blocks.
    fn run_units(
        &self,
        circuit: &VerifiedCircuit,
        cuts: &Options,
        n_starts: impl FnOnce(usize) -> usize,
        unit: impl Fn(&Block, usize) -> Unit + Sync,
    ) -> Result<PassResult, PartitionError> {
        let partition = partition(circuit.circuit(), cuts)?;
        let blocks: Vec<&Block> = partition.blocks().collect();
        self.around.observer.event(Event::PassStarted { pass: self.index, n_blocks: blocks.len() });
        let rebuilt = self.rebuild_all(&blocks, n_starts(blocks.len()), unit);
        Ok(joined(&partition, circuit, rebuilt, self.block.sabotage))
    }

    /// Each block as often as it has starts; the best start is kept. `unit` is asked for each block and start.
    pub fn rebuild_all(
        &self,
        blocks: &[&Block],
        n_starts: usize,
        unit: impl Fn(&Block, usize) -> Unit + Sync,
    ) -> Vec<Rebuilt> {
        let tasks: Vec<Task<'_>> = (0..blocks.len() * n_starts)
            .into_par_iter()
            .map(|task| {
                let (index, block) = (task / n_starts, blocks[task / n_starts]);
                Task { pass: self.index, index, block, unit: unit(block, task % n_starts) }
            })
            .collect();
        let slots: Vec<Mutex<Slot>> = blocks.iter().map(|_| Mutex::new(Slot::default())).collect();
        self.around.rebuild(&tasks, &|task, rebuilt| {
            // A thread that panics while it holds the lock has left a whole value behind.
            let mut slot = slots[task / n_starts].lock().unwrap_or_else(|e| e.into_inner());
            slot.add(task % n_starts, rebuilt, &tasks[task].unit);
            if let (true, Some((_, best))) = (slot.n_done == n_starts, &slot.best) {
                self.around.observer.event(Event::BlockFinished(&best.record));
            }
        });
        let best = |slot: Mutex<Slot>| slot.into_inner().unwrap_or_else(|e| e.into_inner()).best;
        // All of them are filled: each task is done once.
        slots.into_iter().filter_map(best).map(|(_, rebuilt)| rebuilt).collect()
    }

    /// One try at one block of this pass.
    pub fn task<'b>(&self, index: usize, start: usize, block: &'b Block) -> Task<'b> {
        let unit = Unit::new(&block.circuit, self.block, self.index, start, self.family);
        Task { pass: self.index, index, block, unit }
    }

    /// Starts of a search are divided among its windows: many windows keep all cores busy by
    /// themselves, and what one start misses the next pass may find.
    pub fn starts_per_block(&self, n_blocks: usize) -> usize {
        self.block.starts.div_ceil(n_blocks.max(1)).max(1)
    }
}

/// The verified blocks in their places.
pub(crate) fn joined(
    partition: &Partition,
    circuit: &VerifiedCircuit,
    rebuilt: Vec<Rebuilt>,
    sabotage: Option<Sabotage>,
) -> PassResult {
    let of_block = |i: usize| rebuilt.get(i).map(|r| &r.verified);
    let (circuit, fault) = join(partition, circuit, of_block, sabotage);
    PassResult { circuit, fault, records: rebuilt.into_iter().map(|r| r.record).collect() }
}

/// The circuit with what `replacement` gives for each block, called with the block's number among the blocks. A
/// replacement by the same gates is none. The circuit as it was, and why, if the verifier refuses to join the blocks.
pub(crate) fn join<'a>(
    partition: &Partition,
    circuit: &VerifiedCircuit,
    replacement: impl Fn(usize) -> Option<&'a VerifiedBlock>,
    sabotage: Option<Sabotage>,
) -> (VerifiedCircuit, Option<Fault>) {
    let mut swapped: Vec<Vec<_>> = Vec::new();
    if sabotage == Some(Sabotage::SwapWires) {
        swapped = partition.blocks().map(|block| block.qubits.iter().rev().copied().collect()).collect();
    }
    let mut n_blocks = 0;
    let pieces: Vec<bqc_verify::Piece<'_, _>> = partition
        .pieces
        .iter()
        .map(|piece| match piece {
            Piece::Wall(step) => bqc_verify::Piece::Wall(*step),
            Piece::Block(block) => {
                let nth = n_blocks;
                n_blocks += 1;
                let wires = swapped.get(nth).unwrap_or(&block.qubits);
                let is_other = |verified: &&VerifiedBlock| *verified.circuit() != block.circuit;
                let replacement = replacement(nth).filter(is_other);
                bqc_verify::Piece::Window { wires, steps: &block.steps, replacement }
            }
        })
        .collect();
    match circuit.join(&pieces) {
        Ok(joined) => (joined, None),
        Err(fault) => (circuit.clone(), Some(fault.into())),
    }
}

pub(crate) fn gates(block: &BlockCircuit) -> BlockGates {
    BlockGates { two_qubit_gates: block.n_cx() as u64, one_qubit_gates: block.n_one_qubit() as u64 }
}
