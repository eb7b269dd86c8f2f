//! What can go wrong with a GPU, split by what to do about it. The driver's numbers are NVIDIA's, from
//! `CUresult` in the "CUDA Driver API" manual; the newer ones are not in `cust`.

use std::fmt;

/// A version or a compute capability: two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// Before the point.
    pub major: u32,
    /// After it.
    pub minor: u32,
}

impl Version {
    /// From its numbers.
    pub const fn new(major: u32, minor: u32) -> Version {
        Version { major, minor }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Why a GPU cannot be used. No circuit is harmed: the CPU engine can do the same work.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CudaError {
    /// Install NVIDIA's driver, or do without.
    #[error("no NVIDIA driver: {reason}; where there is a GPU, install NVIDIA's driver for it")]
    NoDriver {
        /// What the loader said.
        reason: String,
    },
    /// Update the driver.
    #[error("NVIDIA's driver is too old: it supports CUDA {found}, and {needed} is needed; update the driver")]
    DriverTooOld {
        /// What the driver supports.
        found: Version,
        /// The least that the kernels need.
        needed: Version,
    },
    /// Repair the installation; often a restart after an update of the driver does.
    #[error(
        "NVIDIA's driver does not start: {name} ({code}); after an update of the driver restart the machine, in a \
         container see that its driver files are the host's"
    )]
    DriverFailed {
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// Start what the machine's GPUs are joined by, or wait for it.
    #[error(
        "NVIDIA's driver is not ready: {name} ({code}); the service that joins this machine's GPUs is still starting or \
         does not run: wait, or start nvidia-fabricmanager"
    )]
    NotReady {
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// Make a GPU visible, or do without.
    #[error(
        "NVIDIA's driver sees no GPU; see that CUDA_VISIBLE_DEVICES does not hide it and that this user may open \
         /dev/nvidia*"
    )]
    NoDevice,
    /// Use another GPU.
    #[error("{device}: compute capability {found}, and {needed} is needed; use another GPU")]
    Unsuitable {
        /// The device.
        device: String,
        /// What it has.
        found: Version,
        /// The least that the kernels need.
        needed: Version,
    },
    /// Report it, with the compiler's words; an update of the driver may help.
    #[error(
        "{device}: the driver's compiler refused the kernels `{package}`: {name} ({code}): {log}; update the driver, \
         and please report this"
    )]
    KernelsRefused {
        /// The device.
        device: String,
        /// The package of kernels.
        package: &'static str,
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
        /// What the driver's compiler wrote, on one line; "no reason given" if nothing.
        log: String,
    },
    /// Wait for the other process, or share the GPU.
    #[error(
        "{device}: taken: {name} ({code}); another process holds it in exclusive mode or it accepts none: wait, or \
         share it through MPS, or set its compute mode to default"
    )]
    Busy {
        /// The device.
        device: String,
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// Ask for less at once, or wait until other processes have freed some.
    #[error("{device}: out of memory: {what} need {needed_bytes} bytes, {free_bytes} are free; ask for fewer at once")]
    OutOfMemory {
        /// The device.
        device: String,
        /// What was to be stored: "64 problems".
        what: String,
        /// Bytes that it needs.
        needed_bytes: u64,
        /// Bytes that there are.
        free_bytes: u64,
    },
    /// The same, of memory that the driver took for itself: it does not say how much. Wait until other
    /// processes have freed some, or ask for less at once.
    #[error("{device}: out of memory: {during} found no room; wait until other processes have freed some")]
    DriverOutOfMemory {
        /// The device.
        device: String,
        /// The call.
        during: String,
    },
    /// Host memory that the device reads directly is limited, in containers above all.
    #[error(
        "out of host memory: {what} need {needed_bytes} bytes of pinned memory; ask for fewer at once, or raise the \
         limit of locked memory"
    )]
    HostOutOfMemory {
        /// What was to be stored.
        what: String,
        /// Bytes that it needs.
        needed_bytes: u64,
    },
    /// A fault that the driver does not recover from. Restart the process; until then use the CPU.
    #[error(
        "{device}: {during} faulted and the device context is lost: {name} ({code}); this process cannot use the GPU \
         again"
    )]
    ContextLost {
        /// The device.
        device: String,
        /// The call or the kernel that reported it; an earlier one may have caused it.
        during: String,
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// The processes that share the device through MPS have to end before it takes others.
    #[error(
        "{device}: {during}: MPS takes no process: {name} ({code}); after a fault it waits until all those that share \
         the GPU have ended"
    )]
    MpsRefused {
        /// The device, or the driver if it was not asked for one yet.
        device: String,
        /// The call.
        during: String,
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// Report it: the driver refused a call that bqc expected to work.
    #[error("{device}: {during} was refused: {name} ({code}); please report this with the output of `bqc doctor`")]
    Refused {
        /// The device.
        device: String,
        /// The call.
        during: String,
        /// The driver's number.
        code: u32,
        /// The driver's name for it.
        name: String,
    },
    /// A kernel gave a wrong result. Use the CPU, and report it.
    #[error("{device}: {kernel} gave a wrong result ({what}); use the CPU engine and please report this")]
    WrongResult {
        /// The device.
        device: String,
        /// The kernel.
        kernel: &'static str,
        /// How it is wrong.
        what: String,
    },
}

