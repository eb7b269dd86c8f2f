//! Where a block search stands between two moves, so that another process goes on from there to the same result.
//!
//! A sweep has its first gates done, frames behind them, and gates still to come. All else is buffers, or follows.

use super::axis::{NONE, Y};
use super::cut::{Cut, Size};
use super::frame::{Frame, pull};
use super::op::{Op, PauliCircuit, n_pairs};
use super::permutation::{Cycles, n_transpositions, write_permutation};
use super::resynthesis::{Blocks, MOST_TURNS};
use super::search::{BlockSearch, BlockSettings};
use super::write::write_with_exchanges;
use crate::Outputs;
use bqc_circuit::BlockCircuit;
use bqc_linalg::Stream;

/// All that decides what a search does next, besides its settings.
#[derive(Clone, Debug, PartialEq)]
pub struct SearchState {
    /// Gates that the sweep has passed.
    pub done: Vec<Op>,
    /// What stands behind these, for each wire as the gates to come name it.
    pub frames: Vec<Frame>,
    /// Gates to come.
    pub coming: Vec<Op>,
    /// Whether the sweep has taken a block.
    pub is_under_way: bool,
    /// What ends each output.
    pub ends: Vec<Frame>,
    /// Most wires and most CX of this sweep's blocks.
    pub size: [usize; 2],
    /// Blocks that were synthesised.
    pub n_syntheses: u64,
    /// Position of the random numbers.
    pub stream: u64,
    /// The best circuit so far: its gates, and what ends each output, which is on its wire unless outputs are free.
    pub best: (Vec<Op>, Vec<Frame>),
}

/// Whether these are gates on `n` wires.
fn are_gates(ops: &[Op], n: usize) -> bool {
    let is_axis = |axis: u8| NONE < axis && axis <= Y;
    ops.iter().all(|op| match *op {
        Op::Pair { wires: [a, b], axes } => a != b && a.max(b) < n as u32 && axes.into_iter().all(is_axis),
        Op::Turn { wire, axis, angle } => (wire as usize) < n && is_axis(axis) && angle.is_finite(),
    })
}

/// Whether these are frames of `n` wires, each wire once.
fn are_frames(frames: &[Frame], n: usize) -> bool {
    let mut wires: Vec<usize> = frames.iter().map(|frame| frame.wire as usize).collect();
    wires.sort_unstable();
    let is_axis = |axis: u8| NONE < axis && axis <= Y;
    wires.into_iter().eq(0..n) && frames.iter().all(|Frame { x, z, .. }| is_axis(x.0) && is_axis(z.0) && x.0 != z.0)
}

impl BlockSearch {
    /// Where the search stands.
    pub fn state(&self) -> SearchState {
        SearchState {
            done: self.done.clone(),
            frames: self.frames.clone(),
            coming: self.coming[self.next..].to_vec(),
            is_under_way: self.next > 0,
            ends: self.ends.clone(),
            size: [self.size.n_wires, self.size.n_pairs],
            n_syntheses: self.n_syntheses,
            stream: self.stream.position(),
            best: (self.best.ops.clone(), self.best.frames.clone()),
        }
    }

    /// A search with these settings that goes on from a state; None if it is no state of a search on `n_wires` wires.
    pub fn resume(n_wires: u16, settings: BlockSettings, state: SearchState) -> Option<BlockSearch> {
        let n = usize::from(n_wires);
        let settings = settings.in_range();
        let is_free = settings.outputs == Outputs::Free;
        let SearchState { done, frames, mut coming, is_under_way, ends, size, n_syntheses, stream, best } = state;
        let (ops, outputs) = best;
        let are_sound = [&done, &coming, &ops].into_iter().all(|ops| are_gates(ops, n))
            && [&frames, &ends, &outputs].into_iter().all(|frames| are_frames(frames, n))
            && (is_free || outputs.iter().enumerate().all(|(wire, frame)| frame.wire as usize == wire));
        let is_size = (2..=settings.n_wires).contains(&size[0]) && (3..=settings.n_cx).contains(&size[1]);
        let n_pairs = n_pairs(&done) + n_pairs(&coming);
        // Between two sweeps there is nothing behind the gates.
        let is_between =
            done.is_empty() && frames.iter().enumerate().all(|(wire, f)| *f == Frame::identity(wire as u32));
        if !are_sound || !is_size || !(is_under_way || is_between) {
            return None;
        }
        let now: Vec<Frame> = ends.iter().map(|end| end.after(&frames[end.wire as usize])).collect();
        if is_under_way {
            // Any gate stands for those that the sweep has passed.
            coming.insert(0, Op::Turn { wire: 0, axis: Y, angle: 0.0 });
        }
        Some(BlockSearch {
            stream: Stream::at(stream),
            done,
            frames,
            coming,
            next: usize::from(is_under_way),
            n_pairs,
            n_transpositions: if is_free { 0 } else { n_transpositions(&now) },
            ends,
            n_syntheses,
            size: Size { n_wires: size[0], n_pairs: size[1], n_turns: MOST_TURNS },
            cut: Cut::new(n),
            cycles: Cycles::default(),
            blocks: Blocks::new(settings.n_wires),
            settings,
            best: PauliCircuit { ops, frames: outputs },
            empty: BlockCircuit::new(n_wires),
        })
    }

