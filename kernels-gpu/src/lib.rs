//! Bodies of the GPU kernels. One thread block runs one whole optimisation; the circuit is data.
//!
//! A body is generic over the thread block ([`cta::Cta`]) that it runs on and knows nothing of the
//! target: on a GPU its phases are separated by barriers, on the host ([`cta::host`]) the same code
//! runs thread after thread, in any order, with every access checked. The entries that a GPU launches
//! exist on `nvptx64` alone, which needs a nightly compiler; a build for the host is stable Rust.

#![no_std]
#![allow(clippy::needless_range_loop, reason = "a loop over a small array is unrolled: its index names a register")]
#![cfg_attr(
    target_arch = "nvptx64",
    feature(
        abi_ptx,
        stdarch_nvptx,
        asm_experimental_arch,
        core_intrinsics,
        link_llvm_intrinsics,
        gpu_intrinsics,
        gpu_launch_sized_workgroup_mem
    ),
    allow(internal_features, reason = "the intrinsics of this target have no stable form")
)]

#[cfg(not(target_arch = "nvptx64"))]
extern crate std;

pub mod arguments;
pub mod complex;
pub mod cta;
#[cfg(target_arch = "nvptx64")]
mod entry;
pub mod expand;
pub mod lm;
pub mod real;
pub mod states;
pub mod sweep;
pub mod templates;
pub mod verify;
