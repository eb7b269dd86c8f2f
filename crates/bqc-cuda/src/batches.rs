//! Batches through two streams: while the kernels of one batch run, the inputs of the next are copied
//! and the results of the one before come back. Host memory is pinned, or copies would not overlap.

use crate::gpu::{Plain, Pointer, Record};
use crate::{CudaError, Gpu, MemoryPlan, N_SLOTS};
use cust::memory::{AsyncCopyDestination, DeviceBuffer, LockedBuffer};
use cust::stream::Stream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// One batch on the device: its inputs are on the way, its results will be fetched.
pub struct Batch<'a, I: Record, O: Record> {
    /// The problems of the batch.
    pub problems: Range<usize>,
    /// `[problem][inputs]`, of the batch's problems.
    pub inputs: Pointer<I>,
    /// `[problem][outputs]`, of the batch's problems.
    pub outputs: Pointer<O>,
    /// Where the kernels go.
    pub stream: &'a Stream,
}

/// What one of the two batches in flight needs.
struct Slot<I: Record, O: Record> {
    stream: Stream,
    host_inputs: LockedBuffer<Plain<I>>,
    host_outputs: LockedBuffer<Plain<O>>,
    inputs: DeviceBuffer<Plain<I>>,
    outputs: DeviceBuffer<Plain<O>>,
    in_flight: Option<Range<usize>>,
}

impl<I: Record, O: Record> Drop for Slot<I, O> {
    fn drop(&mut self) {
        // Nothing may be freed while a copy or a kernel is still at it. An error has been reported.
        let _ = self.stream.synchronize();
    }
}

/// Runs all batches of `plan` in order. For each, `fill` writes the problems' inputs, `enqueue` puts
/// kernels into the batch's stream, and `take` gets the problems' results, in order.
///
/// * `per_problem`: inputs and outputs of one problem, in elements.
/// * After `stop` is set no further batch begins; those in flight are completed.
///
/// Returns the number of problems whose results were taken: they are the first ones.
pub fn run_batches<I: Record, O: Record>(
    gpu: &Gpu,
    plan: MemoryPlan,
    per_problem: (usize, usize),
    mut fill: impl FnMut(Range<usize>, &mut [I]),
    mut enqueue: impl FnMut(&Batch<'_, I, O>) -> Result<(), CudaError>,
    mut take: impl FnMut(Range<usize>, &[O]),
    stop: &AtomicBool,
) -> Result<usize, CudaError> {
    let mut slots: Vec<Slot<I, O>> = Vec::new();
    let mut n_taken = 0;
    for (k, problems) in plan.batches().enumerate() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        if slots.len() <= k % N_SLOTS {
            slots.push(new_slot(gpu, plan.batch_len(), per_problem)?);
        }
        let slot = &mut slots[k % N_SLOTS];
        n_taken += finish(gpu, slot, per_problem.1, &mut take)?;
        let n_inputs = problems.len() * per_problem.0;
        fill(problems.clone(), Plain::values_mut(&mut slot.host_inputs.as_mut_slice()[..n_inputs]));
        start(gpu, slot, problems, per_problem, &mut enqueue)?;
    }
    // The older batch first.
    slots.sort_by_key(|slot| slot.in_flight.as_ref().map(|problems| problems.start));
    for slot in &mut slots {
        n_taken += finish(gpu, slot, per_problem.1, &mut take)?;
    }
    Ok(n_taken)
}

fn new_slot<I: Record, O: Record>(gpu: &Gpu, batch: usize, per: (usize, usize)) -> Result<Slot<I, O>, CudaError> {
    // The driver refuses empty allocations.
    let (n_inputs, n_outputs) = ((batch * per.0).max(1), (batch * per.1).max(1));
    let what = format!("{batch} problems");
    let (input_bytes, output_bytes) = (n_inputs * size_of::<I>(), n_outputs * size_of::<O>());
    let stream = gpu.stream()?;
    let pinned = |e| gpu.memory_error("pinned copies on the host", input_bytes + output_bytes, e);
    let host_inputs = gpu.bound(|| LockedBuffer::new(&Plain::<I>::zero(), n_inputs)).map_err(pinned)?;
    let host_outputs = gpu.bound(|| LockedBuffer::new(&Plain::<O>::zero(), n_outputs)).map_err(pinned)?;
    let failed = |e| gpu.memory_error(&what, input_bytes + output_bytes, e);
    // SAFETY: inputs are copied to before a kernel reads them; outputs are read by `take` only where
    // the kernels have written them, and any bits are a record.
    let inputs = gpu.bound(|| unsafe { DeviceBuffer::uninitialized(n_inputs) }).map_err(failed)?;
    // SAFETY: as above.
    let outputs = gpu.bound(|| unsafe { DeviceBuffer::uninitialized(n_outputs) }).map_err(failed)?;
    Ok(Slot { stream, host_inputs, host_outputs, inputs, outputs, in_flight: None })
}

/// Queues copy, kernels and copy back.
fn start<I: Record, O: Record>(
    gpu: &Gpu,
    slot: &mut Slot<I, O>,
    problems: Range<usize>,
    per_problem: (usize, usize),
    enqueue: &mut impl FnMut(&Batch<'_, I, O>) -> Result<(), CudaError>,
) -> Result<(), CudaError> {
    let (n_inputs, n_outputs) = (problems.len() * per_problem.0, problems.len() * per_problem.1);
    let source = &slot.host_inputs.as_slice()[..n_inputs];
    let mut inputs = slot.inputs.index(..n_inputs);
    // SAFETY: the pinned memory stays as it is until the stream has been waited for: `finish` comes
    // before the next `fill`, and dropping the slot waits as well.
    gpu.call("copying to the device", || unsafe { inputs.async_copy_from(source, &slot.stream) })?;
    enqueue(&Batch {
        problems: problems.clone(),
        inputs: Pointer::to(&slot.inputs),
        outputs: Pointer::to(&slot.outputs),
        stream: &slot.stream,
    })?;
    let target = &mut slot.host_outputs.as_mut_slice()[..n_outputs];
    let outputs = slot.outputs.index(..n_outputs);
    // SAFETY: as above; nothing reads the pinned memory before the stream has been waited for.
    gpu.call("copying from the device", || unsafe { outputs.async_copy_to(target, &slot.stream) })?;
    slot.in_flight = Some(problems);
    Ok(())
}

/// Waits for the batch that is in flight, if there is one, and hands its results on.
fn finish<I: Record, O: Record>(
    gpu: &Gpu,
    slot: &mut Slot<I, O>,
    n_outputs: usize,
    take: &mut impl FnMut(Range<usize>, &[O]),
) -> Result<usize, CudaError> {
    let Some(problems) = slot.in_flight.take() else { return Ok(0) };
    gpu.call("waiting for a batch", || slot.stream.synchronize())?;
    let n_problems = problems.len();
    take(problems, Plain::values(&slot.host_outputs.as_slice()[..n_problems * n_outputs]));
    Ok(n_problems)
}
