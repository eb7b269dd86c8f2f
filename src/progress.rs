//! What is said on stderr while a compile runs: a bar where somebody watches, one line per pass where
//! `-v` asks for it, and nothing else. Also the run's only clock.

use bqc_compiler::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A line on stderr. Whoever has closed it does not want to know, and that ends no run.
pub fn say(line: &str) {
    _ = writeln!(std::io::stderr(), "{line}");
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Errors only.
    Quiet,
    /// A bar on a terminal, a summary at the end.
    Normal,
    /// Also a line for every pass.
    Verbose,
}

impl Talk {
    /// By the options `-q` and `-v`, the first of which wins.
    pub fn of(is_quiet: bool, is_verbose: bool) -> Talk {
        match (is_quiet, is_verbose) {
            (true, _) => Talk::Quiet,
            (false, true) => Talk::Verbose,
            (false, false) => Talk::Normal,
        }
    }
}

/// The observer of one compile.
pub struct Progress {
    talk: Talk,
    start: Instant,
    deadline: Option<Instant>,
    bar: ProgressBar,
    /// Who does the work, in words.
    crew: OnceLock<String>,
    /// Two-qubit gates removed so far, over all passes since the last restart.
    removed: AtomicU64,
    /// What each GPU's workers have done, by the name of the GPU.
    gpus: Mutex<BTreeMap<String, Share>>,
}

/// What the workers of one GPU have done.
#[derive(Default)]
struct Share {
    /// Their process ids.
    workers: BTreeSet<u32>,
    n_blocks: u64,
    /// Two-qubit gates.
    removed: u64,
}

impl Progress {
    /// Times count from `start`; `deadline` bounds the time left that the bar shows.
    pub fn new(talk: Talk, start: Instant, deadline: Option<Instant>) -> Progress {
        let visible = talk != Talk::Quiet && std::io::stderr().is_terminal();
        let target = if visible { ProgressDrawTarget::stderr_with_hz(5) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style());
        Progress {
            talk,
            start,
            deadline,
            bar,
            crew: OnceLock::new(),
            removed: AtomicU64::new(0),
            gpus: Mutex::default(),
        }
    }

    /// Says who does the work: so many workers, or threads, of an engine. The first counts.
    pub fn set_crew(&self, n: usize, what: &str, engine: &str) {
        _ = self.crew.set(format!("{engine}, {n} {what}"));
    }

    /// What the bar says beside itself: who works how fast, what that has brought, and how long it will take.
    fn message(&self) -> String {
        let (left, pace) = (self.left().as_secs(), self.bar.per_sec());
        let removed = self.removed.load(Ordering::Relaxed);
        let crew = self.crew.get().map_or(String::new(), |crew| format!("{crew}, "));
        let time = format!("{}:{:02} left", left / 60, left % 60);
        format!("{crew}{pace:.1} blocks/s, {removed} two-qubit gates removed, {time}{}", self.gpu_lines())
    }

    /// Counts a block of a worker on a GPU, of which it has removed so many two-qubit gates.
    pub fn done_on(&self, gpu: &str, worker: u32, removed: u64) {
        // Numbers that are added up without a panic.
        let mut gpus = self.gpus.lock().unwrap_or_else(|e| e.into_inner());
        let share = gpus.entry(gpu.to_string()).or_default();
        share.workers.insert(worker);
        share.n_blocks += 1;
        share.removed += removed;
    }

    /// A line for each GPU, below the bar.
    fn gpu_lines(&self) -> String {
        let gpus = self.gpus.lock().unwrap_or_else(|e| e.into_inner());
        let seconds = self.start.elapsed().as_secs_f64().max(1e-3);
        let line = |(gpu, share): (&String, &Share)| {
            let (n, pace, removed) = (share.workers.len(), share.n_blocks as f64 / seconds, share.removed);
            let workers = if n == 1 { "worker" } else { "workers" };
            format!("\n  {gpu}: {n} {workers}, {pace:.1} blocks/s, {removed} two-qubit gates removed")
        };
        gpus.iter().map(line).collect()
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Time left by the pace of this pass or by the time limit, whichever is sooner.
    fn left(&self) -> Duration {
        let until = self.deadline.map(|d| d.saturating_duration_since(Instant::now()));
        until.map_or(self.bar.eta(), |u| u.min(self.bar.eta()))
    }

    /// Something that the user should know although the run goes on.
    pub fn warn(&self, line: &str) {
        if self.talk != Talk::Quiet {
            self.say(&format!("bqc: {line}"));
        }
    }

    /// How it ended, for everybody who wants to hear anything.
    pub fn note(&self, line: &str) {
        if self.talk != Talk::Quiet {
            self.say(line);
        }
    }

    /// Something for those who want to know.
    pub fn tell(&self, line: &str) {
        if self.talk == Talk::Verbose {
            self.say(line);
        }
    }

    /// A line that does not tear the bar.
    fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }
}

