//! `bqc batch`: many circuits, each with a journal of its own, so that whoever does the same again does only
//! what is left. The tasks of an array know nothing of each other; what they share is the folder of results,
//! and a circuit that two of them happen to do comes out the same twice.

mod counts;
mod folder;
mod list;
mod share;
mod summary;

use crate::args::{BatchArgs, CompileArgs, RunFolderArgs};
use crate::build_id::BUILD;
use crate::compile::{Compile, Found, Outputs, Run};
use crate::engine::Chosen;
use crate::exit::{Exit, Failure};
use crate::input::read_circuit;
use crate::log;
use crate::progress::say;
use crate::resources::Meter;
use crate::run_folder::Ending;
use crate::stop::Stop;
use bqc_store::{StoreError, is_full};
use bqc_wire::batch::hexadecimal;
use bqc_wire::unit::plan_hash;
use bqc_wire::{BatchFigures, BatchOutcome, BatchRecord};
use counts::Counts;
use folder::{ResultFolder, Snapshot};
use list::Item;
use std::any::Any;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How often a circuit is looked at again that another task is at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Runs the command. `start` is when the process began.
pub fn batch(args: &BatchArgs, start: Instant) -> Result<Exit, Failure> {
    let (folder, items) = match (&args.summary, &args.out_dir) {
        (Some(folder), _) => return summary::summary(args, folder),
        (None, None) => return Err(Failure::Usage("name a folder with --out-dir".into())),
        (None, Some(folder)) => (ResultFolder::make(folder)?, list::read(args)?),
    };
    if items.is_empty() {
        return Err(Failure::Usage("there is no circuit to do; name files, or a list of them with --list".into()));
    }
    folder.keep_list(args.list.as_deref(), &items)?;
    let shard = share::of(args.shard)?;
    let mut mine = folder.named(share::take(shard, items));
    for item in &mine {
        folder.spares(item)?;
    }
    log::start(log_file(args, &folder, &mine)?)?;
    // What takes longest begins first. The size of a file says little about that, but is known for all.
    mine.sort_by_cached_key(|item| std::cmp::Reverse(fs::metadata(&item.input).map_or(0, |m| m.len())));
    let stop = Stop::install()?;
    let deadline = args.time_limit.and_then(|limit| start.checked_add(limit));
    let batch = Batch { args, folder: &folder, mine: &mine, stop: &stop, deadline };
    let mut counts = Counts { left: mine.len(), ..Counts::default() };
    let ended = batch.run(&mut counts).inspect_err(log::run_failed);
    batch.tell(&format!("share {}/{}: {}", shard.index, shard.count, counts.words()));
    ended.map(|()| counts.exit())
}

/// Where the log goes, which must be nothing that it would spoil.
fn log_file<'a>(args: &'a BatchArgs, folder: &ResultFolder, mine: &[Item]) -> Result<Option<&'a Path>, Failure> {
    let Some(log) = args.keep.log.as_deref() else { return Ok(None) };
    let is_input = mine.iter().map(|item| &item.input).chain(&args.list).any(|input| is_same_file(log, input));
    match is_input || folder.is_result(log) {
        true => Err(Failure::Usage(format!(
            "`{}` is an input or the place of a result; choose another file for --log",
            log.display()
        ))),
        false => Ok(Some(log)),
    }
}

/// How one circuit ended.
enum Ended {
    /// With this outcome, which its record says too.
    Now(BatchOutcome),
    /// There was nothing to do.
    Before,
    /// Another task is at it, in this folder.
    Busy(std::path::PathBuf),
}

/// A circuit that another task is at.
struct Waiting<'a> {
    item: &'a Item,
    /// How many folders of its runs others hold.
    n_held: usize,
    seen: Snapshot,
    since: Instant,
}

/// A circuit, and what is to become of it.
struct Job<'a> {
    item: &'a Item,
    /// What decides its result but for the limits of its time.
    run_plan: [u8; 32],
    /// All that decides its result.
    plan: String,
    run_folder: RunFolderArgs,
    meter: Meter,
}

/// One share, with what its circuits have in common.
struct Batch<'a> {
    args: &'a BatchArgs,
    folder: &'a ResultFolder,
    /// The circuits of this share, in the order in which they are done.
    mine: &'a [Item],
    stop: &'a Stop,
    deadline: Option<Instant>,
}

