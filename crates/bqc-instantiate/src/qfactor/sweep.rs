//! The state of one start and its sweeps.
//!
//! A sweep to the right carries kets `K = V_{<k}·x` forward and needs, at every step, the bras
//! `B = V_{>k}†·y`, whose gates have not changed since the sweep to the left that went before. So each
//! sweep leaves behind, in one batch a step, what the next one needs: kets before the step or bras after
//! it. Nothing is undone, no rounding error accumulates, and a step costs one environment and one
//! application, 8·2^w/4 complex products an amplitude instead of the 12 of a sweep that takes old gates
//! out. The price is one batch of memory a step.
//!
//! Batches are `[group][2^n][re 8, im 8]`. A step writes its result into the batch that it has just
//! used up, and the two change places: states are never copied.

use super::plan::{self, Step};
use crate::StateBatch;
use crate::ops;
use crate::reference::Direction;
use crate::template::{FreeValue, Template, Values};
use bqc_linalg::lanes::environment::{environment_one, environment_two};
use bqc_linalg::lanes::two_qubit::{PairedCx, apply_local_pair_into, apply_one_into, apply_two_into};
use bqc_linalg::lanes::{AlignedBuffer, Level};
use bqc_linalg::polar::{best_su2, best_unitary4};
use bqc_linalg::{Matrix2, Matrix4, Su2};

/// Below this cost the overlap has lost half its digits to cancellation, and the residual is summed
/// instead: one more pass over the states, where a sweep makes two a step.
const RESIDUAL_BELOW: f64 = 1e-8;

/// How gates are updated.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SweepSettings {
    /// Weight of a gate's previous value in its update, in `[0, 1]`; 0 is QFactor's default.
    pub beta: f64,
}

/// One start: values, and the states that its sweeps leave behind.
#[derive(Clone, Debug)]
pub struct Sweeper {
    level: Level,
    n: usize,
    steps: Vec<Step>,
    values: Vec<FreeValue>,
    /// One batch for each step that is not fixed: kets before it, or bras after it.
    left_behind: Vec<AlignedBuffer>,
    current: AlignedBuffer,
    /// The way that the next sweep goes.
    next: Direction,
    cost: f64,
}

impl Sweeper {
    /// Starts from `values` on a batch of samples: one pass, which also gives the cost of the start.
    /// Panics if the values or the samples do not belong to the template.
    pub fn new(level: Level, template: &Template, values: &Values, samples: &StateBatch) -> Sweeper {
        assert_eq!((values.0.len(), samples.n()), (template.n_free(), usize::from(template.width())));
        let mut sweeper = Sweeper {
            level,
            n: samples.n(),
            steps: plan::steps(template),
            values: values.0.clone(),
            left_behind: Vec::new(),
            current: AlignedBuffer::zeroed(0),
            next: Direction::RightToLeft,
            cost: 0.0,
        };
        sweeper.restart_on(samples);
        sweeper
    }

    /// Starts again as [`Sweeper::new`] does, in the memory that there is.
    pub fn begin(&mut self, template: &Template, values: &Values, samples: &StateBatch) {
        assert_eq!((values.0.len(), samples.n()), (template.n_free(), usize::from(template.width())));
        self.n = samples.n();
        self.steps = plan::steps(template);
        self.values.clone_from(&values.0);
        self.restart_on(samples);
    }

    /// Goes on with the present values on other samples.
    pub fn restart_on(&mut self, samples: &StateBatch) {
        let n_batches = self.steps.iter().filter(|s| !matches!(s, Step::Fixed(_))).count();
        self.left_behind.resize_with(n_batches, AlignedBuffer::default);
        self.left_behind.iter_mut().for_each(|b| b.resize(samples.inputs().len()));
        self.current.resize(samples.inputs().len());
        self.pass::<false>(samples, Direction::LeftToRight, &SweepSettings::default());
    }

    /// The values at present.
    pub fn values(&self) -> Values {
        Values(self.values.clone())
    }

    /// Squared phase distance on the samples, `1 − |Σ⟨y|Vx⟩|/M`.
    pub fn cost(&self) -> f64 {
        self.cost
    }

    /// One sweep through all gates, in the direction opposite to the one before; the first goes to the
    /// left. `samples` are those that it was started on. Returns the cost.
    pub fn sweep(&mut self, samples: &StateBatch, settings: &SweepSettings) -> f64 {
        assert_eq!(samples.inputs().len(), self.current.len(), "other samples than before");
        if self.values.is_empty() {
            // Nothing to change: the cost is that of the start.
            return self.cost;
        }
        self.pass::<true>(samples, self.next, settings);
        self.cost
    }

