//! A whole circuit with the bound of its distance from the input: what a compile may write.
//!
//! It begins with the input, lowered gate by gate, each kind measured against its matrix; after that only verified
//! pieces in a legal bracketing and measured moves change it, at any number of wires. On request it remembers how it
//! came about, as a list of [`Edit`]s that anyone can do again ([`VerifiedCircuit::replay`]). Versions of a circuit
//! share what they have in common, so a clone costs nothing.

use crate::block::{Evidence, Rejected, VerifiedBlock};
use crate::join::{JoinError, Piece, Places, join};
use crate::matrix_distance;
use crate::rewriting::{MoveError, Rewriting};
use bqc_circuit::gates::{CX, U3, lowered};
use bqc_circuit::{BlockCircuit, Circuit, Edit, GateId, Lowered, Operation, PieceEdit, Qubit, Step};
use rayon::prelude::*;
use std::collections::HashSet;
use std::sync::Arc;

/// How far a lowered gate may be from its matrix: two dozen gates on five wires round to a few 1e-15.
const LOWERING_TOLERANCE: f64 = 1e-14;

/// A gate does not lower to its matrix: a fault of bqc.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("gate `{gate}` with angles {angles:?} lowers to something at distance {distance:e} from its matrix")]
pub struct LoweringError {
    /// Its name.
    pub gate: &'static str,
    /// Its angles in radians.
    pub angles: Vec<f64>,
    /// Measured phase distance.
    pub distance: f64,
}

/// An edit cannot be done again, or is not what it says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReplayError {
    /// The pieces are not the circuit in another bracketing.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// A move is not what it says.
    #[error(transparent)]
    Move(#[from] MoveError),
    /// A window was replaced by something else.
    #[error("the window at step {step} was replaced by something else: {rejected}")]
    Window {
        /// Its first step.
        step: u32,
        /// Why it is refused.
        rejected: Rejected,
    },
}

/// How many windows were replaced, by what is known of their replacements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WindowCounts {
    /// Measured over all columns.
    pub n_columns: usize,
    /// Bounded by Pauli forms.
    pub n_paulis: usize,
    /// Proved to be equal by algebra.
    pub n_algebra: usize,
    /// Compared with their claimed distance on random states.
    pub n_states: usize,
}

impl std::ops::AddAssign for WindowCounts {
    fn add_assign(&mut self, other: WindowCounts) {
        self.n_columns += other.n_columns;
        self.n_paulis += other.n_paulis;
        self.n_algebra += other.n_algebra;
        self.n_states += other.n_states;
    }
}

impl WindowCounts {
    fn of<'a>(blocks: impl Iterator<Item = &'a VerifiedBlock>) -> WindowCounts {
        let mut counts = WindowCounts::default();
        for block in blocks {
            match block.evidence() {
                Evidence::Unchanged => {}
                Evidence::Columns => counts.n_columns += 1,
                Evidence::Paulis => counts.n_paulis += 1,
                Evidence::Algebra => counts.n_algebra += 1,
                Evidence::States => counts.n_states += 1,
            }
        }
        counts
    }
}

/// One pass of the way, and the passes before.
#[derive(Debug)]
struct Link {
    edit: Edit,
    before: Option<Arc<Link>>,
}

impl Drop for Link {
    /// One after another: thousands of links inside each other would use up the stack.
    fn drop(&mut self) {
        let mut next = self.before.take();
        while let Some(mut link) = next.and_then(Arc::into_inner) {
            next = link.before.take();
        }
    }
}

/// A lowered circuit, and how far it may be from the input.
#[derive(Clone, Debug)]
pub struct VerifiedCircuit {
    circuit: Arc<Lowered>,
    bound: f64,
    /// How it came about, if that is remembered.
    way: Option<Arc<Link>>,
    is_recorded: bool,
}

impl VerifiedCircuit {
    /// The input, lowered. Every kind of gate, and every choice of angles, is measured against its matrix; what
    /// rounding makes of a gate there is as small as what it makes of the matrix, and not counted.
    ///
    /// `is_recorded`: remember the edits that follow.
    pub fn lower(input: &Circuit, is_recorded: bool) -> Result<VerifiedCircuit, LoweringError> {
        measure_lowering(input)?;
        Ok(VerifiedCircuit { circuit: Arc::new(Lowered::of(input)), bound: 0.0, way: None, is_recorded })
    }

