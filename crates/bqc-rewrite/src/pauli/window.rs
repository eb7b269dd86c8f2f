//! The rotations that greedy synthesis has in view, and the rows of the final Clifford, as slots of one board of
//! [`Columns`].
//!
//! A circuit is `C · R_m ⋯ R_1`: rotations in program order and a Clifford. A pair gate `g` that is written out changes
//! every rotation and the rows of C alike, by conjugation. Which rotations anticommute never changes, so the layers do
//! not either, until a rotation of weight one in the front is written out and goes.
//!
//! Slots: first the rotations, then `3n` rows of the Clifford (images of X, of Z and of Y of each output), then, if
//! rotations enter later, `2n` images of X and Z under the gates so far.

use super::axis::{Axis, X, Y, Z};
use super::columns::{Columns, Mask, each_bit, each_slot, insert, remove};
use super::frame::Frame;
use super::greedy::Prices;
use super::op::Op;

/// See the module. Buffers are kept from one use to the next.
pub(crate) struct Window<const L: usize> {
    /// All strings.
    pub columns: Columns<L>,
    n_wires: usize,
    /// Slots of rotations are below this, a multiple of 64.
    n_slots: usize,
    /// Rotations in view.
    pub alive: Mask<L>,
    /// By layer: its rotations, which all commute. The first are the front.
    layers: Vec<Mask<L>>,
    /// What counts in the choice of a gate.
    pub active: Mask<L>,
    /// The rows of the Clifford.
    rows: Mask<L>,
    /// By slot: anticommuting rotations that come earlier.
    pub earlier: Vec<Mask<L>>,
    /// By slot: number of wires.
    pub weights: Vec<u16>,
    /// By slot: what one wire less gains, and what one wire more costs.
    pub steps: Vec<[f32; 2]>,
    /// By slot: what it counts.
    scales: Vec<f32>,
    /// By slot: the settled angle.
    pub angles: Vec<f64>,
    /// By slot, `n_words` words each: its wires.
    supports: Vec<u64>,
    n_words: usize,
    /// Whether images of X and Z are kept.
    has_images: bool,
    /// A buffer.
    factors: Vec<usize>,
}

/// A rotation that comes into view: the circuit's, before any gate was written out.
pub(crate) struct Entering<S> {
    /// Wires and axes.
    pub string: S,
    /// The sign of the string.
    pub is_negative: bool,
    /// Settled, in radians.
    pub angle: f64,
}

/// Whether two masks have a slot in common.
#[inline]
fn meets<const L: usize>(a: &Mask<L>, b: &Mask<L>) -> bool {
    (0..L).any(|l| a[l] & b[l] != 0)
}

/// Slots that `n` wires and `n_ahead` rotations take; with images of X and Z if rotations enter later.
pub(crate) fn n_slots_for(n_wires: usize, n_ahead: usize, has_images: bool) -> usize {
    n_ahead.next_multiple_of(64) + (if has_images { 5 } else { 3 }) * n_wires
}

impl<const L: usize> Window<L> {
    /// An empty board.
    pub fn new() -> Window<L> {
        Window {
            columns: Columns::new(),
            n_wires: 0,
            n_slots: 0,
            alive: [0; L],
            layers: Vec::new(),
            active: [0; L],
            rows: [0; L],
            earlier: vec![[0; L]; 64 * L],
            weights: vec![0; 64 * L],
            steps: vec![[0.0; 2]; 64 * L],
            scales: vec![0.0; 64 * L],
            angles: vec![0.0; 64 * L],
            supports: Vec::new(),
            n_words: 0,
            has_images: false,
            factors: Vec::new(),
        }
    }

    /// Begins with the identity on `n` wires and no rotation, with room for `n_ahead`. Panics if it has too few slots.
    pub fn clear(&mut self, n_wires: usize, n_ahead: usize, has_images: bool) {
        assert!(n_slots_for(n_wires, n_ahead, has_images) <= 64 * L, "a window needs more slots");
        self.columns.clear(n_wires);
        self.n_wires = n_wires;
        self.n_slots = n_ahead.next_multiple_of(64);
        (self.alive, self.active, self.rows) = ([0; L], [0; L], [0; L]);
        self.layers.clear();
        (0..3 * n_wires).for_each(|row| insert(&mut self.rows, self.n_slots + row));
        for wire in 0..n_wires {
            for (k, axis) in [X, Z, Y].into_iter().enumerate() {
                self.columns.write(wire, self.n_slots + k * n_wires + wire, axis);
            }
            if has_images {
                self.columns.write(wire, self.images() + wire, X);
                self.columns.write(wire, self.images() + n_wires + wire, Z);
            }
        }
        self.has_images = has_images;
        self.n_words = n_wires.div_ceil(64);
        self.supports.clear();
        self.supports.resize(64 * L * self.n_words, 0);
    }

    /// Number of wires.
    pub fn n_wires(&self) -> usize {
        self.n_wires
    }

    /// The first slot of a row of the Clifford.
    pub fn first_row(&self) -> usize {
        self.n_slots
    }