    /// Goes through the steps once; with `UPDATE` the batches left behind are used before they are
    /// replaced.
    fn pass<const UPDATE: bool>(&mut self, samples: &StateBatch, direction: Direction, settings: &SweepSettings) {
        let to_right = direction == Direction::LeftToRight;
        self.current.copy_from_slice(if to_right { samples.inputs() } else { samples.outputs() });
        let mut overlap = None;
        let mut steps = std::mem::take(&mut self.steps);
        let mut batch = if to_right { 0 } else { self.left_behind.len() };
        let mut visit = |step: &Step| {
            if let Step::Fixed(op) = step {
                let op = if to_right { *op } else { op.dagger() };
                op.apply(self.level, self.n, &mut self.current);
                return;
            }
            batch -= usize::from(!to_right);
            if UPDATE {
                overlap = Some(self.update(step, batch, to_right, settings));
            }
            self.apply(step, batch, to_right);
            std::mem::swap(&mut self.current, &mut self.left_behind[batch]);
            batch += usize::from(to_right);
        };
        if to_right {
            steps.iter().for_each(&mut visit)
        } else {
            steps.iter().rev().for_each(&mut visit)
        }
        std::mem::swap(&mut self.steps, &mut steps);
        self.next = if to_right { Direction::RightToLeft } else { Direction::LeftToRight };
        let by_trace = overlap.map(|s| 1.0 - s / samples.n_samples() as f64);
        self.cost = match by_trace {
            Some(cost) if cost > RESIDUAL_BELOW => cost,
            // Also where the cost is no number: the residual will say so.
            _ => {
                let wanted = if to_right { samples.outputs() } else { samples.inputs() };
                ops::fit(self.level, samples.n_samples(), wanted, &self.current).cost
            }
        };
    }

    /// Replaces the values of a step by the best for their environment; returns the overlap.
    fn update(&mut self, step: &Step, batch: usize, to_right: bool, settings: &SweepSettings) -> f64 {
        let other = &self.left_behind[batch];
        let (bras, kets) = if to_right { (other, &self.current) } else { (&self.current, other) };
        match *step {
            Step::Fixed(_) => unreachable!("fixed steps have no values"),
            Step::One { slot, qubit } => {
                let e = environment_one(self.level, self.n, qubit, bras, kets);
                let best = best_su2(&e, one(&self.values[slot]), settings.beta);
                self.values[slot] = FreeValue::One(best.value);
                best.overlap
            }
            Step::Two { slot, pair } => {
                let e = environment_two(self.level, self.n, pair, false, bras, kets);
                let best = best_unitary4(self.level, &e, two(&self.values[slot]), settings.beta);
                self.values[slot] = FreeValue::Two(best.value);
                best.overlap
            }
            Step::LocalPair { slots, pair, cx } => {
                let e = environment_two(self.level, self.n, pair, cx, bras, kets);
                let mut gates = slots.map(|slot| one(&self.values[slot]));
                let overlap = best_local_pair(&e, &mut gates, to_right, settings.beta);
                for (slot, gate) in slots.into_iter().zip(gates) {
                    self.values[slot] = FreeValue::One(gate);
                }
                overlap
            }
        }
    }

    /// Takes the current states through a step, into the batch that the step has used up.
    fn apply(&mut self, step: &Step, batch: usize, to_right: bool) {
        let (level, n, from, to) = (self.level, self.n, &self.current, &mut self.left_behind[batch]);
        let turned = |u: Su2| if to_right { u } else { u.dagger() };
        match *step {
            Step::Fixed(_) => unreachable!("fixed steps are applied in place"),
            Step::One { slot, qubit } => {
                apply_one_into(level, n, qubit, turned(one(&self.values[slot])), from, to);
            }
            Step::Two { slot, pair } => {
                let u = two(&self.values[slot]);
                let turned = if to_right { *u } else { u.dagger() };
                apply_two_into(level, n, pair, &turned, from, to);
            }
            Step::LocalPair { slots, pair, cx } => {
                let order = match (cx, to_right) {
                    (false, _) => PairedCx::None,
                    (true, true) => PairedCx::Before,
                    (true, false) => PairedCx::After,
                };
                let gates = slots.map(|slot| turned(one(&self.values[slot])));
                apply_local_pair_into(level, n, pair, order, gates, from, to);
            }
        }
    }
}

fn one(value: &FreeValue) -> Su2 {
    match value {
        FreeValue::One(u) => *u,
        FreeValue::Two(_) => panic!("the plan gives one-qubit steps one-qubit slots"),
    }
}

