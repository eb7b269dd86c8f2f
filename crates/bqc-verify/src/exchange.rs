//! Exchanges of two wires that are taken out of a circuit: what follows one stands on the other wires instead.
//!
//! Three CX that alternate their directions, with nothing else on their two wires between them, are an exchange exactly
//! (`CX(a, b) CX(b, a) CX(a, b) = SWAP`; no angle is involved, so the bound stays). Whatever comes after an exchange may
//! do its work on exchanged wires, gates and directives alike, if at the end the qubits are looked for there. Each
//! exchange is checked here, and the permutation of the outputs follows from those that were
//! checked alone.

use bqc_circuit::{Item, Lowered, LoweredGate, Operation, Qubit, Sequence, Step, TwoQubitGate, Wire};
use std::collections::HashMap;

/// What was named is no exchange of two wires: a fault of bqc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the steps {steps:?} are not three CX that exchange two wires with nothing between them")]
pub struct ExchangeError {
    /// The steps that were named.
    pub steps: [u32; 3],
}

/// The circuit without the exchanges at these steps, and the wire on which it ends what ended on each wire before.
/// Linear in the steps.
pub(crate) fn without(circuit: &Lowered, exchanges: &[[u32; 3]]) -> Result<(Lowered, Vec<Qubit>), ExchangeError> {
    let mut of_step = HashMap::with_capacity(3 * exchanges.len());
    for exchange in exchanges {
        if exchange.iter().any(|step| of_step.insert(*step, exchange).is_some()) {
            return Err(ExchangeError { steps: *exchange });
        }
    }
    let mut sweep = Sweep {
        at: (0..circuit.n_qubits()).map(Qubit::at).collect(),
        begun: HashMap::new(),
        steps: Vec::with_capacity(circuit.steps.len()),
        walls: circuit.frame().circuit().operations.clone(),
    };
    for (step, item) in circuit.steps.iter().enumerate() {
        match (item, of_step.get(&(step as u32))) {
            (Step::Gate(gate), Some(exchange)) => sweep.take(gate, step as u32, exchange)?,
            (Step::Wall(_), Some(exchange)) => return Err(ExchangeError { steps: **exchange }),
            (_, None) => sweep.keep(circuit, item)?,
        }
    }
    let is_whole = exchanges.iter().all(|[.., last]| (*last as usize) < circuit.steps.len()) && sweep.begun.is_empty();
    match exchanges.first() {
        Some(first) if !is_whole => Err(ExchangeError { steps: *first }),
        _ => Ok((circuit.with_walls(sweep.walls, sweep.steps), sweep.at)),
    }
}

/// An exchange of which some CX have come.
#[derive(Clone, Copy)]
struct Begun {
    /// Control and target of its first CX.
    wires: [Qubit; 2],
    steps: [u32; 3],
    n_come: usize,
}

struct Sweep {
    /// By wire of the circuit: the wire on which what follows on it stands.
    at: Vec<Qubit>,
    /// By wire: the exchange that is under way there.
    begun: HashMap<Qubit, Begun>,
    steps: Vec<Step>,
    walls: Vec<Operation>,
}

impl Sweep {
    /// Takes the gate at a step that is part of an exchange.
    fn take(&mut self, gate: &LoweredGate<Qubit>, step: u32, exchange: &[u32; 3]) -> Result<(), ExchangeError> {
        let error = ExchangeError { steps: *exchange };
        let LoweredGate::Two { gate: TwoQubitGate::Cx, wires, .. } = *gate else { return Err(error) };
        let [a, b] = wires.map(|wire| self.begun.get(&wire).copied());
        let begun = match (a, b) {
            (None, None) => Begun { wires, steps: *exchange, n_come: 0 },
            (Some(a), Some(b)) if a.steps == *exchange && b.steps == *exchange => a,
            _ => return Err(error),
        };
        let expected = if begun.n_come == 1 { [begun.wires[1], begun.wires[0]] } else { begun.wires };
        if wires != expected || exchange[begun.n_come] != step || wires[0] == wires[1] {
            return Err(error);
        }
        if begun.n_come == 2 {
            wires.iter().for_each(|wire| _ = self.begun.remove(wire));
            self.at.swap(wires[0].index(), wires[1].index());
        } else {
            wires.iter().for_each(|wire| _ = self.begun.insert(*wire, Begun { n_come: begun.n_come + 1, ..begun }));
        }
        Ok(())
    }

    /// Keeps a step, on the wires where it stands now.
    fn keep(&mut self, circuit: &Lowered, item: &Step) -> Result<(), ExchangeError> {
        let between = |wire: &Qubit| self.begun.get(wire).map(|begun| ExchangeError { steps: begun.steps });
        match item {
            Item::Gate(gate) => {
                gate.wires().iter().find_map(between).map_or(Ok(()), Err)?;
                self.steps.push(Step::Gate(gate.map(|wire| self.at[wire.index()])));
            }
            Item::Wall(number) => {
                circuit.wall_wires(*number).iter().find_map(between).map_or(Ok(()), Err)?;
                let wall = &mut self.walls[*number as usize];
                *wall = wall.map_qubits(&|wire| self.at[wire.index()]);
                self.steps.push(*item);
            }
        }
        Ok(())
    }
}
