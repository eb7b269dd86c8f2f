//! Pauli rotations in layers, in which a rotation falls until it meets its like or one that it does not commute with.
//!
//! Rotations of one layer commute with each other. A new rotation comes behind all others, and falls through layers
//! whose rotations all commute with it; in a layer that has the same Pauli, the angles add up. What has come to rest
//! lies right above a rotation that it does not commute with (the normal form of D. Foata for partially commuting
//! words; for rotations, A. T. Schmitz et al., arXiv:2103.08602). A rotation that goes frees no other, because a
//! rotation that it had blocked would have blocked the one that took it away.
//!
//! If asked to, layers also shorten chains: where a rotation comes to rest on the last of three such that all four are
//! about a Pauli P, another Q that does not commute with it, or their product, the four become three (`chain`).
//! One-qubit gates are such chains.

use super::angle::Angle;
use super::chain::{Reduced, reduced};
use super::frame::{commute, multiply, turn};
use crate::mix::MixMap;

/// The first rotation of a chain is looked for so many layers below the last, and no further.
const CHAIN_REACH: usize = 64;

/// Two angles cancel if this part of one of them is left at most.
const MOST_LEFT_OVER: f64 = 0.1;

/// Rotations that commute with each other.
#[derive(Default)]
struct Layer {
    /// `[rotation][word]`
    paulis: Vec<u64>,
    ids: Vec<u32>,
}

struct Rotation {
    angle: Angle,
    layer: u32,
    /// Its place in the layer.
    place: u32,
}

/// Three rotations that a fourth about a Pauli P comes to rest on: the third is about Q.
struct Chain {
    /// First to last.
    ids: [u32; 3],
    /// Of the first two: 0 for P, 1 for Q, 2 for their product S.
    axes: [usize; 2],
    /// Whether `PQ = −iS`.
    is_flipped: bool,
}

/// See the head of the file.
pub(super) struct Layers {
    n_words: usize,
    layers: Vec<Layer>,
    /// `[id]`; those that are gone stay here.
    rotations: Vec<Rotation>,
    /// Which rotations have this Pauli, lowest layer first.
    ids: MixMap<Box<[u64]>, Vec<u32>>,
    /// `[bit of a Pauli]`: how many layers there are up to the last one that has a Pauli with this bit. May be too
    /// many, after rotations have gone.
    reach: Vec<u32>,
    /// What a sum of two angles may be, in phase distance, to count as nothing.
    negligible: f64,
    /// Sum of the phase distances of what counted as nothing, and of what reductions of chains have changed.
    dropped: f64,
    /// Whether any sum of angles was rounded.
    has_rounded: bool,
    with_chains: bool,
    /// Quarter turns that have come out, in front of nothing any more: see [`Layers::turns`].
    turns: Vec<(Box<[u64]>, u8)>,
}

impl Layers {
    pub(super) fn new(n_words: usize, negligible: f64, with_chains: bool) -> Layers {
        Layers {
            n_words,
            layers: Vec::new(),
            rotations: Vec::new(),
            ids: MixMap::default(),
            reach: vec![0; 64 * n_words],
            negligible,
            dropped: 0.0,
            has_rounded: false,
            with_chains,
            turns: Vec::new(),
        }
    }

