//! The memory of one launch, kept from call to call: a stream, and one block of memory on each side that
//! holds all tables, so that a launch is one copy in, one kernel, one copy out. The host's side is pinned,
//! or copies would not overlap with the kernels of other sessions. A launch is begun and finished apart;
//! who has two sessions fills the one while the other computes.

use super::tables::{BLOCK_THREADS, Shape, Tables};
use crate::gpu::{Plain, Record};
use crate::{CudaError, Footprint, Gpu, Kernel, Kernels, Launch, N_SLOTS};
use bqc_kernels::arguments::LmArguments;
use bqc_kernels::complex::Complex;
use bqc_kernels::templates::{Base, Candidate, CxWord, Group, LmResult, LmSettings, NONE, status};
use cust::memory::{AsyncCopyDestination, DeviceBuffer, LockedBuffer};
use cust::stream::Stream;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

// SAFETY: `repr(C)` of numbers without gaps: five u32.
unsafe impl Record for Base {}
// SAFETY: one u32.
unsafe impl Record for CxWord {}
// SAFETY: two f64.
unsafe impl Record for Complex {}
// SAFETY: eight u32.
unsafe impl Record for Candidate {}
// SAFETY: eight u32, one f64.
unsafe impl Record for Group {}
// SAFETY: four u32, two f64.
unsafe impl Record for LmSettings {}
// SAFETY: four f64, six u32, one u64.
unsafe impl Record for LmResult {}

/// Every table begins at a multiple of this: the widest access of a kernel.
const ALIGNMENT: usize = 16;

/// The status of a result before a kernel has written it: none that a kernel knows.
const UNWRITTEN: u32 = u32::MAX;

