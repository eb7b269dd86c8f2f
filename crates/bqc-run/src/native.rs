//! The last step of a run whose result is to be in the gates of a machine (`--gates`; bqc-native).
//!
//! The search works on CX and U3. What it has found, and beside it the circuit before the search and the input, which may
//! have gates of the set that the search has taken apart, are written in the set; the best one by the objective is taken,
//! of equals the one with the fewest pulses. Then the verifier is shown how that comes about, in two edits over the
//! lowered gates: every run of gates on two wires becomes what the new gates lower to, measured over all columns, with a
//! one-qubit gate and its inverse where one piece hands a gate on to the next; and these pairs go. So the bound, and the
//! proof, end at the gates that are written. If the verifier refuses a piece, the circuit is written once more with each
//! piece measured at once and refused ones written in other ways; then the next best circuit is tried.

use crate::compile::{Run, Settings};
use crate::version::Version;
use bqc_circuit::{BlockCircuit, BlockQubit, Circuit, Item, Lowered, Move, Qubit, Sequence};
use bqc_native::{Counts, NativePiece, ROUNDING, Written, written, written_until};
use bqc_optimize::{Figures, Objective, Rank};
use bqc_verify::{Fault, Output, Piece, Rejected, VerifiedBlock, VerifiedCircuit};
use rayon::prelude::*;
use std::sync::atomic::Ordering;

/// One circuit in the set.
struct Native<'a> {
    from: &'a VerifiedCircuit,
    parts: Vec<Written>,
    circuit: Circuit,
}

impl Run<'_> {
    /// The best circuit in the gates that the settings ask for; after a stop `best` in these gates. If the verifier refuses
    /// every way to write every circuit, which is a fault, none.
    pub(crate) fn native(&mut self, input: &Circuit, best: &Version) -> Option<Output> {
        let settings = self.settings;
        let is_stopped = self.around.stop.load(Ordering::Relaxed);
        let as_read = || VerifiedCircuit::lower(input, settings.is_recorded).ok().map(Version::new);
        let as_read = if is_stopped { None } else { as_read() };
        let others = self.others.iter().map(|version| &**version).filter(|_| !is_stopped).chain(&as_read);
        let mut from: Vec<&Version> = vec![best];
        for version in others {
            if from.iter().all(|known| known.figures != version.figures) {
                from.push(version);
            }
        }
        let mut ways: Vec<Native> =
            from.into_par_iter().map(|version| Native::of(&version.circuit, settings)).collect();
        // Of equals the first: the sort keeps their order.
        ways.sort_by_cached_key(|native| native.rank(settings.block.objective));
        let mut first_fault = None;
        for native in ways {
            match native.proven(settings) {
                Ok(output) => return Some(output),
                Err(fault) => _ = first_fault.get_or_insert(fault),
            }
        }
        self.faults.extend(first_fault);
        None
    }
}

