//! Where a run is, in numbers, and the line that tells it.

use bqc_compiler::Event;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// Where a run is.
pub struct State {
    start: Instant,
    deadline: Option<Instant>,
    /// Which circuit of several it is; empty if there is one.
    pub label: String,
    /// Who does the work, in words.
    pub crew: String,
    /// Two-qubit gates at the beginning and in the best circuit so far.
    counts: Option<[usize; 2]>,
    /// When the best circuit lost its last one.
    gained: Option<Instant>,
    doing: Doing,
    gpus: BTreeMap<String, Share>,
}

/// What is done at the moment.
enum Doing {
    /// Nothing that a line could say.
    Starting,
    /// A pass over so many blocks, of which so many are done.
    Pass { number: u32, n_done: usize, n_blocks: usize },
    /// The comparison of whole circuits.
    Comparing,
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

impl State {
    pub fn new(start: Instant, deadline: Option<Instant>) -> State {
        let (label, crew) = (String::new(), String::new());
        State {
            start,
            deadline,
            label,
            crew,
            counts: None,
            gained: None,
            doing: Doing::Starting,
            gpus: BTreeMap::new(),
        }
    }

    /// A circuit of so many two-qubit gates is compiled.
    pub fn begin(&mut self, n_two_qubit: usize) {
        self.counts = Some([n_two_qubit; 2]);
    }

    /// Counts a block of a worker on a GPU.
    pub fn done_on(&mut self, gpu: &str, worker: u32, removed: u64) {
        let share = self.gpus.entry(gpu.to_string()).or_default();
        share.workers.insert(worker);
        share.n_blocks += 1;
        share.removed += removed;
    }

    /// Something happened.
    pub fn event(&mut self, event: &Event<'_>, now: Instant) {
        match event {
            Event::PassStarted { pass, n_blocks } => {
                self.doing = Doing::Pass { number: pass + 1, n_done: 0, n_blocks: *n_blocks };
            }
            Event::BlockFinished(_) => {
                if let Doing::Pass { n_done, .. } = &mut self.doing {
                    *n_done += 1;
                }
            }
            Event::PassFinished { n_two_qubit, .. } => {
                let [_, best] = self.counts.get_or_insert([*n_two_qubit; 2]);
                if n_two_qubit < best {
                    *best = *n_two_qubit;
                    self.gained = Some(now);
                }
            }
            Event::Checking { .. } => self.doing = Doing::Comparing,
            Event::Restarted { .. } | Event::FolderFailed(_) => {}
        }
    }

    /// What a line says, the most important first: it may be cut at the terminal's width.
    pub fn line(&self, now: Instant) -> String {
        let elapsed = time(now.duration_since(self.start));
        let limit = self.deadline.map(|deadline| format!(" of {}", time(deadline.duration_since(self.start))));
        let mut parts = vec![format!("{elapsed}{}", limit.unwrap_or_default())];
        if !self.label.is_empty() {
            parts.insert(0, self.label.clone());
        }
        if let Some([input, best]) = self.counts {
            let share = 100.0 * (input - best.min(input)) as f64 / input.max(1) as f64;
            parts.push(format!("{input} → {best} CX (-{share:.0} %)"));
        }
        parts.extend(self.gained.map(|gained| format!("last gain {} ago", time(now.duration_since(gained)))));
        parts.extend(match self.doing {
            Doing::Starting => None,
            // A race shows the blocks of all its walkers.
            Doing::Pass { number, n_done, n_blocks } if n_done > n_blocks => Some(format!("pass {number}")),
            Doing::Pass { number, n_done, n_blocks } => Some(format!("pass {number}, block {n_done}/{n_blocks}")),
            Doing::Comparing => Some("comparing whole circuits".into()),
        });
        if !self.crew.is_empty() {
            parts.push(self.crew.clone());
        }
        parts.join(" · ")
    }

    /// A line for each GPU.
    pub fn gpu_lines(&self, now: Instant) -> Vec<String> {
        let seconds = now.duration_since(self.start).as_secs_f64().max(1e-3);
        let line = |(gpu, share): (&String, &Share)| {
            let (n, pace, removed) = (share.workers.len(), share.n_blocks as f64 / seconds, share.removed);
            let workers = if n == 1 { "worker" } else { "workers" };
            format!("  {gpu}: {n} {workers}, {pace:.1} blocks/s, {removed} two-qubit gates removed")
        };
        self.gpus.iter().map(line).collect()
    }
}

/// In seconds up to 99, then as `m:ss` or `h:mm:ss`.
fn time(duration: Duration) -> String {
    match duration.as_secs() {
        seconds @ 0..100 => format!("{seconds} s"),
        seconds @ 100..3600 => format!("{}:{:02}", seconds / 60, seconds % 60),
        seconds => format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finished(pass: u32, n_two_qubit: usize) -> Event<'static> {
        Event::PassFinished { pass, n_two_qubit, n_one_qubit: 0 }
    }

    #[test]
    fn a_line_tells_time_gates_the_last_gain_and_what_is_done() {
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let mut state = State::new(start, Some(after(130)));
        assert_eq!(state.line(after(1)), "1 s of 2:10");
        state.begin(504);
        state.crew = "cpu, 2 workers".into();
        state.event(&Event::PassStarted { pass: 0, n_blocks: 3 }, after(1));
        assert_eq!(state.line(after(1)), "1 s of 2:10 · 504 → 504 CX (-0 %) · pass 1, block 0/3 · cpu, 2 workers");
        state.event(&finished(0, 263), after(9));
        // A pass that is behind the best changes nothing.
        state.event(&finished(1, 270), after(11));
        state.event(&Event::PassStarted { pass: 2, n_blocks: 1 }, after(11));
        state.label = "3/10 grover_n5".into();
        let line = state.line(after(12));
        assert_eq!(
            line,
            "3/10 grover_n5 · 12 s of 2:10 · 504 → 263 CX (-48 %) · last gain 3 s ago · pass 3, block 0/1 · cpu, 2 workers"
        );
        state.event(&Event::Checking { n_qubits: 5 }, after(12));
        assert!(state.line(after(12)).contains("comparing whole circuits"));
    }

    #[test]
    fn times_are_short() {
        let rows = [(0, "0 s"), (99, "99 s"), (100, "1:40"), (3599, "59:59"), (3600, "1:00:00"), (90_061, "25:01:01")];
        rows.into_iter().for_each(|(seconds, text)| assert_eq!(time(Duration::from_secs(seconds)), text));
    }

    #[test]
    fn each_gpu_has_a_line() {
        let start = Instant::now();
        let mut state = State::new(start, None);
        for (gpu, worker) in [("GPU 1 (B)", 9), ("GPU 0 (A)", 7), ("GPU 0 (A)", 8)] {
            state.done_on(gpu, worker, 3);
        }
        let lines = state.gpu_lines(start + Duration::from_secs(4));
        assert_eq!(lines[0], "  GPU 0 (A): 2 workers, 0.5 blocks/s, 6 two-qubit gates removed");
        assert_eq!(lines[1], "  GPU 1 (B): 1 worker, 0.2 blocks/s, 3 two-qubit gates removed");
    }
}