fn two(value: &FreeValue) -> &Matrix4 {
    match value {
        FreeValue::Two(u) => u,
        FreeValue::One(_) => panic!("the plan gives two-qubit steps two-qubit slots"),
    }
}

/// Improves `u_a`, then `u_b`, for `Tr(E·(u_b ⊗ u_a))`; the other way round on a sweep to the left.
/// Returns the overlap.
///
/// Improving each more than once within their common environment saves no sweeps (measured on 96
/// starts near solutions: one, two and four rounds take the same number within 2 %).
fn best_local_pair(e: &Matrix4, [a, b]: &mut [Su2; 2], to_right: bool, beta: f64) -> f64 {
    if to_right {
        *a = best_su2(&environment_of_a(e, *b), *a, beta).value;
        let best = best_su2(&environment_of_b(e, *a), *b, beta);
        *b = best.value;
        best.overlap
    } else {
        *b = best_su2(&environment_of_b(e, *a), *b, beta).value;
        let best = best_su2(&environment_of_a(e, *b), *a, beta);
        *a = best.value;
        best.overlap
    }
}

/// `Tr_b(E·(u_b ⊗ 1))`; rows and columns of `E` are `2·(bit of b) + (bit of a)`.
fn environment_of_a(e: &Matrix4, b: Su2) -> Matrix2 {
    let u = Matrix2::from(b).0;
    let block = |j: usize, i: usize| {
        e.0[j][i] * u[0][0] + e.0[2 + j][i] * u[0][1] + e.0[j][2 + i] * u[1][0] + e.0[2 + j][2 + i] * u[1][1]
    };
    Matrix2::from_fn(block)
}

