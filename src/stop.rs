//! When to stop: the time limit and the signals. Libraries see one flag and poll it; clocks and
//! signals are this binary's business alone.

use crate::exit::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::Instant;

/// The signals that end a run early.
#[cfg(unix)]
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, signal_hook::consts::SIGUSR1];
#[cfg(not(unix))]
const SIGNALS: [i32; 2] = [SIGINT, SIGTERM];

/// The flag that workers poll, and why it was raised.
pub struct Stop {
    raised: Arc<AtomicBool>,
    interrupted: Arc<AtomicBool>,
    /// Number of the last signal that came; 0 if none has.
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Raises the flag at `deadline` or at the first SIGINT, SIGTERM or SIGUSR1
    /// (which batch systems send before the time is up). A second signal ends the
    /// process at once. To be called when the input has been read: until then a signal ends the
    /// process as usual, with nothing written.
    pub fn install(deadline: Option<Instant>) -> Result<Stop, Failure> {
        let stop = Stop { raised: Arc::default(), interrupted: Arc::default(), signal: Arc::default() };
        for signal in SIGNALS {
            // Order matters: the shutdown looks at the flag before the same signal raises it.
            flag::register_conditional_shutdown(signal, Exit::Interrupted as i32, stop.interrupted.clone())
                .and_then(|_| flag::register(signal, stop.interrupted.clone()))
                .and_then(|_| flag::register_usize(signal, stop.signal.clone(), signal as usize))
                .and_then(|_| flag::register(signal, stop.raised.clone()))
                .map_err(|source| Failure::Setup { what: "signal handlers", source })?;
        }
        if let Some(deadline) = deadline {
            let raised = stop.raised.clone();
            // Never joined: it ends with the process.
            thread::Builder::new()
                .name("time-limit".into())
                .spawn(move || {
                    thread::sleep(deadline.saturating_duration_since(Instant::now()));
                    raised.store(true, Ordering::Relaxed);
                })
                .map_err(|source| Failure::Setup { what: "the time limit", source })?;
        }
        Ok(stop)
    }

    /// Raises the flag at `deadline` unless what this returns is dropped before: the limit of a part of the run.
    pub fn limit(&self, deadline: Option<Instant>) -> Result<Limit, Failure> {
        let Some(deadline) = deadline else { return Ok(Limit { end: None, thread: None }) };
        let raised = self.raised.clone();
        let (end, ended) = mpsc::channel::<()>();
        let wait = move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left) == Err(mpsc::RecvTimeoutError::Timeout) {
                raised.store(true, Ordering::Relaxed);
            }
        };
        let thread = thread::Builder::new().name("part-limit".into()).spawn(wait);
        let thread = thread.map_err(|source| Failure::Setup { what: "the time limit", source })?;
        Ok(Limit { end: Some(end), thread: Some(thread) })
    }

    /// Lowers the flag for the next part of the run, unless a signal came.
    pub fn begin_part(&self) {
        self.raised.store(false, Ordering::SeqCst);
        // A signal raises this one first, so it is seen here or raises the flag again.
        if self.interrupted.load(Ordering::SeqCst) {
            self.raised.store(true, Ordering::SeqCst);
        }
    }

    /// What workers poll.
    pub fn flag(&self) -> &AtomicBool {
        &self.raised
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
