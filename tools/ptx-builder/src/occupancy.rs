//! How many blocks of a kernel fit on one multiprocessor. Numbers from NVIDIA's "CUDA C++ Programming
//! Guide", table "Technical Specifications per Compute Capability", and the rounding rules of its
//! occupancy calculator: registers are given out by the warp in units of 256, a block's shared memory in
//! units of 128 bytes with 1 KiB of the system's own.

use crate::Arch;

const WARP_THREADS: u32 = 32;
const REGISTER_UNIT: u32 = 256;
const SHARED_UNIT_BYTES: u32 = 128;
const SYSTEM_SHARED_BYTES: u32 = 1024;

/// What one multiprocessor has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// 32-bit registers.
    pub registers: u32,
    /// Threads at once.
    pub threads: u32,
    /// Blocks at once.
    pub blocks: u32,
    /// Shared memory of all blocks together, in bytes.
    pub shared_bytes: u32,
    /// Shared memory of one block at most, in bytes.
    pub block_shared_bytes: u32,
}

impl Limits {
    /// Those of an architecture.
    pub fn of(arch: Arch) -> Limits {
        let shared_kib = match arch {
            Arch::Sm80 => 164,
            Arch::Sm90 | Arch::Sm100 => 228,
        };
        Limits {
            registers: 65_536,
            threads: 2048,
            blocks: 32,
            shared_bytes: shared_kib * 1024,
            block_shared_bytes: (shared_kib - 1) * 1024,
        }
    }

    /// Blocks of `threads` threads with `registers` registers each, and `shared_bytes` of shared memory
    /// a block, static and dynamic together.
    pub fn occupancy(&self, threads: u32, registers: u32, shared_bytes: u32) -> Occupancy {
        let warps = threads.div_ceil(WARP_THREADS).max(1);
        let warp_registers = (registers * WARP_THREADS).next_multiple_of(REGISTER_UNIT).max(REGISTER_UNIT);
        let by_registers = self.registers / warp_registers / warps;
        let by_threads = self.threads / (warps * WARP_THREADS);
        let by_shared = match shared_bytes {
            too_much if too_much > self.block_shared_bytes => 0,
            bytes => self.shared_bytes / (bytes.next_multiple_of(SHARED_UNIT_BYTES) + SYSTEM_SHARED_BYTES),
        };
        let blocks = by_registers.min(by_threads).min(by_shared).min(self.blocks);
        let share = self.shared_bytes.checked_div(blocks).unwrap_or(0);
        let room = share.saturating_sub(SYSTEM_SHARED_BYTES) / SHARED_UNIT_BYTES * SHARED_UNIT_BYTES;
        let max_warps = self.threads / WARP_THREADS;
        Occupancy {
            blocks,
            fraction: f64::from(blocks * warps) / f64::from(max_warps),
            block_shared_bytes: room.min(self.block_shared_bytes),
        }
    }
}

/// How full a multiprocessor is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Occupancy {
    /// Blocks at once.
    pub blocks: u32,
    /// Warps at once, of those that the multiprocessor can hold, in `[0, 1]`.
    pub fraction: f64,
    /// Shared memory that a block may take without there being fewer of them, in bytes.
    pub block_shared_bytes: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scarcest_thing_decides() {
        let a100 = Limits::of(Arch::Sm80);
        let blocks = |threads, registers, shared| a100.occupancy(threads, registers, shared).blocks;
        // Registers: 65536 / (168 · 128) = 3.05; 255 · 32 rounds up to 8192, so 8 warps.
        assert_eq!(blocks(128, 168, 0), 3);
        assert_eq!(blocks(256, 255, 0), 1);
        // Threads, blocks, shared memory: 96 KiB fits once in 164, and 163 is the most of a block.
        assert_eq!((blocks(1024, 16, 0), blocks(32, 16, 0)), (2, 32));
        assert_eq!((blocks(128, 32, 96 << 10), blocks(128, 32, 163 << 10), blocks(128, 32, 164 << 10)), (1, 1, 0));
        assert_eq!(Limits::of(Arch::Sm90).occupancy(128, 32, 96 << 10).blocks, 2);
    }

    #[test]
    fn the_room_left_is_what_still_fits() {
        for registers in [32, 64, 128, 168, 255] {
            let limits = Limits::of(Arch::Sm90);
            let found = limits.occupancy(128, registers, 0);
            let refilled = limits.occupancy(128, registers, found.block_shared_bytes);
            assert_eq!(refilled.blocks, found.blocks, "{registers}");
        }
        assert_eq!(Limits::of(Arch::Sm80).occupancy(2048, 32, 0).fraction, 1.0);
    }
}
