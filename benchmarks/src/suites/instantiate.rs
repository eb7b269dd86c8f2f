//! `bqc-bench instantiate`: sweeps and whole instantiations, by the CPU engine on all cores and by a GPU.

use super::Sink;
use crate::args::Common;
use bqc_benchmarks::instantiate::{Done, Load, Problems, SIZES};
use bqc_benchmarks::measure::{Spread, short};
use bqc_benchmarks::record::{Csv, Markdown};
use bqc_instantiate::{CpuEngine, Engine};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

/// Problems of a call to the CPU engine, and to a GPU, which is to be full: at least 2,000 starts. Wide ones are
/// long.
fn n_problems(n: u8) -> [usize; 2] {
    match n {
        ..=5 => [16, 256],
        6 => [8, 128],
        7..=8 => [4, 64],
        _ => [2, 64],
    }
}

/// Widest templates that are instantiated; wider ones are swept alone.
const MOST_INSTANTIATED: u8 = 8;

/// Repetitions of each figure; one before them is not counted.
const REPEATS: usize = 3;

/// There are fewer once they have taken so long, because a machine with a GPU is not had for long. If the one
/// before them has already, it counts.
const MOST_TIME: Duration = Duration::from_secs(15);

/// An engine under test.
struct Contestant {
    engine: Box<dyn Engine>,
    label: &'static str,
    /// Problems that it is given at once, on `n` wires.
    n_problems: fn(u8) -> usize,
    /// What its device does at most in `f64`, operations a second, where that is known.
    ceiling: Option<f64>,
}

/// What the figures of one engine on one size are set beside.
struct Tables {
    raw: Csv,
    sweeps: Markdown,
    instantiations: Markdown,
}

/// Runs the suite.
pub fn instantiate(common: &Common, most_wires: u8, templates: Option<&Path>) -> Result<(), String> {
    let mut sink = Sink::open("instantiate", common)?;
    let gpu = match gpu(common) {
        Ok((engine, ceiling)) => Some(Contestant {
            engine,
            label: "gpu",
            n_problems: if common.quick { |_| 2 } else { |n| n_problems(n)[1] },
            ceiling: Some(ceiling),
        }),
        Err(why) => {
            sink.say(&format!("No GPU: {why}."));
            None
        }
    };
    let cpu = Contestant {
        engine: Box::new(CpuEngine::default()),
        label: "cpu",
        n_problems: if common.quick { |_| 1 } else { |n| n_problems(n)[0] },
        ceiling: None,
    };
    let contestants: Vec<Contestant> = std::iter::once(cpu).chain(gpu).collect();
    let sizes = if common.quick { &SIZES[..1] } else { &SIZES[..] };
    let columns = ["load", "n", "cx", "engine", "repetition", "wall_seconds", "problems", "solved", "sweeps", "flops"];
    let mut tables = Tables {
        raw: Csv::new(&columns),
        sweeps: Markdown::new(&["n", "CX", "engine", "sweeps/s", "GFLOP/s", "of the ceiling", "goal", "× CPU"]),
        instantiations: Markdown::new(&["n", "CX", "engine", "instantiations/s", "solved", "× CPU", "goal"]),
    };
    for &(n, n_cx) in sizes.iter().filter(|(n, _)| *n <= most_wires) {
        let mut cpu_rates = None;
        for contestant in &contestants {
            let problems = Problems::new(n, n_cx, (contestant.n_problems)(n)).map_err(|e| e.to_string())?;
            if let (Some(folder), "cpu") = (templates, contestant.label) {
                write_template(folder, &problems)?;
            }
            tables.add(contestant, &problems, &mut cpu_rates, common.quick)?;
            // What has been measured stays, whatever becomes of the next size.
            sink.raw("instantiate.csv", &tables.raw)?;
        }
    }
    sink.say("Medians of wall times. A problem has 32 random starts; its target is an instance of its template.");
    sink.say(tables.sweeps.text());
    sink.say(tables.instantiations.text());
    sink.close()
}

