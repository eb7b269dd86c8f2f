//! The GPUs of a run with worker processes: which of those that there are, how many workers each has, and
//! what these share it through. What the machine has is asked by a process that ends before the first
//! worker comes: the supervisor is no client of the driver.

use crate::args::{FlowArg, GpusArg, MpsArg, PerGpuArg, WorkersArg};
use crate::build_id::BUILD;
use crate::engine::{Chosen, Probe, Wanted, cuda, this_program};
use crate::exit::Failure;
use crate::progress::Progress;
use bqc_pool::mps::{DEFAULT_FOLDER, FOLDER_VARIABLE, Mps, NO_FOLDER};
use bqc_pool::{Bound, GpuPlace, Launch, Program, Share, Standin, list_gpus};
use bqc_wire::{GpuList, GpuRecord};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A search fits blocks of three to five wires, however wide its windows are (`WindowSettings` in
/// bqc-optimize).
const SEARCH_FIT_WIDTH: usize = 5;
/// All GPUs are opened, and the driver compiles the kernels for each kind.
const PROBE_PATIENCE: Duration = Duration::from_secs(180);
/// Longer names of the folder for temporary files leave no room for sockets.
const MAX_BASE_BYTES: usize = 60;

/// A GPU, how many workers it is to have, and why so many.
pub struct Post {
    gpu: GpuRecord,
    pub n_workers: usize,
    why: String,
}

impl Wanted<'_> {
    /// Widest block that an engine has to fit.
    fn fit_width(&self) -> usize {
        match self.flow {
            FlowArg::Delete => self.block_size,
            FlowArg::Search => self.block_size.min(SEARCH_FIT_WIDTH),
        }
    }

    /// GPUs for worker processes. Fails if what was asked for is not there.
    pub fn in_workers(&self, stop: &AtomicBool, progress: &Progress) -> Result<Probe<Chosen>, Failure> {
        self.found(stop, progress)?.try_map(|(engine, gpus)| {
            let counts = self.counts(&gpus)?;
            let post = |(gpu, (n_workers, why))| Post { gpu, n_workers, why };
            let posts = gpus.into_iter().zip(counts).map(post).filter(|post| post.n_workers > 0).collect();
            Ok(Chosen::Crew(Standin::new(&engine), posts))
        })
    }

    /// The first GPU that works, for a run without workers, if it opens in this process too.
    pub fn in_this_process(&self, stop: &AtomicBool, progress: &Progress) -> Result<Probe<Chosen>, Failure> {
        Ok(self.found(stop, progress)?.and_then(|(_, gpus)| {
            let first = gpus.first().ok_or("the driver sees no GPU")?;
            Ok(Chosen::Cuda(Box::new(cuda::open_here(first.ordinal)?)))
        }))
    }

    /// The GPUs of one kind that were asked for and work, and the engine that they have.
    fn found(&self, stop: &AtomicBool, progress: &Progress) -> Result<Probe<(String, Vec<GpuRecord>)>, Failure> {
        let found = match (self.ask(stop)?, &self.gpu.gpus) {
            (Probe::Found(found), _) => found,
            (Probe::None(why), GpusArg::Auto) => return Ok(Probe::None(why)),
            // A user who names GPUs wants them and nothing else.
            (Probe::None(why), GpusArg::These(names)) => {
                return Err(Failure::Usage(format!("--gpus {}: {why}", names.join(","))));
            }
        };
        let chosen = select(&found.gpus, &self.gpu.gpus)?;
        Ok(alike(chosen, |line| progress.warn(line)).into())
    }

    /// What a process finds that is started to ask. Fails if `stop` is set first.
    fn ask(&self, stop: &AtomicBool) -> Result<Probe<GpuList>, Failure> {
        /// Of all circuits of a process, the first one asks.
        static FOUND: OnceLock<Probe<GpuList>> = OnceLock::new();
        if let Some(found) = FOUND.get() {
            return Ok(found.clone());
        }
        if let Err(why) = cuda::find_driver() {
            return Ok(Probe::None(why));
        }
        let lost = |why: String| match stop.load(Ordering::Relaxed) {
            // A signal to all processes of a job may have ended the one that was to ask.
            true => Err(Failure::Stopped),
            false => Ok(Probe::None(why)),
        };
        let path = match this_program() {
            Ok(path) => path,
            Err(e) => return lost(format!("cannot start a process that asks the driver: {e}")),
        };
        let program = Program { path, arguments: vec!["worker".into()], build: BUILD.clone() };
        let mut launch = Launch { arguments: vec!["--probe".into()], variables: Vec::new() };
        if self.gpu.mps == MpsArg::Off {
            launch.variables.push((FOLDER_VARIABLE.into(), NO_FOLDER.into()));
        }
        match list_gpus(&program, &launch, PROBE_PATIENCE, stop) {
            Ok(Some(found)) => Ok(FOUND.get_or_init(|| found.into()).clone()),
            Ok(None) => Err(Failure::Stopped),
            Err(loss) => lost(format!("the process that asks the driver is lost: {loss}")),
        }
    }

    /// Workers for each GPU, and why so many.
    fn counts(&self, gpus: &[GpuRecord]) -> Result<Vec<(usize, String)>, Failure> {
        let n_gpus = gpus.len();
        match (self.workers, self.gpu.workers_per_gpu) {
            (WorkersArg::Count(n), PerGpuArg::Count(per_gpu)) => Err(Failure::Usage(format!(
                "--workers {n} and --workers-per-gpu {per_gpu} say the same thing in two ways; leave out one of them"
            ))),
            (WorkersArg::Count(n), PerGpuArg::Auto) => {
                let n_of = |i: usize| (usize::from(n) + n_gpus - 1 - i) / n_gpus;
                Ok((0..n_gpus).map(|i| (n_of(i), format!("of --workers {n}"))).collect())
            }
            (_, PerGpuArg::Count(n)) => Ok(vec![(n.into(), "as asked for".into()); n_gpus]),
            (_, PerGpuArg::Auto) => {
                let share = |gpu: &GpuRecord| {
                    let free_bytes = gpu.opened.as_ref().map_or(0, |(_, free_bytes)| *free_bytes);
                    let Share { n_workers, bound } = Share::of(self.fit_width(), free_bytes, self.n_cores / n_gpus);
                    (n_workers, bound.to_string())
                };
                Ok(gpus.iter().map(share).collect())
            }
        }
    }
}

