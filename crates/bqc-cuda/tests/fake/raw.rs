//! Memory of the imitated device as the emulated kernels see it: every access is checked against the
//! allocations.

use crate::allocation_end;
use bqc_kernels::complex::Complex;
use bqc_kernels::cta::{Flags, Global, Output, Table};
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The imitated device's global memory.
#[derive(Clone, Copy)]
pub struct DeviceMemory;

impl Global for DeviceMemory {
    type Table<T: Copy + 'static> = Raw<T>;
    type Numbers = Raw<Complex>;
    type Output<T: Copy + 'static> = Raw<T>;
    type Flags = Raw<AtomicU32>;
}

/// Device memory from an address to the end of its allocation.
pub struct Raw<T> {
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
    pub fn at(address: u64) -> Raw<T> {
        assert!(address.is_multiple_of(16), "{address:x} is not aligned");
        let end = allocation_end(address).expect("an address within an allocation");
        Raw { start: address as *mut T, len: (end - address) as usize / size_of::<T>() }
    }

    /// Some words of the host's.
    pub fn words(address: u64, len: usize) -> Raw<T> {
        Raw { start: address as *mut T, len }
    }

    /// Where a record lies.
    pub fn place(self, index: u32) -> *mut T {
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
