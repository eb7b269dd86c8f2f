//! Where a written circuit gets one-qubit gates: as few places as a sweep from the left can do with.
//!
//! Between the gates of a tape and the CX that are written stands, on each wire, a one-qubit Clifford gate, the
//! *frame* of the wire. A pair can be written as CX where its axes are Z and X in the frames of its wires, either way
//! round; signs cost nothing. As long as one frame serves, a wire needs no one-qubit gate, so each wire is cut
//! into *stretches* with one frame each, a stretch as long as some frame serves all of it (for given directions of
//! the CX that is the fewest, as for intervals and points). A rotation is written where a stretch begins, if it
//! commutes until there, and makes a new one begin where it can be carried no further.

use super::clifford::{Axis, Clifford};
use super::tape::{Content, Node, Tape};

/// The frames that take axes to these, signs aside, as `[image of X, of Y, of Z]`.
const CLASSES: [[Axis; 3]; 6] = [
    [Axis::X, Axis::Y, Axis::Z],
    [Axis::Y, Axis::Z, Axis::X],
    [Axis::Z, Axis::X, Axis::Y],
    [Axis::X, Axis::Z, Axis::Y],
    [Axis::Y, Axis::X, Axis::Z],
    [Axis::Z, Axis::Y, Axis::X],
];

/// Bit `c` for class `c`.
type Classes = u8;

/// The classes that take `from` to `to`.
fn classes(from: Axis, to: Axis) -> Classes {
    (0..6).filter(|&class| CLASSES[class][from as usize] == to).fold(0, |mask, class| mask | 1 << class)
}

/// The class of a frame.
fn class_of(frame: Clifford) -> Classes {
    let class = CLASSES.iter().position(|class| *class == frame.axes());
    1 << class.expect("the axes of a frame are a permutation")
}

/// A part of a wire with one frame. A one-qubit gate stands at its beginning, except for the first one of a wire.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stretch {
    /// Where the axes go, signs aside.
    pub class: [Axis; 3],
}

/// No stretch begins here.
pub(crate) const NONE: u32 = u32::MAX;

/// The places of a tape. The first stretch of each wire has the wire's number.
pub(crate) struct Places {
    pub stretches: Vec<Stretch>,
    /// For each node that is a rotation, the stretch at whose beginning it is written; for a pair 0 or 1, the end that
    /// is the control.
    pub of_node: Vec<u32>,
    /// For each pair, the stretches that begin before it on its two wires, or [`NONE`].
    pub begins: Vec<[u32; 2]>,
    /// For each wire, the stretch that begins after its last gate, or [`NONE`].
    pub last: Vec<u32>,
    /// Number of one-qubit gates, those at the end of the circuit included unless they are Pauli matrices.
    pub n_gates: usize,
}

/// A wire while the sweep goes on.
struct WireState {
    /// The classes that serve the stretch so far.
    classes: Classes,
    stretch: u32,
    /// What its pairs have in common.
    content: Content,
    /// Nodes of rotations that are not written yet.
    carried: Vec<u32>,
    /// The axis of the last of them.
    carried_axis: Axis,
}

impl WireState {
    /// Whether a pair with this axis here, written as `role`, makes a stretch begin.
    fn needs_place(&self, axis: Axis, role: Axis) -> bool {
        let is_stuck = match self.carried.len() {
            0 => false,
            1 => self.carried_axis != axis,
            _ => true,
        };
        is_stuck || self.classes & classes(axis, role) == 0
    }
}

impl Places {
    /// For a tape; where `may_turn` CX are written the way round that makes fewer stretches begin. Linear.
    pub fn of(tape: &Tape, may_turn: bool) -> Places {
        let mut sweep = Sweep::new(tape);
        for (index, node) in tape.nodes.iter().enumerate() {
            match *node {
                Node::Rotation { wire, axis, .. } => sweep.rotation(index, wire as usize, axis),
                Node::Pair { wires, axes } => sweep.pair(index, wires.map(|wire| wire as usize), axes, may_turn),
            }
        }
        sweep.finish(tape)
    }
}

struct Sweep {
    wires: Vec<WireState>,
    masks: Vec<Classes>,
    of_node: Vec<u32>,
    begins: Vec<[u32; 2]>,
}

