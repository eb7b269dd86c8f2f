//! The template of bqc's search: CX gates with a free one-qubit gate in every gap.
//!
//! On `n` wires with `C` CX gates there are `n` first slots and two slots after every CX, one on each
//! of its wires. Neighbouring one-qubit gates on a wire are one slot, so any {CX, U3} block fits.

use crate::{FreeValue, Values};
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate, TwoQubitGate};
use bqc_linalg::lanes::layer::Layer;
use bqc_linalg::{Stream, Su2};

/// A place for a one-qubit gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// Before the first CX of this wire.
    First(u8),
    /// After CX `i`, on its control.
    OnControl(usize),
    /// After CX `i`, on its target.
    OnTarget(usize),
}

/// Which one-qubit factor a deleted CX leaves, or an inserted one brings.
///
/// `CX = phase · Rz(±π/2) ⊗ Rx(±π/2) · exp(±iπ/4 Z⊗X)`: taking away the exponential alone leaves an
/// overlap of 0.71 with the target instead of 0.5 without the rotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotation {
    /// `Rz(π/2)` on the control, `Rx(π/2)` on the target.
    Plus,
    /// `Rz(−π/2)` on the control, `Rx(−π/2)` on the target.
    Minus,
    /// Nothing.
    None,
}

impl Rotation {
    fn gates(self) -> (Su2, Su2) {
        let angle = match self {
            Rotation::Plus => std::f64::consts::FRAC_PI_2,
            Rotation::Minus => -std::f64::consts::FRAC_PI_2,
            Rotation::None => return (Su2::IDENTITY, Su2::IDENTITY),
        };
        (Su2::rz(angle), Su2::rx(angle))
    }
}

/// CX gates and the values of all one-qubit slots.
#[derive(Clone, Debug, PartialEq)]
pub struct CxTemplate {
    first: Vec<Su2>,
    layers: Vec<Layer>,
    frozen_first: Vec<bool>,
    /// `[on control, on target]`
    frozen_layers: Vec<[bool; 2]>,
}

/// A one-qubit gate at most this far from the identity is not written: ten times the rounding error of a
/// product, and a ten-thousandth of the distance at which a block still counts as an identity.
const NEGLIGIBLE_GATE: f64 = 1e-14;

impl CxTemplate {
    /// No CX, all slots the identity and free. Panics below two wires: one wire needs no numerics.
    pub fn new(n: u8) -> CxTemplate {
        assert!(n >= 2, "a CX template has at least two wires");
        CxTemplate {
            first: vec![Su2::IDENTITY; n as usize],
            layers: Vec::new(),
            frozen_first: vec![false; n as usize],
            frozen_layers: Vec::new(),
        }
    }

    /// `n_cx` CX gates on random pairs of wires, all slots free and Haar-distributed: for tests and benchmarks.
    pub fn random(n: u8, n_cx: usize, stream: &mut Stream) -> CxTemplate {
        let mut template = CxTemplate::new(n);
        template.first.iter_mut().for_each(|gate| *gate = stream.su2());
        for _ in 0..n_cx {
            let control = stream.below(n.into()) as u8;
            let target = (control + 1 + stream.below(usize::from(n) - 1) as u8) % n;
            template.push(control, target, stream.su2(), stream.su2());
        }
        template
    }

