//! The permutation of the outputs that frames carry, and how it is written out.
//!
//! Exchanging two wires costs three CX, but only one more where it follows a pair gate on the same two wires: with
//! another pair gate `h` of axes that differ on both wires, `g·h·g` is an exchange up to one-wire Cliffords, so `g` is
//! `h`, then `g`, then an exchange. Any gate that joins two wires of one cycle takes one transposition from the
//! permutation.

use super::axis::{Axis, X, Y, Z};
use super::columns::Columns;
use super::frame::{Frame, identity_frames, pull};
use super::op::{Op, PauliCircuit};
use bqc_linalg::Stream;

/// Chance that a gate that could take a transposition does, in the first passes.
const CHANCE: f64 = 0.5;
/// First passes, which take some transpositions at random gates; the last pass takes all that it can.
const N_RANDOM_PASSES: usize = 2;

/// By wire: a name of its cycle. A buffer that is reused.
#[derive(Default)]
pub(crate) struct Cycles {
    of: Vec<u32>,
    to: Vec<u32>,
}

impl Cycles {
    /// Of the permutation that takes output `i` to the wire that the iterator yields. Returns how many transpositions it
    /// takes: wires less cycles. Linear in the wires.
    pub fn set(&mut self, permutation: impl Iterator<Item = u32>) -> usize {
        self.to.clear();
        self.to.extend(permutation);
        self.of.clear();
        self.of.resize(self.to.len(), u32::MAX);
        let mut n_cycles = 0;
        for first in 0..self.to.len() {
            let mut at = first;
            n_cycles += usize::from(self.of[at] == u32::MAX);
            while self.of[at] == u32::MAX {
                self.of[at] = first as u32;
                at = self.to[at] as usize;
            }
        }
        self.to.len() - n_cycles
    }

    /// Whether two wires are in one cycle.
    fn joins(&self, [a, b]: [u32; 2]) -> bool {
        self.of[a as usize] == self.of[b as usize]
    }
}

/// How many transpositions the outputs of a circuit are from their own wires.
pub(crate) fn n_transpositions(frames: &[Frame]) -> usize {
    Cycles::default().set(frames.iter().map(|frame| frame.wire))
}

/// The same circuit with every output on its own wire. `stream` decides which gates take transpositions.
pub(crate) fn write_permutation(circuit: &PauliCircuit, stream: &mut Stream) -> PauliCircuit {
    let mut written = circuit.clone();
    for _ in 0..N_RANDOM_PASSES {
        written = exchange_after_gates(&written, CHANCE, stream);
    }
    written = exchange_after_gates(&written, 1.0, stream);
    exchange_at_the_end(&mut written);
    written
}

/// The circuit with every output on the wire that holds it, and the exchanges of wires after it that bring each to its
/// own.
pub(crate) fn split_permutation(circuit: &PauliCircuit) -> (PauliCircuit, Vec<[u32; 2]>) {
    let mut frames = circuit.frames.clone();
    // Exchanges that lead from the outputs to the wires; the way back is the same in reverse.
    let mut exchanges = Vec::new();
    for wire in 0..frames.len() {
        while frames[wire].wire as usize != wire {
            let other = frames[wire].wire as usize;
            exchanges.push([wire as u32, other as u32]);
            frames.swap(wire, other);
        }
    }
    exchanges.reverse();
    (PauliCircuit { ops: circuit.ops.clone(), frames }, exchanges)
}

/// The circuit followed by exchanges of wires.
pub(crate) fn append_exchanges(circuit: &mut PauliCircuit, exchanges: &[[u32; 2]]) {
    for [a, b] in exchanges {
        circuit.frames.swap(*a as usize, *b as usize);
    }
}

