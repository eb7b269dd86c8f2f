//! What the rules see: the history since the present search began, and the questions that they ask of it.

use super::{Cuts, Origin, Record, Step, Terms, Why, begins_search, cuts, limit};
use crate::compile::Settings;
use crate::exact::Exact;
use bqc_optimize::{Figures, Flow};

/// From this many CX on, a search begins with deletion in the narrowest blocks, which take the easy gains in a tenth
/// of the time, so that a run that is cut short has them.
const LARGE_CX: usize = 1000;

/// Deletion at the beginning of a search ends when each width in turn has removed at most this share of the leading
/// figure.
const LITTLE_DELETED: f64 = 0.01;

/// A walk over the whole circuit that has removed at most this share of the leading figure is not repeated: what comes
/// after it finds more in the same time.
const LITTLE_REWRITTEN: f64 = 0.01;

/// In a circuit of at most so many CX walks take a fraction of a second, and both are repeated as long as one gains.
const SMALL_CX: usize = 100;

/// Rounds of the first searching pass. The first rounds in a window gain most, and a run that is cut short should have
/// been everywhere.
const FIRST_ROUNDS: usize = 2;

/// A searching pass that has removed at most this share of the leading figure is slow: those after it have twice as many
/// rounds, up to the setting.
pub(super) const SLOW: f64 = 0.1;

/// The doubling of rounds ends here, far above any setting and far below an overflow.
const MOST_DOUBLINGS: u32 = 16;

/// Searching passes in a row without a better circuit after which a small circuit of several windows goes on with
/// walkers.
const STALLED_AFTER: usize = 5;

/// A large circuit is deleted from as it was written too, if exact rewritings have left at least this share of it.
const MUCH_LEFT: f64 = 0.5;

/// Passes with little gain before approximations are tried, if the run is patient for longer.
const PATIENCE_BEFORE_APPROXIMATING: u32 = 3;

/// Every walker of this many goes on from the best, if all begin from the same circuit.
const FOLLOWER: usize = 4;

/// The same where the search has found something better than the circuit it began with: a new beginning is dear then.
const FOLLOWER_AFTER_GAIN: usize = 2;

/// A history and the settings, with the present search marked out.
pub(super) struct View<'a> {
    pub(super) settings: &'a Settings,
    /// All steps of the run.
    pub(super) whole: &'a [Record],
    /// The steps since the last restart, which comes first and stands for the light passes.
    pub(super) history: &'a [Record],
    /// The steps of the present search, none at its beginning.
    pub(super) search: &'a [Record],
    /// The approximations without a gain that came right before it.
    in_vain: &'a [Record],
}

/// Whether searches with these settings have walkers that could race.
pub(super) fn may_race(settings: &Settings) -> bool {
    is_search(settings) && settings.block.starts >= 2
}

pub(super) fn is_search(settings: &Settings) -> bool {
    matches!(settings.block.flow, Flow::Search { .. })
}

