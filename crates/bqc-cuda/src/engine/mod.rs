//! The engine that gives Levenberg–Marquardt to a GPU: candidates in chunks, the lowest index that
//! succeeds wins, and what wins is judged again on the CPU. What the kernels do not do (sweeps, blocks
//! of one or more than eight wires, problems too large for the device) the CPU engine does; and when the
//! device fails, it does everything from there on, from the candidate where the device stopped. So a
//! run never ends for the GPU's sake; [`CudaEngine::fault`] says what happened.

mod session;
mod tables;

use crate::plan::{Footprint, MemoryPlan};
use crate::{CudaError, Gpu, Kernels, LM, check_kernels};
use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, EngineError, LmOutcome, LmSettings, LmSolver, MakeCandidate, Outcome, Problem,
    RefineProblem, Refined, Solver, StateBatch,
};
use bqc_kernels::templates::status;
use bqc_linalg::lanes::Level;
use session::{Returned, Session};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tables::{Shape, Tables};

/// Candidates of a launch at most. A launch is to last some milliseconds: what other processes send to
/// the device waits for it, and so does a stop.
const MAX_CHUNK: usize = 4096;

/// The chunk grows by this factor while nothing is found: first ones are cheap to throw away.
const CHUNK_GROWTH: usize = 4;

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
    /// As many candidates as the device works on at once.
    first_chunk: usize,
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
    /// Opens a device, has the kernels compiled for it, and checks that it computes. `level` is for what
    /// the CPU does.
    pub fn open(ordinal: u32, level: Level) -> Result<CudaEngine, CudaError> {
        let gpu = Gpu::open(ordinal)?;
        check_kernels(&gpu)?;
        let kernels = gpu.load(&LM)?;
        let cpu = CpuEngine::with_level(level);
        let name = format!("cuda/{} with {}", gpu.info().name, cpu.name());
        let first_chunk = (2 * gpu.info().n_multiprocessors as usize).clamp(1, MAX_CHUNK);
        let (sessions, fault) = (Mutex::new(Vec::new()), Mutex::new(None));
        Ok(CudaEngine { name, gpu, kernels, cpu, level, sessions, fault, first_chunk })
    }

    /// The device.
    pub fn gpu(&self) -> &Gpu {
        &self.gpu
    }

    /// Why the device is not used any more, if it is not.
    pub fn fault(&self) -> Option<CudaError> {
        locked(&self.fault).clone()
    }

    /// Whether the device does problems of this kind.
    fn takes(&self, batch: &StateBatch, settings: &LmSettings) -> bool {
        tables::is_supported(batch, settings) && locked(&self.fault).is_none()
    }

    /// Runs tables on the device.
    fn launch(&self, tables: &Tables) -> Result<Returned, Refusal> {
        let shape = Shape::choose(tables, self.gpu.info().block_shared_bytes).ok_or(Refusal::TooLarge)?;
        self.reserve(tables, &shape)?;
        let resting = locked(&self.sessions).pop();
        let mut session = match resting {
            Some(session) => session,
            None => Session::new(&self.gpu)?,
        };
        let returned = session.run(&self.gpu, &self.kernels, tables, &shape)?;
        let n_slots = shape.slots_per_survivor as usize;
        debug_assert_eq!(returned.survivors.len(), 2 * n_slots * tables.candidates.len());
        locked(&self.sessions).push(session);
        Ok(returned)
    }

    /// Fails with numbers if the launch cannot fit, before anything is allocated.
    fn reserve(&self, tables: &Tables, shape: &Shape) -> Result<(), CudaError> {
        let n = tables.candidates.len();
        let workspace = if shape.large_is_global { 8 * u64::from(shape.large_len) * n as u64 } else { 0 };
        let bytes = session::launch_bytes(tables, shape) as u64 + workspace;
        let footprint = Footprint { common_bytes: 0, problem_bytes: bytes.div_ceil(2) };
        let device = self.gpu.info().to_string();
        MemoryPlan::new(&device, 1, 1, footprint, self.gpu.free_bytes()?).map(drop)
    }

    /// Tries candidates `range`.
    fn refine_chunk(
        &self,
        problem: &RefineProblem<'_>,
        range: Range<usize>,
        make: &MakeCandidate<'_>,
    ) -> Result<Chunk, Refusal> {
        let mut tables = Tables::new(problem.batch, Some((problem.check, problem.tolerance)), problem.settings);
        let mut candidate = CxTemplate::new(problem.batch.n() as u8);
        for index in range.clone() {
            make(index, &mut candidate);
            tables.push(&candidate);
        }
        let returned = self.launch(&tables)?;
        let mut chunk = Chunk { winner: None, n_tried: 0, n_iterations: 0, n_overfit: 0 };
        for (place, result) in returned.results.iter().enumerate() {
            chunk.n_tried += 1;
            chunk.n_iterations += result.iterations as usize;
            match result.status {
                status::ACCEPTED => {
                    make(range.start + place, &mut candidate);
                    tables::set_slots(&mut candidate, survivor(&returned, place));
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

    /// Improves templates on the device, in place.
    fn descend_chunk(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
    ) -> Result<Vec<LmOutcome>, Refusal> {
        let mut tables = Tables::new(batch, None, settings);
        templates.iter().for_each(|template| tables.push(template));
        let returned = self.launch(&tables)?;
        let mut outcomes = Vec::with_capacity(templates.len());
        for (place, (template, result)) in templates.iter_mut().zip(&returned.results).enumerate() {
            tables::set_slots(template, survivor(&returned, place));
            let found = matches!(result.status, status::ACCEPTED | status::OVERFIT);
            outcomes.push(LmOutcome { cost: result.cost, iterations: result.iterations as usize, found });
        }
        Ok(outcomes)
    }

    /// Remembers a failure that makes the device useless.
    fn note(&self, refusal: Refusal) {
        if let Refusal::Device(error) = refusal
            && error.is_fatal()
        {
            locked(&self.fault).get_or_insert(error);
        }
    }
}

/// A panic elsewhere leaves the content whole: it is only ever replaced.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The slots that the candidate at this place ended with.
fn survivor(returned: &Returned, place: usize) -> &[bqc_kernels::complex::Complex] {
    let len = returned.survivors.len() / returned.results.len();
    &returned.survivors[returned.results[place].survivor as usize * len..][..len]
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
        let (mut start, mut chunk_len) = (0, self.first_chunk);
        while start < count && !stop.load(Ordering::Relaxed) {
            let range = start..count.min(start + chunk_len);
            let on_device = problem.solver == Solver::Lm && self.takes(problem.batch, problem.settings);
            let chunk = match on_device.then(|| self.refine_chunk(problem, range, make)) {
                Some(Ok(chunk)) => chunk,
                refusal => {
                    if let Some(Err(refusal)) = refusal {
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
            chunk_len = (CHUNK_GROWTH * chunk_len).min(MAX_CHUNK);
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
        let mut outcomes = Vec::with_capacity(templates.len());
        for chunk in templates.chunks_mut(MAX_CHUNK) {
            let is_stopped = stop.load(Ordering::Relaxed);
            let on_device = !is_stopped && self.takes(batch, settings);
            match on_device.then(|| self.descend_chunk(batch, settings, chunk)) {
                Some(Ok(found)) => outcomes.extend(found),
                refusal => {
                    if let Some(Err(refusal)) = refusal {
                        self.note(refusal);
                    }
                    // Stopped, this only evaluates them.
                    outcomes.extend(self.cpu.descend(batch, settings, chunk, stop));
                }
            }
        }
        outcomes
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