impl Tables {
    /// Measures an engine, and adds its rows. `cpu_rates` are those of the first one, which it is compared with.
    fn add(
        &mut self,
        contestant: &Contestant,
        problems: &Problems,
        cpu_rates: &mut Option<[f64; 2]>,
        is_quick: bool,
    ) -> Result<(), String> {
        let n = problems.n;
        let swept = measure(contestant, problems, Load::Sweeps, is_quick)?;
        record(&mut self.raw, contestant.label, problems, Load::Sweeps, &swept);
        let solved = match n {
            ..=MOST_INSTANTIATED => measure(contestant, problems, Load::Instantiations, is_quick)?,
            _ => Vec::new(),
        };
        record(&mut self.raw, contestant.label, problems, Load::Instantiations, &solved);
        let rates = [rate(&swept, |d| d.n_sweeps), rate(&solved, |d| d.n_problems as f64)];
        let cpu = *cpu_rates.get_or_insert(rates);
        let facts = [n.to_string(), problems.n_cx.to_string(), contestant.label.to_string()];
        let flops = rate(&swept, |d| d.flops);
        let share = contestant.ceiling.map(|most| format!("{:.0} %", 100.0 * flops / most));
        let goal = |is_one: bool, text: &str| {
            if contestant.ceiling.is_some() && is_one { text.to_string() } else { "–".into() }
        };
        let rest = [
            short(rates[0]),
            short(flops * 1e-9),
            share.unwrap_or_else(|| "–".into()),
            goal((5..=8).contains(&n), "≥ 40 %"),
            short(rates[0] / cpu[0]),
        ];
        self.sweeps.push(&[&facts[..], &rest].concat());
        if let Some(last) = solved.last() {
            let solved = format!("{} of {}", last.n_solved, last.n_problems);
            let goal = if n == 6 { goal(true, "≥ 20") } else { goal(n == 3, "≥ 10") };
            let rest = [short(rates[1]), solved, short(rates[1] / cpu[1]), goal];
            self.instantiations.push(&[&facts[..], &rest].concat());
        }
        Ok(())
    }
}

/// The first GPU and what it does at most in `f64`, operations a second.
#[cfg(target_os = "linux")]
fn gpu(common: &Common) -> Result<(Box<dyn Engine>, f64), String> {
    let engine = bqc_cuda::CudaEngine::open(0, bqc_linalg::lanes::Level::detect()).map_err(|e| e.to_string())?;
    let n_bytes = if common.quick { 1 << 20 } else { 1 << 30 };
    let most = bqc_cuda::measure_ceilings(engine.gpu(), n_bytes).map_err(|e| e.to_string())?;
    Ok((Box::new(engine), most.f64_flops))
}

#[cfg(not(target_os = "linux"))]
fn gpu(_: &Common) -> Result<(Box<dyn Engine>, f64), String> {
    Err("GPUs are used on Linux only".into())
}

fn measure(contestant: &Contestant, problems: &Problems, load: Load, is_quick: bool) -> Result<Vec<Done>, String> {
    let run = || problems.run(contestant.engine.as_ref(), load);
    let (before, begun) = (contestant.engine.n_substituted(), Instant::now());
    let first = run()?;
    let mut done = Vec::new();
    while !is_quick && done.len() < REPEATS && begun.elapsed() < MOST_TIME {
        done.push(run()?);
    }
    if done.is_empty() {
        done.push(first);
    }
    match contestant.engine.n_substituted() - before {
        0 => Ok(done),
        n => Err(format!("{} wires: the device left {n} calls to the CPU", problems.n)),
    }
}

/// Median of what was done in a second.
fn rate(done: &[Done], what: impl Fn(&Done) -> f64) -> f64 {
    let rates: Vec<f64> = done.iter().map(|d| what(d) / d.wall_seconds).collect();
    Spread::of(&rates).map_or(f64::NAN, |spread| spread.median)
}

fn record(raw: &mut Csv, engine: &str, problems: &Problems, load: Load, done: &[Done]) {
    let load = match load {
        Load::Sweeps => "sweeps",
        Load::Instantiations => "instantiations",
    };
    for (repetition, d) in done.iter().enumerate() {
        let facts = [load.to_string(), problems.n.to_string(), problems.n_cx.to_string(), engine.to_string()];
        let counts = [d.n_problems, d.n_solved].map(|n| n.to_string());
        let rest = [d.n_sweeps, d.flops].map(|x| x.to_string());
        raw.push(&[&facts[..], &[repetition.to_string(), d.wall_seconds.to_string()], &counts, &rest].concat());
    }
}

fn write_template(folder: &Path, problems: &Problems) -> Result<(), String> {
    let path = folder.join(format!("template_{}_{}.qasm", problems.n, problems.n_cx));
    let failed = |e: std::io::Error| format!("cannot write `{}`: {e}", path.display());
    fs::create_dir_all(folder).map_err(failed)?;
    let Some(circuit) = problems.circuits().next() else { return Ok(()) };
    let mut text = Vec::new();
    bqc_qasm::write(&circuit, &mut text).map_err(failed)?;
    fs::write(&path, text).map_err(failed)
}
