//! The circuit model: wires, the gate table, circuits, blocks.
//!
//! A circuit has two forms. A [`Circuit`] holds anything OpenQASM 2 can say, each gate a row of the
//! [gate table](gates). A [`Lowered`] circuit is what everything between reader and writer works on: one-qubit
//! gates, two-qubit gates, and walls. A [`BlockCircuit`] is a small unitary piece of it on its own wires: what
//! partition cuts out, what engines improve, what the verifier compares.

pub mod block;
pub mod circuit;
pub mod edit;
pub mod exchange;
pub mod gates;
pub mod lowered;
mod named;
pub mod pi_fraction;
pub mod stats;
mod unitary;
pub mod wire;

pub use block::{BlockCircuit, BlockGate};
pub use circuit::{Circuit, Directive, GateCall, OpaqueGate, Operation, Register};
pub use edit::{Edit, Move, PieceEdit};
pub use exchange::{OutputPermutation, final_exchanges};
pub use gates::{Gate, GateId, Library};
pub use lowered::{Frame, Item, Lowered, LoweredGate, Sequence, Step, TwoQubitGate, Wire};
pub use pi_fraction::PiFraction;
pub use stats::Stats;
pub use wire::{BlockQubit, Clbit, Qubit};
