//! A small unitary circuit over the lowered gates on its own wires: the currency between partition, optimisation and
//! verification.

use crate::lowered::{Item, LoweredGate, Sequence, Wire};
use crate::pi_fraction::n_rotations_of_u3;
use crate::{BlockQubit, Circuit, Qubit};
use bqc_linalg::{Stream, Su2};

/// A gate of a block.
pub type BlockGate = LoweredGate<BlockQubit>;

impl BlockGate {
    /// A one-qubit gate from its SU(2) value.
    pub fn from_su2(qubit: BlockQubit, value: Su2) -> BlockGate {
        BlockGate::u3(qubit, value.u3_angles())
    }
}

/// A lowered circuit without walls on `width` wires: a few in a block of a search, all of the circuit in a region
/// between walls.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCircuit {
    width: u16,
    /// The gates in program order.
    pub gates: Vec<BlockGate>,
}

impl BlockCircuit {
    /// An empty circuit on `width` wires.
    pub fn new(width: u16) -> BlockCircuit {
        BlockCircuit { width, gates: Vec::new() }
    }

    /// Generic one-qubit gates and CX on random wires, half of each: for tests and measurements.
    pub fn random(width: u16, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
        BlockCircuit::random_with(width, n_gates, stream, |stream| [0; 3].map(|_| stream.uniform() * 12.0 - 6.0))
    }

    /// The same with other angles.
    pub fn random_with(
        width: u16,
        n_gates: usize,
        stream: &mut Stream,
        angles: impl Fn(&mut Stream) -> [f64; 3],
    ) -> BlockCircuit {
        let mut block = BlockCircuit::new(width);
        for _ in 0..n_gates {
            let mut wires: Vec<BlockQubit> = (0..width).map(BlockQubit).collect();
            stream.shuffle(&mut wires);
            if width > 1 && stream.chance(0.5) {
                block.push_cx(wires[0], wires[1]);
            } else {
                block.push_u3(wires[0], angles(stream));
            }
        }
        block
    }

    /// Number of wires.
    pub fn width(&self) -> u16 {
        self.width
    }

    /// Number of two-qubit gates.
    pub fn n_cx(&self) -> usize {
        self.gates.iter().filter(|gate| gate.is_two_qubit()).count()
    }

    /// Number of one-qubit gates.
    pub fn n_one_qubit(&self) -> usize {
        self.gates.len() - self.n_cx()
    }

    /// Rotations by angles that are no multiples of π/2, up to three in a gate: in a block over Clifford and T its T
    /// count.
    pub fn n_rotations(&self) -> usize {
        let of_gate = |gate: &BlockGate| match gate {
            LoweredGate::One { angles, .. } => n_rotations_of_u3(*angles),
            LoweredGate::Two { .. } => 0,
        };
        self.gates.iter().map(of_gate).sum()
    }

    /// Whether every gate acts on different wires that the block has.
    pub fn is_well_formed(&self) -> bool {
        let is_inside = |wire: &BlockQubit| wire.0 < self.width;
        self.gates.iter().all(|gate| match gate {
            LoweredGate::One { wire, .. } => is_inside(wire),
            LoweredGate::Two { wires, .. } => wires.iter().all(is_inside) && wires[0] != wires[1],
        })
    }

    /// Appends `cx control, target`. Panics on a wire that the block does not have, or a repeated one.
    pub fn push_cx(&mut self, control: BlockQubit, target: BlockQubit) {
        assert!(control != target && control.0 < self.width && target.0 < self.width);
        self.gates.push(BlockGate::cx(control, target));
    }

    /// Appends `u3(angles) qubit`. Panics on a wire that the block does not have.
    pub fn push_u3(&mut self, qubit: BlockQubit, angles: [f64; 3]) {
        assert!(qubit.0 < self.width);
        self.gates.push(BlockGate::u3(qubit, angles));
    }

    /// The block's gates on other wires. Panics if `wires` is not as long as the block is wide.
    pub fn on<'a, W: Wire>(&'a self, wires: &'a [W]) -> impl Iterator<Item = LoweredGate<W>> + 'a {
        assert_eq!(wires.len(), self.width as usize, "one wire for each of the block");
        self.gates.iter().map(|gate| gate.on(wires))
    }

    /// The block as a circuit on one register.
    pub fn to_circuit(&self) -> Circuit {
        let mut circuit = Circuit::with_qubits(self.width.into());
        self.gates.iter().for_each(|gate| circuit.push(gate.map(|wire| Qubit::at(wire.index())).to_call()));
        circuit
    }

    /// Longest chain of gates that share wires.
    pub fn depth(&self) -> usize {
        self.chain(|_| true)
    }

    /// Longest chain of two-qubit gates.
    pub fn cx_depth(&self) -> usize {
        self.chain(BlockGate::is_two_qubit)
    }

    fn chain(&self, is_step: impl Fn(&BlockGate) -> bool) -> usize {
        let mut ready = vec![0; self.width as usize];
        for gate in &self.gates {
            let start = gate.wires().iter().map(|wire| ready[wire.index()]).max().unwrap_or(0);
            gate.wires().iter().for_each(|wire| ready[wire.index()] = start + is_step(gate) as usize);
        }
        ready.into_iter().max().unwrap_or(0)
    }
}

impl Sequence for BlockCircuit {
    type Wire = BlockQubit;

    fn n_wires(&self) -> usize {
        self.width.into()
    }

    fn len(&self) -> usize {
        self.gates.len()
    }

    fn item(&self, index: usize) -> Item<BlockQubit> {
        Item::Gate(self.gates[index])
    }

    fn wall_wires(&self, _: u32) -> Vec<BlockQubit> {
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Operation;
    use bqc_linalg::{Matrix, phase_distance};

    #[test]
    fn a_block_is_the_same_unitary_on_other_wires() {
        let mut stream = Stream::new(0, 4, 0);
        let qubits = [Qubit(3), Qubit(0), Qubit(2)];
        let block = BlockCircuit::random(3, 30, &mut stream);
        let mut circuit = Circuit::with_qubits(4);
        circuit.operations.extend(block.on(&qubits).map(|gate| Operation::Gate(gate.to_call())));
        let mut expected = Matrix::identity(16);
        expected.apply_gate(&block.unitary(), &[3, 0, 2]);
        assert!(phase_distance(&circuit.unitary().unwrap(), &expected) < 1e-14);
        assert_eq!(block.depth(), crate::Stats::of(&circuit).depth);
        assert_eq!(block.cx_depth(), crate::Stats::of(&circuit).two_qubit_depth);
    }

    #[test]
    fn wires_that_are_not_there_are_seen() {
        let mut block = BlockCircuit::random(3, 30, &mut Stream::new(0, 4, 1));
        assert!(block.is_well_formed());
        block.gates.push(BlockGate::cx(BlockQubit(1), BlockQubit(1)));
        assert!(!block.is_well_formed());
        *block.gates.last_mut().unwrap() = BlockGate::u3(BlockQubit(3), [0.0; 3]);
        assert!(!block.is_well_formed());
    }
}
