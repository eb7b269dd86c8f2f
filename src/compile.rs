//! `bqc compile`: reads, runs, writes, and says how it went. A [`Compile`] is what was decided, a [`Run`] holds the run
//! folder until the circuit that was [`Found`] is written; `bqc batch` does the same for many circuits.

use crate::args::{CompileArgs, EngineArg, FlowArg, RunFolderArgs, SettingsArgs};
use crate::build_id::BUILD;
use crate::check::Check;
use crate::cores;
use crate::crew::{self, Crew, Leftover};
use crate::engine::{Chosen, Wanted, asks_for_gpus};
use crate::exit::{Exit, Failure};
use crate::gates::{gate_set, refuse_registers, tell_if_not_in_the_set};
use crate::input::{parse, read_bytes};
use crate::log;
use crate::output::{Output, is_same_file};
use crate::progress::{Progress, Talk, say};
use crate::report::{Request, Survived, exit};
use crate::resources::Meter;
use crate::run_folder::{Ending, RunFolder, cache, tell_of};
use crate::stop::{Deadline, Stop};
use crate::watch::Watch;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::{Compiled, Finished, Session, Settings, output_to_qasm, write_output};
use bqc_native::{Counts, n_foreign};
use bqc_optimize::{BlockSettings, Objective};
use bqc_wire::{Document, FileDigest, Report, digest_of};
use std::path::Path;
use std::time::Instant;

/// Runs the command. `start` is when the process began: limits and reports count from there.
pub fn compile(args: &CompileArgs, start: Instant) -> Result<Exit, Failure> {
    let meter = Meter::new(start);
    log::start(log_file(args)?)?;
    compile_and_tell(args, start, &meter).inspect_err(log::run_failed)
}

/// Where the log goes, which must be nothing that it would spoil.
fn log_file(args: &CompileArgs) -> Result<Option<&Path>, Failure> {
    let others = [Some(&args.input), Some(&args.output), args.report.as_ref(), args.proof.as_ref()];
    match args.keep.log.as_deref() {
        Some(log) if others.into_iter().flatten().any(|other| is_same_file(log, other)) => {
            let log = log.display();
            Err(Failure::Usage(format!("`{log}` is the input or an output; choose another file for --log")))
        }
        log => Ok(log),
    }
}

fn compile_and_tell(args: &CompileArgs, start: Instant, meter: &Meter) -> Result<Exit, Failure> {
    let mut outputs = Outputs::prepare(args)?;
    let bytes = read_bytes(&args.input)?;
    outputs.input = args.proof.is_some().then(|| digest_of(&bytes));
    let input = parse(&args.input, bytes, &args.read)?;
    // A limit beyond the clock's range is none.
    let deadline = args.time_limit.and_then(|limit| start.checked_add(limit));
    let stop = Stop::install()?;
    let _limit = stop.limit(deadline.map(|end| check_in(args).deadline(end, &input)))?;
    let compile = Compile::new(args, &input, &stop)?;
    let mut run = compile.begin(&args.run_folder, deadline, meter)?;
    // To start a thread for a run of one takes as long as the light passes over some thousand gates.
    let _pool = compile.has_one_thread().then(pool_of_this_thread);
    let found = run.find(&stop)?;
    if let Some(why) = run.why_not_written(&found, &outputs) {
        return Ok(run.leave(&found, why));
    }
    let written = run.write(found, &outputs);
    run.end(written.as_ref().map_or(Ending::Undone, |written| written.ending));
    let Written { report, exit, .. } = written?;
    if !args.quiet {
        say(crate::summary::of(&report).trim_end());
    }
    Ok(exit)
}

/// A circuit that was read, how it is to be compiled, and who does it.
pub struct Compile<'a> {
    args: &'a CompileArgs,
    input: &'a Circuit,
    settings: Settings,
    /// Undecided if the run was stopped before: it comes to nothing then.
    pub engine: Chosen,
    /// Worker processes; threads of this one if none.
    workers: Option<usize>,
}

/// One run of a compile, from the opening of its run folder, which nobody else writes to, to its end.
pub struct Run<'a> {
    compile: &'a Compile<'a>,
    meter: &'a Meter,
    progress: Progress,
    folder: RunFolder,
    /// Ends with this, since it may take its time: all is written then.
    _leftover: Option<Leftover>,
}

/// What came of a run, still to be written.
pub struct Found {
    compiled: Compiled,
    survived: Survived,
    /// Whether the run was stopped before it had taken up all that its journal knows.
    is_behind: bool,
    was_interrupted: bool,
}

/// What came of it, written.
pub struct Written {
    pub report: Report,
    pub exit: Exit,
    /// For the run folder.
    pub ending: Ending,
}

