//! Launches of sweeps: candidates that need the same memory together, in batches that fit; while one computes, the next
//! is filled.

use super::super::tables::BLOCK_THREADS;
use super::super::{CudaEngine, Refusal, locked};
use super::Underway;
use super::session::{self, Returned, Session};
use super::tables::{Shape, Tables};
use crate::{CudaError, Footprint, Kernels, MemoryPlan, N_SLOTS};
use bqc_instantiate::Sweeps;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

/// Candidates in a launch, in multiples of what the device works on at once: enough that the last of them
/// cost little.
const BATCH_WAVES: usize = 4;

/// Bytes of tables in a launch at most. They are in pinned memory too, of which there is less.
const MOST_TABLE_BYTES: u64 = 1 << 30;

impl CudaEngine {
    /// Follows candidates to their ends. One that is stopped has ended.
    pub(super) fn follow(
        &self,
        kernels: &Kernels,
        sweeps: &Sweeps,
        underway: &mut [Underway],
        stop: &AtomicBool,
    ) -> Result<(), Refusal> {
        loop {
            // What can be in one launch, because it needs the same memory.
            let mut kinds: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
            for (place, one) in underway.iter().enumerate().filter(|(_, one)| one.order(sweeps).is_some()) {
                kinds.entry(one.course.set_index()).or_default().push(place);
            }
            if kinds.is_empty() {
                return Ok(());
            }
            for works in kinds.into_values() {
                self.sweep_kind(kernels, sweeps, underway, &works, stop)?;
            }
        }
    }

