//! `bqc synthesize`: a matrix or a vector in, a circuit out.

use crate::args::SynthesizeArgs;
use crate::cores;
use crate::exit::{Exit, Failure};
use crate::input::read_bytes;
use crate::output::Output;
use crate::progress::say;
use crate::stop::{Deadline, Stop};
use bqc_circuit::{Circuit, Stats};
use bqc_instantiate::CpuEngine;
use bqc_linalg::{Complex64, Matrix};
use bqc_optimize::Context;
use bqc_optimize::synthesis::{SynthesisSettings, Synthesized, prepare_state, synthesize_unitary};
use bqc_wire::{NumberArray, Precision, Shape};
use rayon::ThreadPoolBuilder;
use std::io;
use std::time::Instant;

/// Largest deviation of numbers in single precision from a unitary or a normalised state: the rounding
/// of 64 rows with a decimal to spare. The nearest unitary is synthesised as accurately as any other.
const SINGLE_PRECISION_TOLERANCE: f64 = 1e-5;

/// Runs the command. `start` is when the process began: the time limit counts from there.
pub fn synthesize(args: &SynthesizeArgs, start: Instant) -> Result<Exit, Failure> {
    let output = Output::prepare(&args.output)?;
    let refused = |reason: &dyn std::fmt::Display| {
        Failure::Usage(format!("cannot synthesize `{}`: {reason}", args.input.display()))
    };
    let array = NumberArray::read(&read_bytes(&args.input)?).map_err(|e| refused(&e))?;
    let settings = settings(args, array.precision);
    let deadline = args.time_limit.and_then(|limit| Deadline::after(start, limit));
    let stop = Stop::install()?;
    let _limit = stop.limit(deadline)?;
    let n_threads = args.threads.map_or_else(cores::usable, usize::from);
    let pool = ThreadPoolBuilder::new().num_threads(n_threads).build();
    let pool = pool.map_err(|e| Failure::Setup { what: "worker threads", source: io::Error::other(e) })?;

    let elements: Vec<Complex64> = array.elements.iter().map(|&[re, im]| Complex64::new(re, im)).collect();
    let engine = CpuEngine::new();
    let context = Context { engine: &engine, stop: stop.flag() };
    let result = pool.install(|| match array.shape {
        Shape::Vector => prepare_state(context, &elements, &settings),
        Shape::Matrix { rows, cols } => {
            synthesize_unitary(context, &Matrix::from_rows(rows, cols, &elements), &settings)
        }
    });
    let synthesized = result.map_err(|e| refused(&e))?;
    let circuit = synthesized.circuit.to_circuit();
    output.write(|mut out| bqc_qasm::write(&circuit, &mut out))?;
    let was_stopped = stop.flag().load(std::sync::atomic::Ordering::Relaxed);
    if !args.quiet {
        if was_stopped {
            say("stopped early: this is the best circuit so far");
        }
        say(&summary(&synthesized, &circuit, start));
    }
    Ok(if stop.was_interrupted() { Exit::Interrupted } else { Exit::Complete })
}

fn settings(args: &SynthesizeArgs, precision: Precision) -> SynthesisSettings {
    let defaults = SynthesisSettings::default();
    let input_tolerance = match precision {
        Precision::Single => SINGLE_PRECISION_TOLERANCE,
        Precision::Double => defaults.input_tolerance,
    };
    SynthesisSettings { seed: args.seed, input_tolerance, n_rounds: args.rounds, ..defaults }
}

fn summary(synthesized: &Synthesized, circuit: &Circuit, start: Instant) -> String {
    let stats = Stats::of(circuit);
    format!(
        "{} qubits, two-qubit gates {}, one-qubit gates {}, depth {}\n\
         phase distance {:.1e}, measured from the written-out angles\n{:.2} s",
        circuit.n_qubits(),
        stats.n_two_qubit,
        stats.n_one_qubit,
        stats.depth,
        synthesized.distance,
        start.elapsed().as_secs_f64(),
    )
}
