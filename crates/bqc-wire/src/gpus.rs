//! What a process that has asked the driver tells of its GPUs. Another process asks it to, so that it need
//! not become a client of the driver itself.

use serde::{Deserialize, Serialize};

/// A driver and the GPUs that it shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuList {
    /// The CUDA version that the driver supports: "12.4".
    pub driver: String,
    /// In the driver's order.
    pub gpus: Vec<GpuRecord>,
}

/// One GPU, or one part of a divided one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GpuRecord {
    /// The driver's number for it, from 0, among those that it shows.
    pub ordinal: u32,
    /// What names it in CUDA_VISIBLE_DEVICES: `GPU-…` or `MIG-…`; empty if the driver did not tell.
    pub uuid: String,
    /// As NVIDIA calls it.
    pub name: String,
    /// Whether only one process may use it, unless through MPS.
    pub is_exclusive: bool,
    /// The engine that was opened on it, and the memory that was free then in bytes; or why none was.
    pub opened: Result<(String, u64), String>,
}

impl GpuRecord {
    /// For people: "GPU 0 (NVIDIA H200)".
    pub fn label(&self) -> String {
        format!("GPU {} ({})", self.ordinal, self.name)
    }
}

/// What is wrong with the device under a worker, split by what its supervisor does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceTrouble {
    /// It has no room for as many. Use fewer at once.
    OutOfMemory,
    /// Somebody else has it for himself, or too many share it. Use as many as there are.
    Busy,
    /// The worker's context is lost, and maybe that of all who share it. Begin again, with fewer.
    Lost,
    /// It will be no better next time. Leave it.
    Unusable,
}
