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
    #[cfg(unix)]
    Crew(bqc_pool::Standin, Gpus),
}

/// Where workers on GPUs are to be.
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
        if args.engine == EngineArg::Cpu {
            return if asks_for_gpus(args) {
                Err(Failure::Usage("--gpus, --workers-per-gpu and --mps mean nothing to --engine cpu".into()))
            } else {
                Ok(cpu())
            };
        }
        let chosen = if self.in_processes || asks_for_workers(args) && args.keep.workers != WorkersArg::Off {
            self.crew(stop, progress)?
        } else if asks_for_workers(args) {
            return Err(Failure::Usage(
                "several GPUs, --workers-per-gpu and --mps require need worker processes; leave out --workers off"
                    .into(),
            ));
        } else {
            self.here()?
        };
        Ok(chosen.unwrap_or_else(|why| {
            let cpu = cpu();
            let line = format!("no GPU: {why}; going on with {}", cpu.engine().name());
            // Most machines have none, and nobody has asked for one.
            if args.engine == EngineArg::Auto && has_no_driver() {
                progress.tell(&line)
            } else {
                progress.warn(&line)
            }
            cpu
        }))
    }

    #[cfg(unix)]
    fn crew(&self, stop: &AtomicBool, progress: &Progress) -> Result<Result<Chosen, String>, Failure> {
        let Wanted { args, block_size, n_cores, .. } = *self;
        let crew = crate::gpu::Wanted { args, block_size, n_cores }.crew(stop, progress)?;
        Ok(crew.map(|crew| Chosen::Crew(bqc_pool::Standin::new(&crew.engine), crew.places)))
    }

    #[cfg(not(unix))]
    fn crew(&self, _: &AtomicBool, _: &Progress) -> Result<Result<Chosen, String>, Failure> {
        self.here()
    }

    /// In this process: the first of those that were asked for which opens.
    #[cfg(target_os = "linux")]
    fn here(&self) -> Result<Result<Chosen, String>, Failure> {
        let asked = &self.args.gpu.gpus;
        let listed = match crate::cuda::list(false) {
            Ok(listed) => listed,
            Err(why) => return crate::gpu::refuse_if_named(asked, why),
        };
        let mut last = String::from("the driver sees no GPU");
        for gpu in crate::gpu::select(&listed.gpus, asked)? {
            match gpu.opened.clone().and_then(|_| crate::cuda::open_here(gpu.ordinal)) {
                Ok(engine) => return Ok(Ok(Chosen::Cuda(Box::new(engine)))),
                Err(why) => last = why,
            }
        }
        Ok(Err(last))
    }

    #[cfg(not(target_os = "linux"))]
    fn here(&self) -> Result<Result<Chosen, String>, Failure> {
        let why = "GPUs are used on Linux only";
        match &self.args.gpu.gpus {
            GpusArg::Auto => Ok(Err(why.into())),
            GpusArg::These(_) => Err(Failure::Usage(format!("--gpus: {why}"))),
        }
    }
}

/// Whether something was said about GPUs.
fn asks_for_gpus(args: &CompileArgs) -> bool {
    args.gpu.gpus != GpusArg::Auto || args.gpu.mps == MpsArg::Require || args.gpu.workers_per_gpu != PerGpuArg::Auto
}

/// Whether something was said that only makes sense with worker processes.
fn asks_for_workers(args: &CompileArgs) -> bool {
    let is_several = matches!(&args.gpu.gpus, GpusArg::These(names) if names.len() > 1);
    is_several || args.gpu.mps == MpsArg::Require || args.gpu.workers_per_gpu != PerGpuArg::Auto
}

fn cpu() -> Chosen {
    Chosen::Cpu(CpuEngine::default())
}

#[cfg(unix)]
fn has_no_driver() -> bool {
    crate::cuda::find_driver().is_err()
}

#[cfg(not(unix))]
fn has_no_driver() -> bool {
    true
}

impl Chosen {
    /// For the library.
    pub fn engine(&self) -> &dyn Engine {
        match self {
            Chosen::Cpu(engine) => engine,
            #[cfg(target_os = "linux")]
            Chosen::Cuda(engine) => engine.as_ref(),
            #[cfg(unix)]
            Chosen::Crew(standin, _) => standin,
        }
    }

    /// Where workers are to be, if that is on GPUs.
    pub fn take_gpus(&mut self) -> Gpus {
        match self {
            #[cfg(unix)]
            Chosen::Crew(_, gpus) => std::mem::take(gpus),
            _ => Vec::new(),
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
