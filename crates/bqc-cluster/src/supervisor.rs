//! The workshop of one node: claims, does, says, reads, waits, takes over. What comes next is decided in `policy.rs`;
//! this is the loop that carries it out.

use crate::claims::{CLAIMS, Claims};
use crate::lock;
use crate::policy::{Care, Life, POLL, Pace, Turn};
use crate::state::PassState;
use bqc_run::{Bench, Solved, Trail, Unit, Workshop};
use bqc_store::{Fresh, Ledger, Pen, StoreError};
use bqc_wire::{Entry, PassRecord, SolvedRecord, UnitKey, WriterRecord};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// Between two looks at the folder while there is work.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A wait is interrupted at least so often by a look whether the run is to stop.
const STOP_EVERY: Duration = Duration::from_millis(50);

/// What a supervisor has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Units done here.
    pub done: u64,
    /// Units that were begun here and not done when the run was stopped. The rounds that were done are kept.
    pub cut_short: u64,
    /// Units that others have done.
    pub taken: u64,
    /// Results of others that were refused.
    pub refused: u64,
    /// Shards taken over from supervisors that died or were slow.
    pub taken_over: u64,
    /// Units that were gone on with from where another supervisor had left them.
    pub gone_on: u64,
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
    pen: Pen,
    course: Course,
}

