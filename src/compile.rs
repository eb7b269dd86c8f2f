//! `bqc compile`: reads, runs, writes, and says how it went.

use crate::args::{CompileArgs, FlowArg, RunFolderArgs, SettingsArgs};
use crate::cores;
use crate::engine::{Chosen, Wanted};
use crate::exit::{Exit, Failure};
use crate::input::{parse, read_bytes};
use crate::keep;
use crate::log;
use crate::output::{Output, is_same_file};
use crate::progress::{Progress, Talk, say};
use crate::report::{Request, exit};
use crate::resources::Meter;
use crate::stop::Stop;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::{Compiled, Settings};
use bqc_optimize::BlockSettings;
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
    let stop = Stop::install(deadline)?;
    let compile = Compile::new(args, &input, &stop)?;
    let found = compile.begin(deadline, meter)?.run(&stop)?;
    if let Some(why) = found.why_not_written(&outputs) {
        return Ok(found.leave_because(why));
    }
    let (report, exit) = found.write(&outputs)?.end();
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
    engine: Chosen,
    workers: Option<usize>,
    /// As in `args`, unless it is known only when the circuit is.
    pub run_folder: RunFolderArgs,
    /// Whether it is known which engine there is. The run was stopped before if not, and comes to nothing.
    pub is_decided: bool,
}

/// One whose run folder is open.
pub struct Begun<'a> {
    compile: &'a Compile<'a>,
    run_folder: keep::RunFolder,
    progress: Progress,
    meter: &'a Meter,
}

/// What came of it, still to be written.
pub struct Found<'a> {
    compile: &'a Compile<'a>,
    compiled: Compiled,
    survived: keep::Survived,
    run_folder: keep::RunFolder,
    progress: Progress,
    was_interrupted: bool,
    meter: &'a Meter,
}

/// What came of it, written. The run folder is still held.
pub struct Done {
    pub report: Report,
    pub exit: Exit,
    run_folder: keep::RunFolder,
    /// Whether there is nothing to be done better.
    is_well: bool,
    was_stopped: bool,
    progress: Progress,
}

impl<'a> Compile<'a> {
    /// Decides what the arguments left open.
    pub fn new(args: &'a CompileArgs, input: &'a Circuit, stop: &Stop) -> Result<Compile<'a>, Failure> {
        let mut settings = Settings {
            is_recorded: args.proof.is_some(),
            has_block_records: args.report.is_some(),
            ..resolve(&args.settings)
        };
        settings.block.sabotage = args.keep.faults.sabotage;
        let (block_size, n_cores) = (settings.block_size, settings.n_threads);
        let in_processes = keep::wants_processes(args, input, &settings);
        let (engine, flow, workers) = (args.settings.engine, args.settings.flow, args.keep.workers);
        let wanted = Wanted { engine, gpu: &args.gpu, workers, flow, in_processes, block_size, n_cores };
        let chosen = wanted.choose(stop.flag(), &Progress::new(talk(args), Instant::now(), None));
        let is_decided = !matches!(chosen, Err(Failure::Stopped));
        let engine = if is_decided { chosen? } else { Chosen::cpu() };
        // Folders are of one engine, and would seem to be another run's.
        let none = || RunFolderArgs { run_dir: Some("off".into()), resume: false };
        let run_folder = if is_decided { args.run_folder.clone() } else { none() };
        let workers = keep::workers(args, in_processes, &engine, n_cores)?;
        settings.n_threads = match (workers, args.settings.threads) {
            (Some(n_workers), _) => n_workers,
            (None, Some(n_threads)) => n_threads.into(),
            // As many as the engine can use: a GPU is filled by calls of many threads, most of which wait for it.
            (None, None) => engine.engine().concurrency(n_cores),
        };
        Ok(Compile { args, input, settings, engine, workers, run_folder, is_decided })
    }

    /// Names the circuit as it was understood, and all that decides the output.
    pub fn plan(&self) -> [u8; 32] {
        self.task().plan()
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

    fn task(&self) -> keep::Task<'_> {
        let Compile { args, input, settings, engine, workers, run_folder, .. } = self;
        keep::Task { args, input, settings, engine, run_folder, workers: *workers }
    }

    /// Opens the run folder, which nobody else writes to from here on. `deadline` is told to those who watch.
    pub fn begin(&'a self, deadline: Option<Instant>, meter: &'a Meter) -> Result<Begun<'a>, Failure> {
        let progress = Progress::new(talk(self.args), meter.start(), deadline);
        let run_folder = self.task().open(&progress)?;
        Ok(Begun { compile: self, run_folder, progress, meter })
    }
}

impl<'a> Begun<'a> {
    /// Does it, until it is through or `stop` ends it.
    pub fn run(self, stop: &Stop) -> Result<Found<'a>, Failure> {
        let Begun { compile, run_folder, progress, meter } = self;
        let Compile { args, settings, engine, workers, .. } = compile;
        let crew = if workers.is_some() { "workers" } else { "threads" };
        progress.set_crew(settings.n_threads, crew, engine.engine().name());
        log::run_started(&args.input, settings, engine.engine().name(), *workers);
        let compiled = compile.task().compile(run_folder, stop, &progress);
        progress.finish();
        warn(args, engine.fault());
        let (compiled, survived, run_folder) = compiled?;
        let was_interrupted = stop.was_interrupted();
        Ok(Found { compile, compiled, survived, run_folder, progress, was_interrupted, meter })
    }
}

