//! The supervisor: as many workers as threads ask for.
//!
//! Each thread of a run takes a worker that is at rest, or starts one, and waits for its answer; so there is no queue, no
//! event loop, and never more workers than threads. A worker that fails in any way is killed; what becomes of its unit
//! is decided in `ladder.rs`. A worker tells how far it has come, and the next one goes on from there.

use crate::ladder::{self, Fall, Ladder, Next, Rung};
use crate::placement::{GpuPlace, Launch, Places, Worker};
use crate::process::{Loss, Process, Program};
use crate::watch::Watch;
use bqc_instantiate::Engine;
use bqc_run::{Solved, Trail, Unit, Workshop};
use bqc_wire::{CheckpointRecord, DeviceTrouble, FromWorker, ToWorker, WorkerTotals};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};
use std::thread;
use std::time::{Duration, Instant};

mod crew;
#[cfg(test)]
mod tests;

/// Workers in a row that did not come as far as a hello, after which none is started any more: each may
/// have taken all the time that it had for that.
const MAX_VAIN_STARTS: usize = 3;
/// More time for a hello where a GPU is opened: the driver may have to compile all kernels, for many at once.
const OPEN_GPU: Duration = Duration::from_secs(120);
/// More work than this (see [`Unit::work`]) is not waited for any longer: three days.
const MAX_WORK: f64 = 1e6;
/// How often a waiting thread looks whether the run is to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a worker may take for what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Patience {
    /// Until it has said hello: it may be loaded over a network.
    pub hello: Duration,
    /// Between two heartbeats, which come each second: a machine may be short of memory or cores.
    pub silence: Duration,
    /// For any unit, time in which this process was stopped itself not counted. After that it is asked for
    /// what it has, which is taken if it is verified, though it is not kept for another run, and the user
    /// is told.
    pub unit: Duration,
    /// And in addition for each unit of [`Unit::work`]. On a core of today one takes some milliseconds.
    pub per_work: Duration,
    /// From a cancellation to SIGTERM, and from there to SIGKILL.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            hello: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            unit: Duration::from_secs(120),
            per_work: Duration::from_millis(250),
            grace: Duration::from_secs(5),
        }
    }
}

impl Patience {
    /// With this unit, on one worker.
    fn of(&self, unit: &Unit) -> Duration {
        self.unit + self.per_work.mul_f64(unit.work().min(MAX_WORK))
    }
}

/// Worker processes, as a workshop.
pub struct Pool<'a> {
    program: Program,
    patience: Patience,
    engine: &'a dyn Engine,
    /// Told of every worker that is lost, in one line.
    warn: &'a (dyn Fn(&str) + Sync),
    resting: Mutex<Vec<Worker>>,
    /// The GPUs of all workers that were ever started on one, by process id.
    homes: Mutex<HashMap<u32, usize>>,
    /// Behind those that are there: they end first.
    places: Arc<Places>,
    starter: Mutex<Sender<Order>>,
    /// Shared by tries that wait at the same time, taken whole by one that follows a want of memory.
    turn: RwLock<()>,
    /// How many processes were killed for want of memory, where that is known.
    n_oom_kills: fn() -> Option<u64>,
    totals: Mutex<WorkerTotals>,
    /// Starts in vain on the CPU since the last that was not.
    vain_starts: AtomicUsize,
}

/// What is left of a pool without workers: the MPS daemons of its own, which end when this is dropped.
pub struct Leftover {
    _places: Arc<Places>,
}

/// A worker to be started, and where it goes.
struct Order {
    launch: Launch,
    answer: Sender<Result<Process, Loss>>,
}

/// What came of one worker's try.
enum Try {
    /// A result, not measured yet.
    Answer(Answer),
    /// The worker lives, and the work failed: it panicked, or came to something that the verifier refuses.
    Failed(String),
}

struct Answer {
    result: Box<bqc_wire::SolvedRecord>,
    /// Whether it is all that was asked for, and all by the engine itself.
    is_whole: bool,
    is_own: bool,
    /// Why there was no room on the worker's device, if there was none.
    shortage: Option<String>,
}

/// Why a try at a unit came to nothing.
enum Miss {
    /// The run is to stop.
    Stopped,
    /// No worker came so far as to take the unit: it is no fault of the unit.
    NoWorker(Loss),
    /// A worker had the unit, and is of no more use.
    Lost(Loss),
    /// A worker had the unit, and says that it failed, or its result was refused.
    Refused(String),
    /// A device is in trouble, and its place knows; whether a worker there had the unit.
    Device(bool),
}

