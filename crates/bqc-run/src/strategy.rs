//! What a run does next: a pure function of what it has done so far.
//!
//! [`next`] reads the records of the steps that were carried out and the settings, and nothing else: no clock, no
//! flag, no random number. The same history therefore always leads to the same step, and each rule is tested with
//! literals. The rules stand in one table; the first one that applies decides.
//!
//! A run begins with exact passes over the whole circuit, and is then a sequence of searches. A search keeps the unitary, goes from pass to pass with other cuts, and ends when
//! its passes gain little. It begins after the rewrite that follows the exact passes, again after each walk that gains in the midst of it
//! (`again.rs`), and, if the user allows a distance, after each step that has spent some of it.

mod again;
mod beginnings;
mod cuts;
mod kept;
mod race;
#[cfg(test)]
mod tests;
mod view;

use crate::compile::Settings;
use crate::exact::Exact;
use crate::kept::keeps_angles;
pub(crate) use beginnings::Beginning;
use bqc_optimize::Figures;
pub(crate) use cuts::{Cuts, PAIRS, one_window, walk};
pub(crate) use race::{Field, Standing, Terms, Verdict};
use view::View;

/// From which of its circuits a pass goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// The best so far.
    Best,
    /// The one that the last step left, which may be as good as the best and another circuit: a search wanders.
    Last,
    /// The input after the light passes, whose structure others have not changed.
    Written,
}

/// One step of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Join one-qubit gates where they meet and cancel equal CX.
    Rewrite,
    /// Put the best circuit aside and begin again: what comes then has other random numbers.
    Restart(Beginning),
    /// One pass of exact rewritings over whole regions from the best circuit, the larger the longer.
    Exact { exact: Exact, size: u32 },
    /// One-qubit gates of the best circuit made Clifford+T gates where others can make up for it, in blocks cut in each of these
    /// ways: walks that come after see more.
    CliffordT { cuts: [Cuts; 3] },
    /// One such pass in the midst of a search, merged.
    Walk { exact: Exact },
    /// Each run of gates on two wires written anew by its decomposition.
    Pairs,
    /// One pass that deletes gates in blocks.
    Delete { from: Origin, cuts: Cuts },
    /// One pass that searches in windows, each for at most this many rounds.
    Search { from: Origin, cuts: Cuts, n_rounds: usize },
    /// Passes of several walkers, each over a circuit of its own. Those that race begin with the circuit with which
    /// this search began.
    Race(Terms),
    /// One pass from the best circuit that spends some of the distance that the user allows.
    Approximate { cuts: Cuts },
    /// Answer with the best circuit.
    Done(Why),
}

/// Why a run ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It was stopped from outside.
    Stopped,
    /// The verifier refused what a step had made of the whole circuit: a fault of bqc, which further steps would meet
    /// again.
    Refused,
    /// All passes that the settings allow are done.
    OutOfPasses,
    /// Rounding has used up the distance that the user allows.
    OutOfDistance,
    /// The last passes gained little.
    LittleGain,
}

/// What a step was and what it left.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    pub step: Step,
    /// Passes that it took: none for a rewrite, many for a race.
    pub n_passes: u32,
    /// Of the circuit that it began with.
    pub before: Figures,
    /// Of the circuit that it left, and the bound of that circuit.
    pub after: Figures,
    pub bound: f64,
    /// Of the best circuit after the step.
    pub best: Figures,
    /// Whether the best circuit is the one that this step left.
    pub is_better: bool,
    /// Whether the best circuit is one window. False where [`asks_for_windows`] says that it does not matter.
    pub is_one_window: bool,
    /// Whether all gates of the circuit as written are over Clifford and T.
    pub is_clifford_t: bool,
    /// Why the run has to end after this step, if it has to.
    pub end: Option<Why>,
}

/// A rule: the step that it asks for, or none if it does not apply.
type Rule = fn(&View<'_>) -> Option<Step>;

/// The rules, in order of precedence.
const RULES: [Rule; 13] = [
    // What only whole circuits show, from the input's own angles, which merging would blur.
    |view| view.exact(),
    // Merging costs next to nothing, and all that follows has less to do.
    |view| view.is_unmerged().then_some(Step::Rewrite),
    // A run that is stopped, or whose own work was refused, answers with the best circuit that it has.
    |view| view.end().map(Step::Done),
    // Blocks of one width offer what those of another do not, so all widths are tried before approximating ends.
    |view| view.is_approximating().then(|| view.approximate()).flatten(),
    // One window has no cuts to change, and where its search ends depends on chance: several walkers race.
    |view| view.race_in_one_window(),
    // What windows have changed walks see anew, and the other way round.
    |view| view.walk_again(),
    // What Pauli forms lose of a circuit's own structure deletion may have found, so it gets its chance first.
    |view| view.delete_as_written(),
    // Deletion takes most of what a large circuit offers in a fraction of the time that a search takes.
    |view| view.delete_at_first(),
    // Where passes over all windows of a small circuit find nothing more, walkers still do.
    |view| view.race_when_stalled(),
    // What lay on a border of one pass lies inside a block or window of another, so passes go on until they gain little.
    |view| view.pass(),
    // Where no pass may search, runs of gates on two wires are what the light passes have left to others.
    |view| view.pairs(),
    // Distance buys gates that identities cannot remove, so it is spent only where these gain little.
    |view| view.approximate(),
    // Where a search ends depends on chance, so it is tried again while that finds something better.
    |view| view.restart(),
];

/// What to do after `history`, whose records stand in the order of their steps.
pub(crate) fn next(history: &[Record], settings: &Settings) -> Step {
    if keeps_angles(settings) {
        return kept::next(history, settings);
    }
    let view = View::of(history, settings);
    let step = RULES.iter().find_map(|rule| rule(&view));
    step.unwrap_or_else(|| Step::Done(view.search_is_over().unwrap_or(Why::LittleGain)))
}

/// Whether `made` replaces `best`: if it is better, and near enough to the input. A rewrite and Clifford+T gates replace the
/// best even if they are only as good, so that all that follows begins with them.
pub(crate) fn is_kept(step: &Step, made: &Figures, bound: f64, best: &Figures, settings: &Settings) -> bool {
    let rank = |figures: &Figures| settings.block.objective.rank(figures);
    let order = rank(made).cmp(&rank(best));
    let is_enough = match step {
        Step::Rewrite => true,
        Step::CliffordT { .. } => order.is_le(),
        _ => order.is_lt(),
    };
    bound <= limit(settings) && is_enough
}

/// Largest bound that a result may have: a budget of zero asks for identities and does not limit their rounding.
pub(crate) fn limit(settings: &Settings) -> f64 {
    if settings.epsilon_total > 0.0 { settings.epsilon_total } else { f64::INFINITY }
}

/// Whether a search may begin after this step, from the best circuit.
pub(crate) fn begins_search(step: &Step, is_better: bool) -> bool {
    matches!(step, Step::Rewrite | Step::Approximate { .. }) || is_better && matches!(step, Step::Walk { .. })
}

/// Whether a circuit still has the structure of the input after this step, if it had it before.
pub(crate) fn keeps_structure(step: &Step) -> bool {
    matches!(step, Step::Exact { exact: Exact::Light, .. })
}

/// Whether what follows this step may depend on the best circuit being one window, which takes a partition to know:
/// only where a search may begin, and only if its walkers would be more than one.
pub(crate) fn asks_for_windows(step: &Step, is_better: bool, settings: &Settings) -> bool {
    begins_search(step, is_better) && view::may_race(settings)
}
