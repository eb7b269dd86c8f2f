//! When sweeps stop, grow their samples, or give up: one pure function of the cost history.
//!
//! Engines record a [`CostPoint`] every few sweeps and ask [`Rules::judge`]. CPU and GPU therefore
//! stop for the same reasons, and every reason can be tested with literals. A cost is a squared phase
//! distance over sample states, `1 − |Σ⟨y|Vx⟩|/M`, dimensionless, in `[0, 1]`.

/// Costs after a number of sweeps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CostPoint {
    /// Sweeps done so far, each one way through all gates.
    pub sweeps: u32,
    /// Mean cost of the training states.
    pub training: f64,
    /// Mean cost of the validation states; none where the training states are a basis.
    pub validation: Option<f64>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// More sweeps.
    Continue,
    /// The cost is below the tolerance, on validation states too.
    Converged,
    /// The training states are fitted better than the unitary: take more of them.
    Overtrained,
    /// The cost has all but stopped falling.
    Plateau,
    /// The allowed number of sweeps is used up.
    OutOfSweeps,
    /// A cost is no number, which no input should be able to cause.
    NotFinite,
    /// Whoever asked wants no answer any more.
    Stopped,
}

/// The constants that [`Rules::judge`] decides by.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// A cost at most this is success. BQSKit's default for QFactor is 1e-10, a phase distance of
    /// 1e-5, from where Levenberg–Marquardt needs two steps to an identity; 1e-20 is an identity.
    pub cost_tol: f64,
    /// Sweeps at most. BQSKit allows 100 000 iterations of two sweeps; on templates that can be
    /// instantiated at all, some thousands decide.
    pub max_sweeps: u32,
    /// No start is called overtrained or stuck before this many sweeps: in the first ones the costs
    /// of different states differ by chance. (A start that is judged from its third iteration on
    /// is often lost to this: a known fault of QFactor-Sample with one start.)
    pub min_sweeps: u32,
    /// Length of the window in which the cost must fall, in sweeps: BQSKit's long plateau, 200
    /// iterations of two sweeps.
    pub plateau_sweeps: u32,
    /// A cost above this fraction of the cost one window ago has stopped falling: BQSKit's long
    /// plateau asks for 10 %.
    pub plateau_ratio: f64,
    /// Validation may exceed training by this fraction, beyond what chance explains: BQSKit's
    /// overtraining ratio.
    pub overtrained_gap: f64,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules {
            cost_tol: 1e-10,
            max_sweeps: 20_000,
            min_sweeps: 40,
            plateau_sweeps: 400,
            plateau_ratio: 0.9,
            overtrained_gap: 0.1,
        }
    }
}

/// Successive points that must all show a gap before a start is called overtrained.
pub const OVERTRAINED_POINTS: usize = 3;

/// Standard errors by which the validation cost may exceed the training cost by chance. The cost of
/// one random state fluctuates by up to 100 % of its mean (where the unitaries differ in one
/// direction only), so the mean of `k` states by `1/√k`.
const CHANCE_SIGMAS: f64 = 3.0;

/// Validation costs at a converged training cost may be larger than the tolerance by this factor:
/// the noise of a mean of eight states, generously.
pub(crate) const CONVERGED_SLACK: f64 = 10.0;

impl Rules {
    /// The verdict on a start, from the costs since its sample set was last changed.
    ///
    /// * `history`: points in order, not necessarily equally spaced; an empty one means `Continue`.
    /// * `n_validation`: number of validation states behind each validation cost.
    ///
    /// In this order: a cost that is no number; converged; fitted on training states only; overtrained
    /// for [`OVERTRAINED_POINTS`] points in a row; out of sweeps; plateau.
    pub fn judge(&self, history: &[CostPoint], n_validation: usize) -> Verdict {
        let (Some(first), Some(last)) = (history.first(), history.last()) else { return Verdict::Continue };
        if !last.training.is_finite() || last.validation.is_some_and(|v| !v.is_finite()) {
            return Verdict::NotFinite;
        }
        if last.training <= self.cost_tol {
            let confirmed = last.validation.is_none_or(|v| v <= CONVERGED_SLACK * self.cost_tol);
            return if confirmed { Verdict::Converged } else { Verdict::Overtrained };
        }
        let early = last.sweeps - first.sweeps < self.min_sweeps;
        if !early && self.is_overtrained(history, n_validation) {
            return Verdict::Overtrained;
        }
        if last.sweeps >= self.max_sweeps {
            return Verdict::OutOfSweeps;
        }
        if !early && self.is_stuck(history, last) {
            return Verdict::Plateau;
        }
        Verdict::Continue
    }

    /// The factor by which the mean cost of so many validation states may exceed the training cost.
    pub fn overtrained_factor(&self, n_validation: usize) -> f64 {
        1.0 + self.overtrained_gap + CHANCE_SIGMAS / (n_validation.max(1) as f64).sqrt()
    }