/// What changes as a supervisor works.
#[derive(Default)]
struct Course {
    pace: Mutex<Pace>,
    /// What was taken for want of anything better, for units that another try may do better; before it what was
    /// known of the unit as better, and was refused.
    makeshift: Mutex<HashMap<UnitKey, Vec<SolvedRecord>>>,
    /// One thread at a time looks at the folder; it holds when that was done last.
    look: Mutex<Duration>,
    failure: Mutex<Option<StoreError>>,
    /// How many claims in a row could not be made, and when the first of them was tried.
    vain_claims: Mutex<(u32, Duration)>,
    /// Whether the user was told of the folder, and of checkpoints.
    has_warned: [AtomicBool; 2],
    totals: Mutex<Totals>,
    /// Passes that this supervisor has come to.
    n_passes: AtomicU32,
    is_over: Mutex<bool>,
    over: Condvar,
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
    ) -> Result<Supervisor<'a>, StoreError> {
        ledger.load()?;
        let pen = ledger.pen(record.clone())?;
        Ok(Supervisor { ledger, inner, warn, record, care, n_shards, pen, course: Course::default() })
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
            self.pen.append(&Entry::Ended { seconds: self.seconds(), is_complete });
            self.note_failure();
            if is_complete {
                self.ledger.remove_checkpoints();
            }
            is_complete
        })
    }

    /// From time to time a sign of life.
    fn beat(&self) {
        loop {
            let waited =
                self.course.over.wait_timeout_while(lock(&self.course.is_over), self.care.beat(), |is_over| !*is_over);
            if *waited.unwrap_or_else(|e| e.into_inner()).0 {
                return;
            }
            self.pen.append(&Entry::Beat { seconds: self.seconds() });
            self.note_failure();
        }
    }

    /// Whether something was taken that would not be taken now: somebody has found better since. Then the
    /// run is to be gone through once more, and all that is known is read anew.
    pub fn has_changed_its_mind(&self) -> bool {
        let (fresh, read) = self.ledger.refresh(Some(&self.record.name));
        self.ledger.keep(fresh);
        self.warn_of(read);
        let makeshift = std::mem::take(&mut *lock(&self.course.makeshift));
        let is_other = |key: &UnitKey, looked_at: &Vec<SolvedRecord>| {
            let mut before = looked_at.iter();
            // What was refused once is refused again; what follows the one that was taken does not matter.
            let look =
                |(now, _): (&SolvedRecord, bool)| before.next().map_or(Some(false), |b| (b != now).then_some(true));
            self.ledger.find(key, look) == Some(true)
        };
        let has_changed = makeshift.iter().any(|(key, looked_at)| is_other(key, looked_at));
        if has_changed {
            self.course.n_passes.store(0, Ordering::Relaxed);
            self.ledger.rewind();
            self.warn_of(self.ledger.load());
        }
        has_changed
    }

    /// What it has been through so far.
    pub fn totals(&self) -> Totals {
        *lock(&self.course.totals)
    }

    fn count(&self, count: impl FnOnce(&mut Totals)) {
        count(&mut lock(&self.course.totals));
    }

    /// Why the run was stopped from here: the folder cannot be used any more.
    pub fn take_failure(&self) -> Option<StoreError> {
        lock(&self.course.failure).take()
    }

    fn seconds(&self) -> f64 {
        self.ledger.clock().now().as_secs_f64()
    }

    /// A supervisor that cannot say anything is of no use, and stops at its next step. One that cannot write
    /// checkpoints goes on.
    fn note_failure(&self) {
        if let Some(failure) = self.pen.take_failure() {
            lock(&self.course.failure).get_or_insert(failure);
        } else if let Some(trouble) = self.pen.trouble()
            && !self.course.has_warned[1].swap(true, Ordering::Relaxed)
        {
            (self.warn)(&trouble);
        }
    }

    /// Reading goes on after any error: it may be there again the next time.
    fn warn_of(&self, read: Result<(), StoreError>) {
        if let Err(e) = read
            && !self.course.has_warned[0].swap(true, Ordering::Relaxed)
        {
            (self.warn)(&format!("{e}; trying on"));
        }
    }

    /// Takes what is known of the units that are not done, each checked here.
    fn take_known(&self, pass: &PassState<'_>) {
        (0..pass.units.len()).into_par_iter().for_each(|i| self.take_one(pass, i));
    }

    fn take_one(&self, pass: &PassState<'_>, index: usize) {
        if !pass.is_done(index)
            && let Some(solved) = self.known(pass.units[index])
        {
            self.count(|n| n.taken += 1);
            pass.finish(index, solved);
        }
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
                self.count(|n| n.taken += 1);
                pass.finish(i, solved);
                return None;
            }
            Some((place, fresh))
        };
        let left: Vec<(Option<usize>, Fresh)> = fresh.into_par_iter().filter_map(take).collect();
        let places: Vec<usize> = left.iter().filter_map(|(place, _)| *place).collect();
        self.ledger.keep(left.into_iter().map(|(_, fresh)| fresh).collect());
        places.into_iter().for_each(|i| self.take_one(pass, i));
    }

    /// The best that is known of a unit, checked.
    fn known(&self, unit: &Unit) -> Option<Solved> {
        let mut looked_at = Vec::new();
        let (solved, is_settled) = self.ledger.find(&unit.key(), |(record, is_settled)| {
            let checked = unit.check(record, is_settled);
            if let Err(refused) = &checked {
                self.count(|n| n.refused += 1);
                (self.warn)(&format!("the result of another supervisor was refused: {refused}"));
            }
            if checked.is_err() || !is_settled {
                looked_at.push(record.clone());
            }
            Some((checked.ok()?, is_settled))
        })?;
        if !is_settled {
            lock(&self.course.makeshift).insert(unit.key(), looked_at);
        }
        Some(solved)
    }

    /// Reads what is new, if nobody else is just doing so.
    fn look(&self, pass: &PassState<'_>, after: Duration) {
        let Ok(mut last) = self.course.look.try_lock() else { return };
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
                self.look(pass, LOOK_EVERY.max(self.care.poll_interval(self.ledger.n_segments())));
            }
        });
    }

    fn do_one(&self, pass: &PassState<'_>, index: usize, stop: &AtomicBool) {
        let unit = pass.units[index];
        pass.begin(index);
        let begun = self.seconds();
        let (key, from) = (unit.key(), self.pen.checkpoint(&unit.key()));
        self.count(|n| n.gone_on += u64::from(from.is_some()));
        let note = &mut |state| self.pen.note(key, state);
        let solved = self.inner.solve_along(unit, Trail { from, note }, stop);
        let seconds = (self.seconds() - begun).max(0.0);
        if !solved.is_final && stop.load(Ordering::Relaxed) {
            self.count(|n| n.cut_short += 1);
            return;
        }
        self.count(|n| n.done += 1);
        let (record, is_settled) = (solved.to_record(), solved.is_final);
        let unsettled = (!is_settled).then(|| Fresh { key, record: record.clone(), is_settled, pass: pass.key });
        self.pen.append(&Entry::Solved { key, result: Box::new(record), is_settled, seconds });
        self.note_failure();
        if is_settled {
            let mut pace = lock(&self.course.pace);
            *pace = Pace { work: pace.work + unit.work(), seconds: pace.seconds + seconds };
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
            let n = cursor.fetch_add(1, Ordering::Relaxed);
            let Some(shard) = self.care.nth_shard(self.record.rank, n, pass.shards.len()) else { return Vec::new() };
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
        let mut vain = lock(&self.course.vain_claims);
        let Err(source) = made else {
            vain.0 = 0;
            return made.ok();
        };
        *vain = (vain.0 + 1, if vain.0 == 0 { now } else { vain.1 });
        if self.care.gives_up(vain.0, now.saturating_sub(vain.1)) {
            lock(&self.course.failure).get_or_insert(StoreError::Io { path: CLAIMS.into(), source });
        } else {
            self.warn_of_io(Err(source));
        }
        None
    }

    fn warn_of_io(&self, result: std::io::Result<()>) {
        self.warn_of(result.map_err(StoreError::io(CLAIMS)));
    }

    /// Looks for shards whose owners are gone or slow, and takes over as many as there are threads, so that
    /// others have some as well. Whether there is work now.
    fn take_over(&self, pass: &PassState<'_>, claims: &Claims<'_>) -> bool {
        let now = self.ledger.clock().now();
        self.warn_of_io(claims.look(now));
        let gone = self.gone(now);
        let (mut n_taken, mut owners) = (0, BTreeSet::new());
        for shard in 0..pass.shards.len() {
            if n_taken >= rayon::current_num_threads() {
                break;
            }
            if pass.left_of(shard).next().is_none() {
                continue;
            }
            let claim = claims.identify(shard);
            let turn = match &claim {
                None => Some(Turn::FIRST),
                Some(claim) => {
                    let life = claim.owner.as_ref().map_or(Life::Unheard, |owner| self.life(&owner.name, &gone));
                    let slow = self.care.slow(*lock(&self.course.pace), pass.work_left_of(shard));
                    self.care.turn_after(claim, life, now.saturating_sub(claim.seen), slow)
                }
            };
            let Some(turn) = turn else { continue };
            if self.make(claims, shard, turn, now) == Some(true) {
                self.count(|n| n.taken_over += u64::from(turn.is_from_another));
                owners.extend(claims.former_owners(shard, turn.number));
                // From the other end: a slow owner may be half through.
                pass.add(pass.left_of(shard).rev());
                n_taken += pass.left_of(shard).count();
            }
        }
        owners.remove(&self.record.name);
        // Segments of checkpoints also hold those of units that are done.
        let is_left = |key: &UnitKey| pass.place(key).is_some_and(|i| !pass.is_done(i));
        self.ledger.take_over(&owners, &self.pen, is_left);
        n_taken > 0
    }

    fn life(&self, owner: &str, gone: &BTreeMap<String, bool>) -> Life {
        match gone.get(owner) {
            _ if owner == self.record.name => Life::Ours,
            Some(true) => Life::Gone,
            Some(false) => Life::Alive,
            None => Life::Unheard,
        }
    }

    /// Which supervisors do nothing any more, and which do.
    fn gone(&self, now: Duration) -> BTreeMap<String, bool> {
        let is_gone = |writing: &bqc_store::Writing| {
            let (has_ended, silence) = (writing.news.ended.is_some(), now.saturating_sub(writing.grown));
            self.care.is_gone(&self.record, &writing.record, has_ended, silence)
        };
        self.ledger.writers().into_iter().map(|(name, writing)| (name, is_gone(&writing))).collect()
    }

    /// Waits for the others.
    fn wait(&self, interval: Duration, stop: &AtomicBool) {
        let end = self.ledger.clock().now() + interval.max(self.care.poll_interval(self.ledger.n_segments()));
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
        if lock(&self.course.failure).is_some() {
            stop.store(true, Ordering::Relaxed);
        }
        stop.load(Ordering::Relaxed)
    }
}

/// Ends the beats however the work ends.
struct Ended<'s, 'a>(&'s Supervisor<'a>);

impl Drop for Ended<'_, '_> {
    fn drop(&mut self) {
        *lock(&self.0.course.is_over) = true;
        self.0.course.over.notify_all();
    }
}

impl Workshop for Supervisor<'_> {
    /// For a unit of no pass.
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.known(unit).unwrap_or_else(|| self.inner.solve(unit, stop))
    }

    fn solve_all(&self, units: &[&Unit], stop: &AtomicBool, bench: &dyn Bench) {
        let nth = self.course.n_passes.fetch_add(1, Ordering::Relaxed);
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
        self.pen.append(&Entry::Pass(record));
        self.note_failure();
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
        if !self.is_to_stop(stop) {
            // Done here or by others. What is cut short stays, for those that go on with it.
            units.iter().for_each(|unit| self.pen.forget([&unit.key()]));
        }
        let makeshift = lock(&self.course.makeshift);
        self.ledger.forget(units.iter().map(|unit| unit.key()).filter(|key| !makeshift.contains_key(key)));
    }
}
