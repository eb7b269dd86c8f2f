//! QFactor and QFactor-Sample on the device: the candidates of a call in chunks, each swept in as few launches as hold
//! it, and then finished by Levenberg–Marquardt, of which the lowest index that succeeds wins. How candidates are divided into chunks depends on who else calls; what comes out does not.
//!
//! A kernel takes a candidate through as many rounds as it is ordered, and ends it at the first point that the rules
//! (`bqc_schedule`) have a verdict on; it has to, because sweeps beyond that point would not be the CPU's. The same
//! rules are asked again here, point by point, and the candidate's [`Course`], which the CPU engine shares, says what
//! follows: more samples, or the end. A device that disagrees with the rules is a broken device. Launches are short,
//! so that others get in between; a candidate that goes on makes the same numbers bit by bit, so it does not matter
//! where one launch ended. What the device cannot do begins anew on the CPU engine.

mod check;
mod launches;
mod session;
mod tables;

use super::filling;
use super::refine::{CHUNK_GROWTH, Calling, add};
use super::{CudaEngine, Refusal, locked};
use crate::{CudaError, Kernels, SWEEPS};
use bqc_instantiate::qfactor::{Course, Sweeps};
use bqc_instantiate::schedule::{CostPoint, Verdict};
use bqc_instantiate::{CxTemplate, Engine, MakeCandidate, RefineProblem, Refined, Template, Values};
use bqc_kernels::complex::Complex;
use session::Session;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tables::{Encoded, Order, cost_point};

/// Operations of one candidate in a launch at most, or one round: a block of threads, of which an H200 holds
/// some five hundred, needs a few milliseconds for that.
const RUN_FLOPS: f64 = 2.5e8;

/// Rounds in a launch at most: small candidates converge or give up within.
const MOST_ROUNDS: u32 = 64;

/// What the engine keeps for sweeps from call to call.
#[derive(Default)]
pub(super) struct Device {
    /// Loaded and checked when the first candidate comes: the driver takes seconds to compile them, and
    /// Levenberg–Marquardt has no use for them.
    kernels: Mutex<Option<Arc<Kernels>>>,
    /// Sessions at rest.
    pub(super) sessions: Mutex<Vec<Session>>,
}

/// A candidate on the device.
struct Underway {
    candidate: CxTemplate,
    template: Template,
    encoded: Encoded,
    values: Values,
    course: Course,
}

impl Underway {
    /// None for more wires than templates have, and if the kernels have no room for its values.
    fn new(candidate: CxTemplate) -> Option<Underway> {
        let (template, values) = Template::from_cx(&candidate).ok()?;
        let encoded = Encoded::new(&template);
        let is_taken = encoded.is_taken();
        is_taken.then(|| Underway { candidate, template, encoded, values, course: Course::default() })
    }

    /// What it has to do in one launch; none if it is over.
    fn order(&self, sweeps: &Sweeps) -> Option<Order<'_>> {
        if self.course.verdict() != Verdict::Continue {
            return None;
        }
        let Underway { template, encoded, values, course, .. } = self;
        let set = &sweeps.sets[course.set_index()];
        let width = template.width();
        let flops = tables::round_flops(width, encoded, set.training.n_samples(), sweeps.rules.sweeps_per_point);
        // Without freedom nothing changes after the first point.
        let n_rounds =
            if template.n_free() == 0 { 0 } else { (RUN_FLOPS / flops).clamp(1.0, MOST_ROUNDS.into()) as u32 };
        Some(Order { width, encoded, values, course, n_rounds })
    }

    /// Takes note of what a run left, if the rules agree that it had to end there.
    fn take(&mut self, sweeps: &Sweeps, found: u32, points: &[Complex], values: &[Complex]) -> Result<(), String> {
        let verdict = Verdict::from_code(found).ok_or_else(|| format!("there is no verdict {found}"))?;
        for (k, point) in (1..).zip(points) {
            let point: CostPoint = cost_point(*point);
            let rules = self.course.record(sweeps, point);
            let is_last = k == points.len() && verdict != Verdict::Stopped;
            let kernels = if is_last { verdict } else { Verdict::Continue };
            if rules != kernels {
                return Err(format!("{kernels:?} at {point:?}, where the rules say {rules:?}"));
            }
        }
        self.values = self.encoded.values(values);
        self.template.check_values(&self.values).map_err(|error| error.to_string())?;
        if verdict == Verdict::Stopped || verdict == Verdict::Continue && self.template.n_free() == 0 {
            self.course.stop();
        }
        Ok(())
    }

    /// The candidate as it is now.
    fn swept(self) -> (CxTemplate, Verdict) {
        let Underway { mut candidate, values, course, .. } = self;
        candidate.set_free_values(&values);
        (candidate, course.verdict())
    }
}

