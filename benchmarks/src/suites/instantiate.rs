//! `bqc-bench instantiate`: sweeps and whole instantiations, by the CPU engine on all cores and by a GPU.

use super::Sink;
use crate::args::Common;
use bqc_benchmarks::instantiate::{Done, Load, Problems, SIZES};
use bqc_benchmarks::measure::{Spread, short};
use bqc_benchmarks::record::{Csv, Markdown};
use bqc_instantiate::{CpuEngine, Engine};
use std::fs;
use std::path::Path;
use std::sync::Arc;
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

/// Sweeps of each start of the load of sweeps. Their number is no part of a rate. On a GPU there are so many that what
/// the host does before the first and after the last is little beside them.
fn n_sweeps(n: u8) -> u32 {
    if n <= 8 { 1024 } else { 256 }
}

/// The same on the CPU.
const CPU_SWEEPS: u32 = 64;

/// Repetitions of each figure; one before them is not counted.
const REPEATS: usize = 3;

/// There are fewer once they have taken so long, because a machine with a GPU is not had for long. If the one
/// before them has already, it counts.
const MOST_TIME: Duration = Duration::from_secs(15);

/// An engine under test.
struct Contestant {
    engine: Arc<dyn Engine>,
    label: &'static str,
    /// Seconds in which its device has run kernels so far, if it has one.
    kernel_seconds: Option<Box<dyn Fn() -> f64>>,
    /// Sweeps of each start of the load of sweeps, on `n` wires.
    n_sweeps: fn(u8) -> u32,
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

/// Runs the suite. Where a GPU is needed and there is none, that is a failure.
pub fn instantiate(common: &Common, needs_gpu: bool, most_wires: u8, templates: Option<&Path>) -> Result<(), String> {
    let mut sink = Sink::open("instantiate", common)?;
    let gpu = match gpu(common) {
        Ok(gpu) => Some(gpu),
        Err(why) if needs_gpu => return Err(format!("no GPU: {why}")),
        Err(why) => {
            sink.say(&format!("No GPU: {why}."));
            None
        }
    };
    let cpu = Contestant {
        engine: Arc::new(CpuEngine::default()),
        label: "cpu",
        kernel_seconds: None,
        n_sweeps: |_| CPU_SWEEPS,
        n_problems: if common.quick { |_| 1 } else { |n| n_problems(n)[0] },
        ceiling: None,
    };
    let contestants: Vec<Contestant> = std::iter::once(cpu).chain(gpu).collect();
    let sizes = if common.quick { &SIZES[..1] } else { &SIZES[..] };
    let columns = [
        "load",
        "n",
        "cx",
        "engine",
        "repetition",
        "wall_seconds",
        "kernel_seconds",
        "problems",
        "solved",
        "sweeps",
        "flops",
    ];
    let mut tables = Tables {
        raw: Csv::new(&columns),
        sweeps: Markdown::new(&[
            "n",
            "CX",
            "engine",
            "sweeps/s",
            "× CPU",
            "GFLOP/s",
            "of the ceiling",
            "in kernels, GFLOP/s",
            "of the ceiling",
            "goal",
        ]),
        instantiations: Markdown::new(&["n", "CX", "engine", "instantiations/s", "solved", "× CPU", "goal"]),
    };
    for &(n, n_cx) in sizes.iter().filter(|(n, _)| *n <= most_wires) {
        let mut cpu_rates = None;
        for contestant in &contestants {
            let problems = Problems::new(n, n_cx, (contestant.n_problems)(n));
            if let (Some(folder), "cpu") = (templates, contestant.label) {
                write_template(folder, &problems)?;
            }
            tables.add(contestant, &problems, &mut cpu_rates, common.quick)?;
            // What has been measured stays, whatever becomes of the next size.
            sink.raw("instantiate.csv", &tables.raw)?;
            sink.draft(&[&tables.sweeps, &tables.instantiations]);
        }
    }
    sink.say(
        "Medians over repetitions. A problem has 32 random starts; its target is an instance of its template. Rates are \
         by wall time, but for those in kernels: by the time in which the device ran kernels, from its own events.",
    );
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
        let sweeps = Load::Sweeps(if is_quick { CPU_SWEEPS } else { (contestant.n_sweeps)(n) });
        let swept = measure(contestant, problems, sweeps, is_quick)?;
        record(&mut self.raw, contestant.label, problems, sweeps, &swept);
        let solved = match n {
            ..=MOST_INSTANTIATED => measure(contestant, problems, Load::Instantiations, is_quick)?,
            _ => Vec::new(),
        };
        record(&mut self.raw, contestant.label, problems, Load::Instantiations, &solved);
        let wall = |m: &Measured| Some(m.done.wall_seconds);
        let rates = [rate(&swept, |d| d.n_sweeps, wall), rate(&solved, |d| d.n_problems as f64, wall)];
        let cpu = *cpu_rates.get_or_insert(rates);
        let facts = [n.to_string(), problems.n_cx.to_string(), contestant.label.to_string()];
        let flops = rate(&swept, |d| d.flops, wall);
        let kernel_flops = rate(&swept, |d| d.flops, |m| m.kernel_seconds);
        let share =
            |flops: f64| contestant.ceiling.map_or("–".into(), |most| format!("{:.0} %", 100.0 * flops / most));
        let goal = |is_one: bool, text: &str| {
            if contestant.ceiling.is_some() && is_one { text.to_string() } else { "–".into() }
        };
        let rest = [
            short(rates[0]),
            short(rates[0] / cpu[0]),
            short(flops * 1e-9),
            share(flops),
            if contestant.kernel_seconds.is_some() { short(kernel_flops * 1e-9) } else { "–".into() },
            share(kernel_flops),
            goal((5..=8).contains(&n), "≥ 40 %"),
        ];
        self.sweeps.push(&[&facts[..], &rest].concat());
        if let Some(last) = solved.last() {
            let solved = format!("{} of {}", last.done.n_solved, last.done.n_problems);
            let goal = if n == 6 { goal(true, "≥ 20") } else { goal(n == 3, "≥ 10") };
            let rest = [short(rates[1]), solved, short(rates[1] / cpu[1]), goal];
            self.instantiations.push(&[&facts[..], &rest].concat());
        }
        Ok(())
    }
}

