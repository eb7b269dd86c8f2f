//! What a worker process does: units of work from standard input, answers to where standard output was.
//!
//! It owns its standard output no longer than it takes to move it away: whatever a library prints goes
//! to standard error. It ends when its supervisor does, by the end of standard input and, on Linux, by
//! SIGKILL from the system. Its heart beats in a thread of its own, so it tells that the process runs,
//! not that the work goes on: for that the supervisor has a deadline.

use crate::fault::{Fault, Panicking};
use bqc_instantiate::Engine;
use bqc_run::{Trail, Unit};
use bqc_wire::unit::UnitRecord;
use bqc_wire::{
    Build, CheckpointRecord, DeviceTrouble, FrameDecoder, FromWorker, GpuList, Hello, Outcome, ToWorker, encode_frame,
};
use std::any::Any;
use std::convert::Infallible;
use std::fs::File;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// How often a worker says that it lives.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How often it sends a checkpoint at most: with the like of it until the journal writes, a second at most is lost,
/// and the round that was under way.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(500);

/// What the system adds to the share of memory, in thousandths, by which it picks whom to kill.
#[cfg(target_os = "linux")]
const OOM_SCORE: &str = "500";

/// Exit code of a worker whose supervisor is another version.
const STRANGER: i32 = 2;
/// Exit code of a worker whose device is of no more use to it.
const NO_DEVICE: i32 = 4;

/// What is wrong with the device under an engine, and in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceReport {
    /// What a supervisor does about it.
    pub trouble: DeviceTrouble,
    /// For people.
    pub reason: String,
}

/// An engine and the device under it.
pub struct Device {
    /// What does the arithmetic.
    pub engine: Arc<dyn Engine>,
    /// What has happened to the device since this was asked. Want of memory is told and lived with; after
    /// anything else the process ends.
    pub trouble: Box<dyn Fn() -> Option<DeviceReport> + Send + Sync>,
}

/// A worker could not begin.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The pipes or threads.
    #[error("cannot set up the worker: {0}")]
    Setup(#[from] io::Error),
    /// Threads of the engine.
    #[error("cannot start the engine's thread: {0}")]
    Threads(String),
}

/// Serves until the supervisor ends, and the process with it. Whoever sets `cancelled` gets the best result so
/// far of the task at hand, as the supervisor does that cancels it. A supervisor of another build than `build` is
/// refused. `fault` is for tests.
pub fn serve(
    engine: Arc<dyn Engine>,
    build: &Build,
    cancelled: &AtomicBool,
    fault: Option<Fault>,
) -> Result<Infallible, WorkerError> {
    serve_on(|| Ok(Device { engine, trouble: Box::new(|| None) }), build, cancelled, fault)
}

/// The same with a device, which is opened when nothing that is printed can do harm any more. If that fails,
/// the supervisor is told why.
pub fn serve_on(
    open: impl FnOnce() -> Result<Device, DeviceReport>,
    build: &Build,
    cancelled: &AtomicBool,
    fault: Option<Fault>,
) -> Result<Infallible, WorkerError> {
    let out = begin()?;
    let device = open().unwrap_or_else(|report| end_without_device(&out, report));
    let device = Arc::new(device);
    let is_busy = Arc::new(AtomicBool::new(false));
    let (heart, busy, watched) = (out.clone(), is_busy.clone(), device.clone());
    thread::Builder::new().name("heartbeat".into()).spawn(move || {
        loop {
            thread::sleep(HEARTBEAT);
            if busy.load(Ordering::Relaxed) {
                // At once: what is left of the task would be the CPU's, in this one process.
                watched.look(&heart);
                heart.send(&FromWorker::Heartbeat);
            }
        }
    })?;
    // One core for each worker: the supervisor decides how many there are. An engine that is not of the core wants
    // more callers, which are the blocks of a unit; they wait for it most of the time.
    let threads = rayon::ThreadPoolBuilder::new().num_threads(device.engine.concurrency(1)).build();
    let threads = threads.map_err(|e| WorkerError::Threads(e.to_string()))?;
    let (to_work, work) = channel();
    let engine = device.engine.name();
    let worker = Worker { device: &device, fault, out: &out, cancelled, is_busy: &is_busy };
    threads.in_place_scope(|scope| {
        scope.spawn(|_| worker.work(work));
        // Only now is there nothing left that may fail: a worker that has said hello can work.
        out.send(&FromWorker::Hello(Hello::new(engine, build)));
        read_commands(engine, build, cancelled, &to_work)
    })
}

