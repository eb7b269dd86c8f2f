//! `bqc-bench search`: gate counts over time, several seeds a circuit, through the program itself.
//!
//! The raw record is the result: tables are made from its lines, so that a run of further seeds adds to
//! what an earlier one recorded for the same commit, limits and arguments.

use crate::binary::{Binary, CurvePoint, Run};
use crate::list::Task;
use crate::measure::{Spread, short};
use crate::record::{Csv, Markdown, read_csv};
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
    /// State of the sources.
    pub commit: String,
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

    fn arguments(&self) -> String {
        self.arguments.join(" ")
    }
}

/// The columns of the raw record: one line a point of a curve. The last point of a run has the figures of
/// the whole run; in the others they are empty.
pub const COLUMNS: &str = "commit,arguments,circuit,seed,limit_seconds,cx_in,seconds,cx,u3,cpu_seconds,\
                           peak_rss_bytes,error_bound,whole_check_distance";

/// One circuit with one seed.
#[derive(Clone, Debug, PartialEq)]
struct SeedRun {
    seed: u64,
    cx_in: u64,
    curve: Vec<CurvePoint>,
    cpu_seconds: f64,
    error_bound: f64,
}

impl SeedRun {
    fn end(&self) -> Option<&CurvePoint> {
        self.curve.last()
    }

    /// The fewest CX at a time; passes that did not finish until then do not count.
    fn cx_at(&self, seconds: f64) -> u64 {
        self.curve.iter().filter(|p| p.seconds <= seconds).map(|p| p.cx).min().unwrap_or(self.cx_in)
    }
}

/// Runs everything, one process at a time, and returns the raw record with the lines of `before` that are
/// of the same commit, limits and arguments but other seeds. Seeds are the outer loop; `tell` hears of every
/// finished process.
pub fn run(binary: &Binary, plan: &SearchPlan, before: &str, tell: impl Fn(&str)) -> Result<Csv, String> {
    let folder = tempfile::tempdir().map_err(|e| format!("no temporary folder: {e}"))?;
    let mut raw = Csv::new(&COLUMNS.split(',').collect::<Vec<_>>());
    keep(plan, before, &mut raw);
    for &seed in &plan.seeds {
        for task in &plan.tasks {
            let mut arguments = plan.arguments.clone();
            arguments.extend(["--seed".to_owned(), seed.to_string()]);
            let run = binary.compile(&task.path, Some(plan.limit(task)), &arguments, folder.path())?;
            tell(&format!("{} seed {seed}: {} CX, {} U3, {:.1} s", task.name, run.cx(), run.u3(), run.wall_seconds));
            push(plan, task, seed, &run, &mut raw);
        }
    }
    Ok(raw)
}

/// Copies the lines that this plan adds to. A record of another format has none.
fn keep(plan: &SearchPlan, before: &str, raw: &mut Csv) {
    let belongs = |row: &[String]| {
        let is_task = |task: &Task| task.name == row[2] && plan.limit(task).as_secs_f64().to_string() == row[4];
        let is_new = row[3].parse().is_ok_and(|seed| !plan.seeds.contains(&seed));
        row[0] == plan.commit && row[1] == plan.arguments() && is_new && plan.tasks.iter().any(is_task)
    };
    for row in read_csv(before, COLUMNS).unwrap_or_default().iter().filter(|row| belongs(row)) {
        raw.push(row);
    }
}

fn push(plan: &SearchPlan, task: &Task, seed: u64, run: &Run, raw: &mut Csv) {
    let report = &run.report;
    for (i, point) in run.curve.iter().enumerate() {
        let is_last = i + 1 == run.curve.len();
        let at_end = |value: Option<String>| value.filter(|_| is_last).unwrap_or_default();
        raw.push(&[
            plan.commit.clone(),
            plan.arguments(),
            task.name.clone(),
            seed.to_string(),
            plan.limit(task).as_secs_f64().to_string(),
            report.input.two_qubit_gates.to_string(),
            point.seconds.to_string(),
            point.cx.to_string(),
            point.u3.to_string(),
            at_end(report.cpu_seconds.map(|s| s.to_string())),
            at_end(report.peak_rss_bytes.map(|b| b.to_string())),
            at_end(Some(format!("{:e}", report.error_bound))),
            at_end(report.whole_check.distance.map(|d| format!("{d:e}"))),
        ]);
    }
}

/// The finished runs of one circuit in a raw record.
fn runs_of(name: &str, rows: &[Vec<String>]) -> Result<Vec<SeedRun>, String> {
    fn number<T: std::str::FromStr>(cell: &str) -> Result<T, String> {
        cell.parse().map_err(|_| format!("`{cell}` is no number"))
    }
    let mut runs: Vec<SeedRun> = Vec::new();
    for row in rows.iter().filter(|row| row[2] == name) {
        let seed = number(&row[3])?;
        if runs.last().is_none_or(|run| run.seed != seed) {
            let (curve, cpu_seconds, error_bound) = (Vec::new(), f64::NAN, f64::NAN);
            runs.push(SeedRun { seed, cx_in: number(&row[5])?, curve, cpu_seconds, error_bound });
        }
        let run = runs.last_mut().ok_or("a run was just added")?;
        run.curve.push(CurvePoint { seconds: number(&row[6])?, cx: number(&row[7])?, u3: number(&row[8])? });
        if !row[11].is_empty() {
            run.cpu_seconds = if row[9].is_empty() { f64::NAN } else { number(&row[9])? };
            run.error_bound = number(&row[11])?;
        }
    }
    Ok(runs)
}

