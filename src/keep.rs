//! Where a compile's blocks are rebuilt, and what is kept of it: worker processes, run folder, cache, log.

use crate::args::{CompileArgs, FaultArgs, RunFolderArgs, WorkersArg};
use crate::build_id::BUILD;
#[cfg(unix)]
use crate::engine::this_program;
use crate::engine::{Chosen, Gpus};
use crate::exit::Failure;
use crate::log;
use crate::progress::Progress;
use crate::stop::Stop;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::{Compiled, Event, Finished, InProcess, Observer, Session, Settings, Workshop};
use bqc_optimize::Flow;
use bqc_store::{Journal, Use};
use bqc_wire::{KnownTotals, WorkerTotals};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// `--workers auto` starts processes from this many CX gates on, and for smaller circuits from so much [`work`] on:
/// below, a compile is over in seconds, and is as well begun again. A core does some three thousand a second (2 to 3
/// thousand for the circuits `qft_n5`, `qft_n10` and `adder_n10` at efforts 3 and 4).
const AUTO_WORKERS_CX: usize = 200;
const AUTO_WORKERS_WORK: f64 = 40_000.0;

/// Folders of other runs in the user's state folder that are kept at most, the newest of them.
const MAX_RUNS: usize = 16;

/// Largest cache: it is read into memory as a whole.
const MAX_CACHE_BYTES: u64 = 256 << 20;

/// Whether processes do the work, as far as arguments and circuit say.
pub fn wants_processes(args: &CompileArgs, input: &Circuit, settings: &Settings) -> bool {
    let n_cx = Stats::of(input).n_two_qubit;
    match args.keep.workers {
        WorkersArg::Off => false,
        WorkersArg::Count(_) => true,
        WorkersArg::Auto => cfg!(unix) && (n_cx >= AUTO_WORKERS_CX || work(n_cx, settings) >= AUTO_WORKERS_WORK),
    }
}

/// What a run of these settings does at least with a circuit of a single window, roughly in proportion to the time: CX
/// gates, times starts, rounds, and passes until its patience is at its end.
fn work(n_cx: usize, settings: &Settings) -> f64 {
    let n_rounds = match settings.block.flow {
        Flow::Search { n_rounds } => n_rounds,
        Flow::Delete => 1,
    };
    let n_passes = settings.patience.min(settings.max_passes);
    n_cx as f64 * settings.block.starts as f64 * n_rounds as f64 * f64::from(n_passes)
}

/// How many processes, if any are `wanted`: one for each core, or as many as GPUs are to have.
pub fn workers(args: &CompileArgs, wanted: bool, engine: &Chosen, n_cores: usize) -> Result<Option<usize>, Failure> {
    match (args.keep.workers, args.settings.threads) {
        (WorkersArg::Count(n), Some(n_threads)) if n_threads != n => Err(Failure::Usage(format!(
            "--threads {n_threads} contradicts --workers {n}: each worker has one thread; leave out one of them"
        ))),
        _ if engine.n_gpu_workers() > 0 => Ok(Some(engine.n_gpu_workers())),
        (WorkersArg::Count(n), _) => Ok(Some(usize::from(n))),
        (WorkersArg::Auto | WorkersArg::Off, _) => Ok((wanted && engine.works_in_processes()).then_some(n_cores)),
    }
}

/// A compile, ready to begin.
pub struct Task<'a> {
    pub args: &'a CompileArgs,
    pub input: &'a Circuit,
    pub settings: &'a Settings,
    pub engine: &'a Chosen,
    pub run_folder: &'a RunFolderArgs,
    /// Worker processes; threads of this one if none.
    pub workers: Option<usize>,
}