    fn is_overtrained(&self, history: &[CostPoint], n_validation: usize) -> bool {
        let allowed = self.overtrained_factor(n_validation);
        let gap = |p: &CostPoint| p.validation.is_some_and(|v| v > allowed * p.training);
        let recent = &history[history.len().saturating_sub(OVERTRAINED_POINTS)..];
        recent.len() == OVERTRAINED_POINTS && recent.iter().all(gap)
    }

    fn is_stuck(&self, history: &[CostPoint], last: &CostPoint) -> bool {
        let window_ago = |p: &&CostPoint| p.sweeps + self.plateau_sweeps <= last.sweeps;
        let before = history.iter().rev().find(window_ago);
        before.is_some_and(|p| last.training > self.plateau_ratio * p.training)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(sweeps: u32, training: f64, validation: f64) -> CostPoint {
        CostPoint { sweeps, training, validation: Some(validation) }
    }

    fn exact(sweeps: u32, training: f64) -> CostPoint {
        CostPoint { sweeps, training, validation: None }
    }

    fn judge(history: &[CostPoint]) -> Verdict {
        Rules::default().judge(history, 8)
    }

    #[test]
    fn nothing_known_means_go_on() {
        assert_eq!(judge(&[]), Verdict::Continue);
        assert_eq!(judge(&[exact(0, 0.9)]), Verdict::Continue);
    }

    #[test]
    fn convergence_needs_the_validation_states_too() {
        assert_eq!(judge(&[exact(8, 1e-10)]), Verdict::Converged);
        assert_eq!(judge(&[exact(8, 1.1e-10)]), Verdict::Continue);
        assert_eq!(judge(&[at(8, 1e-11, 9e-10)]), Verdict::Converged);
        assert_eq!(judge(&[at(8, 1e-11, 1e-3)]), Verdict::Overtrained);
        assert_eq!(judge(&[at(8, 0.0, 0.0)]), Verdict::Converged);
    }

    #[test]
    fn a_gap_in_the_first_sweeps_is_chance() {
        // Three points, each three times above: but only 16 sweeps old.
        assert_eq!(judge(&[at(0, 0.3, 0.9), at(8, 0.2, 0.6), at(16, 0.1, 0.3)]), Verdict::Continue);
        let later = [at(0, 0.3, 0.3), at(40, 0.3, 0.9), at(48, 0.2, 0.6), at(56, 0.1, 0.3)];
        assert_eq!(judge(&later), Verdict::Overtrained);
    }

    #[test]
    fn a_gap_must_last_and_exceed_chance() {
        // 1 + 0.1 + 3/√8 = 2.16 times the training cost is allowed for eight validation states.
        let small = [at(0, 0.3, 0.3), at(40, 0.1, 0.21), at(48, 0.1, 0.21), at(56, 0.09, 0.19)];
        assert_eq!(judge(&small), Verdict::Continue);
        let once = [at(0, 0.3, 0.3), at(40, 0.1, 0.3), at(48, 0.1, 0.1), at(56, 0.1, 0.3)];
        assert_eq!(judge(&once), Verdict::Continue);
        // With 800 validation states chance explains only 10 % more.
        assert_eq!(Rules::default().judge(&small, 800), Verdict::Overtrained);
    }

    #[test]
    fn a_plateau_is_less_than_a_tenth_in_a_window() {
        assert_eq!(judge(&[exact(0, 0.5), exact(399, 0.5)]), Verdict::Continue);
        assert_eq!(judge(&[exact(0, 0.5), exact(400, 0.46)]), Verdict::Plateau);
        assert_eq!(judge(&[exact(0, 0.5), exact(400, 0.44)]), Verdict::Continue);
        // What happened before the window does not count, falling or standing.
        assert_eq!(judge(&[exact(0, 0.9), exact(400, 0.5), exact(800, 0.499)]), Verdict::Plateau);
        assert_eq!(judge(&[exact(0, 0.5), exact(400, 0.5), exact(800, 0.1)]), Verdict::Continue);
    }

    #[test]
    fn sweeps_run_out() {
        assert_eq!(judge(&[exact(19_900, 0.5), exact(20_000, 0.1)]), Verdict::OutOfSweeps);
        assert_eq!(judge(&[exact(20_000, 1e-12)]), Verdict::Converged);
        let none = Rules { max_sweeps: 0, ..Rules::default() };
        assert_eq!(none.judge(&[exact(0, 0.5)], 0), Verdict::OutOfSweeps);
    }

    #[test]
    fn what_is_no_number_ends_the_start() {
        assert_eq!(judge(&[exact(8, f64::NAN)]), Verdict::NotFinite);
        assert_eq!(judge(&[at(8, 0.1, f64::INFINITY)]), Verdict::NotFinite);
    }
}