/// Takes transpositions at gates that join wires of one cycle, each with a chance.
fn exchange_after_gates(circuit: &PauliCircuit, chance: f64, stream: &mut Stream) -> PauliCircuit {
    let mut frames: Vec<Frame> = identity_frames(circuit.n_wires()).collect();
    let mut cycles = Cycles::default();
    let mut n_left = cycles.set(circuit.frames.iter().map(|frame| frame.wire));
    let mut ops = Vec::with_capacity(circuit.ops.len() + n_left);
    for &op in &circuit.ops {
        let op = pull(&mut frames, op);
        if let Op::Pair { wires, axes } = op
            && n_left > 0
            && cycles.joins(wires)
            && stream.chance(chance)
        {
            ops.push(Op::Pair { wires, axes: axes.map(next) });
            exchange(&mut frames, wires, axes);
            n_left = cycles.set(circuit.frames.iter().map(|frame| frames[frame.wire as usize].wire));
        }
        ops.push(op);
    }
    let frames = circuit.frames.iter().map(|frame| frame.after(&frames[frame.wire as usize])).collect();
    PauliCircuit { ops, frames }
}

/// Takes the transpositions that are left, each with three gates.
fn exchange_at_the_end(circuit: &mut PauliCircuit) {
    for output in 0..circuit.n_wires() {
        let wire = circuit.frames[output].wire;
        if wire as usize != output {
            let (wires, axes) = ([output as u32, wire], [Z, X]);
            let gate = Op::Pair { wires, axes };
            circuit.ops.extend([gate, Op::Pair { wires, axes: axes.map(next) }, gate]);
            exchange(&mut circuit.frames, wires, axes);
        }
    }
}

/// Another axis.
fn next(axis: Axis) -> Axis {
    axis % Y + 1
}

/// Lets frames follow the exchange `g·h·g` of the pair gates of these axes and of the next ones.
fn exchange(frames: &mut [Frame], wires: [u32; 2], axes: [Axis; 2]) {
    let mut columns = Columns::<1>::new();
    columns.clear(2);
    for side in 0..2 {
        columns.write(side, 2 * side, X);
        columns.write(side, 2 * side + 1, Z);
    }
    for axes in [axes, axes.map(next), axes] {
        columns.conjugate([0, 1], axes);
    }
    let exchanged = [0, 1].map(|side| {
        let image = |slot| (columns.axis(1 - side, slot), columns.is_negative(slot));
        Frame { wire: wires[1 - side], x: image(2 * side), z: image(2 * side + 1) }
    });
    for frame in frames {
        if let Some(side) = wires.iter().position(|&wire| wire == frame.wire) {
            *frame = frame.after(&exchanged[side]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pauli::test_support::{circuit_matrix, random_block, random_frames};
    use bqc_linalg::phase_distance;

    #[test]
    fn a_circuit_is_what_it_is_split_into() {
        let mut stream = Stream::new(0, 1, 7);
        for n in 1..6 {
            let mut circuit = PauliCircuit::read(&random_block(n, 20, &mut stream)).unwrap();
            circuit.frames = random_frames(n, &mut stream);
            let (mut split, exchanges) = split_permutation(&circuit);
            assert_eq!((n_transpositions(&split.frames), exchanges.len()), (0, n_transpositions(&circuit.frames)));
            append_exchanges(&mut split, &exchanges);
            assert_eq!(split, circuit);
        }
    }

    #[test]
    fn outputs_come_to_their_wires_at_one_gate_each_where_gates_join_them() {
        let mut stream = Stream::new(0, 1, 6);
        for _ in 0..60 {
            let mut circuit = PauliCircuit::read(&random_block(4, 30, &mut stream)).unwrap();
            circuit.frames = random_frames(4, &mut stream);
            let written = write_permutation(&circuit, &mut stream);
            assert!(written.frames.iter().enumerate().all(|(output, frame)| frame.wire as usize == output));
            assert!(phase_distance(&circuit_matrix(&circuit), &circuit_matrix(&written)) < 1e-12);
            assert_eq!(n_transpositions(&written.frames), 0);
            assert!(written.n_pairs() >= circuit.n_pairs() + n_transpositions(&circuit.frames));
        }
        // One gate between the wires of each transposition is enough.
        let gate = |a, b| Op::Pair { wires: [a, b], axes: [X, Y] };
        let mut circuit = PauliCircuit { ops: vec![gate(0, 1), gate(1, 2)], frames: random_frames(3, &mut stream) };
        (circuit.frames[0].wire, circuit.frames[1].wire, circuit.frames[2].wire) = (1, 0, 2);
        assert_eq!(write_permutation(&circuit, &mut stream).n_pairs(), 3);
        circuit.ops.clear();
        assert_eq!(write_permutation(&circuit, &mut stream).n_pairs(), 3);
    }
}
