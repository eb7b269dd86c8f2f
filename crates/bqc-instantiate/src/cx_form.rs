//! Any template as CX gates with one-qubit gates between them, and back: the form in which
//! Levenberg–Marquardt works.
//!
//! A free two-qubit gate becomes three CX with free gates in all eight places around them, which is
//! enough for every unitary (Vatan, Williams, quant-ph/0308006); a constant one becomes its own circuit.
//! Neighbouring one-qubit gates on a wire are one slot of the [`CxTemplate`]: a product of *pieces*,
//! frozen if all of them are constant. On the way back the change of a slot goes to its first free
//! piece.

use crate::ops::Op;
use crate::template::{FreeValue, Template, TemplateGate, Values};
use crate::{CxTemplate, Slot};
use bqc_linalg::kak::{Kak, TwoQubitGate};
use bqc_linalg::lanes::two_qubit::Pair;
use bqc_linalg::{Matrix4, Su2};

/// A template in CX form, with the way back.
#[derive(Clone, Debug)]
pub struct CxForm {
    /// The template: its slots hold the values that were given.
    pub cx: CxTemplate,
    /// All one-qubit factors, in the order of the circuit.
    pieces: Vec<Piece>,
    /// Pieces of every slot, first in time first.
    of_slot: Vec<(Slot, Vec<usize>)>,
    /// How each free gate is put together.
    free: Vec<Made>,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    value: Su2,
    is_free: bool,
}

/// How the value of a free gate is made from pieces.
#[derive(Clone, Debug)]
enum Made {
    One(usize),
    Two(Vec<Part>),
}

#[derive(Clone, Copy, Debug)]
enum Part {
    /// A piece on wire 0 or 1 of the pair.
    Piece(u8, usize),
    /// A CX within the pair.
    Cx(TwoQubitGate),
}

impl CxForm {
    /// The form of `template` at `values`. `None` below two wires, where there is no CX template, or if
    /// a two-qubit value is not unitary. Panics if the values are not this template's.
    pub fn new(template: &Template, values: &Values) -> Option<CxForm> {
        if template.width() < 2 {
            return None;
        }
        let mut builder = Builder::new(template.width());
        let ops = template.ops(values);
        let mut free = Vec::new();
        for (gate, op) in template.gates().iter().zip(ops) {
            let is_free = !matches!(gate, TemplateGate::Fixed(_));
            let made = match op {
                Op::Cx { control, target } => {
                    builder.cx(control, target);
                    continue;
                }
                Op::One { qubit, value } => Made::One(builder.piece(qubit, value, is_free)),
                Op::Two { pair, value } => Made::Two(builder.two(pair, &value, is_free)?),
            };
            if is_free {
                free.push(made);
            }
        }
        Some(builder.finish(free))
    }

    /// The values of the template's free gates, from the slots of `cx`.
    pub fn values(&self) -> Values {
        let mut pieces: Vec<Su2> = self.pieces.iter().map(|p| p.value).collect();
        for (slot, of_slot) in &self.of_slot {
            let Some(at) = of_slot.iter().position(|&k| self.pieces[k].is_free) else { continue };
            let product = |ks: &[usize]| ks.iter().fold(Su2::IDENTITY, |u, &k| self.pieces[k].value * u);
            let (before, after) = (product(&of_slot[..at]), product(&of_slot[at + 1..]));
            // slot = after · piece · before
            pieces[of_slot[at]] = (after.dagger() * self.cx.value(*slot) * before.dagger()).normalized();
        }
        let value = |made: &Made| match made {
            Made::One(k) => FreeValue::One(pieces[*k]),
            Made::Two(parts) => FreeValue::Two(parts.iter().fold(Matrix4::identity(), |u, part| {
                let gate = match *part {
                    Part::Piece(wire, k) => TwoQubitGate::One { wire, value: pieces[k] },
                    Part::Cx(gate) => gate,
                };
                gate.matrix() * u
            })),
        };
        Values(self.free.iter().map(value).collect())
    }
}

struct Builder {
    cx: CxTemplate,
    pieces: Vec<Piece>,
    of_slot: Vec<(Slot, Vec<usize>)>,
    /// Index into `of_slot` of the slot that the next one-qubit gate of each wire goes to.
    last: Vec<usize>,
}

impl Builder {
    fn new(width: u8) -> Builder {
        Builder {
            cx: CxTemplate::new(width),
            pieces: Vec::new(),
            of_slot: (0..width).map(|w| (Slot::First(w), Vec::new())).collect(),
            last: (0..usize::from(width)).collect(),
        }
    }

    fn piece(&mut self, wire: u8, value: Su2, is_free: bool) -> usize {
        self.pieces.push(Piece { value, is_free });
        self.of_slot[self.last[usize::from(wire)]].1.push(self.pieces.len() - 1);
        self.pieces.len() - 1
    }

