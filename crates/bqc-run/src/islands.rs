//! The search of a small circuit: several walkers, each on an island of its own.
//!
//! A circuit that is one window is searched so from the beginning; one of more windows when passes over
//! all of them find nothing more, and then every other walker goes on from the best.
//!
//! A search of a small circuit ends on a plateau that depends on its random numbers, by up to a third of
//! the gates, and the first moments decide which. So walkers race: each walks by itself from pass to
//! pass, in parallel with the others, and after 1, 2, 4, 8, … passes goes on only if it is not worse than
//! the median of all that came as far (successive halving, Jamieson and Talwalkar, arXiv:1502.07943,
//! without its batches). One that does not begins again from where the search began, with other random
//! numbers. Every fourth walker does not race: it goes on from the best that anyone has found. The best of
//! all is kept.

use crate::compile::{Best, Run, RunSettings, random_cuts};
use crate::observer::Event;
use crate::pass::{Pass, PassResult, joined};
use crate::round::{Task, in_order};
use bqc_circuit::{Circuit, Stats};
use bqc_linalg::Stream;
use bqc_optimize::{BlockSettings, Figures, Flow, merge_circuit};
use bqc_partition::{Options, Partition, PartitionError, partition};
use rayon::prelude::*;

/// Passes without fewer two-qubit gates after which a walker begins again. A pass of twenty rounds
/// tries some thousand moves; what is found at all on a plateau is mostly found in the first few.
const RESTART_AFTER: u32 = 5;
/// Every so manieth walker goes on from the best, if all begin from the beginning.
const FOLLOWER: usize = 4;
/// The same where a search has come to a stop before: a new beginning is dear then.
const FOLLOWER_AFTER_STOP: usize = 2;
/// Walkers that must have come as far before one is stopped for being worse than their median.
const SMALLEST_FIELD: usize = 4;

/// One walker.
struct Island {
    circuit: Circuit,
    /// Error bound of the circuit.
    bound: f64,
    /// Its leading figure by the objective, by default the two-qubit gates.
    leading: usize,
    n_idle: u32,
    /// Passes since it began.
    age: u32,
}

/// What walkers had after 1, 2, 4, 8, … passes.
#[derive(Default)]
struct Race(Vec<Vec<usize>>);

impl Race {
    /// Notes what a walker of this age has, and whether it may go on.
    fn goes_on(&mut self, age: u32, leading: usize) -> bool {
        if !age.is_power_of_two() {
            return true;
        }
        let mark = age.ilog2() as usize;
        if self.0.len() <= mark {
            self.0.resize_with(mark + 1, Vec::new);
        }
        let field = &mut self.0[mark];
        let at = field.partition_point(|other| *other < leading);
        field.insert(at, leading);
        field.len() < SMALLEST_FIELD || leading <= field[(field.len() - 1) / 2]
    }
}

