//! The order in which blocks are cut: of all blocks that could begin now, the one with most CX gates.
//!
//! A CX that is next on both its wires is a seed, and every seed has a growth. The largest growth
//! becomes a block; then only the growths that share a wire with it are grown anew. Directives
//! become pieces as soon as nothing is left before them.

use crate::growth::{Ground, Growth};
use crate::skeleton::{NONE, Node, Skeleton, for_each_lane};
use crate::{Block, Options, Partition, Piece};
use bqc_circuit::gates::U3;
use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Operation, Qubit};
use bqc_linalg::Stream;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Cuts one circuit; every field but the inputs changes as pieces are taken.
pub struct Cutter<'a> {
    circuit: &'a Circuit,
    skeleton: &'a Skeleton,
    options: &'a Options,
    /// `[lane]`: first position that no piece has taken.
    fronts: Vec<u32>,
    /// `[node]`: on how many of its lanes something is left before it.
    waiting: Vec<u32>,
    /// `[wire]`: its one-qubit gates that no piece has taken, the next one last.
    singles: Vec<Vec<u32>>,
    /// `[wire]`: whether a block has ended on it, so that the shift is done.
    was_cut: Vec<bool>,
    /// Seeds by size of their growth. An entry counts only while it says what `sizes` says.
    heap: BinaryHeap<(u64, Reverse<Node>)>,
    /// `[node]`: rank of the seed's present growth, zero if it is no seed.
    ranks: Vec<u64>,
    /// `[wire]`: seeds whose growth has this wire.
    watchers: Vec<Vec<Node>>,
    /// Scratch, `[wire]`: its number in the block at hand.
    local: Vec<u8>,
    pieces: Vec<Piece>,
}

impl<'a> Cutter<'a> {
    /// Nothing is cut yet.
    pub fn new(circuit: &'a Circuit, skeleton: &'a Skeleton, options: &'a Options) -> Cutter<'a> {
        let (n_wires, n_nodes) = (circuit.n_qubits(), skeleton.operations.len());
        let mut singles = vec![Vec::new(); n_wires];
        for (index, operation) in circuit.operations.iter().enumerate().rev() {
            if let Operation::Gate(call) = operation
                && call.gate() == U3
            {
                singles[call.qubits()[0].index()].push(index as u32);
            }
        }
        let mut waiting = vec![0; n_nodes];
        for (node, &index) in skeleton.operations.iter().enumerate() {
            for_each_lane(circuit, &circuit.operations[index as usize], |_| waiting[node] += 1);
        }
        Cutter {
            circuit,
            skeleton,
            options,
            fronts: skeleton.starts().to_vec(),
            waiting,
            singles,
            was_cut: vec![false; n_wires],
            heap: BinaryHeap::new(),
            ranks: vec![0; n_nodes],
            watchers: vec![Vec::new(); n_wires],
            local: vec![0; n_wires],
            pieces: Vec::new(),
        }
    }

    /// Cuts everything.
    pub fn run(mut self) -> Partition {
        let mut ready = Vec::new();
        (0..self.fronts.len()).for_each(|lane| self.arrive(lane, &mut ready));
        self.take_ready(ready);
        while let Some((rank, Reverse(seed))) = self.heap.pop() {
            if self.ranks[seed as usize] != rank {
                continue;
            }
            self.ranks[seed as usize] = 0;
            let growth = self.growth(seed).without_idle_wires(&self.fronts);
            self.take_block(&growth);
        }
        (0..self.circuit.n_qubits()).for_each(|wire| self.take_singles(wire, NONE));
        Partition { pieces: self.pieces }
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
        let (circuit, index) = (self.circuit, self.skeleton.operation(node));
        let mut lanes = Vec::new();
        for_each_lane(circuit, &circuit.operations[index as usize], |lane| lanes.push(lane));
        for &wire in lanes.iter().filter(|&&lane| lane != self.skeleton.directive_lane()) {
            self.take_singles(wire, index);
        }
        self.pieces.push(Piece::Directive(index as usize));
        for lane in lanes {
            self.fronts[lane] += 1;
            self.arrive(lane, ready);
        }
    }

    /// Makes a block of the one-qubit gates that come before `end` on a wire, if there are any: no
    /// CX stands between them and the last directive or the end, so no other block can have them.
    fn take_singles(&mut self, wire: usize, end: u32) {
        let operations = self.drain_singles(wire, end);
        if !operations.is_empty() {
            self.push_block(&[wire as u32], operations);
        }
    }

    fn drain_singles(&mut self, wire: usize, end: u32) -> Vec<u32> {
        let singles = &mut self.singles[wire];
        let first = singles.partition_point(|&index| index >= end);
        let mut taken = singles.split_off(first);
        taken.reverse();
        taken
    }

    /// Grows a seed, for the first time or anew, and ranks it.
    fn plant(&mut self, seed: Node) {
        let growth = self.growth(seed);
        growth.wires().iter().for_each(|&w| self.watchers[w as usize].push(seed));
        let value = growth.n_cx() as f64 * (1.0 + self.noise(seed, 1));
        // Positive numbers order like their bits.
        let rank = value.to_bits();
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
        let mut operations = Vec::new();
        for (&wire, &end) in growth.wires().iter().zip(growth.positions()) {
            let front = std::mem::replace(&mut self.fronts[wire as usize], end);
            let nodes = (front..end).map(|position| self.skeleton.node(position));
            // Both wires of a CX pass it; the control's lane takes it.
            let own = nodes.filter(|&n| self.skeleton.cx_wires(n).is_some_and(|w| w[0] == wire));
            operations.extend(own.map(|n| self.skeleton.operation(n)));
            let next = self.skeleton.operation(self.skeleton.node(end));
            operations.append(&mut self.drain_singles(wire as usize, next));
            self.was_cut[wire as usize] = true;
        }
        // Program order is one of the valid orders.
        operations.sort_unstable();
        let mut wires = growth.wires().to_vec();
        wires.sort_unstable();
        self.push_block(&wires, operations);
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
        shaken.retain(|&seed| self.ranks[seed as usize] != 0);
        shaken.into_iter().for_each(|seed| self.renew(seed));
        self.take_ready(ready);
    }

    /// Grows a seed anew, or forgets it if a block has taken it.
    fn renew(&mut self, seed: Node) {
        let is_left = |w: u32| self.skeleton.node(self.fronts[w as usize]) == seed;
        if self.skeleton.cx_wires(seed).is_some_and(|w| w.into_iter().all(is_left)) {
            self.plant(seed);
        } else {
            self.ranks[seed as usize] = 0;
        }
    }

    fn push_block(&mut self, wires: &[u32], operations: Vec<u32>) {
        for (number, &wire) in wires.iter().enumerate() {
            self.local[wire as usize] = number as u8;
        }
        let mut circuit = BlockCircuit::new(wires.len() as u8);
        circuit.gates.reserve_exact(operations.len());
        let local = |q: Qubit| BlockQubit(self.local[q.index()]);
        for &index in &operations {
            if let Operation::Gate(call) = &self.circuit.operations[index as usize] {
                match (call.qubits(), call.angles()) {
                    (&[control, target], _) => circuit.push_cx(local(control), local(target)),
                    (&[qubit], &[theta, phi, lambda]) => circuit.push_u3(local(qubit), [theta, phi, lambda]),
                    _ => unreachable!("the skeleton has refused other gates"),
                }
            }
        }
        self.pieces.push(Piece::Block(Block {
            qubits: wires.iter().map(|&w| Qubit(w)).collect(),
            circuit,
            operations: operations.into_iter().map(|i| i as usize).collect(),
        }));
    }
}
