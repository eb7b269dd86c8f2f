//! SWAPs into wires: two pairs that exchange their wires become one, and what follows stands on the other wires.
//!
//! Two pairs one after the other on the same wires, with different axes on both, are a SWAP and one pair
//! ([`exchange`]; for CX: `CX(b, a) CX(a, b) = CX(a, b) SWAP`). A SWAP written as three CX is the case whose third pair
//! then cancels. A SWAP costs nothing if the wires after it are relabelled; what remains of the permutation is written
//! at the end, up to three pairs for each exchange. So a place counts only together with another one that undoes its
//! exchange, or where three pairs vanish. The result is taken if it is smaller. Where outputs may be on any wires, every
//! place counts ([`relabel_all`]): the permutation is left to the reader of the output, as Qiskit's `ElidePermutations`
//! and tket's implicit permutations do.

use super::cancel::Builder;
use super::clifford::{Axis, exchange};
use super::tape::{Node, Tape};

/// The smaller one of what relabelling whole SWAPs, and places that undo each other, makes of a tape; `None` if there
/// are no such places. Linear.
pub(crate) fn relabel_swaps(tape: &Tape) -> Option<Tape> {
    let places = places(tape);
    let whole: Vec<u32> = places.iter().filter(|place| place.is_whole).map(|place| place.node).collect();
    let undone = undone(&places, tape.width());
    let results = [whole, undone].into_iter().filter(|chosen| !chosen.is_empty()).map(|chosen| relabel(tape, &chosen));
    results.min_by_key(Tape::size)
}

/// The tape with the wires exchanged after every place, and where it leaves each of its wires; `None` if there is no
/// place. Linear.
pub(crate) fn relabel_all(tape: &Tape) -> Option<(Tape, Vec<u32>)> {
    let chosen: Vec<u32> = places(tape).iter().map(|place| place.node).collect();
    if chosen.is_empty() {
        return None;
    }
    let Writer { builder, at } = relabelled(tape, &chosen);
    Some((builder.finish(), at))
}

/// A pair that with the one before exchanges its wires.
struct Place {
    /// The second of the two.
    node: u32,
    /// In ascending order.
    wires: [u32; 2],
    /// Whether a third pair completes a SWAP.
    is_whole: bool,
}

/// Pairs that have not been written yet because the next gate may be their partner, by wire.
struct Held {
    of_wire: Vec<Option<Pair>>,
}

#[derive(Clone, Copy, PartialEq)]
struct Pair {
    node: u32,
    wires: [u32; 2],
    axes: [Axis; 2],
}

impl Pair {
    /// The axis on a wire that is one of its two.
    fn axis_on(&self, wire: u32) -> Axis {
        self.axes[usize::from(self.wires[1] == wire)]
    }

    /// Whether this pair after `first` exchanges the wires.
    fn exchanges(&self, first: &Pair) -> bool {
        let is_on = |wire: &u32| self.wires.contains(wire);
        first.wires.iter().all(is_on) && self.wires.iter().all(|&wire| self.axis_on(wire) != first.axis_on(wire))
    }
}

impl Held {
    fn new(width: usize) -> Held {
        Held { of_wire: vec![None; width] }
    }

    /// Forgets the pair that is held on a wire, and gives it.
    fn release(&mut self, wire: u32) -> Option<Pair> {
        let pair = self.of_wire[wire as usize].take()?;
        pair.wires.iter().for_each(|&wire| self.of_wire[wire as usize] = None);
        Some(pair)
    }

    fn hold(&mut self, pair: Pair) {
        pair.wires.iter().for_each(|&wire| self.of_wire[wire as usize] = Some(pair));
    }

    /// The pair on both wires of another one.
    fn under(&self, pair: &Pair) -> Option<Pair> {
        let [a, b] = pair.wires.map(|wire| self.of_wire[wire as usize]);
        a.filter(|_| a == b)
    }

    /// Whether a rotation does not commute with what is held.
    fn is_passed_by(&self, wire: u32, axis: Axis) -> bool {
        self.of_wire[wire as usize].is_none_or(|pair| pair.axis_on(wire) == axis)
    }
}

