//! What `bqc_lm_shared` and `bqc_lm_global` of `kernels-gpu/src/entry.rs` are given: one record by value,
//! laid out by `repr(C)` as the kernels' own `LmArguments` is. Names nothing of this crate, so that the
//! imitated driver of the tests reads the same file.

/// Addresses in the device's memory, then counts.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C)]
pub struct LmArguments {
    /// `Base`s.
    pub bases: u64,
    /// `CxWord`s.
    pub cx: u64,
    /// Slots, as complex numbers.
    pub slots: u64,
    /// States.
    pub states: u64,
    /// `Candidate`s.
    pub candidates: u64,
    /// `Group`s.
    pub groups: u64,
    /// `LmSettings`.
    pub settings: u64,
    /// The lowest accepted rank of each group, then the number of survivors.
    pub winners: u64,
    /// `LmResult`s, one a candidate.
    pub results: u64,
    /// Slots of survivors.
    pub survivors: u64,
    /// The index of the next candidate.
    pub queue: u64,
    /// `[block][large_len]`, for `bqc_lm_global` alone.
    pub workspace: u64,
    /// Candidates.
    pub n_candidates: u32,
    /// Groups.
    pub n_groups: u32,
    /// Places for survivors.
    pub n_survivors: u32,
    /// Slots of a place.
    pub slots_per_survivor: u32,
    /// Numbers in a block's small memory.
    pub small_len: u32,
    /// Numbers in its large memory.
    pub large_len: u32,
    /// Samples whose tangents are in memory at once.
    pub samples_per_panel: u32,
    /// Zero.
    pub reserved: u32,
}
