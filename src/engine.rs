//! Which engine does the arithmetic: what was asked for, what the machine has, and a line for the user
//! where the two differ.

#[cfg(unix)]
pub mod cuda;
#[cfg(target_os = "linux")]
pub mod gpu;
mod probe;

use crate::args::{EngineArg, FlowArg, GpuArgs, GpusArg, MpsArg, PerGpuArg, WorkersArg};
use crate::exit::Failure;
use crate::progress::Progress;
use bqc_instantiate::{CpuEngine, Engine};
use probe::Probe;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// The engine of a run.
pub enum Chosen {
    /// Every machine has it.
    Cpu(CpuEngine),
    /// Nothing was decided: the run was stopped while the driver was asked. With the CPU it ends with the circuit as it
    /// was, and touches no run folder.
    Undecided(CpuEngine),
    /// A GPU, with the CPU for what the GPU does not do.
    #[cfg(target_os = "linux")]
    Cuda(Box<bqc_cuda::CudaEngine>),
    /// GPUs in worker processes, and what stands in for them in this one.
    #[cfg(target_os = "linux")]
    Crew(bqc_pool::Standin, Vec<gpu::Post>),
    /// The CPU in the place of a GPU that this machine does not have.
    #[cfg(unix)]
    InPlace(bqc_pool::Standin),
}

/// What is chosen by.
#[derive(Clone, Copy)]
#[cfg_attr(
    not(target_os = "linux"),
    allow(dead_code, reason = "some of it chooses among GPUs, which are used on Linux")
)]
pub struct Wanted<'a> {
    pub engine: EngineArg,
    pub gpu: &'a GpuArgs,
    pub workers: WorkersArg,
    pub flow: FlowArg,
    /// Whether worker processes do the work, as far as the circuit is concerned.
    pub in_processes: bool,
    /// Widest block, as cut.
    pub block_size: usize,
    pub n_cores: usize,
}

impl Wanted<'_> {
    /// The engine that was asked for; where that is left open and there is no GPU, the CPU's with the reason. Fails if
    /// GPUs were asked for that are not there, or cannot be used as was asked.
    pub fn choose(&self, stop: &AtomicBool, progress: &Progress) -> Result<Chosen, Failure> {
        match self.probed(stop, progress)? {
            Probe::Found(chosen) => Ok(chosen),
            Probe::None(why) if self.engine == EngineArg::Cuda => Err(Failure::Usage(format!(
                "--engine cuda: no GPU: {why}; with --engine auto cores do the work where there is none"
            ))),
            Probe::None(why) => Ok(self.instead(&why, progress)),
        }
    }

    /// The engine that was asked for, or why there is none.
    fn probed(&self, stop: &AtomicBool, progress: &Progress) -> Result<Probe<Chosen>, Failure> {
        if self.engine == EngineArg::Cpu {
            return if asks_for_gpus(self.gpu) {
                Err(Failure::Usage("--gpus, --workers-per-gpu and --mps mean nothing to --engine cpu".into()))
            } else {
                Ok(Probe::Found(Chosen::cpu()))
            };
        }
        let needs_workers = asks_for_workers(self.gpu);
        if needs_workers && self.workers == WorkersArg::Off {
            let what = "several GPUs, --workers-per-gpu and --mps need worker processes; leave out --workers off";
            return Err(Failure::Usage(what.into()));
        }
        match self.gpus(self.in_processes || needs_workers, stop, progress) {
            Ok(Probe::Found(chosen)) => Ok(Probe::Found(chosen)),
            Ok(Probe::None(why)) if self.gpu.mps == MpsArg::Require => {
                Err(Failure::Usage(format!("--mps require: no GPU: {why}")))
            }
            Err(Failure::Stopped) => Ok(Probe::Found(Chosen::Undecided(CpuEngine::default()))),
            probed => probed,
        }
    }

    /// The CPU's, and why.
    fn instead(&self, why: &str, progress: &Progress) -> Chosen {
        let cpu = Chosen::cpu();
        let line = format!("no GPU: {why}; going on with {}", cpu.engine().name());
        // Most machines have none, and nobody has asked for one.
        if self.engine == EngineArg::Auto && !asks_for_gpus(self.gpu) && has_no_driver() {
            progress.tell(&line);
        } else {
            progress.warn(&line);
        }
        cpu
    }

    /// The same for a plan, whose blocks bear the name of one family of engines and are divided among machines
    /// that may have it or not: without a GPU the CPU works in its place, so that nothing that it finds counts
    /// as found by a GPU.
    pub fn choose_for_plan(&self, stop: &AtomicBool, progress: &Progress) -> Result<Chosen, Failure> {
        match self.probed(stop, progress)? {
            Probe::Found(chosen) => Ok(chosen),
            Probe::None(why) => {
                let cpu = self.instead(&why, progress);
                if self.engine == EngineArg::Cuda { in_place(Chosen::family_of(self.engine)) } else { Ok(cpu) }
            }
        }
    }

    /// In workers, or in this process, if it opens here too.
    #[cfg(target_os = "linux")]
    fn gpus(&self, in_workers: bool, stop: &AtomicBool, progress: &Progress) -> Result<Probe<Chosen>, Failure> {
        if in_workers { self.in_workers(stop, progress) } else { self.in_this_process(stop, progress) }
    }

    #[cfg(not(target_os = "linux"))]
    fn gpus(&self, _: bool, _: &AtomicBool, _: &Progress) -> Result<Probe<Chosen>, Failure> {
        let why = "GPUs are used on Linux only";
        match &self.gpu.gpus {
            GpusArg::Auto => Ok(Probe::None(why.into())),
            GpusArg::These(_) => Err(Failure::Usage(format!("--gpus: {why}"))),
        }
    }
}

