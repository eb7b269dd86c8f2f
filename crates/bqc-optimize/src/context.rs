//! What stays the same for a whole block, and so goes through every pass over it unchanged.

use bqc_instantiate::{CxTemplate, Engine, LmOutcome, LmSettings, MakeCandidate, RefineProblem, Refined, StateBatch};
use std::sync::atomic::{AtomicBool, Ordering};

/// Who does the arithmetic of a block, and what ends the work early.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Fits the candidates.
    pub engine: &'a dyn Engine,
    /// Once it is set, the work ends soon with what was reached.
    pub stop: &'a AtomicBool,
}

impl Context<'_> {
    /// Whether the work shall end.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// [`Engine::refine`].
    pub(crate) fn refine(&self, problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>) -> Refined {
        self.engine.refine(problem, count, make, self.stop)
    }

    /// [`Engine::descend`].
    pub(crate) fn descend(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
    ) -> Vec<LmOutcome> {
        self.engine.descend(batch, settings, templates, self.stop)
    }
}