/// The first GPU.
#[cfg(target_os = "linux")]
fn gpu(common: &Common) -> Result<Contestant, String> {
    let engine = bqc_cuda::CudaEngine::open(0, bqc_linalg::lanes::Level::detect()).map_err(|e| e.to_string())?;
    let n_bytes = if common.quick { 1 << 20 } else { 1 << 30 };
    let most = bqc_cuda::measure_ceilings(engine.gpu(), n_bytes).map_err(|e| e.to_string())?;
    let engine = Arc::new(engine);
    let timed = Arc::clone(&engine);
    Ok(Contestant {
        engine,
        label: "gpu",
        kernel_seconds: Some(Box::new(move || timed.kernel_seconds())),
        n_sweeps,
        n_problems: if common.quick { |_| 2 } else { |n| n_problems(n)[1] },
        ceiling: Some(most.f64_flops),
    })
}

#[cfg(not(target_os = "linux"))]
fn gpu(_: &Common) -> Result<Contestant, String> {
    Err("GPUs are used on Linux only".into())
}

/// One repetition.
struct Measured {
    done: Done,
    /// Seconds of it in which the device ran kernels, if there is one.
    kernel_seconds: Option<f64>,
}

fn measure(contestant: &Contestant, problems: &Problems, load: Load, is_quick: bool) -> Result<Vec<Measured>, String> {
    let kernel_seconds = || contestant.kernel_seconds.as_ref().map(|seconds| seconds());
    let run = || {
        let before = kernel_seconds();
        let done = problems.run(contestant.engine.as_ref(), load)?;
        let kernel_seconds = kernel_seconds().zip(before).map(|(after, before)| after - before);
        Ok::<Measured, String>(Measured { done, kernel_seconds })
    };
    let (before, begun) = (contestant.engine.n_substituted(), Instant::now());
    let first = run()?;
    let mut measured = Vec::new();
    while !is_quick && measured.len() < REPEATS && begun.elapsed() < MOST_TIME {
        measured.push(run()?);
    }
    if measured.is_empty() {
        measured.push(first);
    }
    match contestant.engine.n_substituted() - before {
        0 => Ok(measured),
        n => Err(format!("{} wires: the device left {n} calls to the CPU", problems.n)),
    }
}

/// Median of what was done in a second.
fn rate(measured: &[Measured], what: impl Fn(&Done) -> f64, seconds: impl Fn(&Measured) -> Option<f64>) -> f64 {
    let rates: Vec<f64> = measured.iter().filter_map(|m| Some(what(&m.done) / seconds(m)?)).collect();
    Spread::of(&rates).map_or(f64::NAN, |spread| spread.median)
}

fn record(raw: &mut Csv, engine: &str, problems: &Problems, load: Load, measured: &[Measured]) {
    let load = match load {
        Load::Sweeps(_) => "sweeps",
        Load::Instantiations => "instantiations",
    };
    for (repetition, Measured { done: d, kernel_seconds }) in measured.iter().enumerate() {
        let facts = [load.to_string(), problems.n.to_string(), problems.n_cx.to_string(), engine.to_string()];
        let kernel_seconds = kernel_seconds.map_or(String::new(), |seconds| seconds.to_string());
        let times = [repetition.to_string(), d.wall_seconds.to_string(), kernel_seconds];
        let counts = [d.n_problems, d.n_solved].map(|n| n.to_string());
        let rest = [d.n_sweeps, d.flops].map(|x| x.to_string());
        raw.push(&[&facts[..], &times, &counts, &rest].concat());
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
