//! Moves that trade up to three sources of a parity for one or two others, anywhere in the circuit.
//!
//! Between two uses as a control or by a Hadamard, a wire only collects parities. Over that stretch of time any wire
//! that carries parity p at any moment will do as the source of p, and p + q may be collected as one parity that some
//! wire carries, or as two others with the same sum. It is what takes most CX off multipliers.

use super::chance::Chance;
use super::network::{Gate, Network};
use super::phases::Label;
use super::sum::PathSum;

/// A stretch of time in which a wire carries a parity: places that a gate may be put in before.
#[derive(Clone, Copy)]
pub(super) struct Holding {
    wire: u16,
    from: usize,
    until: usize,
}

/// A CX onto the lane, just before a place.
type Source = (usize, u16, Label);

/// The lane of a wire: the gates that have it as their target between two other uses of it.
struct Lane {
    wire: u16,
    /// Places from the first gate's to just behind the last one's.
    from: usize,
    until: usize,
}

impl PathSum {
    /// Trades what the CX at `i` collects, alone or with one or two other CX of its lane.
    pub(super) fn sources(&mut self, i: usize, chance: &mut Chance) {
        let lane = self.find_lane(i);
        let dice = chance.stream.bits();
        let (old, n_old) = self.with_partners(i, dice, chance);
        let old = &old[..n_old];
        let sum = old.iter().fold(0, |sum, &at| sum ^ self.network.gate(at).lc);
        if sum == 0 {
            return self.trade(old, &[]);
        }
        let prefers_two = dice & 12 == 0;
        if !prefers_two && let Some(holding) = self.holding(sum, &lane, chance) {
            return self.trade(old, &[pick(holding, sum, chance)]);
        }
        if n_old == 1 && !chance.allows(self.network.n_cx(), 1) {
            return;
        }
        let Some(first) = random_source(&self.network, &lane, chance) else { return };
        if first.2 == sum {
            return;
        }
        if let Some(holding) = self.holding(sum ^ first.2, &lane, chance) {
            let second = pick(holding, sum ^ first.2, chance);
            self.trade(old, &if first.0 <= second.0 { [first, second] } else { [second, first] });
        }
    }

    /// The CX at `i` with none, one or two others of its lane, as the lane has them and the dice say.
    fn with_partners(&self, i: usize, dice: u64, chance: &mut Chance) -> ([usize; 3], usize) {
        let lane = &self.scratch.lane;
        let n_wanted = [1, 2, 2, 3][(dice & 3) as usize];
        let (mut old, mut n) = ([i; 3], 1);
        while n < n_wanted.min(lane.len()) {
            let other = lane[chance.below(lane.len())];
            if !old[..n].contains(&other) {
                old[n] = other;
                n += 1;
            }
        }
        (old, n)
    }

    /// The lane around the gate at `i`; the places of its gates go to the scratch, in order.
    fn find_lane(&mut self, i: usize) -> Lane {
        let wire = self.network.gate(i).t;
        let (from, until) = self.network.lane(i);
        let gates = &mut self.scratch.lane;
        gates.clear();
        let mut at = from;
        while let Some(k) = self.network.next_target(at, wire).filter(|&k| k < until) {
            gates.push(k);
            at = k + 1;
        }
        Lane { wire, from, until }
    }

    /// A random one of the stretches in which another wire carries the parity during the lane.
    fn holding(&mut self, label: Label, lane: &Lane, chance: &mut Chance) -> Option<Holding> {
        let network = &self.network;
        if !network.may_carry(label) {
            return None;
        }
        let found = &mut self.scratch.holdings;
        found.clear();
        let mut add = |wire: u16, since: usize| {
            if wire != lane.wire {
                let until = network.next_target(since, wire).unwrap_or(lane.until).min(lane.until);
                let from = since.max(lane.from);
                if from <= until {
                    found.push(Holding { wire, from, until });
                }
            }
        };
        for at in network.carriers(label, lane.until) {
            add(network.gate(at).t, at + 1);
        }
        for wire in 0..network.n_wires() {
            if network.inputs[wire as usize] == label {
                add(wire, 0);
            }
        }
        if found.is_empty() { None } else { Some(found[chance.below(found.len())]) }
    }

    /// Takes `old` CX of the lane away and puts the sources there, which are in order. Gates of the lane between collect
    /// other parities from then on; where a rotation would lose its place, nothing is done.
    fn trade(&mut self, old: &[usize], sources: &[Source]) {
        let scratch = &mut self.scratch;
        scratch.changed.clear();
        scratch.places.clear();
        scratch.lost.clear();
        let x = self.network.gate(old[0]).t;
        let mut label = self.network.gate(scratch.lane[0]).lt;
        let mut next = sources.iter().peekable();
        let collect = |source: &Source, label: &mut Label, changed: &mut Vec<Gate>| {
            changed.push(Gate::cx(source.1, x, source.2, *label));
            *label ^= source.2;
        };
        // `usize::MAX` stands for the place of a new gate.
        for &at in &scratch.lane {
            while let Some(source) = next.next_if(|source| source.0 <= at) {
                collect(source, &mut label, &mut scratch.changed);
                scratch.places.push(usize::MAX);
            }
            let gate = self.network.gate(at);
            if old.contains(&at) {
                scratch.lost.push(gate.rotation);
                continue;
            }
            if gate.lt != label {
                scratch.lost.push(gate.rotation);
                scratch.changed.push(gate.with_lt(label));
                scratch.places.push(at);
            }
            label ^= gate.lc;
        }
        for source in next {
            collect(source, &mut label, &mut scratch.changed);
            scratch.places.push(usize::MAX);
        }
        let (lost, mut changed) = (std::mem::take(&mut scratch.lost), std::mem::take(&mut scratch.changed));
        if self.exchange(&lost, &mut changed) {
            self.carry_out_trade(old, sources, &changed);
        }
        (self.scratch.lost, self.scratch.changed) = (lost, changed);
    }

    fn carry_out_trade(&mut self, old: &[usize], sources: &[Source], changed: &[Gate]) {
        let mut new = [Gate::cx(0, 0, 0, 0); 2];
        let mut n_new = 0;
        for (gate, &at) in changed.iter().zip(&self.scratch.places) {
            if at == usize::MAX {
                new[n_new] = *gate;
                n_new += 1;
            } else {
                self.network.put(at, *gate);
            }
        }
        old.iter().for_each(|&at| self.network.remove(at));
        match sources {
            [] => {}
            [only] => _ = self.network.insert(only.0, new[0]),
            [first, second, ..] => self.network.insert_two([(first.0, new[0]), (second.0, new[1])]),
        }
    }
}

/// A random moment of a stretch.
fn pick(holding: Holding, label: Label, chance: &mut Chance) -> Source {
    (holding.from + chance.below(holding.until - holding.from + 1), holding.wire, label)
}

/// What a random other wire carries at a random moment of the lane.
fn random_source(network: &Network, lane: &Lane, chance: &mut Chance) -> Option<Source> {
    let wire = chance.below(network.n_wires() as usize) as u16;
    let before = lane.from + chance.below(lane.until - lane.from + 1);
    (wire != lane.wire).then(|| (before, wire, network.label_before(before, wire)))
}
