//! Which engine does the arithmetic: what was asked for, what the machine has, and a line for the user
//! where the two differ.

use crate::args::{CompileArgs, EngineArg, GpusArg, MpsArg, PerGpuArg, WorkersArg};
use crate::exit::Failure;
use crate::progress::Progress;
use bqc_instantiate::{CpuEngine, Engine};
use std::sync::atomic::AtomicBool;

/// The engine of a run.
pub enum Chosen {
    /// Every machine has it.
    Cpu(CpuEngine),
    /// A GPU, with the CPU for what the GPU does not do.
    #[cfg(target_os = "linux")]
    Cuda(Box<bqc_cuda::CudaEngine>),
    /// GPUs in worker processes, and what stands in for them in this one.
    #[cfg(target_os = "linux")]
    Crew(bqc_pool::Standin, Vec<crate::gpu::Post>),
}

/// GPUs with all that workers on them need.
#[cfg(unix)]
pub type Gpus = Vec<bqc_pool::GpuPlace>;
#[cfg(not(unix))]
pub type Gpus = Vec<std::convert::Infallible>;

/// What is chosen by.
pub struct Wanted<'a> {
    pub args: &'a CompileArgs,
    /// Whether worker processes do the work, as far as the circuit is concerned.
    pub in_processes: bool,
    /// Widest block, as cut.
    pub block_size: usize,
    pub n_cores: usize,
}

impl Wanted<'_> {
    /// The engine that was asked for, or the CPU's with the reason why not. Fails if GPUs were named that are
    /// not there, or cannot be used as was asked.
    pub fn choose(&self, stop: &AtomicBool, progress: &Progress) -> Result<Chosen, Failure> {
        let args = self.args;
        if args.settings.engine == EngineArg::Cpu {
            return if asks_for_gpus(args) {
                Err(Failure::Usage("--gpus, --workers-per-gpu and --mps mean nothing to --engine cpu".into()))
            } else {
                Ok(Chosen::cpu())
            };
        }
        let needs_workers = asks_for_workers(args);
        if needs_workers && args.keep.workers == WorkersArg::Off {
            let what = "several GPUs, --workers-per-gpu and --mps need worker processes; leave out --workers off";
            return Err(Failure::Usage(what.into()));
        }
        let chosen = self.gpus(self.in_processes || needs_workers, stop, progress)?;
        match chosen {
            Err(why) if args.gpu.mps == MpsArg::Require => Err(Failure::Usage(format!("--mps require: no GPU: {why}"))),
            chosen => Ok(chosen.unwrap_or_else(|why| self.instead(&why, progress))),
        }
    }

    /// The CPU's, and why.
    fn instead(&self, why: &str, progress: &Progress) -> Chosen {
        let cpu = Chosen::cpu();
        let line = format!("no GPU: {why}; going on with {}", cpu.engine().name());
        // Most machines have none, and nobody has asked for one.
        if self.args.settings.engine == EngineArg::Auto && !asks_for_gpus(self.args) && has_no_driver() {
            progress.tell(&line);
        } else {
            progress.warn(&line);
        }
        cpu
    }

    /// In workers, or in this process, if it opens here too.
    #[cfg(target_os = "linux")]
    fn gpus(
        &self,
        in_workers: bool,
        stop: &AtomicBool,
        progress: &Progress,
    ) -> Result<Result<Chosen, String>, Failure> {
        let Wanted { args, block_size, n_cores, .. } = *self;
        let wanted = crate::gpu::Wanted { args, block_size, n_cores };
        if in_workers {
            let crew = wanted.crew(stop, progress)?;
            return Ok(crew.map(|crew| Chosen::Crew(bqc_pool::Standin::new(&crew.engine), crew.posts)));
        }
        let first = wanted.first(stop, progress)?;
        let opened = first.and_then(crate::cuda::open_here);
        Ok(opened.map(|engine| Chosen::Cuda(Box::new(engine))))
    }

    #[cfg(not(target_os = "linux"))]
    fn gpus(&self, _: bool, _: &AtomicBool, _: &Progress) -> Result<Result<Chosen, String>, Failure> {
        let why = "GPUs are used on Linux only";
        match &self.args.gpu.gpus {
            GpusArg::Auto => Ok(Err(why.into())),
            GpusArg::These(_) => Err(Failure::Usage(format!("--gpus: {why}"))),
        }
    }
}

/// Whether something was said about GPUs.
fn asks_for_gpus(args: &CompileArgs) -> bool {
    args.gpu.gpus != GpusArg::Auto || asks_for_workers(args)
}

/// Whether something was said about GPUs that only makes sense with worker processes.
fn asks_for_workers(args: &CompileArgs) -> bool {
    let is_several = matches!(&args.gpu.gpus, GpusArg::These(names) if names.len() > 1);
    is_several || args.gpu.mps != MpsArg::Auto || args.gpu.workers_per_gpu != PerGpuArg::Auto
}

#[cfg(target_os = "linux")]
fn has_no_driver() -> bool {
    crate::cuda::find_driver().is_err()
}

#[cfg(not(target_os = "linux"))]
fn has_no_driver() -> bool {
    true
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

    /// An engine of this family and no other, in this process, or why there is none.
    pub fn of_family(family: &str) -> Result<Chosen, String> {
        match family {
            "cpu" => Ok(Chosen::cpu()),
            "cuda" => cuda(),
            _ => Err("this version of bqc has no such engine".into()),
        }
    }

    /// For the library.
    pub fn engine(&self) -> &dyn Engine {
        match self {
            Chosen::Cpu(engine) => engine,
            #[cfg(target_os = "linux")]
            Chosen::Cuda(engine) => engine.as_ref(),
            #[cfg(target_os = "linux")]
            Chosen::Crew(standin, _) => standin,
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
    pub fn gpus(&self, mps: MpsArg, stop: &AtomicBool, progress: &Progress) -> Result<Gpus, Failure> {
        match self {
            #[cfg(target_os = "linux")]
            Chosen::Crew(_, posts) => crate::gpu::places(posts, mps, stop, progress),
            _ => {
                let _ = (mps, stop, progress);
                Ok(Gpus::new())
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
            Chosen::Cuda(engine) => engine.fault().map(|why| format!("{why}; the CPU did the rest")),
            _ => None,
        }
    }
}

/// The first device that opens and computes; the last reason if none does.
#[cfg(target_os = "linux")]
fn cuda() -> Result<Chosen, String> {
    let found = crate::cuda::list()?;
    let works = found.gpus.iter().find(|gpu| gpu.opened.is_ok());
    let why = || found.gpus.last().and_then(|gpu| gpu.opened.clone().err()).unwrap_or("the driver sees no GPU".into());
    let engine = crate::cuda::open_here(works.ok_or_else(why)?.ordinal)?;
    Ok(Chosen::Cuda(Box::new(engine)))
}

#[cfg(not(target_os = "linux"))]
fn cuda() -> Result<Chosen, String> {
    Err("GPUs are used on Linux only".into())
}
