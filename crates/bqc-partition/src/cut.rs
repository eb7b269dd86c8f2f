//! The order in which blocks are cut: of all blocks that could begin now, the one with most CX gates,
//! unless another has waited long.
//!
//! A CX that is next on both its wires is a seed, and every seed has a growth. The growth of highest
//! rank becomes a block; then only the growths that share a wire with it are grown anew. Directives
//! become pieces as soon as nothing is left before them.

use crate::Options;
use crate::growth::{Ground, Growth};
use crate::skeleton::{NONE, Node, Skeleton, for_each_lane};
use bqc_circuit::Operation;
use bqc_circuit::gates::U3;
use bqc_linalg::Stream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Steps of the skeleton that belong together.
pub enum Cut {
    /// Wires and steps of a block, both in rising order.
    Block {
        /// Wires of the circuit.
        wires: Vec<u32>,
        /// One step for each gate.
        steps: Vec<u32>,
    },
    /// The step of a directive.
    Directive(u32),
}

/// How many CX gates a seed is worth for every gate per wire that the reading has gone past it.
/// With 0 some blocks are left until everything around them is cut; with much more than 1 the order
/// is that of reading. 0.3 to 3 differ by 1 % in the number of blocks of common benchmark circuits.
const AGE_WEIGHT: f64 = 1.0;

/// Ranks are whole numbers, so that they have one order: this many to a CX gate.
const RANKS_PER_CX: f64 = 65536.0;

/// The rank of what is no seed.
const NO_SEED: i64 = i64::MIN;

/// Cuts one circuit; every field but the inputs changes as pieces are taken.
pub struct Cutter<'a> {
    skeleton: &'a Skeleton<'a>,
    options: &'a Options,
    /// `[lane]`: first position that no piece has taken.
    fronts: Vec<u32>,
    /// `[node]`: on how many of its lanes something is left before it.
    waiting: Vec<u32>,
    /// `[wire]`: its one-qubit gates that no piece has taken, the next one last.
    singles: Vec<Vec<u32>>,
    /// `[wire]`: whether a block has ended on it, so that the shift is done.
    was_cut: Vec<bool>,
    /// Seeds by rank. An entry counts only while it says what `ranks` says.
    heap: BinaryHeap<(i64, Reverse<Node>)>,
    /// `[node]`: rank of the seed's present growth, [`NO_SEED`] if it is none.
    ranks: Vec<i64>,
    /// `[wire]`: seeds whose growth has this wire.
    watchers: Vec<Vec<Node>>,
    cuts: Vec<Cut>,
}