impl Found<'_> {
    /// Whether nothing came between.
    pub fn is_whole(&self) -> bool {
        !self.compiled.was_stopped
    }

    /// CX gates of the circuit that was found.
    pub fn n_two_qubit(&self) -> u64 {
        Stats::of(self.compiled.circuit()).n_two_qubit as u64
    }

    /// Why what is at the output's place stays there, if it does.
    fn why_not_written(&self, outputs: &Outputs) -> Option<&'static str> {
        let keeps = self.run_folder.is_kept() && self.was_interrupted;
        match self.compiled.was_stopped {
            true if keeps && self.replaces_input() => Some("it is the input, with which the run goes on"),
            true if self.run_folder.is_behind() && outputs.circuit.is_there() => {
                Some("this run was stopped before it had come to where it was")
            }
            _ => None,
        }
    }

    fn replaces_input(&self) -> bool {
        is_same_file(&self.compile.args.output, &self.compile.args.input)
    }

    /// Writes nothing, and says where the same command would go on.
    pub fn leave(self) {
        self.run_folder.end(false, self.compiled.was_stopped, &self.progress);
    }

    fn leave_because(self, why: &str) -> Exit {
        let path = self.compile.args.output.display().to_string();
        self.progress.warn(&format!("`{path}` is left as it is: {why}"));
        let exit = if self.was_interrupted { Exit::Interrupted } else { Exit::Complete };
        log::output_left(&path, why, exit as i32);
        self.leave();
        exit
    }

    /// Writes the circuit, and the report if there is a place for it.
    pub fn write(self, outputs: &Outputs) -> Result<Done, Failure> {
        let replaces_input = self.replaces_input();
        let Found { compile, compiled, survived, run_folder, progress, was_interrupted, meter } = self;
        // A run whose input is gone is over, however it ended.
        let was_stopped = compiled.was_stopped && !replaces_input;
        let written = outputs.write_circuit(&compiled.output).and_then(|()| {
            let report = compile.request().report(compiled, was_interrupted, survived, meter);
            if let Some(output) = &outputs.report {
                output.write(|out| out.write_all(report.to_json().as_bytes()))?;
            }
            Ok(report)
        });
        match written {
            Err(failure) => {
                run_folder.end(false, was_stopped, &progress);
                Err(failure)
            }
            Ok(report) => {
                let exit = exit(&report);
                log::run_ended(&report, exit as i32);
                let has_cache = compile.args.keep.cache.as_os_str() != "off";
                if was_stopped && was_interrupted && run_folder.is_missed() && !has_cache {
                    progress.warn("nothing was kept to go on from; with --run-dir DIR it would be");
                }
                let is_well = exit == Exit::Complete || replaces_input;
                Ok(Done { report, exit, run_folder, is_well, was_stopped, progress })
            }
        }
    }
}

impl Done {
    /// Lets go of the run folder, and says where the same command would go on.
    pub fn end(self) -> (Report, Exit) {
        self.run_folder.end(self.is_well, self.was_stopped, &self.progress);
        (self.report, self.exit)
    }
}

/// Says what does not stop the run, unless nothing shall be said.
fn warn(args: &CompileArgs, line: Option<String>) {
    if let Some(line) = line.filter(|_| !args.quiet) {
        say(&format!("bqc: {line}"));
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
        let report = args.report.as_deref().map(Output::prepare).transpose()?;
        let proof = args.proof.as_deref().map(Output::prepare).transpose()?;
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

    /// Writes the circuit, and its proof if there is a place for it.
    fn write_circuit(&self, output: &bqc_verify::Output) -> Result<(), Failure> {
        let (Some(place), Some(input)) = (&self.proof, &self.input) else {
            return self.circuit.write(|mut out| bqc_qasm::write(output.circuit(), &mut out));
        };
        let mut text = Vec::new();
        let in_memory = |e| Failure::Setup { what: "the circuit", source: e };
        bqc_qasm::write(output.circuit(), &mut text).map_err(in_memory)?;
        self.circuit.write(|out| out.write_all(&text))?;
        crate::proof::write(place, input, &text, output)
    }
}

fn talk(args: &CompileArgs) -> Talk {
    match (args.quiet, args.verbose) {
        (true, _) => Talk::Quiet,
        (false, true) => Talk::Verbose,
        (false, false) => Talk::Normal,
    }
}

/// Fills in what depends on the machine or on other settings.
pub fn resolve(args: &SettingsArgs) -> Settings {
    let base = match args.flow {
        FlowArg::Delete => Settings::deletion(),
        FlowArg::Search => Settings::effort(args.effort),
    };
    Settings {
        block_size: args.block_size.map_or(base.block_size, usize::from),
        max_passes: args.passes.unwrap_or(base.max_passes),
        epsilon_total: args.epsilon_total,
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
    }
}
