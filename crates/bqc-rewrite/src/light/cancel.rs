//! Cancellation of pairs and joining of rotations through any number of gates that commute with them.
//!
//! The commutation sets of a wire (as in Nam et al., arXiv:1710.07345, section 4.2, and Qiskit's
//! `CommutationAnalysis`), kept as a stack while the circuit is read: a *group* is a maximal sequence of gates on a wire
//! that have the same axis there. A gate whose axis is that of the top group joins it; all gates of a group commute on
//! the wire, so that two equal pairs in the same two groups cancel however many gates stand between, two pairs that
//! share one axis become one, and all rotations of a group are one rotation. An empty group goes, and the one below
//! goes on to grow, which is what unwinds nested sequences. A rotation by a multiple of π/2 becomes part of the frame
//! at the end of the wire, which changes no gate that is there already: it commutes with what follows in its group.
//!
//! Every gate takes a constant number of steps: a pair is entered once, and each step beyond that removes one.

use super::angle::Angle;
use super::clifford::{Axis, Clifford, exchange};
use super::euler::Euler;
use super::tape::{Node, Tape};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A sequence of gates on a wire that have one axis there.
#[derive(Clone, Copy)]
struct Group {
    axis: Axis,
    /// Different for all groups of all wires.
    id: u32,
    n_pairs: u32,
    /// The index of its rotation, if there is one.
    rotation: Option<u32>,
}

/// Takes gates in program order and makes a [`Tape`] of them.
pub(crate) struct Builder {
    nodes: Vec<Option<Node>>,
    /// For each wire its groups, the last one on top.
    groups: Vec<Vec<Group>>,
    frames: Vec<Clifford>,
    /// The index of a pair by its two groups, that of the lower wire first.
    pairs: HashMap<(u32, u32), u32, BuildHasherDefault<IdHasher>>,
    n_groups: u32,
    n_steps: u64,
}

impl Builder {
    /// No gates on so many wires.
    pub fn new(width: usize) -> Builder {
        Builder {
            nodes: Vec::new(),
            groups: vec![Vec::new(); width],
            frames: vec![Clifford::IDENTITY; width],
            pairs: HashMap::default(),
            n_groups: 0,
            n_steps: 0,
        }
    }

    /// Appends a one-qubit gate.
    pub fn push_one(&mut self, wire: u32, gate: Euler) {
        let Euler { theta, phi, lambda } = gate;
        for (axis, angle) in [(Axis::Z, lambda), (Axis::Y, theta), (Axis::Z, phi)] {
            self.push_rotation(wire, axis, angle);
        }
    }

    /// Appends `exp(−iθA/2)`.
    pub fn push_rotation(&mut self, wire: u32, axis: Axis, angle: Angle) {
        let image = self.frames[wire as usize].image(axis);
        self.rotate(wire, image.axis, if image.is_negative { -angle } else { angle });
    }

    /// Appends `cx wires[0], wires[1]`.
    pub fn push_cx(&mut self, wires: [u32; 2]) {
        self.push_pair(wires, [Axis::Z, Axis::X]);
    }

    /// Appends `C(P, Q)`.
    pub fn push_pair(&mut self, wires: [u32; 2], axes: [Axis; 2]) {
        let [a, b] = wires.map(|wire| wire as usize);
        let (p, q) = (self.frames[a].image(axes[0]), self.frames[b].image(axes[1]));
        // C(−P, Q) = C(P, Q) Q.
        if p.is_negative {
            self.frames[b] = self.frames[b].then(Clifford::pauli(q.axis));
        }
        if q.is_negative {
            self.frames[a] = self.frames[a].then(Clifford::pauli(p.axis));
        }
        self.join(wires, [p.axis, q.axis]);
    }

    /// Appends a node, whose axes are meant before the frames of gates appended so far.
    pub fn push(&mut self, node: Node) {
        match node {
            Node::Rotation { wire, axis, angle } => self.push_rotation(wire, axis, angle),
            Node::Pair { wires, axes } => self.push_pair(wires, axes),
        }
    }

    /// Appends the Clifford gate `F` for the conjugation by `F†`.
    pub fn push_frame(&mut self, wire: u32, pull: Clifford) {
        let frame = &mut self.frames[wire as usize];
        *frame = pull.then(*frame);
    }