impl Task<'_> {
    /// Opens the run folder, which nobody else writes to from here on.
    pub fn open(&self, progress: &Progress) -> Result<RunFolder, Failure> {
        let (journal, asked) = self.journal(&self.plan(), progress)?;
        Ok(RunFolder { journal, asked, is_behind: false, _leftover: None })
    }

    /// Does it, and tells what it went through. The run folder is to be ended when the output is written.
    pub fn compile(
        &self,
        mut run_folder: RunFolder,
        stop: &Stop,
        progress: &Progress,
    ) -> Result<(Compiled, Survived, RunFolder), Failure> {
        let cache = cache(&self.args.keep.cache)?;
        let (journal, cache) = (run_folder.journal.as_ref(), cache.as_ref());
        tell_of(journal, "the run folder", progress);
        tell_of(cache, "the cache", progress);
        let chosen = self.engine;
        let here = InProcess(chosen.engine());
        let warn = |line: &str| {
            tracing::warn!(line, "warning");
            progress.warn(line);
        };
        let pool = self.pool(stop, progress, &warn)?;
        let inner: &dyn Workshop = match &pool {
            Some(pool) => pool,
            None => &here,
        };
        let family = chosen.engine().family();
        let observer =
            Watching { progress, gpu_of: &|worker| gpu_of(&pool, worker), stop, has_told_stop: false.into() };
        let session = Session::new(self.settings.clone()).within(inner, family).resume(journal).cache(cache);
        let finished = session.stop(stop.flag()).observe(&observer).compile(self.input);
        let path = self.args.input.display();
        let finished = finished.map_err(|e| Failure::Usage(format!("cannot compile `{path}`: {e}")))?;
        let Finished { compiled, known, is_behind } = finished;
        let survived = Survived { workers: worker_totals(&pool), known };
        survived.tell(progress);
        run_folder.is_behind = is_behind;
        run_folder._leftover = pool.map(end_workers);
        Ok((compiled, survived, run_folder))
    }

    /// What a run folder is about: the circuit as it was understood, and all that decides the output.
    pub fn plan(&self) -> [u8; 32] {
        Session::new(self.settings.clone()).on(self.engine.engine()).name(self.input, &BUILD)
    }

    /// The journal, and who has asked for it. One that nobody has asked for is done without where it cannot be kept.
    fn journal(&self, plan: &[u8; 32], progress: &Progress) -> Result<(Option<Journal>, Asked), Failure> {
        let args = self.run_folder;
        match &args.run_dir {
            Some(off) if off.as_os_str() == "off" => Ok((None, Asked::ByName)),
            Some(folder) => Ok((Some(Journal::open(folder, plan, &BUILD, Use::Run)?), Asked::ByName)),
            None if args.resume => Ok((Some(open_of_user(plan)?), Asked::ToResume)),
            None if self.workers.is_none() => Ok((None, Asked::ByNobody)),
            None => {
                let opened = open_of_user(plan);
                let warn = |why: &Failure| {
                    let elsewhere =
                        if matches!(why, Failure::Usage(_)) { "" } else { "; --run-dir DIR keeps one there" };
                    progress.warn(&format!("no journal is kept: {why}{elsewhere}"));
                };
                let journal = opened.inspect_err(warn).ok();
                if let Some(journal) = journal.as_ref().filter(|journal| journal.n_known() > 0) {
                    let n_known = journal.n_known();
                    let line = "the same command was interrupted before and goes on";
                    progress.warn(&format!("{line}: {n_known} results are known (--run-dir off begins anew)"));
                }
                Ok((journal, Asked::ByNobody))
            }
        }
    }

    fn pool<'b>(
        &'b self,
        stop: &Stop,
        progress: &Progress,
        warn: &'b (dyn Fn(&str) + Sync),
    ) -> Result<Option<NodePool<'b>>, Failure> {
        if self.workers.is_none() {
            return Ok(None);
        }
        let gpus = self.engine.gpus(self.args.gpu.mps, stop.flag(), progress)?;
        node_pool(gpus, &self.args.keep.faults, self.engine, warn).map(Some)
    }
}

/// Results of all runs; none if the folder is `off`. To be opened after the run folder, which cannot be a cache.
pub fn cache(folder: &Path) -> Result<Option<Journal>, Failure> {
    if folder.as_os_str() == "off" {
        return Ok(None);
    }
    Ok(Some(Journal::open(folder, &[0; 32], &BUILD, Use::Cache { max_bytes: MAX_CACHE_BYTES })?))
}

