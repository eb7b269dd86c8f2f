//! The workshop of one node: claims, does, says, reads, waits, takes over.

use crate::claims::{Claim, Claims, Owner, Turn};
use crate::ledger::{FolderError, Fresh, Ledger, lock};
use crate::state::PassState;
use crate::writer::Writer;
use bqc_run::{Bench, Solved, Unit, Workshop};
use bqc_wire::{PassRecord, Share, SolvedRecord, UnitKey, WriterRecord};
use rayon::prelude::*;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
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

impl Care {
    /// What network file systems need: they may show a file as it was a minute ago.
    pub const LEASE: Duration = Duration::from_secs(90);

    /// How often one says that one lives.
    fn beat(&self) -> Duration {
        (self.lease / 6).min(Duration::from_secs(10))
    }

    /// A claim that nobody has signed lapses after this.
    fn unsigned(&self) -> Duration {
        (self.lease / 2).min(Duration::from_secs(30))
    }

    /// No shard is done twice before this only because it is slow.
    fn least_slow(&self) -> Duration {
        self.lease / 10
    }
}

/// A shard takes at most so many times as long as those done here, or it is called slow.
const SLOW: f64 = 3.0;
/// So many claims of a shard are made one after the other for slowness alone.
const MAX_SLOW_CLAIMS: u32 = 3;
/// Claims in a row that fail before it is no accident.
const MAX_VAIN_CLAIMS: u32 = 8;
/// Between two looks at the folder while there is work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The same while there is none: from the first to the second of these.
const POLL: [Duration; 2] = [Duration::from_millis(5), Duration::from_millis(250)];
/// All supervisors together open so many files a second at most while they wait: what one metadata server
/// gives without complaint.
const OPENS_PER_SECOND: f64 = 50_000.0;
/// A wait is interrupted at least so often by a look whether the run is to stop.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// What a supervisor has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Units done here.
    pub done: u64,
    /// Units that were begun here and not done when the run was stopped. Nothing of them is kept.
    pub cut_short: u64,
    /// Units that others have done.
    pub taken: u64,
    /// Results of others that were refused.
    pub refused: u64,
    /// Shards taken over from supervisors that died or were slow.
    pub taken_over: u64,
}

/// One supervisor.
pub struct Supervisor<'a> {
    ledger: &'a Ledger<'a>,
    inner: &'a dyn Workshop,
    /// Told, in one line, what the user should know.
    warn: &'a (dyn Fn(&str) + Sync),
    record: WriterRecord,
    care: Care,
    n_shards: usize,
    writer: Writer<'a>,
    /// Work done here and the time that it took, in seconds.
    pace: Mutex<(f64, f64)>,
    /// What was taken for want of anything better, for units that another try may do better; before it what was
    /// known of the unit as better, and was refused.
    makeshift: Mutex<HashMap<UnitKey, Vec<SolvedRecord>>>,
    /// One thread at a time looks at the folder; it holds when that was done last.
    look: Mutex<Duration>,
    failure: Mutex<Option<FolderError>>,
    /// How many claims in a row could not be made, and when the first of them was tried.
    vain_claims: Mutex<(u32, Duration)>,
    has_warned: AtomicBool,
    n: Counts,
    is_over: Mutex<bool>,
    over: Condvar,
}

#[derive(Default)]
struct Counts {
    done: AtomicU64,
    cut_short: AtomicU64,
    taken: AtomicU64,
    refused: AtomicU64,
    taken_over: AtomicU64,
    /// Passes that this supervisor has come to.
    passes: AtomicU32,
}

impl<'a> Supervisor<'a> {
    /// Joins the run. `record` names this supervisor; `inner` does the work on this node.
    pub fn join(
        ledger: &'a Ledger<'a>,
        inner: &'a dyn Workshop,
        record: WriterRecord,
        care: Care,
        n_shards: usize,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Supervisor<'a>, FolderError> {
        ledger.load()?;
        let writer = Writer::new(ledger.storage(), ledger.plan(), record.clone())?;
        let look = Mutex::new(ledger.clock().now());
        let (pace, makeshift, failure, vain_claims, has_warned, n, is_over, over) = Default::default();
        Ok(Supervisor {
            ledger,
            inner,
            warn,
            record,
            care,
            n_shards,
            writer,
            pace,
            makeshift,
            look,
            failure,
            vain_claims,
            has_warned,
            n,
            is_over,
            over,
        })
    }