/// Pauses between two looks at a launch: a small one ends within the first, and a stop need not be seen
/// sooner than the last.
const SHORTEST_PAUSE: Duration = Duration::from_micros(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(1);

/// What a launch gave back, seen to be possible: every place is one that exists.
pub(crate) struct Returned {
    /// One a candidate.
    pub results: Vec<LmResult>,
    /// `[survivor][slots_len]` from `first_place` on: all if all are kept, else that of the lowest
    /// accepted candidate alone.
    survivors: Vec<Complex>,
    first_place: usize,
    slots_len: usize,
}

impl Returned {
    /// The slots that a candidate ended with, two complex numbers each. Panics for one without a place, and
    /// among competitors for all but the lowest that was accepted.
    pub(crate) fn slots(&self, index: usize) -> &[Complex] {
        let place = self.results[index].survivor as usize - self.first_place;
        &self.survivors[place * self.slots_len..][..self.slots_len]
    }
}

/// The tables on the host and on the device.
type Memory = (LockedBuffer<Plain<u128>>, DeviceBuffer<Plain<u128>>);

/// See the module.
pub(crate) struct Session {
    stream: Stream,
    memory: Option<Memory>,
    workspace: Option<DeviceBuffer<Plain<u128>>>,
    /// What has been begun, until it is finished.
    in_flight: Option<(Places, &'static str)>,
    /// One word that the kernel reads: not zero, all stop.
    stop: LockedBuffer<Plain<u32>>,
    /// Whether every candidate of what has been begun keeps its slots at its own place.
    keeps_all: bool,
    /// Last, because fields are dropped in their order: the context may end with this one, and the
    /// stream and the memory must be gone by then.
    gpu: Gpu,
}

// SAFETY: 16 bytes of any kind.
unsafe impl Record for u128 {}

impl Drop for Session {
    fn drop(&mut self) {
        // Nothing may be freed while a copy or a kernel is still at it, and whoever frees it needs the
        // context. An error has been reported, and nobody wants the results.
        self.ask_to_stop(true);
        let _ = self.gpu.bound(|| self.stream.synchronize());
    }
}

/// Where the tables of a launch lie within its memory, in bytes.
struct Places {
    tables: [Range<usize>; 7],
    winners: Range<usize>,
    queue: Range<usize>,
    /// Copied in, so that a result which was never written can be told, and out.
    results: Range<usize>,
    /// Up to here is copied in.
    inputs_end: usize,
    survivors: Range<usize>,
    /// Complex numbers of a survivor.
    slots_len: usize,
    end: usize,
}

impl Places {
    fn of(tables: &Tables, shape: &Shape) -> Places {
        let mut end = 0;
        let mut place = |len: usize, size: usize| {
            let start = end;
            end = (start + len * size).next_multiple_of(ALIGNMENT);
            start..start + len * size
        };
        let n = tables.candidates.len();
        let tables_places = [
            place(tables.bases.len(), size_of::<Base>()),
            place(tables.cx.len(), size_of::<CxWord>()),
            place(tables.slots.len(), size_of::<Complex>()),
            place(tables.states.len(), size_of::<Complex>()),
            place(n, size_of::<Candidate>()),
            place(tables.groups.len(), size_of::<Group>()),
            place(tables.settings.len(), size_of::<LmSettings>()),
        ];
        let winners = place(tables.groups.len() + 1, size_of::<u32>());
        let queue = place(1, size_of::<u32>());
        let results = place(n, size_of::<LmResult>());
        let slots_len = 2 * shape.slots_per_survivor as usize;
        let survivors = place(n * slots_len, size_of::<Complex>());
        Places {
            tables: tables_places,
            winners,
            queue,
            results,
            inputs_end: survivors.start,
            survivors,
            slots_len,
            end,
        }
    }
}

/// What a launch of these tables needs on the device, the states being common to all candidates. Every
/// candidate is given a block's work space, although there are never more blocks than the device holds.
pub(crate) fn footprint(tables: &Tables, shape: &Shape) -> Footprint {
    let workspace = if shape.large_is_global { 8 * u64::from(shape.large_len) } else { 0 };
    let states = size_of_val(&tables.states[..]) as u64;
    let others = Places::of(tables, shape).end as u64 - states;
    Footprint {
        common_bytes: N_SLOTS as u64 * states,
        problem_bytes: others.div_ceil(tables.candidates.len().max(1) as u64) + workspace,
    }
}

impl Session {
    pub(crate) fn new(gpu: &Gpu) -> Result<Session, CudaError> {
        let failed = |e| gpu.host_memory_error("one word", size_of::<u32>(), e);
        let stop = gpu.bound(|| LockedBuffer::new(&Plain(0), 1)).map_err(failed)?;
        Ok(Session {
            stream: gpu.stream()?,
            memory: None,
            workspace: None,
            in_flight: None,
            stop,
            keeps_all: false,
            gpu: gpu.clone(),
        })
    }

    /// Queues the copy of all tables, the kernel, and the copy of what it leaves.
    pub(crate) fn begin(&mut self, kernels: &Kernels, tables: &Tables, shape: &Shape) -> Result<(), CudaError> {
        assert!(self.in_flight.is_none(), "a launch is finished before the next one");
        let places = Places::of(tables, shape);
        let name = shape.kernel_name();
        let kernel = kernels.kernel(name, shape.shared_bytes())?;
        let n = tables.candidates.len() as u32;
        let resident = kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1) * self.gpu.info().n_multiprocessors;
        let n_blocks = n.min(resident);
        let (host, device) = self.room(&format!("{n} candidates"), places.end)?;
        fill(bytes_of_mut(Plain::values_mut(host.as_mut_slice())), tables, &places);
        let start = device.as_device_ptr().as_raw();
        let large_len = if shape.large_is_global { shape.large_len } else { 0 };
        let workspace = self.workspace(large_len, n_blocks)?;
        self.ask_to_stop(false);
        // Pinned memory has the same address on the device: 64-bit Linux has unified addressing throughout.
        let stop = self.stop.as_slice().as_ptr() as u64;
        let arguments = LmArguments { workspace, stop, ..arguments(start, &places, tables, shape) };
        self.keeps_all = tables.groups.iter().all(|group| group.keep_all != 0);
        self.queue(&kernel, n_blocks, &places, arguments)?;
        self.in_flight = Some((places, name));
        Ok(())
    }

    /// Waits for what was begun, and has it end early once `stop` is set. Panics if nothing was begun.
    pub(crate) fn finish(&mut self, stop: &AtomicBool) -> Result<Returned, CudaError> {
        let (places, name) = self.in_flight.take().expect("a launch is begun before it is finished");
        let was_stopped = self.wait(name, stop)?;
        let results: Vec<LmResult> = records(&self.host_bytes()[places.results.clone()]);
        if let Some(what) = self.nonsense(&results, was_stopped) {
            return Err(CudaError::WrongResult { device: self.gpu.info().to_string(), kernel: name, what });
        }
        let slots_len = places.slots_len;
        let (first_place, survivors) = if self.keeps_all {
            (0, records(&self.host_bytes()[places.survivors]))
        } else {
            let lowest = results.iter().find(|result| result.status == status::ACCEPTED);
            let place = lowest.map(|result| result.survivor as usize);
            (place.unwrap_or(0), place.map_or(Ok(Vec::new()), |place| self.fetch(&places, place))?)
        };
        Ok(Returned { results, survivors, first_place, slots_len })
    }

    /// What has come back.
    fn host_bytes(&self) -> &[u8] {
        let (host, _) = self.memory.as_ref().expect("a launch that was begun has memory");
        bytes_of(Plain::values(host.as_slice()))
    }

    /// Copies the slots of one survivor. In this session's stream: a copy outside of all streams would
    /// wait for the kernels of other sessions.
    fn fetch(&mut self, places: &Places, place: usize) -> Result<Vec<Complex>, CudaError> {
        let (host, device) = self.memory.as_mut().expect("a launch that was begun has memory");
        let start = places.survivors.start + place * places.slots_len * size_of::<Complex>();
        let bytes = start..start + places.slots_len * size_of::<Complex>();
        let [first, end] = [bytes.start, bytes.end].map(|place| place / ALIGNMENT);
        let part = device.index(first..end);
        let during = "copying from the device";
        // SAFETY: as in `queue`; the stream is waited for here.
        self.gpu.call(during, || unsafe { part.async_copy_to(&mut host.as_mut_slice()[first..end], &self.stream) })?;
        self.gpu.call(during, || self.stream.synchronize())?;
        Ok(records(&self.host_bytes()[bytes]))
    }

    /// Waits, asleep and by the polls that a stop needs; whether there was one.
    fn wait(&self, name: &str, stop: &AtomicBool) -> Result<bool, CudaError> {
        let mut pause = SHORTEST_PAUSE;
        while !self.gpu.is_done(name, &self.stream)? {
            if stop.load(Ordering::Relaxed) {
                self.ask_to_stop(true);
                return self.gpu.call(name, || self.stream.synchronize()).map(|()| true);
            }
            std::thread::sleep(pause);
            pause = (2 * pause).min(LONGEST_PAUSE);
        }
        Ok(false)
    }

    fn ask_to_stop(&self, is_asked: bool) {
        let word = std::ptr::from_ref(&self.stop.as_slice()[0].0).cast_mut();
        // SAFETY: the word is aligned and lives as long as the session; while a kernel is in flight it
        // is written here alone, and read by nobody on this side.
        unsafe { AtomicU32::from_ptr(word) }.store(is_asked.into(), Ordering::Relaxed);
    }

    /// What no run of the kernel leaves, if there is such a thing: from here on places may be trusted.
    fn nonsense(&self, results: &[LmResult], was_stopped: bool) -> Option<String> {
        let n = results.len() as u32;
        results.iter().zip(0..).find_map(|(result, index)| {
            let LmResult { status, survivor, .. } = *result;
            let is_stopped = was_stopped && status == status::STOPPED;
            let is_known = is_stopped || status <= status::BEATEN;
            let is_placed = match self.keeps_all {
                true => survivor == index || is_stopped && survivor == NONE,
                false => survivor < n || survivor == NONE && status != status::ACCEPTED,
            };
            let is_written = result.cost.is_finite() && result.cost >= 0.0;
            let what = || format!("candidate {index} of {n}: status {status}, place {survivor}, cost {}", result.cost);
            (!(is_known && is_placed && is_written)).then(what)
        })
    }

    fn queue(
        &mut self,
        kernel: &Kernel<'_>,
        n_blocks: u32,
        places: &Places,
        arguments: LmArguments,
    ) -> Result<(), CudaError> {
        let (host, device) = self.memory.as_mut().expect("room has been made");
        // Of competitors only one survivor is wanted, which is fetched when it is known.
        let outputs_end = if self.keeps_all { places.end } else { places.inputs_end };
        let [outputs_start, inputs_end, outputs_end] =
            [places.results.start, places.inputs_end, outputs_end].map(|place| place / ALIGNMENT);
        let mut inputs = device.index(..inputs_end);
        // SAFETY: the pinned memory is neither written nor freed before the stream has been waited for,
        // by `finish` or when the session is dropped.
        self.gpu.call("copying to the device", || unsafe {
            inputs.async_copy_from(&host.as_slice()[..inputs_end], &self.stream)
        })?;
        let parameters = [std::ptr::from_ref(&arguments).cast_mut().cast()];
        // SAFETY: the kernel takes this record by value; `Places` gives every table the room that the
        // counts say, the workspace has a part for every block, and shared memory is what the shape
        // says. All of it lives until the stream has been waited for.
        unsafe { kernel.launch(&self.stream, Launch { n_blocks, block_threads: BLOCK_THREADS }, &parameters)? };
        let outputs = device.index(outputs_start..outputs_end);
        // SAFETY: as for the copy before.
        self.gpu.call("copying from the device", || unsafe {
            outputs.async_copy_to(&mut host.as_mut_slice()[outputs_start..outputs_end], &self.stream)
        })
    }

    /// Memory of `bytes` on both sides; it grows and never shrinks.
    fn room(&mut self, what: &str, bytes: usize) -> Result<&mut Memory, CudaError> {
        let needed = bytes / ALIGNMENT;
        let enough = self.memory.take().filter(|(host, _)| host.len() >= needed);
        let memory = match enough {
            Some(memory) => memory,
            None => {
                // Half as much again: the next launch is likely to be a little larger.
                let len = needed + needed / 2;
                let gpu = &self.gpu;
                let failed = |e| gpu.memory_error(what, len * ALIGNMENT, e);
                let host_failed = |e| gpu.host_memory_error(what, len * ALIGNMENT, e);
                let host = gpu.bound(|| LockedBuffer::new(&Plain(0), len)).map_err(host_failed)?;
                // SAFETY: inputs are copied in before the kernel reads them, and of the outputs only
                // those are looked at that a result points to; any bits are a record.
                let device = gpu.bound(|| unsafe { DeviceBuffer::uninitialized(len) }).map_err(failed)?;
                (host, device)
            }
        };
        Ok(self.memory.insert(memory))
    }

    /// Where `n_blocks` times `large_len` numbers lie; 0 if that is nothing.
    fn workspace(&mut self, large_len: u32, n_blocks: u32) -> Result<u64, CudaError> {
        let len = (8 * large_len as usize * n_blocks as usize).div_ceil(ALIGNMENT);
        if len == 0 {
            return Ok(0);
        }
        let enough = self.workspace.take().filter(|workspace| workspace.len() >= len);
        let workspace = match enough {
            Some(workspace) => workspace,
            None => {
                let gpu = &self.gpu;
                let failed = |e| gpu.memory_error(&format!("work space of {n_blocks} blocks"), len * ALIGNMENT, e);
                // SAFETY: a block writes its part before it reads it.
                gpu.bound(|| unsafe { DeviceBuffer::uninitialized(len) }).map_err(failed)?
            }
        };
        Ok(self.workspace.insert(workspace).as_device_ptr().as_raw())
    }
}

/// Writes all tables to their places, no winners, an empty queue, and results that no kernel wrote.
fn fill(memory: &mut [u8], tables: &Tables, places: &Places) {
    let contents = [
        bytes_of(&tables.bases),
        bytes_of(&tables.cx),
        bytes_of(&tables.slots),
        bytes_of(&tables.states),
        bytes_of(&tables.candidates),
        bytes_of(&tables.groups),
        bytes_of(&tables.settings),
    ];
    for (place, content) in places.tables.iter().zip(contents) {
        memory[place.clone()].copy_from_slice(content);
    }
    let mut winners = vec![NONE; tables.groups.len()];
    // The number of survivors so far.
    winners.push(0);
    memory[places.winners.clone()].copy_from_slice(bytes_of(&winners));
    memory[places.queue.clone()].copy_from_slice(bytes_of(&[0u32]));
    let unwritten = LmResult::not_begun(UNWRITTEN, 0);
    memory[places.results.clone()].copy_from_slice(bytes_of(&vec![unwritten; tables.candidates.len()]));
}

/// All but the addresses outside of the tables' memory.
fn arguments(start: u64, places: &Places, tables: &Tables, shape: &Shape) -> LmArguments {
    let at = |place: &Range<usize>| start + place.start as u64;
    let [bases, cx, slots, states, candidates, groups, settings] = places.tables.each_ref().map(at);
    let n_candidates = tables.candidates.len() as u32;
    LmArguments {
        bases,
        cx,
        slots,
        states,
        candidates,
        groups,
        settings,
        winners: at(&places.winners),
        results: at(&places.results),
        survivors: at(&places.survivors),
        queue: at(&places.queue),
        stop: 0,
        workspace: 0,
        n_candidates,
        n_groups: tables.groups.len() as u32,
        n_survivors: n_candidates,
        slots_per_survivor: shape.slots_per_survivor,
        small_len: shape.small_len,
        large_len: shape.large_len,
        samples_per_panel: shape.samples_per_panel,
        reserved: 0,
    }
}

fn bytes_of<T: Record>(records: &[T]) -> &[u8] {
    // SAFETY: records have no padding, so every byte of them has a value.
    unsafe { std::slice::from_raw_parts(records.as_ptr().cast(), size_of_val(records)) }
}

fn bytes_of_mut<T: Record>(records: &mut [T]) -> &mut [u8] {
    // SAFETY: as in `bytes_of`, and any bytes are a record.
    unsafe { std::slice::from_raw_parts_mut(records.as_mut_ptr().cast(), size_of_val(records)) }
}

/// The records that these bytes are.
fn records<T: Record>(bytes: &[u8]) -> Vec<T> {
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
    fn the_arguments_are_as_large_as_the_kernels_think() {
        let ptx = crate::LM.sm_80;
        for kernel in ["bqc_lm_shared", "bqc_lm_global"] {
            let parameter = format!("{kernel}_param_0[{}]", size_of::<LmArguments>());
            assert!(ptx.contains(&parameter), "{parameter}");
        }
    }

    #[test]
    fn records_go_to_bytes_and_back() {
        let numbers = [Complex::new(1.5, -2.0), Complex::new(f64::MAX, 0.0)];
        assert_eq!(records::<Complex>(bytes_of(&numbers)), numbers);
        assert_eq!(bytes_of(&[1u32, 2]).len(), 8);
        assert!(records::<u32>(&[]).is_empty());
    }
}
