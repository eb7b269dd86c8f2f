//! The ceilings that the kernels are measured against: a loop of independent multiply-adds and a copy.
//! The bodies are plain functions, the same for one thread of a GPU and for a test on the host; `entry`
//! gives them a thread's index. Rates: [`fma`] does `2 · CHAINS · rounds` operations a thread, the copy
//! moves each element once in and once out.

#![no_std]
#![cfg_attr(target_arch = "nvptx64", feature(abi_ptx, core_intrinsics, stdarch_nvptx))]
#![cfg_attr(target_arch = "nvptx64", allow(internal_features))]

#[cfg(target_arch = "nvptx64")]
mod entry;

/// Independent chains of a thread. Eight hide the latency of an FMA, four cycles on every GPU since
/// Volta and more for `f64`, together with the warps of a full multiprocessor.
pub const CHAINS: usize = 8;

/// A real type with a fused multiply-add.
pub trait Real: Copy {
    /// `self * factor + term`, rounded once.
    fn fma(self, factor: Self, term: Self) -> Self;
    /// The nearest value to a small whole number.
    fn from_index(index: u32) -> Self;
}

/// Runs every chain `x ← factor·x + term` for `rounds` rounds and gives the sum of their ends, so that
/// none can be left out. Chain `c` of thread `thread` starts from `thread + c`.
#[inline(always)]
pub fn fma<R: Real>(thread: u32, rounds: u32, factor: R, term: R) -> R {
    let mut x: [R; CHAINS] = [
        R::from_index(thread),
        R::from_index(thread + 1),
        R::from_index(thread + 2),
        R::from_index(thread + 3),
        R::from_index(thread + 4),
        R::from_index(thread + 5),
        R::from_index(thread + 6),
        R::from_index(thread + 7),
    ];
    let mut round = 0;
    while round < rounds {
        // Written out: a loop over an array would put it into local memory.
        x = [
            x[0].fma(factor, term),
            x[1].fma(factor, term),
            x[2].fma(factor, term),
            x[3].fma(factor, term),
            x[4].fma(factor, term),
            x[5].fma(factor, term),
            x[6].fma(factor, term),
            x[7].fma(factor, term),
        ];
        round += 1;
    }
    let one = R::from_index(1);
    let pairs = [x[0].fma(one, x[1]), x[2].fma(one, x[3]), x[4].fma(one, x[5]), x[6].fma(one, x[7])];
    pairs[0].fma(one, pairs[1]).fma(one, pairs[2].fma(one, pairs[3]))
}

/// Two `f64`, moved by one instruction.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C, align(16))]
pub struct Pair(pub f64, pub f64);

/// Copies elements `first, first + step, …` below `n_pairs`: with `first` the thread's index and `step`
/// the number of threads, neighbouring threads touch neighbouring memory.
///
/// # Safety
/// `from` and `to` point to `n_pairs` elements each, which do not overlap; no other thread writes the
/// same ones.
#[inline(always)]
pub unsafe fn copy(from: *const Pair, to: *mut Pair, n_pairs: u64, first: u64, step: u64) {
    let mut index = first;
    while index < n_pairs {
        // Through scalars: the compiler splits a copy of the whole into two instructions.
        // SAFETY: `index < n_pairs`, and the caller vouches for that many elements.
        unsafe {
            let Pair(a, b) = *from.add(index as usize);
            *to.add(index as usize) = Pair(a, b);
        }
        index += step;
    }
}

#[cfg(not(target_arch = "nvptx64"))]
mod host {
    extern crate std;

    impl super::Real for f64 {
        fn fma(self, factor: f64, term: f64) -> f64 {
            self.mul_add(factor, term)
        }
        fn from_index(index: u32) -> f64 {
            f64::from(index)
        }
    }

    impl super::Real for f32 {
        fn fma(self, factor: f32, term: f32) -> f32 {
            self.mul_add(factor, term)
        }
        fn from_index(index: u32) -> f32 {
            index as f32
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_chains_end_where_arithmetic_says() {
        // x ← 2x + 1 twice is 4x + 3.
        let expected: f64 = (0..8).map(|c| 4.0 * f64::from(5 + c) + 3.0).sum();
        assert_eq!(fma(5, 2, 2.0f64, 1.0), expected);
        assert_eq!(fma(5, 2, 2.0f32, 1.0), expected as f32);
        assert_eq!(fma(0, 0, 2.0f64, 1.0), 28.0);
    }

    #[test]
    fn every_element_is_copied_by_one_thread() {
        let from: Vec<Pair> = (0..37).map(|i| Pair(f64::from(i), -f64::from(i))).collect();
        for step in [1u64, 5, 64] {
            let mut to = std::vec![Pair(0.0, 0.0); from.len()];
            for first in 0..step {
                // SAFETY: both hold 37 elements, and one thread runs after the other.
                unsafe { copy(from.as_ptr(), to.as_mut_ptr(), 37, first, step) };
            }
            assert_eq!(from, to);
        }
    }
}
