//! One pass that spends a budget of phase distance: every block offers shorter circuits that are near
//! it, and those that remove most CX per distance are taken until the budget is used up.
//!
//! A pass does not spend all that it may. It spends up to the lowest rung of a fixed ladder of decades
//! that admits anything at all, so that what is cheap goes first, over all passes too, and a run with
//! a larger budget begins like one with a smaller budget.

use crate::observer::Event;
use crate::pass::{Pass, PassResult, gates, join};
use crate::round::{Timed, in_order};
use crate::unit::Unit;
use bqc_partition::{Block, Options, PartitionError, partition};
use bqc_verify::{VerifiedBlock, VerifiedCircuit};
use bqc_wire::{BlockRecord, Outcome};
use rayon::prelude::*;
use std::cmp::Reverse;
use std::sync::atomic::Ordering;

/// The lowest rung: what is nearer than this is found by the search for identities.
const LOWEST_RUNG: i32 = -9;

/// The share of a rung that is left for the rounding of what follows: merges and identities.
const RESERVE: f64 = 1e-3;

/// A budget of phase distance for the whole circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Budget {
    /// Largest distance of the result from the input.
    pub total: f64,
    /// The bound of the circuit at hand.
    pub spent: f64,
}

impl Budget {
    /// What may be spent up to `rung`.
    fn up_to(&self, rung: f64) -> f64 {
        (rung - self.spent) * (1.0 - RESERVE)
    }

    /// What may be spent by a pass whose cheapest offer costs `least`: up to the lowest decade that
    /// admits it, or to the total. None if that is not enough either, or `least` is no number.
    fn for_offer(&self, least: f64) -> Option<f64> {
        let decades = (LOWEST_RUNG..0).map(|exponent| 10f64.powi(exponent));
        let mut rungs = decades.filter(|rung| *rung < self.total).chain([self.total]).map(|rung| self.up_to(rung));
        rungs.find(|budget| least <= *budget)
    }
}

/// What a block offers: circuits of fewer and fewer CX, each measured against the block itself.
#[derive(Default)]
struct Offers {
    circuits: Vec<VerifiedBlock>,
    n_descents: u64,
    /// When it was first looked at, and how long that took in all.
    start_seconds: Option<f64>,
    seconds: f64,
    /// Who has found the last one.
    worker: Option<u32>,
    /// What went wrong, in words.
    fault: Option<String>,
}

/// The figures of one offer.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Offer {
    /// CX fewer than the block has.
    n_removed: usize,
    /// From the block.
    distance: f64,
}

impl Pass<'_> {
    /// Cuts `circuit` and spends some of `budget`, if a block offers anything for it.
    pub fn run_approximate(
        &self,
        circuit: &VerifiedCircuit,
        cuts: &Options,
        budget: Budget,
    ) -> Result<PassResult, PartitionError> {
        let partition = partition(circuit.circuit(), cuts)?;
        let blocks: Vec<&Block> = partition.blocks().collect();
        self.around.observer.event(Event::PassStarted { pass: self.index, n_blocks: blocks.len() });
        let mut offers: Vec<Offers> = blocks.iter().map(|_| Offers::default()).collect();
        let largest = budget.up_to(budget.total);
        let all: Vec<usize> = (0..blocks.len()).collect();
        self.extend(&mut offers, &blocks, &all, largest);
        let firsts = offers.iter().filter_map(|o| o.circuits.first());
        let least = firsts.map(VerifiedBlock::distance).fold(f64::INFINITY, f64::min);
        // Without a rung for the cheapest there is none for any.
        let allowed = budget.for_offer(least).unwrap_or(0.0);
        let is_within = |o: &Offers| o.circuits.last().is_some_and(|c| c.distance() <= allowed);
        let mut open: Vec<usize> = all.into_iter().filter(|&i| is_within(&offers[i])).collect();
        while !open.is_empty() {
            open = self.extend(&mut offers, &blocks, &open, allowed);
            open.retain(|&i| is_within(&offers[i]));
        }
        let figures: Vec<Vec<Offer>> = offers.iter().zip(&blocks).map(|(o, block)| o.figures(block)).collect();
        let chosen = choose(&figures, allowed);
        let taken = |i: usize| chosen[i].map(|k| &offers[i].circuits[k]);
        let (circuit, fault) = join(&partition, circuit, taken, self.block.sabotage);
        let records: Vec<BlockRecord> =
            (0..blocks.len()).map(|i| self.approximate_record(i, blocks[i], &offers[i], taken(i))).collect();
        records.iter().for_each(|record| self.around.observer.event(Event::BlockFinished(record)));
        Ok(PassResult { circuit, fault, records })
    }

    /// Adds one more offer of each of these blocks, within `tolerance` of it. Returns which of them have one.
    fn extend(&self, offers: &mut [Offers], blocks: &[&Block], which: &[usize], tolerance: f64) -> Vec<usize> {
        if self.around.stop.load(Ordering::Relaxed) || !self.around.workshop.goes_on(false) {
            return Vec::new();
        }
        let unit = |&i: &usize| {
            let original = &blocks[i].circuit;
            let (from, distance) = offers[i].circuits.last().map_or((original, 0.0), |c| (c.circuit(), c.distance()));
            Unit::shortening(original, from, distance, tolerance, self.family)
        };
        let units: Vec<Unit> = which.par_iter().map(unit).collect();
        let mut order: Vec<usize> = (0..which.len()).collect();
        order.sort_by_key(|&nth| (Reverse(units[nth].block().n_cx()), nth));
        let asked: Vec<&Unit> = order.iter().map(|&nth| &units[nth]).collect();
        let done = in_order(which.len(), |put| self.around.solve(&asked, &|i, timed| put(order[i], timed)));
        let add = |(&i, timed): (&usize, Option<Timed>)| offers[i].add(timed?).then_some(i);
        which.iter().zip(done).filter_map(add).collect()
    }

    fn approximate_record(
        &self,
        index: usize,
        block: &Block,
        offers: &Offers,
        taken: Option<&VerifiedBlock>,
    ) -> BlockRecord {
        let (outcome, reason) = match (&offers.fault, taken) {
            (Some(words), None) => (Outcome::Failed, words.clone()),
            (_, Some(_)) => (Outcome::Improved, "approximated".into()),
            (None, None) => (Outcome::Unchanged, "unchanged: no approximation was worth the budget".into()),
        };
        BlockRecord {
            pass: self.index,
            block: index as u32,
            wires: block.qubits.iter().map(|q| q.0).collect(),
            before: gates(&block.circuit),
            after: gates(taken.map_or(&block.circuit, VerifiedBlock::circuit)),
            distance: taken.map_or(0.0, VerifiedBlock::distance),
            instantiations: offers.n_descents,
            start_seconds: offers.start_seconds.unwrap_or_else(|| self.around.observer.seconds()),
            seconds: offers.seconds,
            worker: offers.worker,
            outcome,
            reason,
        }
    }
}

