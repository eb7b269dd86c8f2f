//! The iteration: linearise, damp, step, judge. Memory is kept from call to call.

use super::linear::Linear;
use super::parameters::{apply_step, tangents};
use crate::{CxTemplate, StateBatch};
use bqc_linalg::Complex64;
use bqc_linalg::lanes::jacobian::{Frame, States, Tangent};
use bqc_linalg::lanes::layer::Layer;
use bqc_linalg::lanes::{AMPLITUDE_STRIDE, AlignedBuffer, Level, states};
use std::sync::atomic::{AtomicBool, Ordering};

/// When to stop and how to damp. The defaults are those that won in measurements on gate deletion.
#[derive(Clone, Debug, PartialEq)]
pub struct LmSettings {
    /// Iterations at most.
    pub max_iterations: usize,
    /// First damping factor μ₀; the damping is `λ = μ·2f` on a unit diagonal.
    pub first_damping: f64,
    /// Give up when the cost has not fallen to this share within [`LmSettings::patience`] iterations.
    /// One or more: never.
    pub give_up_ratio: f64,
    /// See [`LmSettings::give_up_ratio`].
    pub patience: usize,
    /// No giving up before this iteration.
    pub first_judgement: usize,
}

impl Default for LmSettings {
    fn default() -> LmSettings {
        LmSettings { max_iterations: 60, first_damping: 0.1, give_up_ratio: 0.5, patience: 2, first_judgement: 3 }
    }
}

impl LmSettings {
    /// Settings for a least cost that need not be zero: a call ends when three iterations have gained
    /// less than a tenth, since the descent to such a minimum is linear and its last digits are dear.
    /// Between candidates it decides which is nearest; see [`LmSettings::to_minimum_exactly`].
    pub fn to_minimum() -> LmSettings {
        LmSettings { give_up_ratio: 0.9, patience: 3, first_judgement: 6, ..LmSettings::default() }
    }

    /// The same to four digits of the cost.
    pub fn to_minimum_exactly() -> LmSettings {
        LmSettings { give_up_ratio: 0.9999, ..LmSettings::to_minimum() }
    }

    /// Whether the costs so far (one per iteration, the start's first) say that this call is hopeless.
    ///
    /// Recorded on the moves of searches (376,000 calls, 3 to 5 wires): keeps 79 of 100 successes and
    /// needs 25 % fewer iterations for each than the milder rule of iteration 4 and patience 3, which
    /// keeps 89.
    pub fn is_hopeless(&self, costs: &[f64]) -> bool {
        let iterations = costs.len() - 1;
        iterations >= self.first_judgement
            && iterations >= self.patience
            && costs[iterations] > self.give_up_ratio * costs[iterations - self.patience]
    }
}

/// Below this cost (a phase distance of 3e-7) the iteration has found an identity and is at its
/// quadratic end: it goes on, so that thousands of accepted moves add up to nothing.
const FOUND: f64 = 1e-13;
/// Below this cost (a phase distance of 1e-14) another step would only move rounding errors.
const POLISHED: f64 = 1e-28;
/// Steps after [`FOUND`] at most: the second one already squares what the first has squared.
const MAX_POLISHING_STEPS: usize = 2;
/// Below this cost the trace form of the cost has lost its digits and the residual is summed instead.
const RESIDUAL_BELOW: f64 = 1e-6;
/// Smallest damping: keeps a Gram matrix with dependent columns positive in f64.
const SMALLEST_LAMBDA: f64 = 1e-14;
/// Smallest damping factor μ.
const SMALLEST_DAMPING: f64 = 1e-6;
/// Rejected steps in one iteration before the call ends.
const MAX_REJECTIONS: usize = 8;
/// Above this cost steps are chosen in single precision, whose errors are far below the damping there:
/// calls that fail never come lower.
const SINGLE_ABOVE: f64 = 1e-3;
/// Smallest damping of a system in single precision: above the error of its Gram matrix.
const SMALLEST_SINGLE_LAMBDA: f64 = 2e-6;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LmOutcome {
    /// `f = ‖V x − e^{iφ}y‖²/(2M)`, the square of the phase distance on the samples.
    pub cost: f64,
    /// Linearisations.
    pub iterations: usize,
    /// Whether the cost fell below the threshold of an identity. Only a check on all columns proves it.
    pub found: bool,
}

