//! The search of a circuit that is one window: several walkers, each on an island of its own.
//!
//! A search of a small circuit ends on a plateau that depends on its random numbers, by up to a fifth
//! of the gates. So every start walks by itself from pass to pass, in parallel with the others, and one
//! that has found nothing for a while and is not the best begins again from where the search began,
//! with other random numbers. The best of all is kept.

use crate::compile::{Best, Run};
use crate::observer::Event;
use crate::pass::{Pass, PassResult};
use bqc_circuit::{Circuit, Stats};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Flow, merge_circuit};
use bqc_partition::{Options, PartitionError, partition};
use rayon::prelude::*;

/// Passes without fewer two-qubit gates after which a walker begins again. A pass of twenty rounds
/// tries some thousand moves; what is found at all on a plateau is mostly found in the first few.
const RESTART_AFTER: u32 = 5;

/// One walker.
struct Island {
    circuit: Circuit,
    /// Error bound of the circuit.
    bound: f64,
    /// Its leading figure by the objective, by default the two-qubit gates.
    leading: usize,
    n_idle: u32,
}

impl Run<'_> {
    /// Whether a search would cut this circuit into one window at most.
    pub(crate) fn is_one_window(&self, circuit: &Circuit) -> Result<bool, PartitionError> {
        let settings = self.settings;
        if !matches!(settings.block.flow, Flow::Search { .. }) || settings.block.starts < 2 {
            return Ok(false);
        }
        let options = Options { max_cx: settings.max_block_cx, ..Options::new(settings.block_size) };
        Ok(partition(circuit, &options)?.blocks().filter(|block| block.circuit.n_cx() > 0).count() == 1)
    }

    /// Walks on all islands until `patience` passes in a row have not improved the best circuit.
    pub(crate) fn search_islands(&mut self, best: &mut Best, patience: u32) -> Result<(), PartitionError> {
        let start = (best.circuit.clone(), best.bound);
        let n_islands = self.settings.block.starts as u64;
        let first_leading = best.rank.leading();
        let new = |(circuit, bound): &(Circuit, f64)| Island {
            circuit: circuit.clone(),
            bound: *bound,
            leading: first_leading,
            n_idle: 0,
        };
        let mut islands: Vec<Island> = (0..n_islands).map(|_| new(&start)).collect();
        let mut n_idle = 0;
        while n_idle < patience && self.may_search() && !self.is_stopped() {
            self.n_searches += 1;
            let pass = self.next_pass();
            self.observer.event(Event::PassStarted { pass, n_blocks: islands.len() });
            let walked: Vec<Result<PassResult, PartitionError>> =
                islands.par_iter().enumerate().map(|(i, island)| self.walk(pass, i as u64, &island.circuit)).collect();
            let mut has_improved = false;
            for (island, result) in islands.iter_mut().zip(walked) {
                let PassResult { circuit, distance, records } = result?;
                self.records.extend(records);
                let merged = merge_circuit(&circuit);
                island.bound += distance + merged.bound;
                island.circuit = merged.circuit;
                let stats = Stats::of(&island.circuit);
                let leading = self.rank(&stats).leading();
                island.n_idle = if leading < island.leading { 0 } else { island.n_idle + 1 };
                island.leading = leading;
                self.error_bound = island.bound;
                let had = best.rank.leading();
                has_improved |= self.offer(best, &island.circuit, &stats) && leading < had;
            }
            self.report_pass(pass, &best.circuit);
            n_idle = if has_improved { 0 } else { n_idle + 1 };
            for island in &mut islands {
                let is_stuck = island.n_idle >= RESTART_AFTER && island.leading >= best.rank.leading();
                // Thousands of passes may add up to more than a block is allowed; the best has less.
                if is_stuck || island.bound > self.settings.block.tolerance.min(self.limit()) {
                    *island = new(&start);
                }
            }
        }
        self.error_bound = best.bound;
        Ok(())
    }

    /// One pass of one walker: a function of the seed, the pass and the island.
    fn walk(&self, pass: u32, island: u64, circuit: &Circuit) -> Result<PassResult, PartitionError> {
        /// Purpose of the stream that gives every walker a seed of its own.
        const ISLANDS: u64 = 0x4953_4c41;
        let Run { settings, engine, stop, observer, .. } = *self;
        let seed = Stream::new(settings.block.seed, island, ISLANDS).bits();
        let block = BlockSettings { starts: 1, seed, ..settings.block.clone() };
        let cuts = Options { max_cx: settings.max_block_cx, ..Options::new(settings.block_size) };
        Pass { index: pass, block: &block, engine, stop, observer }.run_here(circuit, &cuts)
    }
}
