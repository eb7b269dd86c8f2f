//! Circuit → blocks: cuts a lowered circuit, or a window of one, into pieces of at most k wires.
//!
//! A block is a set of wires with everything that happens on them between two cuts, so that a
//! partition is the circuit itself in another bracketing. Putting verified pieces together again is the
//! verifier's work (`bqc-verify`), which takes no bracketing on trust. Walls (`measure`, `barrier`, …) are
//! pieces of their own, in the source's order. Greedy in the sense of BQSKit's quick partitioner (Younis et
//! al., QCE 2021), but growing one block at a time from the front of what is left:
//! what a block takes is closed under "happens before", so pieces can never depend on one another in
//! a circle, and nothing can be lost or change places with something it depends on. The circuit is
//! cut from both ends in this way, and the partition with fewer pieces is kept.

mod cut;
mod growth;
mod regions;
mod skeleton;

use bqc_circuit::{BlockCircuit, BlockQubit, Item, Qubit, Sequence, Wire};
use bqc_linalg::Stream;
use cut::{Cut, Cutter};
pub use regions::regions;
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
    /// More steps than an index has room for.
    #[error("{n_steps} steps are more than the partitioner can number ({})", u32::MAX)]
    TooLarge {
        /// Number of steps.
        n_steps: usize,
    },
}

/// Some wires of the circuit and all that happens on them between two cuts.
#[derive(Clone, Debug, PartialEq)]
pub struct Block<W = Qubit> {
    /// Wires in rising order; `qubits[b]` is wire `b` of the block. One wire if no two-qubit gate is inside.
    pub qubits: Vec<W>,
    /// The gates.
    pub circuit: BlockCircuit,
    /// Which steps of the circuit they are, in rising order, gate by gate.
    pub steps: Vec<u32>,
}

/// One step of a partitioned circuit.
#[derive(Clone, Debug, PartialEq)]
pub enum Piece<W = Qubit> {
    /// Gates.
    Block(Block<W>),
    /// The wall at this index of the circuit's steps.
    Wall(u32),
}

/// Pieces in an order that respects every dependency of the circuit.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition<W = Qubit> {
    /// The pieces.
    pub pieces: Vec<Piece<W>>,
}

/// Cuts a circuit into blocks and walls.
///
/// Linear in the number of steps, up to the logarithm of a heap; the constant grows with the
/// block size (see the `partition` benchmark for times). The same input and options give the same partition.
pub fn partition<S: Sequence>(circuit: &S, options: &Options) -> Result<Partition<S::Wire>, PartitionError> {
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
fn bracket<S: Sequence>(skeleton: &Skeleton<S>, cuts: Vec<Cut>) -> Partition<S::Wire> {
    // `[wire]`: its number in the block at hand.
    let mut local = vec![0u16; skeleton.circuit().n_wires()];
    let mut pieces = Vec::with_capacity(cuts.len());
    for cut in cuts {
        match cut {
            Cut::Wall(step) => pieces.push(Piece::Wall(skeleton.place(step))),
            Cut::Block { wires, mut steps } => {
                steps.iter_mut().for_each(|step| *step = skeleton.place(*step));
                if skeleton.direction() == Direction::Backward {
                    steps.reverse();
                }
                pieces.push(Piece::Block(block(skeleton.circuit(), &wires, steps, &mut local)));
            }
        }
    }
    if skeleton.direction() == Direction::Backward {
        pieces.reverse();
    }
    Partition { pieces }
}

fn block<S: Sequence>(circuit: &S, wires: &[u32], steps: Vec<u32>, local: &mut [u16]) -> Block<S::Wire> {
    for (number, &wire) in wires.iter().enumerate() {
        local[wire as usize] = number as u16;
    }
    let mut gates = BlockCircuit::new(wires.len() as u16);
    gates.gates.reserve_exact(steps.len());
    gates.gates.extend(steps.iter().filter_map(|&step| match circuit.item(step as usize) {
        Item::Gate(gate) => Some(gate.map(|wire| BlockQubit(local[wire.index()]))),
        Item::Wall(_) => None,
    }));
    Block { qubits: wires.iter().map(|&w| Wire::at(w as usize)).collect(), circuit: gates, steps }
}

impl<W> Partition<W> {
    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = &Block<W>> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Block(block) => Some(block),
            Piece::Wall(_) => None,
        })
    }
}
