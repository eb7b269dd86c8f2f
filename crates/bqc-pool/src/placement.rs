//! Where the workers of a pool are: on which GPU, or on the CPU, and what they are started with for that.
//!
//! A worker is pinned by what it sees: CUDA_VISIBLE_DEVICES names its GPU alone, and CUDA_MPS_PIPE_DIRECTORY the
//! daemon that it shares it through, or a place where there is none. New workers go where the fewest are.

use crate::mps::{FOLDER_VARIABLE, Mps, NO_FOLDER};
use crate::process::Process;
use crate::seats::{Seats, Ticket};
use bqc_wire::DeviceTrouble;
use std::ffi::OsString;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

/// What names a GPU to its workers, whatever its number.
const VISIBLE_VARIABLE: &str = "CUDA_VISIBLE_DEVICES";

/// A GPU of a pool.
pub struct GpuPlace {
    /// For people: "GPU 0 (NVIDIA H200)".
    pub label: String,
    /// What names it in CUDA_VISIBLE_DEVICES.
    pub uuid: String,
    /// Workers that it is to have.
    pub n_workers: usize,
    /// What they share it through; they take turns without.
    pub mps: Option<Mps>,
}

/// All places for workers.
pub(crate) struct Places {
    gpus: Vec<Gpu>,
    inner: Mutex<Inner>,
    changed: Condvar,
}

struct Gpu {
    label: String,
    uuid: String,
    /// Workers that it was to have.
    n_workers: usize,
    /// Behind its own lock, because starting it again takes a while.
    mps: Mutex<Option<Mps>>,
}

struct Inner {
    /// One for each GPU.
    seats: Vec<Seats>,
    /// Goes up whenever somebody who waits might find something.
    version: u64,
}

/// Where a worker is; the seat is free again when this is dropped.
pub(crate) struct Seat {
    places: Arc<Places>,
    kind: SeatKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SeatKind {
    /// On the CPU, as all others.
    Cpu,
    /// On the CPU in the place of a GPU.
    InPlace,
    /// On the GPU of this index.
    Gpu(usize, Ticket),
}

/// A worker at its place. The process ends before the seat is free.
pub(crate) struct Worker {
    pub process: Process,
    pub seat: Seat,
}

/// What a worker is started with besides what all have.
#[derive(Clone, Debug, Default)]
pub struct Launch {
    /// At the end of the command line.
    pub arguments: Vec<OsString>,
    /// In its environment.
    pub variables: Vec<(OsString, OsString)>,
}

/// What a seat is wanted for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The GPU where it went wrong before: another one if possible.
    pub avoid: Option<usize>,
    /// The GPUs have had their chance.
    pub on_cpu: bool,
}

impl Places {
    /// On these GPUs; on the CPU if there are none.
    pub fn new(gpus: Vec<GpuPlace>) -> Places {
        let seats = gpus.iter().map(|gpu| Seats::new(gpu.n_workers, gpu.mps.is_some())).collect();
        let open = |GpuPlace { label, uuid, n_workers, mps }| Gpu { label, uuid, n_workers, mps: Mutex::new(mps) };
        let gpus = gpus.into_iter().map(open).collect();
        Places { gpus, inner: Mutex::new(Inner { seats, version: 0 }), changed: Condvar::new() }
    }

    /// Whether workers are meant to be on GPUs.
    pub fn has_gpus(&self) -> bool {
        !self.gpus.is_empty()
    }

