//! The circuit as the partitioner sees it: per wire, which CX gates and directives come one after
//! another. One-qubit gates are left out; they go wherever their wire goes.
//!
//! It can be read forwards or backwards: every dependency is the same, the other way round. A *step*
//! is an operation's place in the direction of reading.
//!
//! Directives are chained to one another besides: they keep the source's order among themselves, and
//! with it every order through classical bits, which only directives touch.

use crate::PartitionError;
use bqc_circuit::gates::{CX, U3};
use bqc_circuit::{Circuit, Operation};

/// Number of a CX gate or directive, in the order of reading.
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

/// The CX gates and directives of a circuit, and their order on every wire.
pub struct Skeleton<'a> {
    circuit: &'a Circuit,
    direction: Direction,
    /// `[node]`: the two wires of a CX (control, target), twice [`NONE`] for a directive.
    wires: Vec<[u32; 2]>,
    /// `[node]`: step of the operation.
    steps: Vec<u32>,
    /// Nodes of the lanes one after another, each lane closed by [`NONE`]. There is a lane for every
    /// wire and, behind them, the chain of the directives.
    nodes: Vec<Node>,
    /// `[lane]`: where it begins in `nodes`.
    starts: Vec<u32>,
}

impl<'a> Skeleton<'a> {
    /// Reads a lowered circuit. Linear.
    pub fn new(circuit: &'a Circuit, direction: Direction) -> Result<Skeleton<'a>, PartitionError> {
        let n_operations = circuit.operations.len();
        let too_large = PartitionError::TooLarge { n_operations };
        if n_operations >= NONE as usize {
            return Err(too_large);
        }
        let mut lengths = vec![1usize; circuit.n_qubits() + 1];
        let mut skeleton = Skeleton { circuit, direction, wires: vec![], steps: vec![], nodes: vec![], starts: vec![] };
        for step in 0..n_operations as u32 {
            let operation = skeleton.at(step);
            match operation {
                Operation::Gate(call) if call.gate() == U3 => continue,
                Operation::Gate(call) if call.gate() == CX => {
                    skeleton.wires.push([call.qubits()[0].0, call.qubits()[1].0]);
                }
                Operation::Gate(call) => {
                    let operation = skeleton.operation_index(step);
                    return Err(PartitionError::NotLowered { operation, gate: call.row().qasm });
                }
                Operation::Directive(_) => skeleton.wires.push([NONE; 2]),
            }
            skeleton.steps.push(step);
            for_each_lane(circuit, operation, |lane| lengths[lane] += 1);
        }
        // A lane position is a u32 too, and a barrier has one on each of its wires.
        if lengths.iter().sum::<usize>() >= NONE as usize {
            return Err(too_large);
        }
        skeleton.fill_lanes(&lengths);
        Ok(skeleton)
    }

    fn fill_lanes(&mut self, lengths: &[usize]) {
        self.starts = running_sum(lengths);
        self.nodes = vec![NONE; lengths.iter().sum()];
        let mut ends = self.starts.clone();
        for node in 0..self.n_nodes() as Node {
            for_each_lane(self.circuit, self.at(self.step(node)), |lane| {
                self.nodes[ends[lane] as usize] = node;
                ends[lane] += 1;
            });
        }
    }

    /// The circuit that was read.
    pub fn circuit(&self) -> &'a Circuit {
        self.circuit
    }

    /// The end that it was read from.
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The operation at a step.
    pub fn at(&self, step: u32) -> &'a Operation {
        &self.circuit.operations[self.operation_index(step)]
    }

    /// The place in the circuit of the operation at a step. Its own inverse.
    pub fn operation_index(&self, step: u32) -> usize {
        match self.direction {
            Direction::Forward => step as usize,
            Direction::Backward => self.circuit.operations.len() - 1 - step as usize,
        }
    }

    /// Number of CX gates and directives.
    pub fn n_nodes(&self) -> usize {
        self.steps.len()
    }

    /// Position of every lane's first node.
    pub fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The lane behind those of the wires: all directives in order.
    pub fn directive_lane(&self) -> usize {
        self.starts.len() - 1
    }

    /// The node at a lane position, [`NONE`] at the end of a lane.
    pub fn node(&self, position: u32) -> Node {
        self.nodes[position as usize]
    }

    /// The wires of a CX, none for a directive or [`NONE`].
    pub fn cx_wires(&self, node: Node) -> Option<[u32; 2]> {
        self.wires.get(node as usize).copied().filter(|w| w[0] != NONE)
    }

    /// The other wire of the CX `node` on `wire`, none for a directive or [`NONE`].
    pub fn partner(&self, node: Node, wire: u32) -> Option<u32> {
        self.cx_wires(node).map(|[a, b]| if a == wire { b } else { a })
    }

    /// The step of a node; behind a lane's end [`NONE`], which is later than every step.
    pub fn step(&self, node: Node) -> u32 {
        self.steps.get(node as usize).copied().unwrap_or(NONE)
    }
}

/// Calls `f` with every lane of a CX or directive, each once.
pub fn for_each_lane(circuit: &Circuit, operation: &Operation, mut f: impl FnMut(usize)) {
    match operation {
        Operation::Gate(call) => call.qubits().iter().for_each(|q| f(q.index())),
        Operation::Directive(_) => {
            let mut lanes = vec![circuit.n_qubits()];
            operation.for_each_qubit(|q| lanes.push(q.index()));
            lanes.sort_unstable();
            lanes.dedup();
            lanes.into_iter().for_each(f);
        }
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
