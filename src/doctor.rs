//! `bqc doctor`: what this machine offers, and why not more. Opens every GPU and runs a small kernel on
//! it, because a driver that lists a device may still refuse it; and says what worker processes would share
//! it through, and what would have to be done for more.

use crate::args::DoctorArgs;
use crate::cores;
use crate::exit::{Exit, Failure};
use crate::output::Output;
use bqc_instantiate::{CpuEngine, Engine};
use std::fmt::Write as _;
use std::path::Path;

/// Prints a line for each thing found. Finding no GPU is no failure: everything works without.
pub fn doctor(args: &DoctorArgs) -> Result<Exit, Failure> {
    let cpu = CpuEngine::default();
    let n_cores = cores::usable();
    let mut text = String::new();
    line(&mut text, "bqc", env!("CARGO_PKG_VERSION"));
    line(&mut text, "CPU", &format!("{n_cores} cores, engine {}", cpu.name()));
    let engine = gpus(&mut text, args, n_cores).unwrap_or_else(|| cpu.name().into());
    line(&mut text, "engine", &format!("auto is {engine}"));
    Output::prepare(Path::new("-"))?.write(|out| out.write_all(text.as_bytes()))?;
    Ok(Exit::Complete)
}

fn line(text: &mut String, what: &str, found: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{what:<8} {found}");
}

#[cfg(not(target_os = "linux"))]
fn gpus(text: &mut String, _: &DoctorArgs, _: usize) -> Option<String> {
    line(text, "driver", "GPUs are used on Linux only");
    None
}

/// All about GPUs; the engine of the first that works.
#[cfg(target_os = "linux")]
fn gpus(text: &mut String, args: &DoctorArgs, n_cores: usize) -> Option<String> {
    let found = match bqc_cuda::discover() {
        Ok(found) => found,
        Err(why) => {
            line(text, "driver", &why.to_string());
            return None;
        }
    };
    let smi = bqc_pool::smi().unwrap_or_default();
    let packages = smi.first().map_or(String::new(), |gpu| format!(", packages {}", gpu.driver));
    line(text, "driver", &format!("CUDA {}{packages}", found.driver));
    let mut engine = None;
    for device in &found.devices {
        let smi = smi.iter().find(|gpu| gpu.uuid == device.uuid);
        describe(text, device, smi);
        match examine(device, args.ceilings) {
            Ok((health, free_bytes)) => {
                line(text, "", &health);
                let share = crate::engine::gpu::share_by_width(free_bytes, n_cores / found.devices.len());
                line(text, "", &format!("workers by block size: {share}"));
                match crate::engine::cuda::open_here(device.ordinal) {
                    Ok(opened) => _ = engine.get_or_insert_with(|| opened.name().to_string()),
                    Err(why) => line(text, "", &format!("not usable: {why}")),
                }
            }
            Err(why) => line(text, "", &format!("not usable: {why}")),
        }
        advise(text, device, smi);
    }
    for (ordinal, why) in &found.broken {
        line(text, &format!("GPU {ordinal}"), &format!("not usable: {why}"));
    }
    mps(text);
    engine
}

#[cfg(target_os = "linux")]
fn describe(text: &mut String, device: &bqc_cuda::DeviceInfo, smi: Option<&bqc_pool::SmiGpu>) {
    let (capability, mode) = (device.capability, device.compute_mode);
    let mig = match smi.and_then(|gpu| gpu.is_divided) {
        _ if device.is_part() => ", a part of a divided GPU (MIG)",
        Some(true) => ", divided (MIG)",
        Some(false) => ", not divided (MIG is off)",
        None => "",
    };
    let description = format!(
        "{}, compute capability {capability}, {} multiprocessors, {}, compute mode {mode}{mig}",
        device.name,
        device.n_multiprocessors,
        gib(device.total_bytes)
    );
    line(text, &format!("GPU {}", device.ordinal), &description);
    line(text, "", &device.uuid);
}

/// What would have to be done before the GPU does all that it could.
#[cfg(target_os = "linux")]
fn advise(text: &mut String, device: &bqc_cuda::DeviceInfo, smi: Option<&bqc_pool::SmiGpu>) {
    use bqc_cuda::ComputeMode;
    let uuid = &device.uuid;
    let advice = match device.compute_mode {
        ComputeMode::Prohibited => {
            format!("no process may use it; to change that: sudo nvidia-smi -i {uuid} -c DEFAULT")
        }
        ComputeMode::ExclusiveProcess => {
            format!("several workers need MPS on it; to do without: sudo nvidia-smi -i {uuid} -c DEFAULT")
        }
        _ if smi.is_some_and(|gpu| gpu.is_divided == Some(true)) && !device.is_part() => {
            "its parts are used one at a time; name one: CUDA_VISIBLE_DEVICES=MIG-... (nvidia-smi -L lists them)".into()
        }
        _ => return,
    };
    line(text, "", &advice);
}

/// What workers would share a GPU through.
#[cfg(target_os = "linux")]
fn mps(text: &mut String) {
    use bqc_pool::mps::{NEEDED_FILES, find, is_installed, max_open_files};
    let folder = crate::engine::gpu::mps_folder();
    let path = folder.display();
    let found = match find(&folder) {
        Some(user) => format!("a daemon of user {user} answers in `{path}`: workers share GPUs through it"),
        None if is_installed() => {
            format!("no daemon answers in `{path}`: one is started for each GPU that several workers share")
        }
        None => format!("{}; until then each GPU has one worker", bqc_pool::mps::MpsError::NotInstalled),
    };
    line(text, "MPS", &found);
    if let Some(n) = max_open_files().filter(|n| *n < NEEDED_FILES) {
        let advice = format!(
            "a daemon of this user may open {n} files and may need {NEEDED_FILES}; to raise that: ulimit -Hn {NEEDED_FILES} \
             as root, or `nofile` in /etc/security/limits.conf"
        );
        line(text, "", &advice);
    }
}

/// Opens a device and runs kernels on it; gives its free memory in bytes too.
#[cfg(target_os = "linux")]
fn examine(device: &bqc_cuda::DeviceInfo, with_ceilings: bool) -> Result<(String, u64), bqc_cuda::CudaError> {
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
    Ok((health, free_bytes))
}

#[cfg(target_os = "linux")]
fn gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30))
}