    /// The template that a block is an instance of, with the block's own values. All slots are free.
    ///
    /// Panics below two wires, and above 255, which is far above what can be instantiated.
    pub fn from_block(block: &BlockCircuit) -> CxTemplate {
        let narrow = |wire: u16| u8::try_from(wire).expect("engines take narrow blocks");
        let n = narrow(block.width());
        let mut template = CxTemplate::new(n);
        // Where the next one-qubit gate of each wire goes.
        let mut last: Vec<Slot> = (0..n).map(Slot::First).collect();
        for gate in &block.gates {
            match *gate {
                LoweredGate::Two { gate: TwoQubitGate::Cx, wires: [control, target], .. } => {
                    let i = template.layers.len();
                    template.push(narrow(control.0), narrow(target.0), Su2::IDENTITY, Su2::IDENTITY);
                    last[control.index()] = Slot::OnControl(i);
                    last[target.index()] = Slot::OnTarget(i);
                }
                LoweredGate::One { wire: qubit, angles: [theta, phi, lambda] } => {
                    let slot = last[qubit.index()];
                    let value = (Su2::u3(theta, phi, lambda) * template.value(slot)).normalized();
                    template.set(slot, value);
                }
            }
        }
        template
    }

    /// The block that these values make, without the slots within 1e-14 of the identity.
    pub fn to_block(&self) -> BlockCircuit {
        let mut block = BlockCircuit::new(self.n() as u16);
        let push = |block: &mut BlockCircuit, wire: u8, value: Su2| {
            if value.distance_to_identity() > NEGLIGIBLE_GATE {
                block.gates.push(BlockGate::from_su2(BlockQubit(wire.into()), value));
            }
        };
        for (q, u) in self.first.iter().enumerate() {
            push(&mut block, q as u8, *u);
        }
        for l in &self.layers {
            block.push_cx(BlockQubit(l.control.into()), BlockQubit(l.target.into()));
            push(&mut block, l.control, l.on_control);
            push(&mut block, l.target, l.on_target);
        }
        block
    }

    /// Number of wires.
    pub fn n(&self) -> usize {
        self.first.len()
    }

    /// Number of CX gates.
    pub fn n_cx(&self) -> usize {
        self.layers.len()
    }

    /// Values of the first slots, one a wire.
    pub fn first(&self) -> &[Su2] {
        &self.first
    }

