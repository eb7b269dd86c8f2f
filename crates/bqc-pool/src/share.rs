//! How many workers share a GPU.
//!
//! The smaller the blocks, the less of a GPU one worker can fill. The table is the guide's of the system
//! that bqc replaces (bqskit-qfactor-jax, "workers per GPU"); it has not been measured for these kernels.

use std::fmt;

/// Memory that a worker takes of its GPU at least: its context, the kernels, and first batches. An estimate:
/// a worker that finds no room says so, and the number goes down.
const WORKER_BYTES: u64 = 1 << 30;

/// How many, and what decided it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Workers of one GPU, at least 1.
    pub n_workers: usize,
    /// The narrowest bound.
    pub bound: Bound,
}

/// What bounds the number of workers of a GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// How much of the GPU a block of so many wires fills.
    Width(usize),
    /// The memory that is free.
    Memory(u64),
    /// Each worker needs a core of its own.
    Cores(usize),
}

impl Share {
    /// For blocks of up to `width` wires on a GPU with `free_bytes`, where `n_cores` are for its workers.
    pub fn of(width: usize, free_bytes: u64, n_cores: usize) -> Share {
        let by_width = match width {
            0..=4 => 10,
            5 => 8,
            6 => 4,
            7 => 2,
            _ => 1,
        };
        let by_memory = usize::try_from(free_bytes / WORKER_BYTES).unwrap_or(usize::MAX);
        let bounds =
            [(by_width, Bound::Width(width)), (by_memory, Bound::Memory(free_bytes)), (n_cores, Bound::Cores(n_cores))];
        let (n, bound) = bounds.into_iter().min_by_key(|(n, _)| *n).unwrap_or((1, Bound::Width(width)));
        Share { n_workers: n.max(1), bound }
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Width(n) => write!(f, "for blocks of up to {n} wires"),
            Bound::Memory(bytes) => write!(f, "because {:.1} GiB are free", *bytes as f64 / f64::from(1 << 30)),
            Bound::Cores(n) => write!(f, "because there are {n} cores for each GPU"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrowest_bound_decides() {
        let n = |width, gib: u64, n_cores| Share::of(width, gib << 30, n_cores).n_workers;
        let by_width = [2, 3, 4, 5, 6, 7, 8, 12].map(|width| n(width, 140, 64));
        assert_eq!(by_width, [10, 10, 10, 8, 4, 2, 1, 1]);
        assert_eq!((n(3, 7, 64), n(3, 140, 4), n(3, 0, 64), n(3, 140, 0)), (7, 4, 1, 1));
        assert_eq!(Share::of(3, 7 << 30, 64).bound.to_string(), "because 7.0 GiB are free");
        assert_eq!(Share::of(5, 140 << 30, 16).bound.to_string(), "for blocks of up to 5 wires");
    }
}
