//! Comparison of a circuit with one that leaves its qubits on other wires.
//!
//! A qubit that is measured at the end is found by its classical bit, which stays the same on any wire. Others are
//! where the caller says, and on their own wire if the caller says nothing; so a qubit that was moved and is not
//! named makes a difference. The second circuit is compared with its qubits put back by SWAP gates.

use crate::circuit::measured_at_the_end;
use crate::compare::{CompareOptions, Comparison, Incomparable, compare_circuits};
use bqc_circuit::{Circuit, Clbit, GateCall, GateId, Operation, OutputPermutation, Qubit, Wire};
use std::collections::HashMap;

/// Compares `a` with what `b` is after its qubits are put back, as [`compare_circuits`] does.
///
/// `moved`: qubits of `a` that are on another wire at the end of `b`, each with that wire. Qubits that both circuits
/// measure at their end into the same bit need not be named.
pub fn compare_permuted(
    a: &Circuit,
    b: &Circuit,
    moved: &[[Qubit; 2]],
    options: &CompareOptions,
) -> Result<Comparison, Incomparable> {
    if a.n_qubits() != b.n_qubits() {
        return compare_circuits(a, b, options);
    }
    let permutation = match permutation(a, b, moved) {
        // Bits that circuits without a permutation measure elsewhere are a difference of measurements.
        Err(_) if moved.is_empty() => return compare_circuits(a, b, options),
        found => found?,
    };
    match permutation.is_identity() {
        true => compare_circuits(a, b, options),
        false => compare_circuits(a, &put_back(b, a, &permutation), options),
    }
}

/// Where the qubits of `a` are at the end of `b`.
fn permutation(a: &Circuit, b: &Circuit, moved: &[[Qubit; 2]]) -> Result<OutputPermutation, Incomparable> {
    let measured = measured_at_the_end(b).into_iter().enumerate();
    let of_bit: HashMap<Clbit, Qubit> =
        measured.filter_map(|(wire, bit)| bit.map(|bit| (bit, Qubit::at(wire)))).collect();
    let mut wires: Vec<Option<Qubit>> =
        measured_at_the_end(a).iter().map(|bit| bit.and_then(|bit| of_bit.get(&bit).copied())).collect();
    for &[qubit, wire] in moved {
        let error = Incomparable::NoPermutation { wire: wire.index() };
        let place = wires.get_mut(qubit.index()).ok_or(error.clone())?;
        if place.replace(wire).is_some_and(|other| other != wire) {
            return Err(error);
        }
    }
    let wires: Vec<Qubit> = wires.iter().enumerate().map(|(qubit, wire)| wire.unwrap_or(Qubit::at(qubit))).collect();
    OutputPermutation::new(wires.clone()).ok_or_else(|| Incomparable::NoPermutation { wire: repeated(&wires) })
}

/// The first wire that stands in the list twice or does not exist.
fn repeated(wires: &[Qubit]) -> usize {
    let mut is_taken = vec![false; wires.len()];
    let mut is_new = |wire: &Qubit| is_taken.get_mut(wire.index()).is_some_and(|taken| !std::mem::replace(taken, true));
    wires.iter().find(|wire| !is_new(wire)).map_or(0, |wire| wire.index())
}

/// The circuit with its qubits back on their wires, and then the measurements that end a qubit in `original` as well.
/// Barriers, which are not compared, stay where they are.
fn put_back(circuit: &Circuit, original: &Circuit, permutation: &OutputPermutation) -> Circuit {
    let (ends, of_original) = (circuit.final_measurements(), measured_at_the_end(original));
    let mut is_last = vec![false; circuit.operations.len()];
    for (qubit, bit) in of_original.iter().enumerate() {
        if let Some((place, found)) = ends[permutation.wire_of(Qubit::at(qubit)).index()]
            && *bit == Some(found)
        {
            is_last[place] = true;
        }
    }
    let mut whole = circuit.empty_like();
    let (last, others): (Vec<_>, Vec<_>) = circuit.operations.iter().zip(&is_last).partition(|(_, is_last)| **is_last);
    whole.operations.extend(others.into_iter().map(|(operation, _)| operation.clone()));
    let swap = GateId::from_name("swap").expect("the gate table has SWAP");
    whole.operations.extend(permutation.undoing().iter().map(|wires| Operation::Gate(GateCall::new(swap, &[], wires))));
    let mut qubit_on: Vec<Qubit> = (0..circuit.n_qubits()).map(Qubit::at).collect();
    permutation.moved().for_each(|[qubit, wire]| qubit_on[wire.index()] = qubit);
    whole
        .operations
        .extend(last.into_iter().map(|(operation, _)| operation.map_qubits(&|wire| qubit_on[wire.index()])));
    whole
}

#[cfg(test)]
mod tests;