/// Tells what was found in a folder that was opened.
pub fn tell_of(folder: Option<&Journal>, what: &str, progress: &Progress) {
    let Some(folder) = folder else { return };
    let (n_known, n_under_way) = (folder.n_known(), folder.n_under_way());
    progress.tell(&format!("{n_known} results are known from {what}, {n_under_way} blocks under way"));
    log::folder_opened(what, folder.folder(), n_known, n_under_way);
}

/// Worker processes of this node, as a workshop.
#[cfg(unix)]
pub type NodePool<'a> = bqc_pool::Pool<'a>;

/// There are none on this system.
#[cfg(not(unix))]
pub type NodePool<'a> = InProcess<'a>;

/// What outlives the workers.
#[cfg(unix)]
type Leftover = bqc_pool::Leftover;
#[cfg(not(unix))]
type Leftover = ();

#[cfg(unix)]
fn end_workers(pool: NodePool<'_>) -> Leftover {
    pool.end()
}

#[cfg(not(unix))]
fn end_workers(_: NodePool<'_>) -> Leftover {}

/// A pool without workers yet: each thread that asks for work starts one, on the GPUs if there are any.
#[cfg(unix)]
pub fn node_pool<'a>(
    gpus: Gpus,
    faults: &FaultArgs,
    engine: &'a Chosen,
    warn: &'a (dyn Fn(&str) + Sync),
) -> Result<NodePool<'a>, Failure> {
    use bqc_pool::{Patience, Pool, Program};
    let setup = |source| Failure::Setup { what: "worker processes", source };
    let mut arguments = vec!["worker".into()];
    if let Some(fault) = &faults.worker_fault {
        arguments.extend(["--fault".into(), fault.into()]);
    }
    if let Some(name) = engine.in_place_of() {
        arguments.extend(["--in-place-of".into(), name.into()]);
    }
    let patience = faults.worker_patience.map_or_else(Patience::default, |time| Patience {
        // Heartbeats come each second, whatever else there is no patience for.
        silence: time + std::time::Duration::from_secs(2),
        unit: time,
        per_work: std::time::Duration::ZERO,
        grace: time,
        ..Patience::default()
    });
    let program = Program { path: this_program().map_err(setup)?, arguments, build: BUILD.clone() };
    Pool::on(gpus, program, patience, engine.engine(), warn).map_err(|loss| setup(std::io::Error::other(loss)))
}

#[cfg(not(unix))]
pub fn node_pool<'a>(
    _: Gpus,
    _: &FaultArgs,
    _: &'a Chosen,
    _: &'a (dyn Fn(&str) + Sync),
) -> Result<NodePool<'a>, Failure> {
    Err(Failure::Usage("worker processes need a Unix system; leave out --workers".into()))
}

/// The journal of a run in the user's state folder. Folders of runs that are older than many others go: nobody has
/// come back for them.
fn open_of_user(plan: &[u8; 32]) -> Result<Journal, Failure> {
    let folder = state_folder(plan)?;
    let journal = Journal::open(&folder, plan, &BUILD, Use::Run)?;
    // Only now that this one is in use: it is not among those that go, whenever it was begun.
    folder.parent().iter().for_each(|runs| bqc_store::remove_oldest_runs(runs, MAX_RUNS + 1));
    Ok(journal)
}

/// The folder of a run's journal in the user's state folder, named by what the run is about.
fn state_folder(plan: &[u8; 32]) -> Result<PathBuf, Failure> {
    let name: String = plan[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    let home = |variable: &str| std::env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from);
    let state = home("XDG_STATE_HOME").or_else(|| Some(home("HOME")?.join(".local/state")));
    let no_home = || Failure::Usage("there is no home folder for a journal; --run-dir DIR keeps one there".into());
    Ok(state.ok_or_else(no_home)?.join("bqc/runs").join(name))
}

