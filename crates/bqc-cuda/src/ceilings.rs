//! Running the ceiling kernels: a small check that a device computes and copies what it should, and the
//! rates that other kernels are measured against. Times are the device's own.

use crate::gpu::{Buffer, Record};
use crate::{CEILINGS, CudaError, Gpu, Kernel, Launch};
use cust::event::{Event, EventFlags};
use cust::stream::Stream;
use std::ffi::c_void;

/// Threads of a block, as `launch-bounds.txt` of the package has it.
const BLOCK_THREADS: u32 = 256;

/// Chains of a thread of the multiply-add kernels, as the package has it.
const CHAINS: u64 = 8;

/// Runs of each kernel; the fastest counts, as a ceiling should.
const N_RUNS: u32 = 5;

/// The most that a device did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ceilings {
    /// Operations a second of a loop of `f64` multiply-adds, two each.
    pub f64_flops: f64,
    /// The same in `f32`.
    pub f32_flops: f64,
    /// Bytes a second of a copy within the device, read and written together.
    pub copy_bytes: f64,
}

/// Whether the device copies and multiplies as it should, on a few thousand numbers.
pub fn check_kernels(gpu: &Gpu) -> Result<(), CudaError> {
    const N: usize = 4096;
    let kernels = gpu.load(&CEILINGS)?;
    let stream = gpu.stream()?;
    let numbers: Vec<f64> = (0..N).map(|i| i as f64 - 0.5).collect();
    let (from, to) = (gpu.upload("numbers", &numbers)?, gpu.buffer::<f64>("numbers", N)?);
    copy(&kernels.kernel("copy", 0)?, &stream, 4, &from, &to)?;
    let mut copied = vec![0.0; N];
    wait(gpu, &stream, "copy")?;
    to.read(&mut copied)?;
    let wrong = |kernel, what| CudaError::WrongResult { device: gpu.info().to_string(), kernel, what };
    if let Some(i) = (0..N).find(|&i| copied[i].to_bits() != numbers[i].to_bits()) {
        return Err(wrong("copy", format!("number {i} is {}, not {}", copied[i], numbers[i])));
    }

    // x ← 2x + 1 twice is 4x + 3; over the chains that start at t, …, t + 7 the sum is 32t + 136.
    let ends = gpu.buffer::<f64>("numbers", N)?;
    multiply_add(&kernels.kernel("fma_f64", 0)?, &stream, N as u32 / BLOCK_THREADS, &ends, 2, 2.0, 1.0)?;
    let mut found = vec![0.0; N];
    wait(gpu, &stream, "fma_f64")?;
    ends.read(&mut found)?;
    match (0..N).find(|&t| found[t] != (32 * t + 136) as f64) {
        Some(t) => Err(wrong("fma_f64", format!("thread {t} found {}, not {}", found[t], 32 * t + 136))),
        None => Ok(()),
    }
}

/// Measures the ceilings: takes about a second, and `copy_bytes` twice of the device's memory.
pub fn measure_ceilings(gpu: &Gpu, copy_bytes: u64) -> Result<Ceilings, CudaError> {
    const ROUNDS: u32 = 1 << 14;
    // Full waves: eight blocks of this size on a multiprocessor, eight times over.
    let n_blocks = gpu.info().n_multiprocessors * 64;
    let operations = f64::from(n_blocks) * f64::from(BLOCK_THREADS) * (2 * CHAINS * u64::from(ROUNDS)) as f64;
    let n_threads = (n_blocks * BLOCK_THREADS) as usize;
    let kernels = gpu.load(&CEILINGS)?;
    let stream = gpu.stream()?;

    // Factor and term keep the chains at rest near a fixed point, so that no number overflows.
    let (fma_f64, ends) = (kernels.kernel("fma_f64", 0)?, gpu.buffer::<f64>("one number a thread", n_threads)?);
    let f64_seconds =
        fastest(gpu, &stream, "fma_f64", || multiply_add(&fma_f64, &stream, n_blocks, &ends, ROUNDS, 0.5f64, 1.0))?;
    let (fma_f32, ends) = (kernels.kernel("fma_f32", 0)?, gpu.buffer::<f32>("one number a thread", n_threads)?);
    let f32_seconds =
        fastest(gpu, &stream, "fma_f32", || multiply_add(&fma_f32, &stream, n_blocks, &ends, ROUNDS, 0.5f32, 1.0))?;

    let n = usize::try_from(copy_bytes / 16).unwrap_or(usize::MAX / 2) * 2;
    let (from, to) = (gpu.buffer::<f64>("numbers to copy", n)?, gpu.buffer::<f64>("copied numbers", n)?);
    let kernel = kernels.kernel("copy", 0)?;
    let copy_seconds = fastest(gpu, &stream, "copy", || copy(&kernel, &stream, n_blocks, &from, &to))?;
    Ok(Ceilings {
        f64_flops: operations / f64_seconds,
        f32_flops: operations / f32_seconds,
        copy_bytes: 16.0 * n as f64 / copy_seconds,
    })
}

