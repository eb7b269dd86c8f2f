//! When a search is left for walks from what it has made, and for how long.
//!
//! Walks over the whole circuit and searches in windows find different things, and each finds more after the other. So
//! walks come again once a search that has become slow has lowered the leading figure by a share of it, and at its end if it
//! has lowered it at all. Where two walks in a row were in vain, the next two wait for twice that share: the time goes to
//! what gains. Before them, gates become Clifford+T gates where they can, which alone walks can merge.
//!
//! That is for circuits over Clifford and T. In others the angles say little before and after, and walks are dear: a
//! minute of a UCCSD circuit ends at 320 CX with such turns and at 317 without them.

use super::view::{SLOW, View};
use super::{Record, Step, Why, cuts};
use crate::exact::Exact;

/// A search that has removed this share of the leading figure since the last walk is left for walks.
const SHARE: f64 = 0.1;

impl View<'_> {
    /// The next step of a turn of walks: Clifford+T gates, then both walks.
    pub fn walk_again(&self) -> Option<Step> {
        let is_allowed = self.walks() && self.settings.epsilon_total == 0.0;
        let step = match self.search.last().filter(|last| is_allowed && last.is_clifford_t)?.step {
            Step::Search { .. } | Step::Race(_) if self.is_due() => {
                Step::CliffordT { cuts: cuts::clifford_t(self.settings) }
            }
            Step::CliffordT { .. } => Step::Walk { exact: Exact::Paulis },
            Step::Walk { exact: Exact::Paulis } => Step::Walk { exact: Exact::PathSums },
            _ => return None,
        };
        Some(step)
    }

    /// Whether the search has done enough since the last turn.
    fn is_due(&self) -> bool {
        let is_turn = |record: &Record| matches!(record.step, Step::CliffordT { .. });
        let since = self.search.iter().rposition(is_turn).map_or(0, |last| last + 1);
        let (Some(first), Some(last)) = (self.search.get(since), self.search.last()) else { return false };
        let n_in_vain = self.search[..since].iter().filter(|record| is_turn(record)).count();
        let [before, now] = [self.leading(&first.before), self.leading(&last.best)];
        let share = before.saturating_sub(now) as f64 / before.max(1) as f64;
        match self.search_is_over() {
            None => !self.gained(last, SLOW) && share >= SHARE * f64::from(1 << n_in_vain.min(16)),
            Some(Why::LittleGain) => now < before,
            Some(_) => false,
        }
    }
}