    /// Takes the quarter turns that have come out, about which Paulis: the product of all is that of the layers and
    /// then of these, the first first.
    pub(super) fn turns(&mut self) -> std::vec::Drain<'_, (Box<[u64]>, u8)> {
        self.turns.drain(..)
    }

    /// Puts a rotation behind all others. Where angles add up to quarter turns, these come out.
    pub(super) fn push(&mut self, pauli: &[u64], angle: Angle) {
        let twin = self.ids.get(pauli).and_then(|ids| ids.last()).copied();
        let floor = twin.map_or(0, |id| self.rotations[id as usize].layer as usize + 1);
        let blocked = (floor..self.height(pauli)).rev().find(|&layer| self.blocks(layer, pauli));
        match (blocked, twin) {
            (None, Some(id)) => self.merge(pauli, id, angle),
            (Some(below), _) if self.with_chains => match self.chain(pauli, below) {
                Some(chain) => self.shorten(pauli, angle, &chain),
                None => self.insert(pauli, angle, below + 1),
            },
            (below, _) => self.insert(pauli, angle, below.map_or(0, |layer| layer + 1)),
        }
    }

    /// The chain that a new rotation about `pauli` would make, which comes to rest on the layer `below`, if its
    /// rotations can be brought together: the second rises to the third through what commutes with it, and then the
    /// first to the second.
    fn chain(&self, pauli: &[u64], below: usize) -> Option<Chain> {
        let mut blockers = self.members(below).filter(|(_, other)| !commute(other, pauli));
        let (third, q) = blockers.next()?;
        if blockers.next().is_some() {
            return None;
        }
        let mut product: Box<[u64]> = pauli.into();
        let power = multiply(&mut product, q);
        let axes = [pauli, q, &product];
        let (second, second_axis) = self.last_of(&axes, 1, below)?;
        let middle = self.layer(second);
        let (first, first_axis) = self.last_of(&axes, second_axis, middle)?;
        let lowest = self.layer(first);
        let is_free = |layers: std::ops::Range<usize>, axis: usize| {
            let mut members = layers.flat_map(|layer| self.members(layer));
            members.all(|(id, other)| id == second || commute(other, axes[axis]))
        };
        let is_chain = below - lowest <= CHAIN_REACH
            && is_free(middle + 1..below, second_axis)
            && is_free(lowest + 1..below, first_axis);
        // `−PQ` is the third unit: `−iS` if `PQ = iS`.
        let chain = Chain { ids: [first, second, third], axes: [first_axis, second_axis], is_flipped: power == 3 };
        is_chain.then_some(chain)
    }

    /// The last rotation below a layer about one of the axes but one, and which.
    fn last_of(&self, axes: &[&[u64]; 3], but: usize, below: usize) -> Option<(u32, usize)> {
        let of_axis = |axis: usize| {
            let ids = self.ids.get(axes[axis])?;
            let id = ids.iter().rev().find(|id| self.layer(**id) < below)?;
            Some((*id, axis))
        };
        (0..3).filter(|axis| *axis != but).filter_map(of_axis).max_by_key(|(id, _)| self.layer(*id))
    }

    fn layer(&self, id: u32) -> usize {
        self.rotations[id as usize].layer as usize
    }

    /// Makes three of the four rotations of a chain, the last of which is new.
    fn shorten(&mut self, pauli: &[u64], angle: Angle, chain: &Chain) {
        let [first, second, third] = chain.ids;
        let signed = |axis: usize, angle: Angle| if axis == 2 && chain.is_flipped { angle.negated() } else { angle };
        let [first_axis, second_axis] = chain.axes;
        let [a, b, c] = [(first, first_axis), (second, second_axis), (third, 1)]
            .map(|(id, axis)| (axis, signed(axis, self.rotations[id as usize].angle)));
        let Some(Reduced { angles: [x, y, mut z], distance }) = reduced([a, b, c, (0, angle)]) else {
            return self.insert(pauli, angle, self.layer(third) + 1);
        };
        self.dropped += distance;
        self.remove(&self.pauli(first), first);
        // The upper one first: what comes out of it has less to pass.
        let mut pauli: Box<[u64]> = pauli.into();
        for (id, angle) in [(third, y), (second, signed(second_axis, x))] {
            let (axis, layer) = (self.pauli(id), self.layer(id));
            if !self.is_nothing(angle.without_quarters()) {
                self.rotations[id as usize].angle = angle;
                continue;
            }
            self.dropped += angle.without_quarters().distance();
            self.remove(&axis, id);
            self.turn_above(layer, &axis, angle.quarters);
            if !commute(&pauli, &axis) && turn(&mut pauli, &axis, angle.quarters) {
                z = z.negated();
            }
        }
        // It may fall on another axis now, or past what is gone. One that is nothing but quarter turns falls nowhere.
        match self.is_nothing(z.without_quarters()) {
            true => {
                self.dropped += z.without_quarters().distance();
                self.come_out(&pauli, z.quarters);
            }
            false => self.push(&pauli, z),
        }
    }

    /// Quarter turns about a Pauli, right above a layer, come out: what is above them and does not commute is turned.
    fn turn_above(&mut self, layer: usize, axis: &[u64], quarters: u8) {
        let above = layer + 1..self.height(axis).max(layer + 1);
        let ids: Vec<u32> =
            above.flat_map(|layer| self.members(layer)).filter(|(_, p)| !commute(p, axis)).map(|(id, _)| id).collect();
        for id in ids {
            let before = self.pauli(id);
            let mut after = before.clone();
            if turn(&mut after, axis, quarters) {
                let angle = &mut self.rotations[id as usize].angle;
                *angle = angle.negated();
            }
            self.rename(id, &before, &after);
        }
        self.come_out(axis, quarters);
    }

    /// Quarter turns behind all rotations.
    fn come_out(&mut self, axis: &[u64], quarters: u8) {
        if quarters > 0 {
            self.turns.push((axis.into(), quarters));
        }
    }

    /// Gives a rotation another Pauli in its place.
    fn rename(&mut self, id: u32, before: &[u64], after: &[u64]) {
        if before == after {
            return;
        }
        self.forget(before, id);
        let layer = self.layer(id);
        let at = self.rotations[id as usize].place as usize * self.n_words;
        self.layers[layer].paulis[at..at + self.n_words].copy_from_slice(after);
        self.note(after, id);
    }

    /// Whether any sum of angles was rounded.
    pub(super) fn has_rounded(&self) -> bool {
        self.has_rounded
    }

    /// A symbol is something, however small its angle.
    fn is_nothing(&self, angle: Angle) -> bool {
        !angle.has_symbol() && angle.distance() <= self.negligible
    }

    /// The rotations of a layer with their Paulis.
    fn members(&self, layer: usize) -> impl Iterator<Item = (u32, &[u64])> {
        let Layer { paulis, ids } = &self.layers[layer];
        ids.iter().copied().zip(paulis.chunks_exact(self.n_words))
    }

    fn pauli(&self, id: u32) -> Box<[u64]> {
        let Rotation { layer, place, .. } = self.rotations[id as usize];
        let at = place as usize * self.n_words;
        self.layers[layer as usize].paulis[at..at + self.n_words].into()
    }

    /// How many layers may hold something that does not commute.
    fn height(&self, pauli: &[u64]) -> usize {
        let half = self.n_words / 2;
        let mut height = 0;
        for (word, &bits) in pauli.iter().enumerate() {
            // An X meets Z bits, and the other way round.
            let other = 64 * ((word + half) % self.n_words);
            let mut bits = bits;
            while bits != 0 {
                height = height.max(self.reach[other + bits.trailing_zeros() as usize]);
                bits &= bits - 1;
            }
        }
        self.layers.len().min(height as usize)
    }

    fn blocks(&self, layer: usize, pauli: &[u64]) -> bool {
        self.layers[layer].paulis.chunks_exact(self.n_words).any(|other| !commute(other, pauli))
    }

    /// Adds to the rotation about the same Pauli. Its quarter turns commute with all that the other fell through.
    fn merge(&mut self, pauli: &[u64], id: u32, angle: Angle) {
        let there = self.rotations[id as usize].angle;
        self.has_rounded |= !there.adds_exactly(angle);
        let sum = there.plus(angle);
        let rest = sum.without_quarters();
        // Two small angles that add up, as a Fourier transform has them, are not the rounding of a large one.
        if self.is_nothing(rest) && rest.distance() <= MOST_LEFT_OVER * angle.distance() {
            self.dropped += rest.distance();
            self.remove(pauli, id);
        } else {
            self.rotations[id as usize].angle = rest;
        }
        self.come_out(pauli, sum.quarters);
    }

    /// Puts a rotation that has fallen into a layer. Its quarter turns commute with all that it fell through.
    fn insert(&mut self, pauli: &[u64], angle: Angle, layer: usize) {
        if layer == self.layers.len() {
            self.layers.push(Layer::default());
        }
        let id = self.rotations.len() as u32;
        let Layer { paulis, ids } = &mut self.layers[layer];
        let (layer, place) = (layer as u32, ids.len() as u32);
        self.rotations.push(Rotation { angle: angle.without_quarters(), layer, place });
        paulis.extend(pauli);
        ids.push(id);
        self.note(pauli, id);
        self.come_out(pauli, angle.quarters);
    }

    /// Takes out a rotation about this Pauli.
    fn remove(&mut self, pauli: &[u64], id: u32) {
        self.forget(pauli, id);
        let Rotation { layer, place, .. } = self.rotations[id as usize];
        let (n, place) = (self.n_words, place as usize);
        let Layer { paulis, ids } = &mut self.layers[layer as usize];
        ids.swap_remove(place);
        let last = paulis.len() - n;
        paulis.copy_within(last.., place * n);
        paulis.truncate(last);
        if let Some(&moved) = ids.get(place) {
            self.rotations[moved as usize].place = place as u32;
        }
        while self.layers.last().is_some_and(|layer| layer.ids.is_empty()) {
            self.layers.pop();
        }
    }

    /// Writes down where a rotation's Pauli is found.
    fn note(&mut self, pauli: &[u64], id: u32) {
        let layer = self.rotations[id as usize].layer;
        match self.ids.get_mut(pauli) {
            Some(ids) => {
                let at = ids.partition_point(|other| self.rotations[*other as usize].layer < layer);
                ids.insert(at, id);
            }
            None => _ = self.ids.insert(pauli.into(), vec![id]),
        }
        for (word, &bits) in pauli.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let reach = &mut self.reach[64 * word + bits.trailing_zeros() as usize];
                *reach = (*reach).max(layer + 1);
                bits &= bits - 1;
            }
        }
    }

    fn forget(&mut self, pauli: &[u64], id: u32) {
        if let Some(ids) = self.ids.get_mut(pauli) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.ids.remove(pauli);
            }
        }
    }

    /// Takes out all rotations, in an order in which they may stand.
    pub(super) fn take(&mut self) -> Vec<(Box<[u64]>, Angle)> {
        let members = (0..self.layers.len()).flat_map(|layer| self.members(layer));
        let rotations = members.map(|(id, pauli)| (pauli.into(), self.rotations[id as usize].angle)).collect();
        self.layers.clear();
        self.rotations.clear();
        self.ids.clear();
        self.reach.fill(0);
        rotations
    }

    /// How many rotations are left.
    pub(super) fn n_left(&self) -> usize {
        self.layers.iter().map(|layer| layer.ids.len()).sum()
    }

    /// At most so far from the identity is the product of what is left, and of what counted as nothing.
    pub(super) fn distance(&self) -> f64 {
        let left = self.layers.iter().flat_map(|layer| &layer.ids);
        left.map(|id| self.rotations[*id as usize].angle.distance()).sum::<f64>() + self.dropped
    }
}
