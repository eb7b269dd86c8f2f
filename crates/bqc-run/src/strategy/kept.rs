//! The steps of a run that keeps the input's angles: rounds of exact passes until nothing has been gained for long.
//!
//! Nothing follows these rounds, so they take all of the time. A round is a search over Pauli blocks and a walk on the
//! CX network, each from the best circuit and with several starts. A round that gains nothing is followed by one of
//! twice the size, because longer annealing ends lower; one that gains is followed by one of its own size.

use super::{Record, Step, Why};
use crate::compile::Settings;
use crate::exact::Exact;

/// The passes of a round.
const ROUND: [Exact; 2] = [Exact::Paulis, Exact::PathSums];

/// A pass is at most so many times as long as one of size 1: a minute of a core for some hundred CX.
const LARGEST: u32 = 64;

/// What to do after `history`.
pub(super) fn next(history: &[Record], settings: &Settings) -> Step {
    let Some(last) = history.last() else { return Step::Exact { exact: Exact::Light, size: 1 } };
    if let Some(why) = last.end {
        return Step::Done(why);
    }
    let walks = &history[1..];
    if walks.len() as u64 >= u64::from(settings.max_passes) || last.best.n_two_qubit == 0 {
        return Step::Done(Why::OutOfPasses);
    }
    let rounds = walks.chunks(ROUND.len());
    let has_gained = |round: &[Record]| round.iter().any(|record| record.is_better);
    // The rounds that are over.
    let n_over = walks.len() / ROUND.len();
    let n_idle = rounds.clone().take(n_over).rev().take_while(|round| !has_gained(round)).count();
    if n_idle as u64 >= u64::from(settings.patience) {
        return Step::Done(Why::LittleGain);
    }
    let n_doublings = rounds.take(n_over).filter(|round| !has_gained(round)).count() as u32;
    let size = 1u32.checked_shl(n_doublings).unwrap_or(LARGEST).min(LARGEST);
    Step::Exact { exact: ROUND[walks.len() % ROUND.len()], size }
}
