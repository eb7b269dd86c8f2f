//! What a compile writes to stderr while it runs: a line that tells where the run is, redrawn on a terminal and written
//! once a minute elsewhere; with `-v` a line for every pass. Also the run's only clock.

mod state;

use bqc_compiler::{Event, Observer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use state::State;
use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Writes one line or several to stderr. A stderr that is closed ends no run.
pub fn say(line: &str) {
    _ = writeln!(std::io::stderr(), "{}", harmless(line));
}

/// The same without what a terminal would obey: names of files may hold anything.
fn harmless(line: &str) -> Cow<'_, str> {
    let is_obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !line.contains(is_obeyed) {
        return line.into();
    }
    line.chars().map(|c| if is_obeyed(c) { c.escape_default().to_string() } else { c.into() }).collect()
}

/// How much is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Talk {
    /// Errors only.
    Quiet,
    /// Where the run is, and a summary at the end.
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

/// Between two drawings on a terminal.
const REDRAW: Duration = Duration::from_millis(200);
/// Between two lines where there is none, such as in the log of a batch job.
const LINE_EVERY: Duration = Duration::from_secs(60);

/// The observer of one compile.
pub struct Progress {
    talk: Talk,
    start: Instant,
    bar: ProgressBar,
    state: Arc<Mutex<State>>,
    /// None if nothing is shown.
    ticker: Mutex<Option<Ticker>>,
}

impl Progress {
    /// Times count from `start`; `deadline` is shown as the limit.
    pub fn new(talk: Talk, start: Instant, deadline: Option<Instant>) -> Progress {
        let is_terminal = std::io::stderr().is_terminal();
        let is_drawn = talk != Talk::Quiet && is_terminal;
        let target = if is_drawn { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        bar.set_style(style("{wide_msg}"));
        let state = Arc::new(Mutex::new(State::new(start, deadline)));
        Progress { talk, start, bar, state, ticker: Mutex::new(None) }
    }

    /// Shows where the run is from now on. What takes moments is over before a thread for that has begun.
    pub fn show(&self) {
        let is_drawn = !self.bar.is_hidden();
        let every = match (self.talk, is_drawn) {
            (Talk::Quiet, _) => return,
            (_, true) => REDRAW,
            (_, false) => LINE_EVERY,
        };
        let ticker = Ticker::start(every, is_drawn.then(|| self.bar.clone()), self.state.clone());
        *self.ticker.lock().unwrap_or_else(|e| e.into_inner()) = ticker;
    }

    /// Says who does the work: so many workers, or threads, of an engine.
    pub fn set_crew(&self, n: usize, what: &str, engine: &str) {
        self.state().crew = format!("{engine}, {n} {what}");
    }

    /// Says which circuit of several it is.
    pub fn set_label(&self, label: String) {
        self.state().label = harmless(&label).into_owned();
    }

    /// Says what the circuit begins with.
    pub fn set_input(&self, n_two_qubit: usize) {
        self.state().begin(n_two_qubit);
    }

    /// Counts a block of a worker on a GPU, of which it has removed so many two-qubit gates.
    pub fn done_on(&self, gpu: &str, worker: u32, removed: u64) {
        self.state().done_on(gpu, worker, removed);
    }

    /// Takes the line away.
    pub fn finish(&self) {
        // Joined here: nothing may be drawn after it.
        drop(self.ticker.lock().unwrap_or_else(|e| e.into_inner()).take());
        self.bar.finish_and_clear();
    }

    /// A warning: the run goes on. Written unless `-q` is given.
    pub fn warn(&self, line: &str) {
        if self.talk != Talk::Quiet {
            self.say(&format!("bqc: {line}"));
        }
    }

    /// A line that is written unless `-q` is given.
    pub fn note(&self, line: &str) {
        if self.talk != Talk::Quiet {
            self.say(line);
        }
    }

    /// A line that is written with `-v` alone.
    pub fn tell(&self, line: &str) {
        if self.talk == Talk::Verbose {
            self.say(line);
        }
    }

    /// A line that does not tear the one that is drawn.
    fn say(&self, line: &str) {
        self.bar.suspend(|| say(line));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Numbers that are counted without a panic.
        self.state.lock().unwrap_or_else(|e| e.into_inner())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.finish();
    }
}

fn style(template: &str) -> ProgressStyle {
    // A wrong template is a fault of this file; the plain bar is good enough to see it.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Shows the state again and again, until it is dropped.
struct Ticker {
    end: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// On `bar`, or as lines on stderr. None if the system gives no thread: then nothing is shown.
    fn start(every: Duration, bar: Option<ProgressBar>, state: Arc<Mutex<State>>) -> Option<Ticker> {
        let (end, ended) = mpsc::channel::<()>();
        let tick = move || {
            let mut has_gpus = false;
            while ended.recv_timeout(every) == Err(mpsc::RecvTimeoutError::Timeout) {
                let state = state.lock().unwrap_or_else(|e| e.into_inner());
                let (line, gpus) = (state.line(Instant::now()), state.gpu_lines(Instant::now()));
                drop(state);
                let Some(bar) = &bar else {
                    say(&line);
                    continue;
                };
                if !gpus.is_empty() && !has_gpus {
                    bar.set_style(style("{wide_msg}\n{prefix}"));
                    has_gpus = true;
                }
                bar.set_prefix(gpus.join("\n"));
                bar.set_message(line);
            }
        };
        let thread = thread::Builder::new().name("progress".into()).spawn(tick).ok()?;
        Some(Ticker { end: Some(end), thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic; and if it could, nothing would depend on it any more.
            _ = thread.join();
        }
    }
}

impl Observer for Progress {
    fn seconds(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    fn event(&self, event: Event<'_>) {
        self.state().event(&event, Instant::now());
        match event {
            Event::PassFinished { pass, n_two_qubit, n_one_qubit } => {
                let seconds = self.seconds();
                self.tell(&format!("pass {}: {n_two_qubit} CX, {n_one_qubit} U3 after {seconds:.2} s", pass + 1));
            }
            Event::Restarted { n_two_qubit } => {
                self.tell(&format!("restart: the best circuit so far has {n_two_qubit} CX"));
            }
            Event::Checking { n_qubits } => self.tell(&format!("comparing the whole circuit on {n_qubits} qubits")),
            Event::FolderFailed(line) => self.warn(line),
            Event::PassStarted { .. } | Event::BlockFinished(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_no_name() {
        assert_eq!(harmless("two lines\n\tand a tab · ü"), "two lines\n\tand a tab · ü");
        assert_eq!(harmless("a\u{1b}[31m\r\u{9b}b.qasm"), "a\\u{1b}[31m\\r\\u{9b}b.qasm");
    }
}
