//! The kernels: a thread's index, the body, and the result where the caller wants it.

use crate::{Pair, Real};
use core::arch::nvptx::{_block_dim_x, _block_idx_x, _grid_dim_x, _thread_idx_x};

impl Real for f64 {
    #[inline(always)]
    fn fma(self, factor: f64, term: f64) -> f64 {
        core::intrinsics::fmaf64(self, factor, term)
    }
    #[inline(always)]
    fn from_index(index: u32) -> f64 {
        index as f64
    }
}

impl Real for f32 {
    #[inline(always)]
    fn fma(self, factor: f32, term: f32) -> f32 {
        core::intrinsics::fmaf32(self, factor, term)
    }
    #[inline(always)]
    fn from_index(index: u32) -> f32 {
        index as f32
    }
}

/// This thread's index in the whole grid.
#[inline(always)]
fn thread() -> u32 {
    // SAFETY: these read special registers.
    unsafe { (_block_idx_x() as u32) * (_block_dim_x() as u32) + _thread_idx_x() as u32 }
}

/// `ends`: one element a thread.
///
/// # Safety
/// `ends` points to as many elements as the grid has threads.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn fma_f64(ends: *mut f64, rounds: u32, factor: f64, term: f64) {
    let thread = thread();
    // SAFETY: the caller vouches for one element a thread.
    unsafe { *ends.add(thread as usize) = crate::fma(thread, rounds, factor, term) };
}

/// `ends`: one element a thread.
///
/// # Safety
/// `ends` points to as many elements as the grid has threads.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn fma_f32(ends: *mut f32, rounds: u32, factor: f32, term: f32) {
    let thread = thread();
    // SAFETY: the caller vouches for one element a thread.
    unsafe { *ends.add(thread as usize) = crate::fma(thread, rounds, factor, term) };
}

/// Copies `n_pairs` elements.
///
/// # Safety
/// Both point to `n_pairs` elements, which do not overlap.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn copy(from: *const Pair, to: *mut Pair, n_pairs: u64) {
    // SAFETY: as the caller vouches; the grid's threads divide the elements among themselves.
    unsafe {
        let threads = _grid_dim_x() as u64 * _block_dim_x() as u64;
        crate::copy(from, to, n_pairs, thread() as u64, threads);
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: ends the grid with an error that the host sees.
    unsafe { core::arch::nvptx::trap() }
}
