//! The measuring subcommands: each runs its suite, prints Markdown, and leaves its records.

#[cfg(target_os = "linux")]
mod gpu;
pub mod instantiate;
#[cfg(target_os = "linux")]
mod pool;
#[cfg(target_os = "linux")]
pub use gpu::gpu;

use crate::args::{Common, Program};
use bqc_benchmarks::binary::Binary;
use bqc_benchmarks::cluster;
use bqc_benchmarks::compile;
use bqc_benchmarks::generate::suite;
use bqc_benchmarks::list::read_list;
use bqc_benchmarks::machine::Machine;
use bqc_benchmarks::measure::{Spread, short};
use bqc_benchmarks::record::{Csv, Markdown, Records};
use bqc_benchmarks::search::{self, SearchPlan};
use bqc_benchmarks::solver::{Thoroughness, attempts, iterations, success, sweeps};
use bqc_instantiate::{Rotation, Solver};
use bqc_linalg::lanes::Level;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Collects what a suite prints and records.
struct Sink {
    machine: Machine,
    records: Option<Records>,
    title: String,
    text: String,
    /// Why the summary could not be written, if it could not.
    trouble: Option<String>,
}

/// The last line of a section until its suite has ended.
const UNFINISHED: &str = "Unfinished: the suite is still running, or it failed.\n";

impl Sink {
    fn open(title: &str, common: &Common) -> Result<Sink, String> {
        let machine = Machine::here();
        let open = || Records::open(common.records.as_deref(), &machine).map_err(|e| format!("no records: {e}"));
        // Quick figures are no records, unless they are wanted somewhere.
        let is_kept = !common.no_records && (!common.quick || common.records.is_some());
        let records = is_kept.then(open).transpose()?;
        println!("{}\n", machine.text());
        Ok(Sink { machine, records, title: title.to_owned(), text: String::new(), trouble: None })
    }

    /// A paragraph or a table, which is in the summary at once.
    fn say(&mut self, markdown: &str) {
        println!("{markdown}");
        self.text.push_str(markdown.trim_end());
        self.text.push_str("\n\n");
        self.draft(&[]);
    }

    /// Tables as far as they are now, for a summary that says what was measured whatever becomes of the rest.
    fn draft(&mut self, tables: &[&Markdown]) {
        let tables: String = tables.iter().map(|table| format!("{}\n", table.text())).collect();
        let body = format!("{}{tables}{UNFINISHED}", self.text);
        if let Err(why) = self.summarise(&body) {
            self.trouble.get_or_insert(why);
        }
    }

    fn summarise(&self, body: &str) -> Result<(), String> {
        let Some(records) = &self.records else { return Ok(()) };
        records.summarise(&self.title, &self.machine, body).map_err(|e| format!("no summary: {e}"))
    }

    fn raw(&self, name: &str, table: &Csv) -> Result<(), String> {
        self.records.as_ref().map_or(Ok(()), |r| r.write(name, table).map_err(|e| format!("`{name}`: {e}")))
    }

    /// The raw lines of an earlier run, empty if there are none.
    fn recorded(&self, name: &str) -> String {
        self.records.as_ref().and_then(|r| fs::read_to_string(r.folder().join(name)).ok()).unwrap_or_default()
    }

    fn close(self) -> Result<(), String> {
        self.trouble.clone().map_or(Ok(()), Err)?;
        self.summarise(&self.text)?;
        if let Some(records) = &self.records {
            eprintln!("recorded in {}", records.folder().display());
        }
        Ok(())
    }
}

/// `bqc-bench solver`.
pub fn solver(common: &Common, prototype: Option<&Path>, all_levels: bool) -> Result<(), String> {
    let thoroughness = if common.quick { Thoroughness::QUICK } else { Thoroughness::FULL };
    let mut sink = Sink::open("solver", common)?;
    let mut raw = Csv::new(&["what", "level", "n", "gates", "samples", "repetition", "value", "unit"]);
    sink.say("CPU time of one thread; medians with quartiles over repetitions. Floors: 16 f64 multiply-adds a cycle at 3 GHz.");
    let levels = if all_levels { Level::available() } else { vec![Level::detect()] };
    for level in levels {
        iteration_table(&mut sink, &mut raw, level, &thoroughness);
        sweep_table(&mut sink, &mut raw, level, &thoroughness)?;
    }
    attempt_tables(&mut sink, &mut raw, &thoroughness, prototype)?;
    success_table(&mut sink, &mut raw, &thoroughness)?;
    sink.raw("solver.csv", &raw)?;
    sink.close()
}