/// Tells a supervisor of the GPUs, as `find` finds them, and no more.
pub fn tell_gpus(find: impl FnOnce() -> Result<GpuList, String>) -> Result<(), WorkerError> {
    begin()?.send(&FromWorker::Gpus(find()));
    Ok(())
}

/// Takes the pipe to the supervisor, and sees to it that this process does not outlive that one.
fn begin() -> Result<Arc<Pipe>, WorkerError> {
    let out = Arc::new(Pipe(Mutex::new(take_stdout()?)));
    #[cfg(target_os = "linux")]
    {
        nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL).map_err(io::Error::from)?;
        // For lists of processes only; the path that it was started by may say `exe`.
        _ = nix::sys::prctl::set_name(c"bqc-worker");
        // Where memory is short, a worker is the better loss: its supervisor has the results of all. Nobody needs
        // leave to go first; a system without the file decides as it likes.
        _ = std::fs::write("/proc/self/oom_score_adj", OOM_SCORE);
    }
    Ok(out)
}

/// Tells why, and ends the process.
fn end_without_device(out: &Pipe, DeviceReport { trouble, reason }: DeviceReport) -> ! {
    out.send(&FromWorker::Device { trouble, reason });
    std::process::exit(NO_DEVICE)
}

impl Device {
    /// Tells what has happened to the device, and ends the process if it cannot go on.
    fn look(&self, out: &Pipe) {
        match (self.trouble)() {
            None => {}
            Some(DeviceReport { trouble: trouble @ DeviceTrouble::OutOfMemory, reason }) => {
                out.send(&FromWorker::Device { trouble, reason });
            }
            Some(report) => end_without_device(out, report),
        }
    }
}

/// The pipe to the supervisor. What was standard output leads to standard error from now on.
fn take_stdout() -> io::Result<File> {
    let out = nix::unistd::dup(io::stdout())?;
    nix::unistd::dup2_stdout(io::stderr())?;
    Ok(File::from(out))
}

/// The way to the supervisor, for several threads.
struct Pipe(Mutex<File>);

impl Pipe {
    fn lock(&self) -> MutexGuard<'_, File> {
        // A thread that panics while it holds the lock may have sent half a frame; the supervisor notices.
        self.0.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// One frame. A supervisor that is gone needs none: the end of standard input ends the process.
    fn send(&self, message: &FromWorker) {
        let frame = encode_frame(message).or_else(|error| match message {
            // What is too long for a frame is no loss if it is a checkpoint.
            FromWorker::Solved { task, .. } => {
                encode_frame(&FromWorker::Failed { task: *task, reason: error.to_string() })
            }
            _ => Err(error),
        });
        if let Ok(frame) = frame {
            self.send_bytes(&frame);
        }
    }

    fn send_bytes(&self, bytes: &[u8]) {
        _ = self.lock().write_all(bytes);
    }
}

