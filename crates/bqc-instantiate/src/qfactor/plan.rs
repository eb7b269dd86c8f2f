//! The steps of a sweep: a template rearranged so that each pass over the states does the most.
//!
//! Free one-qubit gates are taken in pairs, and a CX directly before a pair on the same wires
//! joins it: one pass contracts both environments and one applies CX and gates together. Gates only
//! move past gates on other wires, so the circuit stays the same.

use crate::ops::Op;
use crate::template::{Template, TemplateGate};
use bqc_linalg::lanes::two_qubit::Pair;

/// One step; `slot`s are indices into the template's values.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "gates are stored flat, so that a pass follows no pointers")]
pub enum Step {
    /// A gate without freedom.
    Fixed(Op),
    /// A free one-qubit gate that found no partner.
    One {
        /// Its value.
        slot: usize,
        /// Its wire.
        qubit: u8,
    },
    /// Two free one-qubit gates on different wires, after a CX (control `b`, target `a`) if `cx`.
    LocalPair {
        /// Values of the gates on `a` and `b`.
        slots: [usize; 2],
        /// The wires.
        pair: Pair,
        /// Whether a CX comes first.
        cx: bool,
    },
    /// A free two-qubit gate.
    Two {
        /// Its value.
        slot: usize,
        /// Its wires.
        pair: Pair,
    },
}

/// The steps of a template, in order.
pub fn steps(template: &Template) -> Vec<Step> {
    Planner::new(template).run()
}

struct Planner<'a> {
    gates: &'a [TemplateGate],
    /// Value index of each gate, where it has one.
    slots: Vec<usize>,
    /// Gates of each wire in order.
    of_wire: Vec<Vec<usize>>,
    /// How many gates of each wire are planned.
    done: Vec<usize>,
    planned: Vec<bool>,
}

fn wires(gate: &TemplateGate) -> Vec<u8> {
    match *gate {
        TemplateGate::Fixed(Op::Cx { control, target }) => vec![control, target],
        TemplateGate::Fixed(Op::One { qubit, .. }) | TemplateGate::FreeOne { qubit } => vec![qubit],
        TemplateGate::Fixed(Op::Two { pair, .. }) | TemplateGate::FreeTwo { pair } => vec![pair.a, pair.b],
    }
}