    fn cx(&mut self, control: u8, target: u8) {
        let index = self.cx.n_cx();
        self.cx.push(control, target, Su2::IDENTITY, Su2::IDENTITY);
        for (wire, slot) in [(control, Slot::OnControl(index)), (target, Slot::OnTarget(index))] {
            self.last[usize::from(wire)] = self.of_slot.len();
            self.of_slot.push((slot, Vec::new()));
        }
    }

    /// A two-qubit gate: its own circuit if constant, three CX with gates everywhere if free.
    fn two(&mut self, pair: Pair, value: &Matrix4, is_free: bool) -> Option<Vec<Part>> {
        let circuit = Kak::decompose(value)?.circuit(3);
        let wires = [pair.a, pair.b];
        let mut parts = Vec::new();
        // What the circuit has for a wire since the last CX on it; a free gate gets a piece there in
        // any case.
        let mut pending = [Su2::IDENTITY; 2];
        let mut flush = |builder: &mut Builder, pending: &mut [Su2; 2]| {
            for (wire, value) in pending.iter_mut().enumerate() {
                let k = builder.piece(wires[wire], value.normalized(), is_free);
                parts.push(Part::Piece(wire as u8, k));
                *value = Su2::IDENTITY;
            }
        };
        let mut gates = Vec::new();
        for gate in circuit.gates {
            match gate {
                TwoQubitGate::One { wire, value } => {
                    let pending = &mut pending[usize::from(wire)];
                    *pending = value * *pending;
                }
                TwoQubitGate::Cx { control, target } => {
                    flush(self, &mut pending);
                    self.cx(wires[usize::from(control)], wires[usize::from(target)]);
                    gates.push(gate);
                }
            }
        }
        flush(self, &mut pending);
        // Two pieces, then a CX, and so on: the pieces were listed first.
        let mut gates = gates.into_iter();
        let with_cx =
            parts.chunks(2).flat_map(|two| two.iter().copied().chain(gates.next().map(Part::Cx)).collect::<Vec<_>>());
        Some(with_cx.collect())
    }

    fn finish(mut self, free: Vec<Made>) -> CxForm {
        for (slot, of_slot) in &self.of_slot {
            let value = of_slot.iter().fold(Su2::IDENTITY, |u, &k| self.pieces[k].value * u);
            self.cx.set(*slot, value.normalized());
            self.cx.set_frozen(*slot, !of_slot.iter().any(|&k| self.pieces[k].is_free));
        }
        CxForm { cx: self.cx, pieces: self.pieces, of_slot: self.of_slot, free }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::{Matrix, Stream, phase_distance};

    fn random_template(n: u8, n_gates: usize, s: &mut Stream) -> Template {
        let mut t = Template::new(n).unwrap();
        for _ in 0..n_gates {
            let a = BlockQubit(s.below(n.into()) as u16);
            let b = BlockQubit((a.0 + 1 + s.below(usize::from(n) - 1) as u16) % u16::from(n));
            match s.below(6) {
                0 => t.push_free_one(a).unwrap(),
                1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
                2 => t.push_constant(&[a, b], &Matrix::haar(4, s)).unwrap(),
                3 => t.push_cx(a, b).unwrap(),
                _ => t.push_free_two(a, b).unwrap(),
            }
        }
        t
    }

    #[test]
    fn there_and_back_is_the_same_circuit() {
        let mut s = Stream::new(0, 10, 0);
        for n in 2..=4u8 {
            for _ in 0..20 {
                let t = random_template(n, 8, &mut s);
                let values = t.random_values(&mut s);
                let form = CxForm::new(&t, &values).unwrap();
                let unitary = reference::unitary(&t, &values);
                assert!(phase_distance(&form.cx.to_block().unitary(), &unitary) < 1e-13);
                assert!(phase_distance(&reference::unitary(&t, &form.values()), &unitary) < 1e-13);
                assert_eq!(t.check_values(&form.values()), Ok(()));
            }
        }
    }

    #[test]
    fn changed_slots_come_back_as_changed_values() {
        let mut s = Stream::new(0, 10, 1);
        for _ in 0..20 {
            let t = random_template(3, 8, &mut s);
            let mut form = CxForm::new(&t, &t.random_values(&mut s)).unwrap();
            for slot in form.cx.slots() {
                if !form.cx.is_frozen(slot) {
                    form.cx.set(slot, s.su2());
                }
            }
            let distance = phase_distance(&form.cx.to_block().unitary(), &reference::unitary(&t, &form.values()));
            assert!(distance < 1e-13, "{distance:e}");
        }
    }

    #[test]
    fn one_wire_has_no_cx_form() {
        let mut t = Template::new(1).unwrap();
        t.push_free_one(BlockQubit(0)).unwrap();
        assert!(CxForm::new(&t, &t.identity_values()).is_none());
    }
}
