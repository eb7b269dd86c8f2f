//! Random blocks for the tests of this crate.

use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Qubit, Wire};
use bqc_linalg::Stream;

/// A block of generic one-qubit gates and CX, half of each.
pub(crate) fn random_block(width: u16, n_gates: usize, s: &mut Stream) -> BlockCircuit {
    let mut block = BlockCircuit::new(width);
    for _ in 0..n_gates {
        let mut wires: Vec<u16> = (0..width).collect();
        s.shuffle(&mut wires);
        if width > 1 && s.chance(0.5) {
            block.push_cx(BlockQubit(wires[0]), BlockQubit(wires[1]));
        } else {
            let angles = [0; 3].map(|_| s.uniform() * 12.0 - 6.0);
            block.push_u3(BlockQubit(wires[0]), angles);
        }
    }
    block
}

/// The block on the wires of a circuit of its own.
pub(crate) fn as_circuit(block: &BlockCircuit) -> Circuit {
    let mut circuit = Circuit::with_qubits(u32::from(block.width()));
    let wires: Vec<Qubit> = (0..block.width().into()).map(Qubit::at).collect();
    block.on(&wires).for_each(|gate| circuit.push(gate.to_call()));
    circuit
}