impl Sweep {
    fn new(tape: &Tape) -> Sweep {
        let start = |wire| WireState {
            classes: class_of(Clifford::IDENTITY),
            stretch: wire as u32,
            content: Content::Several,
            carried: Vec::new(),
            carried_axis: Axis::Z,
        };
        Sweep {
            wires: (0..tape.width()).map(start).collect(),
            masks: vec![class_of(Clifford::IDENTITY); tape.width()],
            of_node: vec![NONE; tape.nodes.len()],
            begins: vec![[NONE; 2]; tape.nodes.len()],
        }
    }

    fn rotation(&mut self, index: usize, wire: usize, axis: Axis) {
        let state = &mut self.wires[wire];
        let reaches_beginning = state.content == Content::Nothing || state.content == Content::Only(axis);
        if state.carried.is_empty() && reaches_beginning {
            self.of_node[index] = state.stretch;
        } else {
            state.carried.push(index as u32);
            state.carried_axis = axis;
        }
    }

    fn pair(&mut self, index: usize, wires: [usize; 2], axes: [Axis; 2], may_turn: bool) {
        let cost =
            |roles: [Axis; 2]| (0..2).filter(|&end| self.wires[wires[end]].needs_place(axes[end], roles[end])).count();
        let (straight, turned) = ([Axis::Z, Axis::X], [Axis::X, Axis::Z]);
        let is_turned = may_turn && cost(turned) < cost(straight);
        self.of_node[index] = u32::from(is_turned);
        let roles = if is_turned { turned } else { straight };
        for end in 0..2 {
            self.begins[index][end] = self.end(wires[end], axes[end], roles[end]);
        }
    }

    /// One end of a pair; the stretch that begins there.
    fn end(&mut self, wire: usize, axis: Axis, role: Axis) -> u32 {
        let state = &mut self.wires[wire];
        let wanted = classes(axis, role);
        let begun = if state.needs_place(axis, role) {
            self.begin(wire);
            self.wires[wire].stretch
        } else {
            NONE
        };
        let state = &mut self.wires[wire];
        state.classes &= wanted;
        self.masks[state.stretch as usize] = state.classes;
        state.content = state.content.with(axis);
        begun
    }

    /// Begins a stretch on a wire with everything that is carried.
    fn begin(&mut self, wire: usize) {
        let state = &mut self.wires[wire];
        state.stretch = self.masks.len() as u32;
        state.classes = 0x3f;
        state.content = Content::Nothing;
        self.masks.push(state.classes);
        for node in state.carried.drain(..) {
            self.of_node[node as usize] = state.stretch;
        }
    }

    fn finish(mut self, tape: &Tape) -> Places {
        let mut last = vec![NONE; tape.width()];
        for (wire, frame) in tape.frames.iter().enumerate() {
            let class = class_of(frame.inverse());
            if !self.wires[wire].carried.is_empty() || self.wires[wire].classes & class == 0 {
                self.begin(wire);
                last[wire] = self.wires[wire].stretch;
            }
            self.masks[self.wires[wire].stretch as usize] = class;
        }
        let n_gates = self.masks.len() - tape.width();
        let class = |mask: &Classes| Stretch { class: CLASSES[mask.trailing_zeros() as usize] };
        let stretches = self.masks.iter().map(class).collect();
        Places { stretches, of_node: self.of_node, begins: self.begins, last, n_gates }
    }
}

#[cfg(test)]
mod tests {
    use super::super::angle::Angle;
    use super::super::cancel::Builder;
    use super::*;

    #[test]
    fn every_axis_has_two_classes_for_every_other() {
        for from in Axis::ALL {
            let all = Axis::ALL.map(|to| classes(from, to));
            assert!(all.iter().all(|mask| mask.count_ones() == 2) && all[0] | all[1] | all[2] == 0x3f);
        }
    }

    #[test]
    fn a_cx_turned_by_hadamard_gates_needs_none() {
        let mut builder = Builder::new(2);
        builder.push_pair([0, 1], [Axis::X, Axis::Z]);
        let tape = builder.finish();
        assert_eq!(Places::of(&tape, false).n_gates, 4);
        assert_eq!(Places::of(&tape, true).n_gates, 0);
    }

    #[test]
    fn rotations_share_the_place_of_a_change_of_axes() {
        // CZ with a phase on each side of its target: the phase is written with one of the Hadamard gates.
        let mut builder = Builder::new(3);
        let angle = Angle::from_radians(0.3).unwrap();
        builder.push_pair([0, 1], [Axis::Z, Axis::Z]);
        builder.push_rotation(1, Axis::Z, angle);
        builder.push_pair([2, 1], [Axis::Z, Axis::X]);
        assert_eq!(Places::of(&builder.finish(), false).n_gates, 2);
    }
}
