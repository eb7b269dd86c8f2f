//! Problems on the CPU: every start that is still going makes one round, in parallel; then all are judged.

use super::Sweeper;
use super::course::{self, Course, Order};
use crate::instantiate::{EngineError, Outcome, Problem, first_count};
use crate::ops::{self, Fit};
use crate::samples::{self, SampleSet};
use crate::schedule::CostPoint;
use crate::{LmSolver, Values};
use bqc_linalg::lanes::{AlignedBuffer, LANES, Level};
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
    if let Some(outcome) = course::trivial(level, problem)? {
        return Ok(outcome);
    }
    let n_samples = first_count(problem);
    // All states of a problem, for every group of samples.
    let n_batches = problem.starts.len() * Sweeper::n_batches(problem.template) + 2;
    let group_bytes = samples::batch_bytes(problem.template.width(), LANES).saturating_mul(n_batches as u64);
    let needed_bytes = group_bytes.saturating_mul(n_samples.div_ceil(LANES) as u64);
    if needed_bytes > memory_limit_bytes {
        let (n_starts, width) = (problem.starts.len(), problem.template.width());
        let (device, free_bytes) = (device.to_string(), memory_limit_bytes);
        return Err(EngineError::OutOfMemory { device, n_starts, width, n_samples, needed_bytes, free_bytes });
    }
    let most_groups = usize::try_from(memory_limit_bytes / group_bytes).unwrap_or(usize::MAX);
    Ok(run(level, Course::new(level, problem, most_groups.saturating_mul(LANES)), stop))
}

fn run(level: Level, mut course: Course<'_>, stop: &AtomicBool) -> Outcome {
    let problem = course.problem();
    let mut sweepers: Vec<Option<Sweeper>> = problem.starts.iter().map(|_| None).collect();
    loop {
        let starts = sweepers.par_iter_mut().enumerate();
        let rounds = starts.filter_map(|(index, sweeper)| {
            let order = course.order(index, 1)?;
            Some((index, carry_out(level, problem, &order, sweeper, stop)))
        });
        let rounds: Vec<(usize, (CostPoint, Values))> = rounds.collect();
        if rounds.is_empty() {
            return course.outcome();
        }
        for (index, (point, values)) in rounds {
            course.record(index, &[point], values);
        }
        attempt(level, &mut course, stop);
        course.judge(stop.load(Ordering::Relaxed));
    }
}

/// One point of a start: begins on new samples, or makes some sweeps.
fn carry_out(
    level: Level,
    problem: &Problem<'_>,
    order: &Order<'_>,
    sweeper: &mut Option<Sweeper>,
    stop: &AtomicBool,
) -> (CostPoint, Values) {
    let (mut sweeps, training) = (order.sweeps, &order.set.training);
    let sweeper = match sweeper {
        None => sweeper.insert(Sweeper::new(level, problem.template, order.values, training)),
        Some(sweeper) if order.begins => {
            sweeper.restart_on(training);
            sweeper
        }
        Some(sweeper) => {
            for _ in 0..problem.settings.sweeps_per_round.max(1) {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                sweeper.sweep(training, &problem.settings.sweeps);
                sweeps += 1;
            }
            sweeper
        }
    };
    let values = sweeper.values();
    let validation = validate(level, problem, order.set, &values);
    (CostPoint { sweeps, training: sweeper.cost(), validation }, values)
}

/// The cost on the validation states, if the set has any.
fn validate(level: Level, problem: &Problem<'_>, set: &SampleSet, values: &Values) -> Option<f64> {
    let v = set.validation.as_ref()?;
    let mut states = AlignedBuffer::zeroed(v.inputs().len());
    states.copy_from_slice(v.inputs());
    ops::push(level, v.n(), &problem.template.ops(values), &mut states);
    let Fit { cost, .. } = ops::fit(level, v.n_samples(), v.outputs(), &states);
    Some(cost)
}

/// Makes the attempts of Levenberg–Marquardt that are due.
fn attempt(level: Level, course: &mut Course<'_>, stop: &AtomicBool) {
    let mut due = Vec::new();
    for index in 0..course.problem().starts.len() {
        due.extend(course.attempt(index).map(|form| (index, form)));
    }
    let (Some(finish), Some(states)) = (&course.problem().settings.finish, course.finish_states()) else { return };
    let solve = |(index, mut form): (usize, crate::cx_form::CxForm)| {
        let outcome = LmSolver::new(level).solve(states, &mut form.cx, &finish.lm, stop);
        (index, form, outcome)
    };
    let attempts: Vec<_> = due.into_par_iter().map(solve).collect();
    for (index, form, outcome) in attempts {
        course.attempted(index, &form, &outcome);
    }
}