/// Parts of the time limit at which the curves are shown, besides its end.
const FRACTIONS: [f64; 3] = [0.0625, 0.25, 0.5];

/// The summary: one row a circuit.
pub fn table(plan: &SearchPlan, raw: &Csv) -> Result<String, String> {
    let rows = read_csv(raw.text(), COLUMNS)?;
    let mut table = Markdown::new(&[
        "circuit",
        "limit s",
        "seeds",
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
    for task in &plan.tasks {
        table.push(&row(task, plan.limit(task).as_secs_f64(), &runs_of(&task.name, &rows)?));
    }
    Ok(table.text().to_owned())
}

fn row(task: &Task, limit: f64, runs: &[SeedRun]) -> Vec<String> {
    let none = || "–".to_owned();
    let spread = |value: &dyn Fn(&SeedRun) -> f64| Spread::of(&runs.iter().map(value).collect::<Vec<_>>());
    let median = |value: &dyn Fn(&SeedRun) -> f64| spread(value).map_or_else(none, |s| short(s.median));
    let known = |count: Option<u64>| count.map_or_else(none, |c| c.to_string());
    let end_cx = |run: &SeedRun| run.end().map_or(run.cx_in, |p| p.cx);
    let end = spread(&|run| end_cx(run) as f64);
    let met = match (end, task.goal_cx) {
        (Some(end), Some(goal)) if end.median <= goal as f64 => "yes",
        (Some(_), Some(_)) => "no",
        _ => "–",
    };
    let mut cells = vec![task.name.clone(), short(limit), runs.len().to_string(), median(&|run| run.cx_in as f64)];
    cells.extend(FRACTIONS.iter().map(|f| median(&|run| run.cx_at(f * limit) as f64)));
    cells.extend([
        end.map_or_else(none, |s| s.to_string()),
        known(runs.iter().map(end_cx).min()),
        known(task.goal_cx),
        met.to_owned(),
        known(task.best_known_cx),
        known(task.best_peer_cx),
        median(&|run| run.end().map_or(f64::NAN, |p| p.u3 as f64)),
        median(&|run| run.cpu_seconds),
        format!("{:.0e}", runs.iter().map(|run| run.error_bound).fold(0.0, f64::max)),
    ]);
    cells
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn plan(seeds: &[u64]) -> SearchPlan {
        let known = (Some(22), Some(21), None);
        let (goal_cx, best_known_cx, best_peer_cx) = known;
        let limit = Duration::from_secs(8);
        let task = Task { name: "a".into(), path: PathBuf::new(), limit, goal_cx, best_known_cx, best_peer_cx };
        let arguments = vec!["--flow".into(), "search".into()];
        SearchPlan { tasks: vec![task], seeds: seeds.to_vec(), time_scale: 1.0, arguments, commit: "c0".into() }
    }

    const LINES: &str = "c0,--flow search,a,1,8,48,1.5,30,60,,,,\n\
                         c0,--flow search,a,1,8,48,8.01,22,40,7.5,900,1e-13,2e-14\n\
                         c0,--flow search,a,2,8,48,8.02,24,38,7.5,900,3e-13,\n";

    #[test]
    fn later_seeds_add_to_earlier_ones_of_the_same_kind() {
        let kept = |seeds: &[u64], lines: &str| {
            let mut raw = Csv::new(&COLUMNS.split(',').collect::<Vec<_>>());
            keep(&plan(seeds), &format!("{COLUMNS}\n{lines}"), &mut raw);
            raw.text().lines().count() - 1
        };
        assert_eq!(kept(&[3], LINES), 3);
        assert_eq!(kept(&[1, 3], LINES), 1);
        for other in
            ["c1,--flow search,a,1,8", "c0,--flow delete,a,1,8", "c0,--flow search,b,1,8", "c0,--flow search,a,1,9"]
        {
            assert_eq!(kept(&[3], &LINES.replace("c0,--flow search,a,1,8", other)), 1);
        }
    }

    #[test]
    fn tables_are_made_from_the_raw_lines() {
        let mut raw = Csv::new(&COLUMNS.split(',').collect::<Vec<_>>());
        keep(&plan(&[]), &format!("{COLUMNS}\n{LINES}"), &mut raw);
        let table = table(&plan(&[]), &raw).unwrap();
        let last = table.lines().last().unwrap();
        let expected = "| a | 8 | 2 | 48 | 48 | 39 | 39 | 23 (22.5–23.5) | 22 | 22 | no | 21 | – | 39 | 7.50 | 3e-13 |";
        assert_eq!(last, expected);
    }
}