impl Offers {
    /// Takes what came of one more try. Whether it is an offer.
    fn add(&mut self, Timed { solved, start_seconds, seconds }: Timed) -> bool {
        self.start_seconds.get_or_insert(start_seconds);
        self.seconds += seconds;
        self.n_descents += solved.instantiations;
        match solved.outcome {
            Outcome::Improved => {
                self.circuits.push(solved.verified);
                self.worker = solved.worker;
            }
            Outcome::Unchanged => {}
            Outcome::Failed => self.fault = Some(solved.reason),
        }
        solved.outcome == Outcome::Improved
    }

    fn figures(&self, block: &Block) -> Vec<Offer> {
        let n_cx = block.circuit.n_cx();
        let figures = |c: &VerifiedBlock| Offer { n_removed: n_cx - c.circuit().n_cx(), distance: c.distance() };
        self.circuits.iter().map(figures).collect()
    }
}

/// Which offer of each block to take, if any, so that their distances add up to at most `budget`.
///
/// Greedy: of all exchanges of what is taken of a block for a later offer of it, the one with the most
/// CX per distance that still fits; the first block and the first offer where two are equal.
fn choose(offers: &[Vec<Offer>], budget: f64) -> Vec<Option<usize>> {
    let mut chosen: Vec<Option<usize>> = vec![None; offers.len()];
    let mut spent = 0.0;
    loop {
        let mut best: Option<(f64, usize, usize, f64)> = None;
        for (i, of_block) in offers.iter().enumerate() {
            let (n_now, distance_now) = chosen[i].map_or((0, 0.0), |k| (of_block[k].n_removed, of_block[k].distance));
            for (k, offer) in of_block.iter().enumerate().skip(chosen[i].map_or(0, |k| k + 1)) {
                let cost = offer.distance - distance_now;
                if offer.n_removed <= n_now || spent + cost > budget || cost.is_nan() {
                    continue;
                }
                let per_distance = (offer.n_removed - n_now) as f64 / cost.max(f64::MIN_POSITIVE);
                if best.is_none_or(|(most, ..)| per_distance > most) {
                    best = Some((per_distance, i, k, cost));
                }
            }
        }
        let Some((_, i, k, cost)) = best else { return chosen };
        chosen[i] = Some(k);
        spent += cost;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(n_removed: usize, distance: f64) -> Offer {
        Offer { n_removed, distance }
    }

    #[test]
    fn most_gates_per_distance_go_first_and_the_sum_fits() {
        let offers = [
            vec![offer(1, 0.5), offer(4, 0.6)],
            vec![offer(1, 0.1), offer(2, 0.5)],
            vec![],
            vec![offer(1, 0.0), offer(2, f64::NAN)],
        ];
        assert_eq!(choose(&offers, 0.0), [None, None, None, Some(0)]);
        assert_eq!(choose(&offers, 0.1), [None, Some(0), None, Some(0)]);
        // One and then four gates of the first block are worth less than the cheap one of the second.
        assert_eq!(choose(&offers, 0.5), [None, Some(1), None, Some(0)]);
        assert_eq!(choose(&offers, 0.7), [Some(1), Some(0), None, Some(0)]);
        assert_eq!(choose(&offers, 2.0), [Some(1), Some(1), None, Some(0)]);
        assert_eq!(choose(&offers, -1.0), [None; 4]);
    }

    #[test]
    fn a_pass_spends_up_to_the_lowest_rung_that_admits_anything() {
        let budget = Budget { total: 5e-4, spent: 2e-7 };
        let rung = |least: f64| budget.for_offer(least).map(|b| b / (1.0 - RESERVE) + budget.spent);
        let is_near = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9 * b);
        assert!(is_near(rung(1e-12), 1e-6) && is_near(rung(9e-7), 1e-5));
        assert!(is_near(rung(2e-4), 5e-4));
        assert_eq!((rung(5e-4), rung(f64::INFINITY), rung(f64::NAN)), (None, None, None));
        let tiny = Budget { total: 1e-12, spent: 2e-12 };
        assert_eq!(tiny.for_offer(0.0), None);
    }
}