/// What the driver's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    OutOfMemory,
    NoDevice,
    Busy,
    ContextLost,
    MpsRefused,
    NotCompiled,
    Other,
}

impl Meaning {
    /// Of a call on a device.
    pub(crate) fn of(code: u32) -> Meaning {
        match code {
            2 => Meaning::OutOfMemory,
            100 => Meaning::NoDevice,
            // DEVICE_UNAVAILABLE, INVALID_DEVICE (what drivers before it said of exclusive mode),
            // CONTEXT_ALREADY_IN_USE, MPS_MAX_CLIENTS_REACHED, MPS_MAX_CONNECTIONS_REACHED.
            46 | 101 | 216 | 808 | 809 => Meaning::Busy,
            // The manual says of each of these that the process must be started anew, or that the
            // context is no more: ECC_UNCORRECTABLE, NVLINK_UNCORRECTABLE, ILLEGAL_ADDRESS,
            // LAUNCH_TIMEOUT, CONTEXT_IS_DESTROYED, ASSERT, HARDWARE_STACK_ERROR, ILLEGAL_INSTRUCTION,
            // MISALIGNED_ADDRESS, INVALID_ADDRESS_SPACE, INVALID_PC, LAUNCH_FAILED, MPS_RPC_FAILURE,
            // MPS_CLIENT_TERMINATED.
            214 | 220 | 700 | 702 | 709 | 710 | 714..=719 | 806 | 810 => Meaning::ContextLost,
            // MPS_CONNECTION_FAILED, MPS_SERVER_NOT_READY.
            805 | 807 => Meaning::MpsRefused,
            // INVALID_IMAGE, NO_BINARY_FOR_GPU, INVALID_PTX, JIT_COMPILER_NOT_FOUND,
            // UNSUPPORTED_PTX_VERSION, JIT_COMPILATION_DISABLED.
            200 | 209 | 218 | 221..=223 => Meaning::NotCompiled,
            _ => Meaning::Other,
        }
    }
}

impl CudaError {
    /// Whether the device is lost for this process, so that no further call is worth while. Lack of
    /// memory passes.
    pub fn is_fatal(&self) -> bool {
        use CudaError::{DriverOutOfMemory, HostOutOfMemory, OutOfMemory};
        !matches!(self, OutOfMemory { .. } | DriverOutOfMemory { .. } | HostOutOfMemory { .. })
    }

    /// From the driver's number and name for it. An allocation has its numbers elsewhere: see
    /// [`crate::Gpu::free_bytes`].
    pub(crate) fn from_code(device: &str, during: &str, code: u32, name: String) -> CudaError {
        let (device, during) = (device.to_string(), during.to_string());
        match Meaning::of(code) {
            Meaning::NoDevice => CudaError::NoDevice,
            Meaning::Busy => CudaError::Busy { device, code, name },
            Meaning::ContextLost => CudaError::ContextLost { device, during, code, name },
            Meaning::MpsRefused => CudaError::MpsRefused { device, during, code, name },
            Meaning::OutOfMemory => CudaError::DriverOutOfMemory { device, during },
            Meaning::NotCompiled | Meaning::Other => CudaError::Refused { device, during, code, name },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_driver_become_what_to_do() {
        let error = |code| CudaError::from_code("GPU 0", "lm", code, "CUDA_ERROR_X".into());
        assert!(matches!(error(46), CudaError::Busy { code: 46, .. }));
        assert!(matches!(error(700), CudaError::ContextLost { code: 700, .. }));
        assert!(matches!(error(719), CudaError::ContextLost { .. }));
        assert!(matches!(error(222), CudaError::Refused { code: 222, .. }));
        assert!(matches!(error(807), CudaError::MpsRefused { code: 807, .. }));
        assert_eq!(error(100), CudaError::NoDevice);
        assert!(error(700).is_fatal() && error(222).is_fatal());
        assert!(matches!(error(2), CudaError::DriverOutOfMemory { .. }) && !error(2).is_fatal());
    }

    #[test]
    fn every_message_says_what_to_do() {
        let name = String::from("CUDA_ERROR_X");
        let text = CudaError::OutOfMemory {
            device: "GPU 0 (NVIDIA H200)".into(),
            what: "64 problems".into(),
            needed_bytes: 100,
            free_bytes: 7,
        };
        assert_eq!(
            text.to_string(),
            "GPU 0 (NVIDIA H200): out of memory: 64 problems need 100 bytes, 7 are free; ask for fewer at once"
        );
        for (error, advice) in [
            (CudaError::NoDriver { reason: "gone".into() }, "install NVIDIA's driver"),
            (CudaError::DriverTooOld { found: Version::new(10, 2), needed: Version::new(11, 0) }, "update the driver"),
            (CudaError::DriverFailed { code: 803, name: name.clone() }, "restart the machine"),
            (CudaError::NotReady { code: 802, name: name.clone() }, "nvidia-fabricmanager"),
            (CudaError::NoDevice, "CUDA_VISIBLE_DEVICES"),
            (CudaError::Busy { device: "d".into(), code: 46, name }, "wait"),
            (CudaError::DriverOutOfMemory { device: "d".into(), during: "lm".into() }, "wait"),
            (
                CudaError::HostOutOfMemory { what: "64 problems".into(), needed_bytes: 100 },
                "64 problems need 100 bytes",
            ),
        ] {
            assert!(error.to_string().contains(advice), "{error}");
        }
    }
}
