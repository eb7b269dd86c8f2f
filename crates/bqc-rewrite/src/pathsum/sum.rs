//! The path sum of a circuit: a network of CX and Hadamards, and the rotations on parities of its variables.
//!
//! There is a variable for each wire at the beginning and for each Hadamard. The circuit is the sum over all of them of
//! `(−1)^(what goes into each Hadamard · what comes out) · e^(i · angles of parities that are 1)` (Dawson et al.,
//! arXiv:quant-ph/0408129; Amy, arXiv:1805.06908). A rotation may stand wherever a wire carries its parity, which is
//! what lets CX move where rotations seem to be in the way. Labels stand for parities of independent variables, no
//! constraint between variables is used; so equal labels are equal functions.
//!
//! Signs (rotations by π) are linear and need no wire of their own: they stand as Z on the inputs and behind the
//! Hadamards whose variables make them up.

use super::angle::Angle;
use super::network::{Gate, Network};
use super::phases::{Label, NONE, Phases, RotationId};
use super::word::Word;
use bqc_circuit::{BlockCircuit, LoweredGate, TwoQubitGate};
use bqc_linalg::Stream;

/// More gates than this are refused: parities are counted with 16 bits.
const MAX_GATES: usize = 60_000;
/// More wires times gates than this are refused: each takes two bits and a quarter more.
const MAX_CELLS: usize = 1 << 28;

/// Buffers that moves use, kept so that a move allocates nothing.
#[derive(Clone, Default)]
pub(super) struct Scratch {
    /// A flag for each wire.
    pub(super) wires: Vec<bool>,
    /// Places of gates with one target.
    pub(super) lane: Vec<usize>,
    /// Gates with other parities than before, and their places.
    pub(super) changed: Vec<Gate>,
    pub(super) places: Vec<usize>,
    pub(super) lost: Vec<RotationId>,
    /// Stretches of time in which a wire carries some parity.
    pub(super) holdings: Vec<super::sources::Holding>,
    /// Rotations on their way to other parities.
    pub(super) rotations: Vec<(Label, Angle)>,
}

/// See the module.
#[derive(Clone)]
pub(super) struct PathSum {
    pub(super) network: Network,
    pub(super) phases: Phases,
    pub(super) scratch: Scratch,
}

/// A random label for a new variable.
pub(super) fn variable(stream: &mut Stream) -> Label {
    (stream.bits() as Label) << 64 | stream.bits() as Label
}

/// What is read of a circuit, gate by gate.
struct Reader<'a> {
    stream: &'a mut Stream,
    /// Rotations and Hadamards of each wire that have not been placed yet.
    words: Vec<Word>,
    labels: Vec<Label>,
    gates: Vec<Gate>,
    rotations: Vec<(Label, Angle)>,
}

impl Reader<'_> {
    /// Places what stands on a wire. An X at the end of the word stays there: it passes a CX as a constant.
    fn place(&mut self, wire: usize) {
        let word = &mut self.words[wire];
        for (k, &angle) in word.angles.iter().enumerate() {
            if k > 0 {
                let out = variable(self.stream);
                self.gates.push(Gate::h(wire as u16, self.labels[wire], out, false));
                self.labels[wire] = out;
            }
            if !angle.is_zero() {
                self.rotations.push((self.labels[wire], angle));
            }
        }
        let flip = word.flip;
        word.clear();
        word.flip = flip;
    }

    fn cx(&mut self, c: usize, t: usize) {
        self.place(c);
        self.place(t);
        self.gates.push(Gate::cx(c as u16, t as u16, self.labels[c], self.labels[t]));
        self.labels[t] ^= self.labels[c];
        self.words[t].flip ^= self.words[c].flip;
    }
}

