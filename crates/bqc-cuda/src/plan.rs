//! How much of the work fits on a device at once: pure arithmetic, done before anything is allocated.

use crate::CudaError;
use std::ops::Range;

/// Batches that are on the device at the same time: while one computes, the other is copied.
pub const N_SLOTS: usize = 2;

/// Kept free for the driver: its modules, local memory and heap take some hundred MB on a large GPU.
const RESERVE_BYTES: u64 = 512 << 20;

/// Of what is free beyond the reserve, how much may be taken: other processes share the device.
const SHARE: f64 = 0.9;

/// What work needs on the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Bytes needed once, however many problems there are: tables, sample states.
    pub common_bytes: u64,
    /// Bytes of one problem: its inputs, results and work space.
    pub problem_bytes: u64,
}

impl Footprint {
    /// Bytes of `n_problems` at once.
    pub fn bytes(&self, n_problems: usize) -> u64 {
        self.common_bytes.saturating_add(self.problem_bytes.saturating_mul(n_problems as u64))
    }
}

/// Work divided into batches that fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    n_problems: usize,
    n_batches: usize,
    bytes: u64,
}

impl MemoryPlan {
    /// Divides `n_problems` into as few batches as possible, of even sizes, with at most `max_batch`
    /// problems each, so that [`N_SLOTS`] batches and what is common fit into `free_bytes` less a
    /// reserve. Fails with [`CudaError::OutOfMemory`] if not even one problem a slot fits.
    ///
    /// Ask with a device's total memory before it is opened, and with its free memory after that.
    pub fn new(
        device: &str,
        n_problems: usize,
        max_batch: usize,
        footprint: Footprint,
        free_bytes: u64,
    ) -> Result<MemoryPlan, CudaError> {
        if n_problems == 0 {
            return Ok(MemoryPlan { n_problems, n_batches: 0, bytes: 0 });
        }
        let usable_bytes = (free_bytes.saturating_sub(RESERVE_BYTES) as f64 * SHARE) as u64;
        let slot_bytes = usable_bytes.saturating_sub(footprint.common_bytes) / N_SLOTS as u64;
        // A problem of no bytes is a mistake of the caller; it must not divide by zero.
        let fits = usize::try_from(slot_bytes / footprint.problem_bytes.max(1)).unwrap_or(usize::MAX);
        let largest = fits.min(max_batch.max(1));
        if largest == 0 {
            let needed_bytes = footprint.common_bytes.saturating_add(footprint.problem_bytes * N_SLOTS as u64);
            let what = format!("{N_SLOTS} of {n_problems} problems");
            return Err(CudaError::OutOfMemory { device: device.into(), what, needed_bytes, free_bytes: usable_bytes });
        }
        let n_batches = n_problems.div_ceil(largest);
        let batch = n_problems.div_ceil(n_batches);
        let slots = N_SLOTS.min(n_batches) as u64;
        Ok(MemoryPlan {
            n_problems,
            n_batches,
            bytes: footprint.common_bytes + slots * batch as u64 * footprint.problem_bytes,
        })
    }

    /// Bytes that will be allocated.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Problems of the largest batch.
    pub fn batch_len(&self) -> usize {
        if self.n_batches == 0 { 0 } else { self.n_problems.div_ceil(self.n_batches) }
    }

    /// The batches in order: together `0..n_problems`, sizes differ by at most one.
    pub fn batches(self) -> impl Iterator<Item = Range<usize>> {
        let start = move |k: usize| (k as u128 * self.n_problems as u128 / self.n_batches as u128) as usize;
        (0..self.n_batches).map(move |k| start(k)..start(k + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn plan(n_problems: usize, max_batch: usize, problem_bytes: u64, free_bytes: u64) -> Result<MemoryPlan, CudaError> {
        MemoryPlan::new("GPU 0", n_problems, max_batch, Footprint { common_bytes: 1 << 20, problem_bytes }, free_bytes)
    }

    #[test]
    fn batches_cover_the_work_evenly_and_fit() {
        for (n, most, bytes, free) in
            [(1, 1, 1, GIB), (1000, 4096, 1 << 20, 2 * GIB), (7, 3, 10, GIB), (100_000, 999, 64, GIB), (5, 0, 1, GIB)]
        {
            let plan = plan(n, most, bytes, free).unwrap();
            let batches: Vec<_> = plan.batches().collect();
            assert_eq!((batches[0].start, batches[batches.len() - 1].end), (0, n));
            assert!(batches.windows(2).all(|pair| pair[0].end == pair[1].start));
            let sizes: Vec<usize> = batches.iter().map(|b| b.len()).collect();
            let (least, largest) = (*sizes.iter().min().unwrap(), *sizes.iter().max().unwrap());
            assert!(largest - least <= 1 && largest == plan.batch_len() && largest <= most.max(1), "{sizes:?}");
            assert!(plan.bytes() <= free);
        }
        let nothing = plan(0, 8, 8, 0).unwrap();
        assert_eq!((nothing.batches().count(), nothing.bytes(), nothing.batch_len()), (0, 0, 0));
    }

    #[test]
    fn memory_makes_batches_smaller() {
        // (2 GiB - 512 MiB) · 0.9 less 1 MiB in two slots of 690.7 MiB: 690 problems of 1 MiB.
        let plan = plan(1000, 1000, 1 << 20, 2 * GIB).unwrap();
        assert_eq!((plan.batches().count(), plan.batch_len()), (2, 500));
        assert_eq!(plan.bytes(), (1 << 20) + 1000 * (1 << 20));
    }

    #[test]
    fn what_cannot_fit_is_said_with_numbers() {
        match plan(10, 4, GIB, 2 * GIB) {
            Err(CudaError::OutOfMemory { what, needed_bytes, free_bytes, .. }) => {
                assert_eq!(what, "2 of 10 problems");
                assert_eq!(needed_bytes, (1 << 20) + 2 * GIB);
                assert!(free_bytes < needed_bytes, "{free_bytes}");
            }
            other => panic!("{other:?}"),
        }
        assert!(plan(1, 1, 1, 0).is_err());
    }
}
