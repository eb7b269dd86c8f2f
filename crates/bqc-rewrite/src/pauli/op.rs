//! The gates of this module, and circuits of them: two-wire Cliffords, rotations of one wire, and a frame for each
//! output.
//!
//! The two-wire Clifford of axes P and Q is `exp(iπ/4 (1−P)(1−Q))`: a CX up to one-wire Cliffords, one of nine on a pair
//! of wires, its own inverse. Counting CX is counting these.

use super::angle::split;
use super::axis::{Axis, X, Y, Z};
use super::frame::{Frame, identity_frames, inverse_frames, pull};
use super::permutation::append_exchanges;
use crate::Outputs;
use bqc_circuit::{BlockCircuit, LoweredGate, TwoQubitGate};

/// A gate of a Pauli circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// `exp(iπ/4 (1−P)(1−Q))` with P on the first wire and Q on the second.
    Pair {
        /// Two wires.
        wires: [u32; 2],
        /// P and Q, none the identity.
        axes: [Axis; 2],
    },
    /// `exp(−iθP/2)` with a settled angle in radians.
    Turn {
        /// Its wire.
        wire: u32,
        /// P, other than the identity.
        axis: Axis,
        /// θ.
        angle: f64,
    },
}

impl Op {
    /// Whether it costs a CX.
    pub(crate) fn is_pair(&self) -> bool {
        matches!(self, Op::Pair { .. })
    }

    /// The inverse.
    pub(crate) fn inverse(self) -> Op {
        match self {
            Op::Turn { wire, axis, angle } => Op::Turn { wire, axis, angle: -angle },
            pair => pair,
        }
    }

    /// The same gate on other wires.
    pub(crate) fn map(self, to: impl Fn(u32) -> u32) -> Op {
        match self {
            Op::Pair { wires, axes } => Op::Pair { wires: wires.map(to), axes },
            Op::Turn { wire, axis, angle } => Op::Turn { wire: to(wire), axis, angle },
        }
    }
}

/// How many of the gates cost a CX.
pub(crate) fn n_pairs(ops: &[Op]) -> usize {
    ops.iter().filter(|op| op.is_pair()).count()
}

/// Gates in program order, and then a frame for each output.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PauliCircuit {
    /// The gates.
    pub ops: Vec<Op>,
    /// Entry `i` is what ends output `i`. The wires of all are a permutation.
    pub frames: Vec<Frame>,
}

impl PauliCircuit {
    /// Reads a block. None if an angle is not finite, or a gate names one wire twice or a wire that does not exist.
    ///
    /// A `u3(θ, φ, λ)` is `Rz(φ)·Ry(θ)·Rz(λ)`. Of each of the three the nearest quarter turn goes into the frames and
    /// the rest becomes a rotation, unless the rest is only rounding.
    pub fn read(circuit: &BlockCircuit) -> Option<PauliCircuit> {
        if !circuit.is_well_formed() {
            return None;
        }
        let mut read = PauliCircuit { ops: Vec::new(), frames: identity_frames(circuit.width() as usize).collect() };
        for gate in &circuit.gates {
            match gate {
                LoweredGate::One { wire, angles: [theta, phi, lambda] } => {
                    for (axis, &angle) in [(Z, lambda), (Y, theta), (Z, phi)] {
                        read.turn(wire.index() as u32, axis, angle)?;
                    }
                }
                LoweredGate::Two { gate: TwoQubitGate::Cx, wires, .. } => {
                    let op = Op::Pair { wires: wires.map(|wire| wire.index() as u32), axes: [Z, X] };
                    let op = pull(&mut read.frames, op);
                    read.ops.push(op);
                }
            }
        }
        Some(read)
    }

    /// The same where the outputs may be on any wires: exchanges at the end of the block are no gates.
    pub fn read_for(outputs: Outputs, circuit: &BlockCircuit) -> Option<PauliCircuit> {
        let (body, exchanges) = outputs.split(circuit);
        let mut read = PauliCircuit::read(&body)?;
        let exchanges: Vec<[u32; 2]> = exchanges.iter().map(|wires| wires.map(|wire| wire.index() as u32)).collect();
        append_exchanges(&mut read, &exchanges);
        Some(read)
    }

    fn turn(&mut self, wire: u32, axis: Axis, angle: f64) -> Option<()> {
        if !angle.is_finite() {
            return None;
        }
        let (quarters, rest) = split(angle);
        self.frames[wire as usize].turn(axis, quarters);
        if rest != 0.0 {
            let op = pull(&mut self.frames, Op::Turn { wire, axis, angle: rest });
            self.ops.push(op);
        }
        Some(())
    }

    /// Number of wires.
    pub fn n_wires(&self) -> usize {
        self.frames.len()
    }

    /// What it costs in CX, without the permutation of the outputs.
    pub fn n_pairs(&self) -> usize {
        n_pairs(&self.ops)
    }

    /// The inverse circuit.
    pub fn inverse(&self) -> PauliCircuit {
        let mut frames = Vec::new();
        inverse_frames(&self.frames, &mut frames);
        let ops = self.ops.iter().rev().map(|op| pull(&mut frames, op.inverse())).collect();
        PauliCircuit { ops, frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{circuit_matrix, op_matrix, random_block};
    use bqc_circuit::{BlockQubit, Wire};
    use bqc_linalg::{Matrix, Stream, phase_distance};

    #[test]
    fn a_pair_of_z_and_x_is_a_cx_and_every_pair_undoes_itself() {
        let mut cx = BlockCircuit::new(2);
        cx.push_cx(BlockQubit::at(0), BlockQubit::at(1));
        let pair = |p, q| op_matrix(&Op::Pair { wires: [0, 1], axes: [p, q] }, 2);
        assert!(phase_distance(&pair(Z, X), &cx.unitary()) < 1e-15);
        for (p, q) in [X, Y, Z].into_iter().flat_map(|p| [X, Y, Z].map(|q| (p, q))) {
            assert!(phase_distance(&(&pair(p, q) * &pair(p, q)), &Matrix::identity(4)) < 1e-15);
        }
    }

    #[test]
    fn reading_and_inverting_keep_the_unitary() {
        let mut stream = Stream::new(0, 1, 2);
        for n in 1..5 {
            let block = random_block(n, 30, &mut stream);
            let read = PauliCircuit::read(&block).unwrap();
            assert!(phase_distance(&circuit_matrix(&read), &block.unitary()) < 1e-13);
            let product = &circuit_matrix(&read.inverse()) * &circuit_matrix(&read);
            assert!(phase_distance(&product, &Matrix::identity(1 << n)) < 1e-13);
            assert_eq!(read.n_pairs(), block.n_cx());
        }
    }

    #[test]
    fn what_is_not_a_circuit_is_not_read() {
        let wire = BlockQubit::at(0);
        let mut block = BlockCircuit::new(1);
        block.push_u3(wire, [f64::NAN, 0.0, 0.0]);
        assert_eq!(PauliCircuit::read(&block), None);
        block.gates = vec![bqc_circuit::BlockGate::cx(wire, wire)];
        assert_eq!(PauliCircuit::read(&block), None);
    }
}
