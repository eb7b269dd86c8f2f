//! `bqc worker`: the other end of `compile --workers`, and `bqc mps-guard`, which keeps what workers share.
//!
//! Batch systems and service managers send their signals to all processes of a job, and what follows from
//! them is the supervisor's to decide. So a worker lives on: SIGINT and SIGUSR1 do nothing here, and
//! SIGTERM asks for the best result so far, which is what the supervisor will do next. When the supervisor
//! is in earnest it sends SIGKILL. A guard does not listen to any: it ends with its supervisor.

use crate::args::{MpsGuardArgs, WorkerArgs};
use crate::build_id::BUILD;
use crate::engine::cuda;
use crate::exit::{Exit, Failure};
use bqc_instantiate::CpuEngine;
use bqc_pool::Standin;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Serves until the supervisor ends.
pub fn worker(args: &WorkerArgs) -> Result<Exit, Failure> {
    let (cancelled, ignored) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    listen(&[(SIGTERM, &cancelled), (SIGINT, &ignored), (SIGUSR1, &ignored)])?;
    let place = &args.place;
    let served = match (&place.gpu, &place.in_place_of) {
        _ if place.probe => return tell_gpus(),
        (Some(uuid), _) => {
            bqc_pool::serve_on(|| cuda::open_in_worker(uuid, place.sharers), &BUILD, &cancelled, args.fault)
        }
        (None, Some(name)) => bqc_pool::serve(Arc::new(Standin::new(name)), &BUILD, &cancelled, args.fault),
        (None, None) => bqc_pool::serve(Arc::new(CpuEngine::default()), &BUILD, &cancelled, args.fault),
    };
    match served {
        Ok(never) => match never {},
        Err(e) => Err(Failure::Usage(e.to_string())),
    }
}

/// Keeps a daemon until the supervisor ends.
pub fn mps_guard(args: &MpsGuardArgs) -> Result<Exit, Failure> {
    let ignored = Arc::new(AtomicBool::new(false));
    listen(&[SIGHUP, SIGINT, SIGTERM, SIGUSR1].map(|signal| (signal, &ignored)))?;
    let guarded = bqc_pool::mps::guard(&args.folder, &args.uuid);
    guarded.map_err(|source| Failure::Setup { what: "the MPS daemon's guard", source })?;
    Ok(Exit::Complete)
}

fn listen(signals: &[(i32, &Arc<AtomicBool>)]) -> Result<(), Failure> {
    for (signal, raised) in signals {
        flag::register(*signal, Arc::clone(raised))
            .map_err(|source| Failure::Setup { what: "signal handlers", source })?;
    }
    Ok(())
}

fn tell_gpus() -> Result<Exit, Failure> {
    let told = bqc_pool::tell_gpus(cuda::list);
    told.map(|()| Exit::Complete).map_err(|e| Failure::Usage(e.to_string()))
}
