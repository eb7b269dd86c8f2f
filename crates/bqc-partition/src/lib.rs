//! Circuit → blocks: cuts a lowered circuit into pieces of at most k wires.
//!
//! A block is a set of wires with everything that happens on them between two cuts, so that a
//! partition is the circuit itself in another bracketing: [`Partition::join`] puts it together again,
//! with the blocks' own gates or with better ones. Directives (`measure`, `barrier`, …) are pieces of
//! their own, in the source's order. Greedy in the sense of BQSKit's quick partitioner (Younis et
//! al., QCE 2021), but growing one block at a time from the front of what is left :
//! what a block takes is closed under "happens before", so pieces can never depend on one another in
//! a circle, and nothing can be lost or change places with something it depends on. The circuit is
//! cut from both ends in this way, and the partition with fewer pieces is kept.

mod cut;
mod growth;
mod skeleton;

use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Operation, Qubit};
use bqc_linalg::Stream;
use cut::{Cut, Cutter};
use skeleton::{Direction, Skeleton};

/// Widest block that [`partition`] makes.
pub const MAX_BLOCK_SIZE: usize = 12;

/// Where and how to cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Most wires of a block, `2..=MAX_BLOCK_SIZE`.
    pub block_size: usize,
    /// Most CX gates of a block, at least 1. Without a limit a circuit no wider than a block is one.
    pub max_cx: usize,
    /// Shifts all cuts: a block whose wires were not cut before takes at most this many CX gates.
    /// Zero means no shift. Another shift in a later pass moves what lay on a border to the inside.
    pub shift: usize,
    /// Random choices instead of the best ones, for passes that want other cuts of equal quality.
    pub random_cuts: Option<RandomCuts>,
}

/// How much to leave to chance, and the seed of that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RandomCuts {
    /// Same seed, same cuts.
    pub seed: u64,
}

impl Options {
    /// Blocks of at most `block_size` wires and any number of gates, not shifted.
    pub fn new(block_size: usize) -> Options {
        Options { block_size, max_cx: usize::MAX, shift: 0, random_cuts: None }
    }
}

/// What cannot be partitioned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartitionError {
    /// The options are out of range.
    #[error(
        "blocks of {block_size} wires and {max_cx} two-qubit gates: 2 to {MAX_BLOCK_SIZE} and at least 1 are possible"
    )]
    OutOfRange {
        /// Wanted wires.
        block_size: usize,
        /// Wanted gates.
        max_cx: usize,
    },
    /// A gate is neither `cx` nor `u3`: lower the circuit first.
    #[error("operation {operation} is a `{gate}`, but blocks are made of cx and u3")]
    NotLowered {
        /// Index of the operation.
        operation: usize,
        /// Name of its gate.
        gate: &'static str,
    },
    /// More operations than an index has room for.
    #[error("{n_operations} operations are more than the partitioner can number ({})", u32::MAX)]
    TooLarge {
        /// Number of operations.
        n_operations: usize,
    },
}

/// Some wires of the circuit and all that happens on them between two cuts.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// Wires in rising order; `qubits[b]` is wire `b` of the block. One wire if no CX is inside.
    pub qubits: Vec<Qubit>,
    /// The gates.
    pub circuit: BlockCircuit,
    /// Which operations of the circuit they are, in rising order, gate by gate.
    pub operations: Vec<usize>,
}

/// One step of a partitioned circuit.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece {
    /// Gates.
    Block(Block),
    /// The directive at this index of the circuit's operations.
    Directive(usize),
}

/// Pieces in an order that respects every dependency of the circuit.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Partition {
    /// The pieces.
    pub pieces: Vec<Piece>,
}

