//! The coarse boundary between policy and arithmetic: whole problems per call.

use crate::{LmSolver, MakeCandidate, RefineProblem, Refined, refine};
use bqc_linalg::lanes::Level;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// Something that does the arithmetic of instantiation. Policy is above it and shared by all.
pub trait Engine: Send + Sync {
    /// For reports.
    fn name(&self) -> &str;

    /// Refines candidates `0..count` by Levenberg–Marquardt; the lowest index that succeeds wins.
    fn refine(&self, problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>, stop: &AtomicBool)
    -> Refined;
}

/// The engine that every machine has. A call to [`Engine::refine`] stays on the caller's thread.
pub struct CpuEngine {
    level: Level,
    name: String,
    /// Solvers at rest: their memory is kept from call to call.
    solvers: Mutex<Vec<LmSolver>>,
}

impl CpuEngine {
    /// An engine on the fastest instruction set of this CPU.
    pub fn new() -> CpuEngine {
        CpuEngine::with_level(Level::detect())
    }

    /// An engine on a given instruction set.
    pub fn with_level(level: Level) -> CpuEngine {
        CpuEngine { level, name: format!("cpu/{}", level.name()), solvers: Mutex::new(Vec::new()) }
    }
}

impl Default for CpuEngine {
    fn default() -> CpuEngine {
        CpuEngine::new()
    }
}

impl Engine for CpuEngine {
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
        // A panic elsewhere cannot leave a solver half-changed in the list: it is taken out while it works.
        let resting = self.solvers.lock().unwrap_or_else(|e| e.into_inner()).pop();
        let mut solver = resting.unwrap_or_else(|| LmSolver::new(self.level));
        let refined = refine::refine_in_order(&mut solver, problem, count, make, stop);
        self.solvers.lock().unwrap_or_else(|e| e.into_inner()).push(solver);
        refined
    }
}
