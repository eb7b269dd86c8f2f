//! Launches of the engine: how many candidates at once, in which session, and what is done when memory is
//! short. What is in a launch is not known here.

use super::session::{self, Returned, Session};
use super::tables::{self, BLOCK_THREADS, Shape, Tables};
use super::{CudaEngine, Refusal, locked};
use crate::{CudaError, MemoryPlan};
use std::sync::atomic::{AtomicBool, Ordering};

/// Candidates of a launch at most, and how much arithmetic they may be, by [`tables::flops`]: a launch is
/// to last some ten milliseconds, because what other processes send to the device waits for it. 10^11
/// operations are that at 10 Tflop/s, a third of what an H200 does in `f64`.
pub(super) const MAX_CHUNK: usize = 4096;
const MAX_CHUNK_FLOPS: f64 = 1e11;

impl CudaEngine {
    /// Begins to run tables on the device. If there is no room, sessions at rest give theirs up first; how
    /// much there was room for is remembered.
    pub(super) fn begin(&self, tables: &Tables, shape: &Shape) -> Result<Session, CudaError> {
        let resting = locked(&self.sessions).pop();
        let mut begun = self.begin_with(resting, tables, shape);
        if begun.as_ref().is_err_and(|error| !error.is_fatal()) {
            locked(&self.sessions).clear();
            locked(&self.sweep_sessions).clear();
            begun = self.begin_with(None, tables, shape);
        }
        let bytes = session::footprint(tables, shape).bytes(tables.candidates.len());
        let limit = self.launch_bytes.load(Ordering::Relaxed);
        match &begun {
            Ok(_) if bytes >= limit / 2 => self.launch_bytes.store(limit.saturating_mul(2), Ordering::Relaxed),
            Err(error) if !error.is_fatal() => self.launch_bytes.store(bytes / 2, Ordering::Relaxed),
            _ => {}
        }
        begun
    }

    fn begin_with(&self, resting: Option<Session>, tables: &Tables, shape: &Shape) -> Result<Session, CudaError> {
        let mut session = match resting {
            Some(session) => session,
            None => Session::new(&self.gpu)?,
        };
        session.begin(&self.kernels, tables, shape)?;
        Ok(session)
    }

    /// Waits for what was begun, or has it stopped, and lays the session to rest. One that failed is not
    /// used again.
    pub(super) fn finish(&self, mut session: Session, stop: &AtomicBool) -> Result<Returned, CudaError> {
        let returned = session.finish(stop)?;
        locked(&self.sessions).push(session);
        Ok(returned)
    }

    pub(super) fn shape(&self, tables: &Tables) -> Result<Shape, Refusal> {
        Shape::choose(tables, self.gpu.info().block_shared_bytes).ok_or(Refusal::TooLarge)
    }

    /// Divides `n` candidates like the one in `tables` into batches of at most `most`.
    pub(super) fn plan_like(&self, tables: &Tables, n: usize, most: usize) -> Result<MemoryPlan, Refusal> {
        let footprint = session::footprint(tables, &self.shape(tables)?);
        let by_work = (MAX_CHUNK_FLOPS / tables::flops(tables)) as usize;
        let by_room = self.launch_bytes.load(Ordering::Relaxed) / footprint.bytes(1).max(1);
        let max_batch = most.min(by_work).min(usize::try_from(by_room).unwrap_or(usize::MAX)).max(1);
        let device = self.gpu.info().to_string();
        Ok(MemoryPlan::new(&device, n, max_batch, footprint, self.gpu.free_bytes()?)?)
    }

    /// How many candidates of this shape the device works on at once.
    pub(super) fn resident(&self, tables: &Tables, shape: &Shape) -> Result<usize, Refusal> {
        debug_assert_eq!(tables.candidates.len(), 1);
        let kernel = self.kernels.kernel(shape.kernel_name(), shape.shared_bytes())?;
        let of_each = kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1);
        Ok((of_each * self.gpu.info().n_multiprocessors) as usize)
    }
}