    /// The CX gates with the values of the slots after them.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    /// All slots: the first ones, then two for each CX.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let (n, c) = (self.n() as u8, self.n_cx());
        (0..n).map(Slot::First).chain((0..c).flat_map(|i| [Slot::OnControl(i), Slot::OnTarget(i)]))
    }

    /// Value of a slot.
    pub fn value(&self, slot: Slot) -> Su2 {
        match slot {
            Slot::First(q) => self.first[q as usize],
            Slot::OnControl(i) => self.layers[i].on_control,
            Slot::OnTarget(i) => self.layers[i].on_target,
        }
    }

    /// Changes the value of a slot.
    pub fn set(&mut self, slot: Slot, value: Su2) {
        match slot {
            Slot::First(q) => self.first[q as usize] = value,
            Slot::OnControl(i) => self.layers[i].on_control = value,
            Slot::OnTarget(i) => self.layers[i].on_target = value,
        }
    }

    /// Changes the values of all free slots, in their order; what [`crate::Template::from_cx`] has
    /// made of this template. Values beyond the free slots, and of two qubits, are left.
    pub fn set_free_values(&mut self, values: &Values) {
        let mut values = values.0.iter();
        for slot in self.slots() {
            if self.is_frozen(slot) {
                continue;
            }
            if let Some(FreeValue::One(value)) = values.next() {
                self.set(slot, *value);
            }
        }
    }

    /// Whether a slot keeps its value.
    pub fn is_frozen(&self, slot: Slot) -> bool {
        match slot {
            Slot::First(q) => self.frozen_first[q as usize],
            Slot::OnControl(i) => self.frozen_layers[i][0],
            Slot::OnTarget(i) => self.frozen_layers[i][1],
        }
    }

    /// Makes a slot keep its value, or frees it.
    pub fn set_frozen(&mut self, slot: Slot, frozen: bool) {
        match slot {
            Slot::First(q) => self.frozen_first[q as usize] = frozen,
            Slot::OnControl(i) => self.frozen_layers[i][0] = frozen,
            Slot::OnTarget(i) => self.frozen_layers[i][1] = frozen,
        }
    }

    /// Appends a CX with the values of its slots, which are free.
    pub fn push(&mut self, control: u8, target: u8, on_control: Su2, on_target: Su2) {
        assert!(control != target && (control as usize) < self.n() && (target as usize) < self.n());
        self.layers.push(Layer { control, target, on_control, on_target });
        self.frozen_layers.push([false; 2]);
    }

    /// The slot that acts last on `wire` before CX `i` (`i = n_cx()`: at the end).
    pub fn slot_before(&self, i: usize, wire: u8) -> Slot {
        let last = self.layers[..i].iter().rposition(|l| l.control == wire || l.target == wire);
        match last {
            Some(j) if self.layers[j].control == wire => Slot::OnControl(j),
            Some(j) => Slot::OnTarget(j),
            None => Slot::First(wire),
        }
    }

    /// Takes CX `i` away; its slots and the rotation's gates are multiplied into the slots before,
    /// which become free.
    pub fn delete_cx(&mut self, i: usize, rotation: Rotation) {
        let Layer { control, target, on_control, on_target } = self.layers[i];
        let (rz, rx) = rotation.gates();
        let before = [self.slot_before(i, control), self.slot_before(i, target)];
        for (slot, gate) in before.into_iter().zip([on_control * rz, on_target * rx]) {
            self.set(slot, (gate * self.value(slot)).normalized());
            self.set_frozen(slot, false);
        }
        self.layers.remove(i);
        self.frozen_layers.remove(i);
    }

    /// Inserts a CX before CX `at` (`at = n_cx()`: at the end), its slots set to the inverse of what
    /// a deletion with this rotation leaves.
    pub fn insert_cx(&mut self, at: usize, control: u8, target: u8, rotation: Rotation) {
        assert!(control != target && (control as usize) < self.n() && (target as usize) < self.n());
        let (rz, rx) = rotation.gates();
        self.layers.insert(at, Layer { control, target, on_control: rz, on_target: rx });
        self.frozen_layers.insert(at, [false; 2]);
    }

    /// Copies another template into this one without giving up memory.
    pub fn copy_from(&mut self, other: &CxTemplate) {
        self.first.clone_from(&other.first);
        self.layers.clone_from(&other.layers);
        self.frozen_first.clone_from(&other.frozen_first);
        self.frozen_layers.clone_from(&other.frozen_layers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_linalg::{Matrix, phase_distance};

    #[test]
    fn blocks_round_trip() {
        let mut s = Stream::new(2, 2, 2);
        for _ in 0..20 {
            let t = CxTemplate::random(4, 7, &mut s);
            let back = CxTemplate::from_block(&t.to_block());
            assert_eq!(back.n_cx(), 7);
            assert!(phase_distance(&t.to_block().unitary(), &back.to_block().unitary()) < 1e-14);
        }
    }

    /// `CX = phase · rotations · exp(±iπ/4 Z⊗X)`, so a deletion has overlap `cos(π/4)` with what was.
    #[test]
    fn rotations_are_those_of_the_cx() {
        let mut s = Stream::new(2, 2, 3);
        let t = CxTemplate::random(3, 5, &mut s);
        let before = t.to_block().unitary();
        for (rotation, expected) in
            [(Rotation::Plus, 0.5f64.sqrt()), (Rotation::Minus, 0.5f64.sqrt()), (Rotation::None, 0.5)]
        {
            let mut u = t.clone();
            u.delete_cx(2, rotation);
            let overlap = (&u.to_block().unitary().dagger() * &before).trace().norm() / 8.0;
            assert!((overlap - expected).abs() < 1e-13, "{rotation:?}: {overlap}");
        }
    }

    #[test]
    fn an_empty_template_is_the_identity() {
        let t = CxTemplate::new(3);
        assert!(t.to_block().gates.is_empty());
        assert!(t.to_block().unitary().max_difference(&Matrix::identity(8)) < 1e-16);
    }
}
