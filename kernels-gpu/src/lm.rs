//! Levenberg–Marquardt on sampled residuals: one candidate, from its base to its result, in one block.
//!
//! The iteration is that of the CPU engine, decision for decision: the same tangents, damping, giving
//! up and polishing. Sums are taken in another order, so costs agree to rounding. A candidate that is
//! an identity on its states is judged on the check's states here as well; acceptance lowers the
//! group's winner, and a block stops when the winner is below its own rank. Every rank below the final
//! winner runs to its end, so which one wins does not depend on timing.

pub mod layout;
pub mod linearize;
pub mod solve;

use crate::complex::{Complex, Su2};
use crate::cta::{Cta, Flags, Memory, Output, Table};
use crate::expand::expand;
use crate::states::{Circuit, overlap, push_first, push_layers, residual};
use crate::templates::{
    Base, COST_HISTORY, Candidate, CxWord, Group, LmResult, LmSettings, NONE, StateSet, Tables, status,
};
use crate::verify;
use layout::{Layout, Part, Sizes, Workspace, partials_len};
use linearize::{Point, X, Y, Z, linearize};
use solve::{back_substitute, factorize};

/// Below this cost the iteration has found an identity and polishes.
const FOUND: f64 = 1e-13;
/// Below this cost another step would only move rounding errors.
const POLISHED: f64 = 1e-28;
/// Steps after [`FOUND`] at most.
const MAX_POLISHING_STEPS: u32 = 2;
/// Below this cost the trace form has lost its digits and the residual is summed instead.
const RESIDUAL_BELOW: f64 = 1e-6;
/// Smallest damping of a Gram matrix with dependent columns.
const SMALLEST_LAMBDA: f64 = 1e-14;
/// Smallest damping factor.
const SMALLEST_DAMPING: f64 = 1e-6;
/// Rejected steps in one iteration before the run ends.
const MAX_REJECTIONS: u32 = 8;

/// Place of the first cost in the control words.
const FIRST_COST: u32 = 4;
/// Place of the number of systems solved.
const N_SOLVES: u32 = 5;
/// Place of the phases, counted in complex numbers.
const PHASES: u32 = 3;

/// Everything a launch of this kernel is given.
#[derive(Clone, Copy)]
pub struct LmLaunch<TB, TX, TS, TA, TC, TG, TL, F, R, O> {
    /// What candidates are made from, and all states.
    pub tables: Tables<TB, TX, TS, TA>,
    /// All candidates.
    pub candidates: TC,
    /// All groups.
    pub groups: TG,
    /// All settings.
    pub settings: TL,
    /// The lowest rank accepted so far in each group, [`NONE`] before; then the number of survivors.
    pub winners: F,
    /// Number of groups: the place of the number of survivors.
    pub n_groups: u32,
    /// One result a candidate.
    pub results: R,
    /// Slots of the survivors, `[survivor][slots_per_survivor]` of [`Su2`], as two complex numbers each.
    pub survivors: O,
    /// Places for survivors.
    pub n_survivors: u32,
    /// Slots a survivor may have.
    pub slots_per_survivor: u32,
    /// Numbers in the small memory of the block.
    pub small_len: u32,
    /// Numbers in its large memory.
    pub large_len: u32,
    /// See [`Sizes::samples_per_panel`].
    pub samples_per_panel: u32,
}

/// The run of one candidate between two evaluations: the same in every thread.
#[derive(Clone, Copy)]
struct Run<M> {
    workspace: Workspace<M>,
    /// Which half of the partial sums is next.
    sums: u32,
    cost: f64,
    damping: f64,
    iterations: u32,
}

