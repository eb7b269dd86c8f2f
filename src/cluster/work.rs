//! `bqc work`: one supervisor of a plan. Started by Slurm it needs no flags.

use super::slurm::Task;
use super::{Monotonic, RunDir, holds_plan, moment};
use crate::args::{FlowArg, WorkArgs, WorkersArg};
use crate::cores;
use crate::crew::Crew;
use crate::engine::{Chosen, Wanted};
use crate::exit::{Exit, Failure};
use crate::progress::{Progress, Talk};
use crate::run_folder::{cache, tell_of};
use crate::stop::{Deadline, Stop};
use bqc_cluster::{Care, Supervisor, Totals};
use bqc_compiler::{CompileError, Compiled, Session, Settings};
use bqc_optimize::Flow;
use bqc_pool::Kept;
use bqc_store::{Journal, Ledger};
use bqc_wire::{KnownTotals, WriterRecord};
use std::time::Instant;

/// Runs the command.
pub fn work(args: &WorkArgs, start: Instant) -> Result<Exit, Failure> {
    let run = RunDir::open(&args.run_dir)?;
    let task = Task::here();
    let n_cores = n_cores(args)?;
    let deadline = args.time_limit.and_then(|limit| Deadline::after(start, limit));
    let stop = Stop::install()?;
    let _limit = stop.limit(deadline)?;
    let progress = Progress::new(Talk::of(args.quiet, args.verbose), start, deadline.map(|deadline| deadline.end));
    let engine = engine(args, &run, n_cores, &stop, &progress)?;
    if let Chosen::Undecided(_) = engine {
        progress.warn(&format!("stopped before it began; `bqc work {}` goes on", run.path.display()));
        return Ok(Exit::Interrupted);
    }
    let n_units = match engine.n_gpu_workers() {
        0 if engine.works_in_processes() => n_cores,
        0 => args.threads.map_or_else(|| engine.engine().concurrency(n_cores), usize::from),
        n_workers => n_workers,
    };
    let settings = run.settings(n_units, 0.0)?;
    let warn = |line: &str| progress.warn(line);
    let crew = match args.workers {
        WorkersArg::Off => Crew::here(&engine),
        _ if !engine.works_in_processes() || cfg!(not(unix)) => Crew::here(&engine),
        _ => Crew::of_processes(&engine, args.gpu.mps, &args.faults, stop.flag(), &progress, &warn)?,
    };
    let cache = open_cache(args, &progress)?;
    let inner = Kept::new(crew.workshop(), None, cache.as_ref());
    let clock = Monotonic(start);
    let ledger = Ledger::new(&run.storage, &clock, run.plan.hash());
    let care = Care { lease: args.lease, n_ranks: task.n_ranks };
    let record = record(&task, n_units);
    let supervisor =
        Supervisor::join(&ledger, &inner, record, care, run.plan.shards as usize, &warn).map_err(|e| run.failure(e))?;
    let site = Site { run: &run, settings: &settings, engine: &engine, stop: &stop, progress: &progress };
    let mut result = None;
    supervisor.attend(|| {
        let compiled = site.compile(&supervisor);
        let is_complete = compiled.as_ref().is_ok_and(|compiled| !compiled.was_stopped);
        result = Some(compiled);
        is_complete
    });
    progress.finish();
    if let Some(why) = engine.fault() {
        progress.warn(&why);
    }
    if let Some(failure) = cache.as_ref().and_then(Journal::failure) {
        progress.warn(&failure);
    }
    if let Some(failure) = supervisor.take_failure() {
        return Err(run.failure(failure));
    }
    // The closure is called once.
    let Some(compiled) = result else { return Ok(Exit::Interrupted) };
    let compiled = compiled.map_err(|e| Failure::Usage(format!("cannot compile `{}`: {e}", run.plan.input)))?;
    Ok(end(&run, &compiled, &did(&supervisor.totals(), inner.totals()), advice(&supervisor.totals()), &progress))
}

/// What a supervisor works with.
struct Site<'a> {
    run: &'a RunDir,
    settings: &'a Settings,
    engine: &'a Chosen,
    stop: &'a Stop,
    progress: &'a Progress,
}

impl Site<'_> {
    /// The whole run, and again where others have found better meanwhile than what was taken.
    fn compile(&self, supervisor: &Supervisor<'_>) -> Result<Compiled, CompileError> {
        let Site { run, settings, engine, stop, progress } = self;
        let session = Session::new((*settings).clone()).share(supervisor, engine.engine().family());
        let session = session.stop(stop.flag()).observe(*progress);
        loop {
            let compiled = session.compile(&run.circuit)?.compiled;
            if compiled.was_stopped || !supervisor.has_changed_its_mind() {
                return Ok(compiled);
            }
        }
    }
}

