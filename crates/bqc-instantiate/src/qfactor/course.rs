//! The course of a candidate's sweeps: which states it is fitted to, what came of it so far, and what follows.
//!
//! All engines share it: they sweep, record the costs, and are told whether to go on. An engine may make many points
//! at once if it ends at the first one that the rules have a verdict on; so the answer depends on neither threads nor
//! timing.

use super::Sweeps;
use bqc_schedule::{CostPoint, Verdict};

/// See the module.
#[derive(Clone, Debug)]
pub struct Course {
    set_index: usize,
    /// Sweeps made before the first point on this set.
    first_sweeps: u32,
    /// On this set.
    points: Vec<CostPoint>,
    n_sweeps: u32,
    verdict: Verdict,
}

impl Default for Course {
    fn default() -> Course {
        Course { set_index: 0, first_sweeps: 0, points: Vec::new(), n_sweeps: 0, verdict: Verdict::Continue }
    }
}

impl Course {
    /// Back to before the first point, in the memory that there is.
    pub fn restart(&mut self) {
        self.points.clear();
        *self = Course { points: std::mem::take(&mut self.points), ..Course::default() };
    }

    /// Which of [`Sweeps::sets`] the candidate is fitted to.
    pub fn set_index(&self) -> usize {
        self.set_index
    }

    /// The points on this set. Before the first one, which is before any sweep on the set, there are none.
    pub fn points(&self) -> &[CostPoint] {
        &self.points
    }

    /// Sweeps made before the first point on this set.
    pub fn first_sweeps(&self) -> u32 {
        self.first_sweeps
    }

    /// Sweeps made so far, on all sets.
    pub fn n_sweeps(&self) -> u32 {
        self.n_sweeps
    }

    /// [`Verdict::Continue`] until it is over.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Takes note of the next point, and gives the rules' verdict on it. A candidate that is overtrained goes on with
    /// the next set, from where it is, unless there is none.
    pub fn record(&mut self, sweeps: &Sweeps, point: CostPoint) -> Verdict {
        self.points.push(point);
        let index = self.points.len() as u32 - 1;
        self.n_sweeps = self.first_sweeps + index * sweeps.rules.sweeps_per_point;
        let found = sweeps.rules.judge(self.first_sweeps, index, point, |k| self.points[k as usize]);
        if found == Verdict::Overtrained && self.set_index + 1 < sweeps.sets.len() {
            self.set_index += 1;
            self.first_sweeps = self.n_sweeps;
            self.points.clear();
        } else {
            self.verdict = found;
        }
        found
    }

    /// Ends it without a verdict of the rules.
    pub fn stop(&mut self) {
        self.verdict = Verdict::Stopped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::Sampler;
    use crate::{CxTemplate, Target};
    use bqc_linalg::Stream;
    use bqc_linalg::lanes::Level;

    fn sweeps(n_sets: usize) -> Sweeps {
        let target = Target::from_cx(&CxTemplate::random(5, 4, &mut Stream::new(1, 1, 1))).unwrap();
        let set = Sampler::new(5, 1, 1).draw(Level::detect(), &target, 8);
        Sweeps { sets: vec![set; n_sets], rules: bqc_schedule::Rules::default() }
    }

    #[test]
    fn who_is_overtrained_goes_on_with_more_states_while_there_are_any() {
        let (sweeps, mut course) = (sweeps(2), Course::default());
        let [fitted, unfitted] = [0.0, 0.5].map(|training| CostPoint { training, validation: 0.5 });
        assert_eq!(
            (course.record(&sweeps, unfitted), course.record(&sweeps, unfitted)),
            (Verdict::Continue, Verdict::Continue)
        );
        assert_eq!(course.record(&sweeps, fitted), Verdict::Overtrained);
        assert_eq!((course.verdict(), course.set_index(), course.points().len()), (Verdict::Continue, 1, 0));
        assert_eq!((course.first_sweeps(), course.n_sweeps()), (16, 16));
        course.record(&sweeps, unfitted);
        assert_eq!((course.points().len(), course.n_sweeps()), (1, 16));
        course.record(&sweeps, fitted);
        assert_eq!((course.verdict(), course.n_sweeps()), (Verdict::Overtrained, 24));
        course.restart();
        assert_eq!((course.verdict(), course.set_index(), course.n_sweeps()), (Verdict::Continue, 0, 0));
    }
}