impl Run<'_> {
    /// Whether a search would cut this circuit into one window at most.
    pub(crate) fn is_one_window(&self, circuit: &Circuit) -> Result<bool, PartitionError> {
        let settings = self.settings;
        if !matches!(settings.block.flow, Flow::Search { .. }) || settings.block.starts < 2 {
            return Ok(false);
        }
        Ok(partition(circuit, &self.window_cuts())?.blocks().filter(|block| block.circuit.n_cx() > 0).count() == 1)
    }

    /// The cuts of windows of full size.
    fn window_cuts(&self) -> Options {
        Options { max_cx: self.settings.max_block_cx, ..Options::new(self.settings.block_size) }
    }

    /// Whether a circuit of more than one window is small enough for walkers of its own.
    pub(crate) fn has_room_for_islands(&self, figures: &Figures) -> bool {
        let RunSettings { max_block_cx, block, .. } = self.settings;
        let is_search = matches!(block.flow, Flow::Search { .. });
        is_search && block.starts >= FOLLOWER && figures.n_two_qubit <= *max_block_cx
    }

    /// Walks on all islands until `patience` passes in a row have not improved the best circuit. Those that
    /// race begin with `start`, a circuit and its bound.
    pub(crate) fn search_islands(
        &mut self,
        start: &(Circuit, f64),
        best: &mut Best,
        patience: u32,
    ) -> Result<(), PartitionError> {
        let from_best = (best.circuit.clone(), best.bound);
        let every = if start.0 == from_best.0 { FOLLOWER } else { FOLLOWER_AFTER_STOP };
        let is_follower = |i: usize| i % every == every - 1;
        let new = |i: usize| self.island(if is_follower(i) { &from_best } else { start });
        let mut islands: Vec<Island> = (0..self.settings.block.starts).map(new).collect();
        let (mut race, mut n_idle) = (Race::default(), 0);
        while n_idle < patience && self.may_search() && !self.is_stopped() {
            self.n_searches += 1;
            let pass = self.next_pass();
            self.around.observer.event(Event::PassStarted { pass, n_blocks: islands.len() });
            let walked = self.walk(pass, &islands)?;
            let had = best.rank.leading();
            for (island, result) in islands.iter_mut().zip(walked) {
                self.land(island, result, best);
            }
            self.report_pass(pass, &best.circuit);
            n_idle = if best.rank.leading() < had { 0 } else { n_idle + 1 };
            for (i, island) in islands.iter_mut().enumerate() {
                self.settle(island, is_follower(i), &mut race, start, best);
            }
        }
        self.error_bound = best.bound;
        Ok(())
    }

    /// A walker at the beginning of its way.
    fn island(&self, (circuit, bound): &(Circuit, f64)) -> Island {
        let leading = self.rank(&Stats::of(circuit)).leading();
        Island { circuit: circuit.clone(), bound: *bound, leading, n_idle: 0, age: 0 }
    }

    /// Takes over what a walker's pass has made.
    fn land(&mut self, island: &mut Island, result: PassResult, best: &mut Best) {
        let PassResult { circuit, distance, records } = result;
        self.records.extend(records);
        let merged = merge_circuit(&circuit);
        island.bound += distance + merged.bound;
        island.circuit = merged.circuit;
        let stats = Stats::of(&island.circuit);
        let leading = self.rank(&stats).leading();
        island.n_idle = if leading < island.leading { 0 } else { island.n_idle + 1 };
        island.leading = leading;
        island.age += 1;
        self.error_bound = island.bound;
        self.offer(best, &island.circuit, &stats);
    }

    /// Decides whether a walker begins again.
    fn settle(&self, island: &mut Island, is_follower: bool, race: &mut Race, start: &(Circuit, f64), best: &Best) {
        let is_best = island.leading <= best.rank.leading();
        let is_stuck = island.n_idle >= RESTART_AFTER && !is_best;
        // Thousands of passes may add up to more than a block is allowed; the best has less.
        let is_spent = island.bound > self.settings.block.tolerance.min(self.limit());
        if is_follower {
            if is_stuck || is_spent {
                *island = self.island(&(best.circuit.clone(), best.bound));
            }
        } else if is_stuck || is_spent || !(race.goes_on(island.age, island.leading) || is_best) {
            *island = self.island(start);
        }
    }

    /// One pass of all walkers, whose units are done together.
    fn walk(&self, pass: u32, islands: &[Island]) -> Result<Vec<PassResult>, PartitionError> {
        let ways: Vec<Way<'_>> = islands
            .par_iter()
            .enumerate()
            .map(|(i, island)| self.way(pass, i as u64, &island.circuit))
            .collect::<Result<_, _>>()?;
        let tasks: Vec<Task<'_>> = ways.par_iter().flat_map_iter(|way| self.tasks(pass, way)).collect();
        let rebuilt = in_order(tasks.len(), |put| {
            self.around.rebuild(&tasks, &|i, rebuilt| {
                if rebuilt.record.before.two_qubit_gates > 0 {
                    self.around.observer.event(Event::BlockFinished(&rebuilt.record));
                }
                put(i, rebuilt);
            });
        });
        // None is missing: each task is done once.
        let mut rebuilt = rebuilt.into_iter().flatten();
        let of_way = |way: &Way<'_>| {
            let its = rebuilt.by_ref().take(way.partition.blocks().count()).collect();
            joined(&way.partition, way.circuit, its)
        };
        Ok(ways.iter().map(of_way).collect())
    }

    /// What one walker does in one pass: a function of the seed, the pass and the island.
    fn way<'c>(&self, pass: u32, island: u64, circuit: &'c Circuit) -> Result<Way<'c>, PartitionError> {
        /// Purpose of the stream that gives every walker a seed of its own.
        const ISLANDS: u64 = 0x4953_4c41;
        let settings = self.settings;
        let seed = Stream::new(settings.block.seed, island, ISLANDS).bits();
        let block = BlockSettings { starts: 1, seed, ..settings.block.clone() };
        let cuts = self.window_cuts();
        // Where one window holds everything there is nothing to cut.
        let is_wide = circuit.n_qubits() > settings.block_size;
        let cuts = if is_wide { random_cuts(cuts, seed, pass, settings.max_block_cx) } else { cuts };
        Ok(Way { circuit, partition: partition(circuit, &cuts)?, block })
    }

    /// Its blocks, each once.
    fn tasks<'w>(&self, pass: u32, way: &'w Way<'_>) -> Vec<Task<'w>> {
        let Run { family, around, .. } = *self;
        let pass = Pass { index: pass, block: &way.block, family, around };
        way.partition.blocks().enumerate().map(|(i, block)| pass.task(i, 0, block)).collect()
    }
}

/// A pass of one walker that is about to be done.
struct Way<'a> {
    circuit: &'a Circuit,
    partition: Partition,
    block: BlockSettings,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_better_half_of_a_field_goes_on() {
        let mut race = Race::default();
        // A small field is not judged, and neither is an age between two marks.
        assert!([30, 20, 25].iter().all(|leading| race.goes_on(1, *leading)));
        assert!(race.goes_on(3, 1000));
        assert!(race.goes_on(1, 25) && !race.goes_on(1, 26) && race.goes_on(1, 19));
        // Every mark has a field of its own.
        assert!(race.goes_on(2, 50) && race.goes_on(4, 50) && !race.goes_on(1, 50));
    }
}
