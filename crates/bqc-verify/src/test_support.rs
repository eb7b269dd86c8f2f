//! Random blocks for the tests of this crate.

use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, Circuit, LoweredGate, Qubit, Wire};
use bqc_linalg::{Stream, Su2};

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

/// The same unitary written differently: every one-qubit gate as a product of two, every CX as CZ.
pub(crate) fn rewritten(block: &BlockCircuit, stream: &mut Stream) -> BlockCircuit {
    let mut other = BlockCircuit::new(block.width());
    for gate in &block.gates {
        match *gate {
            LoweredGate::Two { wires: [control, target], .. } => {
                let half = [std::f64::consts::FRAC_PI_2, 0.0, std::f64::consts::PI];
                let [hc, ht] = [control, target].map(|wire| BlockGate::u3(wire, half));
                other.gates.extend([hc, ht, BlockGate::cx(target, control), hc, ht]);
            }
            LoweredGate::One { wire: qubit, angles: [t, p, l] } => {
                let split = stream.su2();
                other.gates.push(BlockGate::from_su2(qubit, split));
                other.gates.push(BlockGate::from_su2(qubit, Su2::u3(t, p, l) * split.dagger()));
            }
        }
    }
    other
}
