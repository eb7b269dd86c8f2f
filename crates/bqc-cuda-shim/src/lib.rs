//! Stands between `cust` and NVIDIA's driver, so that one binary starts on every machine. `cust` links
//! against `libcuda`; this crate defines every entry point of that library, and each one looks up the
//! real one in `libcuda.so.1` when it is first called. Without a driver the calls answer with
//! `CUDA_ERROR_STUB_LIBRARY`, which is what that code is for.
//!
//! It also makes the result codes safe: `cust_raw` declares them as a Rust `enum` of CUDA 11.4, and a
//! newer driver's code would be no value of that type. Unknown codes become `CUDA_ERROR_UNKNOWN` here,
//! and [`last_code`] keeps the number that the driver gave. Empty on systems other than Linux.

#![cfg(target_os = "linux")]

#[macro_use]
mod forward;

mod driver;
mod entries;

pub use driver::{last_code, name_of, open};
