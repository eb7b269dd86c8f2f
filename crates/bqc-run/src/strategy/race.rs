//! Which walkers of a race go on and which begin again, from their standing alone.
//!
//! A search of a small circuit ends on a plateau that depends on its random numbers, by up to a third of
//! the gates, and the first moments decide which. So walkers race: each walks by itself from pass to
//! pass, in parallel with the others, and after 1, 2, 4, 8, … passes goes on only if it is not worse than
//! the median of all that came as far (successive halving, Jamieson and Talwalkar, arXiv:1502.07943,
//! without its batches). One that does not begins again from where the search began, with other random
//! numbers. Some walkers do not race: they begin again from the best circuit that any walker has found.

use std::collections::BTreeMap;

/// Passes without a lower leading figure after which a walker begins again. A pass of twenty rounds
/// tries some thousand moves; what is found at all on a plateau is mostly found in the first few.
const RESTART_AFTER: u32 = 5;

/// Walkers that must have come as far before one is stopped for being worse than their median.
const SMALLEST_FIELD: usize = 4;

/// Walkers that begin with different circuits are compared from this mark on, after so many doublings of their age. What
/// has more gates at first may have fewer in the end.
const COMMON_FROM: usize = 4;

/// How long a race goes on, and who follows in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Terms {
    /// Passes in a row without a better circuit of any start after which it ends.
    pub patience: u32,
    /// Most passes of all walkers.
    pub max_passes: u32,
    /// The last of every so many walkers follows the best circuit instead of racing.
    pub follower_every: usize,
}

/// Where one walker stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Standing {
    /// The leading figure of its circuit by the objective, by default the two-qubit gates.
    pub leading: usize,
    /// Bound of its circuit.
    pub bound: f64,
    /// Passes since it last lowered its leading figure.
    pub n_idle: u32,
    /// Passes since it began.
    pub age: u32,
    /// Number of the circuit that it began with, among those of the race.
    pub start: usize,
    pub is_follower: bool,
}

/// What becomes of a walker after a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It goes on from its circuit.
    GoOn,
    /// It has not got better for long, and is not the best: it begins again.
    Stuck,
    /// Its bound is too large: it begins again.
    Spent,
    /// It is worse than half of those that came as far: it begins again.
    Behind,
}

/// The leading figures that racing walkers had after 1, 2, 4, 8, … passes, by mark and start, in rising order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Field(BTreeMap<(usize, usize), Vec<usize>>);

impl Terms {
    /// Whether the walker of this number follows the best circuit.
    pub fn is_follower(&self, walker: usize) -> bool {
        walker % self.follower_every == self.follower_every - 1
    }

    /// Whether the race ends after so many passes, the last `n_idle` of them without a better circuit.
    pub fn is_over(&self, n_passes: u32, n_idle: u32) -> bool {
        n_idle >= self.patience || n_passes >= self.max_passes
    }
}

impl Standing {
    /// A walker at its beginning.
    pub fn new(leading: usize, bound: f64, start: usize, is_follower: bool) -> Standing {
        Standing { leading, bound, n_idle: 0, age: 0, start, is_follower }
    }

    /// The same walker a pass later.
    pub fn after(&self, leading: usize, bound: f64) -> Standing {
        let n_idle = if leading < self.leading { 0 } else { self.n_idle + 1 };
        Standing { leading, bound, n_idle, age: self.age + 1, ..*self }
    }
}

impl Field {
    /// The verdict on a walker, whose circuit may have a bound of at most `max_bound`; `best` is the leading figure of
    /// the best circuit so far. In this order: stuck, spent, behind.
    pub fn judge(&self, walker: &Standing, best: usize, max_bound: f64) -> Verdict {
        let is_best = walker.leading <= best;
        if walker.n_idle >= RESTART_AFTER && !is_best {
            Verdict::Stuck
        } else if walker.bound > max_bound {
            Verdict::Spent
        } else if !(walker.is_follower || is_best || self.is_in_better_half(walker)) {
            Verdict::Behind
        } else {
            Verdict::GoOn
        }
    }

    /// Notes that a walker has come to a mark. One that is stuck or spent counts as not having come there, and
    /// followers do not race.
    pub fn note(&mut self, walker: &Standing, verdict: Verdict) {
        let counts = matches!(verdict, Verdict::GoOn | Verdict::Behind) && !walker.is_follower;
        let Some(place) = place(walker).filter(|_| counts) else { return };
        let others = self.0.entry(place).or_default();
        others.insert(others.partition_point(|other| *other < walker.leading), walker.leading);
    }

    /// Whether a walker is not worse than the median of those that it is compared with, itself included. True between
    /// two marks, and where few have come as far.
    fn is_in_better_half(&self, walker: &Standing) -> bool {
        let Some(place) = place(walker) else { return true };
        let others = self.0.get(&place).map_or(&[][..], Vec::as_slice);
        let (n_better, n) = (others.partition_point(|other| *other < walker.leading), others.len() + 1);
        n < SMALLEST_FIELD || n_better <= (n - 1) / 2
    }
}

