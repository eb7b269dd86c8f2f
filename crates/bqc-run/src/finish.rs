//! The end of a run: its result against its input, as a whole.
//!
//! The bound is known by then, and what is compared here is all of it once more. Where that takes too long, or was ended,
//! the bound stands.

use crate::compile::{Compiled, Run};
use crate::kept::{self, keeps_angles};
use crate::observer::Event;
use crate::strategy::Why;
use crate::version::Version;
use bqc_circuit::Circuit;
use bqc_verify::{CompareOptions, Comparison, Output, compare_permuted};
use std::sync::atomic::{AtomicBool, Ordering};

/// What rounding may add to a measured distance: a million gates, each of 1e-16 and in random
/// directions, come to 1e-13; ten times that.
const CHECK_ROUNDING: f64 = 1e-12;

impl Run<'_> {
    /// Compares the result with the input, and gives the input back if they differ.
    pub(crate) fn finish(mut self, input: &Circuit, best: Version, why: Why, stop: &AtomicBool) -> Compiled {
        let native = if self.settings.gates.is_default() { None } else { self.native(input, &best) };
        let options = CompareOptions { stop, ..self.settings.check_options() };
        if options.max_updates > 0.0 && !stop.load(Ordering::Relaxed) {
            self.around.observer.event(Event::Checking { n_qubits: input.n_qubits() });
        }
        let (is_exact, figures) = (keeps_angles(self.settings), best.figures);
        let output = match native {
            Some(native) => native,
            None if is_exact => Output::named(best.circuit),
            None => Output::of(best.circuit),
        };
        let bound = output.bound() + if is_exact { kept::rounding_of_doubles(input, &figures) } else { 0.0 };
        // With what the reader of the output is told of its wires, and no more.
        let comparison = compare_permuted(input, output.circuit(), &output.moved(), &options);
        let difference = match &comparison {
            Ok(comparison) => contradiction(comparison, bound),
            Err(incomparable) => incomparable.is_difference().then(|| incomparable.to_string()),
        };
        let difference = difference.or_else(|| is_exact.then(|| kept::more_rotations(input, &figures)).flatten());
        let output = if difference.is_some() { Output::input(input) } else { output };
        let Run { totals, records, n_passes, faults, .. } = self;
        let was_stopped = why == Why::Stopped;
        Compiled { output, totals, records, n_passes, was_stopped, comparison, difference, faults }
    }
}

/// The measured distance may exceed the bound by rounding only. NaN is a contradiction too.
fn contradiction(comparison: &Comparison, error_bound: f64) -> Option<String> {
    let (found, method) = (comparison.distance, comparison.method);
    let agrees = found <= error_bound + CHECK_ROUNDING;
    (!agrees).then(|| format!("the result is at distance {found:.3e} ({method}), the bound is {error_bound:.3e}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::Settings;
    use crate::round::Around;
    use crate::{InProcess, Unobserved};
    use bqc_circuit::{GateCall, Qubit};
    use bqc_instantiate::{CpuEngine, Engine};
    use bqc_verify::{Incomparable, VerifiedCircuit};

    /// Ends a run on `input` as if it had made `best` of it.
    fn finished(input: &Circuit, best: &Circuit) -> Compiled {
        finished_unless(false, input, best)
    }

    /// The same, with the comparison ended before it begins.
    fn finished_unless(is_ended: bool, input: &Circuit, best: &Circuit) -> Compiled {
        let settings = Settings { max_check_updates: 1e9, ..Settings::default() };
        let (engine, stop) = (CpuEngine::new(), AtomicBool::new(false));
        let around = Around { workshop: &InProcess(&engine), stop: &stop, observer: &Unobserved };
        let run = Run::new(&settings, engine.family(), around);
        let best = Version::new(VerifiedCircuit::lower(best, false).unwrap());
        run.finish(input, best, Why::LittleGain, &AtomicBool::new(is_ended))
    }

    fn rotated(angle: f64) -> Circuit {
        let mut circuit = Circuit::with_qubits(2);
        circuit.push(GateCall::cx(Qubit(0), Qubit(1)));
        circuit.push(GateCall::u3([angle, 0.0, 0.0], Qubit(1)));
        circuit
    }

    #[test]
    fn a_wrong_result_is_an_internal_error_and_gives_the_input_back() {
        for wrong in [rotated(0.3 + 1e-9), rotated(f64::NAN), Circuit::with_qubits(2), Circuit::with_qubits(3)] {
            let compiled = finished(&rotated(0.3), &wrong);
            assert!(compiled.difference.is_some());
            assert_eq!((compiled.circuit(), compiled.error_bound()), (&rotated(0.3), 0.0));
        }
    }

    #[test]
    fn a_difference_of_rounding_is_none() {
        let compiled = finished(&rotated(0.3), &rotated(0.3 + 1e-13));
        assert_eq!((&compiled.difference, compiled.circuit()), (&None, &rotated(0.3 + 1e-13)));
        assert!(compiled.comparison.is_ok_and(|c| c.distance > 1e-14));
    }

    #[test]
    fn a_circuit_too_wide_to_compare_is_none_either() {
        let wide = |n: u32| {
            let mut circuit = Circuit::with_qubits(n);
            (1..n).for_each(|q| circuit.push(GateCall::cx(Qubit(0), Qubit(q))));
            circuit
        };
        let compiled = finished(&wide(30), &wide(30));
        assert_eq!((compiled.difference, compiled.comparison.is_ok()), (None, false));
    }

    #[test]
    fn a_comparison_that_is_ended_leaves_the_result_and_its_bound() {
        let compiled = finished_unless(true, &rotated(0.3), &rotated(0.4));
        assert_eq!((compiled.difference, compiled.comparison), (None, Err(Incomparable::Stopped)));
        assert_eq!(compiled.output.circuit(), &rotated(0.4));
    }
}