/// Cuts a lowered circuit into blocks and directives.
///
/// Linear in the number of operations, up to the logarithm of a heap; the constant grows with the
/// block size (see the `partition` benchmark for times). The same input and options give the same partition.
pub fn partition(circuit: &Circuit, options: &Options) -> Result<Partition, PartitionError> {
    let Options { block_size, max_cx, .. } = *options;
    if !(2..=MAX_BLOCK_SIZE).contains(&block_size) || max_cx == 0 {
        return Err(PartitionError::OutOfRange { block_size, max_cx });
    }
    let run = |direction| -> Result<_, PartitionError> {
        let skeleton = Skeleton::new(circuit, direction)?;
        let cuts = Cutter::new(&skeleton, options).run();
        Ok((skeleton, cuts))
    };
    let (skeleton, cuts) = match options.random_cuts {
        // One end is as random as the other.
        Some(cuts) if Stream::new(cuts.seed, 0, 0).chance(0.5) => run(Direction::Backward)?,
        Some(_) => run(Direction::Forward)?,
        None => {
            let (forward, backward) = (run(Direction::Forward)?, run(Direction::Backward)?);
            if backward.1.len() < forward.1.len() { backward } else { forward }
        }
    };
    Ok(bracket(&skeleton, cuts))
}

/// The partition that a list of cuts describes, in the circuit's direction.
fn bracket(skeleton: &Skeleton, cuts: Vec<Cut>) -> Partition {
    // `[wire]`: its number in the block at hand.
    let mut local = vec![0u8; skeleton.circuit().n_qubits()];
    let mut pieces = Vec::with_capacity(cuts.len());
    for cut in cuts {
        match cut {
            Cut::Directive(step) => pieces.push(Piece::Directive(skeleton.operation_index(step))),
            Cut::Block { wires, steps } => {
                let mut operations: Vec<usize> = steps.into_iter().map(|s| skeleton.operation_index(s)).collect();
                if skeleton.direction() == Direction::Backward {
                    operations.reverse();
                }
                pieces.push(Piece::Block(block(skeleton.circuit(), &wires, operations, &mut local)));
            }
        }
    }
    if skeleton.direction() == Direction::Backward {
        pieces.reverse();
    }
    Partition { pieces }
}

fn block(circuit: &Circuit, wires: &[u32], operations: Vec<usize>, local: &mut [u8]) -> Block {
    for (number, &wire) in wires.iter().enumerate() {
        local[wire as usize] = number as u8;
    }
    let mut gates = BlockCircuit::new(wires.len() as u8);
    gates.gates.reserve_exact(operations.len());
    let local = |q: Qubit| BlockQubit(local[q.index()]);
    for &index in &operations {
        if let Operation::Gate(call) = &circuit.operations[index] {
            match (call.qubits(), call.angles()) {
                (&[control, target], _) => gates.push_cx(local(control), local(target)),
                (&[qubit], &[theta, phi, lambda]) => gates.push_u3(local(qubit), [theta, phi, lambda]),
                _ => unreachable!("the skeleton has refused other gates"),
            }
        }
    }
    Block { qubits: wires.iter().map(|&w| Qubit(w)).collect(), circuit: gates, operations }
}

impl Partition {
    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Block(block) => Some(block),
            Piece::Directive(_) => None,
        })
    }

    /// The circuit again, its independent operations possibly in another order. `circuit` must be
    /// the one that was partitioned: it lends the registers and the directives.
    pub fn to_circuit(&self, circuit: &Circuit) -> Circuit {
        self.join(circuit, |_, block| &block.circuit)
    }

    /// The circuit with the gates that `replacement` names for each block, called with the block's
    /// number among the blocks. Panics if a replacement has another width than its block.
    pub fn join<'a>(
        &'a self,
        circuit: &Circuit,
        mut replacement: impl FnMut(usize, &'a Block) -> &'a BlockCircuit,
    ) -> Circuit {
        let mut joined = circuit.empty_like();
        joined.operations.reserve(circuit.operations.len());
        let mut block_index = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Block(block) => {
                    let gates = replacement(block_index, block).to_calls(&block.qubits);
                    joined.operations.extend(gates.map(Operation::Gate));
                    block_index += 1;
                }
                Piece::Directive(index) => joined.operations.push(circuit.operations[*index].clone()),
            }
        }
        joined
    }
}