    /// The circuit with pieces replaced. The pieces must be this circuit in another bracketing.
    pub fn join<'a>(&self, pieces: &[Piece<'a, Qubit>]) -> Result<VerifiedCircuit, JoinError> {
        let (items, distance) = join(&*self.circuit, pieces.iter().copied())?;
        Ok(self.next(items, distance, || Edit::Pieces(piece_edits(pieces))))
    }

    /// The circuit rewritten gate by gate as `pass` proposes.
    pub fn rewrite(
        &self,
        pass: impl FnOnce(&mut Rewriting<Qubit>) -> Result<(), MoveError>,
    ) -> Result<VerifiedCircuit, MoveError> {
        let mut rewriting = Rewriting::of(&*self.circuit);
        pass(&mut rewriting)?;
        let (items, bound, moves) = rewriting.finish();
        if moves.is_empty() {
            return Ok(self.clone());
        }
        Ok(self.next(items, bound, || Edit::Moves(moves)))
    }

    fn next(&self, steps: Vec<Step>, distance: f64, edit: impl FnOnce() -> Edit) -> VerifiedCircuit {
        let circuit = Arc::new(self.circuit.with_steps(steps));
        let way = if self.is_recorded { Some(Arc::new(Link { edit: edit(), before: self.way.clone() })) } else { None };
        VerifiedCircuit { circuit, bound: self.bound + distance, way, is_recorded: self.is_recorded }
    }

    /// Does an edit again, and measures everything in it: windows that the edit calls equal by algebra, others up to
    /// eight wires over all columns, wider ones by Pauli forms, and where these prove nothing, up to twelve wires, as
    /// far as random states can contradict the distance that the edit names. Gives how many windows were which.
    pub fn replay(&self, edit: &Edit) -> Result<(VerifiedCircuit, WindowCounts), ReplayError> {
        match edit {
            Edit::Moves(moves) => {
                let next = self.rewrite(|rewriting| moves.iter().try_for_each(|step| rewriting.apply(*step)))?;
                Ok((next, WindowCounts::default()))
            }
            Edit::Pieces(edits) => {
                let measured: Vec<Option<VerifiedBlock>> =
                    edits.par_iter().map(|edit| self.measure(edit)).collect::<Result<_, _>>()?;
                let mut pieces = Vec::new();
                for (edit, replacement) in edits.iter().zip(&measured) {
                    match edit {
                        PieceEdit::Kept(steps) => pieces.extend(steps.chunks(1).map(|one| self.kept(one))),
                        PieceEdit::Replaced { wires, steps, .. } => {
                            pieces.push(Piece::Window { wires, steps, replacement: replacement.as_ref() });
                        }
                    }
                }
                Ok((self.join(&pieces)?, WindowCounts::of(measured.iter().flatten())))
            }
        }
    }

    /// A step that stays.
    fn kept<'a>(&self, step: &'a [u32]) -> Piece<'a, Qubit> {
        match step.first().and_then(|s| self.circuit.steps.get(*s as usize)) {
            Some(Step::Wall(_)) => Piece::Wall(step[0]),
            _ => Piece::Window { wires: &[], steps: step, replacement: None },
        }
    }

    /// Measures what replaces a window.
    fn measure(&self, edit: &PieceEdit) -> Result<Option<VerifiedBlock>, ReplayError> {
        let PieceEdit::Replaced { wires, steps, by, distance } = edit else { return Ok(None) };
        let first = steps.first().copied().unwrap_or_default();
        let places = Places::of(wires).ok_or(JoinError::OtherOriginal { step: first })?;
        let mut original = BlockCircuit::new(by.width());
        for &step in steps {
            let Some(Step::Gate(gate)) = self.circuit.steps.get(step as usize) else {
                return Err(JoinError::OtherStep { step }.into());
            };
            original.gates.push(places.local(gate, step)?);
        }
        let verified = VerifiedBlock::prove_claim(&original, by.clone(), *distance, 1.0);
        verified.map(Some).map_err(|rejected| ReplayError::Window { step: first, rejected })
    }

    /// The circuit.
    pub fn circuit(&self) -> &Lowered {
        &self.circuit
    }

    /// Largest possible phase distance from the input: the sum of the measured distances of all changes.
    pub fn bound(&self) -> f64 {
        self.bound
    }

    /// The edits that led here from the input, first to last; empty if they are not remembered.
    pub fn edits(&self) -> Vec<&Edit> {
        let mut edits = Vec::new();
        let mut at = self.way.as_deref();
        while let Some(link) = at {
            edits.push(&link.edit);
            at = link.before.as_deref();
        }
        edits.reverse();
        edits
    }

    /// Whether another circuit is this one to the last bit: the same registers, directives, gates and angles in the
    /// same order.
    pub fn is_same(&self, other: &VerifiedCircuit) -> bool {
        let other = &other.circuit;
        let same = |(a, b): (&Step, &Step)| match (a, b) {
            (Step::Gate(a), Step::Gate(b)) => a.is_same(b),
            (Step::Wall(a), Step::Wall(b)) => a == b,
            _ => false,
        };
        self.circuit.frame() == other.frame()
            && self.circuit.steps.len() == other.steps.len()
            && self.circuit.steps.iter().zip(&other.steps).all(same)
    }
}

