//! `bqc-bench gpu`: what candidates cost the host, the ceilings of a GPU, whether the engine conforms, and its
//! candidates beside those of the CPU engine on all cores, in one call and under the load of a whole run.

use super::Sink;
use crate::args::Common;
use bqc_benchmarks::measure::{Spread, short};
use bqc_benchmarks::record::{Csv, Markdown};
use bqc_benchmarks::{callers, gpu as loads};
use bqc_instantiate::{CpuEngine, Engine, LmSettings, conformance};
use bqc_linalg::lanes::Level;

/// `bqc-bench gpu`: ceilings, the conformance cases, then both engines on the same candidates. A device that does
/// not conform is measured all the same, and is a failure at the end.
pub fn gpu(common: &Common, n_candidates: usize) -> Result<(), String> {
    let mut sink = Sink::open("gpu", common)?;
    // What needs no GPU comes first, for machines without one.
    preparation_table(&mut sink, if common.quick { 1 } else { 9 })?;
    let cuda = bqc_cuda::CudaEngine::open(0, Level::detect()).map_err(|e| e.to_string())?;
    let device = cuda.gpu();
    let ceilings = bqc_cuda::measure_ceilings(device, if common.quick { 1 << 20 } else { 1 << 30 });
    let most = ceilings.map_err(|e| e.to_string())?;
    let [f64_rate, f32_rate, copy_rate] = [most.f64_flops, most.f32_flops, most.copy_bytes].map(|rate| rate * 1e-9);
    sink.say(&format!(
        "{}, CUDA {}; at most {f64_rate:.0} GFLOP/s in f64, {f32_rate:.0} GFLOP/s in f32, copies at {copy_rate:.0} GB/s.",
        device.info(),
        device.driver()
    ));
    sink.raw("gpu-device.csv", &device_facts(device, &most)?)?;
    let failures = conform(&mut sink, &cuda);
    if let Some(fault) = cuda.fault() {
        return Err([failures, vec![fault.to_string()]].concat().join("\n"));
    }
    candidates_table(&mut sink, &cuda, common.quick, n_candidates)?;
    callers_table(&mut sink, &cuda, common.quick)?;
    sink.close()?;
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n")) }
}

/// What is wrong with the engine by the conformance cases.
fn conform(sink: &mut Sink, cuda: &bqc_cuda::CudaEngine) -> Vec<String> {
    let mut failures = Vec::new();
    for (what, run) in
        [("candidates", conformance::run_refine as fn(&dyn Engine) -> _), ("instantiations", conformance::run)]
    {
        let (before, replaced) = (cuda.n_on_device(), cuda.n_substituted());
        let report = run(cuda);
        let n_done = cuda.n_on_device() - before;
        sink.say(&format!(
            "{} cases of {what}: {n_done} candidates, templates and starts on the device; {} failed.",
            report.n_cases,
            report.failures.len()
        ));
        failures.extend(report.failures.iter().map(|failure| format!("the engine does not conform: {failure}")));
        if n_done == 0 || cuda.n_substituted() > replaced {
            failures.push(format!("the device left cases of {what} to the CPU: {}", why_not(cuda)));
        }
    }
    failures.iter().for_each(|failure| sink.say(failure));
    failures
}

/// Why the CPU did what the device was asked for.
fn why_not(cuda: &bqc_cuda::CudaEngine) -> String {
    let why = cuda.fault().or_else(|| cuda.shortage());
    why.map_or("the kernels do not take it".into(), |why| why.to_string())
}

