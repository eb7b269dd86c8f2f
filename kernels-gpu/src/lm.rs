//! Levenberg–Marquardt on sampled residuals: one candidate, from its base to its result, in one block.
//!
//! The iteration is that of the CPU engine, decision for decision: the same tangents, damping, giving
//! up and polishing, all in double precision. Sums are taken in another order, so costs agree to rounding. A candidate that is
//! an identity on its states is judged on the check's states here as well; acceptance lowers the
//! group's winner, and a block stops when the winner is below its own rank. Every rank below the final
//! winner runs to its end, so which one wins does not depend on timing, unless the host asks its group to stop.
//! Both are looked at before a candidate is set up and once an iteration.

pub mod layout;
pub mod linearize;
pub mod solve;
mod state;
mod step;

use crate::complex::Complex;
use crate::cta::{Cta, Flags, Global, Memory, Output, Table};
use crate::expand::expand;
use crate::templates::{COST_HISTORY, Candidate, Group, LmResult, LmSettings, NONE, Tables, status};
use crate::verify;
use layout::{Arrangement, Layout, Part, Sizes, Workspace};
use linearize::{Point, linearize};
use state::{FIRST_COST, N_SOLVES, PHASES, Run};

/// Below this cost the iteration has found an identity and polishes.
const FOUND: f64 = 1e-13;
/// Below this cost another step would only move rounding errors.
const POLISHED: f64 = 1e-28;
/// Steps after [`FOUND`] at most.
const MAX_POLISHING_STEPS: u32 = 2;

/// Everything a launch of this kernel is given.
#[derive(Clone, Copy)]
pub struct LmLaunch<G: Global> {
    /// What candidates are made from, and all states.
    pub tables: Tables<G>,
    /// All candidates.
    pub candidates: G::Table<Candidate>,
    /// All groups.
    pub groups: G::Table<Group>,
    /// All settings.
    pub settings: G::Table<LmSettings>,
    /// The lowest rank accepted so far in each group, [`NONE`] before; then the number of survivors.
    pub winners: G::Flags,
    /// One a group. Not zero: the host asks its candidates to stop.
    pub stop: G::Flags,
    /// Number of groups: the place of the number of survivors.
    pub n_groups: u32,
    /// One result a candidate.
    pub results: G::Output<LmResult>,
    /// Slots of the survivors, `[survivor][slots_per_survivor]` of `Su2`, as two complex numbers each.
    pub survivors: G::Output<Complex>,
    /// Places for survivors.
    pub n_survivors: u32,
    /// Slots a survivor may have.
    pub slots_per_survivor: u32,
    /// Numbers in the small memory of the block.
    pub small_len: u32,
    /// Numbers in its large memory.
    pub large_len: u32,
}

/// Runs candidate `index` in the block's memory, which is as long as the launch says.
#[inline(always)]
pub fn run<B: Cta, G: Global, A: Arrangement>(
    cta: &mut B,
    launch: LmLaunch<G>,
    index: u32,
    workspace: Workspace<B::Memory, A>,
) {
    let candidate = launch.candidates.get(index);
    let base = launch.tables.bases.get(candidate.base);
    let n_samples = launch.groups.get(candidate.group).batch.n_samples;
    let (n, n_cx, samples_per_panel) = (base.n, candidate.n_cx(&base), candidate.samples_per_panel);
    let sizes = Sizes { n, n_cx, n_samples, samples_per_panel, n_threads: cta.n_threads() };
    let layout = Layout::new(sizes);
    let is_small_enough = layout.small_len <= launch.small_len
        && layout.large_len <= launch.large_len
        && n + 2 * n_cx <= launch.slots_per_survivor;
    let news = launch.news(cta, index, workspace.small, 0);
    // The word is overwritten from here on.
    cta.phase(|_| ());
    let mut result = LmResult::not_begun(if is_small_enough { news } else { status::TOO_LARGE }, n_cx);
    if is_small_enough && news == NOTHING_NEW {
        workspace.write_header(cta, sizes);
        let mut run = Run { workspace, sums: 0, cost: 1.0, damping: 1.0, iterations: 0 };
        let control = workspace.part(Part::Control);
        expand(cta, launch.tables, base, candidate, run.circuit(0), control);
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

/// Nobody asks this candidate to end.
const NOTHING_NEW: u32 = u32::MAX;

impl<G: Global> LmLaunch<G> {
    /// Whether others ask a candidate to end, and how: [`status::STOPPED`], [`status::BEATEN`] or
    /// [`NOTHING_NEW`]. The same in every thread, by way of word `at` of `memory`.
    #[inline(always)]
    fn news<B: Cta>(&self, cta: &mut B, index: u32, memory: B::Memory, at: u32) -> u32 {
        cta.once(|| {
            let candidate = self.candidates.get(index);
            let competes = self.groups.get(candidate.group).keep_all == 0;
            let mut news = NOTHING_NEW;
            if competes && self.winners.load(candidate.group) < candidate.rank {
                news = status::BEATEN;
            }
            if self.stop.load_from_host(candidate.group) != 0 {
                news = status::STOPPED;
            }
            memory.set_word(at, news);
        });
        memory.word(at)
    }
}

impl<M: Memory, A: Arrangement> Run<M, A> {
    /// Iterates until a rule ends it; returns how, as if there were no check. Settings are read anew in
    /// every iteration rather than held in registers.
    #[inline(always)]
    fn iterate<B: Cta<Memory = M>, G: Global>(&mut self, cta: &mut B, launch: &LmLaunch<G>, index: u32) -> u32 {
        let group = launch.groups.get(launch.candidates.get(index).group);
        self.damping = launch.settings.get(group.settings).first_damping;
        let n_tangents = self.n_tangents();
        let mut n_polishing = 0;
        loop {
            let (costs, cost, at) = (self.part(Part::Costs), self.cost, self.iterations % COST_HISTORY);
            cta.once(|| costs.set_f64(at, cost));
            let settings = launch.settings.get(launch.groups.get(launch.candidates.get(index).group).settings);
            if self.iterations == settings.max_iterations || n_tangents == 0 {
                return status::OUT_OF_ITERATIONS;
            }
            let news = launch.news(cta, index, self.part(Part::Control), 2);
            if news != NOTHING_NEW {
                return news;
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
                phase: self.part(Part::Control).complex(PHASES),
            };
            linearize(cta, self.workspace, point);
            if !self.descend(cta, n_tangents) {
                return status::NO_STEP;
            }
        }
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

    /// Judges what was found on the check and keeps what is to be kept.
    #[inline(always)]
    fn finish<B: Cta<Memory = M>, G: Global>(
        &mut self,
        cta: &mut B,
        launch: &LmLaunch<G>,
        index: u32,
        result: &mut LmResult,
    ) {
        if self.cost < FOUND && result.status != status::BEATEN && result.status != status::STOPPED {
            let check = launch.groups.get(launch.candidates.get(index).group).check;
            let (circuit, partials) = (self.circuit(0), self.part(Part::Partials));
            // As many columns at once as this candidate's own memory holds, whatever the launch gave.
            let (states, memory, len) = (launch.tables.states, self.workspace.large, self.size(Part::LargeLen));
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

    /// Writes the present slots to a survivor's place, which is returned: the candidate's own if
    /// `own_place`, else the next one free.
    #[inline(always)]
    fn keep<B: Cta<Memory = M>, G: Global>(
        self,
        cta: &mut B,
        launch: &LmLaunch<G>,
        index: u32,
        own_place: bool,
    ) -> u32 {
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