    /// Runs `work`, which compiles with this workshop, and says meanwhile that we live. `work` returns whether
    /// it has seen the whole run done.
    pub fn attend(&self, work: impl FnOnce() -> bool) -> bool {
        thread::scope(|scope| {
            let beats = scope.spawn(|| self.beat());
            let ended = Ended(self);
            let is_complete = work();
            drop(ended);
            // A panic in it has nothing to say that a missing beat does not.
            _ = beats.join();
            let seconds = self.seconds();
            let last = self.writer.say(&Share::Ended { seconds, is_complete }).and_then(|()| self.writer.sync());
            self.note_failure(last);
            is_complete
        })
    }

    /// Each second to the disk, and from time to time a sign of life.
    fn beat(&self) {
        let mut last = self.ledger.clock().now();
        loop {
            let is_over = {
                let wait = Duration::from_secs(1).min(self.care.beat());
                let waited = self.over.wait_timeout_while(lock(&self.is_over), wait, |is_over| !*is_over);
                *waited.unwrap_or_else(|e| e.into_inner()).0
            };
            if is_over {
                return;
            }
            let now = self.ledger.clock().now();
            let said = if now.saturating_sub(last) >= self.care.beat() {
                last = now;
                self.writer.say(&Share::Beat { seconds: now.as_secs_f64() })
            } else {
                Ok(())
            };
            self.note_failure(said.and_then(|()| self.writer.sync()));
        }
    }

    /// Whether something was taken that would not be taken now: somebody has found better since. Then the
    /// run is to be gone through once more, and all that is known is read anew.
    pub fn has_changed_its_mind(&self) -> bool {
        let (fresh, read) = self.ledger.refresh(Some(&self.record.name));
        self.ledger.keep(fresh);
        self.warn_of(read);
        let makeshift = std::mem::take(&mut *lock(&self.makeshift));
        let is_other = |key: &UnitKey, looked_at: &Vec<SolvedRecord>| {
            let mut before = looked_at.iter();
            // What was refused once is refused again; what follows the one that was taken does not matter.
            let look =
                |(now, _): (&SolvedRecord, bool)| before.next().map_or(Some(false), |b| (b != now).then_some(true));
            self.ledger.find(key, look) == Some(true)
        };
        let has_changed = makeshift.iter().any(|(key, looked_at)| is_other(key, looked_at));
        if has_changed {
            self.n.passes.store(0, Ordering::Relaxed);
            self.ledger.rewind();
            self.warn_of(self.ledger.load());
        }
        has_changed
    }

    /// What it has been through so far.
    pub fn totals(&self) -> Totals {
        let n = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Counts { done, cut_short, taken, refused, taken_over, .. } = &self.n;
        Totals {
            done: n(done),
            cut_short: n(cut_short),
            taken: n(taken),
            refused: n(refused),
            taken_over: n(taken_over),
        }
    }

    /// Why the run was stopped from here: the folder cannot be used any more.
    pub fn take_failure(&self) -> Option<FolderError> {
        lock(&self.failure).take()
    }

    fn seconds(&self) -> f64 {
        self.ledger.clock().now().as_secs_f64()
    }

    /// A supervisor that cannot say anything is of no use, and stops at its next step.
    fn note_failure(&self, said: std::io::Result<()>) {
        if let Err(source) = said {
            lock(&self.failure).get_or_insert(FolderError::Io { name: "segments".into(), source });
        }
    }