/// Queues `*ends[t] = …` over the whole of `ends`, which has a number for each thread of the grid.
fn multiply_add<R: Record>(
    kernel: &Kernel<'_>,
    stream: &Stream,
    n_blocks: u32,
    ends: &Buffer<R>,
    rounds: u32,
    factor: R,
    term: R,
) -> Result<(), CudaError> {
    assert!(ends.len() >= (n_blocks * BLOCK_THREADS) as usize, "a number for each thread");
    let pointer = ends.pointer();
    let arguments = [address(&pointer), address(&rounds), address(&factor), address(&term)];
    // SAFETY: the kernel takes a pointer, a u32 and two numbers of the buffer's type, and writes one
    // number a thread; the buffer has as many and is waited for before it is freed.
    unsafe { kernel.launch(stream, Launch { n_blocks, block_threads: BLOCK_THREADS }, &arguments) }
}

/// Queues a copy of the whole of `from`; the number of elements is even.
fn copy(
    kernel: &Kernel<'_>,
    stream: &Stream,
    n_blocks: u32,
    from: &Buffer<f64>,
    to: &Buffer<f64>,
) -> Result<(), CudaError> {
    assert!(from.len() == to.len() && from.len().is_multiple_of(2), "pairs");
    let (source, target, n_pairs) = (from.pointer(), to.pointer(), from.len() as u64 / 2);
    let arguments = [address(&source), address(&target), address(&n_pairs)];
    // SAFETY: the kernel takes two pointers and a u64, and copies that many pairs of numbers; both
    // buffers hold them, start at multiples of 256 bytes, and are waited for before they are freed.
    unsafe { kernel.launch(stream, Launch { n_blocks, block_threads: BLOCK_THREADS }, &arguments) }
}

fn address<T>(argument: &T) -> *mut c_void {
    std::ptr::from_ref(argument).cast_mut().cast()
}

fn wait(gpu: &Gpu, stream: &Stream, kernel: &str) -> Result<(), CudaError> {
    gpu.call(kernel, || stream.synchronize())
}

/// Seconds of the fastest of some runs, after one that is not counted.
fn fastest(
    gpu: &Gpu,
    stream: &Stream,
    kernel: &str,
    mut queue: impl FnMut() -> Result<(), CudaError>,
) -> Result<f64, CudaError> {
    queue()?;
    wait(gpu, stream, kernel)?;
    let mut least = f64::INFINITY;
    for _ in 0..N_RUNS {
        let [begin, end] = [(); 2].map(|()| gpu.call(kernel, || Event::new(EventFlags::DEFAULT)));
        let (begin, end) = (begin?, end?);
        gpu.call(kernel, || begin.record(stream))?;
        queue()?;
        gpu.call(kernel, || end.record(stream))?;
        let milliseconds = gpu.call(kernel, || {
            end.synchronize()?;
            end.elapsed_time_f32(&begin)
        })?;
        least = least.min(f64::from(milliseconds) * 1e-3);
    }
    Ok(least)
}