impl<'a> View<'a> {
    pub fn of(whole: &'a [Record], settings: &'a Settings) -> View<'a> {
        let restart = whole.iter().rposition(|record| matches!(record.step, Step::Restart(_))).unwrap_or(0);
        let history = &whole[restart..];
        let begin =
            history.iter().rposition(|record| begins_search(&record.step, record.is_better)).map_or(0, |last| last + 1);
        let (before, search) = history.split_at(begin);
        let is_vain = |record: &Record| matches!(record.step, Step::Approximate { .. }) && !record.is_better;
        let n_vain = before.iter().rev().take_while(|record| is_vain(record)).count();
        View { settings, whole, history, search, in_vain: &before[before.len() - n_vain..] }
    }

    /// Why the last step has to be the last.
    pub fn end(&self) -> Option<Why> {
        self.history.last().and_then(|last| last.end)
    }

    /// Whether the last step was an approximation that gained nothing.
    pub fn is_approximating(&self) -> bool {
        self.search.is_empty() && !self.in_vain.is_empty()
    }

    /// An approximation in blocks of the first width that has not been tried on this circuit. None if all have been,
    /// and none after the search that follows the last of them.
    pub fn approximate(&self) -> Option<Step> {
        let is_allowed = self.settings.epsilon_total > 0.0 && (self.search.is_empty() || self.in_vain.is_empty());
        let untried = |cuts: &Cuts| self.in_vain.iter().all(|tried| tried.step != Step::Approximate { cuts: *cuts });
        let mut all = cuts::approximating(self.settings);
        if is_large(self.best()?) {
            all.reverse();
        }
        all.into_iter().filter(|_| is_allowed).find(untried).map(|cuts| Step::Approximate { cuts })
    }

    /// The next exact pass at the beginning of a run or after a restart: the light passes, and in a search the two walks
    /// in turn, each time twice as long, while they gain more than a little. A walk that has gained little sits out.
    pub fn exact(&self) -> Option<Step> {
        let is_over = !self.is_unmerged() || self.end().is_some() || self.settings.exact_passes == 0;
        if self.history.is_empty() {
            return (!is_over).then_some(Step::Exact { exact: Exact::Light, size: 1 });
        }
        if is_over || !self.walks() {
            return None;
        }
        if !self.beginning().has_walks() {
            return None;
        }
        let (exact, round) = self.next_walk()?;
        let is_allowed = round + 1 < self.settings.exact_passes;
        is_allowed.then(|| Step::Exact { exact, size: 1 << round.min(MOST_DOUBLINGS) })
    }

    /// Whether walks are allowed at all.
    pub(super) fn walks(&self) -> bool {
        is_search(self.settings) && self.settings.max_passes > 0 && self.settings.exact_passes > 1
    }

    /// The walk whose turn it is and how often it has had one, if its last one or that of the other has gained more
    /// than a little.
    fn next_walk(&self) -> Option<(Exact, u32)> {
        let walks = || {
            self.history.iter().filter_map(|record| match record.step {
                Step::Exact { exact, .. } if exact != Exact::Light => Some((exact, record)),
                _ => None,
            })
        };
        let n_done = |exact| walks().filter(|walk| walk.0 == exact).count() as u32;
        let has_gained = |(_, record): (Exact, &Record)| record.is_better;
        let is_small = self.best().is_some_and(|best| best.n_two_qubit <= SMALL_CX);
        let goes_on = |exact| match walks().rfind(|walk| walk.0 == exact) {
            Some((_, last)) => self.gained(last, LITTLE_REWRITTEN) || is_small && walks().rev().take(2).any(has_gained),
            None => true,
        };
        let [first, second] = [Exact::Paulis, Exact::PathSums].map(|exact| (n_done(exact), exact));
        let mut in_turn = if first.0 <= second.0 { [first, second] } else { [second, first] }.into_iter();
        in_turn.find(|(_, exact)| goes_on(*exact)).map(|(n_done, exact)| (exact, n_done))
    }

    /// Whether one-qubit gates stand as the exact passes have left them.
    pub fn is_unmerged(&self) -> bool {
        self.history.iter().all(|record| matches!(record.step, Step::Exact { .. } | Step::Restart(_)))
    }

    /// A race from the beginning of a search, if everything is in one window.
    pub fn race_in_one_window(&self) -> Option<Step> {
        let applies = self.search.is_empty() && self.history.last()?.is_one_window && may_race(self.settings);
        (applies && self.search_is_over().is_none()).then(|| self.race())
    }

    /// A race in the midst of a search that has stalled, if the circuit is small and there are walkers enough for
    /// one of them to follow the best.
    pub fn race_when_stalled(&self) -> Option<Step> {
        let Settings { max_block_cx, ref block, .. } = *self.settings;
        let has_room = is_search(self.settings) && block.starts >= FOLLOWER && self.best()?.n_two_qubit <= max_block_cx;
        let applies = has_room && self.n_stalled() >= STALLED_AFTER && self.search_is_over().is_none();
        applies.then(|| self.race())
    }

    /// The first deleting passes of a large circuit as it was written, one of each width, if exact rewritings have left
    /// much of it.
    pub fn delete_as_written(&self) -> Option<Step> {
        let light = self.history.first()?;
        let (written, begin) = (light.best.n_two_qubit, self.began_with()?.n_two_qubit);
        let is_worth_it = begin < written && begin as f64 >= MUCH_LEFT * written as f64;
        let is_trial = match self.search.first() {
            None => true,
            Some(first) => matches!(first.step, Step::Delete { from: Origin::Written, .. }),
        };
        let n_passes = self.search.len();
        let is_first = !self.history.iter().any(|record| is_turn(&record.step));
        let applies = is_search(self.settings)
            && is_first
            && self.was_large()
            && is_worth_it
            && is_trial
            && n_passes < cuts::N_WIDTHS;
        let from = if n_passes == 0 { Origin::Written } else { Origin::Last };
        let step = || Step::Delete { from, cuts: cuts::deleting_at_first(self.settings, self.n_passes()) };
        (applies && self.search_is_over().is_none()).then(step)
    }

    /// A deleting pass while a search of a large circuit is at its beginning.
    pub fn delete_at_first(&self) -> Option<Step> {
        let applies = self.is_deleting_at_first() && self.search_is_over().is_none();
        let cuts = || cuts::deleting_at_first(self.settings, self.n_passes());
        applies.then(|| Step::Delete { from: self.origin(), cuts: cuts() })
    }

    /// One more pass of the kind that the settings ask for.
    pub fn pass(&self) -> Option<Step> {
        if self.search_is_over().is_some() {
            return None;
        }
        let (from, pass) = (self.origin(), self.n_passes());
        Some(match self.settings.block.flow {
            // Its steps are those of `kept`.
            Flow::Exact => return None,
            Flow::Delete => Step::Delete { from, cuts: cuts::deleting(self.settings, pass, self.was_large()) },
            Flow::Search { n_rounds } => {
                let n_doublings = self.n_slow().min(MOST_DOUBLINGS);
                let n_rounds = n_rounds.min(FIRST_ROUNDS << n_doublings);
                Step::Search { from, cuts: cuts::searching(self.settings, pass), n_rounds }
            }
        })
    }

    /// The pass over runs on two wires, where no other pass is allowed.
    pub fn pairs(&self) -> Option<Step> {
        let applies = is_search(self.settings) && self.settings.max_passes == 0;
        (applies && self.history.iter().all(|record| record.step != Step::Pairs)).then_some(Step::Pairs)
    }

    /// Why the present search does not go on, none if it does.
    pub fn search_is_over(&self) -> Option<Why> {
        let has_raced = self.passes().next_back().is_some_and(|last| matches!(last.step, Step::Race(_)));
        // The deleting passes at the beginning have a patience of their own.
        let is_patient = self.is_deleting_at_first() || self.n_idle() < self.patience();
        if self.n_searches() >= self.settings.max_passes {
            Some(Why::OutOfPasses)
        } else if has_raced || !is_patient {
            Some(Why::LittleGain)
        } else {
            let is_too_far = |last: &Record| self.origin() == Origin::Last && last.bound > limit(self.settings);
            self.search.last().is_some_and(is_too_far).then_some(Why::OutOfDistance)
        }
    }

    /// Passes with little gain after which the present search ends. Searches between approximations are short; one
    /// of full length follows when no approximation is left, unless the last one was as long.
    fn patience(&self) -> u32 {
        let full = self.settings.patience;
        let short = full.min(PATIENCE_BEFORE_APPROXIMATING);
        match self.settings.epsilon_total > 0.0 {
            false => full,
            true if self.in_vain.is_empty() => short,
            true if short < full => full,
            true => 0,
        }
    }

    /// Passes with little gain, the last ones in a row, of the kind that the settings ask for.
    fn n_idle(&self) -> u32 {
        let is_same = |record: &Record| match record.step {
            Step::Delete { .. } => !is_search(self.settings),
            Step::Search { .. } => true,
            _ => false,
        };
        let is_idle = |record: &&Record| is_same(record) && !self.gained(record, self.settings.min_gain);
        self.passes().rev().take_while(is_idle).count() as u32
    }

    /// The steps of the present search without the turns of walks, which gained nothing: otherwise it would be another search.
    fn passes(&self) -> impl DoubleEndedIterator<Item = &Record> {
        self.search.iter().filter(|record| !is_turn(&record.step))
    }

    /// Searching passes, the last ones in a row, since the best circuit had its leading figure lowered.
    fn n_stalled(&self) -> usize {
        let is_stalled = |pair: &&[&Record]| {
            matches!(pair[1].step, Step::Search { .. }) && self.leading(&pair[1].best) >= self.leading(&pair[0].best)
        };
        let is_pass = |record: &&Record| !is_turn(&record.step);
        let passes: Vec<&Record> = self.history.iter().filter(is_pass).collect();
        passes.windows(2).rev().take_while(is_stalled).count()
    }

    /// Whether a search of a large circuit still is at its first, deleting passes.
    fn is_deleting_at_first(&self) -> bool {
        let is_idle = |record: &&Record| !self.gained(record, LITTLE_DELETED);
        is_search(self.settings)
            && self.was_large()
            && self.search.iter().all(|record| matches!(record.step, Step::Delete { .. }))
            && self.search.iter().rev().take_while(is_idle).count() < cuts::N_WIDTHS
    }

    /// Whether a step has lowered the leading figure by more than this share of it.
    pub(super) fn gained(&self, record: &Record, share: f64) -> bool {
        let before = self.leading(&record.before);
        before.saturating_sub(self.leading(&record.after)) as f64 > share * before as f64
    }

    /// A search wanders: it goes on from where it is, unless the best circuit has fewer gates.
    fn origin(&self) -> Origin {
        let goes_on = |last: &Record| self.settings.block.objective.goes_on_from(&last.after, &last.best);
        if self.search.last().is_some_and(goes_on) { Origin::Last } else { Origin::Best }
    }

    fn race(&self) -> Step {
        let has_gained = self.search.iter().any(|record| record.is_better);
        Step::Race(Terms {
            patience: self.patience() - self.n_idle(),
            max_passes: self.settings.max_passes - self.n_searches(),
            follower_every: if has_gained { FOLLOWER_AFTER_GAIN } else { FOLLOWER },
        })
    }

    fn best(&self) -> Option<&Figures> {
        self.history.last().map(|last| &last.best)
    }

    /// The best circuit when the present search began.
    fn began_with(&self) -> Option<&Figures> {
        let before = &self.history[..self.history.len() - self.search.len()];
        before.last().map(|record| &record.best)
    }

    /// Whether it was large.
    fn was_large(&self) -> bool {
        self.began_with().is_some_and(is_large)
    }

    pub(super) fn leading(&self, figures: &Figures) -> usize {
        self.settings.block.objective.rank(figures).leading()
    }

    /// All passes in blocks and windows so far, and of these the ones that keep the unitary.
    fn n_passes(&self) -> u32 {
        let is_whole =
            |step: &Step| matches!(step, Step::Exact { .. } | Step::Pairs | Step::Restart(_)) || is_turn(step);
        let is_cut = |record: &&Record| !is_whole(&record.step);
        self.history.iter().filter(is_cut).map(|record| record.n_passes).sum()
    }

    fn n_searches(&self) -> u32 {
        let is_other =
            |step: &Step| matches!(step, Step::Exact { .. } | Step::Pairs | Step::Approximate { .. }) || is_turn(step);
        let keeps = |record: &&Record| !is_other(&record.step);
        self.whole.iter().filter(keeps).map(|record| record.n_passes).sum()
    }

    /// Passes since the last restart that have searched or approximated and gained little.
    fn n_slow(&self) -> u32 {
        let searches = |step: &Step| matches!(step, Step::Search { .. } | Step::Approximate { .. });
        let is_slow = |record: &&Record| searches(&record.step) && !self.gained(record, SLOW);
        self.history.iter().filter(is_slow).count() as u32
    }
}

/// Whether a step belongs to a turn of walks in the midst of a search.
fn is_turn(step: &Step) -> bool {
    matches!(step, Step::CliffordT { .. } | Step::Walk { .. })
}

fn is_large(figures: &Figures) -> bool {
    figures.n_two_qubit >= LARGE_CX
}
