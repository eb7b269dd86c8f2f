//! The order in which blocks are cut: of all blocks that could begin now, the one with most CX gates,
//! unless another has waited long.
//!
//! A CX that is next on both its wires is a seed, and the seed whose growth has the highest rank
//! becomes a block. Taking blocks away nearly always makes other growths smaller, so ranks are upper
//! bounds and are not kept up to date: the seed on top is grown anew, and goes back if it has lost
//! (lazy evaluation as in greedy set cover: Minoux, 1978). Walls become pieces as soon as nothing
//! is left before them.

use crate::Options;
use crate::growth::{Ground, Growth};
use crate::skeleton::{NONE, Node, Skeleton};
use bqc_circuit::{Item, LoweredGate, Sequence, Wire};
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
    /// The step of a wall.
    Wall(u32),
}

/// How many CX gates a seed is worth for every gate per wire that the reading has gone past it.
/// With 0 some blocks are left until everything around them is cut; with much more than 1 the order
/// is that of reading. 0.3 to 3 differ by 1 % in the number of blocks of common benchmark circuits.
const AGE_WEIGHT: f64 = 1.0;

/// Ranks are whole numbers, so that they have one order: this many to a CX gate.
const RANKS_PER_CX: f64 = 65536.0;

/// Cuts one circuit; every field but the inputs changes as pieces are taken.
pub struct Cutter<'a, S> {
    skeleton: &'a Skeleton<'a, S>,
    options: &'a Options,
    /// `[lane]`: first position that no piece has taken.
    fronts: Vec<u32>,
    /// `[node]`: on how many of its lanes something is left before it.
    waiting: Vec<u32>,
    /// `[wire]`: its one-qubit gates that no piece has taken, the next one last.
    singles: Vec<Vec<u32>>,
    /// `[wire]`: whether a block has ended on it, so that the shift is done.
    was_cut: Vec<bool>,
    /// Seeds by the rank that they had when they were last grown, and by place.
    heap: BinaryHeap<(i64, Reverse<Node>)>,
    cuts: Vec<Cut>,
}

impl<'a, S: Sequence> Cutter<'a, S> {
    /// Nothing is cut yet.
    pub fn new(skeleton: &'a Skeleton<'a, S>, options: &'a Options) -> Cutter<'a, S> {
        let circuit = skeleton.circuit();
        let (n_wires, n_nodes) = (circuit.n_wires(), skeleton.n_nodes());
        let mut singles = vec![Vec::new(); n_wires];
        for step in (0..circuit.len() as u32).rev() {
            if let Item::Gate(LoweredGate::One { wire, .. }) = skeleton.at(step) {
                singles[wire.index()].push(step);
            }
        }
        let mut waiting = vec![0; n_nodes];
        for node in 0..n_nodes as Node {
            skeleton.for_each_lane(&skeleton.at(skeleton.step(node)), |_| waiting[node as usize] += 1);
        }
        Cutter {
            skeleton,
            options,
            fronts: skeleton.starts().to_vec(),
            waiting,
            singles,
            was_cut: vec![false; n_wires],
            heap: BinaryHeap::new(),
            cuts: Vec::new(),
        }
    }

    /// Cuts everything.
    pub fn run(mut self) -> Vec<Cut> {
        let mut ready = Vec::new();
        (0..self.fronts.len()).for_each(|lane| self.arrive(lane, &mut ready));
        self.take_ready(ready);
        while let Some((rank, Reverse(seed))) = self.heap.pop() {
            if !self.is_next(seed) {
                continue;
            }
            let growth = self.growth(seed);
            let rank_now = self.rank(seed, &growth);
            if rank_now < rank {
                self.heap.push((rank_now, Reverse(seed)));
            } else {
                self.take_block(&growth.without_idle_wires(&self.fronts));
            }
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

    /// Makes seeds of the gates among `ready` and pieces of the walls, and of what becomes
    /// ready by that.
    fn take_ready(&mut self, mut ready: Vec<Node>) {
        let mut seeds = Vec::new();
        while let Some(node) = ready.pop() {
            if self.skeleton.gate_wires(node).is_some() {
                seeds.push(node);
            } else {
                self.take_wall(node, &mut ready);
            }
        }
        // Grown after the walls are out of the way.
        for seed in seeds {
            let rank = self.rank(seed, &self.growth(seed));
            self.heap.push((rank, Reverse(seed)));
        }
    }

    fn take_wall(&mut self, node: Node, ready: &mut Vec<Node>) {
        let step = self.skeleton.step(node);
        let mut lanes = Vec::new();
        self.skeleton.for_each_lane(&self.skeleton.at(step), |lane| lanes.push(lane));
        for &wire in lanes.iter().filter(|&&lane| lane != self.skeleton.wall_lane()) {
            self.take_singles(wire, step);
        }
        self.cuts.push(Cut::Wall(step));
        for lane in lanes {
            self.fronts[lane] += 1;
            self.arrive(lane, ready);
        }
    }

    /// Makes a block of the one-qubit gates that come before `end` on a wire, if there are any: no
    /// CX stands between them and the last wall or the end, so no other block can have them.
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

    /// Whether a seed is still left: not taken by another seed's block.
    fn is_next(&self, seed: Node) -> bool {
        let is_next_on = |w: u32| self.skeleton.node(self.fronts[w as usize]) == seed;
        self.skeleton.gate_wires(seed).is_some_and(|w| w.into_iter().all(is_next_on))
    }

    fn rank(&self, seed: Node, growth: &Growth) -> i64 {
        let age = seed as f64 / self.singles.len() as f64;
        let value = growth.n_cx() as f64 * (1.0 + self.noise(seed, 1)) - AGE_WEIGHT * age;
        (value * RANKS_PER_CX) as i64
    }

    fn growth(&self, seed: Node) -> Growth {
        let wires = self.skeleton.gate_wires(seed).expect("only gates are seeds");
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
            let own = nodes.filter(|&n| self.skeleton.gate_wires(n).is_some_and(|w| w[0] == wire));
            steps.extend(own.map(|n| self.skeleton.step(n)));
            let next = self.skeleton.step(self.skeleton.node(end));
            steps.append(&mut self.drain_singles(wire as usize, next));
            self.was_cut[wire as usize] = true;
        }
        // The order of reading is one of the valid orders.
        steps.sort_unstable();
        let mut wires = growth.wires().to_vec();
        wires.sort_unstable();
        let mut ready = Vec::new();
        wires.iter().for_each(|&wire| self.arrive(wire as usize, &mut ready));
        self.cuts.push(Cut::Block { wires, steps });
        self.take_ready(ready);
    }
}