/// Runs candidate `index`. `small` and `large` are the block's memory, as long as the launch says.
#[inline(always)]
pub fn run<B, TB, TX, TS, TA, TC, TG, TL, F, R, O>(
    cta: &mut B,
    launch: LmLaunch<TB, TX, TS, TA, TC, TG, TL, F, R, O>,
    index: u32,
    small: B::Memory,
    large: B::Memory,
) where
    B: Cta,
    TB: Table<Base>,
    TX: Table<CxWord>,
    TS: Table<Complex>,
    TA: Table<Complex>,
    TC: Table<Candidate>,
    TG: Table<Group>,
    TL: Table<LmSettings>,
    F: Flags,
    R: Output<LmResult>,
    O: Output<Complex>,
{
    let candidate = launch.candidates.get(index);
    let base = launch.tables.bases.get(candidate.base);
    let n_samples = launch.groups.get(candidate.group).batch.n_samples;
    let (n, n_cx, samples_per_panel) = (base.n, candidate.n_cx(&base), launch.samples_per_panel);
    let sizes = Sizes { n, n_cx, n_samples, samples_per_panel, n_threads: cta.n_threads() };
    let layout = Layout::new(sizes);
    let is_small_enough = layout.small_len <= launch.small_len
        && layout.large_len <= launch.large_len
        && verify::large_len(n) <= launch.large_len
        && n + 2 * n_cx <= launch.slots_per_survivor;
    let mut result = LmResult::too_large(n_cx);
    if is_small_enough {
        let workspace = Workspace::open(cta, sizes, small, large);
        let mut run = Run { workspace, sums: 0, cost: 1.0, damping: 1.0, iterations: 0 };
        let control = workspace.part(Part::Control);
        expand(cta, launch.tables, base, candidate, run.circuit(0), control, 0);
        run.load_states(cta, launch.tables.states, launch.groups.get(candidate.group).batch);
        run.number_tangents(cta);
        run.evaluate(cta, 0);
        cta.once(|| {
            control.set_f64(FIRST_COST, run.cost);
            control.set_word(N_SOLVES, 0);
        });
        result.status = run.iterate(cta, &launch, index);
        run.finish(cta, &launch, index, &mut result);
    }
    cta.once(|| launch.results.set(index, result));
}

impl<M: Memory> Run<M> {
    #[inline(always)]
    fn part(self, part: Part) -> M {
        self.workspace.part(part)
    }

    #[inline(always)]
    fn circuit(self, copy: u32) -> Circuit<M> {
        let (cx, gates) = (self.part(Part::Cx), self.workspace.copy_of(Part::Gates, copy));
        Circuit { n: self.size(Part::N), n_cx: self.size(Part::NCx), cx, gates }
    }

    #[inline(always)]
    fn after_first(self, copy: u32) -> M {
        self.workspace.copy_of(Part::AfterFirst, copy)
    }

    #[inline(always)]
    fn at_end(self, copy: u32) -> M {
        self.workspace.copy_of(Part::AtEnd, copy)
    }

    #[inline(always)]
    fn size(self, part: Part) -> u32 {
        self.workspace.size(part)
    }

    #[inline(always)]
    fn n_slots(self) -> u32 {
        self.size(Part::N) + 2 * self.size(Part::NCx)
    }

    /// The half of the partial sums that nobody reads any more.
    #[inline(always)]
    fn next_sums(&mut self, n_threads: u32) -> M {
        self.sums ^= 1;
        self.part(Part::Partials).offset(self.sums * partials_len(n_threads))
    }

    #[inline(always)]
    fn load_states<B: Cta<Memory = M>>(self, cta: &mut B, states: impl Table<Complex>, set: StateSet) {
        let (inputs, outputs) = (self.part(Part::Inputs), self.part(Part::Outputs));
        cta.each(self.size(Part::NSamples) << self.size(Part::N), |i| {
            inputs.set_complex(i, states.get(set.inputs_at + i));
            outputs.set_complex(i, states.get(set.outputs_at + i));
        });
    }

