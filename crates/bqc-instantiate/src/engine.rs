//! The coarse boundary between policy and arithmetic: whole problems per call.

use crate::{CxTemplate, LmOutcome, LmSettings, LmSolver, MakeCandidate, RefineProblem, Refined, Refiner, StateBatch};
use bqc_linalg::lanes::Level;
use rayon::prelude::*;
use std::sync::Mutex;
use std::sync::atomic::AtomicBool;

/// Something that does the arithmetic of instantiation. Policy is above it and shared by all.
pub trait Engine: Send + Sync {
    /// For reports: its [family](Engine::family), and after a slash what else tells engines apart.
    fn name(&self) -> &str;

    /// What decides its results: engines of one family give the same bits, on whatever they run. Units of
    /// work are named by it, so that machines with other instructions know each other's.
    fn family(&self) -> &str {
        self.name().split('/').next().unwrap_or_default()
    }

    /// Refines candidates `0..count`, by sweeps if the problem has any and then by Levenberg–Marquardt; the lowest index
    /// that succeeds wins. All candidates of a scan, every gate deleted once from each of its starts, come in one
    /// call. After `stop` is set what is known by then comes back soon.
    fn refine(&self, problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>, stop: &AtomicBool)
    -> Refined;

    /// Improves every template by Levenberg–Marquardt as far as it goes, in place; one outcome each,
    /// in order. This is the verb of growth, where the best of the failures go on. The templates that
    /// are left when `stop` is set stay as they are or half improved.
    ///
    /// Unless an engine does better: on the CPU, over the caller's rayon pool.
    fn descend(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> Vec<LmOutcome> {
        descend_on_cpu(Level::detect(), batch, settings, templates, stop)
    }

    /// How many threads should call this engine at once on a machine with `n_cores`. A call that stays on its
    /// caller's thread wants one a core. Results do not depend on it.
    fn concurrency(&self, n_cores: usize) -> usize {
        n_cores
    }

    /// Calls so far that another engine did in this one's place for a reason that does not lie in the
    /// call: a device failed, or had no room. A result in whose making this number rose is as good as
    /// any, but not what this engine gives, and is not kept under its name.
    fn n_substituted(&self) -> u64 {
        0
    }
}

fn descend_on_cpu(
    level: Level,
    batch: &StateBatch,
    settings: &LmSettings,
    templates: &mut [CxTemplate],
    stop: &AtomicBool,
) -> Vec<LmOutcome> {
    let solve = |solver: &mut LmSolver, t: &mut CxTemplate| solver.solve(batch, t, settings, stop);
    templates.par_iter_mut().map_init(|| LmSolver::new(level), solve).collect()
}

/// The engine that every machine has. A call to [`Engine::refine`] stays on the caller's thread.
pub struct CpuEngine {
    level: Level,
    name: String,
    /// Refiners at rest: their memory is kept from call to call.
    refiners: Mutex<Vec<Refiner>>,
}

impl CpuEngine {
    /// An engine on the fastest instruction set of this CPU.
    pub fn new() -> CpuEngine {
        CpuEngine::with_level(Level::detect())
    }

    /// An engine on a given instruction set.
    pub fn with_level(level: Level) -> CpuEngine {
        CpuEngine { level, name: format!("cpu/{}", level.name()), refiners: Mutex::new(Vec::new()) }
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
        // A panic elsewhere cannot leave one half-changed in the list: it is taken out while it works.
        let resting = self.refiners.lock().unwrap_or_else(|e| e.into_inner()).pop();
        let mut refiner = resting.unwrap_or_else(|| Refiner::new(self.level));
        let refined = refiner.refine_in_order(problem, count, make, stop);
        self.refiners.lock().unwrap_or_else(|e| e.into_inner()).push(refiner);
        refined
    }

    fn descend(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> Vec<LmOutcome> {
        descend_on_cpu(self.level, batch, settings, templates, stop)
    }
}
