//! The Clifford part of a circuit, as the Paulis that it makes of X and Z on each wire.
//!
//! For a Clifford `C` the frame holds `C†X_qC` and `C†Z_qC` for every wire: what a Pauli behind `C` is in front of it
//! (S. Aaronson, D. Gottesman, arXiv:quant-ph/0406196, of the inverse, as in C. Gidney, arXiv:2103.02202). A gate behind
//! `C` changes one or two of these rows; a Clifford in front of it changes all.
//!
//! A Pauli is `[x words, z words]`, wire q in bit `q % 64` of word `q / 64`, and stands for the Hermitian product of
//! literal X, Y (both bits) and Z. Its sign is kept beside it.

/// A wire's axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    X,
    Z,
}

/// See the head of the file.
pub(super) struct Frame {
    n_wires: usize,
    /// Words of a row: twice as many as the wires fill.
    n_words: usize,
    /// `[wire][axis][word]`
    rows: Vec<u64>,
    /// `[wire][axis]`: whether the row has a minus.
    is_negative: Vec<bool>,
}

/// Words of a Pauli on so many wires.
pub(super) fn words_of(n_wires: usize) -> usize {
    2 * n_wires.div_ceil(64)
}

/// Whether two Paulis commute.
pub(super) fn commute(a: &[u64], b: &[u64]) -> bool {
    let half = a.len() / 2;
    let ((ax, az), (bx, bz)) = (a.split_at(half), b.split_at(half));
    let mut parity = 0;
    for i in 0..half {
        parity ^= (ax[i] & bz[i]) ^ (az[i] & bx[i]);
    }
    parity.count_ones() % 2 == 0
}

/// `a ← S` where `A·B = i^e S`; gives `e`.
///
/// A literal Pauli is `i^{|x∧z|} X^x Z^z`, and moving `Z^z` past `X^x'` costs a sign for each common wire, so
/// `e = |x∧z| + |x'∧z'| + 2|z∧x'| − |(x⊕x')∧(z⊕z')|`.
pub(super) fn multiply(a: &mut [u64], b: &[u64]) -> u32 {
    let half = a.len() / 2;
    let ((ax, az), (bx, bz)) = (a.split_at_mut(half), b.split_at(half));
    let mut power = 0;
    for i in 0..half {
        let before = (ax[i] & az[i]).count_ones() + (bx[i] & bz[i]).count_ones() + 2 * (az[i] & bx[i]).count_ones();
        ax[i] ^= bx[i];
        az[i] ^= bz[i];
        // Three times is minus once, modulo four.
        power += before + 3 * (ax[i] & az[i]).count_ones();
    }
    power % 4
}

/// A Pauli `P` in front of quarter turns about `R` instead of behind them; gives whether it gets a minus. The two must
/// not commute.
///
/// For `K = exp(−i k π/4 R)` that is `K†PK = exp(i k π/2 R) P`: `iRP`, `−P`, `−iRP` for one, two and three quarters.
pub(super) fn turn(pauli: &mut [u64], axis: &[u64], quarters: u8) -> bool {
    match quarters % 4 {
        0 => false,
        2 => true,
        // `RP = −PR`, so it is −i·PR after one quarter, i·PR after three; `PR = i^power S`.
        odd => (multiply(pauli, axis) + if odd == 1 { 3 } else { 1 }) % 4 == 2,
    }
}

impl Frame {
    /// Of the identity.
    pub(super) fn new(n_wires: usize) -> Frame {
        let n_words = words_of(n_wires);
        let mut frame =
            Frame { n_wires, n_words, rows: vec![0; 2 * n_wires * n_words], is_negative: vec![false; 2 * n_wires] };
        for wire in 0..n_wires {
            let bit = 1 << (wire % 64);
            let at = 2 * wire * n_words + wire / 64;
            frame.rows[at] = bit;
            frame.rows[at + n_words + n_words / 2] = bit;
        }
        frame
    }

    fn row_index(wire: usize, axis: Axis) -> usize {
        2 * wire + usize::from(axis == Axis::Z)
    }

    fn row(&self, index: usize) -> &[u64] {
        &self.rows[index * self.n_words..(index + 1) * self.n_words]
    }

    /// What a wire's Pauli is in front of the Clifford, and whether with a minus.
    pub(super) fn image(&self, wire: usize, axis: Axis) -> (&[u64], bool) {
        let index = Frame::row_index(wire, axis);
        (self.row(index), self.is_negative[index])
    }

    /// A `cx` behind the Clifford: `X_c` becomes `X_c X_t`, and `Z_t` becomes `Z_c Z_t`.
    pub(super) fn cx(&mut self, control: usize, target: usize) {
        for (into, other) in [(control, target), (target, control)] {
            let axis = if into == control { Axis::X } else { Axis::Z };
            let (into, other) = (Frame::row_index(into, axis), Frame::row_index(other, axis));
            let n = self.n_words;
            let (low, high) = self.rows.split_at_mut(into.max(other) * n);
            let (a, b) = match into < other {
                true => (&mut low[into * n..(into + 1) * n], &high[..n]),
                false => (&mut high[..n], &low[other * n..(other + 1) * n]),
            };
            // The two commute, so the power is even.
            let is_minus = multiply(a, b) == 2;
            self.is_negative[into] ^= self.is_negative[other] ^ is_minus;
        }
    }

    /// Quarter turns about a wire's axis behind the Clifford; `image` is [`Frame::image`] of that without its sign, and
    /// `quarters` are about that. Only the wire's other row does not commute with it.
    pub(super) fn turn_wire(&mut self, wire: usize, axis: Axis, image: &[u64], quarters: u8) {
        let other = if axis == Axis::X { Axis::Z } else { Axis::X };
        self.turn_row(Frame::row_index(wire, other), image, quarters);
    }

    /// Quarter turns about any Pauli in front of the Clifford.
    pub(super) fn turn_all(&mut self, pauli: &[u64], quarters: u8) {
        for index in 0..2 * self.n_wires {
            if !commute(self.row(index), pauli) {
                self.turn_row(index, pauli, quarters);
            }
        }
    }

    fn turn_row(&mut self, index: usize, pauli: &[u64], quarters: u8) {
        let row = &mut self.rows[index * self.n_words..(index + 1) * self.n_words];
        self.is_negative[index] ^= turn(row, pauli, quarters);
    }

    /// Whether the Clifford is the identity up to phase: every row is its own Pauli with a plus.
    pub(super) fn is_identity(&self) -> bool {
        let identity = Frame::new(self.n_wires);
        self.rows == identity.rows && self.is_negative == identity.is_negative
    }
}
