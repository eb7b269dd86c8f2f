//! Rotation merging over the whole circuit: rotations that are one Pauli rotation through all gates between become one.
//!
//! Phase folding (Amy, Maslov and Mosca, arXiv:1303.2042; Nam et al., arXiv:1710.07345, section 4.4) finds rotations on
//! equal parities between Hadamard gates. Pulled back through the Clifford gates before it, every rotation is one
//! about a Pauli operator of all wires, and two about the same operator merge if all rotations between them commute
//! with it (Zhang and Chen, arXiv:1903.12456), which includes equal parities. This pass finds all of them in one sweep.
//! For the operators into which X and Z of each wire pull back it keeps a *history*: the exclusive or of one random
//! label for every rotation so far that the operator does not commute with. A rotation about an axis of a wire changes
//! the histories of the two other axes of that wire alone. Two rotations about the same operator with the same history
//! have only rotations between them that commute with it.
//!
//! Operators are compared by 128-bit labels: two different ones among m rotations are taken for equal with a chance of
//! m²/2^128. Their signs are computed from their bits. A pair costs up to six rows of `width/32` words, a rotation a
//! constant number of steps.

use super::angle::Angle;
use super::cancel::Builder;
use super::operators::Operators;
use super::tape::{Node, Tape};
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// Above this many wires the operators would take more than 32 MiB, and the pass does nothing.
const MAX_WIDTH: usize = 1 << 13;

/// Rotations that are one.
struct Class {
    /// The sum of their angles, with the sign of the first.
    sum: Angle,
    /// The power of i in the operator of the first.
    phase: u8,
    /// The node of the first, and the node of the last.
    first: usize,
    last: usize,
    /// Whether the operator of the last is minus that of the first.
    is_last_opposite: bool,
}

/// The tape with merged rotations, and with what then cancels cancelled. Each is written either where the first of
/// those stood that it is made of, or, if that leaves fewer gates, where the last did.
pub(crate) fn fold(tape: &Tape) -> Option<Tape> {
    if tape.width() > MAX_WIDTH {
        return None;
    }
    let (classes, n_steps) = classes(tape);
    if classes.len() == tape.size().1 {
        return None;
    }
    let mut tapes = [false, true].map(|is_last| rebuilt(tape, &classes, is_last));
    tapes[0].n_steps += tapes[1].n_steps + n_steps;
    let [first, last] = tapes;
    Some(if last.size() < first.size() { Tape { n_steps: first.n_steps, ..last } } else { first })
}

/// All classes in the order of their first rotations, and the steps that took.
fn classes(tape: &Tape) -> (Vec<Class>, u64) {
    let mut operators = Operators::new(tape.width());
    let mut known: HashMap<u128, usize> = HashMap::new();
    let mut classes: Vec<Class> = Vec::new();
    for (index, &node) in tape.nodes.iter().enumerate() {
        match node {
            Node::Pair { wires, axes } => operators.pair(wires.map(|wire| wire as usize), axes),
            Node::Rotation { wire, axis, angle } => {
                let head = operators.head(wire as usize, axis);
                match known.entry(head.label) {
                    Entry::Occupied(entry) => {
                        let class = &mut classes[*entry.get()];
                        class.is_last_opposite = class.phase != head.phase;
                        class.sum = class.sum.joined(if class.is_last_opposite { -angle } else { angle });
                        class.last = index;
                    }
                    Entry::Vacant(entry) => {
                        entry.insert(classes.len());
                        let (first, last, phase) = (index, index, head.phase);
                        classes.push(Class { sum: angle, phase, first, last, is_last_opposite: false });
                        operators.rotate(wire as usize, axis);
                    }
                }
            }
        }
    }
    (classes, operators.n_steps)
}

