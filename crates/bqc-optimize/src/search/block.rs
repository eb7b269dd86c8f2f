//! The search inside one block: a deletion scan, then moves, each kept if it is an identity.

use super::moves::{MoveMix, propose, word};
use crate::Context;
use crate::fitted::{Fit, Fitted};
use bqc_instantiate::{CxTemplate, LmSettings, RefineProblem, Refined, Rotation};
use bqc_linalg::Stream;

/// What a search has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SearchCounts {
    /// Candidates of deletion scans.
    pub n_deletions: usize,
    /// Candidates that are moves.
    pub n_moves: usize,
    /// Moves that were identities.
    pub n_accepted: usize,
    /// CX gates fewer, by either.
    pub n_removed: usize,
    /// Iterations of the solver.
    pub n_iterations: usize,
}

impl SearchCounts {
    /// Adds another count to this one.
    pub fn add(&mut self, other: &SearchCounts) {
        self.n_deletions += other.n_deletions;
        self.n_moves += other.n_moves;
        self.n_accepted += other.n_accepted;
        self.n_removed += other.n_removed;
        self.n_iterations += other.n_iterations;
    }
}

/// How thoroughly a scan tries to delete every CX.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScanShare {
    /// Probability that a CX is tried with `Rotation::Plus`.
    pub plus: f64,
    /// Probability that it is tried with `Rotation::Minus`.
    pub minus: f64,
}

impl ScanShare {
    /// Every gate with both rotations.
    pub const FULL: ScanShare = ScanShare { plus: 1.0, minus: 1.0 };
    /// A sample of them: scans are dear and rarely find anything twice at the same place.
    pub const SAMPLE: ScanShare = ScanShare { plus: 0.3, minus: 0.1 };
}

/// How much a search tries.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tries {
    /// The deletion scan before the moves.
    pub scan: ScanShare,
    /// Moves.
    pub n_moves: usize,
}

/// One block while it is searched.
struct Search<'a> {
    context: Context<'a>,
    problem: RefineProblem<'a>,
    current: CxTemplate,
    counts: SearchCounts,
}

/// Searches a block of at least two wires: a scan, then moves, and a full scan again behind each that
/// lowers the count. Returns none if nothing was accepted.
///
/// The result is an identity on the sampled or all columns as near as `fit` says; the
/// caller verifies. It is a function of the block and the stream unless it is stopped.
pub fn search_block(
    context: Context<'_>,
    block: &CxTemplate,
    tries: Tries,
    fit: Fit,
    stream: &mut Stream,
) -> (Option<CxTemplate>, SearchCounts) {
    let fitted = Fitted::new(block, 3 * block.n() + 4 * block.n_cx(), fit, stream);
    let settings = LmSettings::default();
    let problem = fitted.problem(&settings);
    search_problem(context, block, problem, tries, stream)
}

/// The same for a template that fits any problem, a matrix's or a state's too, not only its own.
pub fn search_problem(
    context: Context<'_>,
    start: &CxTemplate,
    problem: RefineProblem<'_>,
    tries: Tries,
    stream: &mut Stream,
) -> (Option<CxTemplate>, SearchCounts) {
    let mut search = Search { context, problem, current: start.clone(), counts: SearchCounts::default() };
    search.scan(tries.scan, stream);
    search.moves(tries.n_moves, stream);
    let changed = search.counts.n_accepted + search.counts.n_removed > 0;
    (changed.then_some(search.current), search.counts)
}

impl Search<'_> {
    /// Tries to delete CX gates in order; each success continues behind it.
    fn scan(&mut self, share: ScanShare, stream: &mut Stream) {
        let mut candidates: Vec<(usize, Rotation)> = Vec::new();
        for i in 0..self.current.n_cx() {
            for (rotation, p) in [(Rotation::Plus, share.plus), (Rotation::Minus, share.minus)] {
                if p >= 1.0 || stream.chance(p) {
                    candidates.push((i, rotation));
                }
            }
        }
        let (mut next, mut n_removed) = (0, 0);
        while next < candidates.len() && !self.context.is_stopped() {
            let (current, rest) = (&self.current, &candidates[next..]);
            let make = |index: usize, out: &mut CxTemplate| {
                let (i, rotation) = rest[index];
                out.copy_from(current);
                out.delete_cx(i - n_removed, rotation);
            };
            let refined = self.context.refine(&self.problem, rest.len(), &make);
            self.counts.n_deletions += refined.n_tried;
            self.counts.n_iterations += refined.n_iterations;
            let Some((index, template)) = refined.winner else { break };
            self.current = template;
            n_removed += 1;
            // A gate that is gone is not tried again with the other rotation.
            let gone = candidates[next + index].0;
            next += index + 1;
            next += candidates[next..].iter().take_while(|(i, _)| *i == gone).count();
        }
        self.counts.n_removed += n_removed;
    }

    /// Tries `n_moves` moves; whatever is an identity becomes the new state.
    fn moves(&mut self, n_moves: usize, stream: &mut Stream) {
        let mix = MoveMix::for_width(self.current.n());
        let mut left = n_moves;
        while left > 0 && self.current.n_cx() > 0 && !self.context.is_stopped() {
            let (current, seed) = (&self.current, stream.bits());
            let base_word = word(current);
            let make = |index: usize, out: &mut CxTemplate| {
                propose(current, base_word, &mix, &mut Stream::new(seed, index as u64, 0), out);
            };
            let Refined { winner, n_tried, n_iterations, .. } = self.context.refine(&self.problem, left, &make);
            self.counts.n_moves += n_tried;
            self.counts.n_iterations += n_iterations;
            let Some((index, template)) = winner else { break };
            left -= index + 1;
            let n_fewer = self.current.n_cx() - template.n_cx();
            self.current = template;
            self.counts.n_accepted += 1;
            if n_fewer > 0 {
                self.counts.n_removed += n_fewer;
                self.scan(ScanShare::FULL, stream);
            }
        }
    }
}