/// The solver with its memory. Make one per thread and keep it.
pub struct LmSolver {
    level: Level,
    double: Linear<f64>,
    single: Linear<f32>,
    /// Which of them was filled last.
    is_single: bool,
    tangents: Vec<Tangent>,
    costs: Vec<f64>,
    trial: Option<CxTemplate>,
    current: Recording,
    next: Recording,
    middle: AlignedBuffer,
    pulled_back: AlignedBuffer,
    step: Vec<f64>,
}

/// States of one evaluation of the template.
#[derive(Default)]
struct Recording {
    states: AlignedBuffer,
    after_first: AlignedBuffer,
    after_cx: AlignedBuffer,
    /// Phase of the mean overlap.
    phase: Complex64,
    cost: f64,
}

impl LmSolver {
    /// A solver for this CPU level.
    pub fn new(level: Level) -> LmSolver {
        LmSolver {
            level,
            double: Linear::new(level),
            single: Linear::new(level),
            is_single: false,
            tangents: Vec::new(),
            costs: Vec::new(),
            trial: None,
            current: Recording::default(),
            next: Recording::default(),
            middle: AlignedBuffer::default(),
            pulled_back: AlignedBuffer::default(),
            step: Vec::new(),
        }
    }

    /// The costs of the last call, the start's first, then one per iteration.
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// Phase distance between a template's unitary and a batch's target on the batch's states, in the
    /// residual form. On an exact batch this is the distance of the unitaries.
    pub fn distance(&mut self, batch: &StateBatch, template: &CxTemplate) -> f64 {
        assert_eq!(batch.n(), template.n());
        let out = &mut self.next.states;
        copy(out, batch.inputs());
        states::push(self.level, template.first(), template.layers(), out);
        let phase = phase_of(states::overlap(self.level, batch.outputs(), out));
        (states::residual(self.level, batch.outputs(), out, phase) / (2 * batch.n_samples()) as f64).sqrt()
    }

    /// Improves the free slots of `template` in place until it maps `x_m` to `e^{iφ}y_m`, or gives up.
    /// The template never gets worse than it was; `stop` ends the call after the present iteration.
    pub fn solve(
        &mut self,
        batch: &StateBatch,
        template: &mut CxTemplate,
        settings: &LmSettings,
        stop: &AtomicBool,
    ) -> LmOutcome {
        assert_eq!(batch.n(), template.n());
        tangents(template, &mut self.tangents);
        self.double.forget();
        self.single.forget();
        let mut trial = self.trial.take().unwrap_or_else(|| CxTemplate::new(2));
        evaluate(self.level, batch, template, &mut self.current);
        let mut damping = settings.first_damping;
        let mut n_polishing = 0;
        self.costs.clear();
        self.costs.push(self.current.cost);
        let mut iterations = 0;
        while iterations < settings.max_iterations && !self.tangents.is_empty() && !stop.load(Ordering::Relaxed) {
            if self.current.cost < FOUND {
                if self.current.cost < POLISHED || n_polishing == MAX_POLISHING_STEPS {
                    break;
                }
                n_polishing += 1;
            } else if settings.is_hopeless(&self.costs) {
                break;
            }
            iterations += 1;
            self.linearize(batch, template);
            if !self.descend(batch, template, &mut trial, &mut damping) {
                break;
            }
            self.costs.push(self.current.cost);
        }
        self.trial = Some(trial);
        LmOutcome { cost: self.current.cost, iterations, found: self.current.cost < FOUND }
    }

