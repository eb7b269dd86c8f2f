//! The circuit as the partitioner sees it: per wire, which two-qubit gates and walls come one after
//! another. One-qubit gates are left out; they go wherever their wire goes.
//!
//! It can be read forwards or backwards: every dependency is the same, the other way round. A *step*
//! here is a step's place in the direction of reading.
//!
//! Walls are chained to one another besides: they keep the source's order among themselves, and
//! with it every order through classical bits, which only directives touch.

use crate::PartitionError;
use bqc_circuit::{Item, LoweredGate, Sequence, Wire};

/// Number of a two-qubit gate or wall, in the order of reading.
pub type Node = u32;

/// Stands for "no node" behind a wire's last one, and for "no wire".
pub const NONE: u32 = u32::MAX;

/// Which end a circuit is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the first operation.
    Forward,
    /// From the last.
    Backward,
}

/// The two-qubit gates and walls of a circuit, and their order on every wire.
pub struct Skeleton<'a, S> {
    circuit: &'a S,
    direction: Direction,
    /// `[node]`: the two wires of a gate, twice [`NONE`] for a wall.
    wires: Vec<[u32; 2]>,
    /// `[node]`: its step.
    steps: Vec<u32>,
    /// Nodes of the lanes one after another, each lane closed by [`NONE`]. There is a lane for every
    /// wire and, behind them, the chain of the walls.
    nodes: Vec<Node>,
    /// `[lane]`: where it begins in `nodes`.
    starts: Vec<u32>,
}

impl<'a, S: Sequence> Skeleton<'a, S> {
    /// Reads a circuit. Linear.
    pub fn new(circuit: &'a S, direction: Direction) -> Result<Skeleton<'a, S>, PartitionError> {
        let n_steps = circuit.len();
        if n_steps >= NONE as usize {
            return Err(PartitionError::TooLarge { n_steps });
        }
        let mut lengths = vec![1usize; circuit.n_wires() + 1];
        let mut skeleton = Skeleton { circuit, direction, wires: vec![], steps: vec![], nodes: vec![], starts: vec![] };
        for step in 0..n_steps as u32 {
            let item = skeleton.at(step);
            match &item {
                Item::Gate(LoweredGate::One { .. }) => continue,
                Item::Gate(LoweredGate::Two { wires, .. }) => skeleton.wires.push(wires.map(|w| w.index() as u32)),
                Item::Wall(_) => skeleton.wires.push([NONE; 2]),
            }
            skeleton.steps.push(step);
            skeleton.for_each_lane(&item, |lane| lengths[lane] += 1);
        }
        // A lane position is a u32 too, and a barrier has one on each of its wires.
        if lengths.iter().sum::<usize>() >= NONE as usize {
            return Err(PartitionError::TooLarge { n_steps });
        }
        skeleton.fill_lanes(&lengths);
        Ok(skeleton)
    }

    fn fill_lanes(&mut self, lengths: &[usize]) {
        self.starts = running_sum(lengths);
        self.nodes = vec![NONE; lengths.iter().sum()];
        let mut ends = self.starts.clone();
        let mut nodes = std::mem::take(&mut self.nodes);
        for node in 0..self.n_nodes() as Node {
            self.for_each_lane(&self.at(self.step(node)), |lane| {
                nodes[ends[lane] as usize] = node;
                ends[lane] += 1;
            });
        }
        self.nodes = nodes;
    }

    /// Calls `f` with every lane of a step, each once: its wires, and for a wall the chain of the walls.
    pub fn for_each_lane(&self, item: &Item<S::Wire>, mut f: impl FnMut(usize)) {
        match item {
            Item::Gate(gate) => gate.wires().iter().for_each(|wire| f(wire.index())),
            Item::Wall(number) => {
                self.circuit.wall_wires(*number).iter().for_each(|wire| f(wire.index()));
                f(self.circuit.n_wires());
            }
        }
    }

    /// The circuit that was read.
    pub fn circuit(&self) -> &'a S {
        self.circuit
    }

    /// The end that it was read from.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// What stands at a step.
    pub fn at(&self, step: u32) -> Item<S::Wire> {
        self.circuit.item(self.place(step) as usize)
    }

    /// The place in the circuit of a step. Its own inverse.
    pub fn place(&self, step: u32) -> u32 {
        match self.direction {
            Direction::Forward => step,
            Direction::Backward => self.circuit.len() as u32 - 1 - step,
        }
    }

    /// Number of two-qubit gates and walls.
    pub fn n_nodes(&self) -> usize {
        self.steps.len()
    }

    /// Position of every lane's first node.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The lane behind those of the wires: all walls in order.
    pub fn wall_lane(&self) -> usize {
        self.starts.len() - 1
    }

    /// The node at a lane position, [`NONE`] at the end of a lane.
    pub fn node(&self, position: u32) -> Node {
        self.nodes[position as usize]
    }

    /// The wires of a gate, none for a wall or [`NONE`].
    pub fn gate_wires(&self, node: Node) -> Option<[u32; 2]> {
        self.wires.get(node as usize).copied().filter(|w| w[0] != NONE)
    }

    /// The other wire of the gate `node` on `wire`, none for a wall or [`NONE`].
    pub fn partner(&self, node: Node, wire: u32) -> Option<u32> {
        self.gate_wires(node).map(|[a, b]| if a == wire { b } else { a })
    }

    /// The step of a node; behind a lane's end [`NONE`], which is later than every step.
    pub fn step(&self, node: Node) -> u32 {
        self.steps.get(node as usize).copied().unwrap_or(NONE)
    }
}

fn running_sum(lengths: &[usize]) -> Vec<u32> {
    let mut sum = 0;
    lengths
        .iter()
        .map(|&n| {
            let start = sum;
            sum += n as u32;
            start
        })
        .collect()
}
