//! What a supervisor does next, given what it knows of the others: which shard it looks at, whether it may claim a shard
//! that another one has, and how long it waits. Pure: what is known goes in, what to do comes out. The loop that reads
//! the folder and makes the claims is `supervisor.rs`.

use bqc_wire::WriterRecord;
use std::time::Duration;

/// How long one waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Care {
    /// A supervisor of which nothing was heard for so long is given up; its work is done by others. It must
    /// be several times what the file system needs to show what was written.
    pub lease: Duration,
    /// How many supervisors the job has that this one belongs to, at least 1. They begin at different places.
    pub n_ranks: u32,
}

/// A shard takes at most so many times as long as those done here, or it is called slow.
const SLOW: f64 = 3.0;
/// So many claims of a shard are made one after the other for slowness alone.
const MAX_SLOW_CLAIMS: u32 = 3;
/// Claims in a row that fail before it is no accident.
const MAX_VAIN_CLAIMS: u32 = 8;
/// All supervisors together open so many files a second at most while they wait: what one metadata server
/// gives without complaint.
const OPENS_PER_SECOND: f64 = 50_000.0;
/// Between two looks at the folder while there is nothing to do: from the first to the second of these.
pub(crate) const POLL: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(250)];
/// Longer than any run.
const FOREVER: Duration = Duration::from_secs(u64::MAX / 16);

/// Who has made a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub name: String,
    /// How many claims in a row, up to this one, were made only because the owner before was slow.
    pub n_slow: u32,
}

/// The last claim of a shard that is known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Which claim of its shard it is, from 0.
    pub number: u32,
    /// Who made it, as far as that can be read.
    pub owner: Option<Owner>,
    /// When it was first seen, by our clock.
    pub seen: Duration,
}

/// A claim that may be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// Which claim of its shard it is, from 0.
    pub number: u32,
    /// As its [`Owner`] will say.
    pub n_slow: u32,
    pub is_from_another: bool,
}

impl Turn {
    pub(crate) const FIRST: Turn = Turn { number: 0, n_slow: 0, is_from_another: false };
}

/// What is known of the supervisor that has a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Life {
    /// It is this one.
    Ours,
    /// It was heard of, and is at work as far as one can tell.
    Alive,
    /// It has ended, or was silent for a lease.
    Gone,
    /// Nothing was ever heard of it.
    Unheard,
}

/// Work done here, as `Unit::work` measures it, and the seconds that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pace {
    pub work: f64,
    pub seconds: f64,
}

impl Care {
    /// What network file systems need: they may show a file as it was a minute ago.
    pub const LEASE: Duration = Duration::from_secs(90);

    /// How often one says that one lives.
    pub(crate) fn beat(&self) -> Duration {
        (self.lease / 6).min(Duration::from_secs(10))
    }

    /// A claim that nobody has signed lapses after this.
    fn unsigned(&self) -> Duration {
        (self.lease / 2).min(Duration::from_secs(30))
    }

    /// How a shard with units left is to be claimed anew, if it is.
    ///
    /// * `age`: since its last claim was first seen.
    /// * `life`: of the owner of that claim, if it is signed.
    /// * `slow`: how long the shard may take, see [`Care::slow`].
    pub(crate) fn turn_after(&self, claim: &Claim, life: Life, age: Duration, slow: Duration) -> Option<Turn> {
        let turn = Turn { number: claim.number + 1, n_slow: 0, is_from_another: true };
        let Some(Owner { n_slow, .. }) = claim.owner else { return (age >= self.unsigned()).then_some(turn) };
        match life {
            // All of ours are through: what is left has failed here, or was refused.
            Life::Ours => Some(Turn { n_slow, is_from_another: false, ..turn }),
            Life::Gone => Some(turn),
            // A supervisor that was never heard of may never be.
            Life::Unheard if age >= self.lease => Some(turn),
            Life::Unheard | Life::Alive => {
                let is_slow = n_slow < MAX_SLOW_CLAIMS && age >= slow * (1 << n_slow);
                is_slow.then_some(Turn { n_slow: n_slow + 1, ..turn })
            }
        }
    }

    /// How long a shard may take before it is called slow: no shard is done twice before a tenth of the lease only
    /// because it is slow.
    pub(crate) fn slow(&self, pace: Pace, work_left: f64) -> Duration {
        let expected = if pace.work > 0.0 { SLOW * work_left * pace.seconds / pace.work } else { 0.0 };
        Duration::try_from_secs_f64(expected).unwrap_or(FOREVER).clamp(self.lease / 10, FOREVER)
    }

    /// Whether another supervisor does nothing any more. `silence`: since it was heard of.
    pub(crate) fn is_gone(&self, us: &WriterRecord, it: &WriterRecord, has_ended: bool, silence: Duration) -> bool {
        // A job that was started anew is not running as it was started before.
        let is_former = it.job.is_some() && it.job == us.job && it.n_restarts < us.n_restarts;
        is_former || has_ended || silence >= self.lease
    }

    /// Between two looks, so that all supervisors together leave the file system in peace: each of them opens the
    /// segments of all.
    pub(crate) fn poll_interval(&self, n_segments: usize) -> Duration {
        let n = n_segments as f64;
        Duration::from_secs_f64((n * n / OPENS_PER_SECOND).min(self.lease.as_secs_f64() / 4.0))
    }

