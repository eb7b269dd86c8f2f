//! A thread block as a body sees it: phases of independent threads, with a barrier after each.
//!
//! Within a phase a thread may read what other threads wrote in *earlier* phases and write what no
//! other thread touches in this one. Code between phases runs in every thread alike: what it reads
//! counts as read by all threads in the phase that follows. [`host`] checks both rules.

use crate::complex::Complex;

#[cfg(target_arch = "nvptx64")]
pub mod device;
#[cfg(not(target_arch = "nvptx64"))]
pub mod host;

/// Threads of a warp; block sizes are multiples.
pub const WARP: u32 = 32;

/// A part of shared or global memory that threads of one block exchange numbers through.
///
/// Indices count from the start of the part, in units of the accessed type. A complex number takes two
/// `f64` and is aligned to 16 bytes: parts start at even offsets wherever complex numbers are used.
pub trait Memory: Copy {
    /// The part that begins `n_f64` numbers further on.
    fn offset(self, n_f64: u32) -> Self;
    /// Reads a real number.
    fn f64(self, index: u32) -> f64;
    /// Writes a real number.
    fn set_f64(self, index: u32, value: f64);
    /// Reads a complex number.
    fn complex(self, index: u32) -> Complex;
    /// Writes a complex number.
    fn set_complex(self, index: u32, value: Complex);

    /// The same number: the index of a loop whose body is written out as far as it pays. Compilers for GPUs
    /// neither unroll that loop nor keep a counter in a register for each address it reads.
    #[inline(always)]
    fn rolled(number: u32) -> u32 {
        number
    }

    /// Reads an integer from the place of a real number.
    #[inline(always)]
    fn word(self, index: u32) -> u32 {
        self.f64(index).to_bits() as u32
    }

    /// Writes an integer to the place of a real number.
    #[inline(always)]
    fn set_word(self, index: u32, value: u32) {
        self.set_f64(index, f64::from_bits(value.into()));
    }
}

/// Read-only records in global memory.
pub trait Table<T: Copy>: Copy {
    /// Record `index`.
    fn get(self, index: u32) -> T;
}

/// Records in global memory that each are written by one thread and read by nobody in the launch.
pub trait Output<T: Copy>: Copy {
    /// Writes record `index`.
    fn set(self, index: u32, value: T);
}

/// Counters in global memory that all blocks share; every operation is atomic and relaxed.
pub trait Flags: Copy {
    /// The value at present.
    fn load(self, index: u32) -> u32;
    /// The value at present of a counter that the host writes while the kernel runs.
    fn load_from_host(self, index: u32) -> u32;
    /// Lowers the value to `value` if that is less.
    fn min(self, index: u32, value: u32);
    /// Adds and returns the value before.
    fn add(self, index: u32, value: u32) -> u32;
}

/// What lies in global memory and is the same for all blocks of a launch, by the kind of access.
pub trait Global: Copy {
    /// Records that no block writes.
    type Table<T: Copy + 'static>: Table<T>;
    /// Complex numbers that no block writes: the bulk of what is read, so a GPU reads them in a way of their own.
    type Numbers: Table<Complex>;
    /// Results.
    type Output<T: Copy + 'static>: Output<T>;
    /// Counters.
    type Flags: Flags;
}

/// A thread block.
pub trait Cta {
    /// Shared or global memory.
    type Memory: Memory;
    /// A value that each thread keeps across phases: a register on a GPU.
    type Local<T: Copy>;

    /// Number of threads, a multiple of [`WARP`].
    fn n_threads(&self) -> u32;
    /// The block's shared memory: as much as the launch gave it.
    fn shared(&self) -> Self::Memory;
    /// The same value for every thread.
    fn local<T: Copy>(&self, value: T) -> Self::Local<T>;
    /// Runs `f(thread)` in every thread, then a barrier.
    fn phase(&mut self, f: impl FnMut(u32));
    /// The same with each thread's own value.
    fn phase_with<T: Copy>(&mut self, local: &mut Self::Local<T>, f: impl FnMut(u32, &mut T));
    /// Adds up the threads' numbers within each warp, always in the same order, and leaves the sums in
    /// `partials`: `[warp][K]`, where [`total`] finds them after the barrier. `K` is at most 32.
    fn sum<const K: usize>(&mut self, parts: &Self::Local<[f64; K]>, partials: Self::Memory);

    /// Runs `f(index)` for `0..len`, spread over the threads, then a barrier.
    #[inline(always)]
    fn each(&mut self, len: u32, mut f: impl FnMut(u32)) {
        let n_threads = self.n_threads();
        self.phase(|thread| {
            let mut index = thread;
            while index < len {
                f(index);
                index += n_threads;
            }
        });
    }

    /// Runs `f` in the first thread, then a barrier.
    #[inline(always)]
    fn once(&mut self, mut f: impl FnMut()) {
        self.phase(|thread| {
            if thread == 0 {
                f();
            }
        });
    }
}

/// Number `k` of the sums that [`Cta::sum`] left behind, added over the warps in order.
#[inline(always)]
pub fn total<const K: usize, M: Memory>(partials: M, n_threads: u32, k: u32) -> f64 {
    let mut sum = 0.0;
    let mut warp = 0;
    while warp < n_threads / WARP {
        sum += partials.f64(warp * K as u32 + k);
        warp += 1;
    }
    sum
}
