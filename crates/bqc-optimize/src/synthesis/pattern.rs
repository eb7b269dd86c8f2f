//! Synthesis on a fixed pattern: as many CX as a generic target needs, all gates from random starts.
//!
//! A CX between free one-qubit gates brings four new parameters, so `C` of them with `3n` more cannot
//! reach a generic unitary of `4^n − 1` parameters unless `C ≥ (4^n − 3n − 1)/4` (Shende, Markov,
//! Bullock, quant-ph/0308033). At just this number Levenberg–Marquardt from a random start succeeds
//! nearly always, for 3, 4 and 5 qubits: 14, 61 and 252 CX (Madden and Simonetto, arXiv:2106.05649, see
//! the same with first-order methods). Constructive decompositions need 20, 100 and 444.

use super::growth::randomize;
use crate::Context;
use bqc_instantiate::{CxTemplate, LmSettings, RefineProblem, StateBatch};
use bqc_linalg::{Stream, Su2};

/// CX gates below which a generic unitary of `n` qubits cannot be reached.
pub(super) fn generic_unitary_cx(n: usize) -> usize {
    ((1usize << (2 * n)) - 3 * n - 1).div_ceil(4)
}

/// CX gates below which a generic state of `n` qubits cannot be reached from `|0…0⟩`: `2^{n+1} − 2`
/// parameters, two of them from the first gate of every wire.
pub(super) fn generic_state_cx(n: usize) -> usize {
    ((2usize << n) - 2 * n - 2).div_ceil(4)
}

/// Starts at each number of CX: at the bound itself one in a hundred fails for unitaries.
const N_STARTS: usize = 3;
/// Starts of patterns with at most [`SMALL`] CX: states of five and six qubits need more of them.
const N_SMALL_STARTS: usize = 12;
/// See [`N_SMALL_STARTS`].
const SMALL: usize = 32;
/// Starts of a staircase: they have few parameters to spare and fail more often.
const N_STAIRCASE_STARTS: usize = 8;
/// CX tried beyond the bound.
const MAX_EXTRA: usize = 6;

/// Full problems converge slowly at first and are worth waiting for.
fn solver_settings() -> LmSettings {
    LmSettings { max_iterations: 400, give_up_ratio: 0.9, patience: 20, first_judgement: 30, ..LmSettings::default() }
}

/// Fits a batch whose states are all that matters.
pub(super) struct Fit<'a> {
    /// Who does the arithmetic. A fit that is stopped has no success.
    pub context: Context<'a>,
    /// The states.
    pub batch: &'a StateBatch,
    /// Largest phase distance of a success.
    pub tolerance: f64,
}

impl Fit<'_> {
    /// A pattern of all pairs of wires with `n_cx` gates, or a few more. None if every start fails.
    pub fn generic(&self, n_cx: usize, stream: &mut Stream) -> Option<CxTemplate> {
        let pairs = rounds(self.batch.n() as u8);
        (n_cx..=n_cx + MAX_EXTRA).find_map(|n_cx| {
            let pattern: Vec<(u8, u8)> = pairs.iter().copied().cycle().take(n_cx).collect();
            self.pattern(&pattern, if n_cx <= SMALL { N_SMALL_STARTS } else { N_STARTS }, stream)
        })
    }

    /// A staircase: the wires 0 and 1, then 1 and 2, and so on, with one to three CX on each pair and
    /// fewer than `max_cx` in all. With two on each, every matrix product state of bond dimension two
    /// in the order of the wires can be prepared (Schön et al., quant-ph/0501096).
    pub fn staircase(&self, max_cx: usize, stream: &mut Stream) -> Option<CxTemplate> {
        let n = self.batch.n() as u8;
        (1..=3).filter(|repeats| repeats * usize::from(n - 1) < max_cx).find_map(|repeats| {
            let pattern: Vec<(u8, u8)> = (0..n - 1).flat_map(|q| std::iter::repeat_n((q, q + 1), repeats)).collect();
            self.pattern(&pattern, N_STAIRCASE_STARTS, stream)
        })
    }

    /// The first of `n_starts` random starts of a pattern that reaches the target.
    fn pattern(&self, pattern: &[(u8, u8)], n_starts: usize, stream: &mut Stream) -> Option<CxTemplate> {
        let settings = solver_settings();
        let Fit { batch, tolerance, .. } = *self;
        let problem = RefineProblem { batch, check: batch, sweeps: None, settings: &settings, tolerance };
        let seed = stream.bits();
        let make = |index: usize, out: &mut CxTemplate| {
            *out = CxTemplate::new(batch.n() as u8);
            pattern.iter().for_each(|&(a, b)| out.push(a, b, Su2::IDENTITY, Su2::IDENTITY));
            randomize(out, &mut Stream::new(seed, index as u64, 0));
        };
        Some(self.context.refine(&problem, n_starts, &make).winner?.1)
    }
}

/// All pairs of wires, those of one round of a round-robin tournament together, so that neighbours
/// in the list are disjoint where they can be.
fn rounds(n: u8) -> Vec<(u8, u8)> {
    let even = n + n % 2;
    let pair = |round: u8, i: u8| {
        let a = if i == 0 { even - 1 } else { (round + i) % (even - 1) };
        let b = (round + even - 1 - i) % (even - 1);
        (a.min(b), a.max(b))
    };
    let all = (0..even - 1).flat_map(|round| (0..even / 2).map(move |i| pair(round, i)));
    all.filter(|&(_, b)| b < n).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_stands_once_and_rounds_are_disjoint() {
        for n in 2..=10u8 {
            let mut pairs = rounds(n);
            for round in pairs.chunks(usize::from(n / 2)) {
                let mut wires: Vec<u8> = round.iter().flat_map(|&(a, b)| [a, b]).collect();
                wires.sort_unstable();
                wires.dedup();
                assert_eq!(wires.len(), 2 * round.len());
            }
            pairs.sort_unstable();
            let expected: Vec<(u8, u8)> = (0..n).flat_map(|a| (a + 1..n).map(move |b| (a, b))).collect();
            assert_eq!(pairs, expected);
        }
    }

    #[test]
    fn bounds_are_those_of_the_literature() {
        assert_eq!([2, 3, 4, 5, 6].map(generic_unitary_cx), [3, 14, 61, 252, 1020]);
        assert_eq!([2, 3, 4, 5].map(generic_state_cx), [1, 2, 6, 13]);
    }
}
