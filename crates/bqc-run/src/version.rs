//! A lowered circuit as it travels from step to step: with the bound that holds for it and with its figures.

use bqc_circuit::{Circuit, Stats};
use bqc_optimize::{Figures, merge_circuit};

/// One circuit that a run has made.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// Lowered.
    pub circuit: Circuit,
    /// Largest possible phase distance of the circuit from the input.
    pub bound: f64,
    pub figures: Figures,
}

impl Version {
    /// A circuit and its bound.
    pub fn new(circuit: Circuit, bound: f64) -> Version {
        Version { figures: Figures::of_stats(&Stats::of(&circuit)), circuit, bound }
    }

    /// A circuit and its bound, after one-qubit gates are joined where they meet and equal CX cancel: blocks do
    /// so only inside. What that rounds is added to the bound.
    pub fn merged(circuit: &Circuit, bound: f64) -> Version {
        let merged = merge_circuit(circuit);
        Version::new(merged.circuit, bound + merged.bound)
    }
}
