//! One-qubit gates fixed one by one, while the others are fitted again: how they go, or become ones with simple angles.
//!
//! Each slot in turn is set to what it is pulled to and frozen, and the free ones are refined from where they are. What
//! is an identity then is kept.

use crate::Context;
use crate::fitted::{Fit, Fitted};
use bqc_circuit::BlockCircuit;
use bqc_instantiate::{CxTemplate, LmSettings, Slot};
use bqc_linalg::{Stream, Su2};

/// A slot this close to what it is pulled to (half a rotation angle in radians) is rounding error of it.
const ROUNDING: f64 = 1e-14;

/// What slots are pulled to.
pub(crate) struct Pull {
    /// The gate that a slot with this value is frozen at.
    pub to: fn(Su2) -> Su2,
    /// Whether the slots before the first CX of each wire come last.
    pub is_first_last: bool,
}

/// The gate goes. Slots behind a CX first: a gate there is more often one that commutes to the front.
pub(crate) const IDENTITY: Pull = Pull { to: |_| Su2::IDENTITY, is_first_last: true };

/// Removes one-qubit gates alone from a block of at least two wires.
pub(crate) fn freeze_block(context: Context<'_>, block: &BlockCircuit, fit: Fit, stream: &mut Stream) -> BlockCircuit {
    freeze_slots(context, &CxTemplate::from_block(block), &IDENTITY, fit, stream).0.to_block()
}

/// The scan over one-qubit slots; says how many refinements it started.
pub(crate) fn freeze_slots(
    context: Context<'_>,
    original: &CxTemplate,
    pull: &Pull,
    fit: Fit,
    stream: &mut Stream,
) -> (CxTemplate, usize) {
    let mut current = original.clone();
    for slot in original.slots() {
        let (value, to) = (original.value(slot), (pull.to)(original.value(slot)));
        if (to.dagger() * value).distance_to_identity() < ROUNDING {
            freeze(&mut current, slot, pull);
        }
    }
    let n = original.n();
    let fitted = Fitted::new(original, 3 * n + 6 * original.n_cx(), fit, stream);
    let settings = LmSettings { max_iterations: 25, ..LmSettings::default() };
    let problem = fitted.problem(&settings);
    let mut open: Vec<Slot> = original.slots().collect();
    if pull.is_first_last {
        open.rotate_left(n);
    }
    open.retain(|s| !current.is_frozen(*s));
    let (mut position, mut n_instantiations) = (0, 0);
    while position < open.len() && !context.is_stopped() {
        let make = |index: usize, out: &mut CxTemplate| {
            out.copy_from(&current);
            freeze(out, open[position + index], pull);
        };
        let refined = context.refine(&problem, open.len() - position, &make);
        n_instantiations += refined.n_tried;
        match refined.winner {
            Some((index, template)) => {
                position += index + 1;
                current = template;
            }
            None => break,
        }
    }
    (current, n_instantiations)
}

fn freeze(template: &mut CxTemplate, slot: Slot, pull: &Pull) {
    template.set(slot, (pull.to)(template.value(slot)));
    template.set_frozen(slot, true);
}
