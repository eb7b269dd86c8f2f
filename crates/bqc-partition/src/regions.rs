//! Circuit → regions: the widest pieces without a directive inside, for passes that see all wires at once.

use crate::{Partition, Piece, block};
use bqc_circuit::{Item, Sequence, Wire as _};

/// Cuts a circuit into regions and walls.
///
/// A region takes gates in program order, on up to 65,535 wires, until one comes that waits for a wall, or until it has
/// `max_cx` two-qubit gates (at least 1). Walls come after the region that is open, so that measurements at the end of
/// a circuit, or of wires that are done with, cut nothing. Linear in the number of steps.
///
/// * `shift`: the first region ends after so many two-qubit gates instead, if that is less and not zero. Another shift
///   moves what lay at a border to the inside.
/// * Panics on more than `u32::MAX` steps.
pub fn regions<S: Sequence>(circuit: &S, max_cx: usize, shift: usize) -> Partition<S::Wire> {
    let n_wires = circuit.n_wires();
    let mut sweep =
        Sweep { circuit, local: vec![0; n_wires], pieces: Vec::new(), steps: Vec::new(), walls: Vec::new() };
    let (mut n_cx, mut is_blocked, mut is_inside, mut width) = (0, vec![false; n_wires], vec![false; n_wires], 0);
    let mut room = if shift == 0 { max_cx } else { shift.min(max_cx) };
    for step in 0..circuit.len() {
        let index = u32::try_from(step).expect("steps are numbered by 32 bits");
        match circuit.item(step) {
            Item::Gate(gate) => {
                let waits = gate.wires().iter().any(|wire| is_blocked[wire.index()]);
                let is_full = width + 2 > usize::from(u16::MAX);
                if waits || is_full || (gate.is_two_qubit() && n_cx >= room) {
                    sweep.close();
                    is_blocked.fill(false);
                    is_inside.fill(false);
                    (n_cx, room, width) = (0, max_cx, 0);
                }
                gate.wires()
                    .iter()
                    .for_each(|w| width += usize::from(!std::mem::replace(&mut is_inside[w.index()], true)));
                n_cx += usize::from(gate.is_two_qubit());
                sweep.steps.push(index);
            }
            Item::Wall(number) => {
                circuit.wall_wires(number).into_iter().for_each(|wire| is_blocked[wire.index()] = true);
                sweep.walls.push(index);
            }
        }
    }
    sweep.close();
    Partition { pieces: sweep.pieces }
}

/// A region that is open, and the walls that come after it.
struct Sweep<'a, S: Sequence> {
    circuit: &'a S,
    /// `[wire]`: its number in the region that is closed.
    local: Vec<u16>,
    pieces: Vec<Piece<S::Wire>>,
    steps: Vec<u32>,
    walls: Vec<u32>,
}

impl<S: Sequence> Sweep<'_, S> {
    fn close(&mut self) {
        let steps = std::mem::take(&mut self.steps);
        if !steps.is_empty() {
            let mut wires: Vec<u32> = Vec::new();
            for &step in &steps {
                if let Item::Gate(gate) = self.circuit.item(step as usize) {
                    wires.extend(gate.wires().iter().map(|wire| wire.index() as u32));
                }
            }
            wires.sort_unstable();
            wires.dedup();
            self.pieces.push(Piece::Block(block(self.circuit, &wires, steps, &mut self.local)));
        }
        self.pieces.extend(self.walls.drain(..).map(Piece::Wall));
    }
}
