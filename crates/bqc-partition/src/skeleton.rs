//! The circuit as the partitioner sees it: per wire, which CX gates and directives come one after
//! another. One-qubit gates are left out; they go wherever their wire goes.
//!
//! Directives are chained to one another besides: they keep the source's order among themselves, and
//! with it every order through classical bits, which only directives touch.

use crate::PartitionError;
use bqc_circuit::gates::{CX, U3};
use bqc_circuit::{Circuit, Operation};

/// Index of a CX gate or directive, in program order.
pub type Node = u32;

/// Stands for "no node" behind a wire's last one, and for "no wire".
pub const NONE: u32 = u32::MAX;

/// The CX gates and directives of a circuit, and their order on every wire.
pub struct Skeleton {
    /// `[node]`: the two wires of a CX (control, target), twice [`NONE`] for a directive.
    wires: Vec<[u32; 2]>,
    /// `[node]`: index of the operation.
    pub operations: Vec<u32>,
    /// Nodes of the lanes one after another, each lane closed by [`NONE`]. There is a lane for every
    /// wire and, behind them, the chain of the directives.
    nodes: Vec<Node>,
    /// `[lane]`: where it begins in `nodes`.
    starts: Vec<u32>,
}

impl Skeleton {
    /// Reads a lowered circuit. Linear.
    pub fn new(circuit: &Circuit) -> Result<Skeleton, PartitionError> {
        let n_operations = circuit.operations.len();
        // A lane position is a u32 too: at most two per operation, or the wires of a barrier.
        let too_large = PartitionError::TooLarge { n_operations };
        if n_operations >= NONE as usize {
            return Err(too_large);
        }
        let n_lanes = circuit.n_qubits() + 1;
        let mut lengths = vec![1usize; n_lanes];
        let (mut wires, mut operations) = (Vec::new(), Vec::new());
        for (index, operation) in circuit.operations.iter().enumerate() {
            match operation {
                Operation::Gate(call) if call.gate() == U3 => continue,
                Operation::Gate(call) if call.gate() == CX => wires.push([call.qubits()[0].0, call.qubits()[1].0]),
                Operation::Gate(call) => {
                    return Err(PartitionError::NotLowered { operation: index, gate: call.row().qasm });
                }
                Operation::Directive(_) => wires.push([NONE; 2]),
            }
            operations.push(index as u32);
            for_each_lane(circuit, operation, |lane| lengths[lane] += 1);
        }
        if lengths.iter().sum::<usize>() >= NONE as usize {
            return Err(too_large);
        }
        let starts = running_sum(&lengths);
        let mut skeleton = Skeleton { wires, operations, nodes: vec![NONE; lengths.iter().sum()], starts };
        let mut ends: Vec<u32> = skeleton.starts.clone();
        for (node, &index) in skeleton.operations.iter().enumerate() {
            for_each_lane(circuit, &circuit.operations[index as usize], |lane| {
                skeleton.nodes[ends[lane] as usize] = node as Node;
                ends[lane] += 1;
            });
        }
        Ok(skeleton)
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

    /// The operation of a node, or what every index is below.
    pub fn operation(&self, node: Node) -> u32 {
        self.operations.get(node as usize).copied().unwrap_or(NONE)
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
