//! Many Pauli strings, stored by wire: for each wire one word of X bits and one of Z bits, with one bit for each string.
//!
//! A gate on two wires then changes four columns, whatever the number of strings, and which strings anticommute with a
//! given one is the exclusive or of a few columns. Strings are called slots here; slot `s` is bit `s % 64` of word
//! `s / 64`.

use super::axis::{Axis, NONE, POWERS, X, Z};

/// One bit for each slot.
pub(crate) type Mask<const L: usize> = [u64; L];

/// The slots' bits on one wire.
#[derive(Clone, Copy)]
pub(crate) struct Column<const L: usize> {
    /// X components.
    pub x: Mask<L>,
    /// Z components.
    pub z: Mask<L>,
}

impl<const L: usize> Column<L> {
    /// Slots with anything on this wire in word `l`.
    #[inline]
    pub fn support(&self, l: usize) -> u64 {
        self.x[l] | self.z[l]
    }
}

/// Pauli strings, all of them Hermitian, with signs.
pub(crate) struct Columns<const L: usize> {
    /// By wire.
    pub wires: Vec<Column<L>>,
    /// Slots with a minus sign.
    pub negative: Mask<L>,
}

/// Which slots a gate has made lighter and heavier, on its first and on its second wire.
pub(crate) struct Change<const L: usize> {
    /// Now without anything on the wire.
    pub lost: [Mask<L>; 2],
    /// Had nothing on the wire before.
    pub gained: [Mask<L>; 2],
}

/// All ones if the condition holds.
#[inline]
fn ones(condition: bool) -> u64 {
    u64::from(condition).wrapping_neg()
}

/// Calls `f` with each bit that is set, lowest first.
#[inline]
pub(crate) fn each_bit(mut word: u64, mut f: impl FnMut(usize)) {
    while word != 0 {
        f(word.trailing_zeros() as usize);
        word &= word - 1;
    }
}

/// Calls `f` with each slot of a mask, lowest first.
#[inline]
pub(crate) fn each_slot(words: &[u64], mut f: impl FnMut(usize)) {
    for (l, &word) in words.iter().enumerate() {
        each_bit(word, |bit| f(64 * l + bit));
    }
}

/// Whether a slot is in the mask.
#[inline]
pub(crate) fn has(words: &[u64], slot: usize) -> bool {
    words[slot / 64] >> (slot % 64) & 1 == 1
}

/// Adds a slot to a mask.
#[inline]
pub(crate) fn insert(words: &mut [u64], slot: usize) {
    words[slot / 64] |= 1 << (slot % 64);
}

/// Takes a slot out of a mask.
#[inline]
pub(crate) fn remove(words: &mut [u64], slot: usize) {
    words[slot / 64] &= !(1 << (slot % 64));
}

/// For one Pauli on a wire with components `x` and `z`: the slots that anticommute there, and those among them whose
/// product with it (slot first) is `−i` times the third.
#[inline]
fn against(axis: Axis, x: u64, z: u64) -> (u64, u64) {
    let (is_x, is_z) = (ones(axis & X != 0), ones(axis & Z != 0));
    let differs = (z & is_x) ^ (x & is_z);
    // Before X: of Z and Y, Y gives minus. Before Z: of X and Y, X. Before Y: of X and Z, Z.
    let minus = match axis {
        X => x,
        Z => !z,
        _ => z,
    };
    (differs, differs & minus)
}

impl<const L: usize> Columns<L> {
    /// No wires.
    pub fn new() -> Columns<L> {
        Columns { wires: Vec::new(), negative: [0; L] }
    }

    /// Every slot the identity on `n` wires.
    pub fn clear(&mut self, n: usize) {
        self.wires.clear();
        self.wires.resize(n, Column { x: [0; L], z: [0; L] });
        self.negative = [0; L];
    }

    /// The Pauli of a slot on a wire.
    #[inline]
    pub fn axis(&self, wire: usize, slot: usize) -> Axis {
        let (column, l, bit) = (&self.wires[wire], slot / 64, slot % 64);
        (column.x[l] >> bit & 1) as Axis | ((column.z[l] >> bit & 1) as Axis) << 1
    }

    /// Multiplies a slot by a Pauli on one wire, up to phase: for a slot that has the identity there, writes it.
    #[inline]
    pub fn write(&mut self, wire: usize, slot: usize, axis: Axis) {
        let (column, l, bit) = (&mut self.wires[wire], slot / 64, slot % 64);
        column.x[l] ^= u64::from(axis & 1) << bit;
        column.z[l] ^= u64::from(axis >> 1) << bit;
    }

    /// Makes a slot the identity.
    pub fn erase(&mut self, slot: usize) {
        for column in &mut self.wires {
            remove(&mut column.x, slot);
            remove(&mut column.z, slot);
        }
        remove(&mut self.negative, slot);
    }

    /// Whether a slot has a minus sign.
    pub fn is_negative(&self, slot: usize) -> bool {
        has(&self.negative, slot)
    }

