//! One block synthesised anew, with random parameters from a random end.

use super::cut::Cut;
use super::frame::{Frame, inverse_frames, pull};
use super::greedy::{Choice, PriceList};
use super::merge::load;
use super::op::Op;
use super::run::{Nothing, Synthesis};
use bqc_linalg::Stream;

/// Rotations of a block that fit in the smaller of the two windows, and in the larger.
const FEW_TURNS: usize = 64;
/// See [`FEW_TURNS`].
pub(crate) const MOST_TURNS: usize = 192;

/// Buffers for blocks, and the last block that was synthesised.
pub(crate) struct Blocks {
    prices: PriceList,
    small: Synthesis<2, 1>,
    large: Synthesis<4, 1>,
    /// The new gates, on wires of the block.
    pub ops: Vec<Op>,
    /// The new frames, one for each wire of the block.
    pub frames: Vec<Frame>,
}

impl Blocks {
    /// For blocks of up to `n_wires` wires, at most 21, so that the rows of a Clifford fit in one word.
    pub fn new(n_wires: usize) -> Blocks {
        let (ops, frames) = (Vec::new(), Vec::new());
        Blocks { prices: PriceList::new(n_wires), small: Synthesis::new(), large: Synthesis::new(), ops, frames }
    }

    /// Writes gates and frames that do what the block does. None if that takes more than `limit` pair gates.
    pub fn synthesize(&mut self, block: &Cut, limit: usize, stream: &mut Stream) -> Option<()> {
        let choice = Choice::random(stream);
        let is_inverse = stream.chance(0.5);
        let n_turns = block.ops.len() - block.n_pairs;
        let Blocks { prices, small, large, ops, frames } = self;
        let task = Task { block, n_ahead: FEW_TURNS, is_inverse, choice, limit };
        match n_turns <= FEW_TURNS {
            true => task.run(small, prices, stream, ops, frames),
            false => Task { n_ahead: MOST_TURNS, ..task }.run(large, prices, stream, ops, frames),
        }
    }
}

/// The synthesis of one block.
struct Task<'a> {
    block: &'a Cut,
    n_ahead: usize,
    is_inverse: bool,
    choice: Choice,
    limit: usize,
}

impl Task<'_> {
    fn run<const L: usize>(
        &self,
        synthesis: &mut Synthesis<L, 1>,
        prices: &PriceList,
        stream: &mut Stream,
        ops: &mut Vec<Op>,
        frames: &mut Vec<Frame>,
    ) -> Option<()> {
        let window = &mut synthesis.window;
        window.clear(self.block.wires.len(), self.n_ahead, false);
        load(window, &self.block.ops, self.is_inverse);
        let (prices, alive) = (prices.of(self.choice), window.alive);
        window.weigh(&alive);
        window.sort(prices);
        synthesis.run(&mut Nothing, prices, self.choice.knobs(), self.limit, stream)?;
        ops.clear();
        if self.is_inverse {
            inverse_frames(&synthesis.frames, frames);
            ops.extend(synthesis.ops.iter().rev().map(|op| pull(frames, op.inverse())));
        } else {
            ops.extend_from_slice(&synthesis.ops);
            frames.clone_from(&synthesis.frames);
        }
        Some(())
    }
}
