//! A circuit of `cx` and `u3` as gates linked along their wires, and the rewritings that need no
//! search: fuse one-qubit gates, move them through CX that they commute with, cancel equal CX.
//!
//! Every rewriting is exact algebra. What rounding (or calling 1e-14 a zero) changes is measured gate
//! by gate with the verifier's matrices and summed in `bound`; the phase distance is subadditive, so
//! the whole is no further from the original than that. Rotations about Z commute with the control of
//! a CX and rotations about X with its target; CX that share only controls or only targets commute.

use crate::verify::chain_distance;
use bqc_linalg::{Complex64, Su2};

/// Matrix elements below this are zero: a dozen products of gates leave errors of about 1e-15, and
/// real angles that small are a thousandth of the tolerance for identities.
const NEGLIGIBLE: f64 = 1e-13;

/// How many CX a gate may pass, which keeps the passes linear in the number of gates.
const MAX_HOPS: usize = 64;

/// Rounds at most; every round but the last removes a gate, two or three are usual.
const MAX_ROUNDS: usize = 16;

/// No gate: the end of a wire.
const NONE: u32 = u32::MAX;

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    /// Controlled X.
    Cx {
        /// Control wire.
        control: u32,
        /// Target wire.
        target: u32,
    },
    /// `u3(angles)`.
    One {
        /// The wire.
        wire: u32,
        /// `[θ, φ, λ]`.
        angles: [f64; 3],
    },
    /// Something that nothing passes, on one wire.
    Wall {
        /// The wire.
        wire: u32,
    },
    /// A gate that was removed.
    Gone,
}

/// Which CX a one-qubit gate may pass.
#[derive(Clone, Copy, PartialEq)]
enum Passes {
    Control,
    Target,
}

/// A place and the angles that the gate there shall have.
type Rotation = (usize, [f64; 3]);

/// Gates in program order, each linked to its neighbours on its wires.
pub(crate) struct Wires {
    items: Vec<Item>,
    /// `[item][wire of the item][previous, next]`; a CX has its control first.
    links: Vec<[[u32; 2]; 2]>,
    /// The last item on every wire while the circuit is built.
    last: Vec<u32>,
    bound: f64,
}

/// Directions along a wire, as indices into the links.
const BACK: usize = 0;
const FORTH: usize = 1;

impl Wires {
    pub(crate) fn new(n_wires: usize) -> Wires {
        Wires { items: Vec::new(), links: Vec::new(), last: vec![NONE; n_wires], bound: 0.0 }
    }

    /// Appends an item and returns its place. A CX must have two different wires.
    pub(crate) fn push(&mut self, item: Item) -> usize {
        let place = self.items.len();
        let mut links = [[NONE; 2]; 2];
        for (slot, wire) in item_wires(&item).enumerate() {
            let before = std::mem::replace(&mut self.last[wire as usize], place as u32);
            links[slot][BACK] = before;
            if before != NONE {
                let slot = self.slot(before, wire);
                self.links[before as usize][slot][FORTH] = place as u32;
            }
        }
        self.items.push(item);
        self.links.push(links);
        place
    }

    /// The items, in the order in which they were pushed.
    pub(crate) fn items(&self) -> &[Item] {
        &self.items
    }

    /// Phase distance of what stands here from what was pushed, at most.
    pub(crate) fn bound(&self) -> f64 {
        self.bound
    }

    /// All rewritings until none applies.
    pub(crate) fn simplify(&mut self) {
        for _ in 0..MAX_ROUNDS {
            let before = self.n_removed();
            for place in 0..self.items.len() {
                self.absorb(place);
            }
            for place in 0..self.items.len() {
                self.cancel(place);
            }
            if self.n_removed() == before {
                break;
            }
        }
    }

    fn n_removed(&self) -> usize {
        self.items.iter().filter(|item| **item == Item::Gone).count()
    }

    /// Which of the item's wires `wire` is.
    fn slot(&self, place: u32, wire: u32) -> usize {
        usize::from(matches!(self.items[place as usize], Item::Cx { target, .. } if target == wire))
    }

    fn neighbour(&self, place: u32, wire: u32, direction: usize) -> u32 {
        self.links[place as usize][self.slot(place, wire)][direction]
    }

    fn remove(&mut self, place: usize) {
        let item = self.items[place];
        for (slot, wire) in item_wires(&item).enumerate() {
            let [before, after] = self.links[place][slot];
            if before != NONE {
                let slot = self.slot(before, wire);
                self.links[before as usize][slot][FORTH] = after;
            }
            if after != NONE {
                let slot = self.slot(after, wire);
                self.links[after as usize][slot][BACK] = before;
            }
        }
        self.items[place] = Item::Gone;
    }

