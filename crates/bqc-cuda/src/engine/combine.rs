//! Calls of many threads in one launch.
//!
//! A caller hands in the tables of one group and sleeps until they are answered. Whoever finds the device
//! ready takes all that wait and fit together, leads their launch, and hands each its part; the others
//! do nothing. There is no timer in this: a launch begins at once if none is under way, so a lone caller
//! is never kept waiting; if some are, when those that wait fill the device or nobody is about to join
//! them. A launch is led by one of those whose tables are in it.
//!
//! Answers do not depend on company: see [`super::tables`] for digits; a caller that is stopped has its own
//! group stopped; a launch that there is no room for is divided until there is, and what is too large by
//! itself is answered so. A launch that fails otherwise fails for all in it.

use super::filling::{MAX_CHUNK, MAX_IN_FLIGHT};
use super::lane::N_STOPS;
use super::launches::MAX_LAUNCH_FLOPS;
use super::session::{self, Returned};
use super::tables::{Shape, Tables};
use super::{CudaEngine, locked};
use crate::CudaError;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, Thread};
use std::time::Duration;

/// A caller that sleeps looks at its stop so often.
const STOP_PAUSE: Duration = Duration::from_millis(10);

/// Tables of one caller, until they are answered.
struct Request {
    tables: Tables,
    shape: Shape,
    /// What it needs on the device, and how much arithmetic it is.
    bytes: u64,
    flops: f64,
    is_stopped: AtomicBool,
    answer: Mutex<Option<Result<Returned, CudaError>>>,
    caller: Thread,
}

impl Request {
    fn new(tables: Tables, shape: Shape) -> Request {
        let bytes = session::footprint(&tables, &shape).bytes(tables.candidates.len());
        Request {
            shape,
            bytes,
            flops: tables.flops(),
            tables,
            is_stopped: AtomicBool::new(false),
            answer: Mutex::new(None),
            caller: thread::current(),
        }
    }

    fn answer(&self, answer: Result<Returned, CudaError>) {
        *locked(&self.answer) = Some(answer);
        self.caller.unpark();
    }
}

/// What a launch may hold.
#[derive(Clone, Copy)]
struct Limits {
    bytes: u64,
    block_shared_bytes: u32,
    n_multiprocessors: u32,
}

/// Who waits, who will soon, and what is under way.
#[derive(Default)]
struct Line {
    /// The oldest first.
    waiting: VecDeque<Arc<Request>>,
    /// Callers that are writing their candidates.
    n_preparing: usize,
    n_in_flight: usize,
}

impl Line {
    /// The oldest request and all that share its launch: those that put as many blocks on a multiprocessor, as
    /// far as all limits hold. Gives their places in line and the shape of the launch.
    fn load(&self, limits: Limits) -> Option<(Vec<usize>, Shape)> {
        let first = self.waiting.front()?;
        let mut shape = first.shape;
        let (mut places, mut n, mut flops, mut bytes) = (Vec::new(), 0, 0.0, 0);
        for (place, request) in self.waiting.iter().enumerate() {
            let len = request.tables.candidates.len();
            let joined = shape.joined(request.shape, limits.block_shared_bytes);
            let suits = request.tables.keeps_all() == first.tables.keeps_all()
                && request.shape.blocks == shape.blocks
                && joined.is_some_and(|joined| joined.blocks == shape.blocks)
                && n + len <= MAX_CHUNK
                && flops + request.flops <= MAX_LAUNCH_FLOPS
                && bytes + request.bytes <= limits.bytes
                && places.len() < N_STOPS;
            if place == 0 || suits {
                shape = joined.unwrap_or(shape);
                (n, flops, bytes) = (n + len, flops + request.flops, bytes + request.bytes);
                places.push(place);
            }
        }
        let is_device_idle = self.n_in_flight == 0;
        let fills_device = n >= shape.resident(limits.n_multiprocessors);
        let may_begin = self.n_in_flight < MAX_IN_FLIGHT && (is_device_idle || fills_device || self.n_preparing == 0);
        may_begin.then_some((places, shape))
    }

