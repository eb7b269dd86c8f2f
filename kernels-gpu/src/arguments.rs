//! The arguments of the kernels: one record each, passed by value. Addresses are of global memory on
//! the device; what lies there is said by [`crate::templates`] and, field by field, by the launches of
//! [`crate::lm`] and [`crate::sweep`].
//!
//! Every kernel has a queue: one counter, zero before the launch. Blocks take indices from it until
//! there are no more, so any number of blocks does the work; as many as the device holds at once do it
//! fastest. Threads per block are a multiple of 64 and those that the lengths were computed for.

/// Numbers of shared memory that every kernel keeps for itself before the small memory.
pub const QUEUE_LEN: u32 = 2;

/// An address in global memory.
pub type Address = u64;

/// Arguments of `bqc_lm_shared`, which takes `8·(QUEUE_LEN + small_len + large_len)` bytes of shared
/// memory, and of `bqc_lm_global`, which takes `8·(QUEUE_LEN + small_len)`. `small_len` is even.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct LmArguments {
    /// `Base`s.
    pub bases: Address,
    /// `CxWord`s.
    pub cx: Address,
    /// Slots, `Su2`.
    pub slots: Address,
    /// States, `Complex`.
    pub states: Address,
    /// `Candidate`s, `[n_candidates]`.
    pub candidates: Address,
    /// `Group`s, `[n_groups]`.
    pub groups: Address,
    /// `LmSettings`.
    pub settings: Address,
    /// `u32`: the winner of each group, `NONE` before, then the number of survivors, zero before.
    pub winners: Address,
    /// `LmResult`s, `[n_candidates]`.
    pub results: Address,
    /// Slots, `Su2`: `[n_survivors][slots_per_survivor]`.
    pub survivors: Address,
    /// `u32`: the queue.
    pub queue: Address,
    /// `u32` in pinned memory of the host, one a group: not zero, its candidates stop at the next iteration.
    pub stop: Address,
    /// `f64`: `[block][large_len]`; used by `bqc_lm_global` alone.
    pub workspace: Address,
    /// Candidates.
    pub n_candidates: u32,
    /// Groups.
    pub n_groups: u32,
    /// Places for survivors: with `keep_all` as many as candidates.
    pub n_survivors: u32,
    /// Slots that a survivor may have.
    pub slots_per_survivor: u32,
    /// The largest `small_len` of the candidates' layouts.
    pub small_len: u32,
    /// The largest `large_len` of the candidates' layouts; even.
    pub large_len: u32,
}

/// Arguments of `bqc_sweep_shared`, which takes `8·(QUEUE_LEN + small_len + large_len)` bytes of shared
/// memory, and of `bqc_sweep_global`, which takes `8·(QUEUE_LEN + small_len)`. `small_len` is even.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct SweepArguments {
    /// `SweepRun`s, `[n_runs]`.
    pub runs: Address,
    /// `SweepStep`s.
    pub steps: Address,
    /// `bqc_schedule::Rules`.
    pub rules: Address,
    /// States, `Complex`.
    pub states: Address,
    /// First values, `Complex`.
    pub values: Address,
    /// `SweepResult`s, `[n_runs]`.
    pub results: Address,
    /// Last values, `Complex`, laid out as the first ones.
    pub found: Address,
    /// Points of all runs, `Complex`: training and validation cost.
    pub points: Address,
    /// `u32`: the queue.
    pub queue: Address,
    /// `u32` in pinned memory of the host: not zero, all stop at the next round.
    pub stop: Address,
    /// `f64`: `[block][large_len]`; used by `bqc_sweep_global` alone.
    pub workspace: Address,
    /// Runs.
    pub n_runs: u32,
    /// The largest `small_len` of the runs' layouts.
    pub small_len: u32,
    /// The largest `large_len` of the runs' layouts; even.
    pub large_len: u32,
    /// Zero.
    pub reserved: u32,
}
