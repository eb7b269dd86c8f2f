//! The engine that gives Levenberg–Marquardt to a GPU: candidates in chunks, the lowest index that
//! succeeds wins, and what wins is judged again on the CPU. What the kernels do not do (sweeps, blocks
//! of one or more than eight wires, problems too large for the device) the CPU engine does; and when the
//! device fails, it does everything from there on, from the candidate where the device stopped. So a
//! run never ends for the GPU's sake; [`CudaEngine::fault`] says what happened.

mod check;
mod launches;
mod session;
mod tables;

use crate::{CudaError, Gpu, Kernels, LM, MemoryPlan, N_SLOTS, check_kernels};
use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, EngineError, LmOutcome, LmSettings, LmSolver, MakeCandidate, Outcome, Problem,
    RefineProblem, Refined, Solver, StateBatch,
};
use bqc_kernels::templates::{NONE, status};
use bqc_linalg::lanes::Level;
use launches::MAX_CHUNK;
use session::{Returned, Session};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tables::{BLOCK_THREADS, Shape, Tables};

/// The chunk grows by this factor while nothing is found: first ones are cheap to throw away.
const CHUNK_GROWTH: usize = 4;

/// Batches of templates that do not compete have as many candidates as the device works on at once,
/// times this: few enough that copies overlap with work, enough that the last wave costs little.
const BATCH_WAVES: usize = 4;

/// An engine on one GPU.
pub struct CudaEngine {
    name: String,
    gpu: Gpu,
    kernels: Kernels,
    cpu: CpuEngine,
    level: Level,
    /// Sessions at rest.
    sessions: Mutex<Vec<Session>>,
    /// The first failure that was not for lack of memory: the device is not asked again.
    fault: Mutex<Option<CudaError>>,
    /// The last want of memory: see [`CudaEngine::shortage`].
    shortage: Mutex<Option<CudaError>>,
    /// The most bytes that a launch may need since memory was short; it doubles with every launch of
    /// about that size that there was room for.
    launch_bytes: AtomicU64,
    /// Candidates and templates whose results came from the device.
    n_on_device: AtomicU64,
    /// See [`Engine::n_substituted`].
    n_substituted: AtomicU64,
}

/// How the device runs candidates of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaunchShape {
    /// Dynamic shared memory of a thread block.
    pub shared_bytes: u32,
    /// Whether the large part of a block's memory is global.
    pub large_is_global: bool,
    /// Sample states whose columns are held at once.
    pub samples_per_panel: u32,
    /// Blocks that one multiprocessor holds at once, by the driver.
    pub blocks_per_multiprocessor: u32,
}

/// What became of a chunk of candidates.
struct Chunk {
    /// The first success, by its place in the chunk, and its template.
    winner: Option<(usize, CxTemplate)>,
    n_tried: usize,
    n_iterations: usize,
    n_overfit: usize,
}

/// Why the CPU has to do it.
enum Refusal {
    /// The kernels do not take it.
    TooLarge,
    /// The device does not.
    Device(CudaError),
}

impl From<CudaError> for Refusal {
    fn from(error: CudaError) -> Refusal {
        Refusal::Device(error)
    }
}

