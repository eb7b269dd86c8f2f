//! What the tests of this crate have in common.

use bqc_circuit::{BlockCircuit, BlockGate, LoweredGate};
use bqc_linalg::{Stream, Su2};

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