    /// Reading goes on after any error: it may be there again the next time.
    fn warn_of(&self, read: Result<(), FolderError>) {
        if let Err(e) = read
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            (self.warn)(&format!("{e}; trying on"));
        }
    }

    /// Takes what is known of the units that are not done, each checked here.
    fn take_known(&self, pass: &PassState<'_>) {
        (0..pass.units.len()).into_par_iter().filter(|i| !pass.is_done(*i)).for_each(|i| {
            if let Some(solved) = self.known(pass.units[i]) {
                self.n.taken.fetch_add(1, Ordering::Relaxed);
                pass.finish(i, solved);
            }
        });
    }

    /// Takes what was read just now. What is no use to this pass is kept: another supervisor may be ahead.
    fn take(&self, pass: &PassState<'_>, fresh: Vec<Fresh>) {
        let take = |fresh: Fresh| {
            let place = pass.place(&fresh.key);
            let Some(i) = place else { return Some((None, fresh)) };
            if pass.is_done(i) {
                return None;
            }
            if fresh.is_settled
                && let Ok(solved) = pass.units[i].check(&fresh.record, true)
            {
                self.n.taken.fetch_add(1, Ordering::Relaxed);
                pass.finish(i, solved);
                return None;
            }
            Some((place, fresh))
        };
        let left: Vec<(Option<usize>, Fresh)> = fresh.into_par_iter().filter_map(take).collect();
        let places: Vec<usize> = left.iter().filter_map(|(place, _)| *place).collect();
        self.ledger.keep(left.into_iter().map(|(_, fresh)| fresh).collect());
        for i in places.into_iter().filter(|i| !pass.is_done(*i)) {
            if let Some(solved) = self.known(pass.units[i]) {
                self.n.taken.fetch_add(1, Ordering::Relaxed);
                pass.finish(i, solved);
            }
        }
    }

    /// The best that is known of a unit, checked.
    fn known(&self, unit: &Unit) -> Option<Solved> {
        let mut looked_at = Vec::new();
        let (solved, is_settled) = self.ledger.find(&unit.key(), |(record, is_settled)| {
            let checked = unit.check(record, is_settled);
            if let Err(refused) = &checked {
                self.n.refused.fetch_add(1, Ordering::Relaxed);
                (self.warn)(&format!("the result of another supervisor was refused: {refused}"));
            }
            if checked.is_err() || !is_settled {
                looked_at.push(record.clone());
            }
            Some((checked.ok()?, is_settled))
        })?;
        if !is_settled {
            lock(&self.makeshift).insert(unit.key(), looked_at);
        }
        Some(solved)
    }

    /// Reads what is new, if nobody else is just doing so.
    fn look(&self, pass: &PassState<'_>, after: Duration) {
        let Ok(mut last) = self.look.try_lock() else { return };
        if self.ledger.clock().now().saturating_sub(*last) < after {
            return;
        }
        let (fresh, read) = self.ledger.refresh(Some(&self.record.name));
        *last = self.ledger.clock().now();
        drop(last);
        self.take(pass, fresh);
        self.warn_of(read);
    }

    /// All threads do what is claimed, and claim more, until there is nothing that nobody has claimed.
    fn work(&self, pass: &PassState<'_>, claims: &Claims<'_>, cursor: &AtomicUsize, stop: &AtomicBool) {
        rayon::broadcast(|_| {
            while !self.is_to_stop(stop)
                && let Some(i) = pass.next(|| self.claim(pass, claims, cursor))
            {
                self.do_one(pass, i, stop);
                self.look(pass, LOOK_EVERY.max(self.poll_interval()));
            }
        });
    }

    fn do_one(&self, pass: &PassState<'_>, index: usize, stop: &AtomicBool) {
        let unit = pass.units[index];
        pass.begin(index);
        let begun = self.seconds();
        let solved = self.inner.solve(unit, stop);
        let seconds = (self.seconds() - begun).max(0.0);
        if !solved.is_final && stop.load(Ordering::Relaxed) {
            self.n.cut_short.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.n.done.fetch_add(1, Ordering::Relaxed);
        let (record, is_settled) = (solved.to_record(), solved.is_final);
        let unsettled =
            (!is_settled).then(|| Fresh { key: unit.key(), record: record.clone(), is_settled, pass: pass.key });
        let share = Share::Solved { key: unit.key(), result: Box::new(record), is_settled, seconds };
        self.note_failure(self.writer.say(&share));
        if is_settled {
            let mut pace = lock(&self.pace);
            *pace = (pace.0 + unit.work(), pace.1 + seconds);
            drop(pace);
            pass.finish(index, solved);
            return;
        }
        self.ledger.keep(unsettled.into_iter().collect());
        if let Some(solved) = self.known(unit) {
            pass.finish(index, solved);
        }
    }

    /// Claims the next shard that nobody has, our own ones first; its units.
    fn claim(&self, pass: &PassState<'_>, claims: &Claims<'_>, cursor: &AtomicUsize) -> Vec<usize> {
        loop {
            let Some(shard) = self.nth_shard(cursor.fetch_add(1, Ordering::Relaxed), pass.shards.len()) else {
                return Vec::new();
            };
            if claims.of(shard).is_some() || pass.left_of(shard).next().is_none() {
                continue;
            }
            let now = self.ledger.clock().now();
            match self.make(claims, shard, Turn::FIRST, now) {
                Some(true) => return pass.left_of(shard).collect(),
                // Others are here; where they all are costs one look.
                Some(false) => self.warn_of_io(claims.look(now)),
                None => {}
            }
        }
    }

    /// Makes a claim; none if that is not possible. Who cannot make any for a lease is of no use, and stops.
    fn make(&self, claims: &Claims<'_>, shard: usize, turn: Turn, now: Duration) -> Option<bool> {
        let made = claims.make(shard, turn, now);
        let mut vain = lock(&self.vain_claims);
        let Err(source) = made else {
            vain.0 = 0;
            return made.ok();
        };
        *vain = (vain.0 + 1, if vain.0 == 0 { now } else { vain.1 });
        if vain.0 < MAX_VAIN_CLAIMS || now.saturating_sub(vain.1) < self.care.lease {
            self.warn_of_io(Err(source));
        } else {
            lock(&self.failure).get_or_insert(FolderError::Io { name: "claims".into(), source });
        }
        None
    }

    fn warn_of_io(&self, result: std::io::Result<()>) {
        self.warn_of(result.map_err(|source| FolderError::Io { name: "claims".into(), source }));
    }

    /// The shards in this supervisor's order: every so-manieth, hardest first, and then those of the next rank.
    fn nth_shard(&self, n: usize, n_shards: usize) -> Option<usize> {
        let n_ranks = self.care.n_ranks.max(1) as usize;
        let mut n = n;
        (0..n_ranks).map(|offset| (self.record.rank as usize + offset) % n_ranks).find_map(|stripe| {
            let of_stripe = n_shards.saturating_sub(stripe).div_ceil(n_ranks);
            let shard = (n < of_stripe).then_some(stripe + n * n_ranks);
            n = n.saturating_sub(of_stripe);
            shard
        })
    }

    /// Looks for shards whose owners are gone or slow, and takes over as many as there are threads, so that
    /// others have some as well. Whether there is work now.
    fn take_over(&self, pass: &PassState<'_>, claims: &Claims<'_>) -> bool {
        let now = self.ledger.clock().now();
        self.warn_of_io(claims.look(now));
        let gone = self.gone(now);
        let mut n_taken = 0;
        for shard in 0..pass.shards.len() {
            if n_taken >= rayon::current_num_threads() {
                break;
            }
            if pass.left_of(shard).next().is_none() {
                continue;
            }
            let turn = match claims.identify(shard) {
                None => Some(Turn::FIRST),
                Some(claim) => self.turn_after(pass, shard, &claim, &gone, now),
            };
            let Some(turn) = turn else { continue };
            if self.make(claims, shard, turn, now) == Some(true) {
                self.n.taken_over.fetch_add(u64::from(turn.is_from_another), Ordering::Relaxed);
                // From the other end: a slow owner may be half through.
                pass.add(pass.left_of(shard).rev());
                n_taken += pass.left_of(shard).count();
            }
        }
        n_taken > 0
    }

    /// How a shard with units left is to be claimed anew, if it is.
    fn turn_after(
        &self,
        pass: &PassState<'_>,
        shard: usize,
        claim: &Claim,
        gone: &BTreeMap<String, bool>,
        now: Duration,
    ) -> Option<Turn> {
        let age = now.saturating_sub(claim.seen);
        let turn = Turn { number: claim.number + 1, n_slow: 0, is_from_another: true };
        let Some(Owner { name, n_slow }) = &claim.owner else {
            return (age >= self.care.unsigned()).then_some(turn);
        };
        if *name == self.record.name {
            // All of ours are through: what is left has failed here, or was refused.
            return Some(Turn { n_slow: *n_slow, is_from_another: false, ..turn });
        }
        let is_gone = gone.get(name);
        // Of one of whom nobody has heard nobody may ever hear.
        if is_gone == Some(&true) || is_gone.is_none() && age >= self.care.lease {
            return Some(turn);
        }
        let is_slow = *n_slow < MAX_SLOW_CLAIMS && age >= self.slow(pass, shard) * (1 << n_slow);
        is_slow.then_some(Turn { n_slow: n_slow + 1, ..turn })
    }

    /// How long a shard may take before it is called slow.
    fn slow(&self, pass: &PassState<'_>, shard: usize) -> Duration {
        let (work, seconds) = *lock(&self.pace);
        let expected = if work > 0.0 { SLOW * pass.work_left_of(shard) * seconds / work } else { 0.0 };
        Duration::try_from_secs_f64(expected)
            .unwrap_or(Duration::MAX / 16)
            .clamp(self.care.least_slow(), Duration::MAX / 16)
    }

    /// Which of the others do nothing any more.
    fn gone(&self, now: Duration) -> BTreeMap<String, bool> {
        let is_gone = |writing: &crate::ledger::Writing| {
            // A job that was started anew is not running as it was started before.
            let is_former = writing.record.job.is_some()
                && writing.record.job == self.record.job
                && writing.record.n_restarts < self.record.n_restarts;
            is_former || writing.news.ended.is_some() || now.saturating_sub(writing.grown) >= self.care.lease
        };
        self.ledger.writers().into_iter().map(|(name, writing)| (name, is_gone(&writing))).collect()
    }

    /// Between two looks, so that all supervisors together leave the file system in peace: each of them opens the
    /// segments of all.
    fn poll_interval(&self) -> Duration {
        let n = self.ledger.n_segments() as f64;
        Duration::from_secs_f64((n * n / OPENS_PER_SECOND).min(self.care.lease.as_secs_f64() / 4.0))
    }

    /// Waits for the others.
    fn wait(&self, interval: Duration, stop: &AtomicBool) {
        let end = self.ledger.clock().now() + interval.max(self.poll_interval());
        loop {
            let left = end.saturating_sub(self.ledger.clock().now());
            if left.is_zero() || self.is_to_stop(stop) {
                return;
            }
            thread::sleep(left.min(STOP_EVERY));
        }
    }

    /// A failure here stops the run.
    fn is_to_stop(&self, stop: &AtomicBool) -> bool {
        if lock(&self.failure).is_some() {
            stop.store(true, Ordering::Relaxed);
        }
        stop.load(Ordering::Relaxed)
    }
}