/// `bqc-bench cluster`: the whole, and the pieces that it is made of.
pub fn cluster(common: &Common, n_supervisors: u32, n_blocks: usize, folder: Option<&Path>) -> Result<(), String> {
    let (n_blocks, repeats) = if common.quick { (n_blocks.min(2000), 1) } else { (n_blocks, 3) };
    let mut sink = Sink::open("cluster", common)?;
    sink.say(&format!(
        "{n_supervisors} supervisors in one process, each with a ledger, a segment and a thread of its own; {n_blocks} \
         blocks of one CX that nobody works on. Wall time; medians with quartiles over {repeats} repetitions."
    ));
    let figures = cluster::measure(n_supervisors, n_blocks, repeats, folder).map_err(|e| e.to_string())?;
    let mut raw = Csv::new(&["what", "supervisors", "blocks", "repetition", "value", "unit"]);
    let mut table = Markdown::new(&["what", "goal", "measured"]);
    for figure in &figures {
        for (i, value) in figure.values.iter().enumerate() {
            let [n, blocks, i] = [n_supervisors as usize, n_blocks, i].map(|n| n.to_string());
            raw.push(&[figure.what.into(), n, blocks, i, value.to_string(), figure.unit.into()]);
        }
        let spread = Spread::of(&figure.values).map_or("–".into(), |spread| spread.to_string());
        let (what, unit) = (figure.what, figure.unit);
        table.push(&[what.into(), figure.goal.into(), format!("{spread} {unit}")]);
    }
    sink.say(table.text());
    sink.raw("cluster.csv", &raw)?;
    sink.close()
}

#[cfg(target_os = "linux")]
pub use pool::pool;

/// `bqc-bench pool`.
#[cfg(not(target_os = "linux"))]
pub fn pool(_: &Common, _: &Program, _: &Path) -> Result<(), String> {
    Err("processes are counted on Linux only".into())
}

/// `bqc-bench gpu`.
#[cfg(not(target_os = "linux"))]
pub fn gpu(_: &Common, _: usize) -> Result<(), String> {
    Err("GPUs are used on Linux only".into())
}

fn push_all(raw: &mut Csv, what: &str, level: Level, sizes: [usize; 3], values: &[f64], unit: &str) {
    for (i, value) in values.iter().enumerate() {
        let [n, gates, samples] = sizes.map(|s| s.to_string());
        let cells =
            [what.into(), level.name().into(), n, gates, samples, i.to_string(), value.to_string(), unit.into()];
        raw.push(&cells);
    }
}

fn iteration_table(sink: &mut Sink, raw: &mut Csv, level: Level, thoroughness: &Thoroughness) {
    let mut table =
        Markdown::new(&["n", "CX", "P", "M", "µs per LM iteration", "floor", "× floor", "goal", "prototype"]);
    for n in iterations::WIDTHS {
        for n_cx in iterations::CX_COUNTS {
            let speed = iterations::measure(level, n, n_cx, thoroughness.kernel);
            let (spread, goal) = (speed.spread(), speed.goal());
            push_all(raw, "iteration", level, [n.into(), n_cx, speed.n_samples], &speed.microseconds, "us");
            table.push(&[
                n.to_string(),
                n_cx.to_string(),
                speed.n_parameters.to_string(),
                speed.n_samples.to_string(),
                spread.to_string(),
                short(speed.floor_microseconds),
                short(spread.median / speed.floor_microseconds),
                goal.map_or("–".into(), |(g, _)| verdict(spread.median, g)),
                goal.map_or("–".into(), |(_, p)| short(p)),
            ]);
        }
    }
    sink.say(&format!("### Levenberg–Marquardt, {}", level.name()));
    sink.say(table.text());
}

/// `≤ 70: met`.
fn verdict(value: f64, goal: f64) -> String {
    format!("≤ {}: {}", short(goal), if value <= goal { "met" } else { "missed" })
}

