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
//! m²/2^128. Their signs are computed from their bits. A pair costs six rows of `width/32` words, a rotation a constant
//! number of steps.

use super::cancel::Builder;
use super::operators::Operators;
use super::tape::{Node, Tape};
use std::collections::HashMap;

/// Above this many wires the operators would take more than 32 MiB, and the pass does nothing.
const MAX_WIDTH: usize = 1 << 13;

/// The tape with merged rotations, each where the first of them stood, and with what then cancels cancelled.
pub(crate) fn fold(tape: &Tape) -> Tape {
    if tape.width() > MAX_WIDTH {
        return tape.clone();
    }
    let mut operators = Operators::new(tape.width());
    // By the label: where the first rotation about an operator stands, and its phase.
    let mut known: HashMap<u128, (usize, u8)> = HashMap::new();
    let mut nodes: Vec<Node> = Vec::with_capacity(tape.nodes.len());
    for &node in &tape.nodes {
        match node {
            Node::Pair { wires, axes } => operators.pair(wires.map(|wire| wire as usize), axes),
            Node::Rotation { wire, axis, angle } => {
                let head = operators.head(wire as usize, axis);
                if let Some(&(at, phase)) = known.get(&head.label)
                    && let Node::Rotation { angle: sum, .. } = &mut nodes[at]
                {
                    *sum = sum.joined(if phase == head.phase { angle } else { -angle });
                    continue;
                }
                known.insert(head.label, (nodes.len(), head.phase));
                operators.rotate(wire as usize, axis);
            }
        }
        nodes.push(node);
    }
    let mut builder = Builder::new(tape.width());
    nodes.into_iter().for_each(|node| builder.push(node));
    let mut folded = builder.finish_with(&tape.frames);
    folded.n_steps += operators.n_steps;
    folded
}

#[cfg(test)]
mod tests {
    use super::super::Angles;
    use super::super::angle::Angle;
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
        let folded = fold(&builder.finish());
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
            assert_eq!(fold(&builder.finish()).size(), (size.0, size.1 + usize::from(axis != Axis::Z)), "{axis:?}");
        }
    }

    proptest! {
        #[test]
        fn folding_keeps_the_unitary(seed in 0u64..1 << 48, kind in kinds(), width in 1usize..=8, n_gates in 0usize..200) {
            let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 4));
            let tape = Tape::of(&circuit).unwrap();
            let folded = fold(&tape);
            prop_assert!(folded.size() <= tape.size() && folded.size().1 <= tape.size().1);
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
                let folded = fold(&tape);
                prop_assert!(folded.size() < tape.size());
                tape = folded;
            }
        }
    }
}
