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
    /// At least one.
    pub devices: Vec<DeviceInfo>,
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
    let devices = (0..n_devices).map(|ordinal| describe(ordinal).map_err(failed)).collect::<Result<_, _>>()?;
    Ok(Discovery { driver, devices })
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
