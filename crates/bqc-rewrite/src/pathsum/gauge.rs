//! Moves of controlled signs, from one Hadamard to another or into the phase polynomial and back.
//!
//! A CX in front of a Hadamard on its target, from a wire that carries p, adds the sign (−1)^(p·z) to the path sum,
//! where z is what comes out; behind the Hadamard it does so with z for what goes in. That sign is also
//! S(p)·S(z)·S†(p+z), which costs nothing where those parities have rotations anyway; and where p, z or p+z goes into
//! or comes out of another Hadamard, it can stand there. The relative-phase Toffoli (Margolus; Maslov,
//! arXiv:1508.03273) is a case of it.

use super::angle::Angle;
use super::chance::Chance;
use super::network::Gate;
use super::phases::{Label, NONE};
use super::sum::PathSum;

/// A CX next to a Hadamard on its target.
#[derive(Clone, Copy)]
enum Edit {
    /// Takes away the CX at this place.
    Remove(usize),
    /// Puts one in, with this control.
    Insert(u16),
}

/// A controlled sign at a Hadamard that comes or goes.
#[derive(Clone, Copy)]
struct Sign {
    /// Place of the Hadamard.
    at: usize,
    /// Whether the CX is behind the Hadamard.
    is_behind: bool,
    /// What the CX's control carries.
    p: Label,
    edit: Edit,
}

impl Sign {
    fn growth(&self) -> i32 {
        match self.edit {
            Edit::Remove(_) => -1,
            Edit::Insert(_) => 1,
        }
    }
}

impl PathSum {
    /// Moves a controlled sign at the Hadamard at `at`.
    pub(super) fn gauge(&mut self, at: usize, chance: &mut Chance) {
        let h = *self.network.gate(at);
        let dice = chance.stream.bits();
        let is_behind = dice & 1 == 1;
        let z = if is_behind { h.lc } else { h.lt };
        let Some(sign) = self.sign_at(at, is_behind, dice & 2 == 0, chance) else { return };
        let p = sign.p;
        if p == z || p == 0 {
            return;
        }
        if dice & 4 == 0 {
            self.sign_to_phases(sign, z, chance);
        } else {
            self.sign_to_hadamard(sign, z, dice, chance);
        }
    }

    /// The CX next to a Hadamard, to be removed, or one from a random wire, to be inserted.
    fn sign_at(&self, at: usize, is_behind: bool, may_remove: bool, chance: &mut Chance) -> Option<Sign> {
        if may_remove && let Some(cx) = self.neighbour_of(at, is_behind) {
            return Some(Sign { at, is_behind, p: self.network.gate(cx).lc, edit: Edit::Remove(cx) });
        }
        let control = chance.below(self.network.n_wires() as usize) as u16;
        let p = self.network.label_before(at, control);
        (control != self.network.gate(at).t).then_some(Sign { at, is_behind, p, edit: Edit::Insert(control) })
    }

    /// The CX that stands next to a Hadamard and has the Hadamard's wire as its target.
    fn neighbour_of(&self, at: usize, is_behind: bool) -> Option<usize> {
        let wire = self.network.gate(at).t;
        let next =
            if is_behind { self.network.next(at + 1, wire, wire) } else { self.network.previous(at, wire, wire) };
        next.filter(|&k| !self.network.gate(k).is_h() && self.network.gate(k).t == wire)
    }

    fn sign_to_phases(&mut self, sign: Sign, z: Label, chance: &mut Chance) {
        let p = sign.p;
        // A CX with p+z somewhere is the rarest of the conditions.
        if !self.network.may_carry(p ^ z)
            || !chance.allows(self.network.n_cx(), sign.growth())
            || !self.is_carried(p ^ z)
        {
            return;
        }
        if self.edit(&[sign]) {
            self.turn(p, Angle::QUARTER);
            self.turn(z, Angle::QUARTER);
            self.turn(p ^ z, -Angle::QUARTER);
        }
    }

    /// The two edits cannot meet: taking the same CX, or one reading a wire where the other changes its parity. For p and
    /// z span what l and q span. In front of a Hadamard, z holds the variable that comes out, and no wire before has
    /// it, so an edit there has another span. Behind it, p and z lack that variable, and between Hadamard and CX, the
    /// stretch that changes, the wire's parity has it.
    fn sign_to_hadamard(&mut self, sign: Sign, z: Label, dice: u64, chance: &mut Chance) {
        let p = sign.p;
        let Some((at, is_behind)) = self.hadamard_with([p, z, p ^ z], sign.at, dice & 8 == 0, chance) else { return };
        let h = self.network.gate(at);
        let l = if is_behind { h.lc } else { h.lt };
        // p·z as a product of l and another one of the three parities.
        let others = if l == p { [z, p ^ z] } else { [p, if l == z { p ^ z } else { z }] };
        let q = others[(dice >> 4 & 1) as usize];
        let edit = match self.neighbour_of(at, is_behind).filter(|&cx| self.network.gate(cx).lc == q) {
            Some(cx) => Edit::Remove(cx),
            None => match self.control_with(q, at, chance) {
                Some(control) => Edit::Insert(control),
                None => return,
            },
        };
        let other = Sign { at, is_behind, p: q, edit };
        if chance.allows(self.network.n_cx(), sign.growth() + other.growth()) && self.edit(&[sign, other]) {
            // (p+z)·p = p·z + p: where p+z is a factor, the other factor's sign, or the one that is not, is left.
            if l == p ^ z {
                self.add_sign(q);
            } else if q == p ^ z {
                self.add_sign(l);
            }
        }
    }