/// The mark at a walker's age and the start with whose walkers it is compared there; none between two marks.
fn place(walker: &Standing) -> Option<(usize, usize)> {
    let mark = walker.age.is_power_of_two().then(|| walker.age.ilog2() as usize)?;
    Some((mark, if mark < COMMON_FROM { walker.start } else { 0 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMS: Terms = Terms { patience: 3, max_passes: 10, follower_every: 4 };

    fn racer(age: u32, leading: usize) -> Standing {
        Standing { leading, bound: 0.0, n_idle: 0, age, start: 0, is_follower: false }
    }

    /// A field whose first mark these walkers have come to.
    fn field(leading: &[usize]) -> Field {
        let mut field = Field::default();
        leading.iter().for_each(|&leading| field.note(&racer(1, leading), Verdict::GoOn));
        field
    }

    #[test]
    fn a_race_ends_when_patience_or_passes_end() {
        let over = [(0, 0), (3, 2), (3, 3), (9, 2), (10, 0)].map(|(n_passes, n_idle)| TERMS.is_over(n_passes, n_idle));
        assert_eq!(over, [false, false, true, false, true]);
        assert_eq!([0, 2, 3, 4, 7].map(|walker| TERMS.is_follower(walker)), [false, false, true, false, true]);
    }

    #[test]
    fn only_the_better_half_of_a_field_goes_on() {
        let judge = |of: &Field, walker| of.judge(&walker, 0, 1.0);
        // A small field is not judged, and neither is an age between two marks.
        assert_eq!(judge(&field(&[30, 20]), racer(1, 1000)), Verdict::GoOn);
        let three = field(&[30, 20, 25]);
        assert_eq!(judge(&three, racer(3, 1000)), Verdict::GoOn);
        assert_eq!(
            [19, 25, 26].map(|leading| judge(&three, racer(1, leading))),
            [Verdict::GoOn, Verdict::GoOn, Verdict::Behind]
        );
        // Every mark has a field of its own.
        assert_eq!([1, 2, 4].map(|age| judge(&three, racer(age, 50))), [Verdict::Behind, Verdict::GoOn, Verdict::GoOn]);
        // The best and the followers are not judged by the field.
        assert_eq!(three.judge(&racer(1, 50), 50, 1.0), Verdict::GoOn);
        assert_eq!(judge(&three, Standing { is_follower: true, ..racer(1, 50) }), Verdict::GoOn);
    }

    #[test]
    fn a_walker_that_is_stuck_or_spent_begins_again() {
        let judge = |walker| Field::default().judge(&walker, 20, 1e-10);
        let rows = [
            (Standing { n_idle: 4, ..racer(9, 30) }, Verdict::GoOn),
            (Standing { n_idle: 5, ..racer(9, 30) }, Verdict::Stuck),
            (Standing { n_idle: 5, is_follower: true, ..racer(9, 30) }, Verdict::Stuck),
            // The best waits for the others.
            (Standing { n_idle: 99, ..racer(99, 20) }, Verdict::GoOn),
            (Standing { bound: 1e-10, ..racer(9, 20) }, Verdict::GoOn),
            (Standing { bound: 2e-10, ..racer(9, 20) }, Verdict::Spent),
        ];
        rows.into_iter().for_each(|(walker, verdict)| assert_eq!(judge(walker), verdict, "{walker:?}"));
    }

    #[test]
    fn only_racers_that_came_to_a_mark_are_in_the_field() {
        let mut field = Field::default();
        field.note(&racer(1, 10), Verdict::Stuck);
        field.note(&racer(1, 10), Verdict::Spent);
        field.note(&Standing { is_follower: true, ..racer(1, 10) }, Verdict::GoOn);
        field.note(&racer(3, 10), Verdict::GoOn);
        assert!(field.0.is_empty());
        field.note(&racer(2, 12), Verdict::Behind);
        field.note(&racer(2, 10), Verdict::GoOn);
        assert_eq!(field.0, BTreeMap::from([((1, 0), vec![10, 12])]));
    }

    #[test]
    fn starts_are_compared_with_their_own_until_they_are_old() {
        let mut field = Field::default();
        for age in [8, 16] {
            [10, 11, 12].iter().for_each(|&leading| field.note(&racer(age, leading), Verdict::GoOn));
        }
        let other = |age| field.judge(&Standing { start: 1, ..racer(age, 20) }, 0, 1.0);
        assert_eq!([other(8), other(16)], [Verdict::GoOn, Verdict::Behind]);
    }

    #[test]
    fn a_walker_is_idle_until_its_leading_figure_falls() {
        let walker = Standing::new(30, 0.0, 0, false).after(30, 1e-15).after(31, 2e-15);
        assert_eq!((walker.n_idle, walker.age, walker.leading, walker.bound), (2, 2, 31, 2e-15));
        assert_eq!(walker.after(30, 0.0).n_idle, 0);
    }
}