    /// Whether `n` claims in a row that could not be made, the first of them so long ago, are no accident: a supervisor
    /// that can claim nothing is of no use.
    pub(crate) fn gives_up(&self, n: u32, since_first: Duration) -> bool {
        n >= MAX_VAIN_CLAIMS && since_first >= self.lease
    }

    /// The shards in a supervisor's order: those of its rank, hardest first, and then those of the next ranks.
    pub(crate) fn nth_shard(&self, rank: u32, n: usize, n_shards: usize) -> Option<usize> {
        let n_ranks = self.n_ranks.max(1) as usize;
        let mut n = n;
        (0..n_ranks).map(|offset| (rank as usize + offset) % n_ranks).find_map(|stripe| {
            let of_stripe = n_shards.saturating_sub(stripe).div_ceil(n_ranks);
            let shard = (n < of_stripe).then_some(stripe + n * n_ranks);
            n = n.saturating_sub(of_stripe);
            shard
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARE: Care = Care { lease: Duration::from_secs(90), n_ranks: 3 };

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// One row a rule: the owner's run of slow claims (none: not signed), its life, the claim's age and how long the
    /// shard may take, in seconds; the turn as its run of slow claims and whether it is another's.
    #[test]
    fn a_claim_is_followed_by_another_for_these_reasons() {
        for (why, n_slow, life, age, slow, expected) in [
            ("a claim that is not signed is waited for", None, Life::Unheard, 29, 1, None),
            ("and lapses after 30 s", None, Life::Unheard, 30, 1, Some((0, true))),
            ("what is left of ours is ours", Some(2), Life::Ours, 0, 100, Some((2, false))),
            ("an owner that is gone is followed at once", Some(3), Life::Gone, 0, 100, Some((0, true))),
            ("an owner at work is waited for", Some(0), Life::Alive, 9, 10, None),
            ("until it is slow", Some(0), Life::Alive, 10, 10, Some((1, true))),
            ("the second time twice as long", Some(1), Life::Alive, 19, 10, None),
            ("the second time twice as long", Some(1), Life::Alive, 20, 10, Some((2, true))),
            ("the third time four times", Some(2), Life::Alive, 40, 10, Some((3, true))),
            ("three times at most", Some(3), Life::Alive, 100_000, 10, None),
            ("an owner that was never heard of may be slow too", Some(0), Life::Unheard, 10, 10, Some((1, true))),
            ("and is gone after a lease", Some(3), Life::Unheard, 90, 1000, Some((0, true))),
        ] {
            let owner = n_slow.map(|n_slow| Owner { name: "a".into(), n_slow });
            let claim = Claim { number: 6, owner, seen: s(0) };
            let turn = CARE.turn_after(&claim, life, s(age), s(slow));
            let expected = expected.map(|(n_slow, is_from_another)| Turn { number: 7, n_slow, is_from_another });
            assert_eq!(turn, expected, "{why}");
        }
    }

    #[test]
    fn a_shard_is_slow_after_three_times_what_it_would_take_here() {
        let pace = Pace { work: 2.0, seconds: 8.0 };
        assert_eq!(CARE.slow(pace, 10.0), s(120));
        assert_eq!(CARE.slow(pace, 0.1), s(9), "a tenth of the lease at least");
        assert_eq!(CARE.slow(Pace::default(), 10.0), s(9), "nothing was done here yet");
        assert_eq!(CARE.slow(pace, f64::INFINITY), FOREVER);
    }

    #[test]
    fn a_supervisor_is_gone_when_it_has_ended_was_silent_or_was_started_anew() {
        let of = |job: Option<&str>, n_restarts| {
            let job = job.map(str::to_owned);
            WriterRecord { job, n_restarts, ..WriterRecord::default() }
        };
        for (why, us, it, has_ended, silence, expected) in [
            ("it was just heard of", of(None, 0), of(None, 0), false, 89, false),
            ("it was silent for a lease", of(None, 0), of(None, 0), false, 90, true),
            ("it has ended in order", of(None, 0), of(None, 0), true, 0, true),
            ("its job was started anew, as ours", of(Some("7"), 2), of(Some("7"), 1), false, 0, true),
            ("it is of the same start", of(Some("7"), 1), of(Some("7"), 1), false, 0, false),
            ("another job's restarts say nothing", of(Some("8"), 2), of(Some("7"), 1), false, 0, false),
            ("without a job nothing is started anew", of(None, 2), of(None, 1), false, 0, false),
        ] {
            assert_eq!(CARE.is_gone(&us, &it, has_ended, s(silence)), expected, "{why}");
        }
    }

    #[test]
    fn many_supervisors_look_less_often() {
        assert_eq!(CARE.poll_interval(10), Duration::from_millis(2));
        assert_eq!(CARE.poll_interval(1000), s(20));
        assert_eq!(CARE.poll_interval(100_000), Duration::from_millis(22_500), "a quarter of the lease at most");
    }

    #[test]
    fn claims_that_fail_are_an_accident_for_a_lease() {
        assert!(!CARE.gives_up(7, s(1000)) && !CARE.gives_up(1000, s(89)) && CARE.gives_up(8, s(90)));
    }

    #[test]
    fn each_rank_begins_with_shards_of_its_own_and_comes_to_all() {
        let order = |rank| (0..8).map_while(|n| CARE.nth_shard(rank, n, 7)).collect::<Vec<_>>();
        assert_eq!(order(0), [0, 3, 6, 1, 4, 2, 5]);
        assert_eq!(order(2), [2, 5, 0, 3, 6, 1, 4]);
    }
}