/// Reads until there is nothing more to read, and ends the process then, whatever it is doing.
fn read_commands(engine: &str, build: &Build, cancelled: &AtomicBool, work: &Sender<Task>) -> ! {
    let mut decoder = FrameDecoder::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match io::stdin().read(&mut buffer) {
            Ok(n) if n > 0 => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            _ => std::process::exit(0),
        };
        decoder.push(&buffer[..n]);
        loop {
            match decoder.next_message() {
                Ok(None) => break,
                Ok(Some(ToWorker::Cancel)) => cancelled.store(true, Ordering::Relaxed),
                Ok(Some(ToWorker::Solve { task, unit, from })) => {
                    // Here and not where the work begins: what was cancelled was the task before.
                    cancelled.store(false, Ordering::Relaxed);
                    if work.send(Task { number: task, unit: *unit, from: from.map(|state| *state) }).is_err() {
                        std::process::exit(0);
                    }
                }
                Ok(Some(ToWorker::Hello(hello))) => {
                    if let Err(error) = hello.check(engine, build) {
                        complain(&error.to_string());
                        std::process::exit(STRANGER);
                    }
                }
                Err(error) => {
                    complain(&format!("the supervisor sent nonsense: {error}"));
                    std::process::exit(STRANGER);
                }
            }
        }
    }
}

/// Says something where the supervisor keeps it.
fn complain(text: &str) {
    // Without a standard error there is nobody to tell.
    _ = writeln!(io::stderr(), "bqc worker: {text}");
}

/// A piece of work.
struct Task {
    number: u64,
    unit: UnitRecord,
    from: Option<CheckpointRecord>,
}

struct Worker<'a> {
    device: &'a Device,
    fault: Option<Fault>,
    out: &'a Pipe,
    cancelled: &'a AtomicBool,
    is_busy: &'a AtomicBool,
}

impl Worker<'_> {
    fn work(&self, work: Receiver<Task>) {
        for asked in work {
            self.is_busy.store(true, Ordering::Relaxed);
            let task = asked.number;
            let answer = catch_unwind(AssertUnwindSafe(|| self.answer(asked)));
            self.is_busy.store(false, Ordering::Relaxed);
            self.device.look(self.out);
            let failed = |payload: Box<dyn Any + Send>| {
                let text = payload.downcast_ref::<&str>().copied();
                let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
                let reason = format!("the worker's task panicked: {}", text.unwrap_or("no message"));
                FromWorker::Failed { task, reason }
            };
            self.out.send(&answer.unwrap_or_else(failed));
        }
    }

    fn answer(&self, Task { number: task, unit, from }: Task) -> FromWorker {
        let unit = match Unit::from_record(unit) {
            Ok(unit) => unit,
            Err(error) => return FromWorker::Failed { task, reason: error.to_string() },
        };
        let fault = self.fault.filter(|fault| fault.hits(task, unit.key()));
        if let Some(fault) = fault {
            fault.strike(|bytes| self.out.send_bytes(bytes));
        }
        let unit = unit.sabotaged(fault.and_then(Fault::sabotage));
        let panicking = Panicking(self.device.engine.name());
        let engine = if fault.is_some_and(Fault::is_panic) { &panicking } else { &*self.device.engine };
        let n_substituted = engine.n_substituted();
        let mut last = Instant::now();
        let is_later = fault.is_some_and(Fault::is_later);
        let note = &mut |state| {
            if last.elapsed() >= CHECKPOINT_EVERY || is_later {
                self.out.send(&FromWorker::Checkpoint { task, state: Box::new(state) });
                last = Instant::now();
            }
            if is_later {
                std::process::abort();
            }
        };
        let solved = unit.solve_along(engine, Trail { from, note }, self.cancelled);
        let is_own = engine.n_substituted() == n_substituted;
        if solved.outcome == Outcome::Failed {
            return FromWorker::Failed { task, reason: solved.reason };
        }
        let mut result = Box::new(solved.to_record());
        let mut number = task;
        if let Some(fault) = fault {
            fault.spoil(&mut result);
            number = fault.number(task);
        }
        // A result that is not final was cancelled, or is not the engine's own, or both.
        let is_whole = solved.is_final || !is_own && !self.cancelled.load(Ordering::Relaxed);
        FromWorker::Solved { task: number, is_whole, is_own, result }
    }
}
