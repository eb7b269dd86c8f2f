//! Pauli rotations in layers, in which a rotation falls until it meets its like or one that it does not commute with.
//!
//! Rotations of one layer commute with each other. A new rotation comes behind all others, and falls through layers
//! whose rotations all commute with it; in a layer that has the same Pauli, the angles add up. What has come to rest
//! lies right above a rotation that it does not commute with (the normal form of D. Foata for partially commuting
//! words; for rotations, A. T. Schmitz et al., arXiv:2103.08602). A rotation that goes frees no other, because a
//! rotation that it had blocked would have blocked the one that took it away.

use super::angle::Angle;
use super::frame::commute;
use std::collections::HashMap;

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

/// See the head of the file.
pub(super) struct Layers {
    n_words: usize,
    layers: Vec<Layer>,
    /// `[id]`; those that are gone stay here.
    rotations: Vec<Rotation>,
    /// Which rotations have this Pauli, lowest layer first.
    ids: HashMap<Box<[u64]>, Vec<u32>>,
    /// `[bit of a Pauli]`: how many layers there are up to the last one that has a Pauli with this bit. May be too
    /// many, after rotations have gone.
    reach: Vec<u32>,
    /// What a sum of two angles may be, in phase distance, to count as nothing.
    negligible: f64,
    /// Sum of the phase distances of what counted as nothing.
    dropped: f64,
}

impl Layers {
    pub(super) fn new(n_words: usize, negligible: f64) -> Layers {
        Layers {
            n_words,
            layers: Vec::new(),
            rotations: Vec::new(),
            ids: HashMap::new(),
            reach: vec![0; 64 * n_words],
            negligible,
            dropped: 0.0,
        }
    }

    /// Puts a rotation by the rest of `angle` behind all others. Gives the quarter turns about the same Pauli that
    /// come out where two angles add up; they commute with everything behind.
    pub(super) fn push(&mut self, pauli: &[u64], angle: Angle) -> u8 {
        let twin = self.ids.get(pauli).and_then(|ids| ids.last()).copied();
        let floor = twin.map_or(0, |id| self.rotations[id as usize].layer as usize + 1);
        let blocked = (floor..self.height(pauli)).rev().find(|&layer| self.blocks(layer, pauli));
        match (blocked, twin) {
            (None, Some(id)) => self.merge(pauli, id, angle),
            (below, _) => {
                self.insert(pauli, angle, below.map_or(0, |layer| layer + 1));
                0
            }
        }
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

    fn merge(&mut self, pauli: &[u64], id: u32, angle: Angle) -> u8 {
        let sum = self.rotations[id as usize].angle.plus(angle);
        let distance = sum.rest_distance();
        if distance <= self.negligible {
            self.dropped += distance;
            self.remove(pauli, id);
        } else {
            self.rotations[id as usize].angle = sum.without_quarters();
        }
        sum.quarters
    }

    fn insert(&mut self, pauli: &[u64], angle: Angle, layer: usize) {
        if layer == self.layers.len() {
            self.layers.push(Layer::default());
        }
        let id = self.rotations.len() as u32;
        let Layer { paulis, ids } = &mut self.layers[layer];
        self.rotations.push(Rotation { angle, layer: layer as u32, place: ids.len() as u32 });
        paulis.extend(pauli);
        ids.push(id);
        match self.ids.get_mut(pauli) {
            Some(ids) => ids.push(id),
            None => _ = self.ids.insert(pauli.into(), vec![id]),
        }
        for (word, &bits) in pauli.iter().enumerate() {
            let mut bits = bits;
            while bits != 0 {
                let reach = &mut self.reach[64 * word + bits.trailing_zeros() as usize];
                *reach = (*reach).max(layer as u32 + 1);
                bits &= bits - 1;
            }
        }
    }

    /// Takes out the last rotation about a Pauli.
    fn remove(&mut self, pauli: &[u64], id: u32) {
        if let Some(ids) = self.ids.get_mut(pauli) {
            ids.pop();
            if ids.is_empty() {
                self.ids.remove(pauli);
            }
        }
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

    /// At most so far from the identity is the product of what is left, and of what counted as nothing.
    pub(super) fn distance(&self) -> f64 {
        let left = self.layers.iter().flat_map(|layer| &layer.ids);
        left.map(|id| self.rotations[*id as usize].angle.rest_distance()).sum::<f64>() + self.dropped
    }
}