    /// What a GPU is called.
    pub fn label(&self, gpu: usize) -> &str {
        &self.gpus[gpu].label
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Numbers that are changed by functions that do not panic.
        self.inner.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// What [`Places::wait`] compares with.
    pub fn version(&self) -> u64 {
        self.lock().version
    }

    /// Tells those who wait to look again.
    pub fn notify(&self) {
        self.lock().version += 1;
        self.changed.notify_all();
    }

    /// Waits until something has changed since `version`, or for this long.
    pub fn wait(&self, version: u64, most: Duration) {
        let inner = self.lock();
        if inner.version == version {
            drop(self.changed.wait_timeout(inner, most));
        }
    }

    /// The wish as far as there are GPUs to fulfil it.
    pub fn settle(&self, wish: Wish) -> Wish {
        let is_any_left = self.lock().seats.iter().any(|seats| seats.limit() > 0);
        Wish { on_cpu: self.has_gpus() && (wish.on_cpu || !is_any_left), ..wish }
    }

    /// A seat for a new worker; none if somebody has to go first.
    pub fn claim(self: &Arc<Self>, wish: Wish) -> Option<Seat> {
        let seat = |kind| Some(Seat { places: self.clone(), kind });
        let mut inner = self.lock();
        if self.gpus.is_empty() {
            return seat(SeatKind::Cpu);
        }
        if wish.on_cpu || inner.seats.iter().all(|seats| seats.limit() == 0) {
            return seat(SeatKind::InPlace);
        }
        let mut order: Vec<usize> = (0..self.gpus.len()).collect();
        order.sort_by_key(|&i| (wish.avoid == Some(i), inner.seats[i].n_taken()));
        order.into_iter().find_map(|i| inner.seats[i].take().map(|ticket| SeatKind::Gpu(i, ticket))).and_then(seat)
    }

    /// What a worker of this kind of seat is started with.
    fn launch(&self, kind: SeatKind, engine: &str) -> Launch {
        let variable = |name: &str, value: OsString| (OsString::from(name), value);
        match kind {
            SeatKind::Cpu => Launch::default(),
            SeatKind::InPlace => Launch {
                arguments: vec!["--in-place-of".into(), engine.into()],
                variables: vec![variable(VISIBLE_VARIABLE, "".into())],
            },
            SeatKind::Gpu(i, _) => {
                let Gpu { uuid, n_workers, mps, .. } = &self.gpus[i];
                let mps = mps.lock().unwrap_or_else(|e| e.into_inner());
                let folder = mps.as_ref().map_or(NO_FOLDER.into(), |mps| mps.folder().into());
                Launch {
                    arguments: vec!["--gpu".into(), uuid.into(), "--sharers".into(), n_workers.to_string().into()],
                    variables: vec![variable(VISIBLE_VARIABLE, uuid.into()), variable(FOLDER_VARIABLE, folder)],
                }
            }
        }
    }

    /// Sees that what the workers of a GPU share is there before the first comes back after a fault. Gives a
    /// line if it is not.
    fn revive(&self, i: usize) -> Option<String> {
        let Gpu { label, mps, .. } = &self.gpus[i];
        let mut mps = mps.lock().unwrap_or_else(|e| e.into_inner());
        let error = mps.as_mut()?.revive().err()?;
        *mps = None;
        self.lock().seats[i].stop_sharing();
        Some(format!("{label}: {error}; one worker at a time uses it without"))
    }

    /// Takes note of a device in trouble. Gives a line for the user, if it is anything new.
    pub fn trouble(&self, seat: &Seat, trouble: DeviceTrouble, is_at_start: bool, reason: &str) -> Option<String> {
        let SeatKind::Gpu(i, ticket) = seat.kind else { return Some(reason.to_string()) };
        let mut inner = self.lock();
        let seats = &mut inner.seats[i];
        let before = seats.limit();
        match trouble {
            DeviceTrouble::OutOfMemory if !is_at_start => seats.shrink(),
            DeviceTrouble::OutOfMemory | DeviceTrouble::Busy => seats.refuse_last(),
            DeviceTrouble::Unusable => seats.close(),
            DeviceTrouble::Lost => {
                if !seats.fault(ticket) {
                    return None;
                }
            }
        }
        let after = seats.limit();
        let is_repeated = before == after && trouble == DeviceTrouble::OutOfMemory;
        inner.version += 1;
        self.changed.notify_all();
        (!is_repeated).then(|| format!("{}: {reason}; {}", self.gpus[i].label, consequence(&inner, i, before)))
    }

    /// A worker ended before it said hello.
    pub fn start_in_vain(&self, seat: &Seat) -> Option<String> {
        let SeatKind::Gpu(i, _) = seat.kind else { return None };
        let mut inner = self.lock();
        let before = inner.seats[i].limit();
        inner.seats[i].start_in_vain();
        let is_left = before > 0 && inner.seats[i].limit() == 0;
        let words =
            || format!("{}: its workers end before they begin; {}", self.gpus[i].label, consequence(&inner, i, before));
        is_left.then(words)
    }
}

/// What follows from a change on a GPU that had up to `before` workers.
fn consequence(inner: &Inner, i: usize, before: usize) -> String {
    let is_last = inner.seats.iter().all(|seats| seats.limit() == 0);
    match inner.seats[i].limit() {
        0 if is_last => "it is not used any more: the CPU does its work".into(),
        0 => "it is not used any more: the other GPUs do its work".into(),
        n if n == before => "another worker goes on with it".into(),
        1 => format!("it has 1 worker from now on instead of {before}"),
        n => format!("it has {n} workers from now on instead of {before}"),
    }
}

impl Seat {
    /// The GPU it is on, by its index.
    pub fn gpu(&self) -> Option<usize> {
        match self.kind {
            SeatKind::Gpu(i, _) => Some(i),
            SeatKind::Cpu | SeatKind::InPlace => None,
        }
    }

    /// What to start a worker with here, for an engine of this name, and a line if something is missing.
    pub fn prepare(&self, engine: &str) -> (Launch, Option<String>) {
        let warning = match self.kind {
            SeatKind::Gpu(i, ticket) if ticket.is_probe => self.places.revive(i),
            _ => None,
        };
        (self.places.launch(self.kind, engine), warning)
    }

    fn with<T>(&self, change: impl FnOnce(&mut Seats, Ticket) -> T) -> Option<T> {
        let SeatKind::Gpu(i, ticket) = self.kind else { return None };
        let mut inner = self.places.lock();
        Some(change(&mut inner.seats[i], ticket))
    }