/// Both engines on the same candidates, all in one call.
fn candidates_table(
    sink: &mut Sink,
    cuda: &bqc_cuda::CudaEngine,
    quick: bool,
    n_candidates: usize,
) -> Result<(), String> {
    let (sizes, repeats, n_candidates) =
        if quick { (&loads::SIZES[..1], 1, 16) } else { (&loads::SIZES[..], 5, n_candidates) };
    let mut raw = Csv::new(&[
        "n",
        "cx",
        "samples",
        "candidates",
        "engine",
        "repetition",
        "wall_seconds",
        "iterations",
        "shared_bytes",
        "large_is_global",
        "samples_per_panel",
        "blocks_per_multiprocessor",
    ]);
    let mut table = Markdown::new(&["n", "CX", "M", "candidates/s GPU", "CPU", "ratio", "iterations/s GPU", "differ"]);
    let cpu = CpuEngine::default();
    for &(n, n_cx) in sizes {
        let load = loads::Load::new(n, n_cx, n_candidates);
        let shape = cuda.launch_shape(load.batch(), &LmSettings::default(), load.candidates());
        let shape = shape.map_err(|e| e.to_string())?.map_or([const { String::new() }; 4], |s| {
            let numbers = [s.shared_bytes, s.large_is_global.into(), s.samples_per_panel, s.blocks_per_multiprocessor];
            numbers.map(|number| number.to_string())
        });
        let before = cuda.n_on_device();
        let [ours, theirs] = [cuda as &dyn Engine, &cpu].map(|engine| load.run(engine, repeats));
        let (done, asked) = (cuda.n_on_device() - before, (load.len() * (repeats + 1)) as u64);
        if done != asked {
            let why = why_not(cuda);
            return Err(format!(
                "n {n}, {n_cx} CX: the device did {done} of {asked} candidates, the CPU the rest: {why}"
            ));
        }
        for (engine, done) in [("gpu", &ours), ("cpu", &theirs)] {
            let facts = [n.into(), n_cx, load.n_samples(), load.len()].map(|fact| fact.to_string());
            for (i, seconds) in done.wall_seconds.iter().enumerate() {
                let rest = [engine.into(), i.to_string(), seconds.to_string(), done.n_iterations.to_string()];
                let shape = if engine == "gpu" { shape.clone() } else { [const { String::new() }; 4] };
                raw.push(&[&facts[..], &rest, &shape].concat());
            }
        }
        // What has been measured stays, whatever becomes of the next size.
        sink.raw("gpu.csv", &raw)?;
        table.push(&candidates_row(&load, &ours, &theirs));
        sink.draft(&[&table]);
    }
    sink.say(&format!("{n_candidates} candidates at once; medians of {repeats} wall times; CPU: {}.", cpu.name()));
    sink.say(table.text());
    Ok(())
}

fn candidates_row(load: &loads::Load, ours: &loads::Done, theirs: &loads::Done) -> [String; 8] {
    let seconds = [ours, theirs].map(|done| Spread::of(&done.wall_seconds).map_or(f64::NAN, |s| s.median));
    let [gpu_rate, cpu_rate] = seconds.map(|s| load.len() as f64 / s);
    let n_differ = ours.found.iter().zip(&theirs.found).filter(|(a, b)| a != b).count();
    [
        load.n.to_string(),
        load.n_cx.to_string(),
        load.n_samples().to_string(),
        short(gpu_rate),
        short(cpu_rate),
        short(gpu_rate / cpu_rate),
        short(ours.n_iterations as f64 / seconds[0]),
        n_differ.to_string(),
    ]
}

/// What writing a move of the search costs the host.
fn preparation_table(sink: &mut Sink, repeats: usize) -> Result<(), String> {
    let mut raw = Csv::new(&["n", "cx", "repetition", "cpu_seconds"]);
    let mut table = Markdown::new(&["n", "CX", "µs of one core to write a move for the GPU", "cores for 10^6 moves/s"]);
    for (n, n_cx) in [(3, 24), (3, 48), (4, 24), (4, 48), (5, 24), (5, 48)] {
        let seconds = callers::preparation_seconds(n, n_cx, repeats);
        for (i, seconds) in seconds.iter().enumerate() {
            raw.push(&[n.to_string(), n_cx.to_string(), i.to_string(), seconds.to_string()]);
        }
        let micros: Vec<f64> = seconds.iter().map(|s| 1e6 * s).collect();
        let Some(spread) = Spread::of(&micros) else { continue };
        table.push(&[n.to_string(), n_cx.to_string(), spread.to_string(), short(spread.median)]);
    }
    sink.say(table.text());
    sink.raw("gpu-preparation.csv", &raw)
}

