//! How long kernels were at work, by events of the device: what a benchmark of kernels divides by, since wall time
//! holds the host's part too. Launches of several streams overlap, so what counts is the time in which there was
//! a kernel in some stream, whether it computed or waited for the multiprocessors of another.

use super::lane::Lane;
use super::locked;
use crate::{CudaError, Gpu};
use cust::event::{Event, EventFlags};
use std::sync::Mutex;

/// See the module.
pub(super) struct Clock {
    /// Times are counted from here. In `f32` milliseconds, so that a time after an hour is good to a quarter of one.
    origin: Event,
    busy: Mutex<Busy>,
    /// Last, for the context that the event belongs to.
    gpu: Gpu,
}

#[derive(Clone, Copy, Default)]
struct Busy {
    seconds: f64,
    /// The end of the last kernel so far.
    until: f64,
}

impl Busy {
    /// Adds the part of a kernel's time that no kernel before it has covered.
    fn add(&mut self, [begin, end]: [f64; 2]) {
        self.seconds += (end - begin.max(self.until)).max(0.0);
        self.until = self.until.max(end);
    }
}

impl Clock {
    pub(super) fn new(gpu: &Gpu) -> Result<Clock, CudaError> {
        let stream = gpu.stream()?;
        let origin = gpu.call("making an event", || {
            let origin = Event::new(EventFlags::DEFAULT)?;
            origin.record(&stream)?;
            origin.synchronize()?;
            Ok(origin)
        })?;
        Ok(Clock { origin, busy: Mutex::default(), gpu: gpu.clone() })
    }

    /// Counts the kernel that a lane has waited for.
    pub(super) fn add(&self, lane: &Lane) -> Result<(), CudaError> {
        let seconds = lane.seconds_since(&self.origin)?;
        locked(&self.busy).add(seconds);
        Ok(())
    }

    /// Seconds so far.
    pub(super) fn seconds(&self) -> f64 {
        locked(&self.busy).seconds
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        // The event is freed next, on whichever thread this is.
        let _ = self.gpu.bound(|| Ok(()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_kernels_overlap_counts_once() {
        let mut busy = Busy::default();
        for (kernel, expected) in
            [([1.0, 3.0], 2.0), ([2.0, 4.0], 3.0), ([2.5, 3.5], 3.0), ([6.0, 7.0], 4.0), ([7.0, 7.0], 4.0)]
        {
            busy.add(kernel);
            assert_eq!(busy.seconds, expected, "{kernel:?}");
        }
    }
}
