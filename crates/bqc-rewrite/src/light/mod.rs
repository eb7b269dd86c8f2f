//! Light passes: exact rewritings of whole circuits, each in time linear in their gates.
//!
//! A circuit is read as a *tape* (`tape`): rotations and two-wire Clifford gates with axes, while all one-qubit Clifford
//! gates have moved to the end. Reading it merges one-qubit gates, reduces Hadamard gates and cancels inverses through
//! everything that commutes (`cancel`); the other passes make a tape out of a tape.
//!
//! | pass | file | idea |
//! |---|---|---|
//! | cancellation, one-qubit merging, Hadamard reduction | `tape`, `cancel` | arXiv:1710.07345, sections 4.1 to 4.3 |
//! | rotation merging over the whole circuit | `fold` | arXiv:1303.2042, arXiv:1710.07345, arXiv:1903.12456 |
//! | SWAPs into wires, and exchanges of outputs where these may be on any | `swaps` | relabelling |
//! | runs on two wires, those of Clifford gates first | `runs` | quant-ph/0010100, quant-ph/0308045 |
//! | few one-qubit gates for a tape | `places`, `write` | quant-ph/9807006 |
//!
//! A pass whose result is not smaller is not taken. Angles are sums of those of the input, and multiples of π/2^k stay
//! exact multiples (`angle`, `euler`), except where a run on two wires got fewer pairs and where one-qubit gates are
//! multiplied that do not share an axis; [`Angles::Kept`] does without both.

mod angle;
mod cancel;
mod clifford;
mod euler;
mod fold;
mod operators;
mod places;
mod runs;
mod swaps;
mod tape;
mod write;

pub(crate) use angle::Angle;
use bqc_circuit::{BlockCircuit, BlockGate, BlockQubit, LoweredGate, OutputPermutation, Qubit, Wire};
use euler::Euler;
use runs::End;
use tape::Tape;

/// Passes in a row at most; each but the last few makes the tape smaller, and ten are usual.
const MAX_PASSES: usize = 64;

/// Which angles the result may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Angles {
    /// Any: fewest gates.
    Free,
    /// Sums of the input's angles and multiples of π/2. A Clifford+T circuit stays one, with no more T gates: each u3
    /// has angles that are multiples of π/4, odd ones as often as it takes T gates.
    Kept,
}

/// A pass: a tape that may be smaller, if there is anything to do.
type Pass = fn(&Tape) -> Option<Tape>;

/// The passes after reading, in their order. What they return is not taken unless it is smaller.
const PASSES: [(&str, Pass); 5] = [
    ("rotation merging", fold::fold),
    ("swaps into wires", swaps::relabel_swaps),
    ("Clifford runs on two wires", |tape| Some(runs::shorten_runs(tape, End::StuckGate))),
    ("runs on two wires", |tape| Some(runs::shorten_runs(tape, End::AnyPair))),
    ("runs passed by others", |tape| Some(runs::shorten_runs(tape, End::StuckPair))),
];
/// How many of them, from the first on, keep angles.
const N_KEEPING: usize = 3;

/// What the light passes did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// The passes in their order.
    pub passes: Vec<PassRecord>,
    /// Elementary steps of all of them, for tests: linear in the gates for a given width.
    pub n_steps: u64,
    /// Whether the result is taken instead of the circuit.
    pub is_taken: bool,
}

/// What one pass did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PassRecord {
    /// Its name.
    pub name: &'static str,
    /// Two-qubit gates of its result.
    pub n_two_qubit: usize,
    /// Rotations of its result by angles that are no multiples of π/2: for a Clifford+T circuit the T count.
    pub n_rotations: usize,
    /// Whether its result is smaller than what it began with, and taken.
    pub is_taken: bool,
}

/// The circuit after all light passes, or the circuit itself if they gain nothing.
///
/// * The same unitary up to global phase and the rounding of angles, about 1e-15 for each gate that is replaced.
/// * Never more two-qubit gates, and never more one-qubit gates with as many two-qubit gates.
/// * Deterministic. Time and memory are linear in the gates, about 0.1 µs a gate and pass; rotation merging takes
///   `width²/2` bytes, and for each two-qubit gate reads and writes some `width/5` words.
/// * A circuit that is not well formed, or has an angle that is not finite, is returned as it is.
pub fn light(circuit: &BlockCircuit) -> BlockCircuit {
    light_with_evidence(circuit, Angles::Free).0
}

/// As [`light`], with a choice of angles and with what each pass did. With [`Angles::Kept`] rotations count before
/// one-qubit gates: the result is the circuit itself unless it has fewer two-qubit gates, or as many and fewer
/// rotations, or as many of both and fewer one-qubit gates.
pub fn light_with_evidence(circuit: &BlockCircuit, angles: Angles) -> (BlockCircuit, Evidence) {
    let mut evidence = Evidence::default();
    let Some(tape) = Tape::of(circuit) else { return (circuit.clone(), evidence) };
    let written = write::write(&shrink(tape, angles, &mut evidence), angles);
    evidence.is_taken = is_cheaper(&written, circuit, angles);
    let result = if evidence.is_taken { written } else { circuit.clone() };
    (result, evidence)
}

