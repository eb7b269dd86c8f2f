//! How much of a run the comparison of whole circuits may take.
//!
//! The error bound rests on what every change was measured at, and not on this comparison, which would find a mistake in
//! how changes are put together. So it gets a share of a time limit, and less than that where time ran out before.

use crate::stop::Deadline;
use bqc_circuit::Circuit;
use bqc_compiler::MAX_CHECK_UPDATES;
use bqc_verify::CompareOptions;
use clap::ValueEnum;
use std::time::{Duration, Instant};

/// How thoroughly whole circuits are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckArg {
    /// Not at all
    None,
    /// For some hundredths of a second
    Quick,
    /// For some seconds at most, and for at most 3 % of --time-limit
    #[default]
    Full,
}

/// The part of a time limit that is kept free for the comparison. It may take half of that on a machine that has
/// nothing else to do.
const SHARE: f64 = 0.03;

/// How long it may go on beyond a limit if it is not through by then.
const GRACE: Duration = Duration::from_millis(200);

/// Amplitude updates that a core does in a second, at least.
const UPDATES_A_SECOND: f64 = 5e8;

/// Most amplitude updates of a quick comparison.
const QUICK_UPDATES: f64 = 5e7;

/// The comparison of a run.
pub struct Check {
    /// Most amplitude updates that it may take.
    pub max_updates: f64,
    updates_a_second: f64,
}

impl Check {
    /// A comparison on so many cores within this limit of the whole run.
    pub fn new(check: CheckArg, limit: Option<Duration>, n_cores: usize) -> Check {
        let updates_a_second = UPDATES_A_SECOND * n_cores as f64;
        let most = match check {
            CheckArg::None => 0.0,
            CheckArg::Quick => QUICK_UPDATES,
            CheckArg::Full => MAX_CHECK_UPDATES,
        };
        let within = limit.map_or(f64::INFINITY, |limit| SHARE / 2.0 * limit.as_secs_f64() * updates_a_second);
        Check { max_updates: most.min(within), updates_a_second }
    }

    /// When a run that has until `end` has to end its search, and when the comparison of `input` with what was found.
    pub fn deadline(&self, end: Instant, input: &Circuit) -> Deadline {
        let options = CompareOptions { max_updates: self.max_updates, ..CompareOptions::default() };
        let updates = options.updates(n_used(input), input.operations.len());
        let reserve = Duration::from_secs_f64(2.0 * updates / self.updates_a_second);
        Deadline { search: end.checked_sub(reserve).unwrap_or(end), end: end.checked_add(GRACE).unwrap_or(end) }
    }
}

/// Wires that anything acts on.
fn n_used(circuit: &Circuit) -> usize {
    let mut is_used = vec![false; circuit.n_qubits()];
    circuit.operations.iter().for_each(|operation| operation.for_each_qubit(|wire| is_used[wire.index()] = true));
    is_used.into_iter().filter(|used| *used).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bqc_circuit::{GateCall, Qubit};

    #[test]
    fn a_limit_bounds_the_comparison_and_what_is_kept_free_for_it() {
        let limit = |seconds| Some(Duration::from_secs(seconds));
        let check = |check, limit| Check::new(check, limit, 2);
        assert_eq!(check(CheckArg::Full, None).max_updates, MAX_CHECK_UPDATES);
        assert_eq!(check(CheckArg::None, limit(10)).max_updates, 0.0);
        assert_eq!(check(CheckArg::Quick, limit(10)).max_updates, QUICK_UPDATES);
        let full = check(CheckArg::Full, limit(10));
        assert!((full.max_updates - 1.5e8).abs() < 1.0);
        let mut circuit = Circuit::with_qubits(40);
        (1..20).for_each(|wire| circuit.push(GateCall::cx(Qubit(0), Qubit(wire))));
        let end = Instant::now() + Duration::from_secs(10);
        let free = |check: &Check| {
            let Deadline { search, end: last } = check.deadline(end, &circuit);
            assert_eq!(last, end + GRACE);
            end.duration_since(search).as_secs_f64()
        };
        // Three states of 20 wires through 19 gates twice; none where not even one may be had.
        let three = 3.0 * 38.0 * f64::from(1 << 20) / UPDATES_A_SECOND;
        assert!((free(&full) - three).abs() < 1e-6, "{}", free(&full));
        assert_eq!(free(&check(CheckArg::Full, limit(1))), 0.0);
    }
}
