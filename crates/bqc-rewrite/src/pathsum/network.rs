//! The network of CX and Hadamard gates below a path sum: a list of gates in program order with holes, in which each
//! gate knows the parities on its wires.
//!
//! A move takes a few gates out and puts a few in, always near to each other. The holes make both short: a gate taken
//! out leaves a hole, and a gate put in shifts its neighbours to the nearest one. Which gates are on a wire stands in
//! rows of bits ([`Board`]), since looking for the next gate on a wire is what a walk does most.

use super::board::{Board, Either, Row, Without};
use super::phases::{Label, NONE, RotationId};

/// Row of [`Network::kinds`] with all gates.
const ALL: usize = 0;
/// Row of [`Network::kinds`] with Hadamards.
const HADAMARDS: usize = 1;
/// In the place of a Hadamard's number.
const NOT_H: u32 = u32::MAX;

/// A CX, or a Hadamard, whose two wires are the same one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gate {
    /// Parity of the control; of what goes into a Hadamard.
    pub(super) lc: Label,
    /// Parity of the target before the gate; of what comes out of a Hadamard.
    pub(super) lt: Label,
    /// Control.
    pub(super) c: u16,
    /// Target.
    pub(super) t: u16,
    /// The rotation whose parity it puts on its target, if any.
    pub(super) rotation: RotationId,
    /// Number in the list of Hadamards.
    h: u32,
    /// Whether a Z follows the Hadamard.
    pub(super) sign: bool,
}

impl Gate {
    pub(super) fn cx(c: u16, t: u16, lc: Label, lt: Label) -> Gate {
        Gate { lc, lt, c, t, rotation: NONE, h: NOT_H, sign: false }
    }

    pub(super) fn h(wire: u16, lc: Label, lt: Label, sign: bool) -> Gate {
        Gate { lc, lt, c: wire, t: wire, rotation: NONE, h: 0, sign }
    }

    /// The gate with another parity on its target before it, or out of the Hadamard.
    pub(super) fn with_lt(self, lt: Label) -> Gate {
        Gate { lt, ..self }
    }

    /// The gate with this rotation on what it puts on its target.
    pub(super) fn carrying(self, rotation: RotationId) -> Gate {
        Gate { rotation, ..self }
    }

    #[inline]
    pub(super) fn is_h(&self) -> bool {
        self.h != NOT_H
    }

    /// Parity of the target after the gate.
    #[inline]
    pub(super) fn out(&self) -> Label {
        if self.is_h() { self.lt } else { self.lt ^ self.lc }
    }

    /// Parity of one of its wires after it.
    #[inline]
    pub(super) fn after_on(&self, wire: u16) -> Label {
        if self.t == wire { self.out() } else { self.lc }
    }
}

/// Places that are compared at once when a parity is looked for.
const PRINTS_AT_ONCE: usize = 32;

/// See the module.
#[derive(Clone)]
pub(super) struct Network {
    gates: Vec<Gate>,
    /// Low bits of what each gate puts on its target, to find a parity by.
    prints: Vec<u16>,
    /// Of each wire, the gates on it.
    uses: Board,
    /// Of each wire, the gates that have it as their target.
    targets: Board,
    /// Row 0: all gates. Row 1: Hadamards.
    kinds: Board,
    /// Positions of Hadamards, in no order.
    hadamards: Vec<u32>,
    /// How many inputs and gates put a parity with these bits on a wire: most parities have none.
    filter: Vec<u16>,
    /// Parity of each wire at the beginning.
    pub(super) inputs: Vec<Label>,
    /// Whether a Z stands at the beginning.
    pub(super) input_signs: Vec<bool>,
    /// Whether an X stands at the end.
    pub(super) output_flips: Vec<bool>,
    n_cx: usize,
}

