//! A whole circuit with the bound of its distance from the input: what a compile may write.
//!
//! It begins with the input, lowered gate by gate, each kind measured against its matrix; after that only verified
//! pieces in a legal bracketing and measured moves change it, at any number of wires. Exchanges of wires that are taken
//! out become the permutation of its outputs, which it carries along. On request it remembers how it came about, as a list of [`Edit`]s that anyone can do again ([`VerifiedCircuit::replay`]). Versions of a circuit
//! share what they have in common, so a clone costs nothing.

use crate::block::{Evidence, Rejected, VerifiedBlock};
use crate::exchange::{self, ExchangeError};
use crate::join::{JoinError, Piece, Places, join};
use crate::mix::MixSet;
use crate::rewriting::{MoveError, Rewriting};
use crate::{Fault, matrix_distance};
use bqc_circuit::gates::{CX, U3, lowered};
use bqc_circuit::{
    BlockCircuit, Circuit, Clbit, Edit, GateId, Lowered, Operation, OutputPermutation, PieceEdit, Qubit, Step,
    final_exchanges,
};
use rayon::prelude::*;
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
    /// What was taken out is no exchange.
    #[error(transparent)]
    Exchange(#[from] ExchangeError),
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
    /// Bounded by sums over paths.
    pub n_path_sums: usize,
    /// Compared with their claimed distance on random states.
    pub n_states: usize,
}

impl std::ops::AddAssign for WindowCounts {
    fn add_assign(&mut self, other: WindowCounts) {
        self.n_columns += other.n_columns;
        self.n_paulis += other.n_paulis;
        self.n_algebra += other.n_algebra;
        self.n_path_sums += other.n_path_sums;
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
                Evidence::PathSums => counts.n_path_sums += 1,
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

/// What ends the wires of an input. Later versions of the circuit may lose gates after a measurement, so that it seems
/// to end its wire; what may follow a qubit to another wire is decided by the input.
#[derive(Debug)]
struct Ends {
    /// By qubit: the bit into which it is measured at the end, so that nothing later depends on the measurement.
    measured: Vec<Option<Clbit>>,
    /// By number of the wall: whether it is such a measurement, or a barrier.
    follows: Vec<bool>,
}

/// A lowered circuit, and how far it may be from the input once its outputs are put back on their wires.
#[derive(Clone, Debug)]
pub struct VerifiedCircuit {
    circuit: Arc<Lowered>,
    /// Where the qubits of the input are at the end.
    permutation: Arc<OutputPermutation>,
    /// What ends the wires of the input.
    ends: Arc<Ends>,
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
        let (circuit, permutation) = (Lowered::of(input), OutputPermutation::identity(input.n_qubits()));
        let ends = Ends { measured: measured_at_the_end(input), follows: circuit.walls_that_follow() };
        let (circuit, permutation, ends) = (Arc::new(circuit), Arc::new(permutation), Arc::new(ends));
        Ok(VerifiedCircuit { circuit, permutation, ends, bound: 0.0, way: None, is_recorded })
    }

    /// The circuit with pieces replaced. The pieces must be this circuit in another bracketing.
    pub fn join<'a>(&self, pieces: &[Piece<'a, Qubit>]) -> Result<VerifiedCircuit, JoinError> {
        let (items, distance) = join(&*self.circuit, pieces.iter().copied())?;
        Ok(self.next(self.circuit.with_steps(items), distance, || Edit::Pieces(piece_edits(pieces))))
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
        Ok(self.next(self.circuit.with_steps(items), bound, || Edit::Moves(moves)))
    }

    /// The circuit without the exchanges of two wires at these steps: each is three CX, and what follows it stands on
    /// exchanged wires, so that the outputs are permuted.
    pub fn without_exchanges(&self, exchanges: &[[u32; 3]]) -> Result<VerifiedCircuit, ExchangeError> {
        if exchanges.is_empty() {
            return Ok(self.clone());
        }
        let (circuit, at) = exchange::without(&self.circuit, exchanges)?;
        let permutation = Arc::new(self.permutation.then(|wire| at[wire.index()]));
        let next = self.next(circuit, 0.0, || Edit::Exchanges(exchanges.to_vec()));
        Ok(VerifiedCircuit { permutation, ..next })
    }

    fn next(&self, circuit: Lowered, distance: f64, edit: impl FnOnce() -> Edit) -> VerifiedCircuit {
        let (circuit, permutation, ends) = (Arc::new(circuit), self.permutation.clone(), self.ends.clone());
        let way = if self.is_recorded { Some(Arc::new(Link { edit: edit(), before: self.way.clone() })) } else { None };
        let (bound, is_recorded) = (self.bound + distance, self.is_recorded);
        VerifiedCircuit { circuit, permutation, ends, bound, way, is_recorded }
    }

    /// Does an edit again, and measures everything in it: windows that the edit calls equal by algebra, others up to
    /// eight wires over all columns, wider ones by Pauli forms or path sums, and where these prove nothing, up to twelve
    /// wires, as far as random states can contradict the distance that the edit names. Gives how many windows were which.
    pub fn replay(&self, edit: &Edit) -> Result<(VerifiedCircuit, WindowCounts), ReplayError> {
        match edit {
            Edit::Moves(moves) => {
                let next = self.rewrite(|rewriting| moves.iter().try_for_each(|step| rewriting.apply(*step)))?;
                Ok((next, WindowCounts::default()))
            }
            Edit::Exchanges(exchanges) => Ok((self.without_exchanges(exchanges)?, WindowCounts::default())),
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

    /// By number of the wall: whether it follows its qubits to other wires, because it is a barrier, or a measurement
    /// of the input that nothing later depends on.
    pub fn walls_that_follow(&self) -> &[bool] {
        &self.ends.follows
    }

    /// The exchanges of wires at the end of the circuit, after which there are only walls that follow.
    pub fn final_exchanges(&self) -> Vec<[u32; 3]> {
        final_exchanges(&*self.circuit, |number| self.ends.follows[number as usize])
    }

    /// Where the qubits of the input are at the end of the circuit.
    pub fn permutation(&self) -> &OutputPermutation {
        &self.permutation
    }

    /// The qubits of the input that are on another wire at the end, each with that wire. Those are left out that input
    /// and circuit measure at the end into the same bit: their measurements have followed them.
    pub fn moved(&self) -> Vec<[Qubit; 2]> {
        if self.permutation.is_identity() {
            return Vec::new();
        }
        let measured = measured_at_the_end(&self.circuit.to_circuit());
        let has_bit = |[qubit, wire]: &[Qubit; 2]| {
            let [before, after] = [self.ends.measured[qubit.index()], measured[wire.index()]];
            before.is_some() && before == after
        };
        self.permutation.moved().filter(|pair| !has_bit(pair)).collect()
    }

    /// Largest possible phase distance from the input, with the outputs back on their wires: the sum of the measured
    /// distances of all changes.
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
    form: Form,
}

/// In which gates an output is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Those of the lowered circuit, or of the input.
    Plain,
    /// Named gates, and multiples of π.
    Named,
    /// Those of a machine.
    Native,
}

