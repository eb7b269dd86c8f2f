//! One pass: cut, rebuild every block on whichever thread is free, join what was verified.

use crate::compile::RunSettings;
use crate::observer::{Event, Observer};
use bqc_circuit::{BlockCircuit, Circuit};
use bqc_instantiate::Engine;
use bqc_optimize::{BlockReport, Reason, VerifiedBlock, optimize_block};
use bqc_partition::{Block, Options, PartitionError, partition};
use bqc_wire::{BlockGates, BlockRecord, Outcome};
use std::any::Any;
use std::cmp::Reverse;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// One pass over a lowered circuit.
pub(crate) struct Pass<'a> {
    /// Number of the pass, from 0.
    pub index: u32,
    pub settings: &'a RunSettings,
    pub engine: &'a dyn Engine,
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

impl Pass<'_> {
    /// Cuts `circuit` as `cuts` says and rebuilds its blocks. Runs on the current rayon pool.
    pub fn run(&self, circuit: &Circuit, cuts: &Options) -> Result<PassResult, PartitionError> {
        let partition = partition(circuit, cuts)?;
        let blocks: Vec<&Block> = partition.blocks().collect();
        self.observer.event(Event::PassStarted { pass: self.index, n_blocks: blocks.len() });
        let rebuilt = self.rebuild_all(&blocks);
        let circuit = partition.join(circuit, |i, _| rebuilt[i].verified.circuit());
        // In the order of the blocks, so that the sum does not depend on the threads.
        let distance = rebuilt.iter().map(|r| r.verified.distance()).sum();
        Ok(PassResult { circuit, distance, records: rebuilt.into_iter().map(|r| r.record).collect() })
    }

    /// Every thread takes the hardest block that is left: what is started last is short, and the
    /// threads end together.
    fn rebuild_all(&self, blocks: &[&Block]) -> Vec<Rebuilt> {
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&i| (Reverse(hardness(blocks[i])), i));
        let next = AtomicUsize::new(0);
        let per_thread = rayon::broadcast(|_| {
            let mut mine = Vec::new();
            while let Some(&i) = order.get(next.fetch_add(1, Ordering::Relaxed)) {
                let rebuilt = self.rebuild(i, blocks[i]);
                self.observer.event(Event::BlockFinished(&rebuilt.record));
                mine.push((i, rebuilt));
            }
            mine
        });
        let mut all: Vec<(usize, Rebuilt)> = per_thread.into_iter().flatten().collect();
        all.sort_by_key(|(i, _)| *i);
        all.into_iter().map(|(_, rebuilt)| rebuilt).collect()
    }

    /// Rebuilds one block. Whatever goes wrong in there, the block's own gates come out.
    fn rebuild(&self, index: usize, block: &Block) -> Rebuilt {
        let start_seconds = self.observer.seconds();
        let original = &block.circuit;
        let attempt = catch_unwind(AssertUnwindSafe(|| {
            optimize_block(original, self.key(index), &self.settings.block, self.engine, self.stop)
        }));
        let (verified, outcome, n_instantiations, reason) = match attempt {
            Ok((verified, report)) => {
                let (outcome, reason) = outcome(&report);
                (verified, outcome, report.instantiations as u64, reason)
            }
            Err(payload) => (
                VerifiedBlock::unchanged(original.clone()),
                Outcome::Failed,
                0,
                format!("the block's task panicked: {}", panic_text(payload.as_ref())),
            ),
        };
        let record = BlockRecord {
            pass: self.index,
            block: index as u32,
            wires: block.qubits.iter().map(|q| q.0).collect(),
            before: gates(original),
            after: gates(verified.circuit()),
            distance: verified.distance(),
            instantiations: n_instantiations,
            seconds: (self.observer.seconds() - start_seconds).max(0.0),
            outcome,
            reason,
        };
        Rebuilt { verified, record }
    }

    /// Names the block's random streams: by place and pass alone.
    fn key(&self, index: usize) -> u64 {
        u64::from(self.index) << 32 | index as u64
    }
}

/// The time of a block grows with its gates and faster with its width.
fn hardness(block: &Block) -> u64 {
    (block.circuit.n_cx() as u64).pow(2) << block.circuit.width()
}

fn gates(block: &BlockCircuit) -> BlockGates {
    BlockGates { two_qubit_gates: block.n_cx() as u64, one_qubit_gates: block.n_one_qubit() as u64 }
}

/// The outcome of a block that came back, and the reason in words.
fn outcome(report: &BlockReport) -> (Outcome, String) {
    let outcome = match report.reason {
        Reason::Improved => Outcome::Improved,
        Reason::Unchanged { .. } => Outcome::Unchanged,
        Reason::Failed { .. } => Outcome::Failed,
    };
    (outcome, report.reason.to_string())
}

/// The words of a panic, for the record.
fn panic_text(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
