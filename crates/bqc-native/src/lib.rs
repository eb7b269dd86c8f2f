//! Gate sets of machines, and circuits over {CX, U3} written in them.
//!
//! A [`GateSet`] is a row of [`SETS`] or a list of gates of the table. [`written`] turns a lowered circuit into gates of
//! a set: each run of gates on two wires becomes as few two-qubit gates as the set allows (`pairs`), one-qubit gates
//! between them become one, and that one becomes as few pulses as the set allows (`pulses`). Rotations about Z, which
//! machines do by turning the phase of later pulses, move on through two-qubit gates that let them pass.
//!
//! Nothing here is trusted: the result is a list of small pieces, and the verifier measures each of them (bqc-run,
//! `native.rs`).

mod basis;
mod care;
mod counts;
mod pairs;
mod pulses;
mod set;
mod sqrt_iswap;
mod write;

pub use care::ROUNDING;
pub use counts::{Counts, n_foreign};
pub use set::{GateSet, GateSetError, NamedSet, SETS};
pub use write::{NativePiece, Written, written, written_until};
