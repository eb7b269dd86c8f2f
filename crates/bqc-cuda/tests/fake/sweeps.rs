//! The sweeping kernels of the imitated driver: the bodies of `kernels-gpu`, emulated, on the memory that the
//! host has set up.

use crate::raw::{DeviceMemory, Raw};
use bqc_kernels::arguments::{QUEUE_LEN, SweepArguments};
use bqc_kernels::complex::Complex;
use bqc_kernels::cta::host::{Arena, Clock, HostCta, Order, Watch};
use bqc_kernels::cta::{Flags, Memory, Table};
use bqc_kernels::sweep::{self, SweepLaunch};
use bqc_kernels::templates::{SweepResult, SweepRun};
use std::sync::atomic::AtomicU32;

/// Makes all runs, the last one first.
pub fn run(a: SweepArguments, n_blocks: u32, block_threads: u32, shared_bytes: u32, large_is_global: bool) {
    let launch = SweepLaunch::<DeviceMemory> {
        runs: Raw::at(a.runs),
        steps: Raw::at(a.steps),
        rules: Raw::at(a.rules),
        states: Raw::at(a.states),
        values: Raw::at(a.values),
        results: Raw::at(a.results),
        found: Raw::at(a.found),
        stop: Raw::words(a.stop, 1),
        small_len: a.small_len,
        large_len: a.large_len,
    };
    let queue = Raw::<AtomicU32>::at(a.queue);
    assert_eq!(queue.add(0, a.n_runs), 0, "the queue was not empty");
    if large_is_global {
        // The last number of the last block's part.
        Raw::<f64>::at(a.workspace).place(n_blocks * a.large_len - 1);
    }
    let clock = Clock::new(Watch::Off);
    for index in (0..a.n_runs).rev() {
        let run = launch.runs.get(index);
        let shared = Arena::poisoned(shared_bytes as usize / 8, &clock);
        let workspace = Arena::poisoned(if large_is_global { a.large_len as usize } else { 0 }, &clock);
        // The points of this run alone: it has no business with others'.
        let (first, n_points) = (run.points_at, run.n_carried + run.n_rounds + 1);
        let all = Raw::<Complex>::at(a.points);
        let content: Vec<f64> = (first..first + n_points).flat_map(|k| [all.get(k).re, all.get(k).im]).collect();
        let points = Arena::filled(&[vec![0.0; 2 * first as usize], content].concat(), &clock);
        let small = shared.memory().offset(QUEUE_LEN);
        let large = if large_is_global { workspace.memory() } else { small.offset(a.small_len) };
        let cta = &mut HostCta::new(&shared, block_threads, Order::Reverse);
        sweep::run(cta, launch, index, small, large, points.memory());
        for (k, z) in (0..).zip(points.content().chunks_exact(2)).skip(first as usize) {
            unsafe { *all.place(k) = Complex::new(z[0], z[1]) };
        }
    }
}

/// Makes the last result what a broken device might: nonsense, costs that are wrong in a digit, or a success
/// that its costs do not bear out.
pub fn spoil(a: SweepArguments, is_garbage: bool, is_wrong: bool, is_lie: bool) {
    let last = Raw::<SweepResult>::at(a.results).place(a.n_runs - 1);
    if is_garbage {
        unsafe { last.cast::<u8>().write_bytes(0x5a, size_of::<SweepResult>()) };
    } else if is_wrong {
        let run = Raw::<SweepRun>::at(a.runs).get(a.n_runs - 1);
        unsafe { (*Raw::<Complex>::at(a.points).place(run.points_at + run.n_carried)).re *= 1.0 + 1e-6 };
    } else if is_lie {
        // The code of convergence.
        unsafe { (*last).verdict = 0 };
    }
}
