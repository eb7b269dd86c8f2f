//! `bqc-bench pool`: each row of the worker pool's goals beside what was found.

use super::Sink;
use crate::args::{Common, Program};
use bqc_benchmarks::binary::Binary;
use bqc_benchmarks::measure::Spread;
use bqc_benchmarks::pool::{Victim, empty_blocks, journal};
use bqc_benchmarks::record::{Csv, Markdown};
use bqc_linalg::Stream;
use std::path::Path;

/// How much of everything.
struct Load {
    n_workers: usize,
    n_blocks: usize,
    n_records: u32,
    n_supervisor_kills: usize,
    n_worker_kills: usize,
    n_pairs: usize,
    /// Passes of the compile that is killed: the more, the longer it is there to be killed.
    passes: &'static str,
}

const FULL: Load = Load {
    n_workers: 1000,
    n_blocks: 100_000,
    n_records: 100_000,
    n_supervisor_kills: 50,
    n_worker_kills: 200,
    n_pairs: 3,
    passes: "12",
};
const QUICK: Load = Load {
    n_workers: 20,
    n_blocks: 1000,
    n_records: 1000,
    n_supervisor_kills: 3,
    n_worker_kills: 10,
    n_pairs: 1,
    passes: "2",
};

/// Segments that the records are spread over, as many as nodes that work at one run.
const N_SEGMENTS: u32 = 64;
/// A supervisor lives for so long at most, and a worker half as long on average, seconds.
const SUPERVISOR_PAUSE: f64 = 2.0;
const WORKER_PAUSE: f64 = 0.05;

struct Rows {
    table: Markdown,
    raw: Csv,
    n_missed: usize,
}

impl Rows {
    fn push(&mut self, what: &str, goal: &str, found: &str, is_met: bool) {
        self.n_missed += usize::from(!is_met);
        let met = if is_met { "yes" } else { "no" };
        self.table.push(&[what, goal, found, met].map(str::to_owned));
    }

    fn raw(&mut self, what: &str, repetition: usize, value: f64, unit: &str) {
        self.raw.push(&[what.into(), repetition.to_string(), value.to_string(), unit.into()]);
    }
}

/// The suite. `input`: the circuit that is compiled by threads and by processes, and killed.
pub fn pool(common: &Common, program: &Program, input: &Path) -> Result<(), String> {
    let load = if common.quick { &QUICK } else { &FULL };
    let binary = Binary::find(program.bqc.as_deref())?;
    let mut sink = Sink::open("pool", common)?;
    let table = Markdown::new(&["what", "goal", "found", "met"]);
    let mut rows = Rows { table, raw: Csv::new(&["what", "repetition", "value", "unit"]), n_missed: 0 };
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    // First, because the memory of this process is measured.
    empty(&mut rows, load, binary.path())?;
    journals(&mut rows, load, folder.path())?;
    kills(&mut rows, load, binary.path(), input, folder.path())?;
    overhead(&mut rows, load, &binary, input, folder.path())?;
    sink.say(rows.table.text());
    sink.raw("pool.csv", &rows.raw)?;
    let n_missed = rows.n_missed;
    sink.close()?;
    // Quick figures are worth nothing.
    if n_missed == 0 || common.quick { Ok(()) } else { Err(format!("{n_missed} goals were missed")) }
}

fn empty(rows: &mut Rows, load: &Load, bqc: &Path) -> Result<(), String> {
    let done = empty_blocks(bqc, load.n_workers, load.n_blocks)?;
    let (seconds, rate) = (done.wall_seconds, load.n_blocks as f64 / done.wall_seconds);
    let what = format!("{} empty blocks over {} workers", load.n_blocks, load.n_workers);
    let found = format!("{seconds:.2} s with their start, {rate:.0} a second");
    rows.push(&what, "10 s, 10000 a second (wall)", &found, seconds < 10.0 && rate >= 1e4);
    let mebibytes = done.peak_bytes as f64 / f64::from(1 << 20);
    rows.push("memory of their supervisor", "300 MiB", &format!("{mebibytes:.0} MiB"), mebibytes < 300.0);
    rows.raw("empty blocks", 0, seconds, "s");
    rows.raw("supervisor", 0, mebibytes, "MiB");
    Ok(())
}