/// Has all that the workers need in place when they come. Once `stop` is set nobody comes, and nothing is started.
pub fn places(
    posts: &[Post],
    policy: MpsArg,
    stop: &AtomicBool,
    progress: &Progress,
) -> Result<Vec<GpuPlace>, Failure> {
    let sharing = Sharing::find(policy)?;
    posts.iter().take_while(|_| !stop.load(Ordering::Relaxed)).map(|post| sharing.place(post, progress)).collect()
}

/// Workers on a GPU with so much free memory, for each width where the number changes; for `bqc doctor`.
pub fn share_by_width(free_bytes: u64, n_cores: usize) -> String {
    let of = |width| Share::of(width, free_bytes, n_cores);
    let by_width: Vec<String> = [(4, "up to 4"), (5, "5"), (6, "6"), (7, "7"), (8, "8 and more")]
        .map(|(n, text)| format!("{} for {text}", of(n).n_workers))
        .into();
    let cut = match of(4).bound {
        Bound::Width(_) => String::new(),
        bound => format!(", {bound}"),
    };
    format!("{} wires{cut}", by_width.join(", "))
}

/// Those that were asked for, in the driver's order.
fn select(gpus: &[GpuRecord], asked: &GpusArg) -> Result<Vec<GpuRecord>, Failure> {
    let GpusArg::These(names) = asked else { return Ok(gpus.to_vec()) };
    let mut chosen = Vec::new();
    for name in names {
        let fits = |gpu: &&GpuRecord| match name.parse::<u32>() {
            Ok(ordinal) => gpu.ordinal == ordinal,
            Err(_) => !gpu.uuid.is_empty() && gpu.uuid.to_ascii_lowercase().starts_with(&name.to_ascii_lowercase()),
        };
        let found: Vec<&GpuRecord> = gpus.iter().filter(fits).collect();
        match found[..] {
            [gpu] => chosen.push(gpu.clone()),
            _ => {
                let how_many = if found.is_empty() { "no GPU" } else { "more than one GPU" };
                let list: Vec<String> = gpus.iter().map(|gpu| format!("{} is {}", gpu.label(), gpu.uuid)).collect();
                return Err(Failure::Usage(format!(
                    "--gpus: {how_many} is called `{name}`; among those that CUDA_VISIBLE_DEVICES leaves visible, {}",
                    list.join(", ")
                )));
            }
        }
    }
    chosen.sort_by_key(|gpu| gpu.ordinal);
    chosen.dedup_by_key(|gpu| gpu.ordinal);
    Ok(chosen)
}

