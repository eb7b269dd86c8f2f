//! Every byte that leaves the process in a format of our own. serde lives in this crate only, so a
//! change of a type elsewhere can never silently change a file that somebody reads.
//!
//! Each document opens with `schema`, a name and a version. A version may gain keys; it never loses
//! one, renames one or gives one another meaning: that is the next version. Reading refuses every
//! other version by name.
//!
//! Matrices and vectors come in through this crate too, in formats of others: `.npy` and JSON.
//!
//! Units: seconds, bytes, radians, gate counts. Counts are those of the circuit after translation to
//! {CX, U3}, for input and output alike, so that they can be compared.

mod document;
pub mod matrix;
mod npy;
pub mod report;
pub mod stats;

pub use document::{Document, WireError};
pub use matrix::{MatrixError, NumberArray, Precision, Shape};
pub use report::{
    BlockGates, BlockRecord, BlockTotals, CheckMethod, CircuitFigures, Outcome, Report, Settings, Status, WholeCheck,
};
pub use stats::{PartitionPreview, StatsReport};