/// Whether something was said about GPUs.
fn asks_for_gpus(gpu: &GpuArgs) -> bool {
    gpu.gpus != GpusArg::Auto || asks_for_workers(gpu)
}

/// Whether something was said about GPUs that only makes sense with worker processes.
fn asks_for_workers(gpu: &GpuArgs) -> bool {
    let is_several = matches!(&gpu.gpus, GpusArg::These(names) if names.len() > 1);
    is_several || gpu.mps != MpsArg::Auto || gpu.workers_per_gpu != PerGpuArg::Auto
}

#[cfg(unix)]
fn in_place(family: &str) -> Result<Chosen, Failure> {
    Ok(Chosen::InPlace(bqc_pool::Standin::new(family)))
}

#[cfg(not(unix))]
fn in_place(family: &str) -> Result<Chosen, Failure> {
    Err(Failure::Usage(format!(
        "the plan is for the engine `{family}`, in whose place the CPU works on Unix systems only"
    )))
}

#[cfg(target_os = "linux")]
fn has_no_driver() -> bool {
    cuda::find_driver().is_err()
}

#[cfg(not(target_os = "linux"))]
fn has_no_driver() -> bool {
    true
}

/// What starts this very program, even if another version has been put in its place meanwhile.
#[cfg(unix)]
pub fn this_program() -> std::io::Result<PathBuf> {
    let itself = PathBuf::from("/proc/self/exe");
    // A link of Linux's to the file that runs, not to its name.
    if cfg!(target_os = "linux") && itself.exists() { Ok(itself) } else { std::env::current_exe() }
}

impl Chosen {
    /// What every machine has.
    pub fn cpu() -> Chosen {
        Chosen::Cpu(CpuEngine::default())
    }

    /// The family of the engine that is asked for, whatever this machine has.
    pub fn family_of(engine: EngineArg) -> &'static str {
        match engine {
            EngineArg::Auto | EngineArg::Cpu => "cpu",
            EngineArg::Cuda => "cuda",
        }
    }

    /// What has to be asked for to get this family; none if this version does not have it.
    pub fn asking_for(family: &str) -> Option<EngineArg> {
        [EngineArg::Cpu, EngineArg::Cuda].into_iter().find(|engine| Chosen::family_of(*engine) == family)
    }

    /// For the library.
    pub fn engine(&self) -> &dyn Engine {
        match self {
            Chosen::Cpu(engine) | Chosen::Undecided(engine) => engine,
            #[cfg(target_os = "linux")]
            Chosen::Cuda(engine) => engine.as_ref(),
            #[cfg(target_os = "linux")]
            Chosen::Crew(standin, _) => standin,
            #[cfg(unix)]
            Chosen::InPlace(standin) => standin,
        }
    }

    /// What workers without a GPU are told to stand in for, if for anything.
    #[cfg(unix)]
    pub fn in_place_of(&self) -> Option<&str> {
        match self {
            Chosen::InPlace(standin) => Some(bqc_instantiate::Engine::name(standin)),
            _ => None,
        }
    }

    /// Workers on GPUs.
    pub fn n_gpu_workers(&self) -> usize {
        match self {
            #[cfg(target_os = "linux")]
            Chosen::Crew(_, posts) => posts.iter().map(|post| post.n_workers).sum(),
            _ => 0,
        }
    }

    /// Where these are to be, with what they share their GPUs through.
    #[cfg(unix)]
    pub fn gpus(
        &self,
        mps: MpsArg,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Vec<bqc_pool::GpuPlace>, Failure> {
        match self {
            #[cfg(target_os = "linux")]
            Chosen::Crew(_, posts) => gpu::places(posts, mps, stop, progress),
            _ => {
                let _ = (mps, stop, progress);
                Ok(Vec::new())
            }
        }
    }

    /// Whether this very engine is another process's as well.
    pub fn works_in_processes(&self) -> bool {
        match self {
            #[cfg(target_os = "linux")]
            Chosen::Cuda(_) => false,
            _ => true,
        }
    }

    /// Why the engine did not do all that it was made for, if it did not.
    pub fn fault(&self) -> Option<String> {
        match self {
            #[cfg(target_os = "linux")]
            Chosen::Cuda(engine) => match (engine.fault(), engine.n_substituted()) {
                (Some(why), _) => Some(format!("{why}; the CPU did the rest")),
                (None, 0) => None,
                (None, n_calls) => {
                    let why = engine.shortage().map_or("the device had no room".into(), |why| why.to_string());
                    Some(format!("{why}; the CPU did what {n_calls} calls asked of it"))
                }
            },
            _ => None,
        }
    }
}
