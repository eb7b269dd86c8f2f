//! NVIDIA GPUs, as far as bqc needs them: [`discover`] says what is there, [`Gpu::open`] takes one,
//! [`MemoryPlan`] divides work by the memory that is free, and [`CudaEngine`] is the engine. Every failure
//! is a [`CudaError`] that says what to do. Kernels come as the PTX that is committed in
//! `kernels-gpu/ptx`; the driver compiles it.
//!
//! # Trap: verdicts near the rim differ from the CPU's
//!
//! Above a cost of 1e-3 the CPU engine takes its Levenberg–Marquardt steps in single precision, because
//! that is faster there; the kernels work in double precision throughout. Both descend the same valley by
//! slightly different steps, so a candidate that starts far from a solution may be found by one engine
//! and given up by the other, and a seed's circuit may differ between engines. Each engine alone gives the
//! same result from run to run; every circuit is verified alike; and neither finds more than the other,
//! which the tests hold both to on many starts.
//!
//! Built on `cust`, with `bqc-cuda-shim` in place of the driver library: a program with this crate in
//! it starts on machines without a driver. Empty on systems other than Linux.

#![cfg(target_os = "linux")]

mod ceilings;
mod discover;
mod engine;
mod error;
mod gpu;
mod kernels;
mod plan;

pub use ceilings::{Ceilings, check_kernels, measure_ceilings};
pub use cust::stream::Stream;
pub use discover::{ComputeMode, DeviceInfo, Discovery, discover, find_driver};
pub use engine::{CudaEngine, LaunchShape};
pub use error::{CudaError, Version};
pub use gpu::{Buffer, Gpu, Kernel, Kernels, Launch, Pointer, Record};
pub use kernels::{CEILINGS, KernelSet, LEAST_CAPABILITY, LEAST_DRIVER, LM};
pub use plan::{Footprint, MemoryPlan, N_SLOTS};
