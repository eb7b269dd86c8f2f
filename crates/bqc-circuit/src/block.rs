//! A small unitary circuit over {CX, U3} on its own wires: the currency between partition,
//! optimisation and verification.

use crate::gates::{CX, U3};
use crate::{BlockQubit, GateCall, Qubit};
use bqc_linalg::Su2;

/// A gate of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BlockGate {
    /// Controlled X.
    Cx {
        /// Control wire.
        control: BlockQubit,
        /// Target wire.
        target: BlockQubit,
    },
    /// `u3(θ, φ, λ)`, angles in radians, exactly as they will be written out.
    U3 {
        /// The wire.
        qubit: BlockQubit,
        /// `[θ, φ, λ]`.
        angles: [f64; 3],
    },
}

impl BlockGate {
    /// A one-qubit gate from its SU(2) value.
    pub fn from_su2(qubit: BlockQubit, value: Su2) -> BlockGate {
        BlockGate::U3 { qubit, angles: value.u3_angles() }
    }

    /// The same gate on the circuit's wires: wire `b` of the block is `qubits[b]`.
    pub fn on(&self, qubits: &[Qubit]) -> GateCall {
        match *self {
            BlockGate::Cx { control, target } => GateCall::cx(qubits[control.index()], qubits[target.index()]),
            BlockGate::U3 { qubit, angles } => GateCall::u3(angles, qubits[qubit.index()]),
        }
    }
}

/// A circuit of {CX, U3} gates on `width` wires.
#[derive(Clone, Debug, PartialEq)]
pub struct BlockCircuit {
    width: u8,
    /// The gates in program order.
    pub gates: Vec<BlockGate>,
}

impl BlockCircuit {
    /// An empty circuit on `width` wires.
    pub fn new(width: u8) -> BlockCircuit {
        BlockCircuit { width, gates: Vec::new() }
    }

    /// Number of wires.
    pub fn width(&self) -> u8 {
        self.width
    }

    /// Number of CX gates.
    pub fn n_cx(&self) -> usize {
        self.gates.iter().filter(|g| matches!(g, BlockGate::Cx { .. })).count()
    }

    /// Number of one-qubit gates.
    pub fn n_one_qubit(&self) -> usize {
        self.gates.len() - self.n_cx()
    }

    /// Appends `cx control, target`. Panics on a wire that the block has not, or a repeated one.
    pub fn push_cx(&mut self, control: BlockQubit, target: BlockQubit) {
        assert!(control != target && control.0 < self.width && target.0 < self.width);
        self.gates.push(BlockGate::Cx { control, target });
    }

    /// Appends `u3(angles) qubit`. Panics on a wire that the block has not.
    pub fn push_u3(&mut self, qubit: BlockQubit, angles: [f64; 3]) {
        assert!(qubit.0 < self.width);
        self.gates.push(BlockGate::U3 { qubit, angles });
    }

    /// The block whose wire `b` is `qubits[b]`, from calls of `cx` and `u3` on these wires; none if
    /// there are more than 255 wires, or a call is of another gate or on another wire.
    pub fn from_calls<'a>(qubits: &[Qubit], calls: impl IntoIterator<Item = &'a GateCall>) -> Option<BlockCircuit> {
        let mut block = BlockCircuit::new(u8::try_from(qubits.len()).ok()?);
        let wire = |q: Qubit| qubits.iter().position(|&p| p == q).map(|b| BlockQubit(b as u8));
        for call in calls {
            match (call.gate(), call.qubits(), call.angles()) {
                (CX, &[control, target], _) if control != target => block.push_cx(wire(control)?, wire(target)?),
                (U3, &[qubit], &[theta, phi, lambda]) => block.push_u3(wire(qubit)?, [theta, phi, lambda]),
                _ => return None,
            }
        }
        Some(block)
    }

    /// The block's gates on the circuit's wires. Panics if `qubits` is not as long as the block is wide.
    pub fn to_calls<'a>(&'a self, qubits: &'a [Qubit]) -> impl Iterator<Item = GateCall> + 'a {
        assert_eq!(qubits.len(), self.width as usize, "one wire of the circuit for each of the block");
        self.gates.iter().map(|gate| gate.on(qubits))
    }

    /// Longest chain of gates that share wires.
    pub fn depth(&self) -> usize {
        self.chain(|_| true)
    }

    /// Longest chain of CX gates.
    pub fn cx_depth(&self) -> usize {
        self.chain(|gate| matches!(gate, BlockGate::Cx { .. }))
    }

    fn chain(&self, is_step: impl Fn(&BlockGate) -> bool) -> usize {
        let mut ready = vec![0; self.width as usize];
        for gate in &self.gates {
            let step = is_step(gate) as usize;
            match *gate {
                BlockGate::Cx { control, target } => {
                    let end = ready[control.index()].max(ready[target.index()]) + step;
                    (ready[control.index()], ready[target.index()]) = (end, end);
                }
                BlockGate::U3 { qubit, .. } => ready[qubit.index()] += step,
            }
        }
        ready.into_iter().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Circuit, GateId, Operation};
    use bqc_linalg::{Matrix, Stream, phase_distance};

    fn random(width: u8, n_gates: usize, stream: &mut Stream) -> BlockCircuit {
        let mut block = BlockCircuit::new(width);
        let mut wires: Vec<BlockQubit> = (0..width).map(BlockQubit).collect();
        for _ in 0..n_gates {
            stream.shuffle(&mut wires);
            match stream.chance(0.5) {
                true => block.push_cx(wires[0], wires[1]),
                false => block.push_u3(wires[0], [stream.gaussian(), stream.gaussian(), stream.gaussian()]),
            }
        }
        block
    }

    #[test]
    fn blocks_and_calls_are_two_forms_of_one_thing() {
        let mut stream = Stream::new(0, 4, 0);
        let qubits = [Qubit(3), Qubit(0), Qubit(2)];
        let block = random(3, 30, &mut stream);
        let calls: Vec<GateCall> = block.to_calls(&qubits).collect();
        assert_eq!(BlockCircuit::from_calls(&qubits, &calls), Some(block.clone()));
        assert_eq!(BlockCircuit::from_calls(&qubits[1..], &calls), None);
        let swap = GateCall::new(GateId::from_name("swap").unwrap(), &[], &qubits[..2]);
        assert_eq!(BlockCircuit::from_calls(&qubits, [&swap]), None);

        let mut circuit = Circuit::with_qubits(4);
        circuit.operations.extend(calls.into_iter().map(Operation::Gate));
        let mut expected = Matrix::identity(16);
        expected.apply_gate(&block.unitary(), &[3, 0, 2]);
        assert!(phase_distance(&circuit.unitary().unwrap(), &expected) < 1e-14);
        assert_eq!(block.depth(), crate::Stats::of(&circuit).depth);
        assert_eq!(block.cx_depth(), crate::Stats::of(&circuit).two_qubit_depth);
    }
}
