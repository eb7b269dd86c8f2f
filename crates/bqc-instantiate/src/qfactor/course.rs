//! The course of a problem: what each of its starts does next, when it gives up, and when all is over. All
//! engines share it; they only sweep and solve.
//!
//! An engine asks for the [`Order`] of a start, carries it out, and records the costs that came of it;
//! attempts of Levenberg–Marquardt that are due come next, then all starts are judged. A start's *time* is
//! the number of points in its history. The problem ends at the earliest time at which a start has
//! converged and passes the full check of all columns; among several, with the first of them. What
//! others did after that time is left out of the reports. So the answer depends on neither threads nor
//! timing, nor on how many points an engine makes at once.

use crate::cx_form::CxForm;
use crate::instantiate::{Outcome, Problem, ProblemError, StartReport, check, first_count, start_values};
use crate::samples::{self, N_VALIDATION, SampleSet, Sampler};
use crate::schedule::{CONVERGED_SLACK, CostPoint, Verdict};
use crate::{LmOutcome, StateBatch, Values};
use bqc_linalg::lanes::Level;

/// What a start does next: it begins on a sample set if that is new to it, and sweeps.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// Where the start is now.
    pub values: &'a Values,
    /// Whether it begins on its sample set: then the first point to be recorded is before any sweep.
    pub begins: bool,
    /// The states to be fitted, and which of the problem's sets they are.
    pub set: &'a SampleSet,
    /// The set's index: a larger one is a larger set.
    pub set_index: usize,
    /// Its history on this set. The next sweep goes to the left if it has made an even number since its
    /// first point.
    pub segment: &'a [CostPoint],
    /// Sweeps that it has made so far.
    pub sweeps: u32,
    /// The time of the first point to be recorded.
    pub time: usize,
    /// Rounds that it may make, each of which is a point; it has to end at the first point that the
    /// rules have a verdict on.
    pub n_rounds: u32,
}

/// See the module.
pub struct Course<'a> {
    level: Level,
    problem: &'a Problem<'a>,
    most_samples: usize,
    sampler: Sampler,
    /// States for Levenberg–Marquardt: only as many as it needs.
    finish_states: Option<StateBatch>,
    /// Each twice as large as the one before, drawn when the first start needs it.
    sets: Vec<SampleSet>,
    starts: Vec<Running>,
    /// Time and index of the start that ends the problem, as far as is known.
    winner: Option<(usize, usize)>,
}

struct Running {
    values: Values,
    /// Which of the sample sets it is to be fitted to.
    set: usize,
    /// Where in the history the points of each set begin: as many as it was begun on.
    segments: Vec<usize>,
    history: Vec<CostPoint>,
    /// Sweeps at which Levenberg–Marquardt is tried next.
    next_finish: u32,
    /// Attempts: the time of each and its iterations.
    attempts: Vec<(usize, usize)>,
    /// What the last one has found, until the full check.
    finished: Option<Values>,
    /// Whether there are points that have not been judged.
    has_moved: bool,
    verdict: Verdict,
}

impl Running {
    fn sweeps(&self) -> u32 {
        self.history.last().map_or(0, |point| point.sweeps)
    }

    fn begins(&self) -> bool {
        self.segments.len() <= self.set
    }

    /// Where the start is now, or what Levenberg–Marquardt has made of it.
    fn values(&self) -> &Values {
        self.finished.as_ref().unwrap_or(&self.values)
    }
}

/// What needs no engine: a problem that is wrong, and a template without free gates, which has one value
/// and either fits or not.
pub fn trivial(level: Level, problem: &Problem<'_>) -> Result<Option<Outcome>, ProblemError> {
    check(problem)?;
    if problem.template.n_free() > 0 {
        return Ok(None);
    }
    let values = Values::default();
    let distance = problem.target.phase_distance(level, &problem.template.ops(&values));
    let cost = distance * distance;
    let verdict = if cost <= problem.settings.rules.cost_tol { Verdict::Converged } else { Verdict::Plateau };
    let history = vec![CostPoint { sweeps: 0, training: cost, validation: None }];
    let n_samples = 1 << problem.template.width();
    let report = StartReport { verdict, sweeps: 0, n_samples, lm_iterations: 0, history };
    Ok(Some(Outcome { values, distance, best_start: 0, verdict, starts: vec![report; problem.starts.len()] }))
}

