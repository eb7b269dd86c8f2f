//! QFactor and QFactor-Sample on the device: all starts of all problems of a call, launch after launch.
//!
//! A kernel takes a start through as many rounds as it is ordered, and ends it at the first point that the
//! rules have a verdict on; it has to, because sweeps beyond that point would not be the CPU's. The same
//! rules are asked again here, point by point, and the course of the problem ([`Course`]), which the CPU
//! engine shares, decides what follows: more samples, an attempt of Levenberg–Marquardt, the full check on
//! the CPU. A device that disagrees with the rules is a broken device. Launches are short, so that others
//! get in between; a start that goes on makes the same numbers bit by bit, so it does not matter where one
//! launch ended. Problems that the device cannot do begin anew on the CPU engine.

mod attempts;
mod check;
mod session;
mod tables;

use super::{CudaEngine, Refusal, locked};
use crate::{CudaError, Footprint, Kernels, MemoryPlan, N_SLOTS, SWEEPS};
use bqc_instantiate::instantiate::first_count;
use bqc_instantiate::qfactor::course::{self, Course, Order};
use bqc_instantiate::samples::N_VALIDATION;
use bqc_instantiate::schedule::{CostPoint, Verdict};
use bqc_instantiate::{Engine, EngineError, Outcome, Problem, Values};
use bqc_kernels::complex::Complex;
use bqc_kernels::templates::verdict;
use bqc_linalg::lanes::LANES;
use rayon::prelude::*;
use session::{Returned, Session};
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use tables::{Encoded, Shape, Tables, cost_point};

/// Operations of one start in a launch at most, or one round: a block of threads, of which an H200 holds
/// some five hundred, needs a few milliseconds for that.
const RUN_FLOPS: f64 = 2.5e8;

/// Rounds in a launch at most: small problems converge or give up within.
const MOST_ROUNDS: u32 = 64;

/// Starts in a launch, in multiples of what the device works on at once: enough that the last of them
/// cost little.
const BATCH_WAVES: usize = 4;

/// Bytes of tables in a launch at most. They are in pinned memory too, of which there is less.
const MOST_TABLE_BYTES: u64 = 1 << 30;

/// The part of the device's memory that the states of one start may take, inputs and outputs, kets and
/// bras.
const START_SHARE: u64 = 8;

/// What the engine keeps for sweeps from call to call.
#[derive(Default)]
pub(super) struct Device {
    /// Loaded and checked when the first problem comes: the driver takes seconds to compile them, and the
    /// search has no use for them.
    kernels: Mutex<Option<Arc<Kernels>>>,
    /// Sessions at rest.
    pub(super) sessions: Mutex<Vec<Session>>,
}

/// A problem on the device.
struct Underway<'a> {
    /// Its place in the call.
    number: usize,
    course: Course<'a>,
    encoded: Encoded,
    /// There was no room even for one start.
    is_refused: bool,
}

/// What can be in one launch, because it needs the same memory: wires, training and validation states.
type Kind = (u8, usize, usize);

/// A start: its problem's place among those under way, and its index.
type Work = (usize, usize);

impl Underway<'_> {
    fn n_starts(&self) -> usize {
        self.course.problem().starts.len()
    }

    /// What a start has to do in one launch.
    fn order(&self, start: usize) -> Option<Order<'_>> {
        let flops = tables::round_flops(self.course.problem(), &self.encoded, &self.course.order(start, 1)?);
        let most_rounds = (RUN_FLOPS / flops).clamp(1.0, MOST_ROUNDS.into());
        self.course.order(start, most_rounds as u32)
    }

    /// Takes note of what a run left, if the rules agree that it had to end there.
    fn take(&mut self, start: usize, found: u32, points: &[Complex], values: &[Complex]) -> Result<(), String> {
        let Some(order) = self.order(start) else { return Err("nothing was ordered".into()) };
        let problem = self.course.problem();
        let n_sweeps = problem.settings.sweeps_per_round.max(1);
        let first = if order.begins { order.sweeps } else { order.sweeps + n_sweeps };
        let mut segment = order.segment.to_vec();
        for (k, point) in (0..).zip(points) {
            segment.push(cost_point(first + k * n_sweeps, *point));
            let rules = problem.settings.rules.judge(&segment, N_VALIDATION);
            let kernels = if k as usize + 1 == points.len() { meaning(found) } else { Verdict::Continue };
            if rules != kernels {
                return Err(format!("{kernels:?} at {:?}, where the rules say {rules:?}", segment.last()));
            }
        }
        let values: Values = self.encoded.values(values);
        problem.template.check_values(&values).map_err(|error| error.to_string())?;
        let new: Vec<CostPoint> = segment.split_off(order.segment.len());
        if !new.is_empty() {
            self.course.record(start, &new, values);
        }
        Ok(())
    }
}