    /// A Hadamard other than the one at `but` with one of these parities on a side, and which side.
    fn hadamard_with(
        &self,
        labels: [Label; 3],
        but: usize,
        prefers_behind: bool,
        chance: &mut Chance,
    ) -> Option<(usize, bool)> {
        let n = self.network.n_hadamards();
        let first = chance.below(n);
        (first..n).chain(0..first).map(|number| self.network.hadamard(number)).filter(|&at| at != but).find_map(|at| {
            let h = self.network.gate(at);
            match (labels.contains(&h.lt), labels.contains(&h.lc)) {
                (false, false) => None,
                (true, true) => Some((at, prefers_behind)),
                (_, is_behind) => Some((at, is_behind)),
            }
        })
    }

    /// A wire other than the Hadamard's that carries the parity at that moment.
    fn control_with(&self, label: Label, at: usize, chance: &mut Chance) -> Option<u16> {
        if !self.network.may_carry(label) {
            return None;
        }
        let (n, own) = (self.network.n_wires(), self.network.gate(at).t);
        let first = chance.below(n as usize) as u16;
        (first..n).chain(0..first).find(|&wire| wire != own && self.network.label_before(at, wire) == label)
    }

    /// Carries out one edit, or two at different Hadamards, unless a rotation would lose its place.
    fn edit(&mut self, signs: &[Sign]) -> bool {
        let mut lost = [NONE; 2];
        let mut gained = [Gate::cx(0, 0, 0, 0); 2];
        let mut n_gained = 0;
        for (sign, lost) in signs.iter().zip(&mut lost) {
            let h = self.network.gate(sign.at);
            match sign.edit {
                Edit::Remove(cx) if !sign.is_behind => *lost = self.network.gate(cx).rotation,
                // The Hadamard will put out what the CX does.
                Edit::Remove(_) => *lost = h.rotation,
                Edit::Insert(control) => {
                    gained[n_gained] = match sign.is_behind {
                        false => Gate::cx(control, h.t, sign.p, h.lc),
                        true => h.with_lt(h.lt ^ sign.p),
                    };
                    n_gained += 1;
                }
            }
        }
        if !self.exchange(&lost, &mut gained[..n_gained]) {
            return false;
        }
        self.carry_out_edit(signs, &gained);
        true
    }

    fn carry_out_edit(&mut self, signs: &[Sign], gained: &[Gate; 2]) {
        let mut gained = gained.iter();
        let mut inserted = [(0, Gate::cx(0, 0, 0, 0)); 2];
        let mut n_inserted = 0;
        let mut left = [0; 2];
        for (sign, left) in signs.iter().zip(&mut left) {
            let mut h = *self.network.gate(sign.at);
            // The variable that comes out becomes its sum with p, and so does a sign on it.
            *left = if sign.is_behind && h.sign { sign.p } else { 0 };
            match sign.edit {
                Edit::Remove(cx) => {
                    if sign.is_behind {
                        (h.lt, h.rotation) = (h.lt ^ sign.p, self.network.gate(cx).rotation);
                    } else {
                        h.lc ^= sign.p;
                    }
                    self.network.remove(cx);
                    self.network.put(sign.at, h);
                }
                Edit::Insert(control) => {
                    let new = *gained.next().expect("an insertion gains a parity");
                    let cx = if sign.is_behind {
                        self.network.put(sign.at, new);
                        Gate::cx(control, h.t, sign.p, new.lt).carrying(h.rotation)
                    } else {
                        h.lc ^= sign.p;
                        self.network.put(sign.at, h);
                        new
                    };
                    inserted[n_inserted] = (sign.at + sign.is_behind as usize, cx);
                    n_inserted += 1;
                }
            }
        }
        self.insert_signs(&mut inserted[..n_inserted]);
        left.into_iter().filter(|&p| p != 0).for_each(|p| self.add_sign(p));
    }

    /// Puts in the CX of one edit or two, each just before its place.
    fn insert_signs(&mut self, inserted: &mut [(usize, Gate)]) {
        inserted.sort_by_key(|&(place, _)| place);
        match *inserted {
            [(place, cx)] => _ = self.network.insert(place, cx),
            [first, second] => self.network.insert_two([first, second]),
            _ => {}
        }
    }
}
