//! Light passes: exact rewritings of whole circuits in time linear in their gates.
//!
//! TABLE

mod angle;
mod cancel;
mod clifford;
mod euler;
mod fold;
mod operators;
mod places;
mod runs;
mod tape;
mod write;

use bqc_circuit::BlockCircuit;
use tape::Tape;

/// The circuit after all light passes, or the circuit itself where they gain nothing.
///
/// * The same unitary up to global phase and the rounding of angles.
/// * Never more two-qubit gates, and with as many never more one-qubit gates.
/// * A circuit that is not well formed or has an angle that is not finite is returned as it is.
pub fn light(circuit: &BlockCircuit) -> BlockCircuit {
    let Some(tape) = Tape::of(circuit) else { return circuit.clone() };
    let mut tape = tape;
    loop {
        let next = runs::shorten_runs(&fold::fold(&tape));
        if next.size() >= tape.size() {
            break;
        }
        tape = next;
    }
    let written = write::write(&tape);
    if cost(&written) < cost(circuit) { written } else { circuit.clone() }
}

/// What light passes make smaller: two-qubit gates, then one-qubit gates.
fn cost(circuit: &BlockCircuit) -> (usize, usize) {
    (circuit.n_cx(), circuit.n_one_qubit())
}

#[cfg(test)]
mod tests;