    /// Appends a SWAP: two pairs if the last gates of the two wires are one pair, otherwise three.
    pub fn push_swap(&mut self, wires: [u32; 2]) {
        // SWAP = L† C(P, Q) C(P', Q') C(P, Q), with axes for which the first pair is that of the last gates.
        let axes = wires.map(|wire| {
            let top = self.top(wire).map_or(Axis::Z, |group| group.axis);
            self.frames[wire as usize].inverse().image(top).axis
        });
        let others = axes.map(Axis::next);
        [axes, others, axes].into_iter().for_each(|axes| self.push_pair(wires, axes));
        for (wire, change) in wires.into_iter().zip(exchange(axes, others)) {
            self.push_frame(wire, change);
        }
    }

    /// What has been appended.
    pub fn finish(self) -> Tape {
        Tape { nodes: self.nodes.into_iter().flatten().collect(), frames: self.frames, n_steps: self.n_steps }
    }

    /// What has been appended, and the Clifford gates after it, as conjugations by their inverses.
    pub fn finish_with(mut self, frames: &[Clifford]) -> Tape {
        frames.iter().enumerate().for_each(|(wire, &pull)| self.push_frame(wire as u32, pull));
        self.finish()
    }

    fn top(&self, wire: u32) -> Option<&Group> {
        self.groups[wire as usize].last()
    }

    /// The group that a gate with this axis joins: the top one, or a new one above it.
    fn group_of(&mut self, wire: u32, axis: Axis) -> &mut Group {
        let groups = &mut self.groups[wire as usize];
        if groups.last().is_none_or(|group| group.axis != axis) {
            groups.push(Group { axis, id: self.n_groups, n_pairs: 0, rotation: None });
            self.n_groups += 1;
        }
        groups.last_mut().expect("there is a group now")
    }

    fn pop_if_empty(&mut self, wire: u32) {
        let groups = &mut self.groups[wire as usize];
        if groups.last().is_some_and(|group| group.n_pairs == 0 && group.rotation.is_none()) {
            groups.pop();
        }
    }

    /// Adds a rotation before the frame.
    fn rotate(&mut self, wire: u32, axis: Axis, angle: Angle) {
        self.n_steps += 1;
        if angle == Angle::ZERO {
            return;
        }
        let known = self.group_of(wire, axis).rotation.take();
        let mut sum = angle;
        if let Some(index) = known
            && let Some(Node::Rotation { angle: before, .. }) = self.nodes[index as usize].take()
        {
            sum = sum.joined(before);
        }
        if let Some(quarters) = sum.as_quarters() {
            self.turn_frame(wire, axis, quarters);
            return self.pop_if_empty(wire);
        }
        let (rest, has_half) = sum.without_half_turn();
        if has_half {
            self.turn_frame(wire, axis, 2);
        }
        let index = known.unwrap_or(self.nodes.len() as u32);
        let node = Some(Node::Rotation { wire, axis, angle: rest });
        match known {
            Some(index) => self.nodes[index as usize] = node,
            None => self.nodes.push(node),
        }
        self.group_of(wire, axis).rotation = Some(index);
    }

    /// Puts a Clifford rotation before the frame: `F ↦ F · R`.
    fn turn_frame(&mut self, wire: u32, axis: Axis, quarters: u8) {
        let frame = &mut self.frames[wire as usize];
        *frame = frame.then(Clifford::turn(axis, (4 - quarters) % 4));
    }

    /// Adds a pair before the frames, or makes one out of it and an earlier one, or none.
    fn join(&mut self, wires: [u32; 2], mut axes: [Axis; 2]) {
        loop {
            self.n_steps += 1;
            let tops = wires.map(|wire| self.top(wire).map(|group| (group.id, group.axis)));
            let [Some((a, p)), Some((b, q))] = tops else { break };
            let is_shared = [p == axes[0], q == axes[1]];
            if is_shared == [false, false] {
                break;
            }
            let Some(index) = self.pairs.remove(&key(wires, [a, b])) else { break };
            self.nodes[index as usize] = None;
            for wire in wires {
                self.groups[wire as usize].last_mut().expect("its group is on top").n_pairs -= 1;
                self.pop_if_empty(wire);
            }
            // C(P, A) C(P, B) = C(P, third axis) R(P, ±π/2).
            let earlier = [p, q];
            match is_shared {
                [true, true] => return,
                [true, false] => axes[1] = self.fuse(wires[0], p, axes[1], earlier[1]),
                _ => axes[0] = self.fuse(wires[1], q, axes[0], earlier[0]),
            }
        }
        let index = self.nodes.len() as u32;
        self.nodes.push(Some(Node::Pair { wires, axes }));
        let ids = [0, 1].map(|end| {
            let group = self.group_of(wires[end], axes[end]);
            group.n_pairs += 1;
            group.id
        });
        self.pairs.insert(key(wires, ids), index);
    }

