//! Moves of two or three neighbouring CX: they cancel, change places, or become three; three become two or turn.
//!
//! All are identities of CX networks (Iwama, Kambayashi, Yamashita, DAC 2002). That a rotation between them is in the
//! way does not matter as long as some wire carries its parity elsewhere.

use super::chance::Chance;
use super::network::{Gate, Network};
use super::sum::PathSum;

impl PathSum {
    /// Gate `i`, a CX, and gate `j`, the next CX on one of its wires.
    pub(super) fn neighbours(&mut self, i: usize, j: usize, dice: u32, chance: &mut Chance) {
        let (g, h) = (*self.network.gate(i), *self.network.gate(j));
        let is_growth = dice & 24 == 0;
        if is_growth && (g.t == h.t) != (g.c == h.c) {
            if chance.allows(self.network.n_cx(), 1) {
                let (a, b) = if dice & 32 == 0 { (g, h) } else { (h, g) };
                self.grow(i, j, a, b);
            }
        } else if g.t == h.t && g.c == h.c {
            self.replace_if_possible(i, j, [g, h], []);
        } else if g.t == h.t {
            let new = [Gate::cx(h.c, h.t, h.lc, g.lt), Gate::cx(g.c, g.t, g.lc, g.lt ^ h.lc)];
            self.replace_if_possible(i, j, [g, h], new);
        } else if g.c == h.c {
            self.replace(i, j, &[h, g]);
        } else if g.t == h.c && g.c == h.t {
            self.triple(i, j);
        } else {
            self.pass(i, j, dice & 64 == 0, chance);
        }
    }

    fn replace_if_possible<const N: usize>(&mut self, i: usize, j: usize, old: [Gate; 2], mut new: [Gate; N]) {
        if self.exchange(&old.map(|gate| gate.rotation), &mut new) {
            self.replace(i, j, &new);
        }
    }

    /// Two CX with one target, or with one control, as three.
    fn grow(&mut self, i: usize, j: usize, a: Gate, b: Gate) {
        let new = if a.t == b.t {
            [
                Gate::cx(b.c, a.c, b.lc, a.lc),
                Gate::cx(a.c, a.t, a.lc ^ b.lc, self.network.gate(i).lt),
                Gate::cx(b.c, a.c, b.lc, a.lc ^ b.lc),
            ]
        } else {
            [
                Gate::cx(a.t, b.t, a.lt, b.lt),
                Gate::cx(a.c, a.t, a.lc, a.lt),
                Gate::cx(a.t, b.t, a.lt ^ a.lc, b.lt ^ a.lt),
            ]
        };
        self.replace_if_possible(i, j, [a, b], new);
    }

    /// `CX(a,b) CX(b,a) CX(a,b) = CX(b,a) CX(a,b) CX(b,a)`: both swap.
    fn triple(&mut self, i: usize, j: usize) {
        let (g, h) = (*self.network.gate(i), *self.network.gate(j));
        let Some(k) = self.network.next(j + 1, g.c, g.t) else { return };
        let m = *self.network.gate(k);
        if m.is_h() || m.c != g.c || m.t != g.t {
            return;
        }
        let mut new = [
            Gate::cx(g.t, g.c, g.lt, g.lc),
            Gate::cx(g.c, g.t, g.lc ^ g.lt, g.lt),
            Gate::cx(g.t, g.c, g.lc, g.lc ^ g.lt),
        ];
        if self.exchange(&[g.rotation, h.rotation, m.rotation], &mut new) {
            self.network.remove(j);
            self.replace(i, k, &new);
        }
    }

    /// Two CX that do not commute change places. A third one makes up for it, first or last; where such a CX stands
    /// there already, it goes away instead.
    fn pass(&mut self, i: usize, j: usize, extra_first: bool, chance: &mut Chance) {
        let (g, h) = (*self.network.gate(i), *self.network.gate(j));
        let is_forward = g.t == h.c;
        let (c, t) = if is_forward { (g.c, h.t) } else { (h.c, g.t) };
        if let Some(k) = twin(&self.network, [c, t], i, j, extra_first) {
            let shift = match (extra_first, is_forward) {
                (false, _) => 0,
                (true, true) => g.lc,
                (true, false) => h.lc,
            };
            let mut new = if is_forward {
                [Gate::cx(h.c, h.t, g.lt, h.lt ^ shift), Gate::cx(g.c, g.t, g.lc, g.lt)]
            } else {
                [Gate::cx(h.c, h.t, h.lc, h.lt), Gate::cx(g.c, g.t, g.lc ^ h.lc, g.lt ^ shift)]
            };
            if self.exchange(&[g.rotation, h.rotation, self.network.gate(k).rotation], &mut new) {
                self.network.remove(k);
                self.replace(i, j, &new);
            }
            return;
        }
        if !chance.allows(self.network.n_cx(), 1) {
            return;
        }
        self.replace_if_possible(i, j, [g, h], with_extra(g, h, is_forward, extra_first));
    }
}

/// `h` before `g`, which do not commute, with the CX that makes up for it.
fn with_extra(g: Gate, h: Gate, is_forward: bool, extra_first: bool) -> [Gate; 3] {
    match (is_forward, extra_first) {
        (true, false) => {
            [Gate::cx(h.c, h.t, g.lt, h.lt), Gate::cx(g.c, g.t, g.lc, g.lt), Gate::cx(g.c, h.t, g.lc, h.lt ^ g.lt)]
        }
        (true, true) => {
            [Gate::cx(g.c, h.t, g.lc, h.lt), Gate::cx(h.c, h.t, g.lt, h.lt ^ g.lc), Gate::cx(g.c, g.t, g.lc, g.lt)]
        }
        (false, false) => [
            Gate::cx(h.c, h.t, h.lc, h.lt),
            Gate::cx(g.c, g.t, g.lc ^ h.lc, g.lt),
            Gate::cx(h.c, g.t, h.lc, g.lt ^ g.lc ^ h.lc),
        ],
        (false, true) => [
            Gate::cx(h.c, g.t, h.lc, g.lt),
            Gate::cx(h.c, h.t, h.lc, h.lt),
            Gate::cx(g.c, g.t, g.lc ^ h.lc, g.lt ^ h.lc),
        ],
    }
}

/// A gate CX(c, t) before the neighbours `i` and `j`, or after them, that can come to `j` without changing anything,
/// gate `i` aside.
fn twin(network: &Network, [c, t]: [u16; 2], i: usize, j: usize, is_before: bool) -> Option<usize> {
    let mut at = j;
    loop {
        at = if is_before { network.previous(at, c, t) } else { network.next(at + 1, c, t) }?;
        let gate = network.gate(at);
        if at == i {
            continue;
        }
        if gate.is_h() || gate.c != c {
            return None;
        }
        if gate.t == t {
            return Some(at);
        }
    }
}
