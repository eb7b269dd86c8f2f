//! The CPU in a GPU's place: what a supervisor has that must not become a client of the driver, and what
//! works when the GPUs cannot.

use bqc_instantiate::{
    CpuEngine, CxTemplate, Engine, LmOutcome, LmSettings, MakeCandidate, RefineProblem, Refined, StateBatch,
};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// The CPU engine under the name of another. All that it does counts as done in the other's place, so that
/// it is not kept under that name.
pub struct Standin {
    name: String,
    cpu: CpuEngine,
    n_calls: AtomicU64,
}

impl Standin {
    /// For the engine of that name.
    pub fn new(name: &str) -> Standin {
        Standin { name: name.into(), cpu: CpuEngine::new(), n_calls: AtomicU64::new(0) }
    }

    fn cpu(&self) -> &CpuEngine {
        self.n_calls.fetch_add(1, Ordering::Relaxed);
        &self.cpu
    }
}

impl Engine for Standin {
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
        self.cpu().refine(problem, count, make, stop)
    }

    fn descend(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> Vec<LmOutcome> {
        self.cpu().descend(batch, settings, templates, stop)
    }

    fn n_substituted(&self) -> u64 {
        self.n_calls.load(Ordering::Relaxed)
    }
}