/// Those that have the first one's engine: results must not depend on which of them has a block.
fn alike(gpus: Vec<GpuRecord>, mut warn: impl FnMut(&str)) -> Result<(String, Vec<GpuRecord>), String> {
    let mut engine: Option<String> = None;
    let (mut alike, mut refusals) = (Vec::new(), Vec::new());
    for gpu in &gpus {
        match (&gpu.opened, &engine) {
            (Err(why), _) => refusals.push(why.clone()),
            (Ok((name, _)), Some(first)) if name != first => warn(&format!(
                "{} is left out: it is of another kind than the first one; --gpus {} uses it alone",
                gpu.label(),
                gpu.ordinal
            )),
            (Ok((name, _)), _) => {
                engine.get_or_insert_with(|| name.clone());
                alike.push(gpu.clone());
            }
        }
    }
    let Some(engine) = engine else { return Err(refusals.pop().unwrap_or("the driver sees no GPU".into())) };
    refusals.iter().for_each(|why| warn(&format!("a GPU is left out: {why}")));
    Ok((engine, alike))
}

/// How workers share their GPUs.
struct Sharing {
    policy: MpsArg,
    /// Where somebody's daemon answers.
    running: Option<PathBuf>,
    /// What guards daemons of ours, and where their folders are to be.
    guard: Program,
    base: PathBuf,
}

impl Sharing {
    fn find(policy: MpsArg) -> Result<Sharing, Failure> {
        let setup = |source| Failure::Setup { what: "the MPS daemon's guard", source };
        let guard =
            Program { path: this_program().map_err(setup)?, arguments: vec!["mps-guard".into()], build: BUILD.clone() };
        let folder = mps_folder();
        let running = (policy != MpsArg::Off && bqc_pool::mps::find(&folder).is_some()).then_some(folder);
        let temporary = std::env::temp_dir();
        let base = if temporary.as_os_str().len() > MAX_BASE_BYTES { "/tmp".into() } else { temporary };
        Ok(Sharing { policy, running, guard, base })
    }

    /// A GPU with its workers, fewer if they cannot share it.
    fn place(&self, Post { gpu, n_workers: n, why }: &Post, progress: &Progress) -> Result<GpuPlace, Failure> {
        let (label, n) = (gpu.label(), *n);
        let mps = match self.mps(gpu, n) {
            Ok(mps) => mps,
            Err(e) if self.policy == MpsArg::Require => {
                return Err(Failure::Usage(format!("--mps require: {label}: {e}")));
            }
            Err(e) => {
                progress
                    .warn(&format!("{label}: {e}; without MPS one worker has it alone (--mps off: {n} take turns)"));
                return Ok(place(gpu, 1, None));
            }
        };
        // Whoever asked for more is left with what works.
        let n_workers = if mps.is_none() && gpu.is_exclusive { 1 } else { n };
        let through = match &mps {
            Some(mps) if mps.is_own() => "through an MPS daemon of their own".into(),
            Some(mps) => format!("through the MPS daemon in `{}`", mps.folder().display()),
            None if gpu.is_exclusive => "in exclusive mode without MPS".into(),
            None => "without MPS".to_string(),
        };
        progress.tell(&format!("{label}: {n_workers} workers {why}, {through}"));
        Ok(place(gpu, n_workers, mps))
    }

