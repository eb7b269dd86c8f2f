//! When sweeps stop, take more samples, or give up: one rule for all engines.
//!
//! The CPU engine and the GPU's kernels record a [`CostPoint`] every few sweeps and ask [`Rules::judge`], so they stop
//! for the same reasons. How many states a template is fitted to, and how many come after those that were fitted
//! better than the unitary, is said here as well. Everything is a pure function of numbers, so that every reason is
//! tested with literals. `no_std`, without allocation and without a dependency: `ptx-builder` compiles this crate for
//! GPUs too.
//!
//! The rules are those of QFactor (arXiv:2306.08152) and QFactor-Sample (arXiv:2405.12866); constants that differ
//! say why.

#![no_std]

/// Validation states behind each validation cost: one group of the engines' layout, which costs as much as the two
/// states that BQSKit uses, and whose mean is less noisy.
pub const N_VALIDATION: u32 = 8;

/// Training states come in groups of so many, because lanes that are left over cost as much as used ones.
pub const GROUP: u32 = 8;

/// The validation cost of a point where the training states are a basis, which needs no validation.
pub const NO_VALIDATION: f64 = -1.0;

/// Successive points that must all show a gap before a start is called overtrained.
pub const OVERTRAINED_POINTS: u32 = 3;

/// Validation may exceed training by this fraction beyond what chance explains: BQSKit's overtraining ratio.
const OVERTRAINED_GAP: f64 = 0.1;

/// Standard errors by which the validation cost may exceed the training cost by chance, over the root of
/// [`N_VALIDATION`]: `3/√8`. The cost of one random state fluctuates by up to 100 % of its mean (where the unitaries
/// differ in one direction only), so the mean of `k` states by `1/√k`.
const CHANCE: f64 = 3.0 / (2.0 * core::f64::consts::SQRT_2);

/// Validation costs at a converged training cost may be larger than the tolerance by this factor: the noise of a mean
/// of eight states, generously.
pub const CONVERGED_SLACK: f64 = 10.0;

/// A set whose residual has so many times as many rows as the template has parameters is not followed by a larger
/// one: what is overtrained on it is not so for want of states. Far above the 1.3 at which overtraining ends in
/// practice.
const ROWS_ENOUGH: u64 = 10;

/// Costs at one judgement, each a squared phase distance over states, `1 − |Σ⟨y|Vx⟩|/M`, dimensionless, in `[0, 1]`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct CostPoint {
    /// Mean cost of the training states.
    pub training: f64,
    /// Mean cost of the validation states, or [`NO_VALIDATION`].
    pub validation: f64,
}

/// What to do next. The codes go between a GPU and its host and never change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Verdict {
    /// The cost is below the tolerance, on validation states too.
    Converged = 0,
    /// The training states are fitted better than the unitary: take more of them.
    Overtrained = 1,
    /// The cost has all but stopped falling.
    Plateau = 2,
    /// The allowed number of sweeps is used up.
    OutOfSweeps = 3,
    /// A cost is not a number, which no input should be able to cause.
    NotFinite = 4,
    /// More sweeps.
    Continue = 6,
    /// The caller wants no answer any more.
    Stopped = 8,
}

/// The constants that [`Rules::judge`] decides by.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(C)]
pub struct Rules {
    /// A cost at most this is success. BQSKit's default for QFactor is 1e-10, a phase distance of 1e-5, from where
    /// Levenberg–Marquardt needs two or three steps to rounding error.
    pub cost_tol: f64,
    /// A cost above this fraction of the cost one window ago has stopped falling: BQSKit's long plateau asks for
    /// 10 %.
    pub plateau_ratio: f64,
    /// The factor by which the mean cost of the validation states may exceed the training cost.
    pub overtrained_factor: f64,
    /// Weight of a gate's previous value in its update, in `[0, 1]`; 0 is QFactor's default.
    pub beta: f64,
    /// Sweeps at most. BQSKit allows 100 000 iterations of two sweeps; successes take some hundred to two thousand.
    pub max_sweeps: u32,
    /// No start is called overtrained or stuck before so many sweeps on a set: in the first ones the costs of
    /// different states differ by chance. (A start that is judged from its third iteration on is often lost to this:
    /// a known fault of QFactor-Sample with one start.)
    pub min_sweeps: u32,
    /// Length of the window in which the cost must fall, in points.
    pub window_points: u32,
    /// Sweeps between two points, at least 1. Each point costs one pass of the validation states.
    pub sweeps_per_point: u32,
}

impl Default for Rules {
    /// For the candidates of a deletion or a search: successes gain a factor of two or more in each hundred sweeps,
    /// and what gains less than a tenth in a hundred is stuck. (BQSKit waits four hundred.)
    fn default() -> Rules {
        Rules {
            cost_tol: 1e-10,
            plateau_ratio: 0.9,
            overtrained_factor: 1.0 + OVERTRAINED_GAP + CHANCE,
            beta: 0.0,
            max_sweeps: 4000,
            min_sweeps: 40,
            window_points: 13,
            sweeps_per_point: 8,
        }
    }
}

