//! The verb of growth on the device: every template as far as it goes, in batches that fit its memory.

use super::session::{Returned, Session};
use super::tables::{self, Tables, Target};
use super::{CudaEngine, Refusal};
use crate::{MemoryPlan, N_SLOTS};
use bqc_instantiate::{CxTemplate, LmOutcome, LmSettings, StateBatch};
use bqc_kernels::templates::{NONE, status};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Batches have as many templates as the device works on at once, times this: few enough that copies overlap
/// with work, enough that the last wave costs little.
const BATCH_WAVES: usize = 4;

impl CudaEngine {
    /// Improves templates on the device, in place. What is one batch shares a launch with those of other threads; of
    /// more, one computes while the next is filled. Gives the outcomes of the first templates, and why not
    /// of all.
    pub(super) fn descend_on_device(
        &self,
        batch: &StateBatch,
        settings: &LmSettings,
        templates: &mut [CxTemplate],
        stop: &AtomicBool,
    ) -> (Vec<LmOutcome>, Option<Refusal>) {
        let target = self.target(batch, None, settings);
        let planned = self.plan(&target, templates);
        let mut outcomes = Vec::with_capacity(templates.len());
        let refusal = match planned {
            Ok(plan) if plan.batch_len() == templates.len() => {
                self.descend_together(&target, templates, &mut outcomes, stop).err()
            }
            Ok(plan) => self.descend_in_turn(&target, plan, templates, &mut outcomes, stop).err(),
            Err(refusal) => Some(refusal),
        };
        (outcomes, refusal)
    }

    fn descend_together(
        &self,
        target: &Target,
        templates: &mut [CxTemplate],
        outcomes: &mut Vec<LmOutcome>,
        stop: &AtomicBool,
    ) -> Result<(), Refusal> {
        if templates.is_empty() || stop.load(Ordering::Relaxed) {
            return Ok(());
        }
        let preparing = self.combiner.prepare();
        let tables = tables_of(target, templates).ok_or(Refusal::TooLarge)?;
        take(self.combined(tables, preparing, stop)?, templates, outcomes);
        Ok(())
    }

    fn descend_in_turn(
        &self,
        target: &Target,
        plan: MemoryPlan,
        templates: &mut [CxTemplate],
        outcomes: &mut Vec<LmOutcome>,
        stop: &AtomicBool,
    ) -> Result<(), Refusal> {
        let finish = |session: Session| self.finish(session, |_| stop.load(Ordering::Relaxed));
        let mut in_flight: VecDeque<(Range<usize>, Session)> = VecDeque::new();
        let mut begin_all = || -> Result<(), Refusal> {
            for range in plan.batches() {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                if in_flight.len() == N_SLOTS
                    && let Some((range, session)) = in_flight.pop_front()
                {
                    finish(session)?.into_iter().for_each(|part| take(part, &mut templates[range.clone()], outcomes));
                }
                let tables = tables_of(target, &templates[range.clone()]).ok_or(Refusal::TooLarge)?;
                let shape = tables.shape().ok_or(Refusal::TooLarge)?;
                in_flight.push_back((range, self.begin(&[&tables], &shape)?));
            }
            Ok(())
        };
        let mut refusal = begin_all().err();
        for (range, session) in in_flight {
            // What has been begun before a refusal is waited for: it may have been done.
            match finish(session) {
                Ok(parts) if range.start == outcomes.len() => {
                    parts.into_iter().for_each(|part| take(part, &mut templates[range.clone()], outcomes));
                }
                Ok(_) => {}
                Err(error) => {
                    refusal.get_or_insert(error.into());
                }
            }
        }
        refusal.map_or(Ok(()), Err)
    }

    /// Divides templates into batches. All are laid out like the one with the most gates.
    fn plan(&self, target: &Target, templates: &[CxTemplate]) -> Result<MemoryPlan, Refusal> {
        let Some(largest) = templates.iter().max_by_key(|t| t.n_cx()) else { return Err(Refusal::TooLarge) };
        let tables = tables_of(target, std::slice::from_ref(largest)).ok_or(Refusal::TooLarge)?;
        let Some(shape) = tables.shape() else { return Err(Refusal::TooLarge) };
        let resident = shape.resident(self.gpu.info().n_multiprocessors);
        self.plan_like(&tables, templates.len(), BATCH_WAVES * resident)
    }
}

/// `None` if the kernels have no room for one of them.
pub(super) fn tables_of(target: &Target, templates: &[CxTemplate]) -> Option<Tables> {
    let mut tables = target.tables();
    templates.iter().all(|template| tables.push(template)).then_some(tables)
}

/// Writes what came back into the templates that it was made from, up to the first that a stop kept from
/// beginning.
fn take(returned: Returned, templates: &mut [CxTemplate], outcomes: &mut Vec<LmOutcome>) {
    for (place, (template, result)) in templates.iter_mut().zip(&returned.results).enumerate() {
        if result.survivor == NONE {
            break;
        }
        tables::set_slots(template, returned.slots(place));
        let found = matches!(result.status, status::ACCEPTED | status::OVERFIT);
        outcomes.push(LmOutcome { cost: result.cost, iterations: result.iterations as usize, found });
    }
}