/// Last words, and the exit code.
fn end(run: &RunDir, compiled: &Compiled, did: &str, advice: &str, progress: &Progress) -> Exit {
    let folder = run.path.display();
    if compiled.was_stopped {
        progress.warn(&format!("stopped: {did}; `bqc work {folder}` goes on{advice}"));
        return Exit::Interrupted;
    }
    progress.note(&format!("complete: {did}; join it with `bqc merge {folder} -o OUT`"));
    if compiled.totals.failed > 0 { Exit::Degraded } else { Exit::Complete }
}

fn did(totals: &Totals, known: KnownTotals) -> String {
    let Totals { done, taken, taken_over, gone_on, .. } = *totals;
    let some = |n: u64, what: &str| if n > 0 { format!(", {n} {what}") } else { String::new() };
    let shards = some(taken_over, "shards taken over");
    let blocks = some(gone_on, "blocks gone on with from where others had left them");
    let (cached, refused) = (some(known.taken, "known from the cache"), some(known.refused, "refused from there"));
    format!("{done} blocks done here, {taken} by others{shards}{blocks}{cached}{refused}")
}

/// To those whose run would be stopped each time before it has come anywhere.
fn advice(totals: &Totals) -> &'static str {
    if totals.done == 0 && totals.cut_short > 0 {
        ", but give it more time: no block was finished in this one, and of one that is cut short whole rounds are kept"
    } else {
        ""
    }
}

/// Results of other runs, in a folder of their own.
fn open_cache(args: &WorkArgs, progress: &Progress) -> Result<Option<Journal>, Failure> {
    if holds_plan(&args.cache) {
        let folder = args.cache.display();
        return Err(Failure::Usage(format!("`{folder}` holds a plan; choose another folder for --cache")));
    }
    let cache = cache(&args.cache)?;
    tell_of(cache.as_ref(), "the cache", progress);
    Ok(cache)
}

/// The engine of the plan's family on this node: the GPUs that Slurm has left visible, or the cores in their place.
fn engine(args: &WorkArgs, run: &RunDir, n_cores: usize, stop: &Stop, progress: &Progress) -> Result<Chosen, Failure> {
    let plan = &run.plan;
    let unknown =
        || Failure::Usage(format!("the plan is for the engine `{}`, which this bqc does not have", plan.engine));
    let settings = run.settings(n_cores, 0.0)?;
    let wanted = Wanted {
        engine: Chosen::asking_for(&plan.engine).ok_or_else(unknown)?,
        gpu: &args.gpu,
        workers: args.workers,
        flow: if settings.block.flow == Flow::Delete { FlowArg::Delete } else { FlowArg::Search },
        in_processes: cfg!(unix) && args.workers != WorkersArg::Off,
        block_size: settings.block_size,
        n_cores,
    };
    wanted.choose_for_plan(stop.flag(), progress)
}

/// Cores to work with: as many as the arguments ask for, or all that this process may use.
fn n_cores(args: &WorkArgs) -> Result<usize, Failure> {
    let n = args.threads.map(usize::from);
    if let WorkersArg::Count(n_workers) = args.workers {
        if n.is_some_and(|n| n != usize::from(n_workers)) {
            return Err(Failure::Usage("--threads contradicts --workers; leave out one of them".into()));
        }
        return Ok(n_workers.into());
    }
    Ok(n.unwrap_or_else(cores::usable))
}

/// Who this is, by a name that nobody else has or had: a process number comes back, and so do machines.
fn record(task: &Task, n_units: usize) -> WriterRecord {
    let kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = task.node.clone().or_else(kernel).unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').take(64).collect();
    let host = if host.is_empty() { "host".to_owned() } else { host };
    let pid = std::process::id();
    WriterRecord {
        name: format!("{host}-{pid}-{:x}", moment()),
        host,
        pid,
        job: task.job.clone(),
        rank: task.rank,
        n_restarts: task.n_restarts,
        n_threads: n_units as u32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_finished_no_block_is_told_to_give_more_time() {
        let stopped = Totals { cut_short: 2, taken: 7, ..Totals::default() };
        assert!(
            did(&stopped, KnownTotals::default()) == "0 blocks done here, 7 by others"
                && advice(&stopped).contains("more time")
        );
        for other in [Totals { done: 1, ..stopped }, Totals { cut_short: 0, ..stopped }] {
            assert_eq!(advice(&other), "");
        }
    }
}