impl<'a> Pool<'a> {
    /// A pool without workers: they are started as they are asked for. `engine` is what all of them must
    /// have, and what works here where none can be started.
    pub fn new(
        program: Program,
        patience: Patience,
        engine: &'a dyn Engine,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Pool<'a>, Loss> {
        Pool::on(Vec::new(), program, patience, engine, warn)
    }

    /// The same with its workers on GPUs. They are told which by `--gpu`, and those that stand in for them on the
    /// CPU for whom by `--in-place-of`. `engine` is in the supervisor's own process: see [`crate::Standin`].
    pub fn on(
        gpus: Vec<GpuPlace>,
        program: Program,
        patience: Patience,
        engine: &'a dyn Engine,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Pool<'a>, Loss> {
        let starter = Mutex::new(start_starter(program.clone())?);
        let places = Arc::new(Places::new(gpus));
        let (resting, homes, turn, totals, vain_starts) = Default::default();
        Ok(Pool {
            program,
            patience,
            engine,
            warn,
            resting,
            homes,
            places,
            starter,
            turn,
            n_oom_kills,
            totals,
            vain_starts,
        })
    }

    /// Ends the workers at once, and what they shared when what this gives is dropped: that may take as long as
    /// other people's programs like.
    pub fn end(self) -> Leftover {
        Leftover { _places: self.places.clone() }
    }

    /// The GPU that this worker is or was on, for people; none if it is on the CPU.
    pub fn gpu_of(&self, worker: u32) -> Option<&str> {
        let gpu = *lock(&self.homes).get(&worker)?;
        Some(self.places.label(gpu))
    }

    /// What it has been through so far.
    pub fn totals(&self) -> WorkerTotals {
        *lock(&self.totals)
    }

    fn count(&self, count: impl FnOnce(&mut WorkerTotals)) {
        count(&mut lock(&self.totals));
    }

    /// One worker's try at one unit, with every wait bounded.
    fn attempt(&self, worker: &mut Worker, way: &mut Way<'_>, stop: &AtomicBool) -> Result<Try, Loss> {
        let (start, unit) = (Instant::now(), way.unit);
        let Worker { process, seat } = worker;
        let task = process.next_task;
        process.next_task += 1;
        let from = way.from.clone().filter(|_| !way.rung.is_anew);
        let message = ToWorker::Solve { task, unit: Box::new(unit.to_record()), from };
        process.send(&message, start + self.patience.silence)?;
        let allowed = self.patience.of(unit);
        let (mut watch, mut heard, mut end) = (Watch::start(start), Duration::ZERO, End::None);
        let mut shortage = None;
        loop {
            // First what there is to read: an answer that is there is none that is late.
            let message = process.receive(Instant::now() + LOOK_EVERY)?;
            let now = watch.look(Instant::now());
            match message {
                Some(FromWorker::Heartbeat) => heard = now,
                None if !seat.is_current() => {
                    let reason = "another worker has lost the GPU for all".into();
                    return Err(Loss::Device { trouble: DeviceTrouble::Lost, reason });
                }
                None if now - heard > self.patience.silence => return Err(Loss::Silent(now - heard)),
                None => {}
                Some(FromWorker::Checkpoint { task: number, state }) if number == task => {
                    heard = now;
                    (way.note)((*state).clone());
                    way.from = Some(state);
                }
                Some(FromWorker::Solved { task: number, is_whole, is_own, result }) if number == task => {
                    return Ok(Try::Answer(Answer { result, is_whole, is_own, shortage }));
                }
                Some(FromWorker::Device { trouble: DeviceTrouble::OutOfMemory, reason }) => shortage = Some(reason),
                Some(FromWorker::Device { trouble, reason }) => return Err(Loss::Device { trouble, reason }),
                Some(FromWorker::Failed { task: number, reason }) if number == task => return Ok(Try::Failed(reason)),
                Some(_) => return Err(Loss::Unasked),
            }
            end = self.escalate(process, end, now, allowed, stop)?;
        }
    }

    /// From patience to SIGKILL, step by step, `now` being the time since the task began. An error is the last
    /// step.
    fn escalate(
        &self,
        process: &mut Process,
        end: End,
        now: Duration,
        allowed: Duration,
        stop: &AtomicBool,
    ) -> Result<End, Loss> {
        let grace = self.patience.grace;
        match end {
            End::None if stop.load(Ordering::Relaxed) || now > allowed => {
                process.send(&ToWorker::Cancel, Instant::now() + grace)?;
                Ok(End::Cancelled(now))
            }
            // The same request by another way, for a worker whose thread that reads commands is stuck.
            End::Cancelled(since) if now - since > grace => {
                process.terminate();
                Ok(End::Terminated(now))
            }
            // The caller kills it.
            End::Terminated(since) if now - since > grace => Err(Loss::Late(now)),
            end => Ok(end),
        }
    }

    /// A worker's try at a unit, and what becomes of the worker: one that answered rightly rests; any other is
    /// killed as it is dropped, so that a second try is another process's.
    fn try_once(&self, way: &mut Way<'_>, stop: &AtomicBool) -> Result<Solved, Miss> {
        let (worker, tried) = self.in_turn(way, stop)?;
        let unit = way.unit;
        let checked = match tried {
            Try::Failed(reason) => Err(reason),
            Try::Answer(Answer { result, is_whole, is_own, shortage }) => {
                let checked = unit.check(&result, is_whole && is_own);
                if checked.is_ok() {
                    self.note_kind(unit, is_whole || stop.load(Ordering::Relaxed), is_own);
                }
                checked.map_err(|refused| format!("a worker's result was refused: {refused}")).map(|it| (it, shortage))
            }
        };
        let (solved, shortage) = checked.map_err(|reason| {
            self.note_loss(&reason);
            tracing::warn!(worker = worker.process.id(), unit = ?unit.key(), reason, "worker lost");
            Miss::Refused(reason)
        })?;
        worker.seat.done();
        let id = Some(worker.process.id());
        self.rest(worker, shortage);
        Ok(Solved { worker: id, ..solved })
    }

    /// A worker's answer, waited for by many threads at once, or alone, with no other worker there. Nothing but
    /// waiting is done in the turn: work may be stolen, and a thread that has its turn must not wait for one.
    fn in_turn(&self, way: &mut Way<'_>, stop: &AtomicBool) -> Result<(Worker, Try), Miss> {
        // Nothing is behind this lock that a panic could leave half done.
        let alone = way.rung.is_alone;
        let _all = alone.then(|| self.turn.write().unwrap_or_else(|e| e.into_inner()));
        let _one = (!alone).then(|| self.turn.read().unwrap_or_else(|e| e.into_inner()));
        if stop.load(Ordering::Relaxed) {
            return Err(Miss::Stopped);
        }
        if alone {
            lock(&self.resting).clear();
        }
        let mut worker = self.take(way.rung.wish, stop)?;
        way.gpu = worker.seat.gpu();
        let tried = self.attempt(&mut worker, way, stop);
        let tried = tried.inspect_err(|loss| {
            tracing::warn!(worker = worker.process.id(), unit = ?way.unit.key(), reason = %loss, "worker lost");
        });
        match tried {
            Ok(tried) => Ok((worker, tried)),
            Err(Loss::Device { trouble, reason }) => {
                self.count(|n| n.lost += 1);
                Err(self.trouble(&worker.seat, trouble, &reason, true))
            }
            Err(loss) => Err(Miss::Lost(loss)),
        }
    }

    fn note_loss(&self, reason: &str) {
        self.count(|n| n.lost += 1);
        (self.warn)(reason);
    }

    /// Counts a result that is not all that was asked for, and tells of one that depends on how fast the machine
    /// is, which nobody expects.
    fn note_kind(&self, unit: &Unit, is_whole: bool, is_own: bool) {
        self.count(|n| n.substituted += u64::from(!is_own));
        if is_whole {
            return;
        }
        self.count(|n| n.cut_short += 1);
        let (width, n_cx) = (unit.block().width(), unit.block().n_cx());
        (self.warn)(&format!(
            "a block of {width} wires and {n_cx} CX took too long and was cut short: the best of it is taken, and \
             another run may find another"
        ));
    }

    /// A worker that is of no more use, for the ladder. `n_oom`: processes killed for want of memory before the try.
    fn fall(&self, loss: &Loss, had_unit: bool, start: Instant, n_oom: Option<u64>) -> Fall {
        self.count(|n| n.lost += u64::from(had_unit));
        let end = match loss.was_killed() {
            true if (self.n_oom_kills)() != n_oom => ladder::Death::OutOfMemory,
            true => ladder::Death::Killed,
            false => ladder::Death::Other,
        };
        Fall::Lost { had_unit, end, took: start.elapsed(), reason: loss.to_string() }
    }

    /// The work in this process, for want of any other.
    fn in_process(&self, way: Way<'_>, stop: &AtomicBool, loss: &str) -> Solved {
        let mut is_first = false;
        self.count(|n| {
            is_first = n.in_process == 0;
            n.in_process += 1;
            n.substituted += u64::from(self.places.has_gpus());
        });
        if is_first {
            let path = self.program.path.display();
            (self.warn)(&format!("{loss} (`{path}`); blocks are rebuilt in this process instead"));
        }
        let trail = Trail { from: way.from.map(|state| *state), note: way.note };
        way.unit.solve_along(self.engine, trail, stop)
    }
}

/// A unit on its way from worker to worker.
struct Way<'a> {
    unit: &'a Unit,
    /// How far it has come.
    from: Option<Box<CheckpointRecord>>,
    /// How it is tried.
    rung: Rung,
    /// The GPU of the last try.
    gpu: Option<usize>,
    note: &'a mut dyn FnMut(CheckpointRecord),
}

/// How far the end of a task has come, and when, since its beginning.
#[derive(Clone, Copy)]
enum End {
    None,
    Cancelled(Duration),
    Terminated(Duration),
}

impl Workshop for Pool<'_> {
    fn solve(&self, unit: &Unit, stop: &AtomicBool) -> Solved {
        self.solve_along(unit, Trail { from: None, note: &mut |_| {} }, stop)
    }

