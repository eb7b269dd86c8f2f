//! `bqc compile`: reads, runs, writes, and says how it went.

use crate::args::{CompileArgs, EngineArg, FlowArg};
use crate::exit::{Exit, Failure};
use crate::input::read_circuit;
use crate::output::Output;
use crate::progress::{Progress, Talk};
use crate::resources::Resources;
use crate::stats::figures;
use crate::stop::Stop;
use bqc_circuit::Stats;
use bqc_instantiate::{CpuEngine, Engine};
use bqc_optimize::{BlockSettings, Flow, Method};
use bqc_run::{Compiled, RunSettings};
use bqc_wire::{BlockTotals, CheckMethod, Document, Report, Settings, Status, WholeCheck};
use std::thread::available_parallelism;
use std::time::Instant;

/// Widest block and most CX gates in it, for deletion: five wires find most per second, and beyond
/// some dozens of gates a block costs more than two halves of it and finds no more.
const DELETE_BLOCK_SIZE: u8 = 5;
const DELETE_BLOCK_CX: usize = 48;

/// The same for the search, which cuts its blocks into smaller ones itself; up to eight wires the
/// result is measured over all columns. Rounds are those of one pass.
const SEARCH_BLOCK_SIZE: u8 = 8;
const SEARCH_BLOCK_CX: usize = 200;
const SEARCH_ROUNDS: usize = 20;

/// What comparing the whole circuits may cost: about ten seconds of one core.
const MAX_CHECK_UPDATES: f64 = 4e9;

/// Runs the command. `start` is when the process began: limits and reports count from there.
pub fn compile(args: &CompileArgs, start: Instant) -> Result<Exit, Failure> {
    let outputs = Outputs::prepare(args)?;
    let input = read_circuit(&args.input, &args.read)?;
    let settings = resolve(args);
    let engine: Box<dyn Engine> = match args.engine {
        EngineArg::Auto | EngineArg::Cpu => Box::new(CpuEngine::default()),
    };
    // A limit beyond the clock's range is none.
    let deadline = args.time_limit.and_then(|limit| start.checked_add(limit));
    let stop = Stop::install(deadline)?;
    let progress = Progress::new(talk(args), start, deadline);
    let compiled = bqc_run::compile(&input, &settings, engine.as_ref(), stop.flag(), &progress)
        .map_err(|reason| Failure::Usage(format!("cannot compile `{}`: {reason}", args.input.display())));
    progress.finish();
    let compiled = compiled?;

    outputs.circuit.write(|mut out| bqc_qasm::write(&compiled.circuit, &mut out))?;
    let status = status(&compiled, stop.was_interrupted());
    let report = report(args, &settings, engine.name(), status, &Stats::of(&input), compiled, start);
    if let Some(output) = &outputs.report {
        output.write(|out| out.write_all(report.to_json().as_bytes()))?;
    }
    if !args.quiet {
        eprint!("{}", crate::summary::of(&report));
    }
    Ok(exit(status, &report.blocks))
}

/// Where the results go, both found writable.
struct Outputs {
    circuit: Output,
    report: Option<Output>,
}

impl Outputs {
    fn prepare(args: &CompileArgs) -> Result<Outputs, Failure> {
        let circuit = Output::prepare(&args.output)?;
        let report = args.report.as_deref().map(Output::prepare).transpose()?;
        if report.as_ref().is_some_and(|report| report.is_same_as(&circuit)) {
            return Err(Failure::Usage("the circuit and the report would go to the same place".into()));
        }
        Ok(Outputs { circuit, report })
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
fn resolve(args: &CompileArgs) -> RunSettings {
    let cores = || available_parallelism().map_or(1, usize::from);
    let (flow, default_size, max_block_cx) = match args.flow {
        FlowArg::Delete => (Flow::Delete, DELETE_BLOCK_SIZE, DELETE_BLOCK_CX),
        FlowArg::Search => (Flow::Search { n_rounds: SEARCH_ROUNDS }, SEARCH_BLOCK_SIZE, SEARCH_BLOCK_CX),
    };
    RunSettings {
        block_size: args.block_size.unwrap_or(default_size).into(),
        max_block_cx,
        max_passes: args.passes,
        n_threads: args.threads.map_or_else(cores, usize::from),
        block: BlockSettings { flow, starts: args.starts as usize, tolerance: args.epsilon, seed: args.seed },
        max_check_updates: MAX_CHECK_UPDATES,
    }
}

/// Why the run ended, the gravest reason first.
fn status(compiled: &Compiled, was_interrupted: bool) -> Status {
    match (&compiled.difference, compiled.was_stopped, was_interrupted) {
        (Some(_), ..) => Status::InternalDifference,
        (None, true, true) => Status::Interrupted,
        (None, true, false) => Status::TimeLimit,
        (None, false, _) => Status::Complete,
    }
}

fn exit(status: Status, blocks: &BlockTotals) -> Exit {
    match status {
        Status::InternalDifference => Exit::Degraded,
        Status::Interrupted => Exit::Interrupted,
        Status::Complete | Status::TimeLimit if blocks.failed > 0 => Exit::Degraded,
        Status::Complete | Status::TimeLimit => Exit::Complete,
    }
}

/// The whole report, measured now.
fn report(
    args: &CompileArgs,
    settings: &RunSettings,
    engine: &str,
    status: Status,
    input: &Stats,
    compiled: Compiled,
    start: Instant,
) -> Report {
    let resources = Resources::now();
    Report {
        schema: Report::SCHEMA.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        status,
        input: figures(&args.input, input),
        output: figures(&args.output, &Stats::of(&compiled.circuit)),
        error_bound: compiled.error_bound,
        whole_check: whole_check(&compiled),
        passes: compiled.n_passes,
        blocks: BlockTotals::of(&compiled.records),
        wall_seconds: start.elapsed().as_secs_f64(),
        cpu_seconds: resources.cpu_seconds,
        peak_rss_bytes: resources.peak_rss_bytes,
        seed: args.seed,
        engine: engine.into(),
        settings: Settings {
            flow: match settings.block.flow {
                Flow::Delete => "delete".into(),
                Flow::Search { .. } => "search".into(),
            },
            block_size: settings.block_size as u64,
            passes: settings.max_passes,
            starts: args.starts,
            epsilon: args.epsilon,
            threads: settings.n_threads as u64,
            time_limit_seconds: args.time_limit.map(|limit| limit.as_secs_f64()),
        },
        block_records: compiled.records,
    }
}

fn whole_check(compiled: &Compiled) -> WholeCheck {
    let method = match compiled.comparison.map(|c| c.method) {
        Some(Method::Exact) => CheckMethod::Exact,
        Some(Method::RandomStates { .. }) => CheckMethod::RandomStates,
        Some(Method::RandomBranches { .. }) => CheckMethod::RandomBranches,
        None => CheckMethod::None,
    };
    WholeCheck { method, distance: compiled.comparison.map(|c| c.distance), difference: compiled.difference.clone() }
}
