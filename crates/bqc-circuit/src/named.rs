//! Lowered gates under the names of the gate table: `h` and `t` instead of their `u3`.
//!
//! A gate gets a name if what the name lowers to is the gate to the last bit. So nothing is computed here, and whoever
//! lowers a named circuit has the lowered circuit again.

use crate::gates::{GateId, lowered};
use crate::lowered::{Lowered, LoweredGate, Step};
use crate::{BlockGate, BlockQubit, Circuit, GateCall, Operation};

/// The names without angles, in the order in which they are tried.
const NAMES: [&str; 8] = ["h", "s", "sdg", "t", "tdg", "x", "z", "y"];

/// The row of a rotation about Z, which has its angle as `λ`.
const ROTATION: &str = "rz";

/// The names and what they lower to.
struct Names {
    rows: Vec<(GateId, BlockGate)>,
    rotation: GateId,
}

impl Names {
    fn new() -> Names {
        let id = |name: &str| GateId::from_name(name).expect("a name of the gate table");
        let row = |name: &&str| (id(name), lowered(id(name), &[]).gates[0]);
        Names { rows: NAMES.iter().map(row).collect(), rotation: id(ROTATION) }
    }

    fn call(&self, gate: &LoweredGate) -> GateCall {
        let LoweredGate::One { wire, angles } = *gate else { return gate.to_call() };
        let here: BlockGate = LoweredGate::u3(BlockQubit(0), angles);
        if let Some((id, _)) = self.rows.iter().find(|(_, row)| row.is_same(&here)) {
            return GateCall::new(*id, &[], &[wire]);
        }
        // A rotation by exactly zero lowers to nothing, so it has no other name than `u3`.
        match angles {
            [theta, phi, lambda] if lambda != 0.0 && is_plain_zero(theta) && is_plain_zero(phi) => {
                GateCall::new(self.rotation, &[lambda], &[wire])
            }
            _ => gate.to_call(),
        }
    }
}

fn is_plain_zero(angle: f64) -> bool {
    angle.to_bits() == 0
}

impl Lowered {
    /// As a circuit of the gate table, in `h`, `s`, `sdg`, `t`, `tdg`, `x`, `y`, `z`, `rz` and `cx` where these lower to
    /// the very gates, else `u3`.
    pub fn to_named_circuit(&self) -> Circuit {
        let names = Names::new();
        let mut circuit = self.frame().circuit().empty_like();
        circuit.operations.reserve_exact(self.steps.len());
        circuit.operations.extend(self.steps.iter().map(|step| match step {
            Step::Gate(gate) => Operation::Gate(names.call(gate)),
            Step::Wall(number) => self.frame().wall(*number).clone(),
        }));
        circuit
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Qubit;
    use std::f64::consts::{FRAC_PI_4, PI};

    #[test]
    fn named_gates_lower_to_what_they_were() {
        let mut circuit = Circuit::with_qubits(2);
        for name in NAMES {
            circuit.push(GateCall::new(GateId::from_name(name).unwrap(), &[], &[Qubit(1)]));
        }
        circuit.push(GateCall::new(GateId::from_name("rz").unwrap(), &[PI / 8.0], &[Qubit(0)]));
        circuit.push(GateCall::cx(Qubit(0), Qubit(1)));
        let others = [[0.3, 0.2, 0.1], [0.0, -0.0, 0.3], [0.0; 3], [-0.0, 0.0, FRAC_PI_4]];
        others.into_iter().for_each(|angles| circuit.push(GateCall::u3(angles, Qubit(0))));
        let lowered = Lowered::of(&circuit);
        let named = lowered.to_named_circuit();
        assert_eq!(named, circuit);
        let same = |(a, b): (&Step, &Step)| matches!((a, b), (Step::Gate(a), Step::Gate(b)) if a.is_same(b));
        assert!(Lowered::of(&named).steps.iter().zip(&lowered.steps).all(same));
    }
}
