//! The engine that gives Levenberg–Marquardt and the sweeps of QFactor to a GPU: candidates in chunks, the
//! lowest index that succeeds wins, and what wins is judged again on the CPU; [`sweeps`] are next door.
//! Calls of many threads share launches of candidates. What the kernels do not do (Levenberg–Marquardt on more
//! than eight wires, sweeps on more than twelve, candidates too large for the device) the
//! CPU engine does; and when the device fails, it does everything from there on: candidates from the one
//! where the device stopped. So a run never ends for the GPU's sake;
//! [`CudaEngine::fault`] says what happened.

mod check;
mod clock;
mod combine;
mod descend;
mod filling;
mod lane;
mod launches;
mod refine;
mod session;
mod sweeps;
mod tables;

use crate::{CudaError, Gpu, Kernels, LM, check_kernels};
use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, LmOutcome, LmSettings, MakeCandidate, RefineProblem, Refined, StateBatch,
};
use bqc_linalg::lanes::Level;
use clock::Clock;
use combine::Combiner;
pub use refine::prepare;
use session::Session;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tables::{BLOCK_THREADS, Target};

/// An engine on one GPU.
pub struct CudaEngine {
    name: String,
    gpu: Gpu,
    kernels: Kernels,
    cpu: CpuEngine,
    level: Level,
    combiner: Combiner,
    clock: Clock,
    /// Calls of the search under way.
    n_callers: AtomicUsize,
    /// Processes like this one on the device, this one included.
    n_sharers: usize,
    /// Sessions at rest.
    sessions: Mutex<Vec<Session>>,
    sweeps: sweeps::Device,
    /// The first failure that was not for lack of memory: the device is not asked again.
    fault: Mutex<Option<CudaError>>,
    /// The last want of memory: see [`CudaEngine::shortage`].
    shortage: Mutex<Option<CudaError>>,
    /// The most bytes that a launch may need since memory was short; it doubles with every launch of
    /// about that size that there was room for.
    launch_bytes: AtomicU64,
    /// Candidates, templates and starts whose results came from the device.
    n_on_device: AtomicU64,
    /// Launches of sweeps.
    n_sweep_launches: AtomicU64,
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
        let launch_bytes = AtomicU64::new(u64::MAX);
        let [n_on_device, n_sweep_launches, n_substituted] = [0; 3].map(AtomicU64::new);
        let (combiner, clock, n_callers) = (Combiner::default(), Clock::new(&gpu)?, AtomicUsize::new(0));
        let engine = CudaEngine {
            name,
            gpu,
            kernels,
            cpu,
            level,
            combiner,
            clock,
            n_callers,
            n_sharers: 1,
            sessions,
            sweeps: sweeps::Device::default(),
            fault,
            shortage,
            launch_bytes,
            n_on_device,
            n_sweep_launches,
            n_substituted,
        };
        engine.check()?;
        Ok(engine)
    }

    /// The same engine where so many processes like this one are on the device, at least 1: each fills its part.
    pub fn shared_by(self, n_sharers: usize) -> CudaEngine {
        CudaEngine { n_sharers: n_sharers.max(1), ..self }
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

    /// Candidates, templates and starts whose results came from the device so far. Whoever measures the device
    /// compares this with what was asked for: the rest was done by the CPU.
    pub fn n_on_device(&self) -> u64 {
        self.n_on_device.load(Ordering::Relaxed)
    }

    /// Seconds in which kernels were at work so far, by the device's clock; where they overlap they count once.
    pub fn kernel_seconds(&self) -> f64 {
        self.clock.seconds()
    }

    /// Launches so far, and the calls' chunks that were in them: the quotient is how many shared one.
    pub fn n_launches(&self) -> (u64, u64) {
        self.combiner.counts()
    }

    /// Launches of sweeps so far. That of the check of the kernels, before the first one, is not among them.
    pub fn n_sweep_launches(&self) -> u64 {
        self.n_sweep_launches.load(Ordering::Relaxed)
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
        let Some(tables) = descend::tables_of(&self.target(batch, None, settings), templates) else { return Ok(None) };
        let Some(shape) = tables.shape() else { return Ok(None) };
        let (shared_bytes, large_is_global) = (shape.shared_bytes(), shape.large_is_global());
        let kernel = self.kernels.kernel(shape.kernel_name(), shared_bytes)?;
        let blocks_per_multiprocessor = kernel.blocks_per_multiprocessor(BLOCK_THREADS)?;
        let samples_per_panel = tables.samples_per_panel();
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

    /// See [`Target::new`].
    fn target(&self, batch: &StateBatch, check: Option<(&StateBatch, f64)>, settings: &LmSettings) -> Target {
        Target::new(batch, check, settings, self.gpu.info().block_shared_bytes)
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

/// A panic elsewhere leaves the content whole: it is only ever replaced.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine for CudaEngine {
    fn name(&self) -> &str {
        &self.name
    }

    fn refine(
        &self,
        problem: &RefineProblem<'_>,
        count: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Refined {
        let (mut refined, refusal) = match problem.sweeps {
            _ if count == 0 => (Refined::default(), None),
            None if self.takes(problem.batch, problem.settings) => self.refine_on_device(problem, count, make, stop),
            Some(sweeps) if self.takes_sweeps(problem.batch.n()) => {
                self.sweep_on_device((problem, sweeps), count, make, stop)
            }
            _ => (Refined::default(), None),
        };
        if let Some(refusal) = refusal {
            self.note(refusal);
        }
        let start = refined.n_tried;
        if refined.winner.is_none() && start < count && !stop.load(Ordering::Relaxed) {
            let mut rest = self.cpu.refine(problem, count - start, &|i, t| make(start + i, t), stop);
            rest.winner = rest.winner.map(|(index, template)| (start + index, template));
            refine::add(&mut refined, rest);
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

    fn concurrency(&self, n_cores: usize) -> usize {
        filling::concurrency(self.gpu.info().n_multiprocessors as usize, n_cores)
    }

    fn n_substituted(&self) -> u64 {
        self.n_substituted.load(Ordering::Relaxed)
    }
}