impl Network {
    /// Gates whose labels are right, with holes for `n_more` gates at least.
    pub(super) fn new(inputs: Vec<Label>, gates: &[Gate], n_more: usize) -> Network {
        let n_wires = inputs.len();
        let n_filter = (8 * (gates.len() + n_wires)).next_power_of_two().max(1024);
        let mut network = Network {
            gates: Vec::new(),
            prints: Vec::new(),
            uses: Board::new(0, 0),
            targets: Board::new(0, 0),
            kinds: Board::new(0, 0),
            hadamards: Vec::new(),
            filter: vec![0; n_filter],
            inputs,
            input_signs: vec![false; n_wires],
            output_flips: vec![false; n_wires],
            n_cx: 0,
        };
        for wire in 0..n_wires {
            let slot = network.filter_slot(network.inputs[wire]);
            network.filter[slot] += 1;
        }
        network.spread(gates, n_more);
        network
    }

    /// Becomes the other, in the memory that is there.
    pub(super) fn copy_from(&mut self, other: &Network) {
        self.gates.clone_from(&other.gates);
        self.prints.clone_from(&other.prints);
        self.uses.copy_from(&other.uses);
        self.targets.copy_from(&other.targets);
        self.kinds.copy_from(&other.kinds);
        self.hadamards.clone_from(&other.hadamards);
        self.filter.clone_from(&other.filter);
        self.inputs.clone_from(&other.inputs);
        self.input_signs.clone_from(&other.input_signs);
        self.output_flips.clone_from(&other.output_flips);
        self.n_cx = other.n_cx;
    }

    /// Has so many places and no gates on them, whose gates have been taken out.
    fn clear(&mut self, n_slots: usize) {
        let n_wires = self.inputs.len();
        self.gates = vec![Gate::cx(0, 0, 0, 0); n_slots];
        self.prints = vec![0; n_slots];
        self.uses = Board::new(n_wires, n_slots);
        self.targets = Board::new(n_wires, n_slots);
        self.kinds = Board::new(2, n_slots);
    }

    /// Places these gates with holes between them.
    fn spread(&mut self, gates: &[Gate], n_more: usize) {
        // A hole for every fourth gate besides: moves shift two gates or three.
        let n_slots = gates.len() + gates.len() / 4 + n_more + 4;
        self.clear(n_slots);
        for (k, &gate) in gates.iter().enumerate() {
            self.place(k * n_slots / gates.len(), gate);
        }
    }

    pub(super) fn n_cx(&self) -> usize {
        self.n_cx
    }

    pub(super) fn n_hadamards(&self) -> usize {
        self.hadamards.len()
    }

    pub(super) fn n_wires(&self) -> u16 {
        self.inputs.len() as u16
    }

    /// Number of places for gates, holes included.
    pub(super) fn n_slots(&self) -> usize {
        self.gates.len()
    }

    #[inline]
    pub(super) fn is_hole(&self, at: usize) -> bool {
        !self.kinds.has(ALL, at)
    }

    #[inline]
    pub(super) fn gate(&self, at: usize) -> &Gate {
        &self.gates[at]
    }

    /// For the rotation's number, not for labels.
    #[inline]
    pub(super) fn set_rotation(&mut self, at: usize, rotation: RotationId) {
        self.gates[at].rotation = rotation;
    }

    /// The gates in order, with their places.
    pub(super) fn gates(&self) -> impl Iterator<Item = (usize, &Gate)> {
        self.gates.iter().enumerate().filter(|&(at, _)| !self.is_hole(at))
    }

    /// The place of the Hadamard with this number.
    pub(super) fn hadamard(&self, number: usize) -> usize {
        self.hadamards[number] as usize
    }

    #[inline]
    fn filter_slot(&self, label: Label) -> usize {
        (label >> 64) as usize & (self.filter.len() - 1)
    }

    /// False if no wire carries the parity anywhere; true may be wrong.
    #[inline]
    pub(super) fn may_carry(&self, label: Label) -> bool {
        self.filter[self.filter_slot(label)] > 0
    }