    /// Numbers the tangents of the free slots. After a CX, Z on the control and X on the target commute
    /// back to the slot before and are left out unless that slot is frozen.
    #[inline(always)]
    fn number_tangents<B: Cta<Memory = M>>(self, cta: &mut B) {
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
    fn n_tangents(self) -> u32 {
        self.part(Part::FirstColumn).word(self.n_slots())
    }

    /// Pushes the states through a copy of the template; the cost becomes its own.
    #[inline(always)]
    fn evaluate<B: Cta<Memory = M>>(&mut self, cta: &mut B, copy: u32) {
        let circuit = self.circuit(copy);
        let outputs = self.part(Part::Outputs);
        let (inputs, after_first, at_end) = (self.part(Part::Inputs), self.after_first(copy), self.at_end(copy));
        push_first(cta, circuit, self.size(Part::NSamples), inputs, after_first);
        push_layers(cta, circuit, self.size(Part::NSamples), after_first, at_end);
        let (n_samples, n_threads) = (self.size(Part::NSamples), cta.n_threads());
        let len = n_samples << self.size(Part::N);
        let sum = overlap(cta, outputs, at_end, len, self.next_sums(n_threads));
        let (phase, control) = (sum.phase(), self.part(Part::Control));
        cta.once(|| control.set_complex(PHASES + copy, phase));
        self.cost = 1.0 - sum.modulus() / f64::from(n_samples);
        if self.cost < RESIDUAL_BELOW {
            let sum = residual(cta, outputs, at_end, len, phase, self.next_sums(n_threads));
            self.cost = sum / f64::from(2 * n_samples);
        }
    }

    /// Iterates until a rule ends it; returns how, as if there were no check. Settings are read anew in
    /// every iteration rather than held in registers.
    #[inline(always)]
    fn iterate<B, TB, TX, TS, TA, TC, TG, TL, F, R, O>(
        &mut self,
        cta: &mut B,
        launch: &LmLaunch<TB, TX, TS, TA, TC, TG, TL, F, R, O>,
        index: u32,
    ) -> u32
    where
        B: Cta<Memory = M>,
        TC: Table<Candidate>,
        TG: Table<Group>,
        TL: Table<LmSettings>,
        F: Flags,
    {
        let group = launch.groups.get(launch.candidates.get(index).group);
        self.damping = launch.settings.get(group.settings).first_damping;
        let n_tangents = self.n_tangents();
        let mut n_polishing = 0;
        loop {
            let (costs, cost, at) = (self.part(Part::Costs), self.cost, self.iterations % COST_HISTORY);
            cta.once(|| costs.set_f64(at, cost));
            let candidate = launch.candidates.get(index);
            let group = launch.groups.get(candidate.group);
            let settings = launch.settings.get(group.settings);
            if self.iterations == settings.max_iterations || n_tangents == 0 {
                return status::OUT_OF_ITERATIONS;
            }
            if group.keep_all == 0 && self.winner(cta, launch.winners, candidate.group) < candidate.rank {
                return status::BEATEN;
            }
            if self.cost < FOUND {
                if self.cost < POLISHED || n_polishing == MAX_POLISHING_STEPS {
                    return status::ACCEPTED;
                }
                n_polishing += 1;
            } else if self.is_hopeless(settings) {
                return status::HOPELESS;
            }
            self.iterations += 1;
            let point = Point {
                circuit: self.circuit(0),
                after_first: self.after_first(0),
                at_end: self.at_end(0),
                outputs: self.part(Part::Outputs),
                phase: self.part(Part::Control).complex(PHASES + 0),
            };
            linearize(cta, self.workspace, point);
            if !self.descend(cta, n_tangents) {
                return status::NO_STEP;
            }
        }
    }

    /// Makes the trial, copy 1, the present one, copy 0: their places in the header change.
    #[inline(always)]
    fn take_trial<B: Cta<Memory = M>>(self, cta: &mut B) {
        let (header, control) = (self.workspace.small, self.part(Part::Control));
        cta.once(|| {
            let swap = |first: Part| {
                let at = first as u32;
                let (present, trial) = (header.word(at), header.word(at + 1));
                header.set_word(at, trial);
                header.set_word(at + 1, present);
            };
            swap(Part::Gates);
            swap(Part::AfterFirst);
            swap(Part::AtEnd);
            // The phase of the trial is overwritten by the next one.
            control.set_complex(PHASES, control.complex(PHASES + 1));
        });
    }

    /// Whether the costs did not fall fast enough.
    #[inline(always)]
    fn is_hopeless(self, settings: LmSettings) -> bool {
        if self.iterations < settings.first_judgement || self.iterations < settings.patience {
            return false;
        }
        let before = self.part(Part::Costs).f64((self.iterations - settings.patience) % COST_HISTORY);
        self.cost > settings.give_up_ratio * before
    }

    /// The lowest rank accepted so far, the same in every thread.
    #[inline(always)]
    fn winner<B: Cta<Memory = M>>(self, cta: &mut B, winners: impl Flags, group: u32) -> u32 {
        let control = self.part(Part::Control);
        cta.once(|| control.set_word(2, winners.load(group)));
        control.word(2)
    }

    /// Judges what was found on the check and keeps what is to be kept.
    #[inline(always)]
    fn finish<B, TB, TX, TS, TA, TC, TG, TL, F, R, O>(
        &mut self,
        cta: &mut B,
        launch: &LmLaunch<TB, TX, TS, TA, TC, TG, TL, F, R, O>,
        index: u32,
        result: &mut LmResult,
    ) where
        B: Cta<Memory = M>,
        TA: Table<Complex>,
        TC: Table<Candidate>,
        TG: Table<Group>,
        F: Flags,
        O: Output<Complex>,
    {
        if self.cost < FOUND && result.status != status::BEATEN {
            let check = launch.groups.get(launch.candidates.get(index).group).check;
            let (circuit, partials) = (self.circuit(0), self.part(Part::Partials));
            let (states, memory, len) = (launch.tables.states, self.workspace.large, launch.large_len);
            result.distance = verify::distance(cta, states, check, circuit, memory, len, partials);
            let tolerance = launch.groups.get(launch.candidates.get(index).group).tolerance;
            result.status = if result.distance <= tolerance { status::ACCEPTED } else { status::OVERFIT };
        }
        let candidate = launch.candidates.get(index);
        let group = launch.groups.get(candidate.group);
        let (accepted, competes) = (result.status == status::ACCEPTED, group.keep_all == 0);
        if accepted && competes {
            cta.once(|| launch.winners.min(candidate.group, candidate.rank));
        }
        if accepted || !competes {
            result.survivor = self.keep(cta, launch, index, !competes);
            if result.survivor == NONE && accepted {
                result.status = status::NO_PLACE;
            }
        }
        let control = self.part(Part::Control);
        result.first_cost = control.f64(FIRST_COST);
        result.n_tangents = self.n_tangents();
        (result.cost, result.damping) = (self.cost, self.damping);
        (result.iterations, result.n_solves) = (self.iterations, control.word(N_SOLVES));
    }

    /// Takes one step that lowers the cost, with as much damping as it needs. False: there is none.
    #[inline(always)]
    fn descend<B: Cta<Memory = M>>(&mut self, cta: &mut B, n_tangents: u32) -> bool {
        let n_unknowns = n_tangents + 1;
        let scale = 1.0 / f64::from(self.size(Part::NSamples));
        let cost = self.cost;
        let mut rejections = 0;
        while rejections <= MAX_REJECTIONS {
            let lambda = self.damping * 2.0 * cost;
            let lambda = if lambda > SMALLEST_LAMBDA { lambda } else { SMALLEST_LAMBDA };
            if !factorize(cta, self.workspace, scale, lambda, n_unknowns) {
                self.damping *= 10.0;
                rejections += 1;
                continue;
            }
            back_substitute(cta, self.workspace, n_unknowns);
            let promised = self.promise(cta, n_unknowns, scale, lambda);
            self.step_slots(cta);
            self.evaluate(cta, 1);
            // A NaN is never accepted.
            if self.cost < cost {
                let least = f64::MIN_POSITIVE;
                let gain = (cost - self.cost) / if promised > least { promised } else { least };
                self.take_trial(cta);
                if gain > 0.75 {
                    let lower = self.damping / 5.0;
                    self.damping = if lower > SMALLEST_DAMPING { lower } else { SMALLEST_DAMPING };
                } else if gain < 0.25 {
                    self.damping *= 4.0;
                }
                return true;
            }
            self.cost = cost;
            if cost < FOUND {
                // Polishing has reached rounding error.
                return false;
            }
            self.damping *= if rejections == 0 { 4.0 } else { 10.0 };
            rejections += 1;
        }
        false
    }

    /// Decrease of the cost that the quadratic model promises: `½ Σ d(λd − scale·g)`.
    #[inline(always)]
    fn promise<B: Cta<Memory = M>>(&mut self, cta: &mut B, n_unknowns: u32, scale: f64, lambda: f64) -> f64 {
        use layout::{TILE, tile_at};
        let (step, gram) = (self.part(Part::Step), self.workspace.gram());
        let n_threads = cta.n_threads();
        let partials = self.next_sums(n_threads);
        let mut parts = cta.local([0.0]);
        cta.phase_with(&mut parts, |thread, part| {
            let mut i = thread;
            while i < n_unknowns {
                let tile = gram.offset(tile_at(n_unknowns / TILE, i / TILE));
                let gradient = tile.f64(n_unknowns % TILE * TILE + i % TILE);
                let d = step.f64(i);
                part[0] += d * (lambda * d - scale * gradient);
                i += n_threads;
            }
        });
        cta.sum(&parts, partials);
        crate::cta::total::<1, _>(partials, n_threads, 0) / 2.0
    }

    /// Writes the slots of the trial: each moved by its part of the step. `(1 + i d·σ)/√(1 + |d|²)`
    /// agrees with the exponential to second order.
    #[inline(always)]
    fn step_slots<B: Cta<Memory = M>>(self, cta: &mut B) {
        let (first_column, of_column) = (self.part(Part::FirstColumn), self.part(Part::OfColumn));
        let step = self.part(Part::Step);
        let (from, to) = (self.circuit(0).gates, self.circuit(1).gates);
        let n = self.size(Part::N);
        cta.each(self.n_slots(), |slot| {
            let value = Su2::load(from, slot);
            let (mut column, end) = (first_column.word(slot), first_column.word(slot + 1));
            let moves = column < end;
            let (mut x, mut y, mut z) = (0.0, 0.0, 0.0);
            while column < end {
                let (d, pauli) = (step.f64(column), of_column.word(column) & 3);
                x = if pauli == X { d } else { x };
                y = if pauli == Y { d } else { y };
                z = if pauli == Z { d } else { z };
                column += 1;
            }
            let turn = Su2 { a: Complex::new(1.0, z), b: Complex::new(-y, x) };
            // The tangents of first slots arise after their gate, those of others before it.
            let turned = if slot < n { turn.times(value) } else { value.times(turn) };
            let new = if moves { turned.normalized() } else { value };
            new.store(to, slot);
        });
    }

    /// Writes the present slots to a survivor's place, which is returned: the candidate's own if
    /// `own_place`, else the next one free.
    #[inline(always)]
    fn keep<B, TB, TX, TS, TA, TC, TG, TL, F, R, O>(
        self,
        cta: &mut B,
        launch: &LmLaunch<TB, TX, TS, TA, TC, TG, TL, F, R, O>,
        index: u32,
        own_place: bool,
    ) -> u32
    where
        B: Cta<Memory = M>,
        F: Flags,
        O: Output<Complex>,
    {
        let control = self.part(Part::Control);
        cta.once(|| {
            control.set_word(3, if own_place { index } else { launch.winners.add(launch.n_groups, 1) });
        });
        let place = control.word(3);
        if place >= launch.n_survivors {
            return NONE;
        }
        let gates = self.circuit(0).gates;
        cta.each(self.n_slots(), |slot| {
            let at = 2 * (place * launch.slots_per_survivor + slot);
            launch.survivors.set(at, gates.complex(2 * slot));
            launch.survivors.set(at + 1, gates.complex(2 * slot + 1));
        });
        place
    }
}
