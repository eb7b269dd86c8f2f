//! Putting pieces together: the one place where a circuit is made of the pieces that it was cut into.
//!
//! A list of pieces is a legal bracketing if, read one after another, the steps come in an order in which every step
//! has the same predecessor on each of its wires as in the circuit, walls come in their own order, and no step is
//! missing or taken twice: then nothing has changed places with something that it shares a wire with. Each window
//! names the wires of its block, each once, and the steps that it stands for, and its replacement must have been
//! measured against exactly these gates on these wires. So a wire that was swapped, a gate that was dropped, and gates
//! in a wrong order are found here, in time linear in the number of gates, whatever the width.

use crate::block::{Fingerprint, VerifiedBlock};
use bqc_circuit::{BlockGate, BlockQubit, Item, LoweredGate, Sequence, Wire};
use std::collections::HashMap;

/// Some steps of a circuit in their new place.
#[derive(Clone, Copy, Debug)]
pub enum Piece<'a, W> {
    /// Gates that something measured replaces, or that stay.
    Window {
        /// Wire `b` of the block is `wires[b]`.
        wires: &'a [W],
        /// The steps of the circuit that it stands for, in order.
        steps: &'a [u32],
        /// What replaces them; none if they stay.
        replacement: Option<&'a VerifiedBlock>,
    },
    /// The wall at this step.
    Wall(u32),
}

/// The pieces are not the circuit in another bracketing: a fault of bqc.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// A step comes before one that it depends on, or twice.
    #[error("step {step} comes before another on wire {wire} that it depends on, or comes twice")]
    OutOfOrder {
        /// Place in the circuit.
        step: u32,
        /// Index of the wire.
        wire: usize,
    },
    /// A wall comes before an earlier one, or twice.
    #[error("the wall at step {step} comes out of order")]
    WallOutOfOrder {
        /// Place in the circuit.
        step: u32,
    },
    /// A step that the circuit does not have, or a wall in the place of a gate, or the other way round.
    #[error("step {step} is not what the piece says")]
    OtherStep {
        /// Place in the circuit.
        step: u32,
    },
    /// A gate acts on a wire that its window does not name.
    #[error("the gate at step {step} acts on wire {wire}, which its window does not have")]
    ForeignWire {
        /// Place in the circuit.
        step: u32,
        /// Index of the wire.
        wire: usize,
    },
    /// The replacement was measured against other gates.
    #[error("the window at step {step} does not hold the gates that its replacement was measured against")]
    OtherOriginal {
        /// Place in the circuit of the window's first gate.
        step: u32,
    },
    /// Steps are missing.
    #[error("{n_missing} steps of the circuit are in no piece")]
    Missing {
        /// How many.
        n_missing: usize,
    },
}

/// The order of a circuit's steps on its wires, and how far pieces have been taken.
struct Fronts<'a, S: Sequence> {
    circuit: &'a S,
    /// `[step][wire of the step]`: how many steps come before on that wire. Two for a gate; those of a wall are in
    /// `walls`.
    ranks: Vec<[u32; 2]>,
    /// `[wall]`: its wires and its rank on each.
    walls: Vec<Vec<(usize, u32)>>,
    /// `[wire]`: steps taken.
    n_taken: Vec<u32>,
    n_walls_taken: usize,
    /// Steps taken altogether.
    n_steps_taken: usize,
}