impl<'a> Planner<'a> {
    fn new(template: &'a Template) -> Planner<'a> {
        let gates = template.gates();
        let n = usize::from(template.width());
        let mut of_wire = vec![Vec::new(); n];
        let mut slots = Vec::with_capacity(gates.len());
        let mut n_free = 0;
        for (index, gate) in gates.iter().enumerate() {
            wires(gate).iter().for_each(|&w| of_wire[usize::from(w)].push(index));
            slots.push(n_free);
            n_free += usize::from(!matches!(gate, TemplateGate::Fixed(_)));
        }
        Planner { gates, slots, of_wire, done: vec![0; n], planned: vec![false; gates.len()] }
    }

    fn run(mut self) -> Vec<Step> {
        let mut steps = Vec::with_capacity(self.gates.len());
        for index in 0..self.gates.len() {
            if self.planned[index] {
                continue;
            }
            self.take(index);
            steps.push(match self.gates[index] {
                TemplateGate::Fixed(op @ Op::Cx { control, target }) => self.after_cx(op, control, target),
                TemplateGate::Fixed(op) => Step::Fixed(op),
                TemplateGate::FreeTwo { pair } => Step::Two { slot: self.slots[index], pair },
                TemplateGate::FreeOne { qubit } => self.with_partner(index, qubit),
            });
        }
        steps
    }

    /// The next gate of a wire, if it is a free one-qubit gate.
    fn next_free_one(&self, wire: u8) -> Option<usize> {
        let index = *self.of_wire[usize::from(wire)].get(self.done[usize::from(wire)])?;
        matches!(self.gates[index], TemplateGate::FreeOne { .. }).then_some(index)
    }

    fn take(&mut self, index: usize) {
        self.planned[index] = true;
        wires(&self.gates[index]).iter().for_each(|&w| self.done[usize::from(w)] += 1);
    }

    fn after_cx(&mut self, op: Op, control: u8, target: u8) -> Step {
        let (Some(on_target), Some(on_control)) = (self.next_free_one(target), self.next_free_one(control)) else {
            return Step::Fixed(op);
        };
        self.take(on_target);
        self.take(on_control);
        let slots = [self.slots[on_target], self.slots[on_control]];
        Step::LocalPair { slots, pair: Pair { a: target, b: control }, cx: true }
    }

    fn with_partner(&mut self, index: usize, qubit: u8) -> Step {
        let others = (0..self.of_wire.len() as u8).filter(|&w| w != qubit);
        let partner = others.filter_map(|w| self.next_free_one(w).map(|k| (w, k))).next();
        match partner {
            Some((wire, partner)) => {
                self.take(partner);
                let slots = [self.slots[index], self.slots[partner]];
                Step::LocalPair { slots, pair: Pair { a: qubit, b: wire }, cx: false }
            }
            None => Step::One { slot: self.slots[index], qubit },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use bqc_circuit::BlockQubit;
    use bqc_linalg::{Stream, phase_distance};

    /// The steps written out as gates again.
    fn ops_of(steps: &[Step], template: &Template, values: &crate::template::Values) -> Vec<Op> {
        let value = |slot: usize| values.0[slot];
        let one = |slot: usize, qubit: u8| match value(slot) {
            crate::template::FreeValue::One(value) => Op::One { qubit, value },
            crate::template::FreeValue::Two(_) => panic!("wrong slot"),
        };
        assert!(template.check_values(values).is_ok());
        let mut ops = Vec::new();
        for step in steps {
            match *step {
                Step::Fixed(op) => ops.push(op),
                Step::One { slot, qubit } => ops.push(one(slot, qubit)),
                Step::LocalPair { slots, pair, cx } => {
                    if cx {
                        ops.push(Op::Cx { control: pair.b, target: pair.a });
                    }
                    ops.extend([one(slots[0], pair.a), one(slots[1], pair.b)]);
                }
                Step::Two { slot, pair } => match value(slot) {
                    crate::template::FreeValue::Two(value) => ops.push(Op::Two { pair, value }),
                    crate::template::FreeValue::One(_) => panic!("wrong slot"),
                },
            }
        }
        ops
    }

    #[test]
    fn the_steps_are_the_same_circuit() {
        let mut s = Stream::new(0, 7, 0);
        for n in 1..=4u8 {
            for _ in 0..20 {
                let mut t = Template::new(n).unwrap();
                for _ in 0..s.below(25) {
                    let a = BlockQubit(s.below(n.into()) as u16);
                    let b = BlockQubit((a.0 + 1 + s.below((usize::from(n) - 1).max(1)) as u16) % u16::from(n));
                    match s.below(if n == 1 { 2 } else { 5 }) {
                        0 => t.push_free_one(a).unwrap(),
                        1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
                        2 => t.push_free_two(a, b).unwrap(),
                        _ => {
                            t.push_cx(a, b).unwrap();
                            t.push_free_one(a).unwrap();
                            t.push_free_one(b).unwrap();
                        }
                    }
                }
                let values = t.random_values(&mut s);
                let mut columns = bqc_linalg::Matrix::identity(1 << n);
                reference::apply(&ops_of(&steps(&t), &t, &values), &mut columns);
                assert!(phase_distance(&columns, &reference::unitary(&t, &values)) < 1e-14);
            }
        }
    }

    #[test]
    fn a_cx_template_becomes_one_step_a_cx() {
        let mut t = Template::new(3).unwrap();
        let q = BlockQubit;
        (0..3).for_each(|w| t.push_free_one(q(w)).unwrap());
        t.push_cx(q(2), q(0)).unwrap();
        t.push_free_one(q(2)).unwrap();
        t.push_free_one(q(0)).unwrap();
        let pair = |a, b| Pair { a, b };
        assert_eq!(
            steps(&t),
            [
                Step::LocalPair { slots: [0, 1], pair: pair(0, 1), cx: false },
                Step::One { slot: 2, qubit: 2 },
                Step::LocalPair { slots: [4, 3], pair: pair(0, 2), cx: true },
            ]
        );
    }
}
