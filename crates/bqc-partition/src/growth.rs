//! How one block grows: from a two-qubit gate at the front of what is left, wire by wire, each time by the
//! wire that brings most.
//!
//! A growth is a set of wires with a position on each. It takes a gate only if that gate is next on
//! both its wires and both are in the set, so whatever it has taken is closed under "happens
//! before". To reach a gate whose other wire is outside, it takes in that wire, and whatever wires
//! the gates before it need, as far as the block's size allows.

use crate::MAX_BLOCK_SIZE;
use crate::skeleton::{NONE, Node, Skeleton};
use bqc_circuit::Sequence;

/// Some wires, how far the block has got on each, and what it has taken.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    n_wires: usize,
    wires: [u32; MAX_BLOCK_SIZE],
    positions: [u32; MAX_BLOCK_SIZE],
    n_cx: usize,
    max_cx: usize,
}

/// What a growth may look at.
pub struct Ground<'a, S> {
    /// The circuit.
    pub skeleton: &'a Skeleton<'a, S>,
    /// `[lane]`: first position that no piece has taken yet.
    pub fronts: &'a [u32],
    /// Most wires of a block.
    pub block_size: usize,
}

impl Growth {
    /// The growth of two wires, with all gates between them that come before anything else.
    pub fn new<S: Sequence>(ground: &Ground<S>, wires: [u32; 2], max_cx: usize) -> Growth {
        let empty = [0; MAX_BLOCK_SIZE];
        let mut growth = Growth { n_wires: 0, wires: empty, positions: empty, n_cx: 0, max_cx };
        wires.into_iter().for_each(|w| growth.add_wire(ground, w));
        growth
    }

    /// The wires, in the order in which they came.
    pub fn wires(&self) -> &[u32] {
        &self.wires[..self.n_wires]
    }

    /// `[wire]`: first position that is not taken.
    pub fn positions(&self) -> &[u32] {
        &self.positions[..self.n_wires]
    }

    /// Two-qubit gates taken.
    pub fn n_cx(&self) -> usize {
        self.n_cx
    }

    /// Adds wires as long as one brings gates and fits. `noise(wire)` in `[0, 1)` is added to the
    /// gates per wire that an extension brings, so that a constant decides nothing.
    pub fn grow<S: Sequence>(&mut self, ground: &Ground<S>, noise: impl Fn(u32) -> f64) {
        while self.n_wires < ground.block_size && self.n_cx < self.max_cx {
            let mut best: Option<(f64, Growth)> = None;
            for slot in 0..self.n_wires {
                let node = ground.skeleton.node(self.positions[slot]);
                let Some(outside) = ground.skeleton.partner(node, self.wires[slot]) else { continue };
                if self.slot(outside).is_some() {
                    continue;
                }
                let Some(extended) = self.reaching(ground, node) else { continue };
                let gain = (extended.n_cx - self.n_cx) as f64 / (extended.n_wires - self.n_wires) as f64;
                let score = gain * (1.0 + noise(outside));
                if best.as_ref().is_none_or(|(s, _)| score > *s) {
                    best = Some((score, extended));
                }
            }
            match best {
                Some((_, extended)) => *self = extended,
                None => return,
            }
        }
    }

    /// The smallest growth that contains this one and the gate `goal`, none if the block has no room.
    fn reaching<S: Sequence>(&self, ground: &Ground<S>, goal: Node) -> Option<Growth> {
        let mut growth = *self;
        while let Some(outside) = growth.obstacle(ground, goal)? {
            if growth.n_wires == ground.block_size || growth.n_cx >= growth.max_cx {
                return None;
            }
            growth.add_wire(ground, outside);
        }
        Some(growth)
    }

    /// A wire outside without which `goal` cannot be taken; `Some(None)` if it has been taken, none
    /// if a wall is in the way.
    fn obstacle<S: Sequence>(&self, ground: &Ground<S>, goal: Node) -> Option<Option<u32>> {
        let mut node = goal;
        // Every step goes to an earlier node, so this ends.
        'earlier: loop {
            for wire in ground.skeleton.gate_wires(node)? {
                let Some(slot) = self.slot(wire) else { return Some(Some(wire)) };
                let next = ground.skeleton.node(self.positions[slot]);
                if next > node {
                    // Only the goal itself can lie behind: an earlier node would have been taken.
                    return Some(None);
                }
                if next < node {
                    node = next;
                    continue 'earlier;
                }
            }
            // Next on both wires, both inside, and not taken: the limit on gates is reached.
            return None;
        }
    }

    fn slot(&self, wire: u32) -> Option<usize> {
        self.wires().iter().position(|&w| w == wire)
    }

    /// Adds a wire at its front and takes what has become possible.
    fn add_wire<S: Sequence>(&mut self, ground: &Ground<S>, wire: u32) {
        (self.wires[self.n_wires], self.positions[self.n_wires]) = (wire, ground.fronts[wire as usize]);
        self.n_wires += 1;
        self.absorb(ground.skeleton, self.n_wires - 1);
    }

    /// Takes gates until nothing moves, given that only `start`'s wire may have moved since the last
    /// time. The wires still to look at are a bit set.
    fn absorb<S: Sequence>(&mut self, skeleton: &Skeleton<S>, start: usize) {
        let mut pending = 1u16 << start;
        while pending != 0 {
            let slot = pending.trailing_zeros() as usize;
            pending &= pending - 1;
            while self.n_cx < self.max_cx {
                let node = skeleton.node(self.positions[slot]);
                let Some(other) = skeleton.partner(node, self.wires[slot]).and_then(|w| self.slot(w)) else { break };
                if skeleton.node(self.positions[other]) != node {
                    break;
                }
                self.positions[slot] += 1;
                self.positions[other] += 1;
                self.n_cx += 1;
                pending |= 1 << other;
            }
        }
    }

    /// Leaves out wires on which nothing was taken.
    pub fn without_idle_wires(mut self, fronts: &[u32]) -> Growth {
        let mut kept = 0;
        for slot in 0..self.n_wires {
            if self.positions[slot] != fronts[self.wires[slot] as usize] {
                (self.wires[kept], self.positions[kept]) = (self.wires[slot], self.positions[slot]);
                kept += 1;
            }
        }
        self.n_wires = kept;
        self
    }
}

const _: () = assert!(MAX_BLOCK_SIZE <= 16 && NONE == u32::MAX);
