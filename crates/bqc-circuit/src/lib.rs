//! The circuit model: wires, the gate table, circuits, blocks.
//!
//! Two forms of a circuit exist. A [`Circuit`] holds anything OpenQASM 2 can say, each gate a row of
//! the [gate table](gates). A [`BlockCircuit`] is a small unitary piece over {CX, U3} on its own
//! wires: what partition cuts out, what engines improve, what the verifier compares.

pub mod block;
pub mod circuit;
pub mod gates;
pub mod lower;
pub mod stats;
mod unitary;
pub mod wire;

pub use block::{BlockCircuit, BlockGate};
pub use circuit::{Circuit, Directive, GateCall, OpaqueGate, Operation, Register};
pub use gates::{Gate, GateId, Library};
pub use lower::lower;
pub use stats::Stats;
pub use wire::{BlockQubit, Clbit, Qubit};