impl<'a> Compile<'a> {
    /// Decides what the arguments left open.
    pub fn new(args: &'a CompileArgs, input: &'a Circuit, stop: &Stop) -> Result<Compile<'a>, Failure> {
        let mut settings = Settings {
            is_recorded: args.proof.is_some(),
            has_block_records: args.report.is_some(),
            ..resolve(&args.settings)?
        };
        refuse_registers(&args.input, input, &settings.gates)?;
        settings.block.sabotage = args.keep.faults.sabotage;
        settings.max_check_updates = check_in(args).max_updates;
        let (block_size, n_cores) = (settings.block_size, settings.n_threads);
        let in_processes = crew::wants_processes(args, input, &settings);
        // Exact passes need no engine, so no GPU is looked for, which takes longer than they do.
        let engine = match args.settings.engine {
            _ if args.settings.exact => EngineArg::Cpu,
            EngineArg::Auto if !needs_engine(&settings) && !asks_for_gpus(&args.gpu) => EngineArg::Cpu,
            engine => engine,
        };
        let (flow, workers) = (args.settings.flow, args.keep.workers);
        let wanted = Wanted { engine, gpu: &args.gpu, workers, flow, in_processes, block_size, n_cores };
        let talk = Talk::of(args.quiet, args.verbose);
        let engine = wanted.choose(stop.flag(), &Progress::new(talk, Instant::now(), None))?;
        let workers = crew::workers(args, in_processes, &engine, n_cores)?;
        settings.n_threads = match (workers, args.settings.threads) {
            (Some(n_workers), _) => n_workers,
            (None, Some(n_threads)) => n_threads.into(),
            // As many as the engine can use: a GPU is filled by calls of many threads, most of which wait for it.
            (None, None) => engine.engine().concurrency(n_cores),
        };
        Ok(Compile { args, input, settings, engine, workers })
    }

    /// What a run folder is about: the circuit as it was understood, and all that decides the output.
    pub fn plan(&self) -> [u8; 32] {
        Session::new(self.settings.clone()).on(self.engine.engine()).name(self.input, &BUILD)
    }

    /// The deadline of a run that is to end then.
    pub fn deadline(&self, end: Instant) -> Deadline {
        check_in(self.args).deadline(end, self.input)
    }

    /// Whether one thread of this process does all of the work.
    fn has_one_thread(&self) -> bool {
        self.workers.is_none() && self.settings.n_threads == 1
    }

    fn request(&self) -> Request<'_> {
        let Compile { args, input, settings, engine, .. } = self;
        Request {
            input_path: &args.input,
            input,
            output_path: &args.output,
            settings,
            effort: args.settings.effort_name(),
            time_limit: args.time_limit,
            engine: engine.engine().name(),
        }
    }

    /// Opens the run folder. `deadline` is told to those who watch.
    pub fn begin(
        &'a self,
        folder: &RunFolderArgs,
        deadline: Option<Instant>,
        meter: &'a Meter,
    ) -> Result<Run<'a>, Failure> {
        let talk = Talk::of(self.args.quiet, self.args.verbose);
        let progress = Progress::new(talk, meter.start(), deadline);
        if talk != Talk::Quiet && needs_engine(&self.settings) {
            progress.set_input(Stats::of(self.input).n_two_qubit);
        }
        let folder = match self.engine {
            // Folders are of one engine, and would seem to be another run's.
            Chosen::Undecided(_) => RunFolder::none(),
            _ => RunFolder::open(folder, || self.plan(), self.workers.is_some(), &progress)?,
        };
        Ok(Run { compile: self, meter, progress, folder, _leftover: None })
    }
}

