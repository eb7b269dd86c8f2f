//! What two circuits begin and end with in common, which no comparison needs.
//!
//! A gate of one is common if on all its wires the other goes on with the same gate, to the last bit, and so does
//! everything before it. What is common at the beginning is one factor of both unitaries, and at the end another, and
//! the phase distance is that of the rest. So a change of one place is measured there alone, and the rounding of all
//! other angles does not count.

use bqc_circuit::{LoweredGate, Wire};

type Gates<'a, W> = Vec<&'a LoweredGate<W>>;

/// A number for each wire that is used.
pub(crate) struct Numbers {
    /// `[wire]`: its number.
    of_wire: Vec<u32>,
    n: usize,
}

/// Stands where there is no number, or no gate.
const NONE: u32 = u32::MAX;

impl Numbers {
    /// In the order in which gates name wires. Linear in them and in the largest index of a wire.
    fn of<'a, W: Wire>(gates: impl Iterator<Item = &'a LoweredGate<W>>) -> Numbers {
        let (mut of_wire, mut n) = (Vec::new(), 0);
        for wire in gates.flat_map(|gate| gate.wires()) {
            let index = wire.index();
            if index >= of_wire.len() {
                of_wire.resize(index + 1, NONE);
            }
            if of_wire[index] == NONE {
                of_wire[index] = n;
                n += 1;
            }
        }
        Numbers { of_wire, n: n as usize }
    }

    /// The number of a wire that is used.
    pub(crate) fn get<W: Wire>(&self, wire: &W) -> usize {
        self.of_wire[wire.index()] as usize
    }
}

/// What two circuits do not have in common, as the circuit that is the identity if they are equal: the rest of the
/// original and, backwards, the inverses of the rest of the candidate.
pub(crate) struct Difference<'a, W> {
    original: Gates<'a, W>,
    candidate: Gates<'a, W>,
    place: Numbers,
}

impl<'a, W: Wire> Difference<'a, W> {
    /// Linear.
    pub(crate) fn of(original: &'a [LoweredGate<W>], candidate: &'a [LoweredGate<W>]) -> Difference<'a, W> {
        let place = Numbers::of(original.iter().chain(candidate));
        let [original, candidate] = without_common(original, candidate, &place);
        let place = Numbers::of(original.iter().chain(&candidate).copied());
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
        self.place.n
    }

    /// Gives `push` each gate, the numbers of the wires, and whether the gate is to be inverted, first to last. None as
    /// soon as `push` gives none.
    pub(crate) fn push_all(&self, mut push: impl FnMut(&LoweredGate<W>, &Numbers, bool) -> Option<()>) -> Option<()> {
        self.original.iter().try_for_each(|gate| push(gate, &self.place, false))?;
        self.candidate.iter().rev().try_for_each(|gate| push(gate, &self.place, true))
    }
}

/// The gates of both without those in common at either end, in their order. `place` numbers the wires. Linear.
fn without_common<'a, W: Wire>(a: &'a [LoweredGate<W>], b: &'a [LoweredGate<W>], place: &Numbers) -> [Gates<'a, W>; 2] {
    let mut rest = [a.iter().collect(), b.iter().collect()];
    // From the beginning, and then, backwards, from the end.
    for _ in 0..2 {
        rest = without_common_beginning(&rest, place);
        rest.iter_mut().for_each(|gates| gates.reverse());
    }
    rest
}

fn without_common_beginning<'a, W: Wire>([a, b]: &[Gates<'a, W>; 2], place: &Numbers) -> [Gates<'a, W>; 2] {
    // `[wire]`: the next gate of `a` on it, and `[gate][wire of the gate]`: the one after that. A wire on which nothing
    // is common any more has none.
    let mut next = vec![NONE; place.n];
    let mut after = vec![[NONE; 2]; a.len()];
    for (index, gate) in a.iter().enumerate().rev() {
        for (wire, after) in gate.wires().iter().zip(&mut after[index]) {
            *after = std::mem::replace(&mut next[place.get(wire)], index as u32);
        }
    }
    let mut is_common = vec![false; a.len()];
    let mut rest_of_b = Vec::new();
    let mut n_open = next.iter().filter(|next| **next != NONE).count();
    for (at, gate) in b.iter().enumerate() {
        if n_open == 0 {
            rest_of_b.extend(&b[at..]);
            break;
        }
        let wires = gate.wires();
        let first = next[place.get(&wires[0])];
        // The same gate has the same wires, so it has to be the next on each.
        let is_twin =
            first != NONE && a[first as usize].is_same(gate) && wires.iter().all(|wire| next[place.get(wire)] == first);
        let after = if is_twin { after[first as usize] } else { [NONE; 2] };
        for (wire, after) in wires.iter().zip(after) {
            let next = &mut next[place.get(wire)];
            n_open -= usize::from(*next != NONE && after == NONE);
            *next = after;
        }
        match is_twin {
            true => is_common[first as usize] = true,
            false => rest_of_b.push(*gate),
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
        let place = Numbers::of(a.gates.iter().chain(&b.gates));
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
