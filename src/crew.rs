//! Who does the work of a run: threads of this process, or worker processes, each with a core or a share of a GPU.
//! `--workers auto` takes processes where a run is long enough for a crash to cost something. On systems other than
//! Unix there are no worker processes, and every function says so.

use crate::args::{CompileArgs, FaultArgs, MpsArg, WorkersArg};
use crate::engine::Chosen;
use crate::exit::Failure;
use crate::progress::Progress;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::Settings;
use bqc_optimize::Flow;
use bqc_wire::WorkerTotals;
use std::sync::atomic::AtomicBool;

#[cfg(not(unix))]
pub use elsewhere::*;
#[cfg(unix)]
pub use on_unix::*;

/// `--workers auto` starts processes from this many CX gates on, and for smaller circuits from so much [`work`] on:
/// below, a compile is over in seconds, and is as well begun again. A core does some three thousand a second (2 to 3
/// thousand for the circuits `qft_n5`, `qft_n10` and `adder_n10` at efforts 3 and 4).
const AUTO_WORKERS_CX: usize = 200;
const AUTO_WORKERS_WORK: f64 = 40_000.0;

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

#[cfg(unix)]
mod on_unix {
    use super::{AtomicBool, Chosen, Failure, FaultArgs, MpsArg, Progress, WorkerTotals};
    use crate::build_id::BUILD;
    use crate::engine::this_program;
    use bqc_pool::{Patience, Pool, Program};
    use std::time::Duration;

    /// Worker processes of this node, as a workshop, and what outlives them.
    pub use bqc_pool::{Leftover, Pool as NodePool};

    /// A pool without workers yet: each thread that asks for work starts one, on the GPUs if there are any. What these
    /// share is in place then. `warn` is told what goes wrong with workers.
    pub fn node_pool<'a>(
        engine: &'a Chosen,
        mps: MpsArg,
        faults: &FaultArgs,
        stop: &AtomicBool,
        progress: &Progress,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Result<NodePool<'a>, Failure> {
        let gpus = engine.gpus(mps, stop, progress)?;
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
            silence: time + Duration::from_secs(2),
            unit: time,
            per_work: Duration::ZERO,
            grace: time,
            ..Patience::default()
        });
        let program = Program { path: this_program().map_err(setup)?, arguments, build: BUILD.clone() };
        Pool::on(gpus, program, patience, engine.engine(), warn).map_err(|loss| setup(std::io::Error::other(loss)))
    }

    /// Ends the workers.
    pub fn end_workers(pool: NodePool<'_>) -> Leftover {
        pool.end()
    }

    /// What the workers went through so far.
    pub fn worker_totals(pool: &Option<NodePool<'_>>) -> Option<WorkerTotals> {
        pool.as_ref().map(Pool::totals)
    }

    /// The GPU of a worker.
    pub fn gpu_of(pool: &Option<NodePool<'_>>, worker: u32) -> Option<String> {
        pool.as_ref()?.gpu_of(worker).map(str::to_owned)
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use super::{AtomicBool, Chosen, Failure, FaultArgs, MpsArg, Progress, WorkerTotals};

    /// There are none, so that the type of another workshop will do.
    pub type NodePool<'a> = bqc_compiler::InProcess<'a>;
    pub type Leftover = ();

    pub fn node_pool<'a>(
        _: &'a Chosen,
        _: MpsArg,
        _: &FaultArgs,
        _: &AtomicBool,
        _: &Progress,
        _: &'a (dyn Fn(&str) + Sync),
    ) -> Result<NodePool<'a>, Failure> {
        Err(Failure::Usage("worker processes need a Unix system; leave out --workers".into()))
    }

    pub fn end_workers(_: NodePool<'_>) -> Leftover {}

    pub fn worker_totals(_: &Option<NodePool<'_>>) -> Option<WorkerTotals> {
        None
    }

    pub fn gpu_of(_: &Option<NodePool<'_>>, _: u32) -> Option<String> {
        None
    }
}