/// All places, none of which shares a pair with the one before.
fn places(tape: &Tape) -> Vec<Place> {
    let mut held = Held::new(tape.width());
    let mut places: Vec<Place> = Vec::new();
    // For each wire the place whose second pair was the last gate on it, and the first pair of that place.
    let mut ended: Vec<Option<(usize, Pair)>> = vec![None; tape.width()];
    for (index, node) in tape.nodes.iter().enumerate() {
        match *node {
            Node::Rotation { wire, axis, .. } => {
                if !held.is_passed_by(wire, axis) {
                    held.release(wire);
                }
                ended[wire as usize] = None;
            }
            Node::Pair { wires, axes } => {
                let pair = Pair { node: index as u32, wires, axes };
                let [a, b] = wires.map(|wire| ended[wire as usize].take());
                if let (Some((place, first)), Some((other, _))) = (a, b)
                    && place == other
                    && wires.iter().all(|&wire| pair.axis_on(wire) == first.axis_on(wire))
                {
                    places[place].is_whole = true;
                    continue;
                }
                match held.under(&pair) {
                    Some(first) if pair.exchanges(&first) => {
                        held.release(wires[0]);
                        wires.iter().for_each(|&wire| ended[wire as usize] = Some((places.len(), first)));
                        let wires = [wires[0].min(wires[1]), wires[0].max(wires[1])];
                        places.push(Place { node: pair.node, wires, is_whole: false });
                    }
                    _ => {
                        for wire in wires {
                            held.release(wire);
                        }
                        held.hold(pair);
                    }
                }
            }
        }
    }
    places
}

/// Places in twos on the same wires, with no other chosen place on either wire between the two.
fn undone(places: &[Place], width: usize) -> Vec<u32> {
    // For each wire the last place on it that is not undone.
    let mut open: Vec<Option<usize>> = vec![None; width];
    let mut chosen = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let [a, b] = place.wires.map(|wire| open[wire as usize]);
        let twin = a.filter(|&twin| a == b && places[twin].wires == place.wires);
        chosen.extend(twin.into_iter().flat_map(|twin| [places[twin].node, place.node]));
        let now = if twin.is_some() { None } else { Some(index) };
        place.wires.iter().for_each(|&wire| open[wire as usize] = now);
    }
    chosen.sort_unstable();
    chosen
}

/// The tape with the wires after each of these places exchanged, and the permutation undone at the end. A place is the
/// node of the second of two pairs that exchange their wires, the first of which may come from an exchange itself.
pub(crate) fn relabel(tape: &Tape, chosen: &[u32]) -> Tape {
    relabelled(tape, chosen).put_back()
}

/// The same before the permutation is undone.
fn relabelled(tape: &Tape, chosen: &[u32]) -> Writer {
    let mut writer = Writer { builder: Builder::new(tape.width()), at: (0..tape.width() as u32).collect() };
    let mut held = Held::new(tape.width());
    let mut chosen = chosen.iter().copied().peekable();
    for (index, node) in tape.nodes.iter().enumerate() {
        match *node {
            Node::Rotation { wire, axis, .. } => {
                if !held.is_passed_by(wire, axis) {
                    writer.pairs(held.release(wire));
                }
                writer.push(*node);
            }
            Node::Pair { wires, axes } => {
                let pair = Pair { node: index as u32, wires, axes };
                let is_chosen = chosen.next_if_eq(&pair.node).is_some();
                match held.under(&pair) {
                    Some(first) if is_chosen && pair.exchanges(&first) => writer.exchange(&first, &pair),
                    _ => {
                        wires.iter().for_each(|&wire| writer.pairs(held.release(wire)));
                        held.hold(pair);
                    }
                }
            }
        }
    }
    for wire in 0..tape.width() as u32 {
        writer.pairs(held.release(wire));
    }
    for (wire, &pull) in tape.frames.iter().enumerate() {
        writer.builder.push_frame(writer.at[wire], pull);
    }
    writer
}