impl CudaEngine {
    /// Opens a device, has the kernels compiled for it, and checks that each of them computes what the
    /// CPU does. `level` is for what the CPU does.
    pub fn open(ordinal: u32, level: Level) -> Result<CudaEngine, CudaError> {
        let gpu = Gpu::open(ordinal)?;
        check_kernels(&gpu)?;
        let kernels = gpu.load(&LM)?;
        let cpu = CpuEngine::with_level(level);
        let name = format!("cuda/{} with {}", gpu.info().name, cpu.name());
        let (sessions, fault, shortage) = (Mutex::new(Vec::new()), Mutex::new(None), Mutex::new(None));
        let (launch_bytes, n_on_device, n_substituted) =
            (AtomicU64::new(u64::MAX), AtomicU64::new(0), AtomicU64::new(0));
        let engine = CudaEngine {
            name,
            gpu,
            kernels,
            cpu,
            level,
            sessions,
            fault,
            shortage,
            launch_bytes,
            n_on_device,
            n_substituted,
        };
        engine.check()?;
        Ok(engine)
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Why the device is not used any more, if it is not.
    pub fn fault(&self) -> Option<CudaError> {
        locked(&self.fault).clone()
    }

    /// The last want of memory since this was asked that left work to the CPU. Whoever shares the device with
    /// others of his own does well to send one of them away.
    pub fn shortage(&self) -> Option<CudaError> {
        locked(&self.shortage).take()
    }

    /// Candidates and templates whose results came from the device so far. Whoever measures the device
    /// compares this with what was asked for: the rest was done by the CPU.
    pub fn n_on_device(&self) -> u64 {
        self.n_on_device.load(Ordering::Relaxed)
    }

    /// How the device would run these templates; `None` if the CPU would.
    pub fn launch_shape(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &[CxTemplate],
    ) -> Result<Option<LaunchShape>, CudaError> {
        if templates.is_empty() || !self.takes(batch, settings) {
            return Ok(None);
        }
        let tables = tables_of(batch, settings, templates);
        let Some(shape) = Shape::choose(&tables, self.gpu.info().block_shared_bytes) else { return Ok(None) };
        let (shared_bytes, large_is_global) = (shape.shared_bytes(), shape.large_is_global);
        let kernel = self.kernels.kernel(shape.kernel_name(), shared_bytes)?;
        let blocks_per_multiprocessor = kernel.blocks_per_multiprocessor(BLOCK_THREADS)?;
        let samples_per_panel = shape.samples_per_panel;
        Ok(Some(LaunchShape { shared_bytes, large_is_global, samples_per_panel, blocks_per_multiprocessor }))
    }

    /// Whether the device does problems of this kind. What it would do if it had not failed is counted as
    /// the CPU's in its place.
    fn takes(&self, batch: &StateBatch, settings: &LmSettings) -> bool {
        let is_supported = tables::is_supported(batch, settings);
        let has_failed = locked(&self.fault).is_some();
        if is_supported && has_failed {
            self.n_substituted.fetch_add(1, Ordering::Relaxed);
        }
        is_supported && !has_failed
    }

    /// Tries candidates `range`.
    fn refine_chunk(
        &self,
        problem: &RefineProblem<'_>,
        range: Range<usize>,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Result<Chunk, Refusal> {
        let mut tables = Tables::new(problem.batch, Some((problem.check, problem.tolerance)), problem.settings);
        let mut candidate = CxTemplate::new(problem.batch.n() as u8);
        for index in range.clone() {
            make(index, &mut candidate);
            tables.push(&candidate);
        }
        let shape = self.shape(&tables)?;
        let returned = self.finish(self.begin(&tables, &shape)?, stop)?;
        let mut chunk = Chunk { winner: None, n_tried: 0, n_iterations: 0, n_overfit: 0 };
        for (place, result) in returned.results.iter().enumerate() {
            if result.status == status::STOPPED {
                break;
            }
            chunk.n_tried += 1;
            chunk.n_iterations += result.iterations as usize;
            self.n_on_device.fetch_add(1, Ordering::Relaxed);
            match result.status {
                status::ACCEPTED => {
                    make(range.start + place, &mut candidate);
                    tables::set_slots(&mut candidate, returned.slots(place));
                    // The CPU decides.
                    let distance = LmSolver::new(self.level).distance(problem.check, &candidate);
                    if distance <= problem.tolerance {
                        chunk.winner = Some((place, candidate));
                    } else {
                        chunk.n_overfit += 1;
                    }
                    // What comes after may have been given up for this one.
                    break;
                }
                status::OVERFIT => chunk.n_overfit += 1,
                _ => {}
            }
        }
        Ok(chunk)
    }

    /// Improves templates on the device, in place, in batches that fit its memory: while one computes,
    /// the next is filled. Gives the outcomes of the first templates, and why not of all.
    fn descend_on_device(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> (Vec<LmOutcome>, Option<Refusal>) {
        let mut outcomes = Vec::with_capacity(templates.len());
        let mut in_flight: VecDeque<(Range<usize>, Session)> = VecDeque::new();
        let mut begin_all = || -> Result<(), Refusal> {
            for range in self.plan(batch, settings, templates)?.batches() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if in_flight.len() == N_SLOTS
                    && let Some((range, session)) = in_flight.pop_front()
                {
                    take(self.finish(session, stop)?, &mut templates[range], &mut outcomes);
                }
                let tables = tables_of(batch, settings, &templates[range.clone()]);
                let shape = self.shape(&tables)?;
                in_flight.push_back((range, self.begin(&tables, &shape)?));
            }
            Ok(())
        };
        let mut refusal = begin_all().err();
        for (range, session) in in_flight {
            // What has been begun before a refusal is waited for: it may have been done.
            match self.finish(session, stop) {
                Ok(returned) if range.start == outcomes.len() => take(returned, &mut templates[range], &mut outcomes),
                Ok(_) => {}
                Err(error) => {
                    refusal.get_or_insert(error.into());
                }
            }
        }
        (outcomes, refusal)
    }

    /// Divides templates into batches. All are laid out like the one with the most gates.
    fn plan(&self, batch: &StateBatch, settings: &LmSettings, templates: &[CxTemplate]) -> Result<MemoryPlan, Refusal> {
        let Some(largest) = templates.iter().max_by_key(|t| t.n_cx()) else { return Err(Refusal::TooLarge) };
        let tables = tables_of(batch, settings, std::slice::from_ref(largest));
        let resident = self.resident(&tables, &self.shape(&tables)?)?;
        self.plan_like(&tables, templates.len(), BATCH_WAVES * resident)
    }

    /// How many candidates like the first of `count` the device works on at once, and how many a launch
    /// may have.
    fn chunk_lens(
        &self,
        problem: &RefineProblem<'_>,
        count: usize,
        make: &MakeCandidate<'_>,
    ) -> Result<(usize, usize), Refusal> {
        let mut tables = Tables::new(problem.batch, Some((problem.check, problem.tolerance)), problem.settings);
        let mut candidate = CxTemplate::new(problem.batch.n() as u8);
        make(0, &mut candidate);
        tables.push(&candidate);
        let resident = self.resident(&tables, &self.shape(&tables)?)?;
        Ok((resident, self.plan_like(&tables, count, MAX_CHUNK)?.batch_len()))
    }

    /// Takes note that the CPU has to do a call, and of a failure that makes the device useless. That
    /// the kernels do not take a problem depends on the problem alone.
    fn note(&self, refusal: Refusal) {
        let Refusal::Device(error) = refusal else { return };
        self.n_substituted.fetch_add(1, Ordering::Relaxed);
        if error.is_fatal() {
            locked(&self.fault).get_or_insert(error);
        } else {
            *locked(&self.shortage) = Some(error);
        }
    }
}

fn tables_of(batch: &StateBatch, settings: &LmSettings, templates: &[CxTemplate]) -> Tables {
    let mut tables = Tables::new(batch, None, settings);
    templates.iter().for_each(|template| tables.push(template));
    tables
}

/// Writes what came back into the templates that it was made from, up to the first that a stop kept from
/// beginning.
fn take(returned: Returned, templates: &mut [CxTemplate], outcomes: &mut Vec<LmOutcome>) {
    for (place, (template, result)) in templates.iter_mut().zip(&returned.results).enumerate() {
        if result.survivor == NONE {
            break;
        }
        tables::set_slots(template, returned.slots(place));
        let found = matches!(result.status, status::ACCEPTED | status::OVERFIT);
        outcomes.push(LmOutcome { cost: result.cost, iterations: result.iterations as usize, found });
    }
}

/// A panic elsewhere leaves the content whole: it is only ever replaced.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine for CudaEngine {
    fn name(&self) -> &str {
        &self.name
    }

    /// On the CPU: the kernels of this version do not sweep.
    fn instantiate(&self, problems: &[Problem<'_>], stop: &AtomicBool) -> Vec<Result<Outcome, EngineError>> {
        self.cpu.instantiate(problems, stop)
    }

    fn refine(
        &self,
        problem: &RefineProblem<'_>,
        count: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Refined {
        let mut refined = Refined::default();
        let takes = || problem.solver == Solver::Lm && self.takes(problem.batch, problem.settings);
        let lens = (count > 0 && takes()).then(|| self.chunk_lens(problem, count, make));
        let (mut chunk_len, mut most, mut refusal) = match lens {
            Some(Ok((resident, most))) => (resident.min(most), most, None),
            Some(Err(refusal)) => (0, 0, Some(refusal)),
            None => (0, 0, None),
        };
        let mut start = 0;
        while start < count && !stop.load(Ordering::Relaxed) {
            let range = start..count.min(start + chunk_len);
            let on_device = refusal.is_none() && chunk_len > 0 && takes();
            let chunk = match on_device.then(|| self.refine_chunk(problem, range, make, stop)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(Refusal::Device(error))) if chunk_len > 1 && !error.is_fatal() => {
                    chunk_len /= 2;
                    most = chunk_len;
                    continue;
                }
                refused => {
                    refusal = refused.and_then(Result::err).or(refusal);
                    if let Some(refusal) = refusal.take() {
                        self.note(refusal);
                    }
                    let rest = self.cpu.refine(problem, count - start, &|i, t| make(start + i, t), stop);
                    add(&mut refined, start, rest);
                    return refined;
                }
            };
            let Chunk { winner, n_tried, n_iterations, n_overfit } = chunk;
            let is_done = winner.is_some();
            add(&mut refined, start, Refined { winner, n_tried, n_iterations, n_sweeps: 0, n_overfit });
            if is_done {
                break;
            }
            start += n_tried;
            chunk_len = (CHUNK_GROWTH * chunk_len).min(most);
        }
        refined
    }

    fn descend(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> Vec<LmOutcome> {
        let (mut outcomes, refusal) = if self.takes(batch, settings) {
            self.descend_on_device(batch, settings, templates, stop)
        } else {
            (Vec::new(), None)
        };
        if let Some(refusal) = refusal {
            self.note(refusal);
        }
        self.n_on_device.fetch_add(outcomes.len() as u64, Ordering::Relaxed);
        // Whatever is left; after a stop it is only evaluated.
        let rest = &mut templates[outcomes.len()..];
        if !rest.is_empty() {
            outcomes.extend(self.cpu.descend(batch, settings, rest, stop));
        }
        outcomes
    }

    fn n_substituted(&self) -> u64 {
        self.n_substituted.load(Ordering::Relaxed)
    }
}

/// Adds what became of the candidates from `start` on.
fn add(refined: &mut Refined, start: usize, part: Refined) {
    refined.winner = part.winner.map(|(index, template)| (start + index, template));
    refined.n_tried += part.n_tried;
    refined.n_iterations += part.n_iterations;
    refined.n_sweeps += part.n_sweeps;
    refined.n_overfit += part.n_overfit;
}
