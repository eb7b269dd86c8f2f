//! How a run went, whichever command has made it: its report, and the exit code that this comes to.

use crate::exit::Exit;
use crate::pairs;
use crate::progress::Progress;
use crate::resources::Meter;
use crate::stats::figures;
use bqc_circuit::{Circuit, Stats};
use bqc_compiler::{Compiled, Settings};
use bqc_native::Counts;
use bqc_optimize::Flow;
use bqc_verify::{Incomparable, Method};
use bqc_wire::{
    CheckMethod, CircuitFigures, Document, KnownTotals, MovedQubit, Report, SettingsRecord, Status, WholeCheck,
    WorkerTotals,
};
use std::path::Path;
use std::time::Duration;

/// What a run was asked for, with nothing left open.
pub struct Request<'a> {
    /// Where the circuit came from.
    pub input_path: &'a Path,
    /// The circuit as it was read.
    pub input: &'a Circuit,
    /// Where the new one goes.
    pub output_path: &'a Path,
    pub settings: &'a Settings,
    /// As it is typed; none if the flow has no efforts.
    pub effort: Option<&'a str>,
    pub time_limit: Option<Duration>,
    /// The engine, as it names itself.
    pub engine: &'a str,
}

/// What a run went through.
#[derive(Clone, Copy)]
pub struct Survived {
    pub workers: Option<WorkerTotals>,
    pub known: KnownTotals,
}

impl Survived {
    /// Tells those who want to know.
    pub fn tell(&self, progress: &Progress) {
        if let Some(WorkerTotals { started, lost, .. }) = self.workers {
            progress.tell(&format!("{started} workers were started, {lost} lost"));
        }
        let KnownTotals { taken, refused } = self.known;
        if taken + refused > 0 {
            progress.tell(&format!("{taken} results were taken as known, {refused} refused"));
        }
    }
}

impl Request<'_> {
    /// The whole report, measured now. `was_interrupted`: whether it was something else than the time limit that
    /// stopped the run, if anything did.
    pub fn report(&self, compiled: Compiled, was_interrupted: bool, survived: Survived, meter: &Meter) -> Report {
        let resources = meter.read();
        let Survived { workers, known } = survived;
        let is_exact = self.settings.block.flow == Flow::Exact;
        let sizes = |path: &Path, circuit: &Circuit| {
            let stats = Stats::of(circuit);
            CircuitFigures { rotations: is_exact.then_some(stats.n_rotations as u64), ..figures(path, &stats) }
        };
        Report {
            schema: Report::SCHEMA.into(),
            version: env!("CARGO_PKG_VERSION").into(),
            status: status(&compiled, was_interrupted),
            input: sizes(self.input_path, self.input),
            output: match compiled.is_native() {
                true => native_figures(self.output_path, compiled.circuit()),
                false => sizes(self.output_path, compiled.circuit()),
            },
            pairs: pairs::compare(self.input, compiled.circuit()),
            output_permutation: self.settings.permutes_output.then(|| moved_qubits(&compiled)),
            error_bound: compiled.error_bound(),
            is_exactly_equal: is_exact.then_some(compiled.error_bound() == 0.0),
            whole_check: whole_check(&compiled),
            refused: compiled.faults.iter().map(ToString::to_string).collect(),
            passes: compiled.n_passes,
            blocks: compiled.totals,
            wall_seconds: resources.wall_seconds,
            cpu_seconds: resources.cpu_seconds,
            peak_rss_bytes: resources.peak_rss_bytes,
            seed: self.settings.block.seed,
            engine: self.engine.into(),
            settings: self.settings(),
            workers,
            known,
            block_records: compiled.records,
        }
    }

    fn settings(&self) -> SettingsRecord {
        let (n_threads, limit_s) = (self.settings.n_threads as u64, self.time_limit.map(|limit| limit.as_secs_f64()));
        SettingsRecord::new(self.settings.encode(), self.effort, n_threads, limit_s)
    }
}

/// The sizes of a circuit in the gates of a machine, as written. Rotations about Z take no step of its depth.
fn native_figures(path: &Path, circuit: &Circuit) -> CircuitFigures {
    let counts = Counts::of(circuit);
    let [two_qubit_gates, pulses, virtual_rz] =
        [counts.n_two_qubit, counts.n_pulses, counts.n_virtual].map(|n| n as u64);
    CircuitFigures {
        gates: two_qubit_gates + pulses + virtual_rz,
        two_qubit_gates,
        one_qubit_gates: pulses + virtual_rz,
        depth: counts.depth as u64,
        two_qubit_depth: counts.two_qubit_depth as u64,
        pulses: Some(pulses),
        virtual_rz: Some(virtual_rz),
        ..figures(path, &Stats::of(circuit))
    }
}

fn moved_qubits(compiled: &Compiled) -> Vec<MovedQubit> {
    compiled.moved().into_iter().map(|[qubit, wire]| MovedQubit { qubit: qubit.0, wire: wire.0 }).collect()
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

fn whole_check(compiled: &Compiled) -> WholeCheck {
    let difference = compiled.difference.clone();
    let comparison = match &compiled.comparison {
        Ok(comparison) => comparison,
        Err(why) => {
            let skipped = difference.is_none().then(|| why_skipped(why));
            return WholeCheck { method: CheckMethod::None, distance: None, difference, skipped };
        }
    };
    let method = match comparison.method {
        Method::Exact => CheckMethod::Exact,
        Method::RandomStates { .. } => CheckMethod::RandomStates,
        Method::RandomBranches { .. } => CheckMethod::RandomBranches,
        Method::Paulis => CheckMethod::Paulis,
        Method::Algebra => CheckMethod::Algebra,
        Method::PathSums => CheckMethod::PathSums,
    };
    WholeCheck { method, distance: Some(comparison.distance), difference, skipped: None }
}

/// In a few words.
fn why_skipped(why: &Incomparable) -> String {
    match why {
        Incomparable::TooManyWires { limit, .. } => format!("more than {limit} qubits"),
        Incomparable::TooMuchWork { limit: 0.0, .. } => "not asked for".into(),
        Incomparable::TooMuchWork { .. } => "it would take too long".into(),
        Incomparable::Stopped => "it was ended early".into(),
        other => other.to_string(),
    }
}

/// The exit code of a run with this report.
pub fn exit(report: &Report) -> Exit {
    match report.status {
        Status::InternalDifference => Exit::Degraded,
        Status::Interrupted => Exit::Interrupted,
        Status::Complete | Status::TimeLimit if report.blocks.failed > 0 || !report.refused.is_empty() => {
            Exit::Degraded
        }
        Status::Complete | Status::TimeLimit => Exit::Complete,
    }
}