    /// The other axis of the pair that two pairs with the axis `shared` on `wire` become.
    fn fuse(&mut self, wire: u32, shared: Axis, later: Axis, earlier: Axis) -> Axis {
        let quarters = if later.next() == earlier { 1 } else { 3 };
        self.rotate(wire, shared, Angle::quarters(quarters));
        later.third(earlier)
    }
}

fn key(wires: [u32; 2], ids: [u32; 2]) -> (u32, u32) {
    if wires[0] < wires[1] { (ids[0], ids[1]) } else { (ids[1], ids[0]) }
}

/// Mixes the two numbers of a group by multiplication: they are counted up, so nothing can choose them badly.
#[derive(Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u32(byte.into()));
    }

    fn write_u32(&mut self, value: u32) {
        // The golden ratio's odd multiplier (Knuth, The Art of Computer Programming 3, section 6.4).
        self.0 = (self.0.rotate_left(29) ^ u64::from(value)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 ^= self.0 >> 32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::Angles;
    use super::super::write::write;
    use super::*;
    use bqc_verify::block_distance;

    fn size(builder: Builder) -> (usize, usize) {
        builder.finish().size()
    }

    #[test]
    fn stars_cancel_through_each_other() {
        let mut builder = Builder::new(100);
        for _ in 0..2 {
            (1..100).for_each(|wire| builder.push_cx([0, wire]));
        }
        assert_eq!(size(builder), (0, 0));
    }

    #[test]
    fn nested_sequences_unwind() {
        let mut builder = Builder::new(250);
        (0..249).for_each(|wire| builder.push_cx([wire, wire + 1]));
        (0..249).rev().for_each(|wire| builder.push_cx([wire, wire + 1]));
        assert_eq!(size(builder), (0, 0));
    }

    #[test]
    fn gates_that_do_not_commute_stand_in_the_way() {
        let angle = Angle::from_radians(0.3).unwrap();
        for (wire, axis, n_pairs) in [(0, Axis::Z, 0), (0, Axis::X, 2), (1, Axis::X, 0), (1, Axis::Z, 2)] {
            let mut builder = Builder::new(2);
            builder.push_cx([0, 1]);
            builder.push_rotation(wire, axis, angle);
            builder.push_cx([0, 1]);
            assert_eq!(size(builder), (n_pairs, 1), "{wire} {axis:?}");
        }
    }

    #[test]
    fn a_swap_costs_one_pair_more_after_a_pair() {
        for axes in Axis::ALL.into_iter().flat_map(|p| Axis::ALL.map(|q| [p, q])) {
            let [mut swapped, mut written] = [0, 1].map(|_| {
                let mut builder = Builder::new(3);
                builder.push_pair([1, 2], axes);
                builder.push_rotation(1, Axis::X, Angle::QUARTER);
                builder
            });
            swapped.push_swap([1, 2]);
            [[1, 2], [2, 1], [1, 2]].into_iter().for_each(|wires| written.push_cx(wires));
            let [swapped, written] = [swapped, written].map(Builder::finish);
            assert_eq!(swapped.size(), (2, 0));
            let [swapped, written] = [swapped, written].map(|tape| write(&tape, Angles::Kept));
            assert!(block_distance(&swapped, &written).unwrap() < 1e-14);
        }
    }

    #[test]
    fn clifford_circuits_of_a_pair_become_short() {
        // S on the target between two CX leaves one pair.
        let mut builder = Builder::new(2);
        builder.push_cx([0, 1]);
        builder.push_rotation(1, Axis::Z, Angle::QUARTER);
        builder.push_cx([0, 1]);
        assert_eq!(size(builder), (1, 0));
        // Four Hadamard gates around a CX turn it round.
        let hadamard = Euler { theta: Angle::QUARTER, phi: Angle::ZERO, lambda: Angle::HALF };
        let mut builder = Builder::new(2);
        (0..2).for_each(|wire| builder.push_one(wire, hadamard));
        builder.push_cx([0, 1]);
        (0..2).for_each(|wire| builder.push_one(wire, hadamard));
        builder.push_cx([1, 0]);
        let tape = builder.finish();
        assert!(tape.nodes.is_empty() && tape.frames == [Clifford::IDENTITY; 2]);
    }
}
