//! The state of one candidate's run: where its parts are, and what a template makes of the states.

use super::layout::{Arrangement, Part, Workspace, partials_len};
use super::linearize::{X, Z};
use crate::complex::Complex;
use crate::cta::{Cta, Memory, Table};
use crate::states::{Circuit, overlap, push_first, push_layers, residual};
use crate::templates::{NONE, StateSet};

/// Below this cost the trace form has lost its digits and the residual is summed instead.
const RESIDUAL_BELOW: f64 = 1e-6;

/// Place of the first cost in the control words.
pub(super) const FIRST_COST: u32 = 4;
/// Place of the number of systems solved.
pub(super) const N_SOLVES: u32 = 5;
/// Place of the phases, counted in complex numbers.
pub(super) const PHASES: u32 = 3;

/// The run of one candidate between two evaluations: the same in every thread.
#[derive(Clone, Copy)]
pub(super) struct Run<M, A> {
    pub(super) workspace: Workspace<M, A>,
    /// Which half of the partial sums is next.
    pub(super) sums: u32,
    pub(super) cost: f64,
    pub(super) damping: f64,
    pub(super) iterations: u32,
}

impl<M: Memory, A: Arrangement> Run<M, A> {
    #[inline(always)]
    pub(super) fn part(self, part: Part) -> M {
        self.workspace.part(part)
    }

    #[inline(always)]
    pub(super) fn circuit(self, copy: u32) -> Circuit<M> {
        let (cx, gates) = (self.part(Part::Cx), self.workspace.copy_of(Part::Gates, copy));
        Circuit { n: self.size(Part::N), n_cx: self.size(Part::NCx), cx, gates }
    }

    #[inline(always)]
    pub(super) fn after_first(self, copy: u32) -> M {
        self.workspace.copy_of(Part::AfterFirst, copy)
    }

    #[inline(always)]
    pub(super) fn at_end(self, copy: u32) -> M {
        self.workspace.copy_of(Part::AtEnd, copy)
    }

    #[inline(always)]
    pub(super) fn size(self, part: Part) -> u32 {
        self.workspace.size(part)
    }

    #[inline(always)]
    pub(super) fn n_slots(self) -> u32 {
        self.size(Part::N) + 2 * self.size(Part::NCx)
    }

    /// The half of the partial sums that nobody reads any more.
    #[inline(always)]
    pub(super) fn next_sums(&mut self, n_threads: u32) -> M {
        self.sums ^= 1;
        self.part(Part::Partials).offset(self.sums * partials_len(n_threads))
    }

    #[inline(always)]
    pub(super) fn load_states<B: Cta<Memory = M>>(self, cta: &mut B, states: impl Table<Complex>, set: StateSet) {
        let (inputs, outputs) = (self.part(Part::Inputs), self.part(Part::Outputs));
        cta.each(self.size(Part::NSamples) << self.size(Part::N), |i| {
            inputs.set_complex(i, states.get(set.inputs_at + i));
            outputs.set_complex(i, states.get(set.outputs_at + i));
        });
    }

    /// Numbers the tangents of the free slots. After a CX, Z on the control and X on the target commute
    /// back to the slot before and are left out unless that slot is frozen.
    #[inline(always)]
    pub(super) fn number_tangents<B: Cta<Memory = M>>(self, cta: &mut B) {
        let (first_column, of_column) = (self.part(Part::FirstColumn), self.part(Part::OfColumn));
        let control = self.part(Part::Control);
        let circuit = self.circuit(0);
        cta.once(|| {
            // Bit q: the last slot of wire q so far is frozen.
            let mut frozen = control.word(0);
            let mut column = 0;
            let mut number = |slot: u32, is_frozen: bool, skipped: u32| {
                first_column.set_word(slot, column);
                let mut pauli = X;
                while pauli <= Z && !is_frozen {
                    if pauli != skipped {
                        of_column.set_word(column, slot << 2 | pauli);
                        column += 1;
                    }
                    pauli += 1;
                }
            };
            let (n, n_cx) = (circuit.n, circuit.n_cx);
            let mut q = 0;
            while q < n {
                number(q, frozen >> q & 1 == 1, NONE);
                q += 1;
            }
            let mut i = 0;
            while i < n_cx {
                let word = circuit.layer(i);
                let (control, target) = (word.control(), word.target());
                let slot = n + 2 * i;
                number(slot, word.control_is_frozen(), if frozen >> control & 1 == 1 { NONE } else { Z });
                number(slot + 1, word.target_is_frozen(), if frozen >> target & 1 == 1 { NONE } else { X });
                frozen &= !(1 << control | 1 << target);
                frozen |= (word.control_is_frozen() as u32) << control | (word.target_is_frozen() as u32) << target;
                i += 1;
            }
            first_column.set_word(n + 2 * n_cx, column);
        });
    }

    #[inline(always)]
    pub(super) fn n_tangents(self) -> u32 {
        self.part(Part::FirstColumn).word(self.n_slots())
    }

    /// Pushes the states through a copy of the template; the cost becomes its own.
    #[inline(always)]
    pub(super) fn evaluate<B: Cta<Memory = M>>(&mut self, cta: &mut B, copy: u32) {
        let circuit = self.circuit(copy);
        let outputs = self.part(Part::Outputs);
        let (inputs, after_first, at_end) = (self.part(Part::Inputs), self.after_first(copy), self.at_end(copy));
        push_first(cta, circuit, self.size(Part::NSamples), inputs, after_first);
        push_layers(cta, circuit, self.size(Part::NSamples), after_first, at_end);
        let (n_samples, n_threads) = (self.size(Part::NSamples), cta.n_threads());
        let len = n_samples << self.size(Part::N);
        let sum = overlap(cta, |i| outputs.complex(i), at_end, len, self.next_sums(n_threads));
        let (phase, control) = (sum.phase(), self.part(Part::Control));
        cta.once(|| control.set_complex(PHASES + copy, phase));
        self.cost = 1.0 - sum.modulus() / f64::from(n_samples);
        if self.cost < RESIDUAL_BELOW {
            let sum = residual(cta, |i| outputs.complex(i), at_end, len, phase, self.next_sums(n_threads));
            self.cost = sum / f64::from(2 * n_samples);
        }
    }
}
