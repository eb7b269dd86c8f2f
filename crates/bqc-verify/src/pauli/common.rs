//! What two circuits begin and end with in common, which no comparison needs.
//!
//! A gate of one is common if on all its wires the other goes on with the same gate, to the last bit, and so does
//! everything before it. What is common at the beginning is one factor of both unitaries, and at the end another, and
//! the phase distance is that of the rest. So a change of one place is measured there alone, and the rounding of all
//! other angles does not count.

use bqc_circuit::{LoweredGate, Wire};
use std::collections::HashMap;

type Gates<'a, W> = Vec<&'a LoweredGate<W>>;

/// What two circuits do not have in common, as the circuit that is the identity if they are equal: the rest of the
/// original and, backwards, the inverses of the rest of the candidate.
pub(crate) struct Difference<'a, W> {
    original: Gates<'a, W>,
    candidate: Gates<'a, W>,
    /// A number for each wire.
    place: HashMap<W, usize>,
}

impl<'a, W: Wire> Difference<'a, W> {
    /// Linear.
    pub(crate) fn of(original: &'a [LoweredGate<W>], candidate: &'a [LoweredGate<W>]) -> Difference<'a, W> {
        let place = places(original.iter().chain(candidate));
        let [original, candidate] = without_common(original, candidate, &place);
        let place = places(original.iter().chain(&candidate).copied());
        Difference { original, candidate, place }
    }

    /// The gates of both.
    pub(crate) fn gates(&self) -> impl Iterator<Item = &'a LoweredGate<W>> {
        self.original.iter().chain(&self.candidate).copied()
    }

    pub(crate) fn n_gates(&self) -> usize {
        self.original.len() + self.candidate.len()
    }

    /// Wires that are used.
    pub(crate) fn n_wires(&self) -> usize {
        self.place.len()
    }

    /// Gives `push` each gate, the numbers of the wires, and whether the gate is to be inverted, first to last. None as
    /// soon as `push` gives none.
    pub(crate) fn push_all(
        &self,
        mut push: impl FnMut(&LoweredGate<W>, &HashMap<W, usize>, bool) -> Option<()>,
    ) -> Option<()> {
        self.original.iter().try_for_each(|gate| push(gate, &self.place, false))?;
        self.candidate.iter().rev().try_for_each(|gate| push(gate, &self.place, true))
    }
}

/// A number for each wire that is used.
fn places<'a, W: Wire>(gates: impl Iterator<Item = &'a LoweredGate<W>>) -> HashMap<W, usize> {
    let mut place = HashMap::new();
    for wire in gates.flat_map(|gate| gate.wires()) {
        let next = place.len();
        place.entry(*wire).or_insert(next);
    }
    place
}

/// The gates of both without those in common at either end, in their order. `place` numbers the wires. Linear.
fn without_common<'a, W: Wire>(
    a: &'a [LoweredGate<W>],
    b: &'a [LoweredGate<W>],
    place: &HashMap<W, usize>,
) -> [Gates<'a, W>; 2] {
    let mut rest = [a.iter().collect(), b.iter().collect()];
    // From the beginning, and then, backwards, from the end.
    for _ in 0..2 {
        rest = without_common_beginning(&rest, place);
        rest.iter_mut().for_each(|gates| gates.reverse());
    }
    rest
}

fn without_common_beginning<'a, W: Wire>([a, b]: &[Gates<'a, W>; 2], place: &HashMap<W, usize>) -> [Gates<'a, W>; 2] {
    // `[wire]`: the gates of `a` on it, last first.
    let mut ahead: Vec<Vec<usize>> = vec![Vec::new(); place.len()];
    for (index, gate) in a.iter().enumerate().rev() {
        gate.wires().iter().for_each(|wire| ahead[place[wire]].push(index));
    }
    let mut is_common = vec![false; a.len()];
    let mut is_over = vec![false; place.len()];
    let mut rest_of_b = Vec::new();
    for gate in b {
        let wires = || gate.wires().iter().map(|wire| place[wire]);
        let next = wires().next().and_then(|wire| ahead[wire].last().copied());
        // The same gate has the same wires, so it has to be the next on each.
        let twin = next.filter(|&index| {
            a[index].is_same(gate) && wires().all(|wire| !is_over[wire] && ahead[wire].last() == Some(&index))
        });
        match twin {
            Some(index) => {
                is_common[index] = true;
                wires().for_each(|wire| _ = ahead[wire].pop());
            }
            None => {
                wires().for_each(|wire| is_over[wire] = true);
                rest_of_b.push(*gate);
            }
        }
    }
    let rest_of_a = a.iter().zip(is_common).filter(|(_, is_common)| !is_common).map(|(gate, _)| *gate).collect();
    [rest_of_a, rest_of_b]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block_distance;
    use bqc_circuit::{BlockCircuit, BlockQubit};
    use bqc_linalg::Stream;

    fn rest(a: &BlockCircuit, b: &BlockCircuit) -> [BlockCircuit; 2] {
        let place = (0..a.width()).map(|wire| (BlockQubit(wire), usize::from(wire))).collect();
        without_common(&a.gates, &b.gates, &place).map(|gates| {
            let mut block = BlockCircuit::new(a.width());
            block.gates.extend(gates.into_iter().copied());
            block
        })
    }

    #[test]
    fn the_distance_of_the_rest_is_that_of_the_whole() {
        for seed in 0..500 {
            let mut s = Stream::new(seed, 12, 8);
            let width = 1 + s.below(5) as u16;
            let a = BlockCircuit::random(width, 30, &mut s);
            let mut b = a.clone();
            assert!(rest(&a, &b).iter().all(|rest| rest.gates.is_empty()));
            // Gates on other wires change places; some gates are put in, taken out or exchanged.
            for _ in 0..60 {
                let at = s.below(b.gates.len() - 1);
                if b.gates[at].wires().iter().all(|wire| !b.gates[at + 1].wires().contains(wire)) {
                    b.gates.swap(at, at + 1);
                }
            }
            assert!(rest(&a, &b).iter().all(|rest| rest.gates.is_empty()), "{seed}");
            let n_changes = 1 + s.below(3);
            for _ in 0..n_changes {
                let at = s.below(b.gates.len());
                match s.below(3) {
                    0 => _ = b.gates.remove(at),
                    1 => b.gates.insert(at, LoweredGate::u3(BlockQubit(0), [0.1, 0.2, 0.3])),
                    _ => b.gates[at] = LoweredGate::u3(BlockQubit(width - 1), [0.1, 0.2, 0.3]),
                }
            }
            let [c, d] = rest(&a, &b);
            let (whole, part) = (block_distance(&a, &b).unwrap(), block_distance(&c, &d).unwrap());
            assert!((whole - part).abs() < 1e-13, "{seed}: {whole:e} {part:e}");
        }
    }
}