impl PathSum {
    /// The path sum of a circuit, with room for so many more gates. None if the circuit has too many gates, an angle
    /// that is not a number, or a gate that is not there.
    pub(super) fn read(circuit: &BlockCircuit, n_more: usize, stream: &mut Stream) -> Option<PathSum> {
        let n_wires = circuit.width() as usize;
        if !circuit.is_well_formed() || circuit.gates.len() > MAX_GATES {
            return None;
        }
        let inputs: Vec<Label> = (0..n_wires).map(|_| variable(stream)).collect();
        let labels = inputs.clone();
        let words = vec![Word::new(); n_wires];
        let mut reader = Reader { stream, words, labels, gates: Vec::new(), rotations: Vec::new() };
        for gate in &circuit.gates {
            match gate {
                LoweredGate::One { angles, .. } if angles.iter().any(|angle| !angle.is_finite()) => return None,
                LoweredGate::One { wire, angles } => reader.words[wire.index()].u3(*angles),
                LoweredGate::Two { gate: TwoQubitGate::Cx, wires: [c, t], .. } => reader.cx(c.index(), t.index()),
            }
        }
        (0..n_wires).for_each(|wire| reader.place(wire));
        let n_gates = reader.gates.len();
        if n_gates > MAX_GATES || n_wires > u16::MAX as usize || n_wires * n_gates > MAX_CELLS {
            return None;
        }
        let mut network = Network::new(inputs, &reader.gates, n_more);
        network.output_flips = reader.words.iter().map(|word| word.flip).collect();
        let mut sum = PathSum { network, phases: Phases::new(), scratch: Scratch::default() };
        for (label, angle) in reader.rotations {
            sum.add_angle(label, angle);
        }
        sum.refresh();
        sum.settle_signs();
        Some(sum)
    }

    /// Becomes the other, in the memory that is there, buffers aside.
    pub(super) fn copy_from(&mut self, other: &PathSum) {
        self.network.copy_from(&other.network);
        self.phases.copy_from(&other.phases);
    }

    /// Adds to an angle, and leaves carriers and signs as they are.
    pub(super) fn add_angle(&mut self, label: Label, by: Angle) -> RotationId {
        let id = match self.phases.id(label) {
            NONE => self.phases.add(label),
            id => id,
        };
        self.phases.set_angle(id, self.phases.angle(id) + by);
        id
    }

    /// Numbers and counts the carriers of all rotations anew.
    pub(super) fn refresh(&mut self) {
        self.phases.forget();
        self.count_carriers();
    }

    /// The same where there are no carriers yet.
    fn count_carriers(&mut self) {
        for label in &self.network.inputs {
            self.phases.gain(self.phases.id(*label));
        }
        for at in 0..self.network.n_slots() {
            if !self.network.is_hole(at) {
                let id = self.phases.id(self.network.gate(at).out());
                self.network.set_rotation(at, id);
                self.phases.gain(id);
            }
        }
    }

    /// Has these rotations, numbered in this order, instead of others. None if one of two has the same parity as the other,
    /// or no wire carries it.
    pub(super) fn restore_rotations(&mut self, rotations: &[(Label, Angle)]) -> Option<()> {
        self.phases = Phases::new();
        for &(label, angle) in rotations {
            if self.phases.id(label) != NONE {
                return None;
            }
            let id = self.phases.add(label);
            self.phases.set_angle(id, angle);
        }
        self.count_carriers();
        let is_carried = |id: RotationId| self.phases.angle(id).is_zero() || self.phases.n_carriers(id) > 0;
        (0..self.phases.len() as RotationId).all(is_carried).then_some(())
    }

    /// Turns rotations by π into signs.
    pub(super) fn settle_signs(&mut self) {
        for id in 0..self.phases.len() as RotationId {
            if self.phases.angle(id) == Angle::HALF {
                self.phases.set_angle(id, Angle::ZERO);
                self.add_sign(self.phases.label(id));
            }
        }
    }