    /// Carries out the orders of candidates on one set, the places of which are given.
    fn sweep_kind(
        &self,
        kernels: &Kernels,
        sweeps: &Sweeps,
        underway: &mut [Underway],
        works: &[usize],
        stop: &AtomicBool,
    ) -> Result<(), Refusal> {
        let mut most = self.batch_len(kernels, sweeps, underway, works)?;
        let mut in_flight: VecDeque<(Range<usize>, &'static str, Session)> = VecDeque::new();
        let mut next = 0;
        while next < works.len() || !in_flight.is_empty() {
            if (next == works.len() || in_flight.len() == N_SLOTS)
                && let Some((range, kernel, session)) = in_flight.pop_front()
            {
                self.take_all((sweeps, underway), &works[range], kernel, session, stop)?;
                continue;
            }
            let range = next..works.len().min(next + most);
            match self.begin_sweeps(kernels, sweeps, underway, &works[range.clone()]) {
                Ok((kernel, session)) => {
                    next = range.end;
                    in_flight.push_back((range, kernel, session));
                }
                Err(Refusal::Device(error)) if error.is_fatal() => return Err(error.into()),
                // What is in flight comes back first, then less is tried.
                Err(no_room) => match in_flight.pop_front() {
                    Some((range, kernel, session)) => {
                        self.take_all((sweeps, underway), &works[range], kernel, session, stop)?;
                    }
                    None if range.len() > 1 => most = range.len() / 2,
                    None => return Err(no_room),
                },
            }
        }
        Ok(())
    }

    /// Candidates like this one that the device works on at once.
    pub(super) fn resident_sweeps(&self, kernels: &Kernels, sweeps: &Sweeps, one: &Underway) -> Result<usize, Refusal> {
        let tables = tables_of(sweeps, std::slice::from_ref(one), &[0]);
        let shape = Shape::choose(&tables, self.gpu.info().block_shared_bytes).ok_or(Refusal::TooLarge)?;
        self.resident(kernels, &shape)
    }

    fn resident(&self, kernels: &Kernels, shape: &Shape) -> Result<usize, Refusal> {
        let kernel = kernels.kernel(shape.kernel_name(), shape.shared_bytes() as u32)?;
        let of_each = kernel.blocks_per_multiprocessor(BLOCK_THREADS)?.max(1);
        Ok((of_each * self.gpu.info().n_multiprocessors) as usize)
    }

    /// Candidates of this kind in a launch at most.
    fn batch_len(
        &self,
        kernels: &Kernels,
        sweeps: &Sweeps,
        underway: &[Underway],
        works: &[usize],
    ) -> Result<usize, Refusal> {
        let largest = works.iter().copied().max_by_key(|place| underway[*place].encoded.n_values());
        let tables = tables_of(sweeps, underway, largest.as_slice());
        let shape = Shape::choose(&tables, self.gpu.info().block_shared_bytes).ok_or(Refusal::TooLarge)?;
        let (table_bytes, workspace_bytes) = session::bytes(&tables, &shape);
        let problem_bytes = table_bytes + workspace_bytes;
        let resident = self.resident(kernels, &shape)?;
        let by_room = self.launch_bytes.load(Ordering::Relaxed) / problem_bytes;
        let by_tables = MOST_TABLE_BYTES / table_bytes;
        let most = usize::try_from(by_room.min(by_tables)).unwrap_or(usize::MAX).min(BATCH_WAVES * resident).max(1);
        let (device, footprint) = (self.gpu.info().to_string(), Footprint { common_bytes: 0, problem_bytes });
        match MemoryPlan::new(&device, works.len(), most, footprint, self.gpu.free_bytes()?) {
            Ok(plan) => Ok(plan.batch_len()),
            // What rests may have what is missing, which is seen when it is tried.
            Err(error) if !error.is_fatal() => Ok(1),
            Err(error) => Err(error.into()),
        }
    }

    /// Begins a launch of these candidates. If there is no room, sessions at rest give theirs up first; how much
    /// there was room for is remembered.
    fn begin_sweeps(
        &self,
        kernels: &Kernels,
        sweeps: &Sweeps,
        underway: &[Underway],
        works: &[usize],
    ) -> Result<(&'static str, Session), Refusal> {
        let begin = |resting: Option<Session>| -> Result<(&'static str, u64, Session), (Refusal, u64)> {
            let tables = tables_of(sweeps, underway, works);
            let shape = Shape::choose(&tables, self.gpu.info().block_shared_bytes).ok_or((Refusal::TooLarge, 0))?;
            let (table_bytes, workspace_bytes) = session::bytes(&tables, &shape);
            let bytes = table_bytes + workspace_bytes * works.len() as u64;
            let mut session = resting.map_or_else(|| Session::new(&self.gpu), Ok).map_err(|e| (e.into(), bytes))?;
            session.begin(kernels, tables, &shape).map_err(|e| (e.into(), bytes))?;
            Ok((shape.kernel_name(), bytes, session))
        };
        let resting = locked(&self.sweeps.sessions).pop();
        let mut begun = begin(resting);
        if let Err((Refusal::Device(error), _)) = &begun
            && !error.is_fatal()
        {
            locked(&self.sweeps.sessions).clear();
            locked(&self.sessions).clear();
            begun = begin(None);
        }
        let limit = self.launch_bytes.load(Ordering::Relaxed);
        match begun {
            Ok((kernel, bytes, session)) => {
                self.n_sweep_launches.fetch_add(1, Ordering::Relaxed);
                if bytes >= limit / 2 {
                    self.launch_bytes.store(limit.saturating_mul(2), Ordering::Relaxed);
                }
                Ok((kernel, session))
            }
            Err((refusal, bytes)) => {
                if matches!(&refusal, Refusal::Device(error) if !error.is_fatal()) {
                    self.launch_bytes.store(bytes / 2, Ordering::Relaxed);
                }
                Err(refusal)
            }
        }
    }

    /// Waits for a launch and takes note of what it left.
    fn take_all(
        &self,
        (sweeps, underway): (&Sweeps, &mut [Underway]),
        works: &[usize],
        kernel: &'static str,
        mut session: Session,
        stop: &AtomicBool,
    ) -> Result<(), CudaError> {
        let Returned { runs } = session.finish(stop)?;
        self.clock.add(session.lane())?;
        for (&place, (found, points, values)) in works.iter().zip(&runs) {
            underway[place].take(sweeps, *found, points, values).map_err(|what| CudaError::WrongResult {
                device: self.gpu.info().to_string(),
                kernel,
                what,
            })?;
        }
        locked(&self.sweeps.sessions).push(session);
        Ok(())
    }
}

fn tables_of(sweeps: &Sweeps, underway: &[Underway], works: &[usize]) -> Tables {
    let mut tables = Tables::new(sweeps.rules);
    for order in works.iter().filter_map(|place| underway[*place].order(sweeps)) {
        tables.push(sweeps, &order);
    }
    tables
}