    fn solve_along(&self, unit: &Unit, trail: Trail<'_>, stop: &AtomicBool) -> Solved {
        let mut ladder = Ladder::new(self.patience.of(unit));
        let (from, rung, gpu) = (trail.from.map(Box::new), Rung::default(), None);
        let mut way = Way { unit, from, rung, gpu, note: trail.note };
        while !stop.load(Ordering::Relaxed) {
            let (start, n_oom) = (Instant::now(), (self.n_oom_kills)());
            let fall = match self.try_once(&mut way, stop) {
                Ok(solved) => return solved,
                Err(Miss::Stopped) => break,
                Err(Miss::Refused(reason)) => Fall::Refused(reason),
                Err(Miss::Device(had_unit)) => Fall::Device { had_unit },
                Err(Miss::NoWorker(loss)) => self.fall(&loss, false, start, n_oom),
                Err(Miss::Lost(loss)) => self.fall(&loss, true, start, n_oom),
            };
            let loss = if let Fall::Lost { reason, .. } = &fall { Some(reason.clone()) } else { None };
            let next = ladder.after(fall, way.gpu);
            if next == Next::Here {
                return self.in_process(way, stop, &loss.unwrap_or_default());
            }
            loss.iter().for_each(|loss| (self.warn)(loss));
            match next {
                Next::Retry(rung) => way.rung = rung,
                Next::Keep if stop.load(Ordering::Relaxed) => break,
                Next::Keep | Next::Here => return unit.failed(ladder.words()),
            }
        }
        unit.stopped()
    }
}

/// How many processes the system has killed for want of memory since it was started, where it tells. A
/// worker that was killed while this rose has probably taken too much.
fn n_oom_kills() -> Option<u64> {
    let counters = std::fs::read_to_string("/proc/vmstat").ok()?;
    counters.lines().find_map(|line| line.strip_prefix("oom_kill "))?.trim().parse().ok()
}

/// Starts the thread that starts all workers: they die with the thread that has started them, and
/// those of a run may end before it.
fn start_starter(program: Program) -> Result<Sender<Order>, Loss> {
    let (requests, received) = channel::<Order>();
    let (is_up, up) = sync_channel(0);
    let start = move || {
        // Whoever waits is there: it waits for this.
        _ = is_up.send(());
        for Order { launch, answer } in received {
            // One that has stopped waiting leaves a process that is killed as it is dropped.
            _ = answer.send(Process::start_with(&program, &launch));
        }
    };
    thread::Builder::new().name("starter".into()).spawn(start).map_err(Loss::Start)?;
    up.recv().map_err(|e| Loss::Start(std::io::Error::other(e)))?;
    Ok(requests)
}

/// A thread that panics while it holds one of these locks has left a whole value behind.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}