impl Rules {
    /// The verdict on a start, from the costs since its set was last changed.
    ///
    /// * `first_sweeps`: sweeps made before the first of these points.
    /// * `index`: the number of the last point, `last`, from 0; each is [`Rules::sweeps_per_point`] after the one
    ///   before.
    /// * `before`: the point of a smaller number, at most [`Rules::window_points`] or two before the last.
    ///
    /// In this order: a cost that is not a number; converged; fitted on training states only; overtrained for
    /// [`OVERTRAINED_POINTS`] points in a row; out of sweeps; plateau.
    #[inline(always)]
    pub fn judge(&self, first_sweeps: u32, index: u32, last: CostPoint, before: impl Fn(u32) -> CostPoint) -> Verdict {
        if !(last.training.is_finite() && last.validation.is_finite()) {
            return Verdict::NotFinite;
        }
        if last.training <= self.cost_tol {
            let is_confirmed = last.validation <= CONVERGED_SLACK * self.cost_tol;
            return if is_confirmed { Verdict::Converged } else { Verdict::Overtrained };
        }
        let sweeps = index * self.sweeps_per_point;
        let is_early = sweeps < self.min_sweeps;
        if !is_early && self.is_overtrained(index, last, &before) {
            return Verdict::Overtrained;
        }
        if first_sweeps + sweeps >= self.max_sweeps {
            return Verdict::OutOfSweeps;
        }
        if !is_early && index >= self.window_points {
            let window_ago = before(index - self.window_points).training;
            if last.training > self.plateau_ratio * window_ago {
                return Verdict::Plateau;
            }
        }
        Verdict::Continue
    }

    #[inline(always)]
    fn is_overtrained(&self, index: u32, last: CostPoint, before: &impl Fn(u32) -> CostPoint) -> bool {
        if index + 1 < OVERTRAINED_POINTS || !self.has_gap(last) {
            return false;
        }
        let mut back = 1;
        while back < OVERTRAINED_POINTS {
            if !self.has_gap(before(index - back)) {
                return false;
            }
            back += 1;
        }
        true
    }

    #[inline(always)]
    fn has_gap(&self, point: CostPoint) -> bool {
        point.validation > self.overtrained_factor * point.training
    }
}

impl Verdict {
    /// The verdict of a code, if it is one.
    pub fn from_code(code: u32) -> Option<Verdict> {
        use Verdict::*;
        [Converged, Overtrained, Plateau, OutOfSweeps, NotFinite, Continue, Stopped]
            .into_iter()
            .find(|verdict| *verdict as u32 == code)
    }
}

/// Training states that a template begins with, whose free gates' matrices hold `n_matrix_reals` real numbers and which
/// has `n_parameters`: `⌊√n_matrix_reals⌋` in whole groups, and at least one; fewer where fewer are enough (see
/// `ROWS_ENOUGH`), which is so in wide blocks.
///
/// The square root is QFactor-Sample's rule with its coefficient 1 (arXiv:2405.12866).
pub fn first_count(width: u32, n_matrix_reals: u32, n_parameters: u32) -> u32 {
    let by_rule = n_matrix_reals.isqrt().next_multiple_of(GROUP).max(GROUP);
    let enough = (ROWS_ENOUGH * u64::from(n_parameters)).div_ceil(2 << width);
    let enough = u32::try_from(enough).unwrap_or(by_rule).next_multiple_of(GROUP).max(GROUP);
    feasible_count(width, by_rule.min(enough))
}

/// Training states that follow `n_states` on which starts were overtrained: twice as many. None after a basis, and
/// none after a set that has states enough for a template with `n_parameters` (see `ROWS_ENOUGH`).
pub fn next_count(width: u32, n_states: u32, n_parameters: u32) -> Option<u32> {
    let n_rows = (2 * u64::from(n_states)) << width;
    let is_basis = n_states >= 1 << width;
    let is_enough = n_rows >= ROWS_ENOUGH * u64::from(n_parameters);
    (!is_basis && !is_enough).then(|| feasible_count(width, 2 * n_states))
}