impl<'a> Course<'a> {
    /// The course of a problem that is not [`trivial`], before its first order. No start is given more
    /// than `most_samples` states, of which there are enough for the first set.
    pub fn new(level: Level, problem: &'a Problem<'a>, most_samples: usize) -> Course<'a> {
        let mut sampler = Sampler::new(problem.template.width(), problem.seed, problem.key);
        let set = sampler.draw(level, problem.target, first_count(problem));
        let finish_states = problem.settings.finish.as_ref().and_then(|_| finish_states(level, problem, &mut sampler));
        let next_finish = problem.settings.finish.as_ref().map_or(u32::MAX, |f| f.first_after_sweeps);
        let start = |index| Running {
            values: start_values(problem, index),
            set: 0,
            segments: Vec::new(),
            history: Vec::new(),
            next_finish,
            attempts: Vec::new(),
            finished: None,
            has_moved: false,
            verdict: Verdict::Continue,
        };
        let starts = (0..problem.starts.len()).map(start).collect();
        Course { level, problem, most_samples, sampler, finish_states, sets: vec![set], starts, winner: None }
    }

    /// The problem.
    pub fn problem(&self) -> &'a Problem<'a> {
        self.problem
    }

    /// What a start has to do, in at most `most_rounds` rounds; none if it has ended, or if nothing that
    /// it does can matter any more. When no start has anything to do the problem is over.
    pub fn order(&self, index: usize, most_rounds: u32) -> Option<Order<'_>> {
        let start = &self.starts[index];
        let time = start.history.len();
        let left = self.winner.map_or(usize::MAX, |(end, _)| (end + 1).saturating_sub(time));
        if start.verdict != Verdict::Continue || left == 0 {
            return None;
        }
        let begins = start.begins();
        let n_points = u32::try_from(left).unwrap_or(u32::MAX);
        let n_rounds = self.rounds_to_finish(start).min(most_rounds).min(n_points - u32::from(begins));
        let segment = if begins { &[] } else { &start.history[start.segments[start.set]..] };
        let (set, set_index, sweeps) = (&self.sets[start.set], start.set, start.sweeps());
        Some(Order { values: &start.values, begins, set, set_index, segment, sweeps, time, n_rounds })
    }

    /// Rounds until Levenberg–Marquardt is due. It is never due at the first point of all.
    fn rounds_to_finish(&self, start: &Running) -> u32 {
        if self.finish_states.is_none() {
            return u32::MAX;
        }
        let is_due = start.next_finish <= start.sweeps();
        let in_hand = u32::from(!start.begins() || start.history.is_empty());
        match start.next_finish.saturating_sub(start.sweeps()) {
            _ if is_due => in_hand,
            sweeps => sweeps.div_ceil(self.problem.settings.sweeps_per_round.max(1)),
        }
    }

    /// Takes note of what came of an order: the points, at least one, and the values after the last.
    pub fn record(&mut self, index: usize, points: &[CostPoint], values: Values) {
        let start = &mut self.starts[index];
        if start.begins() {
            start.segments.push(start.history.len());
        }
        start.history.extend_from_slice(points);
        start.values = values;
        start.has_moved = true;
    }

    /// The states of the attempts of Levenberg–Marquardt, if there are any.
    pub fn finish_states(&self) -> Option<&StateBatch> {
        self.finish_states.as_ref()
    }

    /// Where an attempt of Levenberg–Marquardt begins, if one is due after what was recorded. It counts
    /// as made.
    pub fn attempt(&mut self, index: usize) -> Option<CxForm> {
        let finish = self.problem.settings.finish.as_ref().filter(|_| self.finish_states.is_some())?;
        let start = &mut self.starts[index];
        let sweeps = start.sweeps();
        if !start.has_moved || start.history.len() < 2 || sweeps < start.next_finish {
            return None;
        }
        start.next_finish = sweeps.max(1).saturating_mul(finish.next_after_times.max(2));
        CxForm::new(self.problem.template, &start.values)
    }

    /// Takes note of how an attempt ended.
    pub fn attempted(&mut self, index: usize, form: &CxForm, outcome: &LmOutcome) {
        let start = &mut self.starts[index];
        start.attempts.push((start.history.len() - 1, outcome.iterations));
        start.finished = outcome.found.then(|| form.values());
    }

    /// Judges what has been recorded; with `is_stopped` all starts end that have not yet.
    pub fn judge(&mut self, is_stopped: bool) {
        for index in 0..self.starts.len() {
            let start = &mut self.starts[index];
            if start.verdict != Verdict::Continue {
                continue;
            }
            if is_stopped {
                start.verdict = Verdict::Stopped;
                continue;
            }
            let now = (start.history.len().saturating_sub(1), index);
            if !std::mem::take(&mut start.has_moved) || self.winner.is_some_and(|winner| now > winner) {
                continue;
            }
            let verdict = self.verdict(index);
            self.starts[index].verdict = verdict;
            if verdict == Verdict::Converged {
                self.winner = Some(now);
            }
        }
    }

    /// The rules' verdict, with the full check behind a convergence and growth behind overtraining.
    fn verdict(&mut self, index: usize) -> Verdict {
        let rules = &self.problem.settings.rules;
        if self.starts[index].finished.is_some() {
            if self.passes(index) {
                return Verdict::Converged;
            }
            // Fitted on its states only: the sweeps know better.
            self.starts[index].finished = None;
        }
        let start = &self.starts[index];
        match rules.judge(&start.history[start.segments[start.set]..], N_VALIDATION) {
            Verdict::Converged if !self.passes(index) => self.grow(index),
            Verdict::Overtrained => self.grow(index),
            other => other,
        }
    }

    /// Gives a start twice the samples, or says why not.
    fn grow(&mut self, index: usize) -> Verdict {
        let set = self.starts[index].set;
        if self.sets[set].is_exact() {
            // A basis cannot be overtrained: here the sweeps' own cost was wrong, which is not hidden.
            return Verdict::Overtrained;
        }
        if set + 1 == self.sets.len() {
            let wish = 2 * self.sets[set].training.n_samples();
            let n_samples = samples::feasible_count(self.problem.template.width(), wish);
            if n_samples > self.most_samples {
                return Verdict::Overtrained;
            }
            self.sets.push(self.sampler.draw(self.level, self.problem.target, n_samples));
        }
        self.starts[index].set += 1;
        Verdict::Continue
    }

    /// The full check.
    fn passes(&self, index: usize) -> bool {
        let distance = self.distance(index);
        distance * distance <= CONVERGED_SLACK * self.problem.settings.rules.cost_tol
    }

    fn distance(&self, index: usize) -> f64 {
        let ops = self.problem.template.ops(self.starts[index].values());
        self.problem.target.phase_distance(self.level, &ops)
    }

    /// The outcome of a problem that is over: the start that converged, or the one with the lowest cost on
    /// what it has not been trained on.
    pub fn outcome(mut self) -> Outcome {
        let cost = |s: &Running| {
            let worst = s.history.last().map_or(f64::NAN, |p| p.training.max(p.validation.unwrap_or(0.0)));
            if worst.is_nan() { f64::INFINITY } else { worst }
        };
        let by_cost = |a: &usize, b: &usize| cost(&self.starts[*a]).total_cmp(&cost(&self.starts[*b]));
        let lowest = (0..self.starts.len()).min_by(by_cost).unwrap_or(0);
        let best_start = self.winner.map_or(lowest, |(_, index)| index);
        let distance = self.distance(best_start);
        let values = self.starts[best_start].values().clone();
        let end = self.winner.unwrap_or((usize::MAX, 0));
        let starts = std::mem::take(&mut self.starts).into_iter().enumerate();
        let starts: Vec<StartReport> = starts.map(|(index, start)| self.report(start, index, end)).collect();
        Outcome { values, distance, best_start, verdict: starts[best_start].verdict, starts }
    }

    /// What a start had done by the time that the problem ended, and if it had ended by then.
    fn report(&self, mut start: Running, index: usize, end: (usize, usize)) -> StartReport {
        let ended = (start.history.len().saturating_sub(1), index);
        let verdict = if ended > end { Verdict::Continue } else { start.verdict };
        start.history.truncate(end.0.saturating_add(1));
        let n_sets = start.segments.iter().filter(|&&at| at < start.history.len()).count();
        let attempts = start.attempts.iter().filter(|(time, _)| *time <= end.0);
        StartReport {
            verdict,
            sweeps: start.sweeps(),
            n_samples: self.sets[n_sets.saturating_sub(1)].training.n_samples(),
            lm_iterations: attempts.map(|(_, iterations)| iterations).sum(),
            history: start.history,
        }
    }
}