/// Both engines under the load of a whole run.
fn callers_table(sink: &mut Sink, cuda: &bqc_cuda::CudaEngine, quick: bool) -> Result<(), String> {
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (sizes, n_callers, n_candidates, repeats) =
        if quick { (&[(3, 4)][..], 6, 40, 1) } else { (&callers::SIZES[..], callers::N_CALLERS, 512, 3) };
    let mut raw = Csv::new(&["n", "cx", "callers", "candidates", "engine", "threads", "repetition", "wall_seconds"]);
    let columns = ["n", "CX", "candidates/s GPU", "CPU", "ratio", "goal", "GPU threads", "chunks a launch", "differ"];
    let (mut table, cpu) = (Markdown::new(&columns), CpuEngine::default());
    for &(n, n_cx) in sizes {
        let load = callers::Callers::new(n, n_cx, n_callers, n_candidates);
        let (before, replaced) = (cuda.n_launches(), cuda.n_substituted());
        let [ours, theirs] = [cuda as &dyn Engine, &cpu].map(|engine| load.run(engine, n_cores, repeats));
        let after = cuda.n_launches();
        if cuda.n_substituted() > replaced {
            let why = why_not(cuda);
            return Err(format!("n {n}, {n_cx} CX: the CPU did part of the device's work: {why}"));
        }
        for (engine, served) in [("gpu", &ours), ("cpu", &theirs)] {
            for (i, seconds) in served.wall_seconds.iter().enumerate() {
                let facts = [n.into(), n_cx, n_callers, load.len()].map(|fact| fact.to_string());
                let rest = [engine.into(), served.n_threads.to_string(), i.to_string(), seconds.to_string()];
                raw.push(&[&facts[..], &rest].concat());
            }
        }
        sink.raw("gpu-callers.csv", &raw)?;
        let rate = |served: &callers::Served| {
            load.len() as f64 / Spread::of(&served.wall_seconds).map_or(f64::NAN, |s| s.median)
        };
        let n_differ = ours.winners.iter().zip(&theirs.winners).filter(|(a, b)| a != b).count();
        table.push(&[
            n.to_string(),
            n_cx.to_string(),
            short(rate(&ours)),
            short(rate(&theirs)),
            short(rate(&ours) / rate(&theirs)),
            format!("≥ {}", short(callers::GOAL)),
            ours.n_threads.to_string(),
            short((after.1 - before.1) as f64 / (after.0 - before.0).max(1) as f64),
            n_differ.to_string(),
        ]);
        sink.draft(&[&table]);
    }
    sink.say(&format!(
        "{n_callers} callers with {n_candidates} candidates each, one search call after the other; CPU: {} on {n_cores} \
         cores. `differ` counts callers whose successes are not the same.",
        cpu.name()
    ));
    sink.say(table.text());
    Ok(())
}

/// What the figures depend on and are measured against.
fn device_facts(gpu: &bqc_cuda::Gpu, most: &bqc_cuda::Ceilings) -> Result<Csv, String> {
    let info = gpu.info();
    let ptx = gpu.ptx(&bqc_cuda::LM).map_err(|e| e.to_string())?;
    let target = ptx.lines().find_map(|line| line.strip_prefix(".target ")).unwrap_or("unknown");
    let mut facts = Csv::new(&["what", "value"]);
    for (what, value) in [
        ("device", info.name.replace([',', '"'], " ")),
        ("compute_capability", info.capability.to_string()),
        ("multiprocessors", info.n_multiprocessors.to_string()),
        ("total_bytes", info.total_bytes.to_string()),
        ("driver_cuda_version", gpu.driver().to_string()),
        ("ptx_target", target.to_string()),
        ("ptx_sha256", hex_sha256(ptx)),
        ("ceiling_f64_flops", most.f64_flops.to_string()),
        ("ceiling_f32_flops", most.f32_flops.to_string()),
        ("ceiling_copy_bytes_per_second", most.copy_bytes.to_string()),
    ] {
        facts.push(&[what.to_string(), value]);
    }
    Ok(facts)
}

fn hex_sha256(text: &str) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