/// The wish, or all `2^width` states once there would not be enough dimensions for the validation states.
pub fn feasible_count(width: u32, wish: u32) -> u32 {
    let dim = 1 << width;
    if wish + N_VALIDATION > dim { dim } else { wish }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::*;
    use std::vec::Vec;

    /// The default rules with a window of 400 sweeps, as BQSKit has it, one sweep a point.
    fn rules() -> Rules {
        Rules { max_sweeps: 20_000, window_points: 400, sweeps_per_point: 1, ..Rules::default() }
    }

    /// The verdict on points that are all like the first until `later` come, the last of them at `index`.
    fn judge_at(rules: &Rules, index: u32, first: CostPoint, later: &[CostPoint]) -> Verdict {
        let mut history: Vec<CostPoint> = (0..=index).map(|_| first).collect();
        let at = history.len() - later.len();
        history[at..].copy_from_slice(later);
        rules.judge(0, index, history[index as usize], |k| history[k as usize])
    }

    fn at(training: f64, validation: f64) -> CostPoint {
        CostPoint { training, validation }
    }

    fn exact(training: f64) -> CostPoint {
        at(training, NO_VALIDATION)
    }

    #[test]
    fn convergence_needs_the_validation_states_too() {
        let judge = |point: CostPoint| judge_at(&rules(), 8, point, &[]);
        assert_eq!(judge(exact(0.9)), Verdict::Continue);
        assert_eq!(judge(exact(1e-10)), Verdict::Converged);
        assert_eq!(judge(exact(1.1e-10)), Verdict::Continue);
        assert_eq!(judge(at(1e-11, 9e-10)), Verdict::Converged);
        assert_eq!(judge(at(1e-11, 1e-3)), Verdict::Overtrained);
        assert_eq!(judge(at(0.0, 0.0)), Verdict::Converged);
    }

    #[test]
    fn a_gap_must_last_exceed_chance_and_not_be_of_the_first_sweeps() {
        let wide = [at(0.3, 0.9), at(0.2, 0.6), at(0.1, 0.3)];
        let judge = |index, later: &[CostPoint]| judge_at(&rules(), index, at(0.3, 0.3), later);
        assert_eq!(judge(16, &wide), Verdict::Continue);
        assert_eq!(judge(56, &wide), Verdict::Overtrained);
        // 1 + 0.1 + 3/√8 = 2.16 times the training cost is allowed for eight validation states.
        assert_eq!(judge(56, &[at(0.1, 0.21), at(0.1, 0.21), at(0.09, 0.19)]), Verdict::Continue);
        assert_eq!(judge(56, &[at(0.1, 0.3), at(0.1, 0.1), at(0.1, 0.3)]), Verdict::Continue);
    }

    #[test]
    fn a_plateau_is_less_than_a_tenth_in_a_window() {
        let judge = |index, last| judge_at(&rules(), index, exact(0.5), &[exact(last)]);
        assert_eq!(judge(399, 0.5), Verdict::Continue);
        assert_eq!(judge(400, 0.46), Verdict::Plateau);
        assert_eq!(judge(400, 0.44), Verdict::Continue);
        // What happened before the window does not count.
        assert_eq!(rules().judge(0, 800, exact(0.499), |k| exact(if k < 400 { 0.9 } else { 0.5 })), Verdict::Plateau);
    }

    #[test]
    fn sweeps_run_out_over_all_sets() {
        let rules = Rules { window_points: 100_000, ..rules() };
        let judge = |first_sweeps, cost| rules.judge(first_sweeps, 100, exact(cost), |_| exact(0.5));
        assert_eq!(judge(19_899, 0.1), Verdict::Continue);
        assert_eq!(judge(19_900, 0.1), Verdict::OutOfSweeps);
        assert_eq!(judge(19_900, 1e-12), Verdict::Converged);
        let none = Rules { max_sweeps: 0, ..rules };
        assert_eq!(none.judge(0, 0, exact(0.5), |_| exact(0.5)), Verdict::OutOfSweeps);
    }

    #[test]
    fn what_is_not_a_number_ends_the_start() {
        assert_eq!(judge_at(&rules(), 8, exact(f64::NAN), &[]), Verdict::NotFinite);
        assert_eq!(judge_at(&rules(), 8, at(0.1, f64::INFINITY), &[]), Verdict::NotFinite);
    }

    #[test]
    fn counts_follow_the_square_root_rule_in_whole_groups_and_grow_while_states_are_few() {
        // √(18·32) = 24 and √(24·32) = 27.7.
        assert_eq!([0, 18 * 32, 24 * 32].map(|reals| first_count(6, reals, 1000)), [8, 24, 32]);
        // 2·8·1024 rows are enough for 300 parameters, 2·8·128 are not.
        assert_eq!([7, 10].map(|width| first_count(width, 800, 300)), [16, 8]);
        assert_eq!([(0, 8), (3, 8), (4, 8), (5, 32)].map(|(n, m)| feasible_count(n, m)), [1, 8, 8, 32]);
        assert_eq!(feasible_count(6, 57), 64);
        // 2·8·64 = 1024 rows, and ten times 200 parameters are wanted.
        assert_eq!([next_count(6, 8, 200), next_count(6, 8, 100)], [Some(16), None]);
        assert_eq!([next_count(6, 32, 1000), next_count(6, 64, 10_000)], [Some(64), None]);
    }

    #[test]
    fn verdicts_have_the_codes_that_they_come_from() {
        assert_eq!(Verdict::from_code(Verdict::OutOfSweeps as u32), Some(Verdict::OutOfSweeps));
        assert_eq!([5, 7, u32::MAX].map(Verdict::from_code), [None; 3]);
    }
}