    /// The rotations that may come next.
    pub fn front(&self) -> &Mask<L> {
        self.layers.first().unwrap_or(&[0; L])
    }

    /// Slots of all rows.
    pub fn rows(&self) -> &Mask<L> {
        &self.rows
    }

    /// Words of a mask over wires.
    pub fn n_words(&self) -> usize {
        self.n_words
    }

    /// The wires of a slot.
    pub fn support(&self, slot: usize) -> &[u64] {
        &self.supports[slot * self.n_words..][..self.n_words]
    }

    /// The first wire of a slot that is not the identity.
    fn first_wire(&self, slot: usize) -> usize {
        let support = self.support(slot);
        let word = support.iter().position(|&word| word != 0).unwrap_or(0);
        64 * word + support[word].trailing_zeros() as usize
    }

    fn images(&self) -> usize {
        self.n_slots + 3 * self.n_wires
    }

    /// Rotations in view.
    pub fn n_alive(&self) -> usize {
        self.alive.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// A slot for one more rotation, if there is one.
    pub fn free_slot(&self) -> Option<usize> {
        let l = (0..self.n_slots / 64).find(|&l| self.alive[l] != !0)?;
        Some(64 * l + (!self.alive[l]).trailing_zeros() as usize)
    }

    /// Replaces the Clifford, so far the identity: the images of X and of Z of an output.
    pub fn set_rows(&mut self, output: usize, [x, z]: &[(impl Iterator<Item = (usize, Axis)> + Clone, bool); 2]) {
        let slots = [0, 1, 2].map(|k| self.n_slots + k * self.n_wires + output);
        slots.into_iter().for_each(|slot| self.columns.erase(slot));
        for (k, (string, is_negative)) in [x, z].into_iter().enumerate() {
            for (wire, axis) in string.clone() {
                // The image of Y is the product; its sign plays no part.
                self.columns.write(wire, slots[k], axis);
                self.columns.write(wire, slots[2], axis);
            }
            if *is_negative {
                insert(&mut self.columns.negative, slots[k]);
            }
        }
    }

    /// Puts a rotation of the circuit into view, after all others: what the gates so far have made of it.
    pub fn enter(&mut self, rotation: Entering<impl Iterator<Item = (usize, Axis)>>, prices: &Prices) {
        let Entering { string, is_negative, angle } = rotation;
        let slot = self.free_slot().expect("the caller has looked for a slot");
        if self.has_images {
            self.write_image(slot, string, is_negative);
        } else {
            string.for_each(|(wire, axis)| self.columns.write(wire, slot, axis));
            if is_negative {
                insert(&mut self.columns.negative, slot);
            }
        }
        let differs = self.columns.anticommuting(slot);
        self.earlier[slot] = std::array::from_fn(|l| differs[l] & self.alive[l]);
        // The rotation that had this slot before has gone, and this one comes after all others.
        let alive = self.alive;
        each_slot(&alive, |other| remove(&mut self.earlier[other], slot));
        self.angles[slot] = angle;
        insert(&mut self.alive, slot);
        let mut slots = [0; L];
        insert(&mut slots, slot);
        self.weigh(&slots);
        let depth = self.layers.iter().rposition(|layer| meets(&self.earlier[slot], layer)).map_or(0, |last| last + 1);
        if depth == self.layers.len() {
            self.layers.push([0; L]);
        }
        insert(&mut self.layers[depth], slot);
        self.place(&slots, depth, prices);
    }

    /// Writes what the gates so far have made of a string: the product of the images of its components.
    fn write_image(&mut self, slot: usize, string: impl Iterator<Item = (usize, Axis)>, is_negative: bool) {
        let mut power = 2 * u32::from(is_negative);
        self.factors.clear();
        for (wire, axis) in string {
            if axis & X != 0 {
                self.factors.push(self.images() + wire);
            }
            if axis & Z != 0 {
                self.factors.push(self.images() + self.n_wires + wire);
            }
            // Y = iXZ.
            power += u32::from(axis == Y);
        }
        self.columns.write_product(slot, &self.factors, power);
    }

    /// Counts the wires of some slots.
    pub fn weigh(&mut self, slots: &Mask<L>) {
        each_slot(slots, |slot| self.weights[slot] = 0);
        each_slot(slots, |slot| self.supports[slot * self.n_words..][..self.n_words].fill(0));
        for wire in 0..self.n_wires {
            for (l, word) in slots.iter().enumerate() {
                each_bit(self.columns.wires[wire].support(l) & word, |bit| {
                    let slot = 64 * l + bit;
                    self.weights[slot] += 1;
                    insert(&mut self.supports[slot * self.n_words..][..self.n_words], wire);
                });
            }
        }
    }

    fn price(&mut self, slot: usize, prices: &Prices) {
        let [lighter, heavier] = prices.steps[usize::from(self.weights[slot])];
        self.steps[slot] = [self.scales[slot] * lighter, self.scales[slot] * heavier];
    }

    /// Sorts all rotations into layers, and prices those that count.
    pub fn sort(&mut self, prices: &Prices) {
        let mut rest = self.alive;
        self.layers.clear();
        while rest != [0; L] {
            let mut layer = [0; L];
            for l in 0..L {
                each_bit(rest[l], |bit| {
                    let is_first = !meets(&self.earlier[64 * l + bit], &rest);
                    layer[l] |= u64::from(is_first) << bit;
                });
            }
            (0..L).for_each(|l| rest[l] &= !layer[l]);
            self.layers.push(layer);
            self.place(&layer, self.layers.len() - 1, prices);
        }
    }

    /// Lets rotations come forward into the places of those that have left the front. Each comes one layer at most,
    /// and where none leaves a layer none of the next can move.
    fn advance(&mut self, prices: &Prices) {
        for depth in 1..self.layers.len() {
            let (before, layer) = (self.layers[depth - 1], self.layers[depth]);
            let mut free = [0; L];
            for l in 0..L {
                each_bit(layer[l], |bit| {
                    let is_free = !meets(&self.earlier[64 * l + bit], &before);
                    free[l] |= u64::from(is_free) << bit;
                });
            }
            if free == [0; L] {
                break;
            }
            for (l, free) in free.iter().enumerate() {
                self.layers[depth - 1][l] |= free;
                self.layers[depth][l] &= !free;
            }
            self.place(&free, depth - 1, prices);
        }
        while self.layers.pop_if(|layer| *layer == [0; L]).is_some() {}
    }

    /// Notes that slots are in a layer now.
    fn place(&mut self, slots: &Mask<L>, depth: usize, prices: &Prices) {
        let scale = prices.layers[depth.min(prices.n_layers)];
        each_slot(slots, |slot| {
            self.scales[slot] = scale;
            self.price(slot, prices);
        });
        if depth < prices.n_layers {
            (0..L).for_each(|l| self.active[l] |= slots[l]);
        }
    }

    /// Lets the rows of the Clifford count, each `scale` as much as a rotation of the front.
    pub fn show_rows(&mut self, scale: f32, prices: &Prices) {
        let rows = self.rows;
        each_slot(&rows, |slot| {
            self.scales[slot] = scale;
            self.price(slot, prices);
        });
        (0..L).for_each(|l| self.active[l] |= rows[l]);
    }

    /// Conjugates everything by a pair gate. True if a rotation of the front has become one of a single wire.
    pub fn apply(&mut self, wires: [usize; 2], axes: [Axis; 2], prices: &Prices) -> bool {
        let change = self.columns.conjugate(wires, axes);
        let (mut is_ready, front) = (false, *self.front());
        for (side, wire) in wires.into_iter().enumerate() {
            for (l, front) in front.iter().enumerate() {
                let counted = self.alive[l] | self.rows[l];
                each_bit(change.lost[side][l] & counted, |bit| {
                    let slot = 64 * l + bit;
                    self.weights[slot] -= 1;
                    remove(&mut self.supports[slot * self.n_words..][..self.n_words], wire);
                    is_ready |= self.weights[slot] == 1 && front >> bit & 1 == 1;
                    self.price(slot, prices);
                });
                each_bit(change.gained[side][l] & counted, |bit| {
                    let slot = 64 * l + bit;
                    self.weights[slot] += 1;
                    insert(&mut self.supports[slot * self.n_words..][..self.n_words], wire);
                    self.price(slot, prices);
                });
            }
        }
        is_ready
    }

    /// Writes out the rotations of the front that are on one wire, and lets others come forward. True if there are any.
    pub fn emit(&mut self, ops: &mut Vec<Op>, prices: &Prices) -> bool {
        let (front, mut is_any) = (*self.front(), false);
        each_slot(&front, |slot| {
            if self.weights[slot] > 1 {
                return;
            }
            is_any = true;
            let wire = self.first_wire(slot);
            let angle = if self.columns.is_negative(slot) { -self.angles[slot] } else { self.angles[slot] };
            ops.push(Op::Turn { wire: wire as u32, axis: self.columns.axis(wire, slot), angle });
            self.forget(slot);
            remove(&mut self.layers[0], slot);
        });
        if is_any {
            self.advance(prices);
        }
        is_any
    }

    /// Takes a rotation out.
    pub fn forget(&mut self, slot: usize) {
        self.columns.erase(slot);
        remove(&mut self.alive, slot);
        remove(&mut self.active, slot);
    }

    /// The frames that the rows say, once each of them is on one wire.
    pub fn frames(&self, frames: &mut Vec<Frame>) {
        frames.clear();
        frames.extend((0..self.n_wires as u32).map(Frame::identity));
        for (output, frame) in frames.iter_mut().enumerate() {
            let slots = [self.n_slots + output, self.n_slots + self.n_wires + output];
            let wire = self.first_wire(slots[0]);
            let [x, z] = slots.map(|slot| (self.columns.axis(wire, slot), self.columns.is_negative(slot)));
            *frame = Frame { wire: wire as u32, x, z };
        }
    }
}