    /// Conjugates every slot by the pair gate of axes `p` and `q` on wires `a` and `b`.
    #[inline]
    pub fn conjugate(&mut self, [a, b]: [usize; 2], [p, q]: [Axis; 2]) -> Change<L> {
        let mut change = Change { lost: [[0; L]; 2], gained: [[0; L]; 2] };
        let (mut first, mut second) = (self.wires[a], self.wires[b]);
        for l in 0..L {
            let (had_a, had_b) = (first.support(l), second.support(l));
            let (differs_a, minus_a) = against(p, first.x[l], first.z[l]);
            let (differs_b, minus_b) = against(q, second.x[l], second.z[l]);
            // A slot AB that anticommutes on both wires becomes (AP)(QB), and QB has the other sign than BQ.
            self.negative[l] ^= differs_a & differs_b & (minus_a ^ minus_b);
            second.x[l] ^= differs_a & ones(q & X != 0);
            second.z[l] ^= differs_a & ones(q & Z != 0);
            first.x[l] ^= differs_b & ones(p & X != 0);
            first.z[l] ^= differs_b & ones(p & Z != 0);
            let (has_a, has_b) = (first.support(l), second.support(l));
            change.lost[0][l] = had_a & !has_a;
            change.lost[1][l] = had_b & !has_b;
            change.gained[0][l] = has_a & !had_a;
            change.gained[1][l] = has_b & !had_b;
        }
        (self.wires[a], self.wires[b]) = (first, second);
        change
    }

    /// Slots that anticommute with one of them.
    #[inline]
    pub fn anticommuting(&self, slot: usize) -> Mask<L> {
        let (l, bit) = (slot / 64, slot % 64);
        let mut differs = [0; L];
        for column in &self.wires {
            let (x, z) = (ones(column.x[l] >> bit & 1 == 1), ones(column.z[l] >> bit & 1 == 1));
            for (k, word) in differs.iter_mut().enumerate() {
                *word ^= (x & column.z[k]) ^ (z & column.x[k]);
            }
        }
        differs
    }

    /// Those of the candidates that are the same string as a slot, whatever the signs.
    #[inline]
    pub fn same(&self, slot: usize, mut candidates: Mask<L>) -> Mask<L> {
        let (l, bit) = (slot / 64, slot % 64);
        for column in &self.wires {
            let (x, z) = (ones(column.x[l] >> bit & 1 == 1), ones(column.z[l] >> bit & 1 == 1));
            for (k, word) in candidates.iter_mut().enumerate() {
                *word &= !((x ^ column.x[k]) | (z ^ column.z[k]));
            }
            if candidates == [0; L] {
                break;
            }
        }
        candidates
    }

    /// Conjugates the slots of a mask by `V = exp(−ikπP/4)`, as `V†·V`, where P is the string of `slot` with its sign.
    pub fn absorb(&mut self, slot: usize, quarters: u8, among: &Mask<L>) {
        let differs = self.anticommuting(slot);
        let differs: Mask<L> = std::array::from_fn(|l| differs[l] & among[l]);
        let quarters = if self.is_negative(slot) { (4 - quarters) % 4 } else { quarters };
        match quarters {
            0 => {}
            2 => (0..L).for_each(|l| self.negative[l] ^= differs[l]),
            // −i·QP for one quarter, i·QP for three.
            k => self.multiply(slot, &differs, if k == 1 { 3 } else { 1 }),
        }
    }

    /// Every slot Q of the mask, all of which anticommute with P of `slot`, becomes `i^power · Q·P`. P counts as positive.
    fn multiply(&mut self, slot: usize, mask: &Mask<L>, power: u8) {
        // The power of i, as two bits for each slot.
        let (mut low, mut high) = ([ones(power & 1 == 1); L], [ones(power & 2 == 2); L]);
        for wire in 0..self.wires.len() {
            let axis = self.axis(wire, slot);
            let column = &mut self.wires[wire];
            for l in 0..L {
                let (differs, minus) = against(axis, column.x[l], column.z[l]);
                let plus = differs & !minus;
                high[l] ^= (low[l] & plus) ^ (!low[l] & minus);
                low[l] ^= differs;
                column.x[l] ^= mask[l] & ones(axis & X != 0);
                column.z[l] ^= mask[l] & ones(axis & Z != 0);
            }
        }
        for l in 0..L {
            debug_assert_eq!(low[l] & mask[l], 0, "a product of anticommuting strings times i is Hermitian");
            self.negative[l] ^= high[l] & mask[l];
        }
    }