    /// Whether the worker may stay: the others of its GPU have not lost theirs.
    pub fn is_current(&self) -> bool {
        self.with(|seats, ticket| seats.is_current(ticket)).unwrap_or(true)
    }

    /// Whether there are more workers than there may be.
    pub fn is_one_too_many(&self) -> bool {
        self.with(|seats, _| seats.is_overfull()).unwrap_or(false)
    }

    /// The worker has said hello.
    pub fn greeted(&self) {
        if self.with(|seats, ticket| seats.greeted(ticket)).is_some() {
            self.places.notify();
        }
    }

    /// The worker has done a unit.
    pub fn done(&self) {
        _ = self.with(|seats, ticket| seats.done(ticket));
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if self.with(|seats, _| seats.leave()).is_some() {
            self.places.notify();
        }
    }
}

/// Which worker at rest to take, if any: one that a wish fits. `is_strict`: none on the GPU to avoid.
pub(crate) fn fitting(resting: &[Worker], wish: Wish, is_strict: bool) -> Option<usize> {
    let fits = |worker: &Worker| match worker.seat.kind {
        SeatKind::Cpu => true,
        SeatKind::InPlace => wish.on_cpu,
        SeatKind::Gpu(i, _) => !wish.on_cpu && worker.seat.is_current() && !(is_strict && wish.avoid == Some(i)),
    };
    resting.iter().rposition(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(n_workers: &[usize]) -> Arc<Places> {
        let gpu = |(i, &n_workers): (usize, &usize)| GpuPlace {
            label: format!("GPU {i}"),
            uuid: format!("GPU-{i}"),
            n_workers,
            mps: None,
        };
        Arc::new(Places::new(n_workers.iter().enumerate().map(gpu).collect()))
    }

    fn gpu_of(places: &Arc<Places>, wish: Wish) -> (Option<usize>, Option<Seat>) {
        let seat = places.claim(wish);
        (seat.as_ref().and_then(Seat::gpu), seat)
    }

    #[test]
    fn workers_are_spread_and_a_second_try_is_another_gpus() {
        let places = places(&[2, 2]);
        let (first, _a) = gpu_of(&places, Wish::default());
        let (second, b) = gpu_of(&places, Wish::default());
        assert_eq!((first, second), (Some(0), Some(1)));
        let (other, _c) = gpu_of(&places, Wish { avoid: Some(0), on_cpu: false });
        assert_eq!(other, Some(1));
        let (same, _d) = gpu_of(&places, Wish { avoid: Some(1), on_cpu: false });
        assert_eq!(same, Some(0));
        assert!(places.claim(Wish::default()).is_none(), "all four are taken");
        let version = places.version();
        drop(b);
        assert!(places.version() > version);
        assert_eq!(gpu_of(&places, Wish { avoid: Some(1), on_cpu: false }).0, Some(1), "better there than nowhere");
    }

    #[test]
    fn a_worker_sees_its_gpu_alone() {
        let places = places(&[1]);
        let seat = places.claim(Wish::default()).unwrap();
        let (Launch { arguments, variables }, warning) = seat.prepare("cuda/x");
        assert_eq!((&arguments[..], warning), (&["--gpu", "GPU-0", "--sharers", "1"].map(OsString::from)[..], None));
        let expected = [("CUDA_VISIBLE_DEVICES", "GPU-0"), ("CUDA_MPS_PIPE_DIRECTORY", "/dev/null")];
        assert_eq!(variables, expected.map(|(name, value)| (name.into(), value.into())));
        let seat = places.claim(Wish { on_cpu: true, avoid: None }).unwrap();
        assert_eq!(seat.prepare("cuda/x").0.arguments, ["--in-place-of", "cuda/x"]);
    }

    #[test]
    fn when_no_gpu_is_left_it_is_the_cpu() {
        let places = places(&[2, 1]);
        let [a, b, c] = [(); 3].map(|()| places.claim(Wish::default()).unwrap());
        let line = places.trouble(&b, DeviceTrouble::Unusable, true, "broken").unwrap();
        assert_eq!(line, "GPU 1: broken; it is not used any more: the other GPUs do its work");
        let line = places.trouble(&c, DeviceTrouble::OutOfMemory, true, "full").unwrap();
        assert_eq!(line, "GPU 0: full; it has 1 worker from now on instead of 2");
        drop((b, c));
        assert!(places.claim(Wish::default()).is_none());
        assert_eq!(places.trouble(&a, DeviceTrouble::OutOfMemory, false, "full"), None, "nothing can be done");
        let line = places.trouble(&a, DeviceTrouble::Busy, true, "taken").unwrap();
        assert_eq!(line, "GPU 0: taken; it is not used any more: the CPU does its work");
        assert_eq!(places.claim(Wish::default()).unwrap().kind, SeatKind::InPlace);
        assert_eq!(self::places(&[]).claim(Wish::default()).unwrap().kind, SeatKind::Cpu);
    }
}
