//! Launches of the engine: in which session, how many candidates at once, and what is done when memory is
//! short. What is in a launch is not known here.

use super::filling::{self, MAX_CHUNK};
use super::session::{self, Returned, Session};
use super::tables::{Shape, Tables};
use super::{CudaEngine, Refusal, locked};
use crate::{CudaError, MemoryPlan};
use std::sync::atomic::Ordering;

/// How much arithmetic a launch may be, by [`Tables::flops`]: a launch is to last some ten milliseconds,
/// because what other processes send to the device waits for it. 10^11 operations are that at 10 Tflop/s,
/// a third of what an H200 does in `f64`.
pub(super) const MAX_LAUNCH_FLOPS: f64 = 1e11;

/// A launch that needs less is begun without asking how much is free, which takes longer than it saves.
const SMALL_BYTES: u64 = 64 << 20;

impl CudaEngine {
    /// Begins to run the tables of some groups on the device. If there is no room, sessions at rest give theirs
    /// up first; how much there was room for is remembered.
    pub(super) fn begin(&self, parts: &[&Tables], shape: &Shape) -> Result<Session, CudaError> {
        let resting = locked(&self.sessions).pop();
        let mut begun = self.begin_with(resting, parts, shape);
        if begun.as_ref().is_err_and(|error| !error.is_fatal()) {
            locked(&self.sessions).clear();
            locked(&self.sweeps.sessions).clear();
            begun = self.begin_with(None, parts, shape);
        }
        let bytes_of = |part: &&Tables| session::footprint(part, shape).bytes(part.candidates.len());
        let bytes: u64 = parts.iter().map(bytes_of).sum();
        let limit = self.launch_bytes.load(Ordering::Relaxed);
        match &begun {
            Ok(_) => {
                self.combiner.count(parts.len());
                if bytes >= limit / 2 {
                    self.launch_bytes.store(limit.saturating_mul(2), Ordering::Relaxed);
                }
            }
            Err(error) if !error.is_fatal() => self.launch_bytes.store(bytes / 2, Ordering::Relaxed),
            Err(_) => {}
        }
        begun
    }

    fn begin_with(&self, resting: Option<Session>, parts: &[&Tables], shape: &Shape) -> Result<Session, CudaError> {
        let mut session = match resting {
            Some(session) => session,
            None => Session::new(&self.gpu)?,
        };
        session.begin(&self.kernels, parts, shape)?;
        Ok(session)
    }

    /// Waits for what was begun, or has groups of it stopped, and lays the session to rest. One that failed is
    /// not used again. See [`Session::finish`].
    pub(super) fn finish(
        &self,
        mut session: Session,
        is_stopped: impl Fn(usize) -> bool,
    ) -> Result<Vec<Returned>, CudaError> {
        let returned = session.finish(is_stopped)?;
        self.clock.add(session.lane())?;
        locked(&self.sessions).push(session);
        Ok(returned)
    }

    /// How many candidates like the one in `tables` a caller's next chunk has, of `n` that are left: the first
    /// one's number times `growth`, as far as launches, memory and `most` allow.
    pub(super) fn chunk_len(&self, tables: &Tables, n: usize, growth: usize, most: usize) -> Result<usize, Refusal> {
        let Some(shape) = tables.shape() else { return Err(Refusal::TooLarge) };
        // The other processes on the device have as many callers as this one.
        let n_callers = self.n_callers.load(Ordering::Relaxed) * self.n_sharers;
        let resident = shape.resident(self.gpu.info().n_multiprocessors);
        let wanted = filling::first_chunk(resident, n_callers).saturating_mul(growth);
        let most = most.min(filling::most_chunk(n_callers)).min(self.most_in_launch(tables));
        let len = wanted.min(most).min(n).max(1);
        if session::footprint(tables, &shape).bytes(len) <= SMALL_BYTES {
            return Ok(len);
        }
        Ok(self.plan_like(tables, n, len)?.batch_len())
    }

    /// Divides `n` candidates like the one in `tables` into batches of at most `most`.
    pub(super) fn plan_like(&self, tables: &Tables, n: usize, most: usize) -> Result<MemoryPlan, Refusal> {
        let Some(shape) = tables.shape() else { return Err(Refusal::TooLarge) };
        let footprint = session::footprint(tables, &shape);
        let max_batch = most.min(self.most_in_launch(tables));
        let device = self.gpu.info().to_string();
        Ok(MemoryPlan::new(&device, n, max_batch, footprint, self.gpu.free_bytes()?)?)
    }

    /// Candidates like the one in `tables` that one launch may have, by their arithmetic and by what there was
    /// room for.
    fn most_in_launch(&self, tables: &Tables) -> usize {
        debug_assert_eq!(tables.candidates.len(), 1);
        let Some(shape) = tables.shape() else { return 1 };
        let by_work = (MAX_LAUNCH_FLOPS / tables.flops()) as usize;
        let one = session::footprint(tables, &shape).bytes(1).max(1);
        let by_room = self.launch_bytes.load(Ordering::Relaxed) / one;
        MAX_CHUNK.min(by_work).min(usize::try_from(by_room).unwrap_or(usize::MAX)).max(1)
    }
}