    /// What `n` workers of a GPU share it through.
    fn mps(&self, gpu: &GpuRecord, n: usize) -> Result<Option<Mps>, bqc_pool::mps::MpsError> {
        match (self.policy, &self.running) {
            (MpsArg::Off, _) => Ok(None),
            (_, Some(folder)) => Ok(Mps::running(folder)),
            (MpsArg::Auto, None) if n == 1 => Ok(None),
            (_, None) => Mps::start(&self.guard, &self.base, &gpu.uuid).map(Some),
        }
    }
}

fn place(gpu: &GpuRecord, n_workers: usize, mps: Option<Mps>) -> GpuPlace {
    GpuPlace { label: gpu.label(), uuid: gpu.uuid.clone(), n_workers, mps }
}

/// Where a daemon is if one runs.
pub fn mps_folder() -> PathBuf {
    let named = std::env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    named.map_or_else(|| Path::new(DEFAULT_FOLDER).into(), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gpu(ordinal: u32, uuid: &str, opened: Result<(&str, u64), &str>) -> GpuRecord {
        let opened = opened.map(|(name, free_bytes)| (name.into(), free_bytes)).map_err(str::to_string);
        GpuRecord { ordinal, uuid: uuid.into(), name: "X".into(), is_exclusive: false, opened }
    }

    #[test]
    fn gpus_are_found_by_number_and_by_the_beginning_of_their_names() {
        let gpus = [gpu(0, "GPU-ab01", Ok(("x", 1))), gpu(1, "GPU-ab02", Ok(("x", 1)))];
        let these = |names: &[&str]| GpusArg::These(names.iter().map(ToString::to_string).collect());
        let ordinals = |names: &[&str]| {
            let found = select(&gpus, &these(names))?;
            Ok(found.iter().map(|gpu| gpu.ordinal).collect::<Vec<_>>())
        };
        let found = |names: &[&str]| ordinals(names).unwrap_or_else(|e: Failure| panic!("{e}"));
        assert_eq!((found(&["1", "0"]), found(&["gpu-AB02", "1"])), (vec![0, 1], vec![1]));
        assert_eq!(select(&gpus, &GpusArg::Auto).map(|found| found.len()).unwrap_or(0), 2);
        for (name, words) in [
            (
                "7",
                "no GPU is called `7`; among those that CUDA_VISIBLE_DEVICES leaves visible, GPU 0 (X) is GPU-ab01, GPU 1",
            ),
            ("GPU-", "more than one GPU is called `GPU-`"),
            ("MIG-ab01", "no GPU is called"),
        ] {
            let text = ordinals(&[name]).unwrap_err().to_string();
            assert!(text.contains(words), "{text}");
        }
    }

    #[test]
    fn gpus_of_one_kind_work_together_and_the_last_reason_is_told() {
        let gpus = [
            gpu(0, "a", Err("taken")),
            gpu(1, "b", Ok(("x", 1))),
            gpu(2, "c", Ok(("y", 1))),
            gpu(3, "d", Ok(("x", 1))),
        ];
        let mut said = Vec::new();
        let (engine, found) = alike(gpus.to_vec(), |line| said.push(line.to_string())).unwrap();
        assert_eq!((engine.as_str(), found.len(), found[1].ordinal), ("x", 2, 3));
        assert!(
            said[0].contains("GPU 2 (X) is left out: it is of another kind") && said[1].contains("taken"),
            "{said:?}"
        );
        assert_eq!(alike(gpus[..1].to_vec(), |_| {}).unwrap_err(), "taken");
    }

    #[test]
    fn doctor_shows_the_table() {
        let text = share_by_width(140 << 30, 16);
        assert_eq!(text, "10 for up to 4, 8 for 5, 4 for 6, 2 for 7, 1 for 8 and more wires");
        let text = share_by_width(140 << 30, 2);
        assert_eq!(
            text,
            "2 for up to 4, 2 for 5, 2 for 6, 2 for 7, 1 for 8 and more wires, because there are 2 cores for each GPU"
        );
    }
}
