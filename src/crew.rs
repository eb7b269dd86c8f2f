//! Who does the work of a run: threads of this process, or worker processes, each with a core or a share of a GPU.
//! `--workers auto` takes processes where a run is long enough for a crash to cost something. On systems other than
//! Unix there are no worker processes, which [`Crew::of_processes`] says.

use crate::args::{CompileArgs, FaultArgs, MpsArg, WorkersArg};
use crate::engine::Chosen;
use crate::exit::Failure;
use crate::progress::Progress;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::{InProcess, Settings, Workshop};
use bqc_optimize::Flow;
use bqc_wire::WorkerTotals;
use std::sync::atomic::AtomicBool;

/// `--workers auto` starts processes from this many CX gates on, and for smaller circuits from so much [`work`] on:
/// below, a compile is over in seconds, and is as well begun again. A core does some three thousand a second (2 to 3
/// thousand for the circuits `qft_n5`, `qft_n10` and `adder_n10` at efforts 3 and 4).
const AUTO_WORKERS_CX: usize = 200;
const AUTO_WORKERS_WORK: f64 = 40_000.0;

/// Whether processes do the work, as far as arguments and circuit say.
pub fn wants_processes(args: &CompileArgs, input: &Circuit, settings: &Settings) -> bool {
    // Light passes take some microseconds a gate, and to carry blocks to other processes takes longer.
    let is_light = settings.max_passes == 0;
    let is_long = || {
        let n_cx = Stats::of(input).n_two_qubit;
        n_cx >= AUTO_WORKERS_CX || work(n_cx, settings) >= AUTO_WORKERS_WORK
    };
    match args.keep.workers {
        WorkersArg::Off => false,
        WorkersArg::Count(_) => true,
        WorkersArg::Auto => cfg!(unix) && !is_light && is_long(),
    }
}

/// What a run of these settings does at least with a circuit of a single window, roughly in proportion to the time: CX
/// gates, times starts, rounds, passes until its patience is at its end, and restarts in vain.
fn work(n_cx: usize, settings: &Settings) -> f64 {
    let n_rounds = match settings.block.flow {
        Flow::Search { n_rounds } => n_rounds,
        Flow::Delete | Flow::Exact => 1,
    };
    let n_passes = settings.patience.min(settings.max_passes);
    let n_searches = f64::from(settings.restarts) + 1.0;
    n_cx as f64 * settings.block.starts as f64 * n_rounds as f64 * f64::from(n_passes) * n_searches
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

/// Who does the work of one run.
pub struct Crew<'a> {
    here: InProcess<'a>,
    #[cfg(unix)]
    pool: Option<bqc_pool::Pool<'a>>,
}

/// What outlives worker processes, and may take its time to end.
#[cfg(unix)]
pub type Leftover = bqc_pool::Leftover;
#[cfg(not(unix))]
pub type Leftover = ();

impl<'a> Crew<'a> {
    /// Threads of this process.
    pub fn here(engine: &'a Chosen) -> Crew<'a> {
        Crew {
            here: InProcess(engine.engine()),
            #[cfg(unix)]
            pool: None,
        }
    }

    /// Worker processes, on the GPUs if there are any. None is there yet: each thread that asks for work starts one.
    /// `warn` is told what goes wrong with them.
    #[cfg(unix)]
    pub fn of_processes(
        engine: &'a Chosen,
        mps: MpsArg,
        faults: &FaultArgs,
        stop: &AtomicBool,
        progress: &Progress,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Crew<'a>, Failure> {
        use bqc_pool::{Patience, Pool, Program};
        use std::time::Duration;
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
        let program = Program {
            path: crate::engine::this_program().map_err(setup)?,
            arguments,
            build: crate::build_id::BUILD.clone(),
        };
        let pool = Pool::on(gpus, program, patience, engine.engine(), warn);
        Ok(Crew { pool: Some(pool.map_err(|loss| setup(std::io::Error::other(loss)))?), ..Crew::here(engine) })
    }

    #[cfg(not(unix))]
    pub fn of_processes(
        _: &'a Chosen,
        _: MpsArg,
        _: &FaultArgs,
        _: &AtomicBool,
        _: &Progress,
        _: &'a (dyn Fn(&str) + Sync),
    ) -> Result<Crew<'a>, Failure> {
        Err(Failure::Usage("worker processes need a Unix system; leave out --workers".into()))
    }

    /// For a session.
    pub fn workshop(&self) -> &dyn Workshop {
        #[cfg(unix)]
        if let Some(pool) = &self.pool {
            return pool;
        }
        &self.here
    }

    /// What worker processes went through so far, if they do the work.
    pub fn totals(&self) -> Option<WorkerTotals> {
        #[cfg(unix)]
        return self.pool.as_ref().map(bqc_pool::Pool::totals);
        #[cfg(not(unix))]
        None
    }

    /// The GPU of the worker with this process id.
    #[cfg_attr(not(unix), expect(unused_variables, reason = "there are no workers"))]
    pub fn gpu_of(&self, worker: u32) -> Option<&str> {
        #[cfg(unix)]
        return self.pool.as_ref()?.gpu_of(worker);
        #[cfg(not(unix))]
        None
    }

    /// Ends worker processes.
    pub fn end(self) -> Option<Leftover> {
        #[cfg(unix)]
        return self.pool.map(bqc_pool::Pool::end);
        #[cfg(not(unix))]
        None
    }
}
