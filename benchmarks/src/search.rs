//! `bqc-bench search`: gate counts over time, several seeds a circuit, through the program itself.

use crate::binary::{Binary, Run};
use crate::list::Task;
use crate::measure::{Spread, short};
use crate::record::{Csv, Markdown};
use std::time::Duration;

/// What is run.
#[derive(Clone, Debug)]
pub struct SearchPlan {
    /// Circuits.
    pub tasks: Vec<Task>,
    /// Seeds.
    pub seeds: Vec<u64>,
    /// Time limits are multiplied by this.
    pub time_scale: f64,
    /// Further arguments of `bqc compile`, `--flow search` among them.
    pub arguments: Vec<String>,
}

impl SearchPlan {
    /// Wall seconds if every run uses its limit.
    pub fn seconds(&self) -> f64 {
        let once: f64 = self.tasks.iter().map(|task| self.limit(task).as_secs_f64()).sum();
        once * self.seeds.len() as f64
    }

    fn limit(&self, task: &Task) -> Duration {
        task.limit.mul_f64(self.time_scale)
    }
}

/// The columns of the raw record: one line a point of a curve; the last point of a run has the figures of
/// the whole run.
pub const COLUMNS: [&str; 12] = [
    "circuit",
    "seed",
    "limit_seconds",
    "seconds",
    "cx",
    "u3",
    "is_final",
    "cpu_seconds",
    "peak_rss_bytes",
    "error_bound",
    "whole_check_distance",
    "arguments",
];

/// All runs of one circuit.
pub struct TaskResult<'a> {
    task: &'a Task,
    limit: Duration,
    runs: Vec<Run>,
}

/// Runs everything, one process at a time; seeds are the outer loop, so that an aborted run has some of
/// every circuit. `tell` hears of every finished process.
pub fn run<'a>(
    binary: &Binary,
    plan: &'a SearchPlan,
    tell: impl Fn(&str),
) -> Result<(Vec<TaskResult<'a>>, Csv), String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let mut raw = Csv::new(&COLUMNS);
    let result = |task| TaskResult { task, limit: plan.limit(task), runs: Vec::new() };
    let mut results: Vec<TaskResult> = plan.tasks.iter().map(result).collect();
    for &seed in &plan.seeds {
        for result in &mut results {
            let mut arguments = plan.arguments.clone();
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
            let run = binary.compile(&result.task.path, Some(result.limit), &arguments, folder.path())?;
            tell(&format!(
                "{} seed {seed}: {} CX, {} U3, {:.1} s",
                result.task.name,
                run.cx(),
                run.u3(),
                run.wall_seconds
            ));
            push_raw(&mut raw, result, seed, &plan.arguments, &run);
            result.runs.push(run);
        }
    }
    Ok((results, raw))
}

fn push_raw(raw: &mut Csv, result: &TaskResult<'_>, seed: u64, arguments: &[String], run: &Run) {
    let text = |value: Option<String>| value.unwrap_or_default();
    let report = &run.report;
    for (i, point) in run.curve.iter().enumerate() {
        let is_final = i + 1 == run.curve.len();
        let at_end = |value: Option<String>| if is_final { text(value) } else { String::new() };
        raw.push(&[
            result.task.name.clone(),
            seed.to_string(),
            result.limit.as_secs_f64().to_string(),
            point.seconds.to_string(),
            point.cx.to_string(),
            point.u3.to_string(),
            u8::from(is_final).to_string(),
            at_end(report.cpu_seconds.map(|s| s.to_string())),
            at_end(report.peak_rss_bytes.map(|b| b.to_string())),
            at_end(Some(format!("{:e}", report.error_bound))),
            at_end(report.whole_check.distance.map(|d| format!("{d:e}"))),
            arguments.join(" "),
        ]);
    }
}

/// Parts of the time limit at which the curves are shown.
const FRACTIONS: [f64; 4] = [0.0625, 0.25, 0.5, 1.0];

/// The summary: one row a circuit.
pub fn table(results: &[TaskResult<'_>]) -> String {
    let mut table = Markdown::new(&[
        "circuit",
        "limit s",
        "CX in",
        "at 1/16",
        "at 1/4",
        "at 1/2",
        "end (quartiles)",
        "best seed",
        "goal",
        "met",
        "best known",
        "best peer",
        "U3",
        "CPU s",
        "largest bound",
    ]);
    for result in results {
        table.push(&row(result));
    }
    table.text().to_owned()
}

fn row(result: &TaskResult<'_>) -> Vec<String> {
    let TaskResult { task, limit, runs } = result;
    let limit = limit.as_secs_f64();
    let spread = |value: &dyn Fn(&Run) -> f64| Spread::of(&runs.iter().map(value).collect::<Vec<_>>());
    let median = |value: &dyn Fn(&Run) -> f64| spread(value).map_or("–".into(), |s| short(s.median));
    let known = |count: Option<u64>| count.map_or("–".into(), |c| c.to_string());
    let end = spread(&|run| run.cx() as f64);
    let met = match (end, task.goal_cx) {
        (Some(end), Some(goal)) => {
            if end.median <= goal as f64 {
                "yes"
            } else {
                "no"
            }
        }
        _ => "–",
    };
    let mut cells = vec![task.name.clone(), short(limit), median(&|run| run.report.input.two_qubit_gates as f64)];
    let (last, earlier) = FRACTIONS.split_last().expect("not empty");
    debug_assert_eq!(*last, 1.0);
    cells.extend(earlier.iter().map(|f| median(&|run| run.cx_at(f * limit) as f64)));
    cells.extend([
        end.map_or("–".into(), |s| s.to_string()),
        known(runs.iter().map(Run::cx).min()),
        known(task.goal_cx),
        met.into(),
        known(task.best_known_cx),
        known(task.best_peer_cx),
        median(&|run| run.u3() as f64),
        median(&|run| run.report.cpu_seconds.unwrap_or(f64::NAN)),
        format!("{:.0e}", runs.iter().map(|run| run.report.error_bound).fold(0.0, f64::max)),
    ]);
    cells
}