/// Ends the beats however the work ends.
struct Ended<'s, 'a>(&'s Supervisor<'a>);

impl Drop for Ended<'_, '_> {
    fn drop(&mut self) {
        *lock(&self.0.is_over) = true;
        self.0.over.notify_all();
    }
}

impl Workshop for Supervisor<'_> {
    /// For a unit of no pass.
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.known(unit).unwrap_or_else(|| self.inner.solve(unit, stop))
    }

    fn solve_all(&self, units: &[&Unit], stop: &AtomicBool, bench: &dyn Bench) {
        let nth = self.n.passes.fetch_add(1, Ordering::Relaxed);
        if units.is_empty() {
            return;
        }
        let pass = PassState::new(units, self.n_shards, bench);
        let claims = Claims::new(self.ledger.storage(), &pass.key, &self.record.name);
        self.warn_of_io(claims.prepare());
        let record = PassRecord {
            key: pass.key,
            pass: nth,
            n_units: units.len() as u64,
            n_shards: pass.shards.len() as u64,
            seconds: self.seconds(),
        };
        self.note_failure(self.writer.say(&Share::Pass(record)));
        self.take_known(&pass);
        let (cursor, mut interval) = (AtomicUsize::new(0), POLL[0]);
        while pass.n_left() > 0 && !self.is_to_stop(stop) {
            let n_left = pass.n_left();
            self.work(&pass, &claims, &cursor, stop);
            self.look(&pass, Duration::ZERO);
            if pass.n_left() == 0 || self.is_to_stop(stop) || self.take_over(&pass, &claims) {
                continue;
            }
            interval = if pass.n_left() < n_left { POLL[0] } else { (interval * 3 / 2).min(POLL[1]) };
            self.wait(interval, stop);
        }
        for (i, unit) in units.iter().enumerate().filter(|(i, _)| !pass.is_done(*i)) {
            pass.finish(i, unit.stopped());
        }
        let makeshift = lock(&self.makeshift);
        self.ledger.forget(units.iter().map(|unit| unit.key()).filter(|key| !makeshift.contains_key(key)));
    }
}