    /// Fills the Gram matrix `[JᵀJ, Jᵀr]` at the current point.
    fn linearize(&mut self, batch: &StateBatch, template: &CxTemplate) {
        let (n, layers) = (template.n(), template.layers());
        // All plans have the same middle.
        let middle = layers.len() / 2;
        copy(&mut self.pulled_back, batch.outputs());
        states::pull_back(self.level, n, &layers[middle..], &mut self.pulled_back);
        states_before_cx(n, layers, middle, &self.current, &mut self.middle);
        let frame = Frame { middle: &self.middle, pulled_back: &self.pulled_back, phase: self.current.phase };
        let point = States {
            after_first: &self.current.after_first[..batch.inputs().len()],
            after_cx: &self.current.after_cx[..batch.inputs().len() * template.n_cx()],
            frame,
        };
        self.is_single = self.current.cost > SINGLE_ABOVE;
        if self.is_single {
            self.single.fill(batch, layers, &self.tangents, point);
        } else {
            self.double.fill(batch, layers, &self.tangents, point);
        }
    }

    /// Writes the step with the damping `lambda`, or more if the precision asks for it, into `step`.
    fn damped_step(&mut self, lambda: f64) -> Option<f64> {
        if self.is_single {
            self.single.step(lambda.max(SMALLEST_SINGLE_LAMBDA), &mut self.step)
        } else {
            self.double.step(lambda.max(SMALLEST_LAMBDA), &mut self.step)
        }
    }

    /// Takes one step that lowers the cost, with as much damping as it needs. False: there is none.
    fn descend(
        &mut self,
        batch: &StateBatch,
        template: &mut CxTemplate,
        trial: &mut CxTemplate,
        damping: &mut f64,
    ) -> bool {
        for rejections in 0..=MAX_REJECTIONS {
            let Some(promised) = self.damped_step(*damping * 2.0 * self.current.cost) else {
                *damping *= 10.0;
                continue;
            };
            trial.copy_from(template);
            apply_step(trial, &self.tangents, &self.step);
            evaluate(self.level, batch, trial, &mut self.next);
            // A NaN is never accepted.
            if self.next.cost < self.current.cost {
                let gain = (self.current.cost - self.next.cost) / promised.max(f64::MIN_POSITIVE);
                std::mem::swap(&mut self.current, &mut self.next);
                std::mem::swap(template, trial);
                if gain > 0.75 {
                    *damping = (*damping / 5.0).max(SMALLEST_DAMPING);
                } else if gain < 0.25 {
                    *damping *= 4.0;
                }
                return true;
            }
            if self.current.cost < FOUND {
                // Polishing has reached rounding error.
                return false;
            }
            *damping *= if rejections == 0 { 4.0 } else { 10.0 };
        }
        false
    }
}

fn copy(to: &mut AlignedBuffer, from: &[f64]) {
    to.resize(from.len());
    to.copy_from_slice(from);
}

fn phase_of(overlap: Complex64) -> Complex64 {
    let norm = overlap.norm_sqr().sqrt();
    if norm > 0.0 { overlap / norm } else { Complex64::ONE }
}

/// Pushes the batch through the template, keeping what the Jacobian needs.
fn evaluate(level: Level, batch: &StateBatch, template: &CxTemplate, out: &mut Recording) {
    copy(&mut out.states, batch.inputs());
    out.after_first.ensure(batch.inputs().len());
    out.after_cx.ensure(batch.inputs().len() * template.n_cx());
    let (first, layers) = (template.first(), template.layers());
    states::push_recorded(level, first, layers, &mut out.states, &mut out.after_first, &mut out.after_cx);
    let overlap = states::overlap(level, batch.outputs(), &out.states);
    out.phase = phase_of(overlap);
    out.cost = 1.0 - overlap.norm_sqr().sqrt() / batch.n_samples() as f64;
    if out.cost < RESIDUAL_BELOW {
        let residual = states::residual(level, batch.outputs(), &out.states, out.phase);
        out.cost = residual / (2 * batch.n_samples()) as f64;
    }
}

