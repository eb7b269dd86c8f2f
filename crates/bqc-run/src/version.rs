//! A circuit as it travels from step to step: verified, and with its figures.

use bqc_circuit::{LoweredGate, Move, Stats, Wire};
use bqc_optimize::{Figures, Sabotage, simplify};
use bqc_verify::{Fault, MoveError, Rewriting, VerifiedCircuit};

/// One circuit that a run has made.
#[derive(Clone, Debug)]
pub(crate) struct Version {
    /// With the bound of its distance from the input.
    pub circuit: VerifiedCircuit,
    pub figures: Figures,
}

impl Version {
    /// A circuit as it is.
    pub fn new(circuit: VerifiedCircuit) -> Version {
        Version { figures: Figures::of_stats(&Stats::of_lowered(circuit.circuit())), circuit }
    }

    /// A circuit after one-qubit gates are joined where they meet and equal CX cancel: blocks do so only inside. If
    /// the verifier refuses that, the circuit as it is.
    pub fn merged(circuit: VerifiedCircuit, sabotage: Option<Sabotage>, faults: &mut Vec<Fault>) -> Version {
        let pass = |rewriting: &mut Rewriting<_>| {
            simplify(rewriting)?;
            if sabotage == Some(Sabotage::DropGate) { drop_a_gate(rewriting) } else { Ok(()) }
        };
        match circuit.rewrite(pass) {
            Ok(merged) => Version::new(merged),
            Err(fault) => {
                faults.push(fault.into());
                Version::new(circuit)
            }
        }
    }

    /// Largest possible phase distance from the input.
    pub fn bound(&self) -> f64 {
        self.circuit.bound()
    }
}

/// Tries to drop the first one-qubit gate that is left: no identity is.
fn drop_a_gate<W: Wire>(rewriting: &mut Rewriting<W>) -> Result<(), MoveError> {
    let is_one = |place: &usize| matches!(rewriting.gate(*place), Some(LoweredGate::One { .. }));
    match (0..rewriting.n_places()).find(is_one) {
        Some(place) => rewriting.apply(Move::Drop { place: place as u32 }),
        None => Ok(()),
    }
}