impl<'a> Cutter<'a> {
    /// Nothing is cut yet.
    pub fn new(skeleton: &'a Skeleton, options: &'a Options) -> Cutter<'a> {
        let circuit = skeleton.circuit();
        let (n_wires, n_nodes) = (circuit.n_qubits(), skeleton.n_nodes());
        let mut singles = vec![Vec::new(); n_wires];
        for step in (0..circuit.operations.len() as u32).rev() {
            if let Operation::Gate(call) = skeleton.at(step)
                && call.gate() == U3
            {
                singles[call.qubits()[0].index()].push(step);
            }
        }
        let mut waiting = vec![0; n_nodes];
        for node in 0..n_nodes as Node {
            for_each_lane(circuit, skeleton.at(skeleton.step(node)), |_| waiting[node as usize] += 1);
        }
        Cutter {
            skeleton,
            options,
            fronts: skeleton.starts().to_vec(),
            waiting,
            singles,
            was_cut: vec![false; n_wires],
            heap: BinaryHeap::new(),
            ranks: vec![NO_SEED; n_nodes],
            watchers: vec![Vec::new(); n_wires],
            cuts: Vec::new(),
        }
    }

    /// Cuts everything.
    pub fn run(mut self) -> Vec<Cut> {
        let mut ready = Vec::new();
        (0..self.fronts.len()).for_each(|lane| self.arrive(lane, &mut ready));
        self.take_ready(ready);
        while let Some((rank, Reverse(seed))) = self.heap.pop() {
            if self.ranks[seed as usize] != rank {
                continue;
            }
            self.ranks[seed as usize] = NO_SEED;
            let growth = self.growth(seed).without_idle_wires(&self.fronts);
            self.take_block(&growth);
        }
        (0..self.singles.len()).for_each(|wire| self.take_singles(wire, NONE));
        self.cuts
    }

    /// Counts the node that is now next on `lane` as one step closer, and says so if it is ready.
    fn arrive(&mut self, lane: usize, ready: &mut Vec<Node>) {
        let node = self.skeleton.node(self.fronts[lane]);
        if node != NONE {
            self.waiting[node as usize] -= 1;
            if self.waiting[node as usize] == 0 {
                ready.push(node);
            }
        }
    }

    /// Makes seeds of the CX gates among `ready` and pieces of the directives, and of what becomes
    /// ready by that.
    fn take_ready(&mut self, mut ready: Vec<Node>) {
        let mut seeds = Vec::new();
        while let Some(node) = ready.pop() {
            if self.skeleton.cx_wires(node).is_some() {
                seeds.push(node);
            } else {
                self.take_directive(node, &mut ready);
            }
        }
        seeds.into_iter().for_each(|seed| self.plant(seed));
    }

    fn take_directive(&mut self, node: Node, ready: &mut Vec<Node>) {
        let step = self.skeleton.step(node);
        let mut lanes = Vec::new();
        for_each_lane(self.skeleton.circuit(), self.skeleton.at(step), |lane| lanes.push(lane));
        for &wire in lanes.iter().filter(|&&lane| lane != self.skeleton.directive_lane()) {
            self.take_singles(wire, step);
        }
        self.cuts.push(Cut::Directive(step));
        for lane in lanes {
            self.fronts[lane] += 1;
            self.arrive(lane, ready);
        }
    }

    /// Makes a block of the one-qubit gates that come before `end` on a wire, if there are any: no
    /// CX stands between them and the last directive or the end, so no other block can have them.
    fn take_singles(&mut self, wire: usize, end: u32) {
        let steps = self.drain_singles(wire, end);
        if !steps.is_empty() {
            self.cuts.push(Cut::Block { wires: vec![wire as u32], steps });
        }
    }

    fn drain_singles(&mut self, wire: usize, end: u32) -> Vec<u32> {
        let singles = &mut self.singles[wire];
        let first = singles.partition_point(|&step| step >= end);
        let mut taken = singles.split_off(first);
        taken.reverse();
        taken
    }

    /// Grows a seed, for the first time or anew, and ranks it.
    fn plant(&mut self, seed: Node) {
        let growth = self.growth(seed);
        growth.wires().iter().for_each(|&w| self.watchers[w as usize].push(seed));
        let age = seed as f64 / self.singles.len() as f64;
        let value = growth.n_cx() as f64 * (1.0 + self.noise(seed, 1)) - AGE_WEIGHT * age;
        let rank = (value * RANKS_PER_CX) as i64;
        if self.ranks[seed as usize] != rank {
            self.ranks[seed as usize] = rank;
            self.heap.push((rank, Reverse(seed)));
        }
    }

    fn growth(&self, seed: Node) -> Growth {
        let wires = self.skeleton.cx_wires(seed).expect("only CX gates are seeds");
        let is_first = wires.iter().all(|&w| !self.was_cut[w as usize]);
        let limit = if is_first && self.options.shift > 0 { self.options.shift } else { usize::MAX };
        let ground = Ground { skeleton: self.skeleton, fronts: &self.fronts, block_size: self.options.block_size };
        let mut growth = Growth::new(&ground, wires, limit.min(self.options.max_cx));
        growth.grow(&ground, |wire| self.noise(seed, 2 + wire as u64));
        growth
    }

    /// Zero, or a random number in `[0, 1)` if cuts are to be random.
    fn noise(&self, seed: Node, purpose: u64) -> f64 {
        self.options.random_cuts.map_or(0.0, |cuts| Stream::new(cuts.seed, seed as u64, purpose).uniform())
    }

    fn take_block(&mut self, growth: &Growth) {
        let mut steps = Vec::new();
        for (&wire, &end) in growth.wires().iter().zip(growth.positions()) {
            let front = std::mem::replace(&mut self.fronts[wire as usize], end);
            let nodes = (front..end).map(|position| self.skeleton.node(position));
            // Both wires of a CX pass it; the control's lane takes it.
            let own = nodes.filter(|&n| self.skeleton.cx_wires(n).is_some_and(|w| w[0] == wire));
            steps.extend(own.map(|n| self.skeleton.step(n)));
            let next = self.skeleton.step(self.skeleton.node(end));
            steps.append(&mut self.drain_singles(wire as usize, next));
            self.was_cut[wire as usize] = true;
        }
        // The order of reading is one of the valid orders.
        steps.sort_unstable();
        let mut wires = growth.wires().to_vec();
        wires.sort_unstable();
        self.cuts.push(Cut::Block { wires: wires.clone(), steps });
        self.renew_around(&wires);
    }

    /// After a block on `wires`: finds what became ready, and grows anew what shared a wire with it.
    fn renew_around(&mut self, wires: &[u32]) {
        let (mut ready, mut shaken) = (Vec::new(), Vec::new());
        for &wire in wires {
            self.arrive(wire as usize, &mut ready);
            shaken.append(&mut self.watchers[wire as usize]);
        }
        shaken.sort_unstable();
        shaken.dedup();
        shaken.retain(|&seed| self.ranks[seed as usize] != NO_SEED);
        shaken.into_iter().for_each(|seed| self.renew(seed));
        self.take_ready(ready);
    }

    /// Grows a seed anew, or forgets it if a block has taken it.
    fn renew(&mut self, seed: Node) {
        let is_left = |w: u32| self.skeleton.node(self.fronts[w as usize]) == seed;
        if self.skeleton.cx_wires(seed).is_some_and(|w| w.into_iter().all(is_left)) {
            self.plant(seed);
        } else {
            self.ranks[seed as usize] = NO_SEED;
        }
    }
}
