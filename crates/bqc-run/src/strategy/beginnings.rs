//! Whether a search that has ended begins again, and with which circuit.
//!
//! Where a search ends depends on chance, by some per cent of the gates, and with which circuit it begins matters too: what
//! walks make of a circuit is not always the best beginning for windows. Which beginning suits a circuit shows only in
//! what it leads to. So each is tried once, and then the one that has most often led to something better, by Laplace's rule
//! of succession: (gains + 1) / (tries + 2). What fails falls behind, so that the others get their turns.

use super::view::{View, is_search};
use super::{Record, Step, Why};

/// The circuit with which a search begins again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// The input after the light passes.
    Written,
    /// What walks with other random numbers make of it.
    Walked,
    /// The best of all.
    Best,
}

impl Beginning {
    /// In the order in which they are tried.
    const ALL: [Beginning; 3] = [Beginning::Written, Beginning::Walked, Beginning::Best];

    /// Whether walks come before the search.
    pub fn has_walks(self) -> bool {
        self == Beginning::Walked
    }
}

/// A beginning and whether what came of it is better than all before.
type Try = (Beginning, bool);

impl View<'_> {
    /// A new beginning after everything has been tried, unless too many in a row have led to nothing better.
    pub fn restart(&self) -> Option<Step> {
        let is_at_end = matches!(self.search_is_over(), Some(Why::LittleGain | Why::OutOfDistance));
        let tries = self.tries();
        let n_in_vain = tries.iter().rev().take_while(|(_, has_gained)| !has_gained).count();
        let applies = is_at_end && is_search(self.settings) && n_in_vain < self.settings.restarts as usize;
        applies.then(|| Step::Restart(most_promising(&tries)))
    }

    /// How the present search began.
    pub fn beginning(&self) -> Beginning {
        self.history.first().and_then(restarted).unwrap_or(Beginning::Walked)
    }

    /// All restarts that have ended, in order.
    fn tries(&self) -> Vec<Try> {
        let mut tries: Vec<Try> = Vec::new();
        let mut least = usize::MAX;
        for begun in self.whole.chunk_by(|_, next| restarted(next).is_none()) {
            let end = begun.last().map_or(usize::MAX, |record| self.leading(&record.best));
            tries.extend(begun.first().and_then(restarted).map(|beginning| (beginning, end < least)));
            least = least.min(end);
        }
        tries
    }
}

fn restarted(record: &Record) -> Option<Beginning> {
    if let Step::Restart(beginning) = record.step { Some(beginning) } else { None }
}

/// The beginning with the highest share of gains; of equals the one that has been tried least, and then the first in order.
fn most_promising(tries: &[Try]) -> Beginning {
    let standing = |beginning: Beginning| {
        let its = || tries.iter().filter(|(tried, _)| *tried == beginning);
        let (n_gains, n) = (its().filter(|(_, has_gained)| *has_gained).count(), its().count());
        ((n_gains + 1) as f64 / (n + 2) as f64, n)
    };
    let better = |a: Beginning, b: Beginning| {
        let ((score, n), (other, n_other)) = (standing(a), standing(b));
        if other > score || other == score && n_other < n { b } else { a }
    };
    Beginning::ALL.into_iter().reduce(better).unwrap_or(Beginning::Walked)
}

#[cfg(test)]
mod tests {
    use super::Beginning::{Best, Walked, Written};
    use super::*;

    #[test]
    fn each_is_tried_and_what_gains_is_tried_again() {
        assert_eq!(most_promising(&[]), Written);
        assert_eq!(most_promising(&[(Written, false)]), Walked);
        assert_eq!(most_promising(&[(Written, false), (Walked, false)]), Best);
        assert_eq!(most_promising(&[(Written, false), (Walked, false), (Best, false)]), Written);
        // A gain is followed by more of the same, until these have failed as often.
        let gained = [(Written, false), (Walked, true)];
        assert_eq!(most_promising(&gained), Walked);
        assert_eq!(most_promising(&[&gained[..], &[(Walked, false)]].concat()), Best);
        let twice = [&gained[..], &[(Walked, false), (Best, false)]].concat();
        assert_eq!(most_promising(&twice), Walked);
        assert_eq!(most_promising(&[&twice[..], &[(Walked, false), (Walked, false)]].concat()), Written);
    }
}
