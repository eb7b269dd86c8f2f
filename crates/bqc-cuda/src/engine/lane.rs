//! What every kind of launch needs, kept from call to call: a stream, one block of memory on each side
//! that holds all tables, work space, and words by which the host asks a kernel to stop. A launch is one
//! copy in, one kernel, one copy out. The host's side is pinned, or copies would not overlap with the
//! kernels of other lanes. What lies where is the business of the sessions that use a lane.

use crate::gpu::{Plain, Record};
use crate::{CudaError, Gpu, Kernel, Launch};
use bqc_kernels::complex::Complex;
use cust::event::{Event, EventFlags};
use cust::memory::{AsyncCopyDestination, DeviceBuffer, LockedBuffer};
use cust::stream::Stream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use std::time::Duration;

// SAFETY: two f64.
unsafe impl Record for Complex {}
// SAFETY: 16 bytes of any kind.
unsafe impl Record for u128 {}

/// Every table begins at a multiple of this: the widest access of a kernel.
const ALIGNMENT: usize = 16;

/// Words by which the host asks a kernel to stop: so many groups may be in a launch.
pub(crate) const N_STOPS: usize = 256;

/// Pauses between two looks at a launch: a small one ends within the first, and a stop need not be seen
/// sooner than the last. In between, a share of the time waited so far: as much later may an end be seen.
const SHORTEST_PAUSE: Duration = Duration::from_micros(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);
const PAUSES_PER_WAIT: u32 = 8;

/// The tables on the host and on the device.
type Memory = (LockedBuffer<Plain<u128>>, DeviceBuffer<Plain<u128>>);

/// Places for tables, one after the other, in bytes.
#[derive(Default)]
pub(crate) struct Placing {
    /// Where the next table begins, and how much room all need.
    pub end: usize,
}

impl Placing {
    /// A place for `len` records.
    pub(crate) fn of<T: Record>(&mut self, len: usize) -> Range<usize> {
        let start = self.end;
        self.end = (start + len * size_of::<T>()).next_multiple_of(ALIGNMENT);
        start..start + len * size_of::<T>()
    }
}

/// See the module.
pub(crate) struct Lane {
    stream: Stream,
    memory: Option<Memory>,
    workspace: Option<DeviceBuffer<Plain<u128>>>,
    /// Just before and just after the kernel.
    around: [Event; 2],
    /// Words that the kernel reads: not zero, those who look at it stop. Only by their address, since the kernel
    /// reads them while they are written; the buffer is there to be freed.
    stop_words: AtomicPtr<u32>,
    _stop: LockedBuffer<Plain<u32>>,
    /// Last, because fields are dropped in their order: the context may end with this one, and the
    /// stream and the memory must be gone by then.
    gpu: Gpu,
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Nothing may be freed while a copy or a kernel is still at it, and whoever frees it needs the
        // context. An error has been reported, and nobody wants the results.
        self.ask_to_stop(true);
        let _ = self.gpu.bound(|| self.stream.synchronize());
    }
}

impl Lane {
    pub(crate) fn new(gpu: &Gpu) -> Result<Lane, CudaError> {
        let failed = |e| gpu.host_memory_error("words", N_STOPS * size_of::<u32>(), e);
        let mut stop = gpu.bound(|| LockedBuffer::new(&Plain(0), N_STOPS)).map_err(failed)?;
        let stop_words = AtomicPtr::new(stop.as_mut_slice().as_mut_ptr().cast());
        let event = || gpu.call("making an event", || Event::new(EventFlags::DEFAULT));
        let (stream, around) = (gpu.stream()?, [event()?, event()?]);
        Ok(Lane { stream, memory: None, workspace: None, around, stop_words, _stop: stop, gpu: gpu.clone() })
    }

