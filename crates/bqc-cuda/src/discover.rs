//! What is there: the driver and its devices, asked without opening any.

use crate::gpu::code_of;
use crate::{CudaError, LEAST_DRIVER, Version};
use cust::CudaApiVersion;
use cust::device::{Device, DeviceAttribute};
use cust::error::CudaResult;
use cust::sys::{CUdevice_attribute, cuDeviceGetAttribute};
use std::fmt;

/// A driver and its devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovery {
    /// The CUDA version that the driver supports.
    pub driver: Version,
    /// Those that answer.
    pub devices: Vec<DeviceInfo>,
    /// Those that the driver counts but says nothing of, by its number for them. With the others there
    /// is at least one.
    pub broken: Vec<(u32, CudaError)>,
}

/// One GPU, or one part of a divided one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The driver's number for it, from 0; CUDA_VISIBLE_DEVICES changes it.
    pub ordinal: u32,
    /// As NVIDIA calls it.
    pub name: String,
    /// What its instruction set is.
    pub capability: Version,
    /// Each runs blocks of its own.
    pub n_multiprocessors: u32,
    /// Memory of the device.
    pub total_bytes: u64,
    /// Shared memory that a block may have at most.
    pub block_shared_bytes: u32,
    /// Who may use it.
    pub compute_mode: ComputeMode,
}

/// Who may use a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComputeMode {
    /// Any number of processes.
    Default,
    /// Nobody.
    Prohibited,
    /// One process at a time, unless through MPS.
    ExclusiveProcess,
    /// A mode that is newer than this program.
    Other(u32),
}

impl Discovery {
    /// The device with this number, or why it is of no use.
    pub fn device(&self, ordinal: u32) -> Result<&DeviceInfo, CudaError> {
        let broken = || self.broken.iter().find(|(number, _)| *number == ordinal).map(|(_, why)| why.clone());
        let device = self.devices.iter().find(|device| device.ordinal == ordinal);
        device.ok_or_else(|| broken().unwrap_or(CudaError::NoDevice))
    }
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "GPU {} ({})", self.ordinal, self.name)
    }
}

impl fmt::Display for ComputeMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ComputeMode::Default => f.write_str("default"),
            ComputeMode::Prohibited => f.write_str("prohibited"),
            ComputeMode::ExclusiveProcess => f.write_str("exclusive process"),
            ComputeMode::Other(number) => write!(f, "{number}"),
        }
    }
}

/// Asks the driver. Opens no device: it costs some milliseconds and no memory on it.
pub fn discover() -> Result<Discovery, CudaError> {
    bqc_cuda_shim::open().map_err(|reason| CudaError::NoDriver { reason })?;
    let failed = |error| match code_of(error) {
        (100, _) => CudaError::NoDevice,
        // What the loader's name of a library that is not the driver comes to.
        (34, _) => CudaError::NoDriver { reason: "the library of that name is a stub".into() },
        // SYSTEM_NOT_READY.
        (802, name) => CudaError::NotReady { code: 802, name },
        (code, name) => CudaError::DriverFailed { code, name },
    };
    // The version is asked first: an old driver may refuse to start for a reason that says less.
    let version = CudaApiVersion::get().map_err(failed)?;
    let driver = Version::new(version.major().unsigned_abs(), version.minor().unsigned_abs());
    if driver < LEAST_DRIVER {
        return Err(CudaError::DriverTooOld { found: driver, needed: LEAST_DRIVER });
    }
    cust::init(cust::CudaFlags::empty()).map_err(failed)?;
    let n_devices = Device::num_devices().map_err(failed)?;
    if n_devices == 0 {
        return Err(CudaError::NoDevice);
    }
    let mut found = Discovery { driver, devices: Vec::new(), broken: Vec::new() };
    for ordinal in 0..n_devices {
        match describe(ordinal) {
            Ok(device) => found.devices.push(device),
            Err(error) => {
                let (code, name) = code_of(error);
                let device = format!("GPU {ordinal}");
                found.broken.push((ordinal, CudaError::from_code(&device, "asking what it is", code, name)));
            }
        }
    }
    Ok(found)
}

fn describe(ordinal: u32) -> CudaResult<DeviceInfo> {
    let device = Device::get_device(ordinal)?;
    let attribute = |which| device.get_attribute(which).map(|value| value.max(0) as u32);
    let compute_mode = match attribute(DeviceAttribute::ComputeMode)? {
        0 => ComputeMode::Default,
        2 => ComputeMode::Prohibited,
        3 => ComputeMode::ExclusiveProcess,
        other => ComputeMode::Other(other),
    };
    Ok(DeviceInfo {
        ordinal,
        name: device.name()?,
        capability: Version::new(
            attribute(DeviceAttribute::ComputeCapabilityMajor)?,
            attribute(DeviceAttribute::ComputeCapabilityMinor)?,
        ),
        n_multiprocessors: attribute(DeviceAttribute::MultiprocessorCount)?,
        total_bytes: device.total_memory()? as u64,
        block_shared_bytes: block_shared_bytes(&device)?,
        compute_mode,
    })
}

/// The most that a kernel may ask for, which `cust` has no name for.
fn block_shared_bytes(device: &Device) -> CudaResult<u32> {
    let which = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
    let mut value = 0;
    // SAFETY: the driver writes one number to where the pointer points.
    let result = unsafe { cuDeviceGetAttribute(&mut value, which, device.as_raw()) };
    if result == cust::sys::cudaError_enum::CUDA_SUCCESS {
        return Ok(u32::try_from(value).unwrap_or(0));
    }
    // What every kernel may have without asking.
    device.get_attribute(DeviceAttribute::MaxSharedMemoryPerBlock).map(|bytes| bytes.max(0) as u32)
}