impl<'a, S: Sequence> Fronts<'a, S> {
    fn new(circuit: &'a S) -> Fronts<'a, S> {
        let mut length = vec![0u32; circuit.n_wires()];
        let mut next = |wire: usize| {
            length[wire] += 1;
            length[wire] - 1
        };
        let (mut ranks, mut walls) = (Vec::with_capacity(circuit.len()), Vec::new());
        for index in 0..circuit.len() {
            let mut rank = [0; 2];
            match circuit.item(index) {
                Item::Gate(gate) => {
                    gate.wires().iter().zip(&mut rank).for_each(|(wire, rank)| *rank = next(wire.index()));
                }
                Item::Wall(number) => {
                    let wires = circuit.wall_wires(number);
                    // The place in `walls` stands where a gate has its rank.
                    rank[0] = walls.len() as u32;
                    walls.push(wires.into_iter().map(|wire| (wire.index(), next(wire.index()))).collect());
                }
            }
            ranks.push(rank);
        }
        let n_taken = vec![0; length.len()];
        Fronts { circuit, ranks, walls, n_taken, n_walls_taken: 0, n_steps_taken: 0 }
    }

    fn advance(&mut self, step: u32, wire: usize, rank: u32) -> Result<(), JoinError> {
        if self.n_taken[wire] != rank {
            return Err(JoinError::OutOfOrder { step, wire });
        }
        self.n_taken[wire] += 1;
        Ok(())
    }

    fn item(&self, step: u32) -> Result<Item<S::Wire>, JoinError> {
        if step as usize >= self.circuit.len() {
            return Err(JoinError::OtherStep { step });
        }
        Ok(self.circuit.item(step as usize))
    }

    /// Takes the gate at a step.
    fn take_gate(&mut self, step: u32) -> Result<LoweredGate<S::Wire>, JoinError> {
        let Item::Gate(gate) = self.item(step)? else { return Err(JoinError::OtherStep { step }) };
        let ranks = self.ranks[step as usize];
        for (wire, rank) in gate.wires().iter().zip(ranks) {
            self.advance(step, wire.index(), rank)?;
        }
        self.n_steps_taken += 1;
        Ok(gate)
    }

    /// Takes the wall at a step.
    fn take_wall(&mut self, step: u32) -> Result<u32, JoinError> {
        let Item::Wall(number) = self.item(step)? else { return Err(JoinError::OtherStep { step }) };
        let nth = self.ranks[step as usize][0] as usize;
        if nth != self.n_walls_taken {
            return Err(JoinError::WallOutOfOrder { step });
        }
        self.n_walls_taken += 1;
        for (wire, rank) in std::mem::take(&mut self.walls[nth]) {
            self.advance(step, wire, rank)?;
        }
        self.n_steps_taken += 1;
        Ok(number)
    }

    /// Takes a window's gates; gives what they are now, and the distance of that.
    fn take_window(
        &mut self,
        wires: &[S::Wire],
        steps: &[u32],
        replacement: Option<&VerifiedBlock>,
        out: &mut Vec<Item<S::Wire>>,
    ) -> Result<f64, JoinError> {
        let first = out.len();
        for &step in steps {
            out.push(Item::Gate(self.take_gate(step)?));
        }
        let Some(verified) = replacement else { return Ok(0.0) };
        let other = JoinError::OtherOriginal { step: steps.first().copied().unwrap_or_default() };
        let Some(places) = Places::of(wires) else { return Err(other) };
        let mut local = Vec::with_capacity(steps.len());
        for (item, &step) in out.drain(first..).zip(steps) {
            let Item::Gate(gate) = item else { continue };
            local.push(places.local(&gate, step)?);
        }
        let width = verified.circuit().width();
        if usize::from(width) != wires.len() || Fingerprint::of_gates(width, local.into_iter()) != verified.original() {
            return Err(other);
        }
        out.extend(verified.circuit().on(wires).map(Item::Gate));
        Ok(verified.distance())
    }
}

/// Up to so many wires, looking along them is faster than a table.
const FEW_WIRES: usize = 16;

/// Which wire of a window a wire of the circuit is.
pub(crate) struct Places<'a, W> {
    wires: &'a [W],
    /// For windows of more than [`FEW_WIRES`].
    table: HashMap<W, usize>,
}

impl<'a, W: Wire> Places<'a, W> {
    /// None if a wire is named twice: a gate of the block on both would be none on the circuit.
    pub(crate) fn of(wires: &'a [W]) -> Option<Places<'a, W>> {
        let mut table = HashMap::new();
        let is_few = wires.len() <= FEW_WIRES;
        let is_new = |(at, wire): (usize, &W)| match is_few {
            true => !wires[..at].contains(wire),
            false => table.insert(*wire, at).is_none(),
        };
        wires.iter().enumerate().all(is_new).then_some(Places { wires, table })
    }

    fn get(&self, wire: &W) -> Option<usize> {
        match self.wires.len() <= FEW_WIRES {
            true => self.wires.iter().position(|w| w == wire),
            false => self.table.get(wire).copied(),
        }
    }

    /// The gate at a step, on the wires of the window.
    pub(crate) fn local(&self, gate: &LoweredGate<W>, step: u32) -> Result<BlockGate, JoinError> {
        let place = |wire: &W| self.get(wire).filter(|place| u16::try_from(*place).is_ok());
        if let Some(foreign) = gate.wires().iter().find(|wire| place(wire).is_none()) {
            return Err(JoinError::ForeignWire { step, wire: foreign.index() });
        }
        Ok(gate.map(|wire| BlockQubit::at(place(&wire).unwrap_or_default())))
    }
}

/// Steps, and how far they may be from those before.
pub(crate) type Joined<W> = (Vec<Item<W>>, f64);

/// The circuit that the pieces make, and the sum of their distances in the order of the pieces.
pub(crate) fn join<'a, S: Sequence>(
    circuit: &S,
    pieces: impl IntoIterator<Item = Piece<'a, S::Wire>>,
) -> Result<Joined<S::Wire>, JoinError> {
    let mut fronts = Fronts::new(circuit);
    let (mut items, mut distance) = (Vec::with_capacity(circuit.len()), 0.0);
    for piece in pieces {
        match piece {
            Piece::Window { wires, steps, replacement } => {
                distance += fronts.take_window(wires, steps, replacement, &mut items)?;
            }
            Piece::Wall(step) => items.push(Item::Wall(fronts.take_wall(step)?)),
        }
    }
    match circuit.len() - fronts.n_steps_taken {
        0 => Ok((items, distance)),
        n_missing => Err(JoinError::Missing { n_missing }),
    }
}

#[cfg(test)]
mod tests;
