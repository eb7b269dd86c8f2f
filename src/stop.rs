//! When to stop: the time limit and the signals. Libraries see one flag and poll it; clocks and
//! signals are this binary's business alone.

use crate::exit::{Exit, Failure};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
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
