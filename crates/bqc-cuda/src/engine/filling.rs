//! How many callers and how many candidates fill a device. Arithmetic alone.
//!
//! A device works on `resident` candidates at once: multiprocessors times the blocks that one holds, on an
//! H200 from 132 (five wires, 24 CX) to 528 (three wires). A launch of two waves of them loses little in
//! the last one, and with [`MAX_IN_FLIGHT`] launches under way copies and decisions overlap with
//! arithmetic. So `MAX_IN_FLIGHT · WAVES · resident` candidates are wanted at any time, and each of `n`
//! callers brings one `n`-th of them: a chunk.
//!
//! What comes after a success is thrown away. Of moves a share p of 0.3 to 7 in a hundred succeeds, so
//! chunks of [`USUAL_CHUNK`] are well below 1/p and lose little, and that decides how many callers are
//! wanted: on an H200 `3 · 2 · 264 / 16 = 99`. A lone caller has chunks of one whole wave instead. While
//! nothing is found chunks grow fourfold, so that where successes are rare few launches do it.

/// Launches under way at a time: one computes, one is copied, one is decided upon. Of those that callers share: who
/// improves more templates than one launch holds has up to two of his own besides.
pub(super) const MAX_IN_FLIGHT: usize = 3;

/// Candidates of a launch at most.
pub(super) const MAX_CHUNK: usize = 4096;

/// How often a launch would fill the device.
const WAVES: usize = 2;

/// Candidates of a chunk when all callers are there; see the module.
const USUAL_CHUNK: usize = 16;

/// Candidates of a chunk at least: fewer would cost their caller more in waking up than in work.
const LEAST_CHUNK: usize = 4;

/// Blocks of a usual candidate that share a multiprocessor: on an H200 five wires with 14 to 19 CX, four with 17 to
/// 22.
const USUAL_BLOCKS: usize = 2;

/// Callers at most for each core: all of them wait most of the time, but when the CPU has to do their
/// work, it does.
const MAX_CALLERS_PER_CORE: usize = 8;

/// Candidates of a caller's first chunk, if the device works on `resident` of them at once and `n_callers`
/// bring their own.
pub(super) fn first_chunk(resident: usize, n_callers: usize) -> usize {
    let share = MAX_IN_FLIGHT * WAVES * resident / n_callers.max(1);
    share.max(LEAST_CHUNK).min(resident).max(1)
}

/// Candidates of a caller's chunk at most: those that fill all launches that may be under way.
pub(super) fn most_chunk(n_callers: usize) -> usize {
    (MAX_IN_FLIGHT * MAX_CHUNK / n_callers.max(1)).clamp(LEAST_CHUNK, MAX_CHUNK)
}

/// Callers that fill the device, on a host of `n_cores`; no fewer than those.
pub(super) fn concurrency(n_multiprocessors: usize, n_cores: usize) -> usize {
    let wanted = MAX_IN_FLIGHT * WAVES * USUAL_BLOCKS * n_multiprocessors / USUAL_CHUNK;
    wanted.min(MAX_CALLERS_PER_CORE * n_cores).max(n_cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_of_all_callers_fill_the_device() {
        for (resident, n_callers) in [(132, 64), (264, 99), (528, 99), (132, 1), (28, 16), (2, 500)] {
            let chunk = first_chunk(resident, n_callers);
            assert!((1..=resident).contains(&chunk));
            let all = chunk * n_callers;
            assert!(all + n_callers >= (MAX_IN_FLIGHT * WAVES * resident).min(n_callers * resident), "{all}");
            assert!(chunk <= most_chunk(n_callers).max(resident));
        }
        assert_eq!((first_chunk(132, 1), first_chunk(264, 99), first_chunk(0, 0)), (132, 16, 1));
        assert_eq!((most_chunk(0), most_chunk(1), most_chunk(96), most_chunk(9999)), (4096, 4096, 128, 4));
    }

    #[test]
    fn a_large_device_wants_more_callers_than_cores() {
        assert_eq!(concurrency(132, 16), 99);
        // A small host is not asked for more than it can carry, a small device not for fewer than there are.
        assert_eq!((concurrency(132, 2), concurrency(7, 16), concurrency(7, 1)), (16, 16, 5));
    }
}