    /// Adds a rotation on a parity that some wire carries.
    pub(super) fn turn(&mut self, label: Label, by: Angle) {
        let is_new = self.phases.id(label) == NONE;
        let id = self.add_angle(label, by);
        if is_new {
            let PathSum { network, phases, scratch } = self;
            scratch.places.clear();
            scratch.places.extend(network.carriers(label, network.n_slots()));
            for &at in &scratch.places {
                network.set_rotation(at, id);
                phases.gain(id);
            }
            network.inputs.iter().filter(|&&input| input == label).for_each(|_| phases.gain(id));
        }
        if self.phases.angle(id) == Angle::HALF {
            self.phases.set_angle(id, Angle::ZERO);
            self.add_sign(label);
        }
    }

    /// Adds a Z on a parity that some wire carries.
    pub(super) fn add_sign(&mut self, label: Label) {
        let network = &self.network;
        let gate = network.carriers(label, network.n_slots()).next().map(|at| (at + 1, network.gate(at).t));
        let input = || network.inputs.iter().position(|&input| input == label).map(|wire| (0, wire as u16));
        let (before, wire) = gate.or_else(input).expect("a wire carries every parity with a rotation");
        self.network.add_sign(before, wire, &mut self.scratch.wires);
    }

    /// Whether some wire carries the parity.
    pub(super) fn is_carried(&self, label: Label) -> bool {
        self.network.may_carry(label)
            && match self.phases.id(label) {
                NONE => {
                    self.network.carriers(label, self.network.n_slots()).next().is_some()
                        || self.network.inputs.contains(&label)
                }
                id => self.phases.n_carriers(id) > 0,
            }
    }

    /// Counts `new` gates instead of those that carried `lost`, and numbers them. Where a rotation would be without a
    /// place it changes nothing and says no.
    #[inline]
    pub(super) fn exchange(&mut self, lost: &[RotationId], new: &mut [Gate]) -> bool {
        for gate in new.iter_mut() {
            gate.rotation = self.phases.id(gate.out());
            self.phases.gain(gate.rotation);
        }
        let mut is_possible = true;
        for &id in lost {
            is_possible &= self.phases.lose(id);
        }
        if !is_possible {
            lost.iter().for_each(|&id| self.phases.gain(id));
            new.iter().for_each(|gate| _ = self.phases.lose(gate.rotation));
        }
        is_possible
    }

    /// Puts `new` gates, which have been counted, in the place of gate `i` and of a later gate `j`. Gates between
    /// do not touch the wires of `i`.
    pub(super) fn replace(&mut self, i: usize, j: usize, new: &[Gate]) {
        self.network.remove(i);
        let Some((first, others)) = new.split_first() else {
            return self.network.remove(j);
        };
        self.network.put(j, *first);
        let mut last = j;
        for gate in others {
            (last, _) = self.network.insert(last + 1, *gate);
        }
    }

    /// Compares everything that is kept with what the wires say: what is wrong, or nothing.
    #[cfg(test)]
    pub(super) fn fault(&self) -> Option<String> {
        let mut wires = self.network.inputs.clone();
        let mut n_carriers = vec![0; self.phases.len()];
        let outs = self.network.gates().map(|(_, gate)| gate.out());
        for label in wires.iter().copied().chain(outs) {
            if let Some(count) = n_carriers.get_mut(self.phases.id(label) as usize) {
                *count += 1;
            }
        }
        for (at, gate) in self.network.gates() {
            let (c, t) = (gate.c as usize, gate.t as usize);
            if wires[c] != gate.lc || !gate.is_h() && wires[t] != gate.lt {
                return Some(format!("gate at {at} does not know its wires: {gate:?}"));
            }
            if gate.rotation != self.phases.id(gate.out()) {
                return Some(format!("gate at {at} carries {}", self.phases.id(gate.out())));
            }
            wires[t] = gate.out();
        }
        (0..self.phases.len() as RotationId).find_map(|id| {
            let (count, angle) = (n_carriers[id as usize], self.phases.angle(id));
            let is_wrong =
                count != self.phases.n_carriers(id) || count == 0 && !angle.is_zero() || angle == Angle::HALF;
            is_wrong.then(|| format!("rotation {id} by {angle:?} has {count} carriers"))
        })
    }
}
