//! A candidate made from its base: the same deletions and insertions as the CPU engine's template.

use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Global, Memory, Table};
use crate::states::Circuit;
use crate::templates::{Base, Candidate, NONE, Tables, rotation};

/// `cos(π/4)`.
const HALF_SQRT: f64 = core::f64::consts::FRAC_1_SQRT_2;

/// What a rotation puts on control and target: `Rz(±π/2)` and `Rx(±π/2)`.
#[inline(always)]
fn rotation_gates(rotation: u32) -> (Su2, Su2) {
    let (cos, sin) = match rotation {
        rotation::PLUS => (HALF_SQRT, HALF_SQRT),
        rotation::MINUS => (HALF_SQRT, -HALF_SQRT),
        _ => (1.0, 0.0),
    };
    (
        Su2 { a: Complex::new(cos, -sin), b: Complex::ZERO },
        Su2 { a: Complex::new(cos, 0.0), b: Complex::new(0.0, -sin) },
    )
}

/// Writes the candidate's CX words and gates to `to`, whose `n` and `n_cx` are the candidate's, and the
/// mask of frozen first slots to the first word of `mask`.
#[inline(always)]
pub fn expand<B: Cta, G: Global>(
    cta: &mut B,
    tables: Tables<G>,
    base: Base,
    candidate: Candidate,
    to: Circuit<B::Memory>,
    mask: B::Memory,
) {
    let Base { n, cx_at, slots_at, .. } = base;
    let (delete, insert_at) = (candidate.delete, candidate.insert_at);
    cta.each(n, |q| tables.slot(slots_at + q).store(to.gates, q));
    cta.each(to.n_cx, |k| {
        let slot = n + 2 * k;
        if k == insert_at {
            let (on_control, on_target) = rotation_gates(candidate.insert_rotation);
            to.cx.set_word(k, candidate.insert_cx.0);
            on_control.store(to.gates, slot);
            on_target.store(to.gates, slot + 1);
        } else {
            let kept = k - (insert_at != NONE && k > insert_at) as u32;
            let old = kept + (delete != NONE && kept >= delete) as u32;
            to.cx.set_word(k, tables.cx.get(cx_at + old).0);
            tables.slot(slots_at + n + 2 * old).store(to.gates, slot);
            tables.slot(slots_at + n + 2 * old + 1).store(to.gates, slot + 1);
        }
    });
    cta.once(|| {
        let mut frozen_first = base.frozen_first;
        if delete != NONE {
            let word = tables.cx.get(cx_at + delete);
            let (rz, rx) = rotation_gates(candidate.delete_rotation);
            let on_control = tables.slot(slots_at + n + 2 * delete).times(rz);
            let on_target = tables.slot(slots_at + n + 2 * delete + 1).times(rx);
            // Number of the deleted CX's place among the candidate's CX gates.
            let end = delete + (insert_at <= delete) as u32;
            frozen_first &= fold(to, insert_at, end, word.control(), on_control);
            frozen_first &= fold(to, insert_at, end, word.target(), on_target);
        }
        mask.set_word(0, frozen_first);
    });
}

/// Multiplies a gate into the slot that acts last on `wire` before CX `end`, and frees that slot. The
/// inserted CX was not there when the deletion was made. Returns the first slots that stay frozen.
#[inline(always)]
fn fold<M: Memory>(circuit: Circuit<M>, inserted: u32, end: u32, wire: u32, gate: Su2) -> u32 {
    let mut slot = wire;
    let mut i = end;
    while i > 0 {
        i -= 1;
        let word = circuit.layer(i);
        let (on_control, on_target) = (word.control() == wire, word.target() == wire);
        if i != inserted && (on_control || on_target) {
            slot = circuit.n + 2 * i + on_target as u32;
            let freed =
                word.with_frozen(word.control_is_frozen() && !on_control, word.target_is_frozen() && !on_target);
            circuit.cx.set_word(i, freed.0);
            break;
        }
    }
    gate.times(Su2::load(circuit.gates, slot)).normalized().store(circuit.gates, slot);
    if slot < circuit.n { !(1 << slot) } else { u32::MAX }
}
