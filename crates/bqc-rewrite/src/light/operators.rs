//! The Pauli operators into which X and Z of every wire pull back through the pairs of a tape, with histories.
//!
//! An operator is `i^k Π X^x Z^z` (Aaronson and Gottesman, quant-ph/0406196), with two bits for each wire. Its label is
//! the exclusive or of a random number for every bit that is set, and of one for every rotation that it has been told
//! not to commute with.

use super::clifford::Axis;
use bqc_linalg::Stream;

/// Purpose of the stream of labels.
const LABELS: u64 = 0x6c61_6265_6c73;

/// An operator without its bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    /// The power of i, modulo 4.
    pub phase: u8,
    /// Of the operator and its history.
    pub label: u128,
}

/// `[wire][X or Z]`: the operators of all wires.
pub(crate) struct Operators {
    /// `[wire][X or Z][bits of X, bits of Z][n_words]`.
    bits: Vec<u64>,
    heads: Vec<Head>,
    n_words: usize,
    /// `[first, second wire of a pair][bits of X, bits of Z][n_words]`.
    loaded: [Vec<u64>; 2],
    stream: Stream,
    /// Elementary steps; sixteen words that are read or written are one.
    pub n_steps: u64,
}

impl Operators {
    /// Before the first gate.
    pub fn new(width: usize) -> Operators {
        let n_words = width.div_ceil(64);
        let mut bits = vec![0; width * 4 * n_words];
        for wire in 0..width {
            let bit = 1 << (wire % 64);
            bits[wire * 4 * n_words + wire / 64] = bit;
            bits[wire * 4 * n_words + 3 * n_words + wire / 64] = bit;
        }
        let mut operators = Operators {
            bits,
            heads: Vec::new(),
            n_words,
            loaded: [vec![0; 2 * n_words], vec![0; 2 * n_words]],
            stream: Stream::new(0, 0, LABELS),
            n_steps: 0,
        };
        operators.heads = (0..2 * width).map(|_| Head { phase: 0, label: operators.label() }).collect();
        operators
    }

    fn label(&mut self) -> u128 {
        u128::from(self.stream.bits()) << 64 | u128::from(self.stream.bits())
    }

    /// The operator of an axis of a wire.
    pub fn head(&self, wire: usize, axis: Axis) -> Head {
        let [x, z] = [self.heads[2 * wire], self.heads[2 * wire + 1]];
        match axis {
            Axis::X => x,
            Axis::Z => z,
            Axis::Y => {
                // Y = i X Z.
                let (x_row, z_row) = (self.row(2 * wire), self.row(2 * wire + 1));
                let phase = 1 + x.phase + z.phase + swaps(x_row, z_row);
                Head { phase: phase % 4, label: x.label ^ z.label }
            }
        }
    }

    /// A rotation about this axis: what does not commute with it gets a new history.
    pub fn rotate(&mut self, wire: usize, axis: Axis) {
        self.n_steps += 1;
        let label = self.label();
        for (row, other) in [(2 * wire, Axis::X), (2 * wire + 1, Axis::Z)] {
            if other != axis {
                self.heads[row].label ^= label;
            }
        }
    }

    /// A pair: an operator of one wire that does not commute with it gets the other wire's axis as a factor.
    pub fn pair(&mut self, wires: [usize; 2], axes: [Axis; 2]) {
        // Two rows are loaded, four are multiplied.
        self.n_steps += 1 + 12 * self.n_words as u64 / 16;
        let heads = [0, 1].map(|end| self.load(end, wires[end], axes[end]));
        for end in 0..2 {
            for (row, axis) in [(2 * wires[end], Axis::X), (2 * wires[end] + 1, Axis::Z)] {
                if axis != axes[end] {
                    self.multiply(row, 1 - end, heads[1 - end]);
                }
            }
        }
    }

    fn row(&self, row: usize) -> &[u64] {
        &self.bits[row * 2 * self.n_words..(row + 1) * 2 * self.n_words]
    }

    fn load(&mut self, end: usize, wire: usize, axis: Axis) -> Head {
        let size = 2 * self.n_words;
        let (x, z) = self.bits[wire * 2 * size..(wire + 1) * 2 * size].split_at(size);
        let loaded = &mut self.loaded[end];
        match axis {
            Axis::X => loaded.copy_from_slice(x),
            Axis::Z => loaded.copy_from_slice(z),
            Axis::Y => (0..size).for_each(|word| loaded[word] = x[word] ^ z[word]),
        }
        self.head(wire, axis)
    }

    /// Multiplies a row by what is loaded.
    fn multiply(&mut self, row: usize, end: usize, factor: Head) {
        let size = 2 * self.n_words;
        let (bits, loaded) = (&mut self.bits[row * size..(row + 1) * size], &self.loaded[end]);
        let head = &mut self.heads[row];
        head.phase = (head.phase + factor.phase + swaps(bits, loaded)) % 4;
        head.label ^= factor.label;
        bits.iter_mut().zip(loaded).for_each(|(bit, factor)| *bit ^= factor);
    }
}

/// Twice the number of times, modulo 4, that a Z of the first operator has to pass an X of the second.
fn swaps(first: &[u64], second: &[u64]) -> u8 {
    let (z, x) = (&first[first.len() / 2..], &second[..second.len() / 2]);
    let odd = z.iter().zip(x).fold(0, |sum, (z, x)| sum ^ (z & x)).count_ones() & 1;
    2 * odd as u8
}
