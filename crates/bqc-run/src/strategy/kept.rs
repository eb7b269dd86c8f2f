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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Effort;
    use crate::strategy::next as next_step;
    use bqc_optimize::Figures;

    /// A history of so many exact passes, each of which has come to so many CX.
    fn history(counts: &[usize], settings: &Settings) -> Vec<Record> {
        let mut history: Vec<Record> = Vec::new();
        let mut best = 100;
        for &n_two_qubit in counts {
            let figures =
                |n_two_qubit| Figures { n_two_qubit, n_one_qubit: 0, depth: 0, two_qubit_depth: 0, n_rotations: 0 };
            let step = next_step(&history, settings);
            let (before, is_better) = (figures(best), n_two_qubit < best);
            best = best.min(n_two_qubit);
            let (after, best) = (figures(n_two_qubit), figures(best));
            let (n_passes, bound, is_one_window, end) = (1, 0.0, false, None);
            history.push(Record {
                step,
                n_passes,
                before,
                after,
                bound,
                best,
                is_better,
                is_one_window,
                is_clifford_t: true,
                end,
            });
        }
        history
    }

    fn settings() -> Settings {
        Settings { patience: 2, ..Settings::exact(Effort::E3) }
    }

    fn after(counts: &[usize]) -> Step {
        next_step(&history(counts, &settings()), &settings())
    }

    #[test]
    fn rounds_follow_the_light_passes_and_grow_while_nothing_is_gained() {
        let pass = |exact, size| Step::Exact { exact, size };
        assert_eq!(after(&[]), pass(Exact::Light, 1));
        assert_eq!(after(&[90]), pass(Exact::Paulis, 1));
        assert_eq!(after(&[90, 80]), pass(Exact::PathSums, 1));
        assert_eq!(after(&[90, 80, 80]), pass(Exact::Paulis, 1));
        assert_eq!(after(&[90, 80, 80, 80, 80]), pass(Exact::Paulis, 2));
        assert_eq!(after(&[90, 80, 80, 80, 80, 79]), pass(Exact::PathSums, 2));
        // A gain keeps the size and begins the patience again.
        assert_eq!(after(&[90, 80, 80, 80, 80, 79, 79]), pass(Exact::Paulis, 2));
        assert_eq!(after(&[90, 80, 80, 80, 80, 79, 79, 79, 79]), pass(Exact::Paulis, 4));
        assert_eq!(after(&[90, 80, 80, 80, 80, 79, 79, 79, 79, 79, 79]), Step::Done(Why::LittleGain));
    }

    #[test]
    fn rounds_end_by_patience_passes_stop_and_emptiness() {
        assert_eq!(after(&[90, 90, 90, 90, 90]), Step::Done(Why::LittleGain));
        assert_eq!(after(&[0]), Step::Done(Why::OutOfPasses));
        let few = Settings { max_passes: 1, ..settings() };
        assert_eq!(next_step(&history(&[90, 80], &few), &few), Step::Done(Why::OutOfPasses));
        let light = Settings::exact(Effort::E1);
        assert_eq!(next_step(&history(&[90], &light), &light), Step::Done(Why::OutOfPasses));
        let mut stopped = history(&[90, 80], &settings());
        stopped[1].end = Some(Why::Stopped);
        assert_eq!(next_step(&stopped, &settings()), Step::Done(Why::Stopped));
    }
}