impl Output {
    /// A verified circuit, over the lowered gates.
    pub fn of(verified: VerifiedCircuit) -> Output {
        Output { circuit: verified.circuit().to_circuit(), verified: Some(verified), form: Form::Plain }
    }

    /// A verified circuit, in the named gates of the table where these mean the same (`h` and `t`, not `u3`). Lowered
    /// again it is the verified circuit to the last bit; if it is not, which is a fault, no gate is named.
    pub fn named(verified: VerifiedCircuit) -> Output {
        let circuit = verified.circuit().to_named_circuit();
        let again = VerifiedCircuit { circuit: Arc::new(Lowered::of(&circuit)), ..verified.clone() };
        match again.is_same(&verified) {
            true => Output { circuit, verified: Some(verified), form: Form::Named },
            false => Output::of(verified),
        }
    }

    /// A verified circuit as other gates of the table. What they lower to is the verified circuit to the last bit, and
    /// each kind of gate, with each choice of angles, is measured against its matrix, as those of an input are.
    ///
    /// # Errors
    /// [`Fault::OtherGates`] and [`Fault::Lowering`].
    pub fn native(verified: VerifiedCircuit, circuit: Circuit) -> Result<Output, Fault> {
        measure_lowering(&circuit)?;
        let again = VerifiedCircuit { circuit: Arc::new(Lowered::of(&circuit)), ..verified.clone() };
        match again.is_same(&verified) {
            true => Ok(Output { circuit, verified: Some(verified), form: Form::Native }),
            false => Err(Fault::OtherGates),
        }
    }

    /// The input itself, gate by gate as it was read.
    pub fn input(input: &Circuit) -> Output {
        Output { circuit: input.clone(), verified: None, form: Form::Plain }
    }

    /// The gates to be written.
    pub fn circuit(&self) -> &Circuit {
        &self.circuit
    }

    /// Whether its gates have names, and its angles are to be written as multiples of π.
    pub fn is_named(&self) -> bool {
        self.form == Form::Named
    }

    /// Whether it is in the gates of a machine.
    pub fn is_native(&self) -> bool {
        self.form == Form::Native
    }

    /// The qubits of the input that the circuit leaves on another wire: see [`VerifiedCircuit::moved`].
    pub fn moved(&self) -> Vec<[Qubit; 2]> {
        self.verified.as_ref().map_or_else(Vec::new, VerifiedCircuit::moved)
    }

    /// Largest possible phase distance from the input, with the outputs back on their wires.
    pub fn bound(&self) -> f64 {
        self.verified.as_ref().map_or(0.0, VerifiedCircuit::bound)
    }

    /// The edits that led here from the input, if they are remembered; none for the input itself.
    pub fn edits(&self) -> Vec<&Edit> {
        self.verified.as_ref().map_or_else(Vec::new, VerifiedCircuit::edits)
    }
}

/// By wire: the bit into which it is measured at the end, so that nothing later depends on the measurement.
pub(crate) fn measured_at_the_end(circuit: &Circuit) -> Vec<Option<Clbit>> {
    circuit.final_measurements().into_iter().map(|end| end.map(|(_, bit)| bit)).collect()
}

/// Measures what each kind of gate with each choice of angles lowers to against its matrix.
pub(crate) fn measure_lowering(input: &Circuit) -> Result<(), LoweringError> {
    let mut kinds: MixSet<(GateId, [u64; 4])> = MixSet::default();
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
