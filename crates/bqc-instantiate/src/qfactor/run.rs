//! Starts of one problem, run in rounds until one has converged or all have given up.
//!
//! Every start that is still going makes some sweeps, in parallel; then all are judged in order. The first
//! start, by index within a round, that converges and passes the full check of all columns ends the
//! problem. So the answer depends on neither threads nor timing.

use super::Sweeper;
use crate::cx_form::CxForm;
use crate::instantiate::{EngineError, Outcome, Problem, StartReport, check, first_count, start_values};
use crate::ops::{self, Fit};
use crate::samples::{self, N_VALIDATION, SampleSet, Sampler};
use crate::schedule::{CONVERGED_SLACK, CostPoint, Verdict};
use crate::{LmSolver, StateBatch, Values};
use bqc_linalg::lanes::{AlignedBuffer, Level};
use rayon::prelude::*;
use std::sync::atomic::{AtomicBool, Ordering};

/// Solves one problem on the caller's thread pool.
pub fn solve(
    level: Level,
    device: &str,
    memory_limit_bytes: u64,
    problem: &Problem<'_>,
    stop: &AtomicBool,
) -> Result<Outcome, EngineError> {
    check(problem)?;
    if problem.template.n_free() == 0 {
        return Ok(without_freedom(level, problem));
    }
    let n_samples = first_count(problem);
    let needed_bytes = needed_bytes(problem, n_samples);
    if needed_bytes > memory_limit_bytes {
        let (n_starts, width) = (problem.starts.len(), problem.template.width());
        let (device, free_bytes) = (device.to_string(), memory_limit_bytes);
        return Err(EngineError::OutOfMemory { device, n_starts, width, n_samples, needed_bytes, free_bytes });
    }
    Ok(Run::new(level, memory_limit_bytes, problem, n_samples).run(stop))
}

/// Bytes of all states of a problem with this many training states.
fn needed_bytes(problem: &Problem<'_>, n_samples: usize) -> u64 {
    let batches = problem.starts.len() * Sweeper::n_batches(problem.template) + 2;
    samples::batch_bytes(problem.template.width(), n_samples).saturating_mul(batches as u64)
}

/// A template without free gates has one value, and either fits or not.
fn without_freedom(level: Level, problem: &Problem<'_>) -> Outcome {
    let values = Values::default();
    let distance = problem.target.phase_distance(level, &problem.template.ops(&values));
    let cost = distance * distance;
    let verdict = if cost <= problem.settings.rules.cost_tol { Verdict::Converged } else { Verdict::Plateau };
    let history = vec![CostPoint { sweeps: 0, training: cost, validation: None }];
    let n_samples = 1 << problem.template.width();
    let report = StartReport { verdict, sweeps: 0, n_samples, lm_iterations: 0, history };
    Outcome { values, distance, best_start: 0, verdict, starts: vec![report; problem.starts.len()] }
}

struct Run<'a> {
    level: Level,
    memory_limit_bytes: u64,
    problem: &'a Problem<'a>,
    sampler: Sampler,
    /// States for Levenberg–Marquardt: only as many as it needs.
    finish_states: Option<StateBatch>,
    /// Each twice as large as the one before, drawn when the first start needs it.
    sets: Vec<SampleSet>,
    starts: Vec<Running>,
}

struct Running {
    sweeper: Sweeper,
    /// Which of the sample sets it is fitted to, and which the sweeper was last begun on.
    set: usize,
    set_of_sweeper: usize,
    sweeps: u32,
    /// Sweeps at which Levenberg–Marquardt is tried next.
    next_finish: u32,
    lm_iterations: usize,
    /// What it has found, until the full check.
    finished: Option<Values>,
    history: Vec<CostPoint>,
    /// Where in the history the present sample set begins.
    segment: usize,
    verdict: Verdict,
}

