//! What a GPU launches. Persistent blocks take candidates or runs from a queue until it is
//! empty, so a grid has as many blocks as the device holds at once.

use crate::arguments::{LmArguments, QUEUE_LEN, SweepArguments};
use crate::cta::device::{
    DeviceCta, DeviceFlags, DeviceGlobal, DeviceMemory, DeviceNumbers, DeviceOutput, DeviceTable,
};
use crate::cta::{Cta, Flags, Memory};
use crate::lm::layout::{Arrangement, ByColumn, ByRow, Workspace};
use crate::lm::{self, LmLaunch};
use crate::sweep::{self, SweepLaunch};
use crate::templates::Tables;

/// The next index of the queue, the same in every thread.
#[inline(always)]
fn next(cta: &mut DeviceCta, shared: DeviceMemory, queue: DeviceFlags) -> u32 {
    cta.once(|| shared.set_word(0, queue.add(0, 1)));
    let index = shared.word(0);
    // Nobody may overwrite it before all have read it.
    cta.phase(|_| ());
    index
}

/// # Safety
/// The pointers are to global memory with what the counts say; `large` is the block's own.
#[inline(always)]
unsafe fn lm_queue(
    arguments: LmArguments,
    arrangement: impl Arrangement,
    large: impl Fn(DeviceMemory) -> DeviceMemory,
) {
    let a = arguments;
    // SAFETY: as above; the emulated bodies stay inside their tables.
    unsafe {
        let mut cta = DeviceCta::new();
        let shared = cta.shared();
        let small = shared.offset(QUEUE_LEN);
        let queue = DeviceFlags::new(a.queue as _);
        let launch = LmLaunch::<DeviceGlobal> {
            tables: Tables {
                bases: DeviceTable::new(a.bases as _),
                cx: DeviceTable::new(a.cx as _),
                slots: DeviceNumbers::new(a.slots as _),
                states: DeviceNumbers::new(a.states as _),
            },
            candidates: DeviceTable::new(a.candidates as _),
            groups: DeviceTable::new(a.groups as _),
            settings: DeviceTable::new(a.settings as _),
            winners: DeviceFlags::new(a.winners as _),
            stop: DeviceFlags::new(a.stop as _),
            n_groups: a.n_groups,
            results: DeviceOutput::new(a.results as _),
            survivors: DeviceOutput::new(a.survivors as _),
            n_survivors: a.n_survivors,
            slots_per_survivor: a.slots_per_survivor,
            small_len: a.small_len,
            large_len: a.large_len,
        };
        loop {
            let index = next(&mut cta, shared, queue);
            if index >= a.n_candidates {
                break;
            }
            lm::run(&mut cta, launch, index, Workspace { small, large: large(small), arrangement });
        }
    }
}

/// Levenberg–Marquardt with everything in shared memory: `8·(2 + small_len + large_len)` bytes of it.
///
/// # Safety
/// See `lm_queue`.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn bqc_lm_shared(arguments: LmArguments) {
    // SAFETY: the caller's.
    unsafe { lm_queue(arguments, ByColumn, |small| small.offset(arguments.small_len)) }
}

/// Levenberg–Marquardt with the large memory in `workspace`, `[block][large_len]`: for what does not fit.
///
/// # Safety
/// See `lm_queue`.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn bqc_lm_global(arguments: LmArguments) {
    // SAFETY: the caller's; every block has its own part, of fewer than 2^32 numbers.
    unsafe {
        let block = core::arch::nvptx::_block_idx_x() as u32;
        let own =
            DeviceMemory::new((arguments.workspace as *mut f64).add(block as usize * arguments.large_len as usize));
        lm_queue(arguments, ByRow, |_| own);
    }
}

/// # Safety
/// The pointers are to global memory with what the counts say; `large` is the block's own.
#[inline(always)]
unsafe fn sweep_queue(arguments: SweepArguments, large: impl Fn(DeviceMemory) -> DeviceMemory) {
    let a = arguments;
    // SAFETY: as above; the emulated bodies stay inside their tables.
    unsafe {
        let mut cta = DeviceCta::new();
        let shared = cta.shared();
        let small = shared.offset(QUEUE_LEN);
        let launch = SweepLaunch::<DeviceGlobal> {
            runs: DeviceTable::new(a.runs as _),
            steps: DeviceTable::new(a.steps as _),
            rules: DeviceTable::new(a.rules as _),
            states: DeviceNumbers::new(a.states as _),
            values: DeviceNumbers::new(a.values as _),
            results: DeviceOutput::new(a.results as _),
            found: DeviceOutput::new(a.found as _),
            stop: DeviceFlags::new(a.stop as _),
            small_len: a.small_len,
            large_len: a.large_len,
        };
        loop {
            let index = next(&mut cta, shared, DeviceFlags::new(a.queue as _));
            if index >= a.n_runs {
                break;
            }
            let points = DeviceMemory::new(a.points as _);
            sweep::run(&mut cta, launch, index, small, large(small), points);
        }
    }
}

/// QFactor sweeps with all states in shared memory: `8·(2 + small_len + large_len)` bytes of it.
///
/// # Safety
/// See `sweep_queue`.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn bqc_sweep_shared(arguments: SweepArguments) {
    // SAFETY: the caller's.
    unsafe { sweep_queue(arguments, |small| small.offset(arguments.small_len)) }
}

/// QFactor sweeps with the states in `workspace`, `[block][large_len]`: for more qubits than shared
/// memory holds.
///
/// # Safety
/// See `sweep_queue`.
#[unsafe(no_mangle)]
pub unsafe extern "ptx-kernel" fn bqc_sweep_global(arguments: SweepArguments) {
    // SAFETY: the caller's; every block has its own part.
    unsafe {
        let block = core::arch::nvptx::_block_idx_x() as u32;
        let own =
            DeviceMemory::new((arguments.workspace as *mut f64).add(block as usize * arguments.large_len as usize));
        sweep_queue(arguments, |_| own);
    }
}
