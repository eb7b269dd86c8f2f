//! The GPU engine as this binary uses it: in this process, in a worker, or only to say what there is. On
//! systems other than Linux there is none, and every function says so.

#[cfg(target_os = "linux")]
pub use on_linux::*;

#[cfg(target_os = "linux")]
mod on_linux {
    use bqc_cuda::{ComputeMode, CudaEngine, CudaError, DeviceInfo};
    use bqc_linalg::lanes::Level;
    use bqc_pool::{Device, DeviceReport};
    use bqc_wire::{DeviceTrouble, GpuList, GpuRecord};
    use std::sync::Arc;

    /// Whether there is a driver, without asking it anything.
    pub fn find_driver() -> Result<(), String> {
        bqc_cuda::find_driver().map_err(|why| why.to_string())
    }

    /// All GPUs that the driver shows; each is opened and closed again, all at the same time.
    pub fn list() -> Result<GpuList, String> {
        let found = bqc_cuda::discover().map_err(|why| why.to_string())?;
        let opened = std::thread::scope(|scope| {
            let open = |device: &DeviceInfo| {
                let ordinal = device.ordinal;
                scope.spawn(move || try_out(ordinal))
            };
            let threads: Vec<_> = found.devices.iter().map(open).collect();
            let crashed = |_| Err("opening it panicked; please report this".to_string());
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(crashed)).collect::<Vec<_>>()
        });
        let mut gpus: Vec<GpuRecord> =
            found.devices.iter().zip(opened).map(|(device, it)| record(device, it)).collect();
        gpus.extend(found.broken.iter().map(|(ordinal, why)| GpuRecord {
            ordinal: *ordinal,
            uuid: String::new(),
            name: "of unknown kind".into(),
            is_exclusive: false,
            opened: Err(why.to_string()),
        }));
        gpus.sort_by_key(|gpu| gpu.ordinal);
        Ok(GpuList { driver: found.driver.to_string(), gpus })
    }

    fn record(device: &DeviceInfo, opened: Result<(String, u64), String>) -> GpuRecord {
        GpuRecord {
            ordinal: device.ordinal,
            uuid: device.uuid.clone(),
            name: device.name.clone(),
            is_exclusive: device.compute_mode == ComputeMode::ExclusiveProcess,
            opened,
        }
    }

    fn try_out(ordinal: u32) -> Result<(String, u64), String> {
        use bqc_instantiate::Engine as _;
        let open = || {
            let engine = CudaEngine::open(ordinal, Level::detect())?;
            Ok((engine.name().to_string(), engine.gpu().free_bytes()?))
        };
        open().map_err(|why: CudaError| why.to_string())
    }

    /// An engine in this process.
    pub fn open_here(ordinal: u32) -> Result<CudaEngine, String> {
        CudaEngine::open(ordinal, Level::detect()).map_err(|why| why.to_string())
    }

    /// An engine in a worker, which sees one GPU, this one.
    pub fn open_in_worker(uuid: &str, n_sharers: usize) -> Result<Device, DeviceReport> {
        let found = bqc_cuda::discover().map_err(|why| report("the driver", &why))?;
        let Some(device) = found.devices.iter().find(|device| device.uuid == uuid) else {
            let reason = format!("the driver shows no GPU `{uuid}` to a worker that was started for it");
            return Err(DeviceReport { trouble: DeviceTrouble::Unusable, reason });
        };
        let label = device.to_string();
        let engine = CudaEngine::open(device.ordinal, Level::detect()).map_err(|why| report(&label, &why))?;
        let engine = Arc::new(engine.shared_by(n_sharers));
        let watched = engine.clone();
        let trouble = Box::new(move || watched.fault().or_else(|| watched.shortage()).map(|why| report(&label, &why)));
        Ok(Device { engine, trouble })
    }

    /// What a supervisor does about an error. Its words are without the device's number, which is 0 in every
    /// worker.
    fn report(device: &str, error: &CudaError) -> DeviceReport {
        let trouble = match error {
            CudaError::OutOfMemory { .. } | CudaError::DriverOutOfMemory { .. } | CudaError::HostOutOfMemory { .. } => {
                DeviceTrouble::OutOfMemory
            }
            CudaError::Busy { .. } => DeviceTrouble::Busy,
            CudaError::ContextLost { .. } | CudaError::MpsRefused { .. } => DeviceTrouble::Lost,
            CudaError::NoDriver { .. }
            | CudaError::DriverTooOld { .. }
            | CudaError::DriverFailed { .. }
            | CudaError::NotReady { .. }
            | CudaError::NoDevice
            | CudaError::Unsuitable { .. }
            | CudaError::KernelsRefused { .. }
            | CudaError::Refused { .. }
            | CudaError::WrongResult { .. } => DeviceTrouble::Unusable,
        };
        let text = error.to_string();
        let reason = text.strip_prefix(&format!("{device}: ")).map_or(text.clone(), str::to_string);
        DeviceReport { trouble, reason }
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
pub use elsewhere::*;

#[cfg(all(unix, not(target_os = "linux")))]
mod elsewhere {
    use bqc_pool::{Device, DeviceReport};
    use bqc_wire::{DeviceTrouble, GpuList};

    const REASON: &str = "GPUs are used on Linux only";

    /// There are none.
    pub fn list() -> Result<GpuList, String> {
        Err(REASON.into())
    }

    /// There is none.
    pub fn open_in_worker(_: &str, _: usize) -> Result<Device, DeviceReport> {
        Err(DeviceReport { trouble: DeviceTrouble::Unusable, reason: REASON.into() })
    }
}
