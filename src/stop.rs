//! When to stop: the time limit and the signals. Libraries see one flag and poll it; clocks and
//! signals are this binary's business alone.

use crate::exit::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// The signals that end a run early, and at once if one of them comes again.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGUSR1];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// Those that come several times by themselves, and so never end it at once: of a terminal that is closed both the
/// system and the shell send SIGHUP, and beyond a limit of CPU time SIGXCPU comes every second.
#[cfg(unix)]
const REPEATED: [i32; 2] = [signal_hook::consts::SIGHUP, signal_hook::consts::SIGXCPU];
#[cfg(not(unix))]
const REPEATED: [i32; 0] = [];

/// Signals that come together are one: `timeout` sends its own to the process and to its group. So a second one
/// counts when the first is this old, or twice as old.
const TOGETHER: Duration = Duration::from_millis(200);

/// Lets a write beyond the largest size of files (`ulimit -f`) fail like one to a full disk, instead of ending the
/// process.
pub fn outlive_large_files() {
    #[cfg(unix)]
    // Without it such a write ends the process, as it would have before.
    drop(flag::register(signal_hook::consts::SIGXFSZ, Arc::default()));
}

/// Whether the process was started to ignore this signal, as by `nohup`. Where the system does not tell, that is
/// assumed of all.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("SigIgn:")?.trim(), 16).ok());
    mask.is_none_or(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Until when a run, or a part of it, may go on.
#[derive(Clone, Copy)]
pub struct Deadline {
    /// When the search ends.
    pub search: Instant,
    /// When all ends that may be left out, such as the comparison of whole circuits.
    pub end: Instant,
}

impl Deadline {
    /// Both at `limit` after `start`; none if that is beyond the clock's range.
    pub fn after(start: Instant, limit: Duration) -> Option<Deadline> {
        start.checked_add(limit).map(|end| Deadline { search: end, end })
    }
}

/// The flags that the work polls, and why they were raised.
pub struct Stop {
    raised: Arc<AtomicBool>,
    /// Raised when what follows the search has to end, too.
    ended: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
    /// Number of the last signal that came; 0 if none has.
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Raises the flags at the first SIGINT, SIGTERM or SIGUSR1 (which batch systems send before the time is up), and at
    /// SIGHUP or SIGXCPU. A second signal of the first three ends the process at once, unless it comes together with the
    /// first. To be called when the input has been read: until then a signal ends the process as usual, with nothing
    /// written. For a limit of time see [`Stop::limit`].
    pub fn install() -> Result<Stop, Failure> {
        let stop =
            Stop { raised: Arc::default(), ended: Arc::default(), interrupted: Arc::default(), signal: Arc::default() };
        let setup = |source| Failure::Setup { what: "signal handlers", source };
        let is_first_over = Arc::new(AtomicBool::new(false));
        for signal in REPEATED.into_iter().filter(|&signal| !is_ignored(signal)) {
            stop.listen(signal).map_err(setup)?;
        }
        for signal in SIGNALS {
            flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, is_first_over.clone())
                .and_then(|_| stop.listen(signal))
                .map_err(setup)?;
        }
        let interrupted = stop.interrupted.clone();
        let watch = move || {
            while !interrupted.load(Ordering::Relaxed) {
                thread::sleep(TOGETHER);
            }
            thread::sleep(TOGETHER);
            is_first_over.store(true, Ordering::Relaxed);
        };
        // Never joined: it ends with the process.
        thread::Builder::new().name("signals".into()).spawn(watch).map_err(setup)?;
        Ok(stop)
    }

    fn listen(&self, signal: i32) -> io::Result<()> {
        flag::register(signal, self.interrupted.clone())?;
        flag::register_usize(signal, self.signal.clone(), signal as usize)?;
        flag::register(signal, self.ended.clone())?;
        flag::register(signal, self.raised.clone()).map(drop)
    }

    /// Raises each flag at its time unless what this returns is dropped before: the limit of a run, or of a part of it.
    pub fn limit(&self, deadline: Option<Deadline>) -> Result<Limit, Failure> {
        let Some(Deadline { search, end: whole }) = deadline else { return Ok(Limit { end: None, thread: None }) };
        let flags = [(search, self.raised.clone()), (whole, self.ended.clone())];
        let (end, ended) = mpsc::channel::<()>();
        let wait = move || {
            for (at, flag) in flags {
                let left = at.saturating_duration_since(Instant::now());
                if ended.recv_timeout(left) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
                flag.store(true, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name("time-limit".into()).spawn(wait);
        let thread = thread.map_err(|source| Failure::Setup { what: "the time limit", source })?;
        Ok(Limit { end: Some(end), thread: Some(thread) })
    }

    /// Lowers the flags for the next part of the run, unless a signal came.
    pub fn begin_part(&self) {
        for flag in [&self.raised, &self.ended] {
            flag.store(false, Ordering::SeqCst);
            // A signal raises this one first, so it is seen here or raises the flag again.
            if self.interrupted.load(Ordering::SeqCst) {
                flag.store(true, Ordering::SeqCst);
            }
        }
    }

    /// What the search polls.
    pub fn flag(&self) -> &AtomicBool {
        &self.raised
    }

    /// What the comparison after it polls.
    pub fn of_check(&self) -> &AtomicBool {
        &self.ended
    }

    /// The signal that came, if one has.
    pub fn signal(&self) -> Option<i32> {
        Some(self.signal.load(Ordering::Relaxed) as i32).filter(|&signal| signal != 0)
    }

    /// Whether a signal came.
    pub fn was_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}

/// A limit that counts for as long as this lives.
pub struct Limit {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Limit {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic; and if it could, nothing would depend on it any more.
            _ = thread.join();
        }
    }
}