fn rebuilt(tape: &Tape, classes: &[Class], is_last: bool) -> Tape {
    let mut sums = vec![Angle::ZERO; tape.nodes.len()];
    for class in classes {
        if is_last {
            sums[class.last] = if class.is_last_opposite { -class.sum } else { class.sum };
        } else {
            sums[class.first] = class.sum;
        }
    }
    let mut builder = Builder::new(tape.width());
    for (&node, &angle) in tape.nodes.iter().zip(&sums) {
        builder.push(match node {
            Node::Rotation { wire, axis, .. } => Node::Rotation { wire, axis, angle },
            pair => pair,
        });
    }
    builder.finish_with(&tape.frames)
}

#[cfg(test)]
mod tests {
    use super::super::Angles;
    use super::super::clifford::Axis;
    use super::super::tests::{Kind, kinds, random};
    use super::super::write::write;
    use super::*;
    use bqc_linalg::Stream;
    use bqc_verify::block_distance;
    use proptest::prelude::*;

    fn turn(radians: f64) -> Angle {
        Angle::from_radians(radians).unwrap()
    }

    #[test]
    fn equal_parities_merge_through_other_gates() {
        // A phase on q0 ⊕ q1, twice, with a Hadamard gate on another wire and a rotation that commutes between.
        let mut builder = Builder::new(3);
        for angle in [0.3, 0.5] {
            builder.push_cx([0, 1]);
            builder.push_rotation(1, Axis::Z, turn(angle));
            builder.push_cx([0, 1]);
            builder.push_rotation(2, Axis::Y, turn(0.7));
            builder.push_cx([1, 2]);
        }
        let folded = fold(&builder.finish()).unwrap();
        let sum = turn(0.3).joined(turn(0.5));
        assert!(folded.nodes.iter().any(|node| matches!(node, Node::Rotation { angle, .. } if *angle == sum)));
        assert_eq!(folded.size(), (4, 3));
    }

    #[test]
    fn a_rotation_that_does_not_commute_keeps_two_apart() {
        for (axis, size) in [(Axis::Z, (2, 2)), (Axis::X, (4, 3)), (Axis::Y, (4, 3))] {
            let mut builder = Builder::new(2);
            for angle in [0.3, 0.5] {
                builder.push_cx([0, 1]);
                builder.push_rotation(1, Axis::Z, turn(angle));
                builder.push_cx([0, 1]);
                builder.push_rotation(0, axis, turn(0.6 - angle));
            }
            // The last rotation stands at the end.
            let tape = builder.finish();
            let folded = fold(&tape).unwrap_or(tape);
            assert_eq!(folded.size(), (size.0, size.1 + usize::from(axis != Axis::Z)), "{axis:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_keeps_the_unitary(seed in 0u64..1 << 48, kind in kinds(), width in 1usize..=8, n_gates in 0usize..200) {
            let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 4));
            let tape = Tape::of(&circuit).unwrap();
            let Some(folded) = fold(&tape) else { return Ok(()) };
            prop_assert!(folded.size() <= tape.size() && folded.size().1 < tape.size().1);
            prop_assert!(block_distance(&circuit, &write(&folded, Angles::Free)).unwrap() < 1e-13);
        }

        #[test]
        fn a_circuit_and_its_inverse_leave_no_rotation(seed in 0u64..1 << 48, width in 2usize..=6) {
            // A rotation that is not merged stays, so this is a test of finding all of them.
            let circuit = random(Kind::CliffordT, width, 60, &mut Stream::new(seed, 7, 5));
            let mut both = circuit.clone();
            both.gates.extend(circuit.gates.iter().rev().map(|gate| match *gate {
                bqc_circuit::LoweredGate::One { wire, angles: [t, p, l] } => bqc_circuit::BlockGate::u3(wire, [-t, -l, -p]),
                cx => cx,
            }));
            let mut tape = Tape::of(&both).unwrap();
            while tape.size().1 > 0 {
                tape = fold(&tape).expect("a rotation and its inverse merge");
            }
        }
    }
}