impl Batch<'_> {
    /// All circuits, and those last that other tasks are at.
    fn run(&self, counts: &mut Counts) -> Result<(), Failure> {
        let mut waiting = Vec::new();
        for item in self.mine {
            if self.is_over() {
                return Ok(());
            }
            if let Some(folder) = self.count(item, 0, counts)? {
                self.tell(&format!("{}: another task is at it; later", item.name));
                waiting.push(Waiting { item, n_held: 0, seen: Snapshot::of(&folder), since: Instant::now() });
            }
        }
        while !waiting.is_empty() && !self.is_over() {
            thread::sleep(LOOK_EVERY);
            let mut still = Vec::new();
            for waiter in waiting {
                still.extend(self.look_again(waiter, counts)?);
            }
            waiting = still;
        }
        Ok(())
    }

    /// Does a circuit if the other task is through, or shows no life any more.
    ///
    /// Locks may outlive their holder when its node has died, so they decide only for as long as the holder adds
    /// to its journal.
    fn look_again<'a>(&self, mut waiter: Waiting<'a>, counts: &mut Counts) -> Result<Option<Waiting<'a>>, Failure> {
        if self.is_over() {
            return Ok(Some(waiter));
        }
        let Some(folder) = self.count(waiter.item, waiter.n_held, counts)? else { return Ok(None) };
        let seen = Snapshot::of(&folder);
        if seen != waiter.seen {
            (waiter.seen, waiter.since) = (seen, Instant::now());
        } else if waiter.since.elapsed() > self.args.lease {
            self.tell(&format!("{}: whoever is at it shows no life; going on in its place", waiter.item.name));
            waiter.n_held += 1;
            waiter.since = Instant::now();
        }
        Ok(Some(waiter))
    }

    /// Does a circuit and counts how it ended; gives the folder in which another task is at it, if so.
    fn count(&self, item: &Item, n_held: usize, counts: &mut Counts) -> Result<Option<std::path::PathBuf>, Failure> {
        let ended = match catch_unwind(AssertUnwindSafe(|| self.one(item, n_held))) {
            Ok(ended) => ended?,
            Err(panic) => {
                self.refuse(item, None, &format!("internal error: {}. Please report this.", words_of(&*panic)))?
            }
        };
        match ended {
            Ended::Busy(folder) => return Ok(Some(folder)),
            Ended::Before => counts.known += 1,
            Ended::Now(BatchOutcome::Unfinished) => return Ok(None),
            Ended::Now(BatchOutcome::Refused) => counts.refused += 1,
            Ended::Now(BatchOutcome::Degraded) => {
                (counts.done, counts.degraded) = (counts.done + 1, counts.degraded + 1)
            }
            Ended::Now(BatchOutcome::Complete | BatchOutcome::TimeLimit) => counts.done += 1,
        }
        counts.left -= 1;
        Ok(None)
    }

    /// One circuit from its file to its record.
    fn one(&self, item: &Item, n_held: usize) -> Result<Ended, Failure> {
        let args = self.compile_args(item);
        let meter = Meter::new(Instant::now());
        let input = match read_circuit(&args.input, &args.read) {
            Ok(input) => input,
            // A folder may be away for a while, and then what was made of it is none the worse.
            Err(why @ Failure::Read { .. }) if self.folder.has_whole(item) => {
                say(&format!("bqc: {} is left out: {why}; its result stays", item.name));
                log::left_out(&item.input, &why.to_string());
                return Ok(Ended::Now(BatchOutcome::Refused));
            }
            Err(why) => return self.refuse(item, None, &why.to_string()),
        };
        // The limit of the circuit before is none of this one's.
        self.stop.begin_part();
        let compile = Compile::new(&args, &input, self.stop)?;
        if let Chosen::Undecided(_) = compile.engine {
            // What was made before is nothing to be replaced.
            return Ok(Ended::Now(BatchOutcome::Unfinished));
        }
        let run_plan = compile.plan();
        let run_dir = self.folder.run_dir(item, &run_plan, n_held);
        let run_folder = RunFolderArgs { run_dir: Some(run_dir), resume: false };
        let job = Job { item, plan: self.plan(&run_plan), run_plan, run_folder, meter };
        if self.is_done(&job, self.record_of(&job).as_ref()) {
            return Ok(Ended::Before);
        }
        if n_held > 0 {
            self.folder.copy_runs(item, &run_plan, n_held);
        }
        match Outputs::prepare(&args) {
            Ok(outputs) => self.compile(&job, &compile, &outputs),
            Err(why) => self.did_not(&job, why),
        }
    }

    /// One circuit that may still be to do.
    fn compile(&self, job: &Job, compile: &Compile, outputs: &Outputs) -> Result<Ended, Failure> {
        // Whichever comes first; a limit beyond the clock's range is none.
        let own = self.args.circuit_time_limit.and_then(|limit| Instant::now().checked_add(limit));
        let deadline = own.into_iter().chain(self.deadline).min();
        let mut run = match compile.begin(&job.run_folder, deadline, &job.meter) {
            Ok(run) => run,
            Err(why) => return self.did_not(job, why),
        };
        // Whoever had its run folder before has written the record before letting go of that.
        let before = self.record_of(job);
        if self.is_done(job, before.as_ref()) {
            if before.is_some_and(|record| record.outcome == BatchOutcome::Complete) {
                self.folder.remove_runs(job.item, &job.run_plan);
            }
            return Ok(Ended::Before);
        }
        let place = self.mine.iter().position(|item| std::ptr::eq(item, job.item)).map_or(0, |index| index + 1);
        run.label(format!("{place}/{} {}", self.mine.len(), job.item.name));
        self.stop.begin_part();
        let limit = self.stop.limit(deadline.map(|end| compile.deadline(end)))?;
        let found = run.find(self.stop);
        drop(limit);
        // By the limit of this circuit alone, if it was cut short.
        let is_own = own.is_some() && deadline == own && !self.stop.was_interrupted();
        let cut = if is_own { BatchOutcome::TimeLimit } else { BatchOutcome::Unfinished };
        match found {
            Ok(found) => self.write(job, run, found, outputs, cut, before),
            Err(why) => self.did_not(job, why),
        }
    }

    /// What is to be done about a circuit of which nothing came. The next one may have better luck, unless nothing
    /// can be recorded any more.
    fn did_not(&self, job: &Job, why: Failure) -> Result<Ended, Failure> {
        match why {
            Failure::Journal(StoreError::Busy { folder }) => Ok(Ended::Busy(folder)),
            // No circuit's fault.
            Failure::Journal(StoreError::Io { ref source, .. }) if is_full(source) => Err(why),
            Failure::Usage(_) | Failure::Diagnostic(_) | Failure::Write { .. } | Failure::Journal(_) => {
                self.refuse(job.item, Some(job.plan.clone()), &why.to_string())
            }
            other => Err(other),
        }
    }

    /// Writes what was found, then the record that says so, and only then lets go of the run folder. `cut`: how it
    /// ended if it was cut short.
    fn write(
        &self,
        job: &Job,
        run: Run,
        found: Found,
        outputs: &Outputs,
        cut: BatchOutcome,
        before: Option<BatchRecord>,
    ) -> Result<Ended, Failure> {
        let is_whole = found.is_whole();
        if let Some(of) = self.folder.input_of(&job.item.name).filter(|of| !job.item.is_of(of)) {
            let (name, of) = (&job.item.name, of.display());
            say(&format!(
                "bqc: {name} is left: the results of `{of}` have got this name; the next batch finds another"
            ));
            return Ok(Ended::Now(BatchOutcome::Unfinished));
        }
        if !is_whole && let Some(now) = self.record_of(job) {
            // Another task may have finished it meanwhile, and half a result takes no whole one's place.
            if self.is_done(job, Some(&now)) {
                return Ok(Ended::Before);
            }
            // Who was stopped early may not have come as far as others before.
            let of_now = now.figures.as_ref().map(|figures| figures.two_qubit_gates_after);
            if of_now.is_some_and(|n| n < found.n_two_qubit()) && self.folder.has_output(job.item, &now) {
                return self.keep(job, now, run, cut);
            }
        }
        let written = match run.write(found, outputs) {
            Ok(written) => written,
            Err(why) => {
                run.end(Ending::Undone);
                return Err(why);
            }
        };
        let outcome = match (is_whole, written.exit) {
            (false, _) => cut,
            (true, Exit::Degraded) => BatchOutcome::Degraded,
            (true, _) => BatchOutcome::Complete,
        };
        let earlier = before.and_then(|record| record.figures).map_or(0.0, |figures| figures.wall_seconds);
        let figures = BatchFigures::of(&written.report, earlier);
        let words = words_of_figures(job.item, &figures);
        let output = self.folder.read_output(job.item)?;
        let (input, plan) = (job.item.input.display().to_string(), job.plan.clone());
        let record = BatchRecord::of(input, plan, outcome, &output, figures, &written.report);
        self.folder.write_record(job.item, &record)?;
        if outcome == BatchOutcome::Complete {
            self.folder.remove_runs(job.item, &job.run_plan);
        }
        if outcome != BatchOutcome::TimeLimit {
            // With the same limit there is nothing to go on with.
            run.end(written.ending);
        }
        let why = match &record.error {
            Some(error) if is_whole => format!(", {error}"),
            _ => words_of_outcome(outcome).to_owned(),
        };
        self.tell(&format!("{words}{why}"));
        Ok(Ended::Now(outcome))
    }

    /// Keeps the circuit that was written before, which is better than what was found.
    fn keep(&self, job: &Job, before: BatchRecord, run: Run, outcome: BatchOutcome) -> Result<Ended, Failure> {
        let seconds = job.meter.read().wall_seconds;
        let figures = before.figures.map(|f| BatchFigures { wall_seconds: f.wall_seconds + seconds, ..f });
        let words = figures.as_ref().map_or(String::new(), |figures| words_of_figures(job.item, figures));
        self.folder.write_record(job.item, &BatchRecord { outcome, figures, ..before })?;
        if outcome == BatchOutcome::Unfinished {
            run.end(Ending::Undone);
        }
        self.tell(&format!("{words}{}, as it was found before", words_of_outcome(outcome)));
        Ok(Ended::Now(outcome))
    }

    /// Records why a circuit cannot be compiled, and goes on.
    fn refuse(&self, item: &Item, plan: Option<String>, why: &str) -> Result<Ended, Failure> {
        let why = why.trim_end();
        say(&format!("bqc: {} is left out: {why}", item.name));
        log::left_out(&item.input, why);
        let record = BatchRecord::refused(item.input.display().to_string(), plan, why.to_owned());
        self.folder.write_record(item, &record)?;
        Ok(Ended::Now(BatchOutcome::Refused))
    }

    /// What is recorded of a circuit with the present settings.
    fn record_of(&self, job: &Job) -> Option<BatchRecord> {
        self.folder.record(job.item).filter(|record| record.plan.as_deref() == Some(&job.plan))
    }

    /// Whether there is nothing to do any more. One with faults may have better luck.
    fn is_done(&self, job: &Job, record: Option<&BatchRecord>) -> bool {
        let is_whole = |r: &&BatchRecord| matches!(r.outcome, BatchOutcome::Complete | BatchOutcome::TimeLimit);
        record.filter(is_whole).is_some_and(|record| self.folder.has_output(job.item, record))
    }

    /// All that decides a circuit's result, the limit of its time included.
    fn plan(&self, run_plan: &[u8; 32]) -> String {
        let limit_ns = self.args.circuit_time_limit.map_or(String::new(), |limit| limit.as_nanos().to_string());
        hexadecimal(&plan_hash(&BUILD, &[run_plan, limit_ns.as_bytes()]))
    }

    fn compile_args(&self, item: &Item) -> CompileArgs {
        let args = self.args;
        CompileArgs {
            input: item.input.clone(),
            output: self.folder.output(item),
            settings: args.settings.clone(),
            check: args.check,
            gpu: args.gpu.clone(),
            time_limit: args.circuit_time_limit,
            proof: None,
            report: Some(self.folder.report(item)),
            run_folder: RunFolderArgs::default(),
            keep: args.keep.clone(),
            read: args.read.clone(),
            quiet: args.quiet,
            verbose: args.verbose,
        }
    }

    fn is_over(&self) -> bool {
        self.stop.was_interrupted() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    fn tell(&self, line: &str) {
        if !self.args.quiet {
            say(line);
        }
    }
}

/// What a compile has come to.
fn words_of_figures(item: &Item, figures: &BatchFigures) -> String {
    let (name, seconds) = (&item.name, figures.wall_seconds);
    let BatchFigures { qubits, two_qubit_gates_before: before, two_qubit_gates_after: after, .. } = figures;
    format!("{name}: {qubits} qubits, two-qubit gates {before} → {after}, {seconds:.2} s")
}

/// Why a compile has come no further.
fn words_of_outcome(outcome: BatchOutcome) -> &'static str {
    match outcome {
        BatchOutcome::Unfinished => ", unfinished",
        BatchOutcome::TimeLimit => ", its time limit",
        BatchOutcome::Complete | BatchOutcome::Degraded | BatchOutcome::Refused => "",
    }
}

/// What a panic said.
fn words_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("it said nothing")
}

/// Whether two paths are the same file, if there is one.
fn is_same_file(a: &Path, b: &Path) -> bool {
    fs::canonicalize(a).is_ok_and(|a| fs::canonicalize(b).is_ok_and(|b| a == b))
}
