//! A thread block on an NVIDIA GPU.

use super::{Cta, Flags, Global, Memory, Output, Table, WARP};
use crate::complex::Complex;
use core::arch::asm;
use core::arch::nvptx::{_block_dim_x, _syncthreads, _thread_idx_x, trap};

unsafe extern "C" {
    #[link_name = "llvm.nvvm.shfl.sync.bfly.i32"]
    fn shuffle_xor(mask: u32, value: u32, lane_mask: u32, clamp: u32) -> u32;
}

/// Shared or global memory: a pointer whose address space the compiler infers after inlining.
#[derive(Clone, Copy)]
pub struct DeviceMemory(*mut f64);

impl DeviceMemory {
    /// # Safety
    /// Whatever the body accesses must lie behind the pointer, which is aligned to 16 bytes. That it
    /// does is what the emulation on the host checks.
    #[inline(always)]
    pub unsafe fn new(start: *mut f64) -> DeviceMemory {
        DeviceMemory(start)
    }
}

impl Memory for DeviceMemory {
    #[inline(always)]
    fn rolled(number: u32) -> u32 {
        let same: u32;
        // SAFETY: copies a register. The pragma is about the loop that it stands in.
        unsafe {
            asm!(".pragma \"nounroll\";", "mov.b32 {0}, {1};", out(reg32) same, in(reg32) number,
                options(pure, nomem, nostack));
        }
        same
    }

    #[inline(always)]
    fn offset(self, n_f64: u32) -> Self {
        // SAFETY: as promised to `new`.
        DeviceMemory(unsafe { self.0.add(n_f64 as usize) })
    }

    #[inline(always)]
    fn f64(self, index: u32) -> f64 {
        // SAFETY: as promised to `new`.
        unsafe { *self.0.add(index as usize) }
    }

    #[inline(always)]
    fn set_f64(self, index: u32, value: f64) {
        // SAFETY: as promised to `new`.
        unsafe { *self.0.add(index as usize) = value }
    }

    #[inline(always)]
    fn complex(self, index: u32) -> Complex {
        // SAFETY: as promised to `new`; complex parts start at even offsets.
        unsafe { *self.0.cast::<Complex>().add(index as usize) }
    }

    #[inline(always)]
    fn set_complex(self, index: u32, value: Complex) {
        // SAFETY: as in `complex`.
        unsafe { *self.0.cast::<Complex>().add(index as usize) = value }
    }
}

/// Records in global memory.
#[derive(Clone, Copy)]
pub struct DeviceTable<T>(*const T);

impl<T> DeviceTable<T> {
    /// # Safety
    /// Every record that the body reads must lie behind the pointer.
    #[inline(always)]
    pub unsafe fn new(start: *const T) -> DeviceTable<T> {
        DeviceTable(start)
    }
}

impl<T: Copy> Table<T> for DeviceTable<T> {
    #[inline(always)]
    fn get(self, index: u32) -> T {
        // SAFETY: as promised to `new`.
        unsafe { *self.0.add(index as usize) }
    }
}

/// Complex numbers in global memory that no block writes.
#[derive(Clone, Copy)]
pub struct DeviceNumbers(*const Complex);

impl DeviceNumbers {
    /// # Safety
    /// Every number that the body reads must lie behind the pointer, aligned to 16 bytes, and stay as it is
    /// while the launch runs.
    #[inline(always)]
    pub unsafe fn new(start: *const Complex) -> DeviceNumbers {
        DeviceNumbers(start)
    }
}

impl Table<Complex> for DeviceNumbers {
    #[inline(always)]
    fn get(self, index: u32) -> Complex {
        let (re, im): (f64, f64);
        // SAFETY: as promised to `new`. One access of 16 bytes that passes by the first-level cache's
        // coherence.
        unsafe {
            let at = self.0.add(index as usize);
            asm!("ld.global.nc.v2.f64 {{{0}, {1}}}, [{2}];", out(reg64) re, out(reg64) im, in(reg64) at,
                options(pure, readonly, nostack));
        }
        Complex::new(re, im)
    }
}

/// Results in global memory.
#[derive(Clone, Copy)]
pub struct DeviceOutput<T>(*mut T);

impl<T> DeviceOutput<T> {
    /// # Safety
    /// Every record that the body writes must lie behind the pointer, and belong to this block.
    #[inline(always)]
    pub unsafe fn new(start: *mut T) -> DeviceOutput<T> {
        DeviceOutput(start)
    }
}

impl<T: Copy> Output<T> for DeviceOutput<T> {
    #[inline(always)]
    fn set(self, index: u32, value: T) {
        // SAFETY: as promised to `new`.
        unsafe { *self.0.add(index as usize) = value }
    }
}

/// Counters in global memory.
#[derive(Clone, Copy)]
pub struct DeviceFlags(*mut u32);

impl DeviceFlags {
    /// # Safety
    /// Every counter that the body touches must lie behind the pointer, in global memory.
    #[inline(always)]
    pub unsafe fn new(start: *mut u32) -> DeviceFlags {
        DeviceFlags(start)
    }
}