/// As many states as Levenberg–Marquardt needs for the template's degrees of freedom, also where the
/// sweeps are exact: the full check comes after it. None if there is no CX form.
fn finish_states(level: Level, problem: &Problem<'_>, sampler: &mut Sampler) -> Option<StateBatch> {
    let width = problem.template.width();
    if width < 2 {
        return None;
    }
    let n_samples = crate::sample_count(width.into(), problem.template.n_parameters());
    Some(sampler.draw(level, problem.target, n_samples).training)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::qfactor::Sweeper;
    use crate::schedule::Rules;
    use crate::{CpuEngine, Engine, Finish, LmSolver, Settings, Start, Target, Template, ops};
    use bqc_circuit::BlockQubit;
    use bqc_linalg::lanes::AlignedBuffer;
    use bqc_linalg::{Matrix, Stream};
    use std::sync::atomic::AtomicBool;

    /// Carries out an order in several rounds, to the first point that the rules have a verdict on.
    fn carry_out(problem: &Problem<'_>, order: &Order<'_>, sweeper: &mut Option<Sweeper>) -> (Vec<CostPoint>, Values) {
        let (level, training) = (Level::detect(), &order.set.training);
        if order.begins {
            *sweeper = Some(Sweeper::new(level, problem.template, order.values, training));
        }
        let sweeper = sweeper.as_mut().unwrap();
        let (mut segment, mut sweeps) = (order.segment.to_vec(), order.sweeps);
        let n_known = segment.len();
        let first_round = if order.begins { 0 } else { 1 };
        for round in first_round..=order.n_rounds {
            for _ in 0..if round == 0 { 0 } else { problem.settings.sweeps_per_round } {
                sweeper.sweep(training, &problem.settings.sweeps);
                sweeps += 1;
            }
            let validation = order.set.validation.as_ref().map(|v| {
                let mut states = AlignedBuffer::zeroed(v.inputs().len());
                states.copy_from_slice(v.inputs());
                ops::push(level, v.n(), &problem.template.ops(&sweeper.values()), &mut states);
                ops::fit(level, v.n_samples(), v.outputs(), &states).cost
            });
            segment.push(CostPoint { sweeps, training: sweeper.cost(), validation });
            if problem.settings.rules.judge(&segment, N_VALIDATION) != Verdict::Continue {
                break;
            }
        }
        (segment.split_off(n_known), sweeper.values())
    }

    /// Some starts at a time and many rounds at once, which no CPU engine does.
    fn solve_unevenly(problem: &Problem<'_>, s: &mut Stream) -> Outcome {
        let mut course = Course::new(Level::detect(), problem, usize::MAX);
        let mut sweepers: Vec<Option<Sweeper>> = problem.starts.iter().map(|_| None).collect();
        loop {
            let mut is_over = true;
            for (index, sweeper) in sweepers.iter_mut().enumerate() {
                let Some(order) = course.order(index, 1 + s.below(9) as u32) else { continue };
                is_over = false;
                if s.below(3) > 0 {
                    let (points, values) = carry_out(problem, &order, sweeper);
                    course.record(index, &points, values);
                }
                if let Some(mut form) = course.attempt(index) {
                    let lm = &problem.settings.finish.as_ref().unwrap().lm;
                    let states = course.finish_states().unwrap();
                    let outcome =
                        LmSolver::new(Level::detect()).solve(states, &mut form.cx, lm, &AtomicBool::new(false));
                    course.attempted(index, &form, &outcome);
                }
            }
            if is_over {
                return course.outcome();
            }
            course.judge(false);
        }
    }

    #[test]
    fn the_answer_does_not_depend_on_how_many_points_are_made_at_once() {
        let mut s = Stream::new(0, 9, 0);
        let (mut n_converged, mut n_grown) = (0, 0);
        for round in 0..10u64 {
            let n = 4u8;
            let mut t = Template::new(n).unwrap();
            for i in 0..6u8 {
                t.push_free_two(BlockQubit((i % n).into()), BlockQubit(((i + 1 + i / 4) % n).into())).unwrap();
            }
            let target = if round % 5 == 4 {
                Target::from_matrix(&Matrix::haar(16, &mut s)).unwrap()
            } else {
                Target::from_template(&t, &t.random_values(&mut s)).unwrap()
            };
            let finish = (round % 2 == 0).then(|| Finish { first_after_sweeps: 12, ..Finish::default() });
            let rules = Rules { max_sweeps: 300, plateau_sweeps: 60, min_sweeps: 20, ..Rules::default() };
            let settings = Settings {
                n_samples: Some(3),
                rules,
                finish,
                sweeps_per_round: 1 + round as u32,
                ..Settings::default()
            };
            let starts = vec![Start::Random; 4];
            let problem =
                Problem { template: &t, target: &target, starts: &starts, settings: &settings, seed: 1, key: round };
            let expected = CpuEngine::new()
                .instantiate(std::slice::from_ref(&problem), &AtomicBool::new(false))
                .remove(0)
                .unwrap();
            assert_eq!(solve_unevenly(&problem, &mut s), expected, "round {round}");
            n_converged += usize::from(expected.verdict == Verdict::Converged);
            n_grown += usize::from(expected.starts.iter().any(|start| start.n_samples > 3));
        }
        assert!((1..10).contains(&n_converged) && n_grown > 0, "{n_converged} converged, {n_grown} grew");
    }
}