    /// Removes a one-qubit gate if it is the identity, or can reach another one and join it.
    fn absorb(&mut self, place: usize) {
        let Item::One { wire, angles } = self.items[place] else { return };
        let value = su2(angles);
        if value.distance_to_identity() <= NEGLIGIBLE {
            self.bound += chain_distance(&[angles], &[]);
            return self.remove(place);
        }
        if self.join(place, wire, angles, None) {
            return;
        }
        for (passes, part) in [(Passes::Control, z_part(value)), (Passes::Target, x_part(value))] {
            if same(part, value) && self.join(place, wire, part.u3_angles(), Some(passes)) {
                self.bound += chain_distance(&[angles], &[part.u3_angles()]);
                return;
            }
        }
    }

    /// Multiplies a one-qubit gate, as `angles`, into the next one on its wire either way.
    fn join(&mut self, place: usize, wire: u32, angles: [f64; 3], passes: Option<Passes>) -> bool {
        for direction in [FORTH, BACK] {
            let Some(other) = self.reach(place as u32, wire, direction, passes) else { continue };
            let Item::One { angles: there, .. } = self.items[other] else { continue };
            let chain = if direction == FORTH { [angles, there] } else { [there, angles] };
            let product = (su2(chain[1]) * su2(chain[0])).normalized().u3_angles();
            self.bound += chain_distance(&chain, &[product]);
            self.items[other] = Item::One { wire, angles: product };
            self.remove(place);
            return true;
        }
        false
    }

    /// The first one-qubit gate that a gate at `place` meets, passing the CX that it may.
    fn reach(&self, place: u32, wire: u32, direction: usize, passes: Option<Passes>) -> Option<usize> {
        let mut at = place;
        for _ in 0..=MAX_HOPS {
            at = self.neighbour(at, wire, direction);
            let passed = match *self.items.get(at as usize)? {
                Item::One { .. } => return Some(at as usize),
                Item::Cx { control, .. } => Some(if control == wire { Passes::Control } else { Passes::Target }),
                Item::Wall { .. } | Item::Gone => return None,
            };
            if passed != passes {
                return None;
            }
        }
        None
    }

    /// Removes a CX together with the next equal one, if it can be moved there.
    fn cancel(&mut self, place: usize) {
        let Item::Cx { control, target } = self.items[place] else { return };
        let by_control = self.meet(place as u32, control, Passes::Control);
        let by_target = self.meet(place as u32, target, Passes::Target);
        let (Some((twin, passed)), Some((other, also))) = (by_control, by_target) else { return };
        if twin != other {
            return;
        }
        // Gates that are rotations about the right axis only to rounding: made so, and measured.
        for (place, exact) in passed.into_iter().chain(also) {
            if let Item::One { angles, .. } = &mut self.items[place] {
                self.bound += chain_distance(&[*angles], &[exact]);
                *angles = exact;
            }
        }
        self.remove(place);
        self.remove(twin);
    }

    /// The next equal CX along one of the wires, with only gates between that commute with this CX,
    /// and those one-qubit gates with the angles that commute exactly.
    fn meet(&self, place: u32, wire: u32, role: Passes) -> Option<(usize, Vec<Rotation>)> {
        let item = self.items[place as usize];
        let mut rotations = Vec::new();
        let mut at = place;
        for _ in 0..=MAX_HOPS {
            at = self.neighbour(at, wire, FORTH);
            let here = *self.items.get(at as usize)?;
            match here {
                _ if here == item => return Some((at as usize, rotations)),
                Item::Cx { control, .. } if (control == wire) == (role == Passes::Control) => {}
                Item::One { angles, .. } => {
                    let value = su2(angles);
                    let part = if role == Passes::Control { z_part(value) } else { x_part(value) };
                    if !same(part, value) {
                        return None;
                    }
                    rotations.push((at as usize, part.u3_angles()));
                }
                Item::Cx { .. } | Item::Wall { .. } | Item::Gone => return None,
            }
        }
        None
    }
}

/// The wires of an item, a CX's control first.
fn item_wires(item: &Item) -> impl Iterator<Item = u32> + use<> {
    let (first, second) = match *item {
        Item::Cx { control, target } => (Some(control), Some(target)),
        Item::One { wire, .. } | Item::Wall { wire } => (Some(wire), None),
        Item::Gone => (None, None),
    };
    first.into_iter().chain(second)
}

fn su2([theta, phi, lambda]: [f64; 3]) -> Su2 {
    Su2::u3(theta, phi, lambda)
}

/// The same gate up to rounding. False for NaN.
fn same(u: Su2, v: Su2) -> bool {
    (u * v.dagger()).distance_to_identity() <= NEGLIGIBLE
}

/// The rotation about Z nearest to a gate; NaN where there is none.
fn z_part(value: Su2) -> Su2 {
    Su2::new(value.a, Complex64::ZERO).normalized()
}

/// The rotation about X nearest to a gate; NaN where there is none.
fn x_part(value: Su2) -> Su2 {
    Su2::new(value.a.re.into(), Complex64::new(0.0, value.b.im)).normalized()
}