impl<'a> Native<'a> {
    fn of(from: &'a VerifiedCircuit, settings: &Settings) -> Native<'a> {
        let parts = written(from.circuit(), &settings.gates, fold_tolerance(from, settings));
        Native::from_parts(from, parts)
    }

    /// The same with each piece measured at once, and written in another way if it is too far from what it was.
    fn measured(from: &'a VerifiedCircuit, settings: &Settings) -> Native<'a> {
        let accepts = |piece: &NativePiece| checked(from.circuit(), piece, largest(settings)).is_ok();
        let parts = written_until(from.circuit(), &settings.gates, fold_tolerance(from, settings), &accepts);
        Native::from_parts(from, parts)
    }

    fn from_parts(from: &'a VerifiedCircuit, parts: Vec<Written>) -> Native<'a> {
        let circuit = Written::circuit(from.circuit(), &parts);
        Native { from, parts, circuit }
    }

    /// By the objective, over the gates of the set, with pulses for one-qubit gates; then by pulses and depth.
    fn rank(&self, objective: Objective) -> (Rank, [usize; 2]) {
        let Counts { n_two_qubit, n_pulses, depth, two_qubit_depth, .. } = Counts::of(&self.circuit);
        let figures = Figures { n_two_qubit, n_one_qubit: n_pulses, depth, two_qubit_depth, n_rotations: 0 };
        (objective.rank(&figures), [n_pulses, depth])
    }

    /// Shows the verifier how the circuit comes about, or, if it refuses that, how it does with each piece measured.
    fn proven(self, settings: &Settings) -> Result<Output, Fault> {
        let from = self.from;
        self.verified(largest(settings))
            .or_else(|fault| Native::measured(from, settings).verified(largest(settings)).map_err(|_| fault))
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

/// The largest phase distance of a piece from what it was.
fn largest(settings: &Settings) -> f64 {
    settings.block.tolerance + ROUNDING
}

/// How far a run of gates may be from what it was, where that takes fewer gates. A budget for the whole is divided among
/// the two-qubit gates; rounding, some 1e-15 a piece, is not part of it.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::round::Around;
    use crate::{InProcess, Unobserved};
    use bqc_circuit::{GateCall, GateId, Operation};
    use bqc_instantiate::{CpuEngine, Engine};
    use bqc_native::{GateSet, n_foreign};
    use std::sync::atomic::AtomicBool;

    fn call(name: &str, angles: &[f64], wires: &[u32]) -> GateCall {
        let wires: Vec<Qubit> = wires.iter().map(|w| Qubit(*w)).collect();
        GateCall::new(GateId::from_name(name).unwrap(), angles, &wires)
    }

    fn circuit_of(calls: &[(&str, &[f64], &[u32])]) -> Circuit {
        let mut circuit = Circuit::with_qubits(3);
        calls.iter().for_each(|(name, angles, wires)| circuit.push(call(name, angles, wires)));
        circuit
    }

    fn some_gates() -> Circuit {
        circuit_of(&[
            ("u3", &[0.1, 0.2, 0.3], &[0]),
            ("cx", &[], &[0, 1]),
            ("u3", &[0.4, 0.5, 0.6], &[1]),
            ("cx", &[], &[1, 2]),
            ("u3", &[0.7, 0.8, 0.9], &[2]),
            ("cx", &[], &[2, 0]),
        ])
    }

    fn settings(gates: &str) -> Settings {
        Settings { gates: GateSet::parse(gates).unwrap(), ..Settings::default() }
    }

    /// The last step of a run with `best` for its result, and the faults that it has found.
    fn native_of(input: &Circuit, best: &Circuit, settings: &Settings, is_stopped: bool) -> (Option<Output>, usize) {
        let (engine, stop) = (CpuEngine::new(), AtomicBool::new(is_stopped));
        let around = Around { workshop: &InProcess(&engine), stop: &stop, observer: &Unobserved };
        let mut run = Run::new(settings, engine.family(), around);
        let best = Version::new(VerifiedCircuit::lower(best, false).unwrap());
        (run.native(input, &best), run.faults.len())
    }

    #[test]
    fn a_piece_that_is_refused_is_written_anew() {
        for set in ["ibm-heron", "rigetti", "google-sqrt-iswap", "ionq"] {
            let (settings, from) = (settings(set), VerifiedCircuit::lower(&some_gates(), false).unwrap());
            let mut native = Native::of(&from, &settings);
            let Some(Written::Piece(piece)) = native.parts.get_mut(1) else { panic!("a piece") };
            piece.calls.pop();
            let output = native.proven(&settings).unwrap_or_else(|fault| panic!("{set}: {fault}"));
            assert!(output.is_native() && output.bound() < 1e-12);
            assert_eq!(n_foreign(output.circuit(), &settings.gates), 0);
        }
    }

    #[test]
    fn if_all_is_refused_the_fault_is_told_once() {
        let mut settings = settings("iqm");
        settings.block.tolerance = -1.0;
        let (output, n_faults) = native_of(&some_gates(), &some_gates(), &settings, false);
        assert!(output.is_none());
        assert_eq!(n_faults, 1);
    }

    #[test]
    fn after_a_stop_only_the_best_circuit_is_written() {
        // The input is one gate of the set, and as a result has three CX.
        let input = circuit_of(&[("rzz", &[0.3], &[0, 1])]);
        let mut best = some_gates();
        best.operations.retain(|operation| matches!(operation, Operation::Gate(call) if call.qubits().len() == 2));
        for (is_stopped, n_two_qubit) in [(false, 1), (true, 3)] {
            let output = native_of(&input, &best, &settings("quantinuum"), is_stopped).0.unwrap();
            assert_eq!(Counts::of(output.circuit()).n_two_qubit, n_two_qubit);
        }
    }

    #[test]
    fn the_objective_decides() {
        // Three gates in a row, or four of which two are at once.
        let row = circuit_of(&[("cz", &[], &[0, 1]), ("cz", &[], &[1, 2]), ("cz", &[], &[0, 2])]);
        let mut flat = Circuit::with_qubits(4);
        for wires in [[0, 1], [2, 3], [1, 2], [0, 3]] {
            flat.push(call("cz", &[], &wires));
        }
        for (objective, is_flat) in [(Objective::Cx, false), (Objective::Depth, true)] {
            let mut settings = settings("iqm");
            settings.block.objective = objective;
            let [row, flat] = [&row, &flat].map(|circuit| VerifiedCircuit::lower(circuit, false).unwrap());
            let [row, flat] = [&row, &flat].map(|from| Native::of(from, &settings).rank(objective));
            assert_eq!(flat < row, is_flat);
        }
    }
}