    /// Places of gates in `0..end` that put the parity on their target.
    #[inline]
    pub(super) fn carriers(&self, label: Label, end: usize) -> impl Iterator<Item = usize> {
        let print = label as u16;
        let chunks = self.prints[..end].chunks(PRINTS_AT_ONCE).enumerate();
        // All of a chunk at once, without a branch: nearly all chunks have none.
        let has_print = move |chunk: &[u16]| chunk.iter().fold(false, |found, &other| found | (other == print));
        chunks
            .filter(move |(_, chunk)| has_print(chunk))
            .flat_map(|(k, chunk)| (0..chunk.len()).map(move |i| k * PRINTS_AT_ONCE + i))
            .filter(move |&at| self.prints[at] == print && !self.is_hole(at) && self.gates[at].out() == label)
    }

    /// The first gate at `from` or later on one of two wires.
    #[inline]
    pub(super) fn next(&self, from: usize, a: u16, b: u16) -> Option<usize> {
        Either(self.uses.row(a as usize), self.uses.row(b as usize)).next(from)
    }

    /// The last gate before `end` on one of two wires.
    #[inline]
    pub(super) fn previous(&self, end: usize, a: u16, b: u16) -> Option<usize> {
        Either(self.uses.row(a as usize), self.uses.row(b as usize)).previous(end)
    }

    /// The first gate at `from` or later whose target is the wire.
    #[inline]
    pub(super) fn next_target(&self, from: usize, wire: u16) -> Option<usize> {
        self.targets.row(wire as usize).next(from)
    }

    /// From where until where, around a CX, its target wire is nothing but the target of CX.
    #[inline]
    pub(super) fn lane(&self, at: usize) -> (usize, usize) {
        let wire = self.gates[at].t as usize;
        let stops = Without(self.uses.row(wire), self.targets.row(wire), self.kinds.row(HADAMARDS));
        (stops.previous(at).map_or(0, |stop| stop + 1), stops.next(at + 1).unwrap_or(self.n_slots()))
    }

    /// Parity of a wire just before a place.
    pub(super) fn label_before(&self, at: usize, wire: u16) -> Label {
        match self.uses.row(wire as usize).previous(at) {
            Some(last) => self.gates[last].after_on(wire),
            None => self.inputs[wire as usize],
        }
    }

    fn place(&mut self, at: usize, mut gate: Gate) {
        if gate.is_h() {
            gate.h = self.hadamards.len() as u32;
            self.hadamards.push(at as u32);
        } else {
            self.n_cx += 1;
        }
        let slot = self.filter_slot(gate.out());
        self.filter[slot] += 1;
        self.write(at, gate);
    }

    fn write(&mut self, at: usize, gate: Gate) {
        self.uses.set(gate.c as usize, at);
        self.uses.set(gate.t as usize, at);
        self.targets.set(gate.t as usize, at);
        self.kinds.set(ALL, at);
        if gate.is_h() {
            self.kinds.set(HADAMARDS, at);
        }
        self.prints[at] = gate.out() as u16;
        self.gates[at] = gate;
    }

    fn erase(&mut self, at: usize) -> Gate {
        let gate = self.gates[at];
        self.uses.clear(gate.c as usize, at);
        self.uses.clear(gate.t as usize, at);
        self.targets.clear(gate.t as usize, at);
        self.kinds.clear(ALL, at);
        self.kinds.clear(HADAMARDS, at);
        gate
    }

    /// Takes a gate out. All others stay where they are.
    pub(super) fn remove(&mut self, at: usize) {
        let gate = self.erase(at);
        if gate.is_h() {
            self.hadamards.swap_remove(gate.h as usize);
            if let Some(&moved) = self.hadamards.get(gate.h as usize) {
                self.gates[moved as usize].h = gate.h;
            }
        } else {
            self.n_cx -= 1;
        }
        let slot = self.filter_slot(gate.out());
        self.filter[slot] -= 1;
    }

