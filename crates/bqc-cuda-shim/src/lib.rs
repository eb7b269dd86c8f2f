//! Stands between `cust` and NVIDIA's driver, so that one binary starts on every machine. `cust` links
//! against `libcuda`; this crate defines every entry point of that library, and each one looks up the
//! real one in `libcuda.so.1` when it is first called. Without a driver the calls answer with
//! `CUDA_ERROR_STUB_LIBRARY`, which is what that code is for.
//!
//! It also makes the result codes safe: `cust_raw` declares them as a Rust `enum` of CUDA 11.4, and a
//! newer driver's code would be no value of that type. Unknown codes become `CUDA_ERROR_UNKNOWN` here,
//! and [`last_code`] keeps the number that the driver gave.

#[cfg(target_os = "linux")]
mod driver;
#[cfg(target_os = "linux")]
mod entries;

#[cfg(target_os = "linux")]
pub use driver::{last_code, open};

/// `Ok` if NVIDIA's driver library is here; otherwise where it was looked for and why it did not open.
#[cfg(not(target_os = "linux"))]
pub fn open() -> Result<(), String> {
    Err("bqc uses NVIDIA GPUs on Linux only".into())
}

/// The driver's number for the last call on this thread that failed; 0 if none did.
#[cfg(not(target_os = "linux"))]
pub fn last_code() -> u32 {
    0
}
