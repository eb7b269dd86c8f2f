//! The race of walkers: the step of a run in which several searches of one circuit go side by side.
//!
//! A circuit that is one window is searched so from the beginning; one of more windows when passes over
//! all of them find nothing more, and then every other walker goes on from the best. This file carries the race out;
//! which walkers begin again is decided by `strategy/race.rs`, where the idea comes from.

use crate::compile::Run;
use crate::observer::Event;
use crate::pass::{Pass, PassResult, joined};
use crate::round::{Task, in_order};
use crate::strategy::{Field, Standing, Step, Terms, Verdict, is_kept, limit, walk};
use crate::version::Version;
use bqc_optimize::BlockSettings;
use bqc_partition::{Partition, PartitionError, partition};
use bqc_verify::VerifiedCircuit;
use rayon::prelude::*;
use std::sync::Arc;

/// One walker.
struct Walker {
    /// The circuit that it has come to.
    version: Arc<Version>,
    standing: Standing,
}

/// A pass of one walker that is about to be done.
struct Way<'a> {
    circuit: &'a VerifiedCircuit,
    partition: Partition,
    block: BlockSettings,
}

impl Run<'_> {
    /// Walks until the terms end the race, and gives the best circuit. Walkers that race begin with one of `starts`, each
    /// in its turn.
    pub(crate) fn race(
        &mut self,
        terms: Terms,
        starts: &[Arc<Version>],
        best: &Arc<Version>,
    ) -> Result<Arc<Version>, PartitionError> {
        let mut best = best.clone();
        let first = |i| if terms.is_follower(i) { self.follower(&best) } else { self.racer(starts, i) };
        let mut walkers: Vec<Walker> = (0..self.settings.block.starts).map(first).collect();
        let (mut field, mut n_passes, mut n_idle) = (Field::default(), 0, 0);
        // `[start]`: the least leading figure of its walkers. As long as one start gets better, it may pass the best.
        let mut least: Vec<usize> = starts.iter().map(|start| self.leading(start)).collect();
        least[0] = self.leading(&best);
        while !terms.is_over(n_passes, n_idle) && self.end().is_none() {
            n_passes += 1;
            let pass = self.next_pass();
            self.around.observer.event(Event::PassStarted { pass, n_blocks: walkers.len() });
            let walked = self.walk(pass, &walkers)?;
            let had = least.clone();
            for (walker, result) in walkers.iter_mut().zip(walked) {
                self.land(walker, result);
                let Standing { start, leading, .. } = walker.standing;
                if start > 0 {
                    least[start] = least[start].min(leading);
                }
                if is_kept(
                    &Step::Race(terms),
                    &walker.version.figures,
                    walker.version.bound(),
                    &best.figures,
                    self.settings,
                ) {
                    best = walker.version.clone();
                }
            }
            self.report_pass(pass, &best);
            least[0] = self.leading(&best);
            n_idle = if least != had { 0 } else { n_idle + 1 };
            self.settle(&mut walkers, &mut field, starts, &best);
        }
        Ok(best)
    }

    /// A walker that begins with the best circuit.
    fn follower(&self, best: &Arc<Version>) -> Walker {
        Walker { version: best.clone(), standing: Standing::new(self.leading(best), best.bound(), 0, true) }
    }

    /// The walker of this number at the beginning of its way.
    fn racer(&self, starts: &[Arc<Version>], walker: usize) -> Walker {
        let start = walker % starts.len();
        let version = starts[start].clone();
        Walker { standing: Standing::new(self.leading(&version), version.bound(), start, false), version }
    }

    fn leading(&self, version: &Version) -> usize {
        self.settings.block.objective.rank(&version.figures).leading()
    }

    /// Takes over what a walker's pass has made.
    fn land(&mut self, walker: &mut Walker, result: PassResult) {
        walker.version = Arc::new(self.landed(result));
        walker.standing = walker.standing.after(self.leading(&walker.version), walker.version.bound());
    }

    /// Lets walkers begin again, in their order, so that each is judged by those before it.
    fn settle(&self, walkers: &mut [Walker], field: &mut Field, starts: &[Arc<Version>], best: &Arc<Version>) {
        let best_leading = self.leading(best);
        // Thousands of passes may add up to more than a block is allowed; the best has less.
        let max_bound = self.settings.block.tolerance.min(limit(self.settings));
        for (i, walker) in walkers.iter_mut().enumerate() {
            let standing = &walker.standing;
            let verdict = field.judge(standing, best_leading, max_bound);
            field.note(standing, verdict);
            if verdict != Verdict::GoOn {
                *walker = if standing.is_follower { self.follower(best) } else { self.racer(starts, i) };
            }
        }
    }

    /// One pass of all walkers, whose units are done together.
    fn walk(&self, pass: u32, walkers: &[Walker]) -> Result<Vec<PassResult>, PartitionError> {
        let ways: Vec<Way<'_>> = walkers
            .par_iter()
            .enumerate()
            .map(|(i, walker)| self.way(pass, i, &walker.version.circuit))
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
            joined(&way.partition, way.circuit, its, way.block.sabotage)
        };
        Ok(ways.iter().map(of_way).collect())
    }

    /// What one walker does in one pass: a function of the seed, the pass and the walker.
    fn way<'c>(&self, pass: u32, walker: usize, circuit: &'c VerifiedCircuit) -> Result<Way<'c>, PartitionError> {
        let (seed, cuts) = walk(self.settings, pass, walker, circuit.circuit().n_qubits());
        let block = BlockSettings { starts: 1, seed, ..self.settings.block.clone() };
        Ok(Way { circuit, partition: partition(circuit.circuit(), &cuts)?, block })
    }

    /// Its blocks, each once.
    fn tasks<'w>(&self, pass: u32, way: &'w Way<'_>) -> Vec<Task<'w>> {
        let pass = Pass { index: pass, block: &way.block, family: self.family, around: self.around };
        way.partition.blocks().enumerate().map(|(i, block)| pass.task(i, 0, block)).collect()
    }
}