/// A kernel's verdict in the words of the rules.
fn meaning(found: u32) -> Verdict {
    match found {
        verdict::CONVERGED => Verdict::Converged,
        verdict::OVERTRAINED => Verdict::Overtrained,
        verdict::PLATEAU => Verdict::Plateau,
        verdict::OUT_OF_SWEEPS => Verdict::OutOfSweeps,
        verdict::NOT_FINITE => Verdict::NotFinite,
        _ => Verdict::Continue,
    }
}

impl CudaEngine {
    /// What [`Engine::instantiate`] says.
    pub(super) fn sweep(&self, problems: &[Problem<'_>], stop: &AtomicBool) -> Vec<Result<Outcome, EngineError>> {
        let trivial = |p| course::trivial(self.level, p).map_err(EngineError::from).transpose();
        let mut results: Vec<Option<Result<Outcome, EngineError>>> = problems.iter().map(trivial).collect();
        let mut underway = self.courses(problems, &results);
        if let Err(refusal) = self.follow(&mut underway, &mut results, stop) {
            self.note(refusal);
        }
        let left: Vec<usize> = (0..problems.len()).filter(|&number| results[number].is_none()).collect();
        let rest: Vec<Problem<'_>> = left.iter().map(|&number| problems[number].clone()).collect();
        if !rest.is_empty() {
            for (number, result) in left.into_iter().zip(self.cpu.instantiate(&rest, stop)) {
                results[number] = Some(result);
            }
        }
        results.into_iter().flatten().collect()
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

    /// The problems without a result that the device takes.
    fn courses<'a>(
        &self,
        problems: &'a [Problem<'a>],
        results: &[Option<Result<Outcome, EngineError>>],
    ) -> Vec<Underway<'a>> {
        let most_samples = |p: &Problem<'_>| self.most_samples(p.template.width());
        let takes = |p: &Problem<'_>| tables::WIDTHS.contains(&p.template.width()) && first_count(p) <= most_samples(p);
        let open = problems.iter().enumerate().filter(|(number, p)| results[*number].is_none() && takes(p));
        let open: Vec<_> = open.collect();
        if !open.is_empty() && locked(&self.fault).is_some() {
            self.n_substituted.fetch_add(1, Ordering::Relaxed);
            return Vec::new();
        }
        let begin = |(number, problem): (usize, &'a Problem<'a>)| Underway {
            number,
            course: Course::new(self.level, problem, most_samples(problem)),
            encoded: Encoded::new(problem.template),
            is_refused: false,
        };
        // Random gates and states of every problem: much for one core, while the device is idle.
        open.into_par_iter().map(begin).collect()
    }

    /// Training states of a start at most.
    fn most_samples(&self, width: u8) -> usize {
        let sample_bytes = (4 * size_of::<Complex>() as u64) << width;
        (self.gpu.info().total_bytes / START_SHARE / sample_bytes) as usize / LANES * LANES
    }

    /// Follows problems to their ends. Those that are over have their results; why the others are not.
    fn follow(
        &self,
        underway: &mut Vec<Underway<'_>>,
        results: &mut [Option<Result<Outcome, EngineError>>],
        stop: &AtomicBool,
    ) -> Result<(), Refusal> {
        if underway.is_empty() {
            return Ok(());
        }
        let kernels = self.sweep_kernels()?;
        let mut refusal = None;
        loop {
            let (over, going): (Vec<_>, Vec<_>) =
                underway.drain(..).partition(|u| (0..u.n_starts()).all(|start| u.order(start).is_none()));
            let outcomes = over.into_par_iter().map(|u| (u.number, u.course.outcome()));
            for (number, outcome) in outcomes.collect::<Vec<_>>() {
                self.n_on_device.fetch_add(outcome.starts.len() as u64, Ordering::Relaxed);
                results[number] = Some(Ok(outcome));
            }
            *underway = going;
            if underway.is_empty() {
                return refusal.map_or(Ok(()), Err);
            }
            for works in kinds(underway).into_values() {
                match self.sweep_kind(&kernels, underway, &works, stop)? {
                    // Of several reasons the one that is the device's is told.
                    Some(no_room @ Refusal::Device(_)) => refusal = Some(no_room),
                    too_large => refusal = refusal.or(too_large),
                }
            }
            underway.retain(|u| !u.is_refused);
            self.attempt(underway, stop);
            let is_stopped = stop.load(Ordering::Relaxed);
            underway.par_iter_mut().for_each(|u| u.course.judge(is_stopped));
        }
    }

    /// Carries out the orders of starts of one kind, in batches that fit: while one computes, the next is
    /// filled. Why some had no room, if so; their problems are marked.
    fn sweep_kind(
        &self,
        kernels: &Kernels,
        underway: &mut [Underway<'_>],
        works: &[Work],
        stop: &AtomicBool,
    ) -> Result<Option<Refusal>, Refusal> {
        let Some(mut most) = self.batch_len(kernels, underway, works)? else {
            // The others are tried again without it: whether the kernels take a problem is its own affair.
            if let Some((place, _)) = largest(underway, works) {
                underway[place].is_refused = true;
            }
            return Ok(Some(Refusal::TooLarge));
        };
        let mut refusal = None;
        let mut in_flight: VecDeque<(Range<usize>, &'static str, Session)> = VecDeque::new();
        let mut next = 0;
        while next < works.len() || !in_flight.is_empty() {
            if (next == works.len() || in_flight.len() == N_SLOTS)
                && let Some((range, kernel, session)) = in_flight.pop_front()
            {
                self.take_all(underway, &works[range], kernel, session, stop)?;
                continue;
            }
            let range = next..works.len().min(next + most);
            match self.begin_sweeps(kernels, underway, &works[range.clone()]) {
                Ok((kernel, session)) => {
                    next = range.end;
                    in_flight.push_back((range, kernel, session));
                }
                Err(Refusal::Device(error)) if error.is_fatal() => return Err(error.into()),
                Err(no_room) => {
                    // What is in flight comes back first, then less is tried.
                    if let Some((range, kernel, session)) = in_flight.pop_front() {
                        self.take_all(underway, &works[range], kernel, session, stop)?;
                    } else if range.len() > 1 {
                        most = range.len() / 2;
                    } else {
                        underway[works[next].0].is_refused = true;
                        refusal = Some(no_room);
                        next += 1;
                    }
                }
            }
        }
        Ok(refusal)
    }

    /// Starts of this kind in a launch at most; none if the kernels do not take the largest of them.
    fn batch_len(
        &self,
        kernels: &Kernels,
        underway: &[Underway<'_>],
        works: &[Work],
    ) -> Result<Option<usize>, Refusal> {
        let tables = tables_of(underway, largest(underway, works).as_slice());
        let Some(shape) = Shape::choose(&tables, self.gpu.info().block_shared_bytes) else { return Ok(None) };
        let (table_bytes, workspace_bytes) = session::bytes(&tables, &shape);
        let problem_bytes = table_bytes + workspace_bytes;
        let kernel = kernels.kernel(shape.kernel_name(), shape.shared_bytes() as u32)?;
        let of_each = kernel.blocks_per_multiprocessor(super::tables::BLOCK_THREADS)?.max(1);
        let resident = (of_each * self.gpu.info().n_multiprocessors) as usize;
        let by_room = self.launch_bytes.load(Ordering::Relaxed) / problem_bytes;
        let by_tables = MOST_TABLE_BYTES / table_bytes;
        let most = usize::try_from(by_room.min(by_tables)).unwrap_or(usize::MAX).min(BATCH_WAVES * resident).max(1);
        let (device, footprint) = (self.gpu.info().to_string(), Footprint { common_bytes: 0, problem_bytes });
        match MemoryPlan::new(&device, works.len(), most, footprint, self.gpu.free_bytes()?) {
            Ok(plan) => Ok(Some(plan.batch_len())),
            // What rests may have what is missing, which is seen when it is tried.
            Err(error) if !error.is_fatal() => Ok(Some(1)),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a launch of these starts. If there is no room, sessions at rest give theirs up first; how much
    /// there was room for is remembered.
    fn begin_sweeps(
        &self,
        kernels: &Kernels,
        underway: &[Underway<'_>],
        works: &[Work],
    ) -> Result<(&'static str, Session), Refusal> {
        let begin = |resting: Option<Session>| -> Result<(&'static str, u64, Session), (Refusal, u64)> {
            let tables = tables_of(underway, works);
            let shape = Shape::choose(&tables, self.gpu.info().block_shared_bytes).ok_or((Refusal::TooLarge, 0))?;
            let (table_bytes, workspace_bytes) = session::bytes(&tables, &shape);
            let bytes = table_bytes + workspace_bytes * works.len() as u64;
            let mut session = resting.map_or_else(|| Session::new(&self.gpu), Ok).map_err(|e| (e.into(), bytes))?;
            session.begin(kernels, tables, &shape).map_err(|e| (e.into(), bytes))?;
            Ok((shape.kernel_name(), bytes, session))
        };
        let resting = locked(&self.sweeps.sessions).pop();
        let mut begun = begin(resting);
        if let Err((Refusal::Device(error), _)) = &begun
            && !error.is_fatal()
        {
            locked(&self.sweeps.sessions).clear();
            locked(&self.sessions).clear();
            begun = begin(None);
        }
        let limit = self.launch_bytes.load(Ordering::Relaxed);
        match begun {
            Ok((kernel, bytes, session)) => {
                if bytes >= limit / 2 {
                    self.launch_bytes.store(limit.saturating_mul(2), Ordering::Relaxed);
                }
                Ok((kernel, session))
            }
            Err((refusal, bytes)) => {
                if matches!(&refusal, Refusal::Device(error) if !error.is_fatal()) {
                    self.launch_bytes.store(bytes / 2, Ordering::Relaxed);
                }
                Err(refusal)
            }
        }
    }

    /// Waits for a launch and takes note of what it left.
    fn take_all(
        &self,
        underway: &mut [Underway<'_>],
        works: &[Work],
        kernel: &'static str,
        mut session: Session,
        stop: &AtomicBool,
    ) -> Result<(), CudaError> {
        let Returned { runs } = session.finish(stop)?;
        self.clock.add(session.lane())?;
        for (&(place, start), (found, points, values)) in works.iter().zip(&runs) {
            underway[place].take(start, *found, points, values).map_err(|what| CudaError::WrongResult {
                device: self.gpu.info().to_string(),
                kernel,
                what,
            })?;
        }
        locked(&self.sweeps.sessions).push(session);
        Ok(())
    }
}

/// All that has to be done next, by kind.
fn kinds(underway: &[Underway<'_>]) -> BTreeMap<Kind, Vec<Work>> {
    let mut kinds: BTreeMap<Kind, Vec<Work>> = BTreeMap::new();
    for (place, u) in underway.iter().enumerate() {
        for start in 0..u.n_starts() {
            let Some(order) = u.order(start) else { continue };
            let n_validation = order.set.validation.as_ref().map_or(0, |v| v.n_samples());
            let kind = (u.course.problem().template.width(), order.set.training.n_samples(), n_validation);
            kinds.entry(kind).or_default().push((place, start));
        }
    }
    kinds
}

/// A start of the problem with the most values.
fn largest(underway: &[Underway<'_>], works: &[Work]) -> Option<Work> {
    works.iter().copied().max_by_key(|(place, _)| underway[*place].encoded.n_values())
}

fn tables_of(underway: &[Underway<'_>], works: &[Work]) -> Tables {
    let of_one = |works: &[Work]| {
        let mut tables = Tables::default();
        for &(place, start) in works {
            let u = &underway[place];
            if let Some(order) = u.order(start) {
                tables.push(place, u.course.problem(), &u.encoded, &order);
            }
        }
        tables
    };
    // Starts of a problem are beside each other, and share its tables.
    let parts: Vec<Tables> = works.par_chunk_by(|(a, _), (b, _)| a == b).map(of_one).collect();
    parts.into_iter().fold(Tables::default(), Tables::and)
}