impl Run<'_> {
    /// Says which circuit of several it is to those who watch.
    pub fn label(&self, label: String) {
        self.progress.set_label(label);
    }

    /// Does the work, until it is through or `stop` ends it.
    pub fn find(&mut self, stop: &Stop) -> Result<Found, Failure> {
        let Compile { args, settings, engine, workers, .. } = self.compile;
        let crew = if workers.is_some() { "workers" } else { "threads" };
        self.progress.set_crew(settings.n_threads, crew, engine.engine().name());
        if needs_engine(settings) {
            self.progress.show();
        }
        log::run_started(&args.input, settings, engine.engine().name(), *workers);
        let found = self.search(stop);
        self.progress.finish();
        engine.fault().iter().for_each(|why| self.progress.warn(why));
        found
    }

    /// The work itself, with what is kept of it and whoever does it.
    fn search(&mut self, stop: &Stop) -> Result<Found, Failure> {
        let (progress, journal) = (&self.progress, self.folder.journal());
        let Compile { args, input, settings, engine, workers } = self.compile;
        let cache = cache(&args.keep.cache)?;
        tell_of(journal, "the run folder", progress);
        tell_of(cache.as_ref(), "the cache", progress);
        let warn = |line: &str| {
            tracing::warn!(line, "warning");
            progress.warn(line);
        };
        let crew = match workers {
            Some(_) => Crew::of_processes(engine, args.gpu.mps, &args.keep.faults, stop.flag(), progress, &warn)?,
            None => Crew::here(engine),
        };
        let watch = Watch::new(progress, stop, &crew);
        let session = Session::new(settings.clone()).within(crew.workshop(), engine.engine().family());
        let session =
            session.resume(journal).cache(cache.as_ref()).stop(stop.flag()).stop_check(stop.of_check()).observe(&watch);
        let path = args.input.display();
        let Finished { compiled, known, is_behind } =
            session.compile(input).map_err(|e| Failure::Usage(format!("cannot compile `{path}`: {e}")))?;
        let survived = Survived { workers: crew.totals(), known };
        survived.tell(progress);
        self._leftover = crew.end();
        Ok(Found { compiled, survived, is_behind, was_interrupted: stop.was_interrupted() })
    }

    /// Why what is at the output's place stays there, if it does.
    fn why_not_written(&self, found: &Found, outputs: &Outputs) -> Option<&'static str> {
        let keeps = self.folder.journal().is_some() && found.was_interrupted;
        match found.compiled.was_stopped {
            true if keeps && self.replaces_input() => Some("it is the input, with which the run goes on"),
            true if found.is_behind && outputs.circuit.is_there() => {
                Some("this run was stopped before it had come to where it was")
            }
            _ => None,
        }
    }

    fn replaces_input(&self) -> bool {
        is_same_file(&self.compile.args.output, &self.compile.args.input)
    }

    /// Writes nothing, and says why.
    fn leave(self, found: &Found, why: &str) -> Exit {
        let path = self.compile.args.output.display().to_string();
        self.progress.warn(&format!("`{path}` is left as it is: {why}"));
        let exit = if found.was_interrupted { Exit::Interrupted } else { Exit::Complete };
        log::output_left(&path, why, exit as i32);
        self.end(Ending::Undone);
        exit
    }

    /// Writes the circuit, and the report if there is a place for it. The run folder is still held.
    pub fn write(&self, found: Found, outputs: &Outputs) -> Result<Written, Failure> {
        let Found { compiled, survived, was_interrupted, .. } = found;
        // A run whose input is gone is over, however it ended.
        let replaces_input = self.replaces_input();
        let was_stopped = compiled.was_stopped && !replaces_input;
        outputs.write_circuit(&compiled, &self.compile.settings)?;
        self.tell_of_foreign_gates(&compiled);
        let report = self.compile.request().report(compiled, was_interrupted, survived, self.meter);
        if let Some(output) = &outputs.report {
            output.put(|out| report.write_json(out))?;
        }
        outputs.settle()?;
        let exit = exit(&report);
        log::run_ended(&report, exit as i32);
        let has_cache = self.compile.args.keep.cache.as_os_str() != "off";
        if was_stopped && was_interrupted && self.folder.is_missed() && !has_cache {
            self.progress.warn("nothing was kept to go on from; with --run-dir DIR it would be");
        }
        let ending = match exit == Exit::Complete || replaces_input {
            false => Ending::Undone,
            true if was_stopped => Ending::Limited,
            true => Ending::Complete,
        };
        Ok(Written { report, exit, ending })
    }

    /// Gates under `if` stay as they are, so they may be outside of the set that was asked for. All gates are where the
    /// last step went wrong, which is said with -q too.
    fn tell_of_foreign_gates(&self, compiled: &Compiled) {
        let gates = &self.compile.settings.gates;
        tell_if_not_in_the_set(gates, compiled);
        let n_foreign = if compiled.is_native() { n_foreign(compiled.circuit(), gates) } else { 0 };
        if n_foreign > 0 {
            let set = gates.name();
            self.progress.warn(&format!(
                "gates under `if` stay as they are, and {n_foreign} of them not in {set}; write these in {set} in the input"
            ));
        }
    }

    /// Lets go of the run folder, and says where the same command would go on.
    pub fn end(self, ending: Ending) {
        self.folder.end(ending, &self.progress);
    }
}

impl Found {
    /// Whether nothing came between.
    pub fn is_whole(&self) -> bool {
        !self.compiled.was_stopped
    }

    /// Two-qubit gates of the circuit that was found, as its report counts them.
    pub fn n_two_qubit(&self) -> u64 {
        match self.compiled.is_native() {
            true => Counts::of(self.compiled.circuit()).n_two_qubit as u64,
            false => Stats::of(self.compiled.circuit()).n_two_qubit as u64,
        }
    }
}

/// Where the results go, both found writable.
pub struct Outputs {
    circuit: Output,
    report: Option<Output>,
    proof: Option<Output>,
    /// Of the input file's bytes, for the proof.
    input: Option<FileDigest>,
}

