//! What is there: the driver and its devices, asked without opening any.

use crate::gpu::{checked, code_of};
use crate::{CudaError, LEAST_DRIVER, Version};
use cust::CudaApiVersion;
use cust::device::{Device, DeviceAttribute};
use cust::error::CudaResult;
use cust::sys::{
    CUdevice_attribute, CUuuid, cuDeviceGetAttribute, cuDeviceGetUuid, cuDeviceGetUuid_v2, cudaError_enum,
};
use std::fmt;

/// How the names of a whole device and of a part begin.
const WHOLE: &str = "GPU-";
const PART: &str = "MIG-";

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
    /// What names it in CUDA_VISIBLE_DEVICES, whatever its number: `GPU-` or `MIG-` and 32 digits in groups.
    pub uuid: String,
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

impl DeviceInfo {
    /// Whether it is one part of a divided one (MIG).
    pub fn is_part(&self) -> bool {
        self.uuid.starts_with(PART)
    }
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

/// Whether there is a driver at all. Loads its library and starts nothing, so that a process that only asks
/// this is no client of the driver's.
pub fn find_driver() -> Result<(), CudaError> {
    bqc_cuda_shim::open().map_err(|reason| CudaError::NoDriver { reason })
}

/// Asks the driver. Opens no device: it costs some milliseconds and no memory on it.
pub fn discover() -> Result<Discovery, CudaError> {
    find_driver()?;
    let failed = |error| match code_of(error) {
        (100, _) => CudaError::NoDevice,
        // What the loader's name of a library that is not the driver comes to.
        (34, _) => CudaError::NoDriver { reason: "the library of that name is a stub".into() },
        // SYSTEM_NOT_READY.
        (802, name) => CudaError::NotReady { code: 802, name },
        (code @ (805..=809), name) => CudaError::from_code("NVIDIA's driver", "starting it", code, name),
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
    let name = device.name()?;
    Ok(DeviceInfo {
        ordinal,
        uuid: uuid(&device, &name)?,
        name,
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

/// The name in CUDA_VISIBLE_DEVICES. The driver tells whole devices from parts by their descriptions alone:
/// "NVIDIA H100 80GB HBM3 MIG 1g.10gb".
fn uuid(device: &Device, name: &str) -> CudaResult<String> {
    let mut found = CUuuid { bytes: [0; 16] };
    // SAFETY: the driver writes sixteen bytes to where the pointer points.
    let mut result = unsafe { cuDeviceGetUuid_v2(&mut found, device.as_raw()) };
    if result != cudaError_enum::CUDA_SUCCESS {
        // Drivers before 11.4 have the older one alone, which knows no parts.
        // SAFETY: as above.
        result = unsafe { cuDeviceGetUuid(&mut found, device.as_raw()) };
    }
    checked(result)?;
    let kind = if name.contains(" MIG ") { PART } else { WHOLE };
    Ok(format!("{kind}{}", in_groups(&found.bytes.map(|byte| byte as u8))))
}

/// 8-4-4-4-12 hexadecimal digits, as RFC 9562 writes them.
fn in_groups(bytes: &[u8; 16]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let ends = [0, 8, 12, 16, 20, 32];
    ends.windows(2).map(|ends| &digits[ends[0]..ends[1]]).collect::<Vec<_>>().join("-")
}

/// The most that a kernel may ask for, which `cust` has no name for.
fn block_shared_bytes(device: &Device) -> CudaResult<u32> {
    let which = CUdevice_attribute::CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN;
    let mut value = 0;
    // SAFETY: the driver writes one number to where the pointer points.
    let result = unsafe { cuDeviceGetAttribute(&mut value, which, device.as_raw()) };
    if result == cudaError_enum::CUDA_SUCCESS {
        return Ok(u32::try_from(value).unwrap_or(0));
    }
    // What every kernel may have without asking.
    device.get_attribute(DeviceAttribute::MaxSharedMemoryPerBlock).map(|bytes| bytes.max(0) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_nvidia_writes_them() {
        let bytes = std::array::from_fn(|i| 0x11 * i as u8);
        assert_eq!(in_groups(&bytes), "00112233-4455-6677-8899-aabbccddeeff");
    }
}
