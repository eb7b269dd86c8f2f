//! Moves of Hadamards: over a CX and back, cancellation of two, and `H·S·H = S†·H·S†` in both directions.
//!
//! A Hadamard's output is a variable, and other independent variables do as well: `H·H·CX(c,t) = CX(t,c)·H·H` replaces
//! one variable by its sum with another. Two neighbouring Hadamards are a sum over the variable between them: without
//! a rotation on it, the variable behind equals the parity in front, and is replaced by it everywhere (the rules HH
//! and ω of Amy, arXiv:1805.06908).

use super::angle::Angle;
use super::chance::Chance;
use super::network::Gate;
use super::phases::NONE;
use super::sum::{PathSum, variable};

impl PathSum {
    /// `CX(c,t)` at `i`, then `H(c) H(t)`, one of them at `j`: becomes `H(c) H(t) CX(t,c)`. The variable that comes
    /// out on c becomes the sum of the two.
    pub(super) fn hadamards_first(&mut self, i: usize, j: usize) {
        let (g, h) = (*self.network.gate(i), *self.network.gate(j));
        let other = if h.t == g.c { g.t } else { g.c };
        let Some(k) = self.network.next(i + 1, other, other) else { return };
        let m = *self.network.gate(k);
        if !m.is_h() || k < j {
            return;
        }
        let (on_c, on_t) = if h.t == g.c { (h, m) } else { (m, h) };
        let mut new = [
            Gate::h(g.c, g.lc, on_c.lt ^ on_t.lt, on_c.sign),
            Gate::h(g.t, g.lt, on_t.lt, on_t.sign ^ on_c.sign),
            Gate::cx(g.t, g.c, on_t.lt, on_c.lt ^ on_t.lt),
        ];
        if self.exchange(&[g.rotation, h.rotation, m.rotation], &mut new) {
            self.network.remove(k);
            self.replace(i, j, &new);
        }
    }

    /// The way back: `H(c) H(t)`, then `CX(c,t)` at `i`, becomes `CX(t,c) H(c) H(t)`.
    pub(super) fn hadamards_last(&mut self, i: usize) {
        let g = *self.network.gate(i);
        let Some(at_c) = self.network.previous(i, g.c, g.c) else { return };
        let on_c = *self.network.gate(at_c);
        if !on_c.is_h() {
            return;
        }
        let Some(at_t) = self.network.previous(i, g.t, g.t) else { return };
        let on_t = *self.network.gate(at_t);
        if !on_t.is_h() {
            return;
        }
        let mut new = [
            Gate::cx(g.t, g.c, on_t.lc, on_c.lc),
            Gate::h(g.c, on_c.lc ^ on_t.lc, on_c.lt, on_c.sign ^ on_t.sign),
            Gate::h(g.t, on_t.lc, on_c.lt ^ on_t.lt, on_t.sign),
        ];
        if self.exchange(&[g.rotation, on_c.rotation, on_t.rotation], &mut new) {
            // Nothing touches either wire between its Hadamard and the CX, so all three can stand there.
            self.network.remove(at_c);
            self.replace(at_t, i, &new);
        }
    }

    /// Two Hadamards that follow each other on a wire, at `i` and `j`.
    pub(super) fn two_hadamards(&mut self, i: usize, j: usize) {
        let g = *self.network.gate(i);
        let sign = if g.sign { Angle::HALF } else { Angle::ZERO };
        match (self.phases.angle(g.rotation) + sign).quarters() {
            Some(quarters) if quarters % 2 == 0 => self.cancel(i, j, quarters == 2),
            Some(quarters) => self.join(i, j, Angle::eighths(2 * quarters)),
            None => {}
        }
    }

    /// `H · S^±1 · H` becomes `S^∓1 · H · S^∓1`: one variable less. The Hadamard of `j` goes.
    fn join(&mut self, i: usize, j: usize, inner: Angle) {
        let (g, mut h) = (*self.network.gate(i), *self.network.gate(j));
        if g.rotation != NONE {
            self.phases.set_angle(g.rotation, Angle::ZERO);
            self.phases.lose(g.rotation);
        }
        // The later one's parity is what comes out, so the gate itself stays, with the first one's input.
        h.lc = g.lc;
        self.network.remove(i);
        self.network.put(j, h);
        self.turn(g.lc, -inner);
        self.turn(h.lt, -inner);
    }

    /// The way back: the Hadamard at `i` becomes two.
    pub(super) fn split(&mut self, i: usize, chance: &mut Chance) {
        let h = *self.network.gate(i);
        let bits = chance.stream.bits();
        let inner = if bits >> 63 == 0 { Angle::QUARTER } else { -Angle::QUARTER };
        let middle = variable(&mut chance.stream);
        let mut second = h;
        second.lc = middle;
        self.network.put(i, second);
        self.network.insert(i, Gate::h(h.t, h.lc, middle, false));
        self.turn(middle, inner);
        self.turn(h.lc, inner);
        self.turn(h.lt, inner);
    }

    /// `H · H = 1`, and `H · Z · H = X` where `is_flip`: what is behind becomes what was in front, everywhere.
    fn cancel(&mut self, i: usize, j: usize, is_flip: bool) {
        let (g, h) = (*self.network.gate(i), *self.network.gate(j));
        let by = g.lc ^ h.lt;
        if h.sign {
            self.network.add_sign(i, g.t, &mut self.scratch.wires);
        }
        if g.rotation != NONE {
            self.phases.set_angle(g.rotation, Angle::ZERO);
        }
        self.scratch.rotations.clear();
        self.move_rotation(&h, by, is_flip);
        self.network.remove(i);
        self.network.remove(j);
        self.substitute(j, g.t, by, is_flip);
        for k in 0..self.scratch.rotations.len() {
            let (label, angle) = self.scratch.rotations[k];
            self.add_angle(label, angle);
        }
        self.refresh();
        self.settle_signs();
    }

    /// Takes the rotation off what a gate carries, to be put on the parity that it becomes.
    fn move_rotation(&mut self, gate: &Gate, by: u128, is_flip: bool) {
        let angle = self.phases.angle(gate.rotation);
        if !angle.is_zero() {
            self.phases.set_angle(gate.rotation, Angle::ZERO);
            self.scratch.rotations.push((gate.out() ^ by, angle.negated_if(is_flip)));
        }
    }

    /// Adds `by` to every parity from place `from` on that holds the variable which `wire` carries there, and 1 besides
    /// where `is_flip`: as a constant, which changes angles' signs, Hadamards' signs and the outputs.
    fn substitute(&mut self, from: usize, wire: u16, by: u128, is_flip: bool) {
        let mut holds = std::mem::take(&mut self.scratch.wires);
        holds.clear();
        holds.resize(self.network.inputs.len(), false);
        holds[wire as usize] = true;
        for at in from..self.network.n_slots() {
            let gate = *self.network.gate(at);
            let (c, t) = (gate.c as usize, gate.t as usize);
            if self.network.is_hole(at) || !holds[c] && !holds[t] {
                continue;
            }
            let mut new = gate;
            if gate.is_h() {
                new.lc ^= by;
                new.sign ^= is_flip;
                holds[t] = false;
            } else {
                new.lc ^= if holds[c] { by } else { 0 };
                new.lt ^= if holds[t] { by } else { 0 };
                holds[t] ^= holds[c];
            }
            if holds[t] {
                self.move_rotation(&gate, by, is_flip);
            }
            self.network.put(at, new);
        }
        if is_flip {
            self.network.output_flips.iter_mut().zip(&holds).for_each(|(flip, &is_held)| *flip ^= is_held);
        }
        self.scratch.wires = holds;
    }
}
