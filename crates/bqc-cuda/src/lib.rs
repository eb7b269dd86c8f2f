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
//! # Filling the device
//!
//! A scan that sweeps brings all of its candidates in one call, which go to the device together, one block of threads
//! each, with one copy of the states for all of them; what they have come to is one group of Levenberg–Marquardt.
//!
//! One call of the search is far too little for a GPU: some dozen candidates, where an H200 works on 132 to
//! 528 at once. So calls of many threads share launches (`engine::combine`): each caller writes the
//! candidates of its own chunk, whoever finds the device ready takes all chunks that wait and leads one
//! launch with a group for each, and the others sleep until they have their answer. [`Engine::concurrency`]
//! says how many callers are wanted, and `bqc compile` starts as many threads where its own process does the work;
//! a worker process has one caller, so that workers share the device through MPS, but no launches. How long
//! chunks are follows from the callers there are (`engine::filling` has the arithmetic). Whatever shares a launch, results are
//! the same to the last digit: sums are made in one order, the lowest index wins within its
//! group, and a stop ends the group of who asked for it. Nor do digits depend on the GPU: a block has as many threads
//! on each, and what the smallest cannot hold is left to the CPU by all.
//!
//! What the host does for it, measured on one core of an EPYC with AVX-512 (`bqc-bench gpu` measures it
//! anywhere): writing a move of the search as the records of a launch takes 0.58 µs with 24 CX and 0.94 µs
//! with 48, on three to five wires. Two million candidates a second, by a model of its cost more than an H200
//! does with five wires, would keep 1.2 to 1.9 of 16 cores busy; so candidates come from the host, and are not
//! expanded on the device from a base and a list of changes, although the kernels can. Not measured: what it
//! takes the leader of a launch to copy the tables of all its groups into pinned memory.
//!
//! Bytes to the device, five wires with 24 CX: 1912 for a candidate, 1696 of them its gates, and 64 back. The
//! states of a group (3 samples and all 32 columns to check with) are 35840 bytes a chunk, with chunks of 16
//! another 2240 for each candidate; once they have been made for a call they serve all of its chunks, but go
//! to the device with each. Two million candidates a second would be 8.4 GB/s of the 50 that PCIe 5 gives, so
//! states are not kept on the device.
//!
//! None of this has been timed on a GPU.
//!
//! [`Engine::concurrency`]: bqc_instantiate::Engine::concurrency
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
pub use engine::{CudaEngine, LaunchShape, prepare};
pub use error::{CudaError, Version};
pub use gpu::{Buffer, Gpu, Kernel, Kernels, Launch, Pointer, Record};
pub use kernels::{CEILINGS, KernelSet, LEAST_CAPABILITY, LEAST_DRIVER, LM, SWEEPS};
pub use plan::{Footprint, MemoryPlan, N_SLOTS};