fn sweep_table(sink: &mut Sink, raw: &mut Csv, level: Level, thoroughness: &Thoroughness) -> Result<(), String> {
    let mut table = Markdown::new(&[
        "n",
        "gates",
        "M",
        "µs per sampled sweep",
        "floor",
        "× floor",
        "goal",
        "prototype",
        "JAX iteration (2 sweeps)",
        "µs per exact sweep",
        "floor",
    ]);
    for case in &sweeps::CASES {
        let measure =
            |n_samples| sweeps::measure(level, case, n_samples, thoroughness.kernel).map_err(|e| e.to_string());
        let (sampled, exact) = (measure(case.n_samples)?, measure(1 << case.n)?);
        for (what, speed) in [("sampled sweep", &sampled), ("exact sweep", &exact)] {
            push_all(raw, what, level, [case.n.into(), case.n_gates, speed.n_samples], &speed.microseconds, "us");
        }
        let spread = sampled.spread();
        table.push(&[
            case.n.to_string(),
            case.n_gates.to_string(),
            sampled.n_samples.to_string(),
            spread.to_string(),
            short(sampled.floor_microseconds),
            short(spread.median / sampled.floor_microseconds),
            case.goal.map_or("–".into(), |g| verdict(spread.median, g)),
            case.prototype.map_or("–".into(), short),
            short(case.jax),
            exact.spread().to_string(),
            short(exact.floor_microseconds),
        ]);
    }
    sink.say(&format!("### QFactor sweeps over free two-qubit gates, {}", level.name()));
    sink.say(table.text());
    Ok(())
}

fn attempt_tables(
    sink: &mut Sink,
    raw: &mut Csv,
    thoroughness: &Thoroughness,
    prototype: Option<&Path>,
) -> Result<(), String> {
    let (suite, level) = (suite(), Level::detect());
    let mut table = Markdown::new(&[
        "k",
        "blocks",
        "CX each",
        "attempts/s",
        "prototype here",
        "ratio",
        "goal",
        "iterations per attempt",
        "accepted",
        "accepted/s",
        "CX removed",
    ]);
    for width in 3..=5 {
        let samples = attempts::samples(&suite, width);
        let n_cx: Vec<String> = samples.iter().map(|s| s.plateau.n_cx().to_string()).collect();
        let speed = attempts::measure(&samples, thoroughness.search, prototype)?;
        let none = || "–".to_owned();
        let spread = |values: &[f64]| Spread::of(values).map_or_else(none, |s| s.to_string());
        push_all(raw, "attempts", level, [width, 0, samples.len()], &speed.per_second, "per s");
        push_all(raw, "prototype attempts", level, [width, 0, samples.len()], &speed.prototype_per_second, "per s");
        let goal = format!("≥ {}×", attempts::GOAL_RATIO);
        let is_met = speed.ratio().map(|r| if r >= attempts::GOAL_RATIO { ": met" } else { ": missed" });
        let n_attempts = speed.n_attempts() as f64;
        table.push(&[
            width.to_string(),
            samples.len().to_string(),
            n_cx.join(" "),
            spread(&speed.per_second),
            spread(&speed.prototype_per_second),
            speed.ratio().map_or_else(none, short),
            goal + is_met.unwrap_or(""),
            short(speed.counts.n_iterations as f64 / n_attempts),
            format!("{:.2} %", 100.0 * speed.counts.n_accepted as f64 / n_attempts),
            short(speed.counts.n_accepted as f64 / speed.seconds),
            speed.counts.n_removed.to_string(),
        ]);
    }
    sink.say("### Attempts of the search, one core");
    sink.say(&format!(
        "Moves on blocks that deletion has finished with. The prototype's figure in its own record is {}/s at k = 3.",
        short(attempts::PROTOTYPE_K3)
    ));
    sink.say(table.text());
    Ok(())
}

fn success_table(sink: &mut Sink, raw: &mut Csv, thoroughness: &Thoroughness) -> Result<(), String> {
    let (suite, level) = (suite(), Level::detect());
    let mut table = Markdown::new(&["problem", "method", "found", "share", "successes per ms"]);
    let mut push = |what: String, method: &str, n: usize, done: success::Successes| {
        let value = done.per_millisecond();
        push_all(raw, &format!("{what}: {method}"), level, [n, 0, done.n_calls], &[value], "successes per ms");
        let found = format!("{} of {}", done.n_found, done.n_calls);
        table.push(&[what, method.into(), found, format!("{:.0} %", 100.0 * done.share()), short(value)]);
    };
    for width in 3..=5 {
        let samples = attempts::samples(&suite, width);
        for rotation in [Rotation::Plus, Rotation::Minus, Rotation::None] {
            let name = format!("LM from {rotation:?}");
            push(format!("delete a CX k={width}"), &name, width, success::deletions(level, &samples, rotation));
        }
    }
    for (n, n_cx) in [(3, 4), (3, 16), (4, 12), (5, 16)] {
        for from in [success::From::Near, success::From::Random] {
            for solver in Solver::ALL {
                let done = success::whole(level, n, n_cx, from, solver, thoroughness.n_problems);
                push(format!("whole block n={n} C={n_cx} {from:?}"), solver.name(), n.into(), done);
            }
        }
    }
    sink.say("### Successes, one core");
    sink.say(table.text());
    Ok(())
}

