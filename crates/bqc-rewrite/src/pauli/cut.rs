//! Cutting blocks out of a circuit, one after the other from its start to its end.
//!
//! A block is some gates on few wires that can all come first among what is left of the circuit. What is left keeps its
//! order. Looking for a block reads a bounded number of gates, so a sweep over a circuit is linear in its gates.

use super::frame::{Frame, pull};
use super::op::Op;

/// How large a block may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    /// Most wires.
    pub n_wires: usize,
    /// Most pair gates.
    pub n_pairs: usize,
    /// Most rotations.
    pub n_turns: usize,
}

impl Size {
    /// Most gates that are read for a block, whether they join it or not.
    fn n_read(&self) -> usize {
        20 * self.n_pairs + 50
    }
}

/// A block, and buffers of the search for it.
pub(crate) struct Cut {
    /// The gates, on wires of the block.
    pub ops: Vec<Op>,
    /// By wire of the block: the wire of the circuit, as gates that are left name it.
    pub wires: Vec<u32>,
    /// Pair gates of the block.
    pub n_pairs: usize,
    /// By wire of the circuit: its wire of the block.
    local: Vec<u32>,
    /// By wire of the circuit: whether a gate that was passed over is on it.
    is_blocked: Vec<bool>,
    passed: Vec<Op>,
    /// Wires of the block that are not blocked.
    n_open: usize,
}

/// No wire of the block.
const OUTSIDE: u32 = u32::MAX;

impl Cut {
    /// For circuits of `n` wires.
    pub fn new(n: usize) -> Cut {
        let (ops, wires, passed) = (Vec::new(), Vec::new(), Vec::new());
        Cut { ops, wires, n_pairs: 0, local: vec![OUTSIDE; n], is_blocked: vec![false; n], passed, n_open: 0 }
    }

    /// The wire of the block that a wire of the circuit is.
    pub fn local(&self, wire: u32) -> Option<usize> {
        Some(self.local[wire as usize]).filter(|&local| local != OUTSIDE).map(|local| local as usize)
    }

    /// Takes the next block out of `gates[start..]`, pulled to before the frames. Returns where the rest starts now.
    /// Panics if nothing is left.
    pub fn take(&mut self, gates: &mut [Op], start: usize, size: Size, frames: &mut [Frame]) -> usize {
        self.clear();
        let mut at = start;
        let end = gates.len().min(start + size.n_read());
        while at < end {
            let op = gates[at];
            at += 1;
            let (wires, n) = wires_of(&op);
            if self.has_room(&op, &wires[..n], size) {
                self.add_wires(&wires[..n]);
                self.n_pairs += usize::from(op.is_pair());
                let pulled = pull(frames, op);
                self.ops.push(self.on_block(pulled, op));
            } else if !self.pass(op, &wires[..n]) {
                break;
            }
        }
        let rest = at - self.passed.len();
        gates[rest..at].copy_from_slice(&self.passed);
        rest
    }

    /// Whether a gate can join the block.
    fn has_room(&self, op: &Op, wires: &[u32], size: Size) -> bool {
        let n_known = wires.iter().filter(|&&wire| self.local(wire).is_some()).count();
        let has_room = match op {
            Op::Pair { .. } => self.n_pairs < size.n_pairs,
            Op::Turn { .. } => self.ops.len() - self.n_pairs < size.n_turns,
        };
        has_room
            && (n_known > 0 || self.ops.is_empty())
            && self.wires.len() + wires.len() - n_known <= size.n_wires
            && !wires.iter().any(|&wire| self.is_blocked[wire as usize])
    }

    /// Leaves a gate where it is. False if nothing after it can join the block.
    fn pass(&mut self, op: Op, wires: &[u32]) -> bool {
        self.passed.push(op);
        for &wire in wires {
            let is_new = !std::mem::replace(&mut self.is_blocked[wire as usize], true);
            self.n_open -= usize::from(is_new && self.local(wire).is_some());
        }
        self.n_open > 0
    }

    fn clear(&mut self) {
        self.wires.iter().for_each(|&wire| self.local[wire as usize] = OUTSIDE);
        for op in &self.passed {
            let (wires, n) = wires_of(op);
            wires[..n].iter().for_each(|&wire| self.is_blocked[wire as usize] = false);
        }
        self.wires.clear();
        self.passed.clear();
        self.ops.clear();
        (self.n_pairs, self.n_open) = (0, 0);
    }

    fn add_wires(&mut self, wires: &[u32]) {
        for &wire in wires {
            if self.local(wire).is_none() {
                self.local[wire as usize] = self.wires.len() as u32;
                self.wires.push(wire);
                self.n_open += 1;
            }
        }
    }

    /// A pulled gate on the block's wires for the wires that it had before.
    fn on_block(&self, pulled: Op, before: Op) -> Op {
        match (pulled, before) {
            (Op::Pair { axes, .. }, Op::Pair { wires, .. }) => {
                Op::Pair { wires: wires.map(|wire| self.local[wire as usize]), axes }
            }
            (pulled, Op::Turn { wire, .. }) => pulled.map(|_| self.local[wire as usize]),
            (pulled, _) => pulled,
        }
    }
}

/// The wires of a gate: so many of the two.
fn wires_of(op: &Op) -> ([u32; 2], usize) {
    match *op {
        Op::Pair { wires, .. } => (wires, 2),
        Op::Turn { wire, .. } => ([wire; 2], 1),
    }
}