impl CudaEngine {
    /// Whether the device sweeps templates of so many wires. What it would do if it had not failed is counted as the
    /// CPU's in its place.
    pub(super) fn takes_sweeps(&self, n: usize) -> bool {
        let is_supported = tables::WIDTHS.contains(&n);
        let has_failed = locked(&self.fault).is_some();
        if is_supported && has_failed {
            self.n_substituted.fetch_add(1, Ordering::Relaxed);
        }
        is_supported && !has_failed
    }

    /// Tries candidates `0..count`. Gives what became of the first ones, and why not of all.
    pub(super) fn sweep_on_device(
        &self,
        (problem, sweeps): (&RefineProblem<'_>, &Sweeps),
        count: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> (Refined, Option<Refusal>) {
        let (mut refined, mut growth) = (Refined::default(), 1usize);
        while refined.winner.is_none() && refined.n_tried < count && !stop.load(Ordering::Relaxed) {
            if let Some(error) = self.fault() {
                return (refined, Some(Refusal::Device(error)));
            }
            let first = refined.n_tried;
            match self.sweep_chunk(sweeps, first..count, growth, make, stop) {
                Ok(underway) => add(&mut refined, self.finish_swept(problem, first, underway, stop)),
                Err(refusal) => return (refined, Some(refusal)),
            }
            growth = growth.saturating_mul(CHUNK_GROWTH);
        }
        (refined, None)
    }

    /// Sweeps the next candidates of those that are `left`, to their ends: as many as fill the device with those of
    /// other callers, times `growth`.
    fn sweep_chunk(
        &self,
        sweeps: &Sweeps,
        left: Range<usize>,
        growth: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Result<Vec<Underway>, Refusal> {
        let kernels = self.sweep_kernels()?;
        let _calling = Calling::new(&self.n_callers);
        let width = sweeps.sets[0].training.n() as u8;
        let made = |index: usize| {
            let mut candidate = CxTemplate::new(width);
            make(index, &mut candidate);
            Underway::new(candidate)
        };
        let first = made(left.start).ok_or(Refusal::TooLarge)?;
        let resident = self.resident_sweeps(&kernels, sweeps, &first)?;
        let n_callers = self.n_callers.load(Ordering::Relaxed) * self.n_sharers;
        let len = filling::first_chunk(resident, n_callers).saturating_mul(growth).min(left.len());
        // Those before one that is too large are the device's, whatever chunk it is in.
        let others = (left.start + 1..left.start + len).map_while(made);
        let mut underway: Vec<Underway> = std::iter::once(first).chain(others).collect();
        self.follow(&kernels, sweeps, &mut underway, stop)?;
        self.n_on_device.fetch_add(underway.len() as u64, Ordering::Relaxed);
        Ok(underway)
    }

    /// Has Levenberg–Marquardt go on from what sweeps have made of a chunk, the candidates from `first` on.
    fn finish_swept(
        &self,
        problem: &RefineProblem<'_>,
        first: usize,
        underway: Vec<Underway>,
        stop: &AtomicBool,
    ) -> Refined {
        let n_sweeps: Vec<usize> = underway.iter().map(|u| u.course.n_sweeps() as usize).collect();
        let swept = (0..).zip(underway.into_iter().map(Underway::swept));
        let worthy = swept.filter(|(_, (_, verdict))| Sweeps::is_worth_finishing(*verdict));
        let worthy: Vec<(usize, CxTemplate)> = worthy.map(|(place, (candidate, _))| (place, candidate)).collect();
        let make = |index: usize, out: &mut CxTemplate| out.copy_from(&worthy[index].1);
        let finish = RefineProblem { sweeps: None, ..*problem };
        let Refined { winner, n_iterations, n_overfit, .. } = self.refine(&finish, worthy.len(), &make, stop);
        let winner = winner.map(|(index, template)| (worthy[index].0, template));
        let n_tried = winner.as_ref().map_or(n_sweeps.len(), |(place, _)| place + 1);
        let n_sweeps = n_sweeps[..n_tried].iter().sum();
        let winner = winner.map(|(place, template)| (first + place, template));
        Refined { winner, n_tried, n_iterations, n_sweeps, n_overfit }
    }

    /// The kernels; the first call has them compiled and sees that they compute what the CPU does.
    fn sweep_kernels(&self) -> Result<Arc<Kernels>, CudaError> {
        let mut kept = locked(&self.sweeps.kernels);
        if let Some(kernels) = &*kept {
            return Ok(Arc::clone(kernels));
        }
        let kernels = Arc::new(self.gpu.load(&SWEEPS)?);
        self.check_sweeps(&kernels)?;
        *kept = Some(Arc::clone(&kernels));
        Ok(kernels)
    }
}
