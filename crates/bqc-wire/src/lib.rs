//! Every byte that leaves the process in a format of our own. serde lives in this crate only, so a
//! change of a type elsewhere can never silently change a file that somebody reads.
//!
//! Each document opens with `schema`, a name and a version. A version may gain keys; it never loses
//! one, renames one or gives one another meaning: that is the next version. Reading refuses every
//! other version by name.
//!
//! What goes between processes and into journals is binary: [frames](mod@frame) on a pipe, [segments](mod@segment) of a
//! store, both with a checksum per record and a version at the start, and [units](mod@unit) of work in them.
//! Other versions are refused by number.
//!
//! Matrices and vectors come in through this crate too, in formats of others: `.npy` and JSON.
//!
//! Units: seconds, bytes, radians, gate counts. Counts are those of the circuit after translation to
//! {CX, U3}, for input and output alike, so that they can be compared. Where another gate set was asked for, the output
//! is counted as it is written.

pub mod batch;
mod build_id;
pub mod checkpoint;
mod document;
pub mod frame;
pub mod fuzz;
mod gate_file;
pub mod gpus;
pub mod matrix;
pub mod message;
mod npy;
pub mod plan;
pub mod proof;
pub mod report;
pub mod run_status;
pub mod segment;
pub mod stats;
pub mod unit;

pub use batch::{BatchFigures, BatchOutcome, BatchRecord, BatchRow, RowState};
pub use build_id::Build;
pub use checkpoint::{CheckpointRecord, PauliCheckpoint, WalkCheckpoint, WindowCheckpoint};
pub use document::{Document, WireError};
pub use frame::{FrameDecoder, FrameError, MAX_FRAME_BYTES, encode_frame};
pub use gate_file::GateFile;
pub use gpus::{DeviceTrouble, GpuList, GpuRecord};
pub use matrix::{MatrixError, NumberArray, Precision, Shape};
pub use message::{FromWorker, Hello, HelloError, Message, ToWorker};
pub use plan::{Plan, PlanError, PlanPass};
pub use proof::{FileDigest, Proof, ProofError, digest_of, encode_proof};
pub use report::{
    BlockGates, BlockRecord, BlockTotals, CheckMethod, CircuitFigures, KnownTotals, MovedQubit, Outcome, PairFigures,
    Report, SettingsRecord, Status, WholeCheck, WorkerTotals,
};
pub use run_status::{RunStatus, SupervisorStatus};
pub use segment::{Entry, PassKey, PassRecord, Replay, SegmentError, WriterRecord};
pub use stats::{GateSetFigures, PartitionPreview, StatsReport};
pub use unit::{BlockForm, ExactFlow, FormError, SolvedRecord, UnitFlow, UnitKey, UnitRecord};