/// What `bqc-bench search` was asked for.
pub struct SearchRequest<'a> {
    pub lists: &'a [PathBuf],
    pub circuits: &'a Path,
    pub seeds: std::ops::Range<u64>,
    pub time_scale: f64,
}

/// In quick mode limits are multiplied by this.
const QUICK_SCALE: f64 = 0.05;

/// `bqc-bench search`.
pub fn search(common: &Common, program: &Program, request: &SearchRequest<'_>) -> Result<(), String> {
    let binary = Binary::find(program.bqc.as_deref())?;
    // Curves need runs that use their time.
    let until_stopped = ["--flow", "search", "--effort", "forever"].map(str::to_owned);
    let arguments = if program.arguments.is_empty() { until_stopped.into() } else { program.arguments.clone() };
    let (mut time_scale, mut seeds) = (request.time_scale, request.seeds.clone());
    if common.quick {
        time_scale *= QUICK_SCALE;
        seeds.end = seeds.end.min(seeds.start + 1);
    }
    for list in request.lists {
        let name = list.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let mut sink = Sink::open(&format!("search {name}"), common)?;
        let commit = sink.machine.commit.clone();
        let tasks = read_list(list, request.circuits)?;
        let arguments = arguments.clone();
        let plan = SearchPlan { tasks, seeds: seeds.clone().collect(), time_scale, arguments, commit };
        eprintln!("{name}: {:.0} s", plan.seconds());
        let file = format!("search-{name}.csv");
        let raw = search::run(&binary, &plan, &sink.recorded(&file), |line| eprintln!("{line}"))?;
        sink.raw(&file, &raw)?;
        sink.say(&format!("`bqc compile {}`; medians over seeds, quartiles at the end.", plan.arguments.join(" ")));
        sink.say(&search::table(&plan, &raw)?);
        sink.close()?;
    }
    Ok(())
}

/// The widest circuits of the default-settings table.
const MOST_QUBITS: usize = 20;
/// What reading, cutting and writing the largest circuit may take, seconds.
const READ_CUT_WRITE_GOAL: f64 = 1.0;

/// `bqc-bench compile`.
pub fn compile(
    common: &Common,
    program: &Program,
    circuits: &Path,
    seconds: f64,
    large_seconds: f64,
) -> Result<(), String> {
    let binary = Binary::find(program.bqc.as_deref())?;
    let scale = if common.quick { QUICK_SCALE } else { 1.0 };
    let limit = |seconds: f64| Duration::try_from_secs_f64(seconds * scale).map_err(|e| e.to_string());
    let (small_limit, large_limit) = (limit(seconds)?, limit(large_seconds)?);
    let large: Vec<PathBuf> = ["small/shor_15_7.qasm", "large/QV_n100.qasm"].map(|name| circuits.join(name)).into();
    let mut cases = compile::cases(&circuits.join("small"), MOST_QUBITS, small_limit)?;
    cases.retain(|case| !large.contains(&case.path));
    cases.extend(large.iter().map(|path| compile::Case { path: path.clone(), limit: large_limit }));

    let mut sink = Sink::open("compile", common)?;
    let (deleted, raw) = compile::deletion(&binary, &circuits.join("blocks"), if common.quick { 1 } else { 7 })?;
    sink.say("### Gate deletion, `--flow delete`");
    sink.say(&deleted);
    sink.raw("compile-deletion.csv", &raw)?;

    let seconds = compile::read_cut_write(&large[1], if common.quick { 1 } else { 7 })?;
    let spread = Spread::of(&seconds).ok_or("no repetition")?;
    sink.say(&format!(
        "Reading, cutting and writing QV_n100: {spread} s, wall time, one thread; goal {}.",
        verdict(spread.median, READ_CUT_WRITE_GOAL)
    ));

    let (compiled, raw) = compile::defaults(&binary, &cases, &program.arguments, |line| eprintln!("{line}"))?;
    let settings = if program.arguments.is_empty() { "default settings".into() } else { program.arguments.join(" ") };
    sink.say(&format!("### `bqc compile --time-limit`, {settings}"));
    sink.say(&compiled);
    sink.raw("compile-defaults.csv", &raw)?;
    sink.close()
}