    /// The circuit where the search stands, with the permutation of its outputs written out: as exchanges at its end if
    /// these are free.
    pub fn now(&self) -> BlockCircuit {
        let mut frames = self.frames.clone();
        let mut ops = self.done.clone();
        ops.extend(self.coming[self.next..].iter().map(|&op| pull(&mut frames, op)));
        let frames = self.ends.iter().map(|end| end.after(&frames[end.wire as usize])).collect();
        let now = PauliCircuit { ops, frames };
        let written = match self.settings.outputs {
            Outputs::Kept => write_permutation(&now, &mut self.stream.clone()),
            Outputs::Free => now,
        };
        write_with_exchanges(&written, self.empty.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{random_block, random_clifford_t};
    use bqc_verify::VerifiedBlock;

    #[test]
    fn a_search_goes_on_from_any_move_to_the_same_result() {
        let mut stream = Stream::new(0, 1, 21);
        for n in [1, 2, 4, 7] {
            for (kind, outputs) in
                [(random_block as fn(_, _, &mut _) -> _, Outputs::Kept), (random_clifford_t, Outputs::Free)]
            {
                let block = kind(n, 40, &mut stream);
                let settings = BlockSettings { outputs, ..BlockSettings::default() };
                let mut search = BlockSearch::new(&block, settings.clone(), 5).unwrap();
                let mut other = BlockSearch::new(&block, settings.clone(), 5).unwrap();
                for k in 0..60 {
                    let (n_moves, progress) = (stream.below(30) as u64, f64::from(k) / 60.0);
                    search.run(n_moves, progress);
                    other.run(n_moves, progress);
                    let state = other.state();
                    other = BlockSearch::resume(block.width(), settings.clone(), state.clone()).unwrap();
                    assert_eq!((other.state(), search.state()), (state.clone(), state), "{n} wires, step {k}");
                }
                assert_eq!((other.best(), other.n_syntheses()), (search.best(), search.n_syntheses()));
                VerifiedBlock::check(&block, other.now(), 1e-10).unwrap();
            }
        }
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let block = random_block(4, 40, &mut Stream::new(0, 1, 22));
        let mut search = BlockSearch::new(&block, BlockSettings::default(), 5).unwrap();
        search.run(3, 0.5);
        let forged = |change: &dyn Fn(&mut SearchState)| {
            let mut state = search.state();
            change(&mut state);
            BlockSearch::resume(4, BlockSettings::default(), state).is_none()
        };
        assert!(!forged(&|_| {}));
        assert!(BlockSearch::resume(5, BlockSettings::default(), search.state()).is_none());
        let pair = |wires, axes| Op::Pair { wires, axes };
        assert!(forged(&|s| s.done.push(pair([0, 4], [1, 1]))));
        assert!(forged(&|s| s.coming.push(pair([1, 1], [1, 1]))));
        assert!(forged(&|s| s.best.0.push(pair([0, 1], [0, 1]))));
        assert!(forged(&|s| s.coming.push(Op::Turn { wire: 0, axis: 4, angle: 0.5 })));
        assert!(forged(&|s| s.coming.push(Op::Turn { wire: 0, axis: 1, angle: f64::NAN })));
        assert!(forged(&|s| s.frames[0].wire = s.frames[1].wire));
        assert!(forged(&|s| s.ends[0].x.0 = s.ends[0].z.0));
        assert!(forged(&|s| s.ends.truncate(3)));
        assert!(forged(&|s| s.best.1.swap(0, 1)));
        assert!(forged(&|s| s.size = [1, 3]));
        assert!(forged(&|s| s.size = [2, usize::MAX]));
        assert!(forged(&|s| s.is_under_way = false));
    }
}