    /// Writes `i^power` times the product of the factors, in this order, into `slot`, which is the identity so far. The
    /// product must be Hermitian.
    pub fn write_product(&mut self, slot: usize, factors: &[usize], mut power: u32) {
        power += factors.iter().map(|&factor| 2 * u32::from(self.is_negative(factor))).sum::<u32>();
        for wire in 0..self.wires.len() {
            let mut product = NONE;
            for &factor in factors {
                let axis = self.axis(wire, factor);
                power += POWERS[usize::from(product | axis << 2)];
                product ^= axis;
            }
            self.write(wire, slot, product);
        }
        debug_assert_eq!(power % 2, 0, "the product is Hermitian");
        if power % 4 == 2 {
            insert(&mut self.negative, slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::axis::Y;
    use super::*;
    use crate::pauli::op::Op;
    use crate::pauli::test_support::{op_matrix, pauli_matrix};
    use bqc_linalg::{Complex64, Matrix, Stream};

    const N: usize = 3;

    /// The matrix of a slot, with its sign.
    fn matrix(columns: &Columns<2>, slot: usize) -> Matrix {
        let mut matrix = Matrix::identity(1 << N);
        for wire in 0..N {
            matrix.apply_gate(&pauli_matrix(columns.axis(wire, slot)), &[wire]);
        }
        matrix.scaled(Complex64::from(if columns.is_negative(slot) { -1.0 } else { 1.0 }))
    }

    /// All strings on three wires, in slots on both sides of a word's end.
    fn all() -> (Columns<2>, Vec<usize>) {
        let mut columns = Columns::new();
        columns.clear(N);
        let slots: Vec<usize> = (0..64).map(|k| 32 + k).collect();
        for (k, &slot) in slots.iter().enumerate() {
            (0..N).for_each(|wire| columns.write(wire, slot, (k >> (2 * wire) & 3) as Axis));
            if k % 3 == 0 {
                insert(&mut columns.negative, slot);
            }
        }
        (columns, slots)
    }

    #[test]
    fn conjugation_by_each_pair_is_that_of_the_matrices() {
        for (p, q) in [X, Y, Z].into_iter().flat_map(|p| [X, Y, Z].map(|q| (p, q))) {
            let (mut columns, slots) = all();
            let before: Vec<Matrix> = slots.iter().map(|&slot| matrix(&columns, slot)).collect();
            let weights = |columns: &Columns<2>, slot, wires: [usize; 2]| wires.map(|w| columns.axis(w, slot) != 0);
            let had: Vec<[bool; 2]> = slots.iter().map(|&slot| weights(&columns, slot, [2, 0])).collect();
            let change = columns.conjugate([2, 0], [p, q]);
            let gate = op_matrix(&Op::Pair { wires: [2, 0], axes: [p, q] }, N);
            for ((&slot, before), had) in slots.iter().zip(&before).zip(had) {
                let expected = &(&gate * before) * &gate.dagger();
                assert!(matrix(&columns, slot).max_difference(&expected) < 1e-14, "{p} {q} {slot}");
                let has_now = weights(&columns, slot, [2, 0]);
                for side in 0..2 {
                    assert_eq!(has(&change.lost[side], slot), had[side] && !has_now[side]);
                    assert_eq!(has(&change.gained[side], slot), !had[side] && has_now[side]);
                }
            }
        }
    }

    #[test]
    fn commuting_and_equal_strings_are_found() {
        let (columns, slots) = all();
        for &slot in &slots {
            let differs = columns.anticommuting(slot);
            for &other in &slots {
                let (a, b) = (matrix(&columns, slot), matrix(&columns, other));
                let commute = (&a * &b).max_difference(&(&b * &a)) < 1e-14;
                assert_eq!(has(&differs, other), !commute);
                assert_eq!(has(&columns.same(slot, [!0; 2]), other), slot == other);
            }
        }
    }

    #[test]
    fn absorbing_a_quarter_turn_conjugates_by_it() {
        let (start, slots) = all();
        for &turned in &slots {
            for quarters in 0..4 {
                let (mut columns, _) = all();
                let mut among = [!0; 2];
                remove(&mut among, slots[5]);
                columns.absorb(turned, quarters, &among);
                // exp(−ikπP/4) from the string's matrix, which squares to one.
                let (sin, cos) = (f64::from(quarters) * std::f64::consts::FRAC_PI_4).sin_cos();
                let p = matrix(&start, turned);
                let v = Matrix::from_fn(8, 8, |row, col| {
                    let diagonal = if row == col { cos } else { 0.0 };
                    Complex64::from(diagonal) + p[(row, col)] * Complex64::new(0.0, -sin)
                });
                for &slot in &slots {
                    let before = matrix(&start, slot);
                    let expected = if slot == slots[5] { before } else { &(&v.dagger() * &before) * &v };
                    assert!(matrix(&columns, slot).max_difference(&expected) < 1e-14);
                }
            }
        }
    }

    #[test]
    fn products_are_those_of_the_matrices() {
        let mut stream = Stream::new(0, 1, 3);
        for _ in 0..300 {
            let (mut columns, slots) = all();
            let factors = [0; 4].map(|_| slots[stream.below(64)]);
            let product = factors.iter().fold(Matrix::identity(1 << N), |all, &slot| &all * &matrix(&columns, slot));
            // A product of Hermitian strings is one, or i times one.
            let power = u32::from(product.max_difference(&product.dagger()) > 1.0);
            columns.write_product(3, &factors, power);
            let expected = product.scaled(Complex64::i().powu(power));
            assert!(matrix(&columns, 3).max_difference(&expected) < 1e-14);
        }
    }
}