/// What a compile writes: a verified circuit, or the input as it was.
#[derive(Clone, Debug)]
pub struct Output {
    circuit: Circuit,
    verified: Option<VerifiedCircuit>,
    is_named: bool,
}

impl Output {
    /// A verified circuit, over the lowered gates.
    pub fn of(verified: VerifiedCircuit) -> Output {
        Output { circuit: verified.circuit().to_circuit(), verified: Some(verified), is_named: false }
    }

    /// A verified circuit, in the named gates of the table where these mean the same (`h` and `t`, not `u3`). Lowered
    /// again it is the verified circuit to the last bit; if it is not, which is a fault, no gate is named.
    pub fn named(verified: VerifiedCircuit) -> Output {
        let circuit = verified.circuit().to_named_circuit();
        let again = VerifiedCircuit { circuit: Arc::new(Lowered::of(&circuit)), ..verified.clone() };
        match again.is_same(&verified) {
            true => Output { circuit, verified: Some(verified), is_named: true },
            false => Output::of(verified),
        }
    }

    /// The input itself, gate by gate as it was read.
    pub fn input(input: &Circuit) -> Output {
        Output { circuit: input.clone(), verified: None, is_named: false }
    }

    /// The gates to be written.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Whether its gates have names, and its angles are to be written as multiples of π.
    pub fn is_named(&self) -> bool {
        self.is_named
    }

    /// Largest possible phase distance from the input.
    pub fn bound(&self) -> f64 {
        self.verified.as_ref().map_or(0.0, VerifiedCircuit::bound)
    }

    /// The edits that led here from the input, if they are remembered; none for the input itself.
    pub fn edits(&self) -> Vec<&Edit> {
        self.verified.as_ref().map_or_else(Vec::new, VerifiedCircuit::edits)
    }
}

/// Measures what each kind of gate with each choice of angles lowers to against its matrix.
pub(crate) fn measure_lowering(input: &Circuit) -> Result<(), LoweringError> {
    let mut kinds: HashSet<(GateId, [u64; 4])> = HashSet::new();
    for operation in &input.operations {
        if let Operation::Gate(call) = operation
            && !matches!(call.gate(), CX | U3)
        {
            let mut bits = [0; 4];
            bits.iter_mut().zip(call.angles()).for_each(|(bits, angle)| *bits = angle.to_bits());
            kinds.insert((call.gate(), bits));
        }
    }
    kinds.into_par_iter().try_for_each(|(gate, bits)| {
        let angles = &bits.map(f64::from_bits)[..gate.row().n_angles];
        let matrix = (gate.row().unitary)(angles);
        let distance = matrix_distance(&lowered(gate, angles), &matrix).unwrap_or(f64::NAN);
        if distance <= LOWERING_TOLERANCE || angles.iter().any(|angle| !angle.is_finite()) {
            return Ok(());
        }
        Err(LoweringError { gate: gate.row().qasm, angles: angles.to_vec(), distance })
    })
}

/// The pieces as data; what stays is listed together.
fn piece_edits(pieces: &[Piece<'_, Qubit>]) -> Vec<PieceEdit> {
    let mut edits: Vec<PieceEdit> = Vec::new();
    let keep = |edits: &mut Vec<PieceEdit>, steps: &[u32]| match edits.last_mut() {
        Some(PieceEdit::Kept(kept)) => kept.extend(steps),
        _ => edits.push(PieceEdit::Kept(steps.to_vec())),
    };
    for piece in pieces {
        match *piece {
            Piece::Wall(step) => keep(&mut edits, &[step]),
            Piece::Window { steps, replacement: None, .. } => keep(&mut edits, steps),
            Piece::Window { wires, steps, replacement: Some(verified) } => edits.push(PieceEdit::Replaced {
                wires: wires.to_vec(),
                steps: steps.to_vec(),
                by: verified.circuit().clone(),
                distance: verified.distance(),
            }),
        }
    }
    edits
}