fn journals(rows: &mut Rows, load: &Load, folder: &Path) -> Result<(), String> {
    let seconds = journal(folder, load.n_records, N_SEGMENTS)?;
    let what = |verb: &str| format!("journal of {} blocks: {verb}", load.n_records);
    rows.push(&what("write"), "none", &format!("{:.2} s", seconds.write), true);
    rows.push(&what("replay"), "1 s (wall)", &format!("{:.2} s", seconds.replay), seconds.replay < 1.0);
    let verb = format!("merge of {N_SEGMENTS} segments");
    rows.push(&what(&verb), "2 s (wall)", &format!("{:.2} s", seconds.merge), seconds.merge < 2.0);
    for (what, value) in [("write", seconds.write), ("replay", seconds.replay), ("merge", seconds.merge)] {
        rows.raw(what, 0, value, "s");
    }
    Ok(())
}

fn kills(rows: &mut Rows, load: &Load, bqc: &Path, input: &Path, folder: &Path) -> Result<(), String> {
    let arguments = ["--flow", "delete", "--passes", load.passes].map(str::to_owned);
    let victim = Victim { bqc, input, arguments: &arguments, folder };
    let (expected, seconds) = victim.undisturbed()?;
    rows.raw("undisturbed run", 0, seconds, "s");
    let mut moments = Stream::new(1, 0, 0);
    let n = load.n_supervisor_kills;
    let found = victim.kill_supervisors(n, SUPERVISOR_PAUSE, &expected, &mut moments)?;
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let median = |values: &[f64]| Spread::of(values).map_or(f64::NAN, |spread| spread.median);
    let (orphans, lost) = (most(&found.orphan_seconds), most(&found.lost_seconds));
    let what = format!("{n} SIGKILLs of the supervisor of a run ({} of them came to their end)", found.n_through + 1);
    rows.push(&what, "no worker after 1 s", &format!("none after {orphans:.2} s"), orphans < 1.0);
    let half = median(&found.lost_seconds);
    rows.push(
        "work that each has cost a worker",
        "1 s (CPU time)",
        &format!("at most {lost:.2} s, median {half:.2} s"),
        lost <= 1.0,
    );
    let known = format!("the same bytes, {} results known to the last", found.n_known);
    rows.push("output of the runs that came to their end", "the same bytes", &known, true);
    found.lost_seconds.iter().enumerate().for_each(|(i, &value)| rows.raw("lost", i, value, "s"));
    found.orphan_seconds.iter().enumerate().for_each(|(i, &value)| rows.raw("orphans", i, value, "s"));
    let n = load.n_worker_kills;
    let n_lost = victim.kill_workers(n, WORKER_PAUSE, &expected, &mut moments)?;
    let what = format!("{n} SIGKILLs of workers of one run");
    rows.push(&what, "the same bytes, exit 0", &format!("the same bytes, exit 0, {n_lost} lost"), true);
    Ok(())
}

/// CPU time of processes and threads in turns.
fn overhead(rows: &mut Rows, load: &Load, binary: &Binary, input: &Path, folder: &Path) -> Result<(), String> {
    let mut ratios = Vec::new();
    let passes = if load.n_pairs > 1 { "3" } else { "1" };
    for i in 0..load.n_pairs {
        let mut cpu = |workers: &str| -> Result<f64, String> {
            let options = ["--flow", "delete", "--passes", passes, "--seed", &i.to_string(), "--workers", workers];
            let threads: &[&str] = if workers == "off" { &["--threads", "2"] } else { &[] };
            let arguments: Vec<String> = options.iter().chain(threads).map(|word| word.to_string()).collect();
            let run = binary.compile(input, None, &arguments, folder)?;
            let seconds = run.report.cpu_seconds.ok_or("the system does not tell CPU time")?;
            rows.raw(if workers == "off" { "threads" } else { "processes" }, i, seconds, "s");
            Ok(seconds)
        };
        // Who goes first alternates, so that neither always finds a warmer machine.
        let (threads, processes) = if i % 2 == 0 {
            let threads = cpu("off")?;
            (threads, cpu("2")?)
        } else {
            let processes = cpu("2")?;
            (cpu("off")?, processes)
        };
        ratios.push(processes / threads);
    }
    let percent = 100.0 * (Spread::of(&ratios).map_or(f64::NAN, |spread| spread.median) - 1.0);
    let what = "processes against threads, two of each (CPU time, pairs in turns)";
    rows.push(what, "3 % more", &format!("{percent:+.1} %, median of {}", ratios.len()), percent <= 3.0);
    Ok(())
}
