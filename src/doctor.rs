//! `bqc doctor`: what this machine offers, and why not more. Opens every GPU and runs a small kernel on
//! it, because a driver that lists a device may still refuse it.

use crate::args::{DoctorArgs, EngineArg};
use crate::engine::Chosen;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use bqc_instantiate::{CpuEngine, Engine};
use std::fmt::Write as _;
use std::path::Path;
use std::thread::available_parallelism;

/// Prints a line for each thing found. Finding no GPU is no failure: everything works without.
pub fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let cpu = CpuEngine::default();
    let n_cores = available_parallelism().map_or(1, usize::from);
    let mut text = String::new();
    line(&mut text, "bqc", env!("CARGO_PKG_VERSION"));
    line(&mut text, "CPU", &format!("{n_cores} cores, engine {}", cpu.name()));
    gpus(&mut text, args);
    line(&mut text, "engine", &format!("auto is {}, cuda is {}", cpu.name(), cuda()));
    Output::prepare(Path::new("-"))?.write(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Complete)
}

/// What `--engine cuda` would be.
fn cuda() -> String {
    match Chosen::new(EngineArg::Cuda) {
        (chosen, None) => chosen.engine().name().to_string(),
        (chosen, Some(why)) => format!("{} too: {why}", chosen.engine().name()),
    }
}

fn line(text: &mut String, what: &str, found: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{what:<8} {found}");
}

#[cfg(not(target_os = "linux"))]
fn gpus(text: &mut String, _: &DoctorArgs) {
    line(text, "driver", "GPUs are used on Linux only");
}

#[cfg(target_os = "linux")]
fn gpus(text: &mut String, args: &DoctorArgs) {
    let found = match bqc_cuda::discover() {
        Ok(found) => found,
        Err(why) => return line(text, "driver", &why.to_string()),
    };
    line(text, "driver", &format!("CUDA {}", found.driver));
    for device in &found.devices {
        let what = format!("GPU {}", device.ordinal);
        let (capability, mode) = (device.capability, device.compute_mode);
        let description = format!(
            "{}, compute capability {capability}, {} multiprocessors, {}, compute mode {mode}",
            device.name,
            device.n_multiprocessors,
            gib(device.total_bytes)
        );
        line(text, &what, &description);
        let health = examine(device, args.ceilings).unwrap_or_else(|why| format!("not usable: {why}"));
        line(text, "", &health);
    }
    for (ordinal, why) in &found.broken {
        line(text, &format!("GPU {ordinal}"), &format!("not usable: {why}"));
    }
}

/// Opens a device and runs kernels on it.
#[cfg(target_os = "linux")]
fn examine(device: &bqc_cuda::DeviceInfo, with_ceilings: bool) -> Result<String, bqc_cuda::CudaError> {
    /// The copy is larger than any cache, and small enough for any device.
    const MOST_COPY_BYTES: u64 = 1 << 30;
    let gpu = bqc_cuda::Gpu::open(device.ordinal)?;
    let free_bytes = gpu.free_bytes()?;
    bqc_cuda::check_kernels(&gpu)?;
    let mut health = format!("usable: {} free, the test kernels ran", gib(free_bytes));
    if with_ceilings {
        let most = bqc_cuda::measure_ceilings(&gpu, MOST_COPY_BYTES.min(free_bytes / 8))?;
        let [f64_rate, f32_rate, copy_rate] = [most.f64_flops, most.f32_flops, most.copy_bytes].map(|rate| rate * 1e-9);
        let _ = write!(
            health,
            "; at most {f64_rate:.0} GFLOP/s in f64, {f32_rate:.0} GFLOP/s in f32, copies at {copy_rate:.0} GB/s"
        );
    }
    Ok(health)
}

#[cfg(target_os = "linux")]
fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