fn style() -> ProgressStyle {
    // A wrong template is a fault of this file; the plain bar is good enough to see it.
    ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} blocks, {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

impl Observer for Progress {
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn event(&self, event: Event<'_>) {
        match event {
            Event::PassStarted { pass, n_blocks, .. } => {
                self.bar.reset();
                self.bar.set_length(n_blocks as u64);
                self.bar.set_prefix(format!("pass {}", pass + 1));
            }
            Event::BlockFinished(record) => {
                let gained = record.before.two_qubit_gates.saturating_sub(record.after.two_qubit_gates);
                self.removed.fetch_add(gained, Ordering::Relaxed);
                // To write a message takes as long as a small block.
                if !self.bar.is_hidden() {
                    self.bar.inc(1);
                    self.bar.set_message(self.message());
                }
            }
            Event::PassFinished { pass, n_two_qubit, n_one_qubit } => {
                if self.talk == Talk::Verbose {
                    let seconds = self.seconds();
                    self.say(&format!("pass {}: {n_two_qubit} CX, {n_one_qubit} U3 after {seconds:.2} s", pass + 1));
                }
            }
            Event::Restarted { n_two_qubit } => {
                self.removed.store(0, Ordering::Relaxed);
                if self.talk == Talk::Verbose {
                    self.say(&format!("restart: the best circuit so far has {n_two_qubit} CX"));
                }
            }
            Event::Checking { n_qubits } => {
                self.bar.set_message(format!("comparing the whole circuit on {n_qubits} qubits"));
                if self.talk == Talk::Verbose {
                    self.say(&format!("comparing the whole circuit on {n_qubits} qubits"));
                }
            }
            Event::FolderFailed(line) => self.warn(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_wire::{BlockGates, BlockRecord, Outcome};

    #[test]
    fn the_bar_says_who_works_how_fast_and_how_long_it_will_take() {
        let start = Instant::now();
        let progress = Progress::new(Talk::Quiet, start, Some(start + Duration::from_secs(3600)));
        progress.set_crew(2, "workers", "cpu");
        progress.event(Event::PassStarted { pass: 0, n_blocks: 10 });
        let gates = |two_qubit_gates| BlockGates { two_qubit_gates, one_qubit_gates: 0 };
        let record = BlockRecord {
            pass: 0,
            block: 0,
            wires: vec![0, 1],
            before: gates(9),
            after: gates(6),
            distance: 0.0,
            instantiations: 1,
            start_seconds: 0.0,
            seconds: 0.1,
            worker: Some(7),
            outcome: Outcome::Improved,
            reason: "improved".into(),
        };
        progress.event(Event::BlockFinished(&record));
        progress.event(Event::BlockFinished(&record));
        let message = progress.message();
        assert!(message.starts_with("cpu, 2 workers, "), "{message}");
        assert!(message.contains(" blocks/s, 6 two-qubit gates removed, ") && message.ends_with(" left"), "{message}");
        for (gpu, worker) in [("GPU 1 (B)", 9), ("GPU 0 (A)", 7), ("GPU 0 (A)", 8)] {
            progress.done_on(gpu, worker, 3);
        }
        progress.event(Event::BlockFinished(&record));
        let message = progress.message();
        let gpus: Vec<&str> = message.lines().skip(1).collect();
        assert!(gpus.len() == 2 && gpus[0].starts_with("  GPU 0 (A): 2 workers, "), "{message}");
        assert!(gpus[0].ends_with(" blocks/s, 6 two-qubit gates removed"), "{message}");
        assert!(gpus[1].starts_with("  GPU 1 (B): 1 worker, "), "{message}");
    }
}