/// `Tr_a(E·(1 ⊗ u_a))`.
fn environment_of_b(e: &Matrix4, a: Su2) -> Matrix2 {
    let u = Matrix2::from(a).0;
    let block = |j: usize, i: usize| {
        let (j, i) = (2 * j, 2 * i);
        e.0[j][i] * u[0][0] + e.0[j + 1][i] * u[0][1] + e.0[j][i + 1] * u[1][0] + e.0[j + 1][i + 1] * u[1][1]
    };
    Matrix2::from_fn(block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Op;
    use crate::samples;
    use crate::target::Target;
    use crate::{reference, samples::Sampler};
    use bqc_circuit::BlockQubit;
    use bqc_linalg::lanes::two_qubit::amplitude;
    use bqc_linalg::{Matrix, Stream, phase_distance};

    fn columns(batch: &StateBatch, of: &[f64]) -> Matrix {
        Matrix::from_fn(1 << batch.n(), batch.n_samples(), |r, c| amplitude(batch.n(), of, c, r))
    }

    /// Two-qubit gates on random pairs, constants and single gates in between.
    fn random_template(n: u8, n_gates: usize, s: &mut Stream) -> Template {
        let mut t = Template::new(n).unwrap();
        for _ in 0..n_gates {
            let a = BlockQubit(s.below(n.into()) as u16);
            let b = BlockQubit((a.0 + 1 + s.below((usize::from(n) - 1).max(1)) as u16) % u16::from(n));
            match s.below(if n == 1 { 2 } else { 7 }) {
                0 | 6 => t.push_free_one(a).unwrap(),
                1 => t.push_constant(&[a], &s.su2().matrix()).unwrap(),
                2 => t.push_constant(&[a, b], &Matrix::haar(4, s)).unwrap(),
                3 => t.push_cx(a, b).unwrap(),
                _ => t.push_free_two(a, b).unwrap(),
            }
        }
        t
    }

    /// The same template with its gates listed in the order of the plan's steps, which is the order
    /// in which they are improved.
    fn in_order_of_plan(t: &Template) -> Template {
        let mut ordered = Template::new(t.width()).unwrap();
        for step in plan::steps(t) {
            match step {
                Step::Fixed(Op::Cx { control, target }) => {
                    ordered.push_cx(BlockQubit(control.into()), BlockQubit(target.into())).unwrap();
                }
                Step::Fixed(Op::One { qubit, value }) => {
                    ordered.push_constant(&[BlockQubit(qubit.into())], &value.matrix()).unwrap();
                }
                Step::Fixed(Op::Two { pair, value }) => {
                    ordered
                        .push_constant(&[BlockQubit(pair.a.into()), BlockQubit(pair.b.into())], &value.matrix())
                        .unwrap();
                }
                Step::One { qubit, .. } => ordered.push_free_one(BlockQubit(qubit.into())).unwrap(),
                Step::Two { pair, .. } => {
                    ordered.push_free_two(BlockQubit(pair.a.into()), BlockQubit(pair.b.into())).unwrap()
                }
                Step::LocalPair { pair, cx, .. } => {
                    if cx {
                        ordered.push_cx(BlockQubit(pair.b.into()), BlockQubit(pair.a.into())).unwrap();
                    }
                    ordered.push_free_one(BlockQubit(pair.a.into())).unwrap();
                    ordered.push_free_one(BlockQubit(pair.b.into())).unwrap();
                }
            }
        }
        ordered
    }

    #[test]
    fn sweeps_are_those_of_the_reference_on_every_level() {
        let mut s = Stream::new(0, 8, 0);
        for n in [1u8, 2, 3, 4, 5] {
            for round in 0..4 {
                let n_gates = if round == 0 { 0 } else { 9 };
                let t = in_order_of_plan(&random_template(n, n_gates, &mut s));
                let target = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
                let set = Sampler::new(n, 1, round).draw(Level::detect(), &target, 8);
                let x = columns(&set.training, set.training.inputs());
                let y = columns(&set.training, set.training.outputs());
                let start = t.random_values(&mut s);
                let mut results: Vec<(Values, f64)> = Vec::new();
                for level in Level::available() {
                    let mut sweeper = Sweeper::new(level, &t, &start, &set.training);
                    assert!((sweeper.cost() - reference::cost(&t, &start, &x, &y)).abs() < 1e-13);
                    let mut expected = start.clone();
                    for sweep in 0..4 {
                        let direction = [Direction::RightToLeft, Direction::LeftToRight][sweep % 2];
                        reference::sweep(&t, &mut expected, &x, &y, direction);
                        let cost = sweeper.sweep(&set.training, &SweepSettings::default());
                        let (u, v) = (reference::unitary(&t, &expected), reference::unitary(&t, &sweeper.values()));
                        assert!(phase_distance(&u, &v) < 1e-8, "n {n} sweep {sweep}: {:e}", phase_distance(&u, &v));
                        assert!((cost - reference::cost(&t, &sweeper.values(), &x, &y)).abs() < 1e-12);
                    }
                    results.push((sweeper.values(), sweeper.cost()));
                }
                assert!(results.windows(2).all(|w| w[0] == w[1]), "levels differ");
            }
        }
    }

    #[test]
    fn the_cost_never_rises_and_values_stay_unitary() {
        let mut s = Stream::new(0, 8, 1);
        for n in [2u8, 3, 4] {
            let mut t = Template::new(n).unwrap();
            for _ in 0..8 {
                let a = s.below(n.into()) as u8;
                let b = (a + 1 + s.below(usize::from(n) - 1) as u8) % n;
                t.push_cx(BlockQubit(a.into()), BlockQubit(b.into())).unwrap();
                t.push_free_one(BlockQubit(b.into())).unwrap();
                t.push_free_one(BlockQubit(a.into())).unwrap();
            }
            t.push_free_two(BlockQubit(1), BlockQubit(0)).unwrap();
            let target = Target::from_matrix(&Matrix::haar(1 << n, &mut s)).unwrap();
            let batch = samples::exact(Level::detect(), &target);
            let mut sweeper = Sweeper::new(Level::detect(), &t, &t.random_values(&mut s), &batch);
            let mut last = sweeper.cost();
            for _ in 0..400 {
                let cost = sweeper.sweep(&batch, &SweepSettings::default());
                assert!(cost <= last + 1e-14, "{cost} after {last}");
                last = cost;
            }
            assert_eq!(t.check_values(&sweeper.values()), Ok(()));
        }
    }

    #[test]
    fn one_free_two_qubit_gate_is_found_in_two_sweeps() {
        let mut s = Stream::new(0, 8, 2);
        let mut t = Template::new(2).unwrap();
        t.push_free_two(BlockQubit(1), BlockQubit(0)).unwrap();
        let target = Target::from_matrix(&Matrix::haar(4, &mut s)).unwrap();
        let batch = samples::exact(Level::detect(), &target);
        let mut sweeper = Sweeper::new(Level::detect(), &t, &t.random_values(&mut s), &batch);
        // The first one is right to the weight that an update gives to the value before it, 1e-12.
        assert!(sweeper.sweep(&batch, &SweepSettings::default()) < 1e-23);
        assert!(sweeper.sweep(&batch, &SweepSettings::default()) < 1e-28);
        assert!(target.phase_distance(Level::detect(), &t.ops(&sweeper.values())) < 1e-14);
    }
}
