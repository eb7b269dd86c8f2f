//! `bqc-bench instantiate`: sweeps and whole instantiations, by the CPU engine on all cores and by a GPU.

use super::Sink;
use crate::args::Common;
use bqc_benchmarks::instantiate::{Done, Load, Problems, SIZES};
use bqc_benchmarks::measure::{Spread, short};
use bqc_benchmarks::record::{Csv, Markdown};
use bqc_instantiate::{CpuEngine, Engine};
use std::fs;
use std::path::Path;

/// Problems of a call to the CPU engine, and to a GPU, which is to be full.
const N_PROBLEMS: [usize; 2] = [16, 256];

/// Repetitions of each figure; one before them is not counted.
const REPEATS: usize = 3;

/// An engine under test, and how many problems it is given at once.
struct Contestant {
    engine: Box<dyn Engine>,
    label: &'static str,
    n_problems: usize,
}

/// Runs the suite.
pub fn instantiate(common: &Common, most_wires: u8, templates: Option<&Path>) -> Result<(), String> {
    let mut sink = Sink::open("instantiate", common)?;
    let (gpu, ceiling) = match gpu(common) {
        Ok((engine, ceiling)) => (Some(engine), Some(ceiling)),
        Err(why) => {
            sink.say(&format!("No GPU: {why}."));
            (None, None)
        }
    };
    let [n_cpu, n_gpu] = if common.quick { [1, 2] } else { N_PROBLEMS };
    let cpu = Contestant { engine: Box::new(CpuEngine::default()), label: "cpu", n_problems: n_cpu };
    let gpu = gpu.map(|engine| Contestant { engine, label: "gpu", n_problems: n_gpu });
    let contestants: Vec<Contestant> = std::iter::once(cpu).chain(gpu).collect();
    let sizes = if common.quick { &SIZES[..1] } else { &SIZES[..] };
    let mut raw =
        Csv::new(&["load", "n", "cx", "engine", "repetition", "wall_seconds", "problems", "solved", "sweeps", "flops"]);
    let mut sweeps = Markdown::new(&["n", "CX", "engine", "sweeps/s", "GFLOP/s", "of the ceiling", "goal", "× CPU"]);
    let mut instantiations = Markdown::new(&["n", "CX", "engine", "instantiations/s", "solved", "× CPU", "goal"]);
    for &(n, n_cx) in sizes.iter().filter(|(n, _)| *n <= most_wires) {
        let mut cpu_rates = None;
        for contestant in &contestants {
            let problems = Problems::new(n, n_cx, contestant.n_problems).map_err(|e| e.to_string())?;
            if let (Some(folder), "cpu") = (templates, contestant.label) {
                write_template(folder, &problems)?;
            }
            let measured = [Load::Sweeps, Load::Instantiations].map(|load| {
                let done = measure(contestant, &problems, load, common.quick)?;
                record(&mut raw, contestant.label, &problems, load, &done);
                Ok::<Vec<Done>, String>(done)
            });
            let [swept, solved] = measured;
            let (swept, solved) = (swept?, solved?);
            let rates = [rate(&swept, |d| d.n_sweeps), rate(&solved, |d| d.n_problems as f64)];
            let cpu = *cpu_rates.get_or_insert(rates);
            let facts = [n.to_string(), n_cx.to_string(), contestant.label.to_string()];
            let flops = rate(&swept, |d| d.flops);
            let share =
                ceiling.filter(|_| contestant.label == "gpu").map(|most| format!("{:.0} %", 100.0 * flops / most));
            let is_gpu = contestant.label == "gpu";
            let goal = |n_from: u8, text: &str| if is_gpu && n >= n_from { text.to_string() } else { "–".into() };
            let rest = [
                short(rates[0]),
                short(flops * 1e-9),
                share.unwrap_or_else(|| "–".into()),
                goal(5, "≥ 40 %"),
                short(rates[0] / cpu[0]),
            ];
            sweeps.push(&[&facts[..], &rest].concat());
            let solved_of = solved.last().map_or(String::new(), |d| format!("{} of {}", d.n_solved, d.n_problems));
            let goal = match n {
                3 => goal(3, "≥ 10"),
                6 => goal(6, "≥ 20"),
                _ => "–".into(),
            };
            let rest = [short(rates[1]), solved_of, short(rates[1] / cpu[1]), goal];
            instantiations.push(&[&facts[..], &rest].concat());
        }
    }
    sink.say("Medians of wall times. A problem has 32 random starts; its target is an instance of its template.");
    sink.say(sweeps.text());
    sink.say(instantiations.text());
    sink.raw("instantiate.csv", &raw)?;
    sink.close()
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
    let before = contestant.engine.n_substituted();
    if !is_quick {
        run()?;
    }
    let done = (0..if is_quick { 1 } else { REPEATS }).map(|_| run()).collect::<Result<Vec<Done>, String>>()?;
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