    /// Takes the next load out of the line, if the caller's `own` request is in it; if another is to lead it, that one
    /// is woken.
    fn lead(&mut self, own: &Arc<Request>, limits: Limits) -> Option<(Vec<Arc<Request>>, Shape)> {
        let (places, shape) = self.load(limits)?;
        if !places.iter().any(|place| Arc::ptr_eq(own, &self.waiting[*place])) {
            self.wake();
            return None;
        }
        let mut left = VecDeque::new();
        let mut taken = Vec::with_capacity(places.len());
        for (place, request) in self.waiting.drain(..).enumerate() {
            if places.binary_search(&place).is_ok() { taken.push(request) } else { left.push_back(request) }
        }
        self.waiting = left;
        self.n_in_flight += 1;
        // There may be more for the next one.
        self.wake();
        Some((taken, shape))
    }

    fn wake(&self) {
        if let Some(oldest) = self.waiting.front() {
            oldest.caller.unpark();
        }
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Combiner {
    line: Mutex<Line>,
    n_launches: AtomicU64,
    n_groups: AtomicU64,
}

/// A caller that is about to hand in tables.
pub(super) struct Preparing<'a>(&'a Combiner);

impl Drop for Preparing<'_> {
    fn drop(&mut self) {
        let mut line = locked(&self.0.line);
        line.n_preparing -= 1;
        // Nobody need wait for it any more.
        line.wake();
    }
}

impl Combiner {
    /// Says that a caller is about to hand in tables, so that others may wait for it.
    pub(super) fn prepare(&self) -> Preparing<'_> {
        locked(&self.line).n_preparing += 1;
        Preparing(self)
    }

    /// Launches so far, and the groups that were in them.
    pub(super) fn counts(&self) -> (u64, u64) {
        (self.n_launches.load(Ordering::Relaxed), self.n_groups.load(Ordering::Relaxed))
    }

    /// Counts a launch.
    pub(super) fn count(&self, n_groups: usize) {
        self.n_launches.fetch_add(1, Ordering::Relaxed);
        self.n_groups.fetch_add(n_groups as u64, Ordering::Relaxed);
    }

    fn submit(&self, request: &Arc<Request>, preparing: Preparing<'_>) {
        locked(&self.line).waiting.push_back(Arc::clone(request));
        drop(preparing);
    }

    /// Takes that request out of the line, if it is still in it.
    fn withdraw(&self, own: &Arc<Request>) -> bool {
        let mut line = locked(&self.line);
        let place = line.waiting.iter().position(|waiting| Arc::ptr_eq(own, waiting));
        place.and_then(|place| line.waiting.remove(place)).is_some()
    }
}

/// A launch under way: whatever becomes of its leader, everybody in it is answered.
struct Led<'a> {
    engine: &'a CudaEngine,
    requests: Vec<Arc<Request>>,
}

impl Drop for Led<'_> {
    fn drop(&mut self) {
        for request in self.requests.drain(..) {
            let device = self.engine.gpu.info().to_string();
            let what = "the thread that led the launch has panicked".into();
            request.answer(Err(CudaError::WrongResult { device, kernel: request.shape.kernel_name(), what }));
        }
        let mut line = locked(&self.engine.combiner.line);
        line.n_in_flight -= 1;
        line.wake();
    }
}

impl CudaEngine {
    /// Runs tables on the device, together with those of other threads, and sleeps until they are answered. Once
    /// `stop` is set the answer comes soon, with what was reached. Panics if there are no candidates.
    pub(super) fn combined(
        &self,
        tables: Tables,
        preparing: Preparing<'_>,
        stop: &AtomicBool,
    ) -> Result<Returned, CudaError> {
        let shape = tables.shape().expect("tables with candidates have a shape");
        let own = Arc::new(Request::new(tables, shape));
        let look = || {
            if stop.load(Ordering::Relaxed) {
                own.is_stopped.store(true, Ordering::Relaxed);
            }
        };
        self.combiner.submit(&own, preparing);
        loop {
            if let Some(answer) = locked(&own.answer).take() {
                return answer;
            }
            look();
            if stop.load(Ordering::Relaxed) && self.combiner.withdraw(&own) {
                return Ok(Returned::not_begun(&own.tables));
            }
            let led = locked(&self.combiner.line).lead(&own, self.limits());
            match led {
                Some((requests, shape)) => Led { engine: self, requests }.run(shape, look),
                None => thread::park_timeout(STOP_PAUSE),
            }
        }
    }

    fn limits(&self) -> Limits {
        let info = self.gpu.info();
        Limits {
            bytes: self.launch_bytes.load(Ordering::Relaxed),
            block_shared_bytes: info.block_shared_bytes,
            n_multiprocessors: info.n_multiprocessors,
        }
    }
}