    /// Puts a gate in the place of another.
    pub(super) fn put(&mut self, at: usize, gate: Gate) {
        self.remove(at);
        self.place(at, gate);
    }

    /// Puts a gate in just before a place. Gives its own place, and the hole that was filled: the gates between have
    /// moved towards it by one. There is a hole, since the walk bounds the number of gates.
    pub(super) fn insert(&mut self, before: usize, gate: Gate) -> (usize, usize) {
        let hole = self.nearest_hole(before);
        let at = if hole < before {
            (hole + 1..before).for_each(|k| self.shift(k, k - 1));
            before - 1
        } else {
            (before..hole).rev().for_each(|k| self.shift(k, k + 1));
            before
        };
        self.place(at, gate);
        (at, hole)
    }

    /// Puts two gates in, in this order, each just before a place of its own.
    pub(super) fn insert_two(&mut self, [first, second]: [(usize, Gate); 2]) {
        debug_assert!(first.0 <= second.0);
        let (_, hole) = self.insert(second.0, second.1);
        let is_shifted = hole < second.0 && hole < first.0;
        self.insert(first.0 - is_shifted as usize, first.1);
    }

    fn nearest_hole(&self, before: usize) -> usize {
        let n = self.n_slots();
        for distance in 0..n {
            if before + distance < n && self.is_hole(before + distance) {
                return before + distance;
            }
            if before > distance && self.is_hole(before - distance - 1) {
                return before - distance - 1;
            }
        }
        unreachable!("the number of gates is bounded by that of places")
    }

    fn shift(&mut self, from: usize, to: usize) {
        let gate = self.erase(from);
        if gate.is_h() {
            self.hadamards[gate.h as usize] = to as u32;
        }
        self.write(to, gate);
    }

    /// The same network with its holes spread evenly, and as many more.
    pub(super) fn respread(&mut self, n_more: usize) {
        let gates: Vec<Gate> = self.gates().map(|(_, gate)| *gate).collect();
        self.remove_all();
        self.spread(&gates, n_more);
    }

    fn remove_all(&mut self) {
        for at in 0..self.n_slots() {
            if !self.is_hole(at) {
                self.remove(at);
            }
        }
    }

    /// The Hadamard's number, by which it is picked.
    pub(super) fn number_of(&self, hadamard: &Gate) -> u32 {
        hadamard.h
    }

    /// These gates on these places of so many, which are in order, instead of those that were there. `numbers` are those
    /// of the Hadamards, in the order of their places: each number below theirs once.
    pub(super) fn set(&mut self, n_slots: usize, gates: &[(usize, Gate)], numbers: &[u32]) {
        self.remove_all();
        self.clear(n_slots);
        gates.iter().for_each(|&(at, gate)| self.place(at, gate));
        let places = std::mem::take(&mut self.hadamards);
        self.hadamards.resize(places.len(), 0);
        for (&at, &number) in places.iter().zip(numbers) {
            self.hadamards[number as usize] = at;
            self.gates[at as usize].h = number;
        }
    }

    /// Adds a Z on what the wire carries just before a place: on inputs and Hadamards whose variables make it up.
    /// `wires` is room for one flag a wire.
    pub(super) fn add_sign(&mut self, before: usize, wire: u16, wires: &mut Vec<bool>) {
        wires.clear();
        wires.resize(self.inputs.len(), false);
        wires[wire as usize] = true;
        for at in (0..before).rev() {
            let is_hole = self.is_hole(at);
            let gate = &mut self.gates[at];
            if is_hole || !wires[gate.t as usize] {
                continue;
            }
            if gate.is_h() {
                gate.sign ^= true;
                wires[gate.t as usize] = false;
            } else {
                wires[gate.c as usize] ^= true;
            }
        }
        self.input_signs.iter_mut().zip(wires.iter()).for_each(|(sign, &is_part)| *sign ^= is_part);
    }
}
