//! Greedy synthesis of what is in a [`Window`]: one pair gate after the other until no rotation is left, then the rest
//! of the Clifford.

use super::choose::{Partners, choose};
use super::clifford::Rest;
use super::frame::Frame;
use super::greedy::{Knobs, Prices};
use super::op::Op;
use super::window::Window;
use bqc_linalg::Stream;

/// The rotations that are not in view yet.
pub(crate) trait Later<const L: usize> {
    /// Puts as many into view as it wants to have there.
    fn refill(&mut self, window: &mut Window<L>, prices: &Prices);
    /// Whether all have been in view.
    fn is_empty(&self) -> bool;
}

/// No others: everything is in view.
pub(crate) struct Nothing;

impl<const L: usize> Later<L> for Nothing {
    fn refill(&mut self, _: &mut Window<L>, _: &Prices) {}

    fn is_empty(&self) -> bool {
        true
    }
}

/// Buffers of a synthesis, of up to `64·M` wires with `64·L` slots. No call allocates once they have grown.
pub(crate) struct Synthesis<const L: usize, const M: usize> {
    /// What is to be synthesised: filled by the caller.
    pub window: Window<L>,
    partners: Partners,
    rest: Rest<M>,
    /// The gates of the last synthesis, in program order.
    pub ops: Vec<Op>,
    /// Its frames.
    pub frames: Vec<Frame>,
}

impl<const L: usize, const M: usize> Synthesis<L, M> {
    /// Empty.
    pub fn new() -> Synthesis<L, M> {
        let (partners, ops, frames) = (Vec::new(), Vec::new(), Vec::new());
        Synthesis { window: Window::new(), partners, rest: Rest::new(), ops, frames }
    }

    /// Writes gates and frames for the window into `ops` and `frames`. None if that takes more than `limit` pair gates.
    pub fn run(
        &mut self,
        later: &mut impl Later<L>,
        prices: &Prices,
        knobs: Knobs,
        limit: usize,
        stream: &mut Stream,
    ) -> Option<()> {
        self.ops.clear();
        let rows = *self.window.rows();
        self.window.weigh(&rows);
        let n_pairs = self.rotations(later, prices, knobs, limit, stream)?;
        self.rest.synthesize(&mut self.window, prices, knobs, limit - n_pairs, stream, &mut self.ops)?;
        self.window.frames(&mut self.frames);
        Some(())
    }

    /// Writes out all rotations, and says how many pair gates that took.
    fn rotations(
        &mut self,
        later: &mut impl Later<L>,
        prices: &Prices,
        knobs: Knobs,
        limit: usize,
        stream: &mut Stream,
    ) -> Option<usize> {
        let window = &mut self.window;
        // Gates without a rotation becoming ready, after which one rotation alone is pursued.
        let patience = 3 * window.n_wires();
        let (mut n_pairs, mut since_ready, mut is_ready, mut shows_rows) = (0, 0, true, false);
        loop {
            while is_ready {
                later.refill(window, prices);
                is_ready = window.emit(&mut self.ops, prices);
                since_ready = 0;
            }
            if window.n_alive() == 0 {
                return Some(n_pairs);
            }
            if !shows_rows && later.is_empty() {
                shows_rows = true;
                window.show_rows(knobs.tableau, prices);
            }
            if n_pairs == limit {
                return None;
            }
            let pair = choose(window, &mut self.partners, knobs, since_ready > patience, stream);
            self.ops.push(Op::Pair { wires: pair.wires.map(|wire| wire as u32), axes: pair.axes });
            is_ready = window.apply(pair.wires, pair.axes, prices);
            n_pairs += 1;
            since_ready += 1;
        }
    }
}
