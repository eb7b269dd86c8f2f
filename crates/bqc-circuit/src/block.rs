//! A small unitary circuit over {CX, U3} on its own wires: the currency between partition,
//! optimisation and verification.

use crate::BlockQubit;
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
}