impl Outputs {
    /// Checks both, and touches nothing.
    pub fn prepare(args: &CompileArgs) -> Result<Outputs, Failure> {
        let circuit = Output::prepare(&args.output)?;
        let beside = |path| Output::prepare_beside(path, Some(&circuit));
        let report = args.report.as_deref().map(beside).transpose()?;
        let proof = args.proof.as_deref().map(beside).transpose()?;
        let others = [("report", &report, &args.report), ("proof", &proof, &args.proof)];
        for (what, place, path) in others {
            if place.as_ref().is_some_and(|place| place.is_same_as(&circuit)) {
                return Err(Failure::Usage(format!("the circuit and the {what} would go to the same place")));
            }
            if path.as_deref().is_some_and(|path| is_same_file(path, &args.input)) {
                return Err(Failure::Usage(format!("the {what} would replace the input; name another file")));
            }
        }
        if let (Some(report), Some(proof)) = (&report, &proof)
            && report.is_same_as(proof)
        {
            return Err(Failure::Usage("the report and the proof would go to the same place".into()));
        }
        Ok(Outputs { circuit, report, proof, input: None })
    }

    /// Puts the circuit in its place, and its proof if there is a place for it.
    fn write_circuit(&self, compiled: &Compiled, settings: &Settings) -> Result<(), Failure> {
        let (Some(place), Some(input)) = (&self.proof, &self.input) else {
            return self.circuit.put(|mut out| write_output(compiled, settings, &mut out));
        };
        let text = output_to_qasm(compiled, settings);
        self.circuit.put(|out| out.write_all(text.as_bytes()))?;
        crate::proof::put(place, input, text.as_bytes(), &compiled.output)
    }

    /// Makes durable that all of them are there.
    fn settle(&self) -> Result<(), Failure> {
        Output::settle([&self.circuit].into_iter().chain(&self.proof).chain(&self.report))
    }
}

/// A pool whose one thread is the calling one; none if that belongs to a pool already.
fn pool_of_this_thread() -> Option<rayon::ThreadPool> {
    rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().ok()
}

/// Whether a run of these settings may fit gates to a unitary.
fn needs_engine(settings: &Settings) -> bool {
    settings.max_passes > 0 || settings.epsilon_total > 0.0
}

/// What the comparison of whole circuits may take of a compile.
pub fn check_in(args: &CompileArgs) -> Check {
    Check::new(args.check, args.time_limit, args.settings.threads.map_or_else(cores::usable, usize::from))
}

/// Fills in what depends on the machine or on other settings, and refuses settings that contradict each other.
pub fn resolve(args: &SettingsArgs) -> Result<Settings, Failure> {
    refuse(args)?;
    let base = match args.flow {
        _ if args.exact => Settings::exact(args.effort),
        FlowArg::Delete => Settings::deletion(),
        FlowArg::Search => Settings::effort(args.effort),
    };
    Ok(Settings {
        block_size: args.block_size.map_or(base.block_size, usize::from),
        max_passes: args.passes.unwrap_or(base.max_passes),
        permutes_output: args.permute_output,
        epsilon_total: args.epsilon_total,
        gates: gate_set(&args.gates)?,
        n_threads: args.threads.map_or_else(cores::usable, usize::from),
        block: BlockSettings {
            starts: args.starts.map_or(base.block.starts, |n| n as usize),
            solver: args.solver,
            objective: args.objective,
            tolerance: args.epsilon,
            seed: args.seed,
            ..base.block
        },
        ..base
    })
}

/// Settings that contradict each other and that the parser of arguments takes.
fn refuse(args: &SettingsArgs) -> Result<(), Failure> {
    let objective = args.objective;
    let words = match args.exact {
        false if !Objective::NUMERICAL.contains(&objective) => format!(
            "--objective {} needs --exact: a numerical search keeps no T gates that could be counted",
            objective.name()
        ),
        true if !Objective::EXACT.contains(&objective) => {
            let names = Objective::EXACT.map(Objective::name).join(", ");
            format!("--exact does not minimise {}; name one of these with --objective: {names}", objective.name())
        }
        true if args.epsilon_total > 0.0 => format!(
            "--exact keeps the unitary exactly, and --epsilon-total {:e} allows a distance; leave out one of them",
            args.epsilon_total
        ),
        true if !gate_set(&args.gates)?.is_default() => format!(
            "--exact writes h, s, sdg, t, tdg, x, z, rz and cx, whose proof is exact, and --gates {} would round angles; \
             leave out one of them, or compile the output of --exact again with --effort 1 and --gates",
            args.gates
        ),
        true if args.engine == EngineArg::Cuda => {
            "--exact does no numerical work, so --engine cuda means nothing to it; leave out one of them".to_owned()
        }
        _ => return Ok(()),
    };
    Err(Failure::Usage(words))
}
