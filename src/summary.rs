//! The last words of a compile, on stderr.

use bqc_wire::{CheckMethod, Report, Status};
use std::fmt::Write as _;

/// A few lines about what came out of it.
pub fn of(report: &Report) -> String {
    let (input, output) = (&report.input, &report.output);
    let mut text = String::new();
    let mut line = |words: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{words}");
    };
    if let Some(words) = trouble(report) {
        line(words);
    }
    line(format!(
        "{} qubits, two-qubit gates {} → {}{}, one-qubit gates {} → {}, depth {} → {}, two-qubit depth {} → {}",
        input.qubits,
        input.two_qubit_gates,
        output.two_qubit_gates,
        percentage(input.two_qubit_gates, output.two_qubit_gates),
        input.one_qubit_gates,
        output.one_qubit_gates,
        input.depth,
        output.depth,
        input.two_qubit_depth,
        output.two_qubit_depth,
    ));
    if let (Some(pulses), Some(virtual_rz)) = (output.pulses, output.virtual_rz) {
        let set = report.settings.deciding.get("gates").and_then(|set| set.as_str()).unwrap_or_default();
        line(format!(
            "the input is counted in cx and u3, the output in {set}: {pulses} pulses, {virtual_rz} virtual rz"
        ));
    }
    if let (Some(before), Some(after)) = (input.rotations, output.rotations) {
        line(format!("T gates and other rotations that are not Clifford {before} → {after}"));
    }
    if let Some(words) = crate::pairs::words(&report.pairs) {
        line(words);
    }
    let bound = match report.is_exactly_equal {
        Some(true) => "error bound exactly 0, proved by algebra".to_owned(),
        _ => format!("error bound {:.1e}", report.error_bound),
    };
    line(format!("{bound}{}", check(report)));
    if let Some(n_moved) = report.output_permutation.as_ref().map(Vec::len).filter(|n_moved| *n_moved > 0) {
        line(format!("{n_moved} qubits end on other wires, as the comment `output permutation` in the output says"));
    }
    let (blocks, passes) = (report.blocks.total, report.passes);
    line(format!(
        "{blocks} blocks in {passes} passes, engine {}, seed {}, {}",
        report.engine,
        report.seed,
        times(report)
    ));
    text
}

/// What the reader must know first.
fn trouble(report: &Report) -> Option<String> {
    let failed = report.blocks.failed;
    match report.status {
        Status::InternalDifference => {
            let what = report.whole_check.difference.as_deref().unwrap_or("the circuits differ");
            Some(format!("internal error: {what}. The input was written unchanged. Please report this."))
        }
        Status::Interrupted => Some("interrupted: this is the best circuit so far".into()),
        Status::TimeLimit => Some("time limit: this is the best circuit so far".into()),
        Status::Complete if !report.refused.is_empty() => Some(format!(
            "internal error: the verifier refused a pass: {}. The circuit before the pass was kept. Please report this.",
            report.refused[0]
        )),
        Status::Complete if failed > 0 => Some(format!(
            "{failed} blocks kept their gates because of a fault; --report names them. Please report this."
        )),
        Status::Complete => None,
    }
}

fn percentage(before: u64, after: u64) -> String {
    if before == 0 {
        return String::new();
    }
    format!(" ({:+.1} %)", 100.0 * (after as f64 - before as f64) / before as f64)
}

fn check(report: &Report) -> String {
    let Some(distance) = report.whole_check.distance else {
        let skipped = report.whole_check.skipped.as_ref();
        return skipped.map_or(String::new(), |why| format!(", whole circuits not compared: {why}"));
    };
    match report.whole_check.method {
        CheckMethod::Exact => format!(", whole circuits compared exactly: {distance:.1e}"),
        CheckMethod::RandomStates => format!(", whole circuits compared on random states: {distance:.1e}"),
        CheckMethod::RandomBranches => format!(", whole circuits compared on random branches: {distance:.1e}"),
        CheckMethod::Paulis => format!(", whole circuits at most apart by Pauli forms: {distance:.1e}"),
        CheckMethod::Algebra => ", whole circuits proved equal by algebra".into(),
        CheckMethod::PathSums => format!(", whole circuits at most apart by path sums: {distance:.1e}"),
        CheckMethod::None => String::new(),
    }
}

fn times(report: &Report) -> String {
    let cpu = report.cpu_seconds.map_or(String::new(), |s| format!(", {s:.2} s CPU"));
    // Each worker has memory of its own, while the time of all is in the sum.
    let of = if report.workers.is_some_and(|w| w.started > 0) { " without workers" } else { "" };
    let memory = report.peak_rss_bytes.map_or(String::new(), |b| format!(", {} MiB{of}", b >> 20));
    format!("{:.2} s{cpu}{memory}", report.wall_seconds)
}
