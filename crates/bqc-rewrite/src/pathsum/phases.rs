//! The phase polynomial: parities with the angles of their rotations, and how many places carry each of them.
//!
//! A parity that has a rotation has to be carried by a wire somewhere, or the rotation has no place. So every gate
//! knows which of these parities it puts on its target, and each of them is counted. Parities are found by open
//! addressing on the low bits of their labels, which are random.

use super::angle::Angle;

/// A linear 128-bit hash of a parity: one random word for each variable, combined by exclusive or. Sums of parities
/// are sums of labels. Different parities have the same label with a probability of 2^−128; the verifier would see it.
pub(super) type Label = u128;

/// The number of a parity here, or [`NONE`].
pub(super) type RotationId = u32;

/// A parity without an entry.
pub(super) const NONE: RotationId = u32::MAX;

/// Slots of the table for each entry: most parities that are looked up are not there, and that should be seen at once.
const SLOTS_PER_ENTRY: usize = 8;

#[derive(Clone, Copy)]
struct Use {
    /// Inputs and gates that put the parity on a wire.
    n_carriers: u32,
    /// Whether the angle is other than zero.
    is_needed: bool,
}

/// See the module.
#[derive(Clone)]
pub(super) struct Phases {
    /// A power of two.
    slots: Vec<RotationId>,
    labels: Vec<Label>,
    angles: Vec<Angle>,
    uses: Vec<Use>,
}

impl Phases {
    pub(super) fn new() -> Phases {
        let mut phases = Phases { slots: Vec::new(), labels: Vec::new(), angles: Vec::new(), uses: Vec::new() };
        phases.reserve();
        phases
    }

    /// Becomes the other, in the memory that is there.
    pub(super) fn copy_from(&mut self, other: &Phases) {
        self.slots.clone_from(&other.slots);
        self.labels.clone_from(&other.labels);
        self.angles.clone_from(&other.angles);
        self.uses.clone_from(&other.uses);
    }

    /// Room for as many entries again.
    fn reserve(&mut self) {
        let n_slots = (SLOTS_PER_ENTRY * 2 * self.labels.len().max(32)).next_power_of_two();
        self.slots.clear();
        self.slots.resize(n_slots, NONE);
        for id in 0..self.labels.len() {
            self.enter(self.labels[id], id as RotationId);
        }
    }

    fn enter(&mut self, label: Label, id: RotationId) {
        let last = self.slots.len() - 1;
        let mut slot = label as usize & last;
        while self.slots[slot] != NONE {
            slot = (slot + 1) & last;
        }
        self.slots[slot] = id;
    }

    /// The entry of this parity, if it has one.
    #[inline]
    pub(super) fn id(&self, label: Label) -> RotationId {
        let last = self.slots.len() - 1;
        let mut slot = label as usize & last;
        loop {
            let id = self.slots[slot];
            if id == NONE || self.labels[id as usize] == label {
                return id;
            }
            slot = (slot + 1) & last;
        }
    }

    /// A new entry without rotation or carriers. The parity has none yet.
    pub(super) fn add(&mut self, label: Label) -> RotationId {
        let id = self.labels.len() as RotationId;
        self.labels.push(label);
        self.angles.push(Angle::ZERO);
        self.uses.push(Use { n_carriers: 0, is_needed: false });
        if self.labels.len() * SLOTS_PER_ENTRY > self.slots.len() {
            self.reserve()
        } else {
            self.enter(label, id)
        }
        id
    }

    pub(super) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn label(&self, id: RotationId) -> Label {
        self.labels[id as usize]
    }

    pub(super) fn angle(&self, id: RotationId) -> Angle {
        if id == NONE { Angle::ZERO } else { self.angles[id as usize] }
    }

    pub(super) fn set_angle(&mut self, id: RotationId, angle: Angle) {
        self.angles[id as usize] = angle;
        self.uses[id as usize].is_needed = !angle.is_zero();
    }

    pub(super) fn n_carriers(&self, id: RotationId) -> u32 {
        self.uses[id as usize].n_carriers
    }

    #[inline]
    pub(super) fn gain(&mut self, id: RotationId) {
        if id != NONE {
            self.uses[id as usize].n_carriers += 1;
        }
    }

    /// One carrier less. False if a rotation has no place now.
    #[inline]
    pub(super) fn lose(&mut self, id: RotationId) -> bool {
        if id == NONE {
            return true;
        }
        let entry = &mut self.uses[id as usize];
        entry.n_carriers -= 1;
        entry.n_carriers > 0 || !entry.is_needed
    }

    /// Forgets entries without rotation and all carriers: whoever holds ids looks them up anew.
    pub(super) fn forget(&mut self) {
        let mut n_kept = 0;
        for id in 0..self.labels.len() {
            if self.uses[id].is_needed {
                self.labels[n_kept] = self.labels[id];
                self.angles[n_kept] = self.angles[id];
                n_kept += 1;
            }
        }
        self.labels.truncate(n_kept);
        self.angles.truncate(n_kept);
        self.uses.clear();
        self.uses.resize(n_kept, Use { n_carriers: 0, is_needed: true });
        self.slots.fill(NONE);
        for id in 0..n_kept {
            self.enter(self.labels[id], id as RotationId);
        }
    }
}
