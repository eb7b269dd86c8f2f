//! Whole circuits by Pauli forms, and by path sums where these do not do, at any number of wires.
//!
//! Both circuits are cut at their directives in the same way. A directive's level is one above that of everything
//! before it on its wires and bits, a gate's is the highest of its wires: so all gates of level 0 come first, then the
//! directives of level 1, the gates of level 1, and so on, which changes no order on any wire. If the directives have
//! the same levels in both circuits, and the gates of each level are the same unitary, the circuits are the same;
//! distances of levels add up. (Gates that a rewriting has moved to another level are not followed there: then nothing
//! is said.)
//!
//! Gates are lowered; each kind is measured against its matrix first, and what rounding makes of a gate there is not
//! counted, as for the input of a compile.

use super::{Method, Reading};
use crate::circuit::measure_lowering;
use crate::pathsum::{self, Effort};
use crate::pauli;
use bqc_circuit::gates::lowered;
use bqc_circuit::{LoweredGate, Operation, Qubit};
use std::collections::BTreeMap;

/// A level whose bound is at most this needs no second look: it is far below what circuits are compared for.
const ENOUGH: f64 = 1e-12;

/// A circuit in levels.
#[derive(Default)]
struct Levels {
    /// `[level][gate]`
    gates: Vec<Vec<LoweredGate>>,
    /// The level of each directive, by its name in both circuits.
    directives: BTreeMap<u64, usize>,
}

/// A bound of the distance of two circuits whose directives are the same, if forms or sums cancel, and which of the two
/// it took. The last `n_terminal` measurements of each wire are left out.
pub(super) fn distance_bound(a: &Reading, b: &Reading, n_terminal: &[usize]) -> Option<(f64, Method)> {
    let mut method = Method::Paulis;
    let bound = sum_over_levels(a, b, n_terminal, |a, b| {
        let by_paulis = pauli::distance_bound(a, b, ENOUGH);
        if by_paulis.is_some_and(|bound| bound <= ENOUGH) {
            return by_paulis;
        }
        let by_path_sums = pathsum::distance_bound(a, b, ENOUGH, Effort::THOROUGH);
        if by_path_sums.is_some_and(|bound| by_paulis.is_none_or(|other| bound < other)) {
            method = Method::PathSums;
            return by_path_sums;
        }
        by_paulis
    });
    Some((bound?, method))
}

/// The same by algebra: zero if the circuits are exactly equal.
pub(super) fn exact_bound(a: &Reading, b: &Reading, n_terminal: &[usize]) -> Option<f64> {
    sum_over_levels(a, b, n_terminal, pauli::exact_bound)
}

/// The sum of what `bound` says of each level. None if the directives stand at other levels, or it says nothing of one.
fn sum_over_levels(
    a: &Reading,
    b: &Reading,
    n_terminal: &[usize],
    mut bound: impl FnMut(&[LoweredGate], &[LoweredGate]) -> Option<f64>,
) -> Option<f64> {
    let [a, b] = [Levels::of(a, n_terminal)?, Levels::of(b, n_terminal)?];
    if a.directives != b.directives {
        return None;
    }
    let none: &[LoweredGate] = &[];
    (0..a.gates.len().max(b.gates.len()))
        .map(|level| {
            let [a, b] = [&a, &b].map(|levels| levels.gates.get(level).map_or(none, |gates| gates));
            bound(a, b)
        })
        .sum()
}

impl Levels {
    /// None if a gate does not lower to its matrix, which is a fault of bqc.
    fn of(reading: &Reading, n_terminal: &[usize]) -> Option<Levels> {
        measure_lowering(reading.circuit).ok()?;
        let mut levels = Levels::default();
        let (mut of_wire, mut of_bit) = (vec![0; n_terminal.len()], vec![0; reading.on_clbit.len()]);
        for (operation, key) in reading.operations(n_terminal) {
            let mut level = 0;
            operation.for_each_qubit(|q| level = level.max(of_wire[q.index()]));
            match operation {
                Operation::Gate(call) => {
                    if levels.gates.len() <= level {
                        levels.gates.resize_with(level + 1, Vec::new);
                    }
                    let wires: &[Qubit] = call.qubits();
                    let gates = lowered(call.gate(), call.angles()).gates;
                    levels.gates[level].extend(gates.iter().map(|gate| gate.on(wires)));
                }
                Operation::Directive(_) => {
                    operation.for_each_clbit(reading.circuit, &mut |c| level = level.max(of_bit[c.index()]));
                    level += 1;
                    operation.for_each_clbit(reading.circuit, &mut |c| of_bit[c.index()] = level);
                    levels.directives.insert(key, level);
                }
            }
            operation.for_each_qubit(|q| of_wire[q.index()] = level);
        }
        Some(levels)
    }
}

#[cfg(test)]
mod tests;