    pub(crate) fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Memory of `bytes` on both sides, which grows and never shrinks: the host's side, to be filled, and
    /// the address of the device's.
    pub(crate) fn room(&mut self, what: &str, bytes: usize) -> Result<(&mut [u8], u64), CudaError> {
        let needed = bytes.div_ceil(ALIGNMENT);
        let memory = match self.memory.take() {
            Some(memory) if memory.0.len() >= needed => memory,
            small => {
                // Half as much again: the next launch is likely to be a little larger.
                let len = needed + needed / 2;
                let gpu = &self.gpu;
                free(gpu, small);
                let failed = |e| gpu.memory_error(what, len * ALIGNMENT, e);
                let host_failed = |e| gpu.host_memory_error(what, len * ALIGNMENT, e);
                let host = gpu.bound(|| LockedBuffer::new(&Plain(0), len)).map_err(host_failed)?;
                // SAFETY: inputs are copied in before the kernel reads them, and of the outputs only
                // those are looked at that a result points to; any bits are a record.
                let device = gpu.bound(|| unsafe { DeviceBuffer::uninitialized(len) }).map_err(failed)?;
                (host, device)
            }
        };
        let (host, device) = self.memory.insert(memory);
        Ok((bytes_of_mut(Plain::values_mut(host.as_mut_slice())), device.as_device_ptr().as_raw()))
    }

    /// Where `n_blocks` times `large_len` numbers lie; 0 if that is nothing.
    pub(crate) fn workspace(&mut self, large_len: u32, n_blocks: u32) -> Result<u64, CudaError> {
        let len = (8 * large_len as usize * n_blocks as usize).div_ceil(ALIGNMENT);
        if len == 0 {
            return Ok(0);
        }
        let workspace = match self.workspace.take() {
            Some(workspace) if workspace.len() >= len => workspace,
            small => {
                let gpu = &self.gpu;
                free(gpu, small);
                let failed = |e| gpu.memory_error(&format!("work space of {n_blocks} blocks"), len * ALIGNMENT, e);
                // SAFETY: a block writes its part before it reads it.
                gpu.bound(|| unsafe { DeviceBuffer::uninitialized(len) }).map_err(failed)?
            }
        };
        Ok(self.workspace.insert(workspace).as_device_ptr().as_raw())
    }

    /// The address of the words that a kernel is to look at.
    pub(crate) fn stop_address(&self) -> u64 {
        // Pinned memory has the same address on the device: 64-bit Linux has unified addressing throughout.
        self.stop_words.load(Ordering::Relaxed).expose_provenance() as u64
    }

    /// Queues the copy of the first `inputs_end` bytes, the kernel, and the copy of the bytes `outputs`.
    ///
    /// # Safety
    /// As for [`Kernel::launch`], the kernel's one parameter being `arguments`; and until
    /// [`Lane::wait`] has returned, nobody asks for room.
    pub(crate) unsafe fn queue<T>(
        &mut self,
        kernel: &Kernel<'_>,
        shape: Launch,
        arguments: &T,
        inputs_end: usize,
        outputs: Range<usize>,
    ) -> Result<(), CudaError> {
        self.ask_to_stop(false);
        let (host, device) = self.memory.as_mut().expect("room has been made");
        let inputs_end = inputs_end.div_ceil(ALIGNMENT);
        let mut inputs = device.index(..inputs_end);
        // SAFETY: the pinned memory is neither written nor freed before the stream has been waited for,
        // by `wait` or when the lane is dropped.
        self.gpu.call("copying to the device", || unsafe {
            inputs.async_copy_from(&host.as_slice()[..inputs_end], &self.stream)
        })?;
        let parameters = [std::ptr::from_ref(arguments).cast_mut().cast()];
        self.gpu.call("timing", || self.around[0].record(&self.stream))?;
        // SAFETY: the caller's.
        unsafe { kernel.launch(&self.stream, shape, &parameters)? };
        self.gpu.call("timing", || self.around[1].record(&self.stream))?;
        self.copy_out(outputs)
    }

    /// Copies more of what a launch left, after it has been waited for. In this lane's stream: a copy
    /// outside of all streams would wait for the kernels of others.
    pub(crate) fn fetch(&mut self, bytes: Range<usize>) -> Result<(), CudaError> {
        self.copy_out(bytes)?;
        self.gpu.call("copying from the device", || self.stream.synchronize())
    }

    fn copy_out(&mut self, bytes: Range<usize>) -> Result<(), CudaError> {
        let (host, device) = self.memory.as_mut().expect("room has been made");
        let (first, end) = (bytes.start / ALIGNMENT, bytes.end.div_ceil(ALIGNMENT));
        let part = device.index(first..end);
        // SAFETY: as in `queue`.
        self.gpu.call("copying from the device", || unsafe {
            part.async_copy_to(&mut host.as_mut_slice()[first..end], &self.stream)
        })
    }