impl Flags for DeviceFlags {
    #[inline(always)]
    fn load(self, index: u32) -> u32 {
        let value: u32;
        // SAFETY: as promised to `new`. Weak loads may be kept in a register; this one may not.
        unsafe {
            let at = self.0.add(index as usize);
            asm!("ld.relaxed.gpu.global.u32 {0}, [{1}];", out(reg32) value, in(reg64) at, options(nostack));
        }
        value
    }

    #[inline(always)]
    fn load_from_host(self, index: u32) -> u32 {
        let value: u32;
        // SAFETY: as promised to `new`; pinned host memory has addresses of global memory. The scope is
        // the system's, because the writer is not on the device.
        unsafe {
            let at = self.0.add(index as usize);
            asm!("ld.relaxed.sys.global.u32 {0}, [{1}];", out(reg32) value, in(reg64) at, options(nostack));
        }
        value
    }

    #[inline(always)]
    fn min(self, index: u32, value: u32) {
        // SAFETY: as promised to `new`.
        unsafe {
            let at = self.0.add(index as usize);
            asm!("red.relaxed.gpu.global.min.u32 [{0}], {1};", in(reg64) at, in(reg32) value, options(nostack));
        }
    }

    #[inline(always)]
    fn add(self, index: u32, value: u32) -> u32 {
        let before: u32;
        // SAFETY: as promised to `new`.
        unsafe {
            let at = self.0.add(index as usize);
            asm!("atom.relaxed.gpu.global.add.u32 {0}, [{1}], {2};", out(reg32) before, in(reg64) at, in(reg32) value,
                options(nostack));
        }
        before
    }
}

/// Global memory of the device.
#[derive(Clone, Copy)]
pub struct DeviceGlobal;

impl Global for DeviceGlobal {
    type Table<T: Copy + 'static> = DeviceTable<T>;
    type Numbers = DeviceNumbers;
    type Output<T: Copy + 'static> = DeviceOutput<T>;
    type Flags = DeviceFlags;
}

/// The thread block that runs this code.
pub struct DeviceCta(());

impl DeviceCta {
    /// # Safety
    /// All threads of a one-dimensional block of whole warps must run the body together.
    #[inline(always)]
    pub unsafe fn new() -> DeviceCta {
        DeviceCta(())
    }
}

#[inline(always)]
fn thread() -> u32 {
    // SAFETY: reads a register.
    unsafe { _thread_idx_x() as u32 }
}

#[inline(always)]
fn barrier() {
    // SAFETY: code between phases is uniform, so all threads arrive at the same barrier.
    unsafe { _syncthreads() }
}

/// The sum over a warp, the same in every lane: exchanges with lane ^ 16, 8, 4, 2, 1.
#[inline(always)]
fn warp_sum(value: f64) -> f64 {
    #[inline(always)]
    fn other(value: f64, lane_mask: u32) -> f64 {
        let bits = value.to_bits();
        // SAFETY: all lanes of the warp run this.
        let (low, high) = unsafe {
            (shuffle_xor(!0, bits as u32, lane_mask, 31), shuffle_xor(!0, (bits >> 32) as u32, lane_mask, 31))
        };
        f64::from_bits(u64::from(low) | u64::from(high) << 32)
    }
    let mut sum = value;
    sum += other(sum, 16);
    sum += other(sum, 8);
    sum += other(sum, 4);
    sum += other(sum, 2);
    sum += other(sum, 1);
    sum
}

impl Cta for DeviceCta {
    type Memory = DeviceMemory;
    type Local<T: Copy> = T;

    #[inline(always)]
    fn n_threads(&self) -> u32 {
        // SAFETY: reads a register.
        unsafe { _block_dim_x() as u32 }
    }

    #[inline(always)]
    fn shared(&self) -> DeviceMemory {
        // The element type gives the alignment.
        DeviceMemory(core::intrinsics::gpu::gpu_launch_sized_workgroup_mem::<[u128; 1]>().cast())
    }

    #[inline(always)]
    fn local<T: Copy>(&self, value: T) -> T {
        value
    }

    #[inline(always)]
    fn phase(&mut self, mut f: impl FnMut(u32)) {
        f(thread());
        barrier();
    }

    #[inline(always)]
    fn phase_with<T: Copy>(&mut self, local: &mut T, mut f: impl FnMut(u32, &mut T)) {
        f(thread(), local);
        barrier();
    }

    #[inline(always)]
    fn sum<const K: usize>(&mut self, parts: &[f64; K], partials: DeviceMemory) {
        let first_lane = thread() % WARP == 0;
        let to = partials.offset(thread() / WARP * K as u32);
        unrolled::<K>(|k| {
            let sum = warp_sum(parts[k]);
            if first_lane {
                to.set_f64(k as u32, sum);
            }
        });
        barrier();
    }
}

/// Calls `f(0)`, …, `f(K − 1)` without a loop, so that arrays indexed by it stay in registers.
#[inline(always)]
fn unrolled<const K: usize>(mut f: impl FnMut(usize)) {
    macro_rules! calls {
        ($($k:literal)*) => { $(if $k < K { f($k); })* };
    }
    calls!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31);
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: ends the kernel with an error that the driver reports.
    unsafe { trap() }
}
