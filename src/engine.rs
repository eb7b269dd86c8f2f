//! Which engine does the arithmetic: what was asked for, what the machine has, and a line for the user
//! where the two differ.

use crate::args::EngineArg;
use bqc_instantiate::{CpuEngine, Engine};
use bqc_linalg::lanes::Level;

/// The engine of a run.
pub enum Chosen {
    /// Every machine has it.
    Cpu(CpuEngine),
    /// A GPU, with the CPU for what the GPU does not do.
    #[cfg(target_os = "linux")]
    Cuda(Box<bqc_cuda::CudaEngine>),
}

impl Chosen {
    /// The engine that was asked for, or the CPU's with the reason why not.
    pub fn new(engine: EngineArg) -> (Chosen, Option<String>) {
        let cpu = || Chosen::Cpu(CpuEngine::default());
        match engine {
            EngineArg::Auto | EngineArg::Cpu => (cpu(), None),
            EngineArg::Cuda => match cuda() {
                Ok(engine) => (engine, None),
                Err(why) => {
                    let cpu = cpu();
                    let line = format!("no GPU: {why}; going on with {}", cpu.engine().name());
                    (cpu, Some(line))
                }
            },
        }
    }

    /// The family of the engine that is asked for, whatever this machine has.
    pub fn family_of(engine: EngineArg) -> &'static str {
        match engine {
            EngineArg::Auto | EngineArg::Cpu => "cpu",
            EngineArg::Cuda => "cuda",
        }
    }

    /// An engine of this family and no other, or why there is none.
    pub fn of_family(family: &str) -> Result<Chosen, String> {
        match family {
            "cpu" => Ok(Chosen::Cpu(CpuEngine::default())),
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
        }
    }

    /// Whether worker processes can have this engine. A GPU's is in this process alone so far.
    pub fn works_in_processes(&self) -> bool {
        matches!(self, Chosen::Cpu(_))
    }

    /// Why the engine did not do all that it was made for, if it did not.
    pub fn fault(&self) -> Option<String> {
        match self {
            Chosen::Cpu(_) => None,
            #[cfg(target_os = "linux")]
            Chosen::Cuda(engine) => engine.fault().map(|why| format!("{why}; the CPU did the rest")),
        }
    }
}

/// The first device that opens and computes; the last reason if none does.
#[cfg(target_os = "linux")]
fn cuda() -> Result<Chosen, String> {
    let found = bqc_cuda::discover().map_err(|why| why.to_string())?;
    let mut last = found.broken.last().map_or(String::new(), |(_, why)| why.to_string());
    for device in found.devices {
        match bqc_cuda::CudaEngine::open(device.ordinal, Level::detect()) {
            Ok(engine) => return Ok(Chosen::Cuda(Box::new(engine))),
            Err(why) => last = why.to_string(),
        }
    }
    Err(last)
}

#[cfg(not(target_os = "linux"))]
fn cuda() -> Result<Chosen, String> {
    Err("GPUs are used on Linux only".into())
}
