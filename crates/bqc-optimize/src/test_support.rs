//! Random circuits for the tests of this crate, and who works on them.

use crate::Context;
use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Qubit, Wire};
use bqc_instantiate::CpuEngine;
use bqc_linalg::Stream;
use std::f64::consts::FRAC_PI_4;
use std::sync::LazyLock;
use std::sync::atomic::AtomicBool;

/// The CPU engine, and a flag that is never set.
pub(crate) fn on_cpu() -> Context<'static> {
    static ENGINE: LazyLock<CpuEngine> = LazyLock::new(CpuEngine::new);
    static GO: AtomicBool = AtomicBool::new(false);
    Context { engine: &*ENGINE, stop: &GO }
}

/// The CPU engine, and a flag that is set from the beginning.
pub(crate) fn stopped() -> Context<'static> {
    static STOPPED: AtomicBool = AtomicBool::new(true);
    Context { stop: &STOPPED, ..on_cpu() }
}

/// A block of generic one-qubit gates and CX, half of each.
pub(crate) fn random_block(width: u8, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    block_of(width, n_gates, stream, |stream| [0; 3].map(|_| stream.uniform() * 12.0 - 6.0))
}

/// The same with angles that are multiples of π/4: rotations about X, Y and Z, identities, and so
/// much that commutes and cancels.
pub(crate) fn random_clifford_t(width: u8, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
    block_of(width, n_gates, stream, |stream| {
        let diagonal = stream.chance(0.5);
        let mut angles = [0; 3].map(|_| stream.below(8) as f64 * FRAC_PI_4);
        if diagonal {
            angles[0] = 0.0;
        } else if stream.chance(0.5) {
            // u3(θ, −π/2, π/2) is a rotation about X.
            (angles[1], angles[2]) = (-2.0 * FRAC_PI_4, 2.0 * FRAC_PI_4);
        }
        angles
    })
}

fn block_of(width: u8, n_gates: usize, s: &mut Stream, angles: impl Fn(&mut Stream) -> [f64; 3]) -> BlockCircuit {
    let mut block = BlockCircuit::new(width.into());
    for _ in 0..n_gates {
        let mut wires: Vec<u8> = (0..width).collect();
        s.shuffle(&mut wires);
        if width > 1 && s.chance(0.5) {
            block.push_cx(BlockQubit(wires[0].into()), BlockQubit(wires[1].into()));
        } else {
            let angles = angles(s);
            block.push_u3(BlockQubit(wires[0].into()), angles);
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