/// Who has asked for a journal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// The user, for this folder: it stays.
    ByName,
    /// The user, to be able to go on with the run: it stays until the run is complete.
    ToResume,
    /// Nobody: it stays where a run did not come to its end, be that a limit that it was given.
    ByNobody,
}

/// The folder of a run's journal, if it has one, and whatever else stays until the output is written.
pub struct RunFolder {
    journal: Option<Journal>,
    asked: Asked,
    is_behind: bool,
    _leftover: Option<Leftover>,
}

impl RunFolder {
    /// Whether there is something to go on from.
    pub fn is_kept(&self) -> bool {
        self.journal.is_some()
    }

    /// Whether there is nothing to go on from although nobody has said that there shall be nothing.
    pub fn is_missed(&self) -> bool {
        self.journal.is_none() && self.asked == Asked::ByNobody
    }

    /// Whether the run was stopped before it had taken up all that the journal knows.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Lets go of it once there is nothing more to write. `is_well`: so was the run, its output included;
    /// `was_stopped`: by a limit that it was given. Who may want to go on is told where.
    pub fn end(self, is_well: bool, was_stopped: bool, progress: &Progress) {
        let Some(journal) = self.journal else { return };
        let folder = journal.folder().display().to_string();
        let is_complete = is_well && !was_stopped;
        let is_wanted = match self.asked {
            Asked::ByName => true,
            Asked::ToResume => !is_complete,
            Asked::ByNobody => !is_well,
        };
        if !is_wanted && let Err(e) = journal.remove() {
            progress.warn(&format!("cannot remove `{folder}`: {e}"));
        } else if is_wanted && !is_complete {
            progress.warn(&format!("the same command goes on from `{folder}`"));
        }
    }
}

/// What a run went through.
#[derive(Clone, Copy)]
pub struct Survived {
    pub workers: Option<WorkerTotals>,
    pub known: KnownTotals,
}

impl Survived {
    fn tell(&self, progress: &Progress) {
        if let Some(WorkerTotals { started, lost, .. }) = self.workers {
            progress.tell(&format!("{started} workers were started, {lost} lost"));
        }
        let KnownTotals { taken, refused } = self.known;
        if taken + refused > 0 {
            progress.tell(&format!("{taken} results were taken as known, {refused} refused"));
        }
    }
}

#[cfg(unix)]
fn worker_totals(pool: &Option<NodePool<'_>>) -> Option<WorkerTotals> {
    pool.as_ref().map(bqc_pool::Pool::totals)
}

#[cfg(not(unix))]
fn worker_totals(_: &Option<NodePool<'_>>) -> Option<WorkerTotals> {
    None
}

/// The GPU of a worker.
#[cfg(unix)]
fn gpu_of(pool: &Option<NodePool<'_>>, worker: u32) -> Option<String> {
    pool.as_ref()?.gpu_of(worker).map(str::to_owned)
}

#[cfg(not(unix))]
fn gpu_of(_: &Option<NodePool<'_>>, _: u32) -> Option<String> {
    None
}

/// Tells the terminal and the log what happens.
struct Watching<'a> {
    progress: &'a Progress,
    /// The GPU of a worker.
    gpu_of: &'a (dyn Fn(u32) -> Option<String> + Sync),
    stop: &'a Stop,
    /// Whether the log knows that the run is to stop.
    has_told_stop: AtomicBool,
}

impl Observer for Watching<'_> {
    fn seconds(&self) -> f64 {
        self.progress.seconds()
    }

    fn event(&self, event: Event<'_>) {
        if self.stop.flag().load(Ordering::Relaxed) && !self.has_told_stop.swap(true, Ordering::Relaxed) {
            log::stopping(self.stop.signal());
        }
        log::event(event);
        if let Event::BlockFinished(record) = event
            && let Some(worker) = record.worker
            && let Some(gpu) = (self.gpu_of)(worker)
        {
            let removed = record.before.two_qubit_gates.saturating_sub(record.after.two_qubit_gates);
            self.progress.done_on(&gpu, worker, removed);
        }
        self.progress.event(event);
    }
}
