//! The Levenberg–Marquardt kernels of the imitated driver: the bodies of `kernels-gpu`, emulated, on
//! the memory that the host has set up. Every access to it is checked against the allocations.

use crate::allocation_end;
use bqc_kernels::arguments::{LmArguments, QUEUE_LEN};
use bqc_kernels::complex::Complex;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::cta::{Flags, Memory, Output, Table};
use bqc_kernels::lm::layout::{ByColumn, ByRow};
use bqc_kernels::lm::{self, LmLaunch};
use bqc_kernels::templates::{Base, Candidate, CxWord, Group, LmResult, LmSettings, Tables};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Device memory from an address to the end of its allocation.
struct Raw<T> {
    start: *mut T,
    len: usize,
}

impl<T> Clone for Raw<T> {
    fn clone(&self) -> Raw<T> {
        *self
    }
}

impl<T> Copy for Raw<T> {}

impl<T> Raw<T> {
    fn at(address: u64) -> Raw<T> {
        assert!(address.is_multiple_of(16), "{address:x} is not aligned");
        let end = allocation_end(address).expect("an address within an allocation");
        Raw { start: address as *mut T, len: (end - address) as usize / size_of::<T>() }
    }

    fn place(self, index: u32) -> *mut T {
        assert!((index as usize) < self.len, "{index} of {}", self.len);
        unsafe { self.start.add(index as usize) }
    }
}

impl<T: Copy> Table<T> for Raw<T> {
    fn get(self, index: u32) -> T {
        unsafe { *self.place(index) }
    }
}

impl<T: Copy> Output<T> for Raw<T> {
    fn set(self, index: u32, value: T) {
        unsafe { *self.place(index) = value }
    }
}

impl Flags for Raw<AtomicU32> {
    fn load(self, index: u32) -> u32 {
        unsafe { (*self.place(index)).load(SeqCst) }
    }

    fn load_from_host(self, index: u32) -> u32 {
        self.load(index)
    }

    fn min(self, index: u32, value: u32) {
        unsafe { (*self.place(index)).fetch_min(value, SeqCst) };
    }

    fn add(self, index: u32, value: u32) -> u32 {
        unsafe { (*self.place(index)).fetch_add(value, SeqCst) }
    }
}

/// Runs all candidates, the last one first: the worst case of timing.
pub fn run(a: LmArguments, n_blocks: u32, block_threads: u32, shared_bytes: u32, large_is_global: bool) {
    let launch = LmLaunch {
        tables: Tables {
            bases: Raw::<Base>::at(a.bases),
            cx: Raw::<CxWord>::at(a.cx),
            slots: Raw::<Complex>::at(a.slots),
            states: Raw::<Complex>::at(a.states),
        },
        candidates: Raw::<Candidate>::at(a.candidates),
        groups: Raw::<Group>::at(a.groups),
        settings: Raw::<LmSettings>::at(a.settings),
        winners: Raw::<AtomicU32>::at(a.winners),
        stop: Raw { start: a.stop as *mut AtomicU32, len: a.n_groups as usize },
        n_groups: a.n_groups,
        results: Raw::<LmResult>::at(a.results),
        survivors: Raw::<Complex>::at(a.survivors),
        n_survivors: a.n_survivors,
        slots_per_survivor: a.slots_per_survivor,
        small_len: a.small_len,
        large_len: a.large_len,
        arrangement: ByColumn,
    };
    let by_row = launch.arranged(ByRow);
    let queue = Raw::<AtomicU32>::at(a.queue);
    assert_eq!(queue.add(0, a.n_candidates), 0, "the queue was not empty");
    if large_is_global {
        // The last number of the last block's part.
        Raw::<f64>::at(a.workspace).place(n_blocks * a.large_len - 1);
    }
    let clock = Clock::new(Watch::Off);
    for index in (0..a.n_candidates).rev() {
        let shared = Arena::poisoned(shared_bytes as usize / 8, &clock);
        let workspace = Arena::poisoned(a.large_len as usize, &clock);
        let small = shared.memory().offset(QUEUE_LEN);
        let large = if large_is_global { workspace.memory() } else { small.offset(a.small_len) };
        let cta = &mut HostCta::new(&shared, block_threads, Order::Reverse);
        if large_is_global {
            lm::run(cta, by_row, index, small, large);
        } else {
            lm::run(cta, launch, index, small, large);
        }
    }
}

/// Makes the last result what a broken device might: nonsense, or wrong in a digit.
pub fn spoil(a: LmArguments, is_garbage: bool, is_wrong: bool) {
    let last = Raw::<LmResult>::at(a.results).place(a.n_candidates - 1);
    if is_garbage {
        unsafe { last.cast::<u8>().write_bytes(0x5a, size_of::<LmResult>()) };
    } else if is_wrong {
        unsafe { (*last).cost *= 1.0 + 1e-6 };
    }
}