impl<'a> Run<'a> {
    fn new(level: Level, memory_limit_bytes: u64, problem: &'a Problem<'a>, n_samples: usize) -> Run<'a> {
        let mut sampler = Sampler::new(problem.template.width(), problem.seed, problem.key);
        let set = sampler.draw(level, problem.target, n_samples);
        let finish_states = problem.settings.finish.as_ref().and_then(|_| finish_states(level, problem, &mut sampler));
        let first_finish = problem.settings.finish.as_ref().map_or(u32::MAX, |f| f.first_after_sweeps);
        let starts = (0..problem.starts.len())
            .into_par_iter()
            .map(|index| {
                let sweeper = Sweeper::new(level, problem.template, &start_values(problem, index), &set.training);
                let mut running = Running {
                    sweeper,
                    set: 0,
                    set_of_sweeper: 0,
                    sweeps: 0,
                    next_finish: first_finish,
                    lm_iterations: 0,
                    finished: None,
                    history: Vec::new(),
                    segment: 0,
                    verdict: Verdict::Continue,
                };
                running.record(level, problem, &set);
                running
            })
            .collect();
        Run { level, memory_limit_bytes, problem, sampler, finish_states, sets: vec![set], starts }
    }

    fn run(mut self, stop: &AtomicBool) -> Outcome {
        loop {
            for index in 0..self.starts.len() {
                if self.starts[index].verdict != Verdict::Continue {
                    continue;
                }
                self.starts[index].verdict =
                    if stop.load(Ordering::Relaxed) { Verdict::Stopped } else { self.judge(index) };
                if self.starts[index].verdict == Verdict::Converged {
                    return self.finish(Some(index));
                }
            }
            if self.starts.iter().all(|s| s.verdict != Verdict::Continue) {
                return self.finish(None);
            }
            let (level, problem, sets, finish_states) =
                (self.level, self.problem, &self.sets, self.finish_states.as_ref());
            let going = self.starts.par_iter_mut().filter(|s| s.verdict == Verdict::Continue);
            going.for_each(|s| {
                s.advance(level, problem, &sets[s.set], stop);
                s.try_to_finish(level, problem, finish_states, stop);
            });
        }
    }

    /// The rules' verdict, with the full check behind a convergence and growth behind overtraining.
    fn judge(&mut self, index: usize) -> Verdict {
        let rules = &self.problem.settings.rules;
        if self.starts[index].finished.is_some() {
            let distance = self.distance(index);
            if distance * distance <= CONVERGED_SLACK * rules.cost_tol {
                return Verdict::Converged;
            }
            // Fitted on its states only: the sweeps know better.
            self.starts[index].finished = None;
        }
        let start = &self.starts[index];
        let verdict = rules.judge(&start.history[start.segment..], N_VALIDATION);
        match verdict {
            Verdict::Converged => {
                let distance = self.distance(index);
                if distance * distance <= CONVERGED_SLACK * rules.cost_tol { verdict } else { self.grow(index) }
            }
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
            if needed_bytes(self.problem, n_samples) > self.memory_limit_bytes {
                return Verdict::Overtrained;
            }
            self.sets.push(self.sampler.draw(self.level, self.problem.target, n_samples));
        }
        self.starts[index].set += 1;
        Verdict::Continue
    }

    fn distance(&self, index: usize) -> f64 {
        let ops = self.problem.template.ops(&self.starts[index].values());
        self.problem.target.phase_distance(self.level, &ops)
    }

    /// The outcome: the start that converged, or the one with the lowest cost on what it has not
    /// been trained on.
    fn finish(self, converged: Option<usize>) -> Outcome {
        let cost = |s: &Running| {
            let last = s.history[s.history.len() - 1];
            let worst = last.training.max(last.validation.unwrap_or(0.0));
            if worst.is_nan() { f64::INFINITY } else { worst }
        };
        let by_cost = |a: &usize, b: &usize| cost(&self.starts[*a]).total_cmp(&cost(&self.starts[*b]));
        let lowest = (0..self.starts.len()).min_by(by_cost).unwrap_or(0);
        let best_start = converged.unwrap_or(lowest);
        let distance = self.distance(best_start);
        let values = self.starts[best_start].values();
        let verdict = self.starts[best_start].verdict;
        let report = |s: Running| StartReport {
            verdict: s.verdict,
            sweeps: s.sweeps,
            n_samples: self.sets[s.set_of_sweeper].training.n_samples(),
            lm_iterations: s.lm_iterations,
            history: s.history,
        };
        Outcome { values, distance, best_start, verdict, starts: self.starts.into_iter().map(report).collect() }
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

impl Running {
    /// Where the start is now, or what Levenberg–Marquardt has made of it.
    fn values(&self) -> Values {
        self.finished.clone().unwrap_or_else(|| self.sweeper.values())
    }

    /// An attempt of Levenberg–Marquardt, if one is due.
    fn try_to_finish(&mut self, level: Level, problem: &Problem<'_>, states: Option<&StateBatch>, stop: &AtomicBool) {
        let (Some(finish), Some(states)) = (&problem.settings.finish, states) else { return };
        if self.sweeps < self.next_finish {
            return;
        }
        self.next_finish = self.sweeps.max(1).saturating_mul(finish.next_after_times.max(2));
        let Some(mut form) = CxForm::new(problem.template, &self.sweeper.values()) else { return };
        let outcome = LmSolver::new(level).solve(states, &mut form.cx, &finish.lm, stop);
        self.lm_iterations += outcome.iterations;
        self.finished = outcome.found.then(|| form.values());
    }

    /// One round: begins on the new samples if they have changed, or makes some sweeps.
    fn advance(&mut self, level: Level, problem: &Problem<'_>, set: &SampleSet, stop: &AtomicBool) {
        if self.set != self.set_of_sweeper {
            self.sweeper.restart_on(&set.training);
            self.set_of_sweeper = self.set;
            self.segment = self.history.len();
        } else {
            for _ in 0..problem.settings.sweeps_per_round.max(1) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                self.sweeper.sweep(&set.training, &problem.settings.sweeps);
                self.sweeps += 1;
            }
        }
        self.record(level, problem, set);
    }

    fn record(&mut self, level: Level, problem: &Problem<'_>, set: &SampleSet) {
        let validation = set.validation.as_ref().map(|v| {
            let mut states = AlignedBuffer::zeroed(v.inputs().len());
            states.copy_from_slice(v.inputs());
            ops::push(level, v.n(), &problem.template.ops(&self.sweeper.values()), &mut states);
            let Fit { cost, .. } = ops::fit(level, v.n_samples(), v.outputs(), &states);
            cost
        });
        self.history.push(CostPoint { sweeps: self.sweeps, training: self.sweeper.cost(), validation });
    }
}
