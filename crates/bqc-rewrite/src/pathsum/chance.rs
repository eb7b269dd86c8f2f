//! When a walk takes a move that costs CX: the rule of Metropolis et al. (J. Chem. Phys. 21, 1953) below a cap.

use bqc_linalg::Stream;

/// Random numbers of a walk, and how warm it is.
#[derive(Clone)]
pub(super) struct Chance {
    pub(super) stream: Stream,
    /// Of 2^64: how often one CX more is taken, and two.
    odds: [u64; 2],
    /// A move beyond this is refused. Without a cap entropy wins, and the network melts.
    most_cx: usize,
    /// Whether moves to more CX are refused for now, because where the walk stands has not been kept.
    is_held: bool,
    /// Whether one would have been taken since.
    was_asked: bool,
}

impl Chance {
    /// Takes no CX more.
    pub(super) fn cold(stream: Stream) -> Chance {
        Chance { stream, odds: [0; 2], most_cx: 0, is_held: false, was_asked: false }
    }

    /// Refuses moves to more CX, or does so no longer, and forgets that one was refused.
    pub(super) fn hold(&mut self, is_held: bool) {
        (self.is_held, self.was_asked) = (is_held, false);
    }

    /// Whether moves to more CX are refused for now.
    pub(super) fn is_held(&self) -> bool {
        self.is_held
    }

    /// A move to more CX has been refused because it is held.
    pub(super) fn ask(&mut self) {
        self.was_asked = true;
    }

    /// Whether a move to more CX was refused only because it is held.
    #[inline]
    pub(super) fn was_asked(&self) -> bool {
        self.was_asked
    }

    /// One CX more is taken with a chance of `e^(−1/temperature)`.
    pub(super) fn warm(&mut self, temperature: f64) {
        self.odds = [1.0, 2.0].map(|more| ((-more / temperature).exp() * 2f64.powi(64)) as u64);
    }

    /// Refuses moves to more CX than these.
    pub(super) fn set_cap(&mut self, most_cx: usize) {
        self.most_cx = most_cx;
    }

    /// Whether to try a move that changes `n_cx` by so much. Asked before the move is worked out: nearly all of those
    /// that cost CX fail here.
    #[inline]
    pub(super) fn allows(&mut self, n_cx: usize, more: i32) -> bool {
        if more <= 0 {
            return true;
        }
        let is_allowed = n_cx + more as usize <= self.most_cx && self.stream.bits() < self.odds[more as usize - 1];
        self.was_asked |= is_allowed && self.is_held;
        is_allowed && !self.is_held
    }

    /// A random number below `n`, which is not zero.
    #[inline]
    pub(super) fn below(&mut self, n: usize) -> usize {
        scaled(self.stream.bits(), n)
    }
}

/// A number below `n` from the upper half of random bits: the lower half is free for other choices. The bias is at most
/// `n / 2^32`.
#[inline]
pub(super) fn scaled(bits: u64, n: usize) -> usize {
    (((bits >> 32) * n as u64) >> 32) as usize
}