    /// Waits, asleep and by the polls that a stop needs; whether there was one.
    pub(crate) fn wait(&self, kernel: &str, stop: &AtomicBool) -> Result<bool, CudaError> {
        let mut was_stopped = false;
        self.wait_looking(kernel, || {
            was_stopped = stop.load(Ordering::Relaxed);
            if was_stopped {
                self.ask_to_stop(true);
            }
            was_stopped
        })?;
        Ok(was_stopped)
    }

    /// Waits, asleep, and calls `look` at every poll, until that says that it need not be called again.
    pub(crate) fn wait_looking(&self, kernel: &str, mut look: impl FnMut() -> bool) -> Result<(), CudaError> {
        let mut waited = Duration::ZERO;
        while !self.gpu.is_done(kernel, &self.stream)? {
            if look() {
                return self.gpu.call(kernel, || self.stream.synchronize());
            }
            let pause = (waited / PAUSES_PER_WAIT).clamp(SHORTEST_PAUSE, LONGEST_PAUSE);
            std::thread::sleep(pause);
            waited += pause;
        }
        Ok(())
    }

    /// When the kernel that has been waited for began and ended, in seconds of the device's clock since an event.
    pub(crate) fn seconds_since(&self, origin: &Event) -> Result<[f64; 2], CudaError> {
        let [begin, end] = &self.around;
        let since = |event: &Event| self.gpu.call("timing", || event.elapsed_time_f32(origin));
        Ok([since(begin)?, since(end)?].map(|milliseconds| f64::from(milliseconds) * 1e-3))
    }

    /// The host's side, with what has come back. Panics before there is room.
    pub(crate) fn host_bytes(&self) -> &[u8] {
        let (host, _) = self.memory.as_ref().expect("a launch that was begun has memory");
        bytes_of(Plain::values(host.as_slice()))
    }

    fn ask_to_stop(&self, is_asked: bool) {
        (0..N_STOPS).for_each(|index| self.set_stop(index, is_asked));
    }

    /// Sets one of the words. Panics from [`N_STOPS`] on.
    pub(crate) fn set_stop(&self, index: usize, is_asked: bool) {
        assert!(index < N_STOPS);
        // SAFETY: so many words were allocated, which are aligned, live as long as the lane and are touched by
        // nothing else on this side.
        let word = unsafe { AtomicU32::from_ptr(self.stop_words.load(Ordering::Relaxed).add(index)) };
        word.store(is_asked.into(), Ordering::Relaxed);
    }
}

/// Frees memory of a device, whose context that needs.
fn free<T>(gpu: &Gpu, memory: Option<T>) {
    let _ = gpu.bound(|| {
        drop(memory);
        Ok(())
    });
}

/// Records as they lie in memory.
pub(crate) fn bytes_of<T: Record>(records: &[T]) -> &[u8] {
    // SAFETY: records have no padding, so every byte of them has a value.
    unsafe { std::slice::from_raw_parts(records.as_ptr().cast(), size_of_val(records)) }
}

fn bytes_of_mut<T: Record>(records: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes_of`, and any bytes are a record.
    unsafe { std::slice::from_raw_parts_mut(records.as_mut_ptr().cast(), size_of_val(records)) }
}

/// The records that these bytes are.
pub(crate) fn records<T: Record>(bytes: &[u8]) -> Vec<T> {
    let read = |chunk: &[u8]| {
        // SAFETY: as many bytes as a record has, and any bytes are a record.
        unsafe { chunk.as_ptr().cast::<T>().read_unaligned() }
    };
    bytes.chunks_exact(size_of::<T>()).map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_go_to_bytes_and_back() {
        let numbers = [Complex::new(1.5, -2.0), Complex::new(f64::MAX, 0.0)];
        assert_eq!(records::<Complex>(bytes_of(&numbers)), numbers);
        assert_eq!(bytes_of(&[1u32, 2]).len(), 8);
        assert!(records::<u32>(&[]).is_empty());
    }

    #[test]
    fn tables_begin_where_the_widest_access_may() {
        let mut placing = Placing::default();
        assert_eq!((placing.of::<u32>(3), placing.of::<Complex>(2), placing.end), (0..12, 16..48, 48));
    }
}
