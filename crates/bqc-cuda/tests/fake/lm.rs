//! The Levenberg–Marquardt kernels of the imitated driver: the bodies of `kernels-gpu`, emulated, on
//! the memory that the host has set up.

use crate::raw::{DeviceMemory, Raw};
use bqc_kernels::arguments::{LmArguments, QUEUE_LEN};
use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::cta::{Flags, Memory};
use bqc_kernels::lm::layout::{ByColumn, ByRow, Workspace};
use bqc_kernels::lm::{self, LmLaunch};
use bqc_kernels::templates::{LmResult, Tables, status};
use std::sync::atomic::AtomicU32;

/// Runs all candidates, the last one first: the worst case of timing.
pub fn run(a: LmArguments, n_blocks: u32, block_threads: u32, shared_bytes: u32, large_is_global: bool) {
    let launch = LmLaunch::<DeviceMemory> {
        tables: Tables {
            bases: Raw::at(a.bases),
            cx: Raw::at(a.cx),
            slots: Raw::at(a.slots),
            states: Raw::at(a.states),
        },
        candidates: Raw::at(a.candidates),
        groups: Raw::at(a.groups),
        settings: Raw::at(a.settings),
        winners: Raw::at(a.winners),
        stop: Raw::words(a.stop, a.n_groups as usize),
        n_groups: a.n_groups,
        results: Raw::at(a.results),
        survivors: Raw::at(a.survivors),
        n_survivors: a.n_survivors,
        slots_per_survivor: a.slots_per_survivor,
        small_len: a.small_len,
        large_len: a.large_len,
    };
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
        let cta = &mut HostCta::new(&shared, block_threads, Order::Reverse);
        if large_is_global {
            lm::run(cta, launch, index, Workspace { small, large: workspace.memory(), arrangement: ByRow });
        } else {
            let large = small.offset(a.small_len);
            lm::run(cta, launch, index, Workspace { small, large, arrangement: ByColumn });
        }
    }
}

/// Makes the last result what a broken device might: nonsense, wrong in a digit, or given up for nobody's sake.
pub fn spoil(a: LmArguments, is_garbage: bool, is_wrong: bool, is_lazy: bool) {
    let last = Raw::<LmResult>::at(a.results).place(a.n_candidates - 1);
    if is_garbage {
        unsafe { last.cast::<u8>().write_bytes(0x5a, size_of::<LmResult>()) };
    } else if is_wrong {
        unsafe { (*last).cost *= 1.0 + 1e-6 };
    } else if is_lazy {
        (0..a.n_candidates).for_each(|k| unsafe { (*Raw::<LmResult>::at(a.results).place(k)).status = status::BEATEN });
    }
}