/// As [`light_with_evidence`] for a circuit whose outputs may be on any wires. The result ends with the exchanges that
/// bring them back; these count nothing, in it and in the circuit.
pub fn light_with_free_outputs(circuit: &BlockCircuit, angles: Angles) -> (BlockCircuit, Evidence) {
    let (body, exchanges) = circuit.split_exchanges();
    let without = with_outputs_moved(circuit, &body, &exchanges, angles);
    if exchanges.is_empty() {
        return without;
    }
    // Gates before an exchange may need more two-qubit gates than they do together with it.
    let with = with_outputs_moved(circuit, circuit, &[], angles);
    let [a, b] = [&without, &with].map(|(found, _)| found.split_exchanges().0);
    if is_cheaper(&b, &a, angles) { with } else { without }
}

/// What light passes make of the `body` of a circuit, after which the exchanges of two wires follow.
fn with_outputs_moved(
    circuit: &BlockCircuit,
    body: &BlockCircuit,
    exchanges: &[[BlockQubit; 2]],
    angles: Angles,
) -> (BlockCircuit, Evidence) {
    let mut evidence = Evidence::default();
    let Some(tape) = Tape::of(body) else { return (circuit.clone(), evidence) };
    let mut tape = shrink(tape, angles, &mut evidence);
    // The wire on which each of the body ends.
    let mut at: Vec<u32> = (0..tape.width() as u32).collect();
    for _ in 0..MAX_PASSES {
        let Some((smaller, moved)) = swaps::relabel_all(&tape) else { break };
        let (n_two_qubit, n_rotations) = smaller.size();
        let is_taken = smaller.size() < tape.size();
        evidence.passes.push(PassRecord { name: "exchanges of outputs", n_two_qubit, n_rotations, is_taken });
        if !is_taken {
            break;
        }
        at.iter_mut().for_each(|wire| *wire = moved[*wire as usize]);
        tape = shrink(smaller, angles, &mut evidence);
    }
    let mut written = write::write(&tape, angles);
    evidence.is_taken = is_cheaper(&written, body, angles);
    if !evidence.is_taken {
        return (circuit.clone(), evidence);
    }
    let back = OutputPermutation::new(at.into_iter().map(Qubit).collect()).expect("relabelling is a permutation");
    let back = back.undoing().into_iter().map(|wires| wires.map(|wire| BlockQubit::at(wire.index())));
    back.chain(exchanges.iter().copied()).for_each(|wires| written.push_exchange(wires));
    (written, evidence)
}

/// Applies the passes in turn until none of them gains.
fn shrink(mut tape: Tape, angles: Angles, evidence: &mut Evidence) -> Tape {
    let passes = if angles == Angles::Kept { &PASSES[..N_KEEPING] } else { &PASSES };
    let mut record = |name, tape: &Tape, is_taken| {
        let (n_two_qubit, n_rotations) = tape.size();
        evidence.passes.push(PassRecord { name, n_two_qubit, n_rotations, is_taken });
        evidence.n_steps += tape.n_steps;
    };
    record("cancellation", &tape, true);
    // After a gain the first pass comes again: the later ones change more than they have to.
    let mut next = 0;
    for _ in 0..MAX_PASSES {
        let Some(&(name, pass)) = passes.get(next) else { break };
        next += 1;
        if let Some(smaller) = pass(&tape) {
            let is_taken = smaller.size() < tape.size();
            record(name, &smaller, is_taken);
            if is_taken {
                (tape, next) = (smaller, 0);
            }
        }
    }
    tape
}

/// Whether a circuit has less of what light passes make smaller, the first first: two-qubit gates, rotations where angles
/// are kept, one-qubit gates.
fn is_cheaper(circuit: &BlockCircuit, other: &BlockCircuit, angles: Angles) -> bool {
    let of_kept = |circuit| if angles == Angles::Kept { n_rotations(circuit) } else { 0 };
    let order = circuit.n_cx().cmp(&other.n_cx());
    let order = order.then_with(|| of_kept(circuit).cmp(&of_kept(other)));
    order.then_with(|| circuit.n_one_qubit().cmp(&other.n_one_qubit())).is_lt()
}

/// How many angles of one-qubit gates are no multiples of π/2.
fn n_rotations(circuit: &BlockCircuit) -> usize {
    let count = |gate: &BlockGate| match *gate {
        LoweredGate::One { angles, .. } => Euler::from_radians(angles).map_or(3, Euler::n_rotations),
        LoweredGate::Two { .. } => 0,
    };
    circuit.gates.iter().map(count).sum()
}

#[cfg(test)]
mod tests;
