//! Index types that must never mix.

/// A wire of the circuit being compiled, `0..circuit.n_qubits()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Qubit(pub u32);

/// A classical bit of the circuit being compiled, `0..circuit.n_clbits()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clbit(pub u32);

/// A wire of one block, `0..block.width()`: up to 65,535, since a region between walls is a block too. Meaningless
/// outside its block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct BlockQubit(pub u16);

impl Qubit {
    /// As an index into an array over the circuit's wires.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Clbit {
    /// As an index into an array over the circuit's classical bits.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl BlockQubit {
    /// As an index into an array over the block's wires.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
