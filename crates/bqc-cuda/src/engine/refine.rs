//! The verb of the search on the device: candidates in chunks, each written by its caller's thread, the
//! lowest index that succeeds wins, and what wins is judged again on the CPU. How candidates are divided
//! into chunks depends on who else calls; what comes out does not.

use super::filling::MAX_CHUNK;
use super::tables::{self, Target};
use super::{CudaEngine, Refusal, session};
use bqc_instantiate::{CxTemplate, LmSolver, MakeCandidate, RefineProblem, Refined};
use bqc_kernels::templates::status;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The chunk grows by this factor while nothing is found: first ones are cheap to throw away.
pub(super) const CHUNK_GROWTH: usize = 4;

/// A call under way, counted.
pub(super) struct Calling<'a>(&'a AtomicUsize);

impl<'a> Calling<'a> {
    pub(super) fn new(n_callers: &'a AtomicUsize) -> Calling<'a> {
        n_callers.fetch_add(1, Ordering::Relaxed);
        Calling(n_callers)
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl CudaEngine {
    /// Tries candidates `0..count`. Gives what became of the first ones, and why not of all.
    pub(super) fn refine_on_device(
        &self,
        problem: &RefineProblem<'_>,
        count: usize,
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> (Refined, Option<Refusal>) {
        let _calling = Calling::new(&self.n_callers);
        let target = self.target(problem.batch, Some((problem.check, problem.tolerance)), problem.settings);
        let (mut refined, mut growth, mut most) = (Refined::default(), 1, MAX_CHUNK);
        while refined.winner.is_none() && refined.n_tried < count && !stop.load(Ordering::Relaxed) {
            if let Some(error) = self.fault() {
                return (refined, Some(Refusal::Device(error)));
            }
            let left = refined.n_tried..count;
            match self.refine_chunk(problem, &target, left, (growth, most), make, stop) {
                Ok(part) => add(&mut refined, part),
                Err((len, Refusal::Device(error))) if len > 1 && !error.is_fatal() => {
                    most = len / 2;
                    continue;
                }
                Err((_, refusal)) => return (refined, Some(refusal)),
            }
            growth = CHUNK_GROWTH.saturating_mul(growth);
        }
        (refined, None)
    }

    /// Tries the next candidates of those that are `left`: as many as [`CudaEngine::chunk_len`] says. If that
    /// fails, says of how many.
    fn refine_chunk(
        &self,
        problem: &RefineProblem<'_>,
        target: &Target,
        left: Range<usize>,
        (growth, most): (usize, usize),
        make: &MakeCandidate<'_>,
        stop: &AtomicBool,
    ) -> Result<Refined, (usize, Refusal)> {
        let preparing = self.combiner.prepare();
        let mut tables = target.tables();
        let mut candidate = CxTemplate::new(problem.batch.n() as u8);
        let mut len = 1;
        for place in 0..left.len() {
            if place == 1 {
                len = self.chunk_len(&tables, left.len(), growth, most).map_err(|refusal| (1, refusal))?;
            }
            if place > 0 && place >= len {
                break;
            }
            make(left.start + place, &mut candidate);
            if !tables.push(&candidate) {
                // Those before it are the device's, whatever chunk it is in.
                if place == 0 {
                    return Err((1, Refusal::TooLarge));
                }
                break;
            }
        }
        let len = tables.candidates.len();
        let returned = self.combined(tables, preparing, stop).map_err(|error| (len, error.into()))?;
        let mut part = Refined::default();
        for (place, result) in returned.results.iter().enumerate() {
            if result.status == status::STOPPED {
                break;
            }
            part.n_tried += 1;
            part.n_iterations += result.iterations as usize;
            match result.status {
                status::ACCEPTED => {
                    make(left.start + place, &mut candidate);
                    tables::set_slots(&mut candidate, returned.slots(place));
                    // The CPU decides.
                    let distance = LmSolver::new(self.level).distance(problem.check, &candidate);
                    if distance <= problem.tolerance {
                        part.winner = Some((left.start + place, candidate));
                    } else {
                        part.n_overfit += 1;
                    }
                    // What comes after may have been given up for this one.
                    break;
                }
                status::OVERFIT => part.n_overfit += 1,
                _ => {}
            }
        }
        self.n_on_device.fetch_add(part.n_tried as u64, Ordering::Relaxed);
        Ok(part)
    }
}

/// Writes candidates `0..count` as [`CudaEngine`] hands them to a device, and gives the bytes of those that fit: what
/// the host does for every candidate, for whoever measures it. Needs no device; one like an H200 is assumed.
pub fn prepare(problem: &RefineProblem<'_>, count: usize, make: &MakeCandidate<'_>) -> u64 {
    const H200_SHARED_BYTES: u32 = 227 << 10;
    let check = Some((problem.check, problem.tolerance));
    let mut tables = Target::new(problem.batch, check, problem.settings, H200_SHARED_BYTES).tables();
    let mut candidate = CxTemplate::new(problem.batch.n() as u8);
    for index in 0..count {
        make(index, &mut candidate);
        if !tables.push(&candidate) {
            break;
        }
    }
    tables.shape().map_or(0, |shape| session::footprint(&tables, &shape).bytes(tables.candidates.len()))
}

/// Adds what became of the candidates that follow.
pub(super) fn add(refined: &mut Refined, part: Refined) {
    refined.winner = part.winner;
    refined.n_tried += part.n_tried;
    refined.n_iterations += part.n_iterations;
    refined.n_sweeps += part.n_sweeps;
    refined.n_overfit += part.n_overfit;
}