impl Led<'_> {
    /// Launches, waits, and answers everybody. If there is no room for all, the later half goes back to
    /// the head of the line. `look` is called while the launch is waited for.
    fn run(mut self, mut shape: Shape, look: impl Fn()) {
        let begun = loop {
            let parts: Vec<&Tables> = self.requests.iter().map(|request| &request.tables).collect();
            match self.engine.begin(&parts, &shape) {
                Err(error) if self.requests.len() > 1 && !error.is_fatal() => {
                    let rest = self.requests.split_off(self.requests.len().div_ceil(2));
                    let mut line = locked(&self.engine.combiner.line);
                    rest.into_iter().rev().for_each(|request| line.waiting.push_front(request));
                    let limits = self.engine.limits();
                    let shapes = self.requests.iter().map(|request| request.shape);
                    let join = |a: Shape, b| a.joined(b, limits.block_shared_bytes).unwrap_or(a);
                    shape = shapes.reduce(join).unwrap_or(shape);
                }
                begun => break begun,
            }
        };
        let requests = &self.requests;
        let is_stopped = |group: usize| {
            look();
            requests[group].is_stopped.load(Ordering::Relaxed)
        };
        let finished = begun.and_then(|session| self.engine.finish(session, is_stopped));
        let answers = match finished {
            Ok(returned) => returned.into_iter().map(Ok).collect(),
            Err(error) => self.requests.iter().map(|_| Err(error.clone())).collect::<Vec<_>>(),
        };
        for (request, answer) in self.requests.drain(..).zip(answers) {
            request.answer(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::tests::tables;
    use super::*;

    const LIMITS: Limits = Limits { bytes: u64::MAX, block_shared_bytes: 227 << 10, n_multiprocessors: 4 };

    /// As many requests of one candidate as there are sizes, in a line.
    fn line(sizes: &[(u8, usize, usize)]) -> Line {
        let request = |&(n, n_cx, n_samples): &(u8, usize, usize)| {
            let tables = tables(n, n_cx, n_samples).unwrap();
            let shape = tables.shape().unwrap();
            Arc::new(Request::new(tables, shape))
        };
        Line { waiting: sizes.iter().map(request).collect(), ..Line::default() }
    }

    fn places(line: &Line, limits: Limits) -> Option<Vec<usize>> {
        line.load(limits).map(|(places, _)| places)
    }

    const SMALL: (u8, usize, usize) = (3, 6, 8);
    const LARGE: (u8, usize, usize) = (5, 24, 3);

    #[test]
    fn those_of_one_kind_go_together_behind_the_oldest() {
        let mixed = line(&[LARGE, SMALL, LARGE, SMALL]);
        assert_eq!(places(&mixed, LIMITS), Some(vec![0, 2]));
        assert_eq!(places(&line(&[SMALL; 3]), LIMITS), Some(vec![0, 1, 2]));
        assert_eq!(places(&line(&[]), LIMITS), None);
        // The first goes in any case, more only if there is room.
        let tight = Limits { bytes: 0, ..LIMITS };
        assert_eq!(places(&mixed, tight), Some(vec![0]));
    }

    #[test]
    fn a_lone_caller_begins_at_once_and_others_when_it_pays() {
        let mut line = line(&[LARGE; 3]);
        line.n_preparing = 5;
        assert!(line.load(LIMITS).is_some(), "the device is idle");
        line.n_in_flight = 1;
        assert!(line.load(LIMITS).is_none(), "five are about to join");
        line.n_preparing = 0;
        assert!(line.load(LIMITS).is_some(), "nobody is");
        line.n_preparing = 5;
        assert!(line.load(Limits { n_multiprocessors: 3, ..LIMITS }).is_some(), "three fill it");
        line.n_in_flight = MAX_IN_FLIGHT;
        assert!(line.load(Limits { n_multiprocessors: 3, ..LIMITS }).is_none(), "enough is under way");
    }

    #[test]
    fn who_is_in_a_load_leads_it() {
        let mut line = line(&[LARGE, SMALL, LARGE]);
        let (small, last) = (line.waiting[1].clone(), line.waiting[2].clone());
        let lead = |line: &mut Line, own: &Arc<Request>| line.lead(own, LIMITS);
        assert!(lead(&mut line, &small).is_none());
        let (taken, _) = lead(&mut line, &last).unwrap();
        assert!(taken.len() == 2 && line.waiting.len() == 1 && line.n_in_flight == 1);
        assert!(Arc::ptr_eq(&line.waiting[0], &small));
        assert!(lead(&mut line, &small).is_some() && line.waiting.is_empty());
    }
}
