//! From a path sum back to a circuit: each rotation stands where a wire first carries its parity, and the one-qubit
//! gates between two CX of a wire become one.

use super::angle::Angle;
use super::phases::{NONE, RotationId};
use super::sum::PathSum;
use super::word::Word;
use bqc_circuit::{BlockCircuit, BlockQubit, Wire};

struct Writer<'a> {
    sum: &'a PathSum,
    words: Vec<Word>,
    is_placed: Vec<bool>,
    circuit: BlockCircuit,
}

impl Writer<'_> {
    fn rotate(&mut self, wire: usize, rotation: RotationId) {
        if rotation != NONE && !std::mem::replace(&mut self.is_placed[rotation as usize], true) {
            self.words[wire].rz(self.sum.phases.angle(rotation));
        }
    }

    fn sign(&mut self, wire: usize, is_sign: bool) {
        if is_sign {
            self.words[wire].rz(Angle::HALF);
        }
    }

    fn flush(&mut self, wire: usize) -> BlockQubit {
        let qubit = BlockQubit::at(wire);
        self.words[wire].write(qubit, &mut self.circuit);
        qubit
    }
}

/// The circuit of a path sum. `empty` is a circuit without gates of the same width.
pub(super) fn write(sum: &PathSum, empty: BlockCircuit) -> BlockCircuit {
    let (n_wires, network) = (sum.network.inputs.len(), &sum.network);
    let is_placed = vec![false; sum.phases.len()];
    let mut writer = Writer { sum, words: vec![Word::new(); n_wires], is_placed, circuit: empty };
    for wire in 0..n_wires {
        writer.sign(wire, network.input_signs[wire]);
        writer.rotate(wire, sum.phases.id(network.inputs[wire]));
    }
    for (_, gate) in network.gates() {
        let (c, t) = (gate.c as usize, gate.t as usize);
        if gate.is_h() {
            writer.words[t].h();
            writer.sign(t, gate.sign);
        } else {
            let (control, target) = (writer.flush(c), writer.flush(t));
            writer.circuit.push_cx(control, target);
        }
        writer.rotate(t, gate.rotation);
    }
    for wire in 0..n_wires {
        if network.output_flips[wire] {
            writer.words[wire].x();
        }
        writer.flush(wire);
    }
    writer.circuit
}
