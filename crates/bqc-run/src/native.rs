//! The last step of a run whose result is to be in the gates of a machine (`--gates`; bqc-native).
//!
//! The search works on CX and U3. What it has found, and beside it the circuit before the search and the input, which may
//! have gates of the set that the search has taken apart, are written in the set; the one with the fewest two-qubit gates
//! is taken, of equals the one with the fewest pulses. Then the verifier is shown how that comes about, in two edits over the lowered gates: every run of gates
//! on two wires becomes what the new gates lower to, measured over all columns, with a one-qubit gate and its inverse
//! where one piece hands a gate on to the next; and these pairs go. So the bound, and the proof, end at the gates that
//! are written.

use crate::compile::{Run, Settings};
use crate::version::Version;
use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Item, Lowered, Move, Qubit, Sequence};
use bqc_native::{Counts, NativePiece, Written, written};
use bqc_verify::{Fault, Output, Piece, Rejected, VerifiedBlock, VerifiedCircuit};
use rayon::prelude::*;

/// The largest phase distance that rounding may leave between a piece and what it is written as, beside the tolerance: two
/// hundred times what tests find.
const ROUNDING: f64 = 1e-13;

/// One circuit in the set.
struct Native {
    from: VerifiedCircuit,
    parts: Vec<Written>,
    circuit: Circuit,
}

impl Run<'_> {
    /// The best circuit in the gates that the settings ask for. If the verifier refuses it, which is a fault, none.
    pub(crate) fn native(&mut self, input: &Circuit, best: &Version) -> Option<Output> {
        let as_read = VerifiedCircuit::lower(input, self.settings.is_recorded).ok().map(Version::new);
        let others = self.others.iter().map(|version| &**version).chain(&as_read);
        let mut from: Vec<&Version> = vec![best];
        for version in others {
            if from.iter().all(|known| known.figures != version.figures) {
                from.push(version);
            }
        }
        let settings = self.settings;
        let ways = from.into_par_iter().map(|version| Native::of(&version.circuit, settings));
        // Of equals the first.
        let shortest = ways.enumerate().min_by_key(|(nth, native)| {
            let counts = Counts::of(&native.circuit);
            (counts.n_two_qubit, counts.n_pulses, counts.depth, *nth)
        });
        match shortest?.1.verified(settings.block.tolerance + ROUNDING) {
            Ok(output) => Some(output),
            Err(fault) => {
                self.faults.push(fault);
                None
            }
        }
    }
}

impl Native {
    fn of(from: &VerifiedCircuit, settings: &Settings) -> Native {
        let parts = written(from.circuit(), &settings.gates, fold_tolerance(from, settings));
        let circuit = Written::circuit(from.circuit(), &parts);
        Native { from: from.clone(), parts, circuit }
    }

    /// Shows the verifier how the circuit comes about.
    fn verified(self, tolerance: f64) -> Result<Output, Fault> {
        let Native { from, parts, circuit } = self;
        let check = |part: &Written| match part {
            Written::Piece(piece) => checked(from.circuit(), piece, tolerance).map(Some),
            Written::Wall(_) => Ok(None),
        };
        let measured: Vec<Option<VerifiedBlock>> = parts.par_iter().map(check).collect::<Result<_, Rejected>>()?;
        let pieces: Vec<Piece<'_, Qubit>> =
            parts.iter().zip(&measured).map(|(part, block)| bracket(part, block)).collect();
        let joined = from.join(&pieces)?;
        let pairs = pairs(&parts, &measured, from.circuit().n_qubits());
        let without = joined.rewrite(|rewriting| {
            pairs.iter().try_for_each(|&[place, twin]| {
                rewriting.apply(Move::Fuse { place, is_forth: true, n_hops: 0, moved: None, product: [0.0; 3] })?;
                rewriting.apply(Move::Drop { place: twin })
            })
        })?;
        Output::native(without, circuit)
    }
}

/// How far a run of gates may be from what it was, where that takes fewer gates. A budget for the whole is divided among
/// the two-qubit gates.
fn fold_tolerance(circuit: &VerifiedCircuit, settings: &Settings) -> f64 {
    let (total, each) = (settings.epsilon_total, settings.block.tolerance);
    if total == 0.0 {
        return each;
    }
    let left = (total - circuit.bound()).max(0.0);
    each.min(left / (1 + circuit.circuit().n_two_qubit()) as f64)
}

/// Measures what stands in the place of a piece.
fn checked(circuit: &Lowered, piece: &NativePiece, tolerance: f64) -> Result<VerifiedBlock, Rejected> {
    let place = |wire: Qubit| piece.wires.iter().position(|w| *w == wire).unwrap_or_default();
    let mut original = BlockCircuit::new(piece.wires.len() as u16);
    for step in &piece.steps {
        if let Item::Gate(gate) = circuit.item(*step as usize) {
            original.gates.push(gate.map(|wire| BlockQubit(place(wire) as u16)));
        }
    }
    VerifiedBlock::check(&original, piece.replacement(), tolerance)
}

fn bracket<'a>(part: &'a Written, block: &'a Option<VerifiedBlock>) -> Piece<'a, Qubit> {
    match part {
        Written::Piece(piece) => {
            Piece::Window { wires: &piece.wires, steps: &piece.steps, replacement: block.as_ref() }
        }
        Written::Wall(step) => Piece::Wall(*step),
    }
}

/// Where in the joined circuit a gate is handed on, and its inverse stands.
fn pairs(parts: &[Written], measured: &[Option<VerifiedBlock>], n_qubits: usize) -> Vec<[u32; 2]> {
    let (mut pairs, mut handed_on, mut first) = (Vec::new(), vec![None; n_qubits], 0u32);
    for (part, block) in parts.iter().zip(measured) {
        let n_steps = block.as_ref().map_or(1, |block| block.circuit().gates.len() as u32);
        if let Written::Piece(piece) = part {
            let n_out = piece.goes_out.iter().flatten().count() as u32;
            let (mut inverse, mut out) = (first, first + n_steps - n_out);
            for (wire, (comes_in, goes_out)) in piece.wires.iter().zip(piece.comes_in.iter().zip(&piece.goes_out)) {
                if comes_in.is_some() {
                    pairs.extend(handed_on[wire.index()].take().map(|place| [place, inverse]));
                    inverse += 1;
                }
                if goes_out.is_some() {
                    handed_on[wire.index()] = Some(out);
                    out += 1;
                }
            }
        }
        first += n_steps;
    }
    pairs
}
