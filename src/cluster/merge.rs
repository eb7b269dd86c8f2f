//! `bqc merge`: the compile of a plan once more, with what its supervisors have found and nothing else.

use super::{Monotonic, RunDir};
use crate::args::MergeArgs;
use crate::cores;
use crate::exit::{Exit, Failure};
use crate::gates::tell_if_not_in_the_set;
use crate::output::Output;
use crate::progress::say;
use crate::report::{Request, Survived, exit};
use crate::resources::Meter;
use bqc_cluster::{Care, Missing, Reader};
use bqc_compiler::{MAX_CHECK_UPDATES, Session, write_output};
use bqc_store::{Ledger, Status as RunStatus};
use bqc_wire::{Document, KnownTotals};
use std::path::Path;
use std::time::Instant;

/// Runs the command.
pub fn merge(args: &MergeArgs, start: Instant) -> Result<Exit, Failure> {
    let meter = Meter::new(start);
    let circuit = Output::prepare(&args.output)?;
    let report_to = args.report.as_deref().map(Output::prepare).transpose()?;
    if report_to.as_ref().is_some_and(|report| report.is_same_as(&circuit)) {
        return Err(Failure::Usage("the circuit and the report would go to the same place".into()));
    }
    let run = RunDir::open(&args.run_dir)?;
    let clock = Monotonic(start);
    let ledger = Ledger::new(&run.storage, &clock, run.plan.hash());
    let status = run.status(&ledger)?;
    let reader = Reader::new(&ledger);
    let n_threads = args.threads.map_or_else(cores::usable, usize::from);
    let settings = run.settings(n_threads, MAX_CHECK_UPDATES)?;
    let session = Session::new(settings.clone()).share(&reader, &run.plan.engine);
    let compiled = session
        .compile(&run.circuit)
        .map(|finished| finished.compiled)
        .map_err(|e| Failure::Usage(format!("cannot compile `{}`: {e}", run.plan.input)))?;
    if let Some(missing) = reader.missing() {
        say(&format!("bqc: {}", words(&run, &missing, &status, args.partial)));
        if !args.partial {
            return Ok(Exit::Interrupted);
        }
    }
    circuit.write(|mut out| write_output(&compiled, &settings, &mut out))?;
    tell_if_not_in_the_set(&settings.gates, &compiled);
    let request = Request {
        input_path: Path::new(&run.plan.input),
        input: &run.circuit,
        output_path: &args.output,
        settings: &settings,
        effort: run.plan.effort.as_deref(),
        time_limit: None,
        engine: &run.plan.engine,
    };
    let (taken, refused) = reader.totals();
    let survived = Survived { workers: None, known: KnownTotals { taken, refused } };
    // The times are this command's alone: those of the blocks were measured elsewhere. Nothing stops it but what
    // is missing.
    let report = request.report(compiled, true, survived, &meter);
    if let Some(output) = &report_to {
        output.write(|out| std::io::Write::write_all(out, report.to_json().as_bytes()))?;
    }
    if !args.quiet {
        let n_supervisors = status.writers.len();
        let RunStatus { n_done, n_twice, .. } = status;
        say(&format!("{n_done} blocks done by {n_supervisors} supervisors, {n_twice} of them twice"));
        say(crate::summary::of(&report).trim_end());
    }
    Ok(exit(&report))
}

/// What is missing, and what to do.
fn words(run: &RunDir, missing: &Missing, status: &RunStatus, is_partial: bool) -> String {
    let Missing { pass, n_units, n_missing } = missing;
    let folder = run.path.display();
    let count = |is_running| status.writers.iter().filter(|w| w.is_running(Care::LEASE) == is_running).count();
    let at_work = match (count(Some(true)), count(None)) {
        (0, 0) => "nobody works on it".to_owned(),
        (0, _) => "whether anybody works on it cannot be told, as the folder cannot be written to".to_owned(),
        (n, _) => format!("{n} supervisors seem to work on it, see `bqc status {folder}`"),
    };
    let advice = if is_partial {
        "what is there is joined, all else stays as it was".to_owned()
    } else {
        format!("`bqc work {folder}` goes on, and --partial joins what is there")
    };
    format!("the run is not complete: pass {} lacks {n_missing} of its {n_units} blocks; {at_work}; {advice}", pass + 1)
}