/// The states just before the CX of layer `middle`: the recorded ones after it, with the CX undone.
fn states_before_cx(n: usize, layers: &[Layer], middle: usize, recording: &Recording, out: &mut AlignedBuffer) {
    if middle == layers.len() {
        copy(out, &recording.states);
        return;
    }
    out.resize(recording.states.len());
    let group_len = states::batch_len(n, 1);
    let (control, target) = (1usize << layers[middle].control, 1usize << layers[middle].target);
    for (g, group) in out.chunks_exact_mut(group_len).enumerate() {
        let from = &recording.after_cx[(g * layers.len() + middle) * group_len..][..group_len];
        for (a, amplitude) in group.chunks_exact_mut(AMPLITUDE_STRIDE).enumerate() {
            let source = if a & control != 0 { a ^ target } else { a };
            amplitude.copy_from_slice(&from[source * AMPLITUDE_STRIDE..][..AMPLITUDE_STRIDE]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Slot, sample_count};
    use bqc_linalg::{Stream, Su2};

    static GO: AtomicBool = AtomicBool::new(false);

    fn perturb(t: &mut CxTemplate, radians: f64, s: &mut Stream) {
        for slot in t.slots() {
            let d = [0; 3].map(|_| radians * s.gaussian());
            t.set(slot, t.value(slot) * Su2::exp(d));
        }
    }

    #[test]
    fn finds_its_way_back_to_rounding_error_on_every_level() {
        let mut s = Stream::new(4, 4, 4);
        for (n, count) in [(2, 3), (3, 8), (4, 12), (5, 20), (6, 16)] {
            let target = CxTemplate::random(n, count, &mut s);
            let samples = sample_count(n as usize, 3 * n as usize + 4 * count);
            let batch = StateBatch::sampled(&target, samples, &mut s);
            let exact = StateBatch::exact(&target);
            let mut start = target.clone();
            perturb(&mut start, 0.1, &mut s);
            let mut results = Vec::new();
            for level in Level::available() {
                let mut solver = LmSolver::new(level);
                let mut t = start.clone();
                let outcome = solver.solve(&batch, &mut t, &LmSettings::default(), &GO);
                assert!(outcome.found && outcome.iterations <= 12, "n {n}: {outcome:?}");
                assert!(solver.distance(&exact, &t) < 1e-12, "n {n}: {:e}", solver.distance(&exact, &t));
                results.push(t);
            }
            assert!(results.windows(2).all(|w| w[0] == w[1]), "levels differ at n = {n}");
        }
    }

    #[test]
    fn frozen_slots_stay_and_an_all_frozen_template_is_only_judged() {
        let mut s = Stream::new(4, 4, 5);
        let target = CxTemplate::random(3, 6, &mut s);
        let exact = StateBatch::exact(&target);
        let mut solver = LmSolver::new(Level::detect());
        let mut t = target.clone();
        perturb(&mut t, 0.05, &mut s);
        for slot in [Slot::First(1), Slot::OnControl(2), Slot::OnTarget(4)] {
            t.set(slot, target.value(slot));
            t.set_frozen(slot, true);
        }
        assert!(solver.solve(&exact, &mut t, &LmSettings::default(), &GO).found);
        assert_eq!(t.value(Slot::OnControl(2)), target.value(Slot::OnControl(2)));
        let before = t.clone();
        t.slots().for_each(|slot| t.set_frozen(slot, true));
        let outcome = solver.solve(&exact, &mut t, &LmSettings::default(), &GO);
        assert!(outcome.found && outcome.iterations == 0);
        assert!(before.slots().all(|slot| before.value(slot) == t.value(slot)));
    }

    #[test]
    fn without_cx_the_product_of_one_qubit_gates_is_found() {
        let mut s = Stream::new(4, 4, 6);
        let target = CxTemplate::random(2, 0, &mut s);
        let mut t = CxTemplate::new(2);
        perturb(&mut t, 0.3, &mut s);
        let outcome =
            LmSolver::new(Level::detect()).solve(&StateBatch::exact(&target), &mut t, &LmSettings::default(), &GO);
        assert!(outcome.cost < 1e-25, "{outcome:?}");
    }

    #[test]
    fn hopelessness_is_judged_from_the_costs_alone() {
        let settings = LmSettings::default();
        assert!(!settings.is_hopeless(&[1.0]));
        assert!(!settings.is_hopeless(&[1.0, 0.9, 0.9]));
        assert!(settings.is_hopeless(&[1.0, 0.9, 0.9, 0.9]));
        assert!(!settings.is_hopeless(&[1.0, 0.9, 0.5, 0.2, 0.1]));
    }
}