/// Writes on relabelled wires.
struct Writer {
    builder: Builder,
    /// Where each wire of the tape is.
    at: Vec<u32>,
}

impl Writer {
    fn push(&mut self, node: Node) {
        self.builder.push(node.on(|wire| self.at[wire as usize]));
    }

    fn pairs(&mut self, pair: Option<Pair>) {
        if let Some(Pair { wires, axes, .. }) = pair {
            self.push(Node::Pair { wires, axes });
        }
    }

    /// Writes two pairs that exchange their wires as one. The first one is still held, and is so afterwards.
    fn exchange(&mut self, first: &Pair, second: &Pair) {
        let wires = first.wires;
        self.at.swap(wires[0] as usize, wires[1] as usize);
        let changes = exchange(first.axes, wires.map(|wire| second.axis_on(wire)));
        for (wire, change) in wires.into_iter().zip(changes) {
            self.builder.push_frame(self.at[wire as usize], change.inverse());
        }
    }

    /// Undoes the permutation.
    fn put_back(mut self) -> Tape {
        // Which wire of the tape stands where.
        let mut standing = vec![0; self.at.len()];
        self.at.iter().enumerate().for_each(|(wire, &at)| standing[at as usize] = wire as u32);
        for place in 0..standing.len() {
            while standing[place] != place as u32 {
                let home = standing[place];
                self.builder.push_swap([place as u32, home]);
                standing.swap(place, home as usize);
            }
        }
        self.builder.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Angles;
    use super::super::tests::{kinds, random};
    use super::super::write::write;
    use super::*;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::Stream;
    use bqc_verify::block_distance;
    use proptest::prelude::*;

    #[test]
    fn all_pairs_that_exchange_wires_become_one() {
        // Every choice of axes, with the permutation undone at the end: two pairs and SWAP are one pair and SWAP².
        let axes = || Axis::ALL.into_iter().flat_map(|p| Axis::ALL.map(|q| [p, q]));
        for (first, second) in axes().flat_map(|first| axes().map(move |second| (first, second))) {
            if first[0] == second[0] || first[1] == second[1] {
                continue;
            }
            let mut builder = Builder::new(2);
            builder.push_pair([0, 1], first);
            builder.push_pair([1, 0], [second[1], second[0]]);
            let tape = builder.finish();
            let relabelled = relabel(&tape, &[1]);
            assert!(
                block_distance(&write(&tape, Angles::Free), &write(&relabelled, Angles::Free)).unwrap() < 1e-14,
                "{first:?} {second:?}"
            );
        }
    }

    #[test]
    fn two_swaps_around_other_gates_vanish() {
        let mut circuit = random(super::super::tests::Kind::Generic, 3, 0, &mut Stream::new(0, 7, 8));
        let q = BlockQubit;
        let swap = |circuit: &mut bqc_circuit::BlockCircuit| {
            [(0, 1), (1, 0), (0, 1)].into_iter().for_each(|(a, b)| circuit.push_cx(q(a), q(b)));
        };
        swap(&mut circuit);
        circuit.push_u3(q(0), [0.3, 0.2, 0.1]);
        circuit.push_cx(q(1), q(2));
        circuit.push_u3(q(2), [0.4, 0.2, 0.1]);
        swap(&mut circuit);
        let tape = Tape::of(&circuit).unwrap();
        let relabelled = relabel_swaps(&tape).unwrap();
        assert_eq!((tape.size().0, relabelled.size().0), (7, 1));
        assert!(block_distance(&circuit, &write(&relabelled, Angles::Free)).unwrap() < 1e-14);
    }

    proptest! {
        #[test]
        fn relabelling_keeps_the_unitary(seed in 0u64..1 << 48, kind in kinds(), width in 2usize..=6, n_gates in 0usize..150) {
            let circuit = random(kind, width, n_gates, &mut Stream::new(seed, 7, 9));
            let tape = Tape::of(&circuit).unwrap();
            if let Some(relabelled) = relabel_swaps(&tape) {
                prop_assert!(block_distance(&circuit, &write(&relabelled, Angles::Free)).unwrap() < 1e-13);
            }
        }
    }
}
