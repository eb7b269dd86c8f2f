//! Any template as CX gates with one-qubit gates between them: the form in which engines are given candidates.
//!
//! A free two-qubit gate becomes three CX with free gates in all eight places around them, which is
//! enough for every unitary (Vatan, Williams, quant-ph/0308006); a constant one becomes its own circuit.
//! Neighbouring one-qubit gates on a wire are one slot of the [`CxTemplate`], which is frozen if all of them are
//! constant.

use crate::ops::Op;
use crate::template::{Template, TemplateGate, Values};
use crate::{CxTemplate, Slot};
use bqc_linalg::kak::{Kak, TwoQubitGate};
use bqc_linalg::lanes::two_qubit::Pair;
use bqc_linalg::{Matrix4, Su2};

/// The form of `template` at `values`. `None` below two wires, where there is no CX template, or if
/// a two-qubit value is not unitary. Panics if the values are not this template's.
pub fn cx_form(template: &Template, values: &Values) -> Option<CxTemplate> {
    if template.width() < 2 {
        return None;
    }
    let mut builder = Builder::new(template.width());
    for (gate, op) in template.gates().iter().zip(template.ops(values)) {
        let is_free = !matches!(gate, TemplateGate::Fixed(_));
        match op {
            Op::Cx { control, target } => builder.cx(control, target),
            Op::One { qubit, value } => builder.one(qubit, value, is_free),
            Op::Two { pair, value } => builder.two(pair, &value, is_free)?,
        }
    }
    Some(builder.cx)
}

struct Builder {
    cx: CxTemplate,
    /// The slot that the next one-qubit gate of each wire goes to.
    last: Vec<Slot>,
}

impl Builder {
    fn new(width: u8) -> Builder {
        let mut cx = CxTemplate::new(width);
        let last: Vec<Slot> = (0..width).map(Slot::First).collect();
        last.iter().for_each(|slot| cx.set_frozen(*slot, true));
        Builder { cx, last }
    }

    fn one(&mut self, wire: u8, value: Su2, is_free: bool) {
        let slot = self.last[usize::from(wire)];
        self.cx.set(slot, (value * self.cx.value(slot)).normalized());
        if is_free {
            self.cx.set_frozen(slot, false);
        }
    }

    fn cx(&mut self, control: u8, target: u8) {
        let index = self.cx.n_cx();
        self.cx.push(control, target, Su2::IDENTITY, Su2::IDENTITY);
        for (wire, slot) in [(control, Slot::OnControl(index)), (target, Slot::OnTarget(index))] {
            self.cx.set_frozen(slot, true);
            self.last[usize::from(wire)] = slot;
        }
    }

    /// A two-qubit gate: its own circuit if constant, three CX with gates everywhere if free.
    fn two(&mut self, pair: Pair, value: &Matrix4, is_free: bool) -> Option<()> {
        let wires = [pair.a, pair.b];
        let everywhere = |builder: &mut Builder| {
            wires.iter().for_each(|wire| builder.one(*wire, Su2::IDENTITY, is_free));
        };
        everywhere(self);
        for gate in Kak::decompose(value)?.circuit(3).gates {
            match gate {
                TwoQubitGate::One { wire, value } => self.one(wires[usize::from(wire)], value, is_free),
                TwoQubitGate::Cx { control, target } => {
                    self.cx(wires[usize::from(control)], wires[usize::from(target)]);
                    everywhere(self);
                }
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::BlockQubit;

    #[test]
    fn slots_are_free_where_a_gate_is_and_one_wire_has_no_form() {
        let q = BlockQubit;
        let mut t = Template::new(3).unwrap();
        t.push_free_two(q(0), q(1)).unwrap();
        t.push_cx(q(1), q(2)).unwrap();
        t.push_free_one(q(2)).unwrap();
        let cx = cx_form(&t, &t.identity_values()).unwrap();
        // All eight places of the free gate, and the one-qubit gate.
        let n_free = cx.slots().filter(|slot| !cx.is_frozen(*slot)).count();
        assert_eq!((cx.n_cx(), n_free), (4, 9));
        assert!(cx.is_frozen(Slot::First(2)) && !cx.is_frozen(Slot::OnTarget(3)));
        let mut t = Template::new(1).unwrap();
        t.push_free_one(q(0)).unwrap();
        assert!(cx_form(&t, &t.identity_values()).is_none());
    }
}
