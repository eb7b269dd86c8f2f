//! The parameters of a template: which tangents exist, and how a step changes the slots.

use crate::cx_template::{CxTemplate, Slot};
use bqc_linalg::lanes::jacobian::{Pauli, Place, Tangent};
use bqc_linalg::{Complex64, Su2};

/// Writes the tangents of all free slots, in the order of the template.
///
/// After a CX, Z on the control and X on the target commute back to the slot before and are left out
/// unless that slot is frozen: `3n + 4C` parameters instead of `3n + 6C`.
pub(super) fn tangents(template: &CxTemplate, out: &mut Vec<Tangent>) {
    out.clear();
    for slot in template.slots() {
        if template.is_frozen(slot) {
            continue;
        }
        let (place, wire, redundant) = match slot {
            Slot::First(q) => (Place::First, q, None),
            Slot::OnControl(i) => (Place::Layer(i as u32), template.layers()[i].control, Some((i, Pauli::Z))),
            Slot::OnTarget(i) => (Place::Layer(i as u32), template.layers()[i].target, Some((i, Pauli::X))),
        };
        let skipped = redundant.and_then(|(i, p)| (!template.is_frozen(template.slot_before(i, wire))).then_some(p));
        out.extend([Pauli::X, Pauli::Y, Pauli::Z].into_iter().filter(|p| Some(*p) != skipped).map(|pauli| Tangent {
            place,
            wire,
            pauli,
        }));
    }
}

/// Moves the slots of `template` by `step`, one number per tangent.
///
/// `exp(i d·σ)` is replaced by `(1 + i d·σ)/√(1 + |d|²)`: the same to second order, without sines.
pub(super) fn apply_step(template: &mut CxTemplate, tangents: &[Tangent], step: &[f64]) {
    let mut k = 0;
    while k < tangents.len() {
        let Tangent { place, wire, .. } = tangents[k];
        let mut d = [0.0; 3];
        while k < tangents.len() && tangents[k].place == place && tangents[k].wire == wire {
            d[tangents[k].pauli as usize] = step[k];
            k += 1;
        }
        let [x, y, z] = d;
        let turn = Su2::new(Complex64::new(1.0, z), Complex64::new(-y, x));
        let slot = match place {
            Place::First => Slot::First(wire),
            Place::Layer(i) if template.layers()[i as usize].control == wire => Slot::OnControl(i as usize),
            Place::Layer(i) => Slot::OnTarget(i as usize),
        };
        let value = template.value(slot);
        // The seeds of first slots arise after their gate, those of layers before it.
        let turned = if place == Place::First { turn * value } else { value * turn };
        template.set(slot, turned.normalized());
    }
}
