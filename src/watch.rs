//! The observer of a compile: hands what happens to the terminal and to the log, each of which decides what it says.
//! Also tells the log once that the run is to stop, and the terminal which GPU has done a block.

use crate::crew::Crew;
use crate::log;
use crate::progress::Progress;
use crate::stop::Stop;
use bqc_compiler::{Event, Observer};
use std::sync::atomic::{AtomicBool, Ordering};

/// Watches one compile.
pub struct Watch<'a> {
    progress: &'a Progress,
    stop: &'a Stop,
    crew: &'a Crew<'a>,
    /// Whether the log knows that the run is to stop.
    has_told_stop: AtomicBool,
}

impl<'a> Watch<'a> {
    pub fn new(progress: &'a Progress, stop: &'a Stop, crew: &'a Crew<'a>) -> Watch<'a> {
        Watch { progress, stop, crew, has_told_stop: AtomicBool::new(false) }
    }
}

impl Observer for Watch<'_> {
    fn seconds(&self) -> f64 {
        self.progress.seconds()
    }

    fn event(&self, event: Event<'_>) {
        if self.stop.flag().load(Ordering::Relaxed) && !self.has_told_stop.swap(true, Ordering::Relaxed) {
            log::stopping(self.stop.signal());
        }
        log::event(event);
        if let Event::BlockFinished(record) = event
            && let Some(worker) = record.worker
            && let Some(gpu) = self.crew.gpu_of(worker)
        {
            let removed = record.before.two_qubit_gates.saturating_sub(record.after.two_qubit_gates);
            self.progress.done_on(gpu, worker, removed);
        }
        self.progress.event(event);
    }
}
