//! Proofs of a compile: written beside the circuit, and checked by `bqc verify --proof` without engine or search.

use crate::args::VerifyArgs;
use crate::exit::{Exit, Failure};
use crate::input::{is_standard_stream, parse, read_bytes};
use crate::output::{Output, print};
use crate::permutation::{asked, comment};
use bqc_circuit::{Circuit, Qubit};
use bqc_qasm::permutation_text;
use bqc_verify::{VerifiedCircuit, WindowCounts};
use bqc_wire::{FileDigest, Proof, digest_of, encode_proof};
use std::path::Path;

/// Puts in its place the proof that `edits` lead from the input to the circuit that stands in the bytes `written`.
pub fn put(place: &Output, input: &FileDigest, written: &[u8], output: &bqc_verify::Output) -> Result<(), Failure> {
    let proof = encode_proof(input, &digest_of(written), &output.edits());
    place.put(|out| out.write_all(&proof))
}

/// Does everything again that the proof says, measures it, and prints the bound that comes out.
pub fn check(args: &VerifyArgs, proof: &Path) -> Result<Exit, Failure> {
    if [&args.left, &args.right].into_iter().any(|path| is_standard_stream(path)) {
        return Err(Failure::Usage("a proof is about files: name both circuits".into()));
    }
    let bytes = read_bytes(&args.left)?;
    let input_digest = digest_of(&bytes);
    let input = parse(&args.left, bytes, &args.read)?;
    let bytes = read_bytes(&args.right)?;
    let (comment, output_digest) = (comment(&bytes), digest_of(&bytes));
    let output = parse(&args.right, bytes, &args.read)?;
    let asked = asked(args, &comment, &output)?;
    let bytes = read_bytes(proof)?;
    let outcome = Proof::read(&bytes, &input_digest, &output_digest)
        .map_err(|e| e.to_string())
        .and_then(|proof| replay(&input, &output, proof, &asked));
    match outcome {
        Ok(Replayed { bound, n_passes, windows, n_two_qubit, moved }) => {
            let is_near = bound <= args.epsilon;
            let bound = match (bound == 0.0, is_near) {
                (true, _) => "bound exactly 0".to_owned(),
                (_, true) => format!("bound {bound:.3e}, at most {:e}", args.epsilon),
                (_, false) => format!("bound {bound:.3e}, above {:e}", args.epsilon),
            };
            let [before, after] = n_two_qubit;
            print(&format!(
                "the proof holds: {n_passes} passes; {bound}\n\
                 {}\n\
                 two-qubit gates {before} → {after}{}\n",
                evidence(&windows),
                if moved.is_empty() { String::new() } else { format!("\nqubits on other wires: {moved}") }
            ))?;
            Ok(if is_near { Exit::Complete } else { Exit::Differs })
        }
        Err(why) => {
            print(&format!("the proof `{}` does not hold: {why}\n", proof.display()))?;
            Ok(Exit::Differs)
        }
    }
}

/// What a proof comes to.
struct Replayed {
    bound: f64,
    n_passes: usize,
    windows: WindowCounts,
    n_two_qubit: [usize; 2],
    /// Qubits that the output leaves on other wires, in words; empty if it leaves none.
    moved: String,
}

/// What is known of the replaced windows, in words.
fn evidence(windows: &WindowCounts) -> String {
    let WindowCounts { n_columns, n_paulis, n_path_sums, n_algebra, n_states } = *windows;
    let mut text = format!("windows measured over all columns: {n_columns}, bounded by Pauli forms: {n_paulis}");
    if n_path_sums > 0 {
        text += &format!(", by path sums: {n_path_sums}");
    }
    if n_algebra > 0 {
        text += &format!(", proved equal by algebra: {n_algebra}");
    }
    if n_states > 0 {
        text += &format!(
            "; {n_states} of 9 to 12 wires keep the distance that the proof claims, which random states do not contradict"
        );
    }
    text
}

/// `asked`: qubits that the user says are on other wires at the end of the output.
fn replay(input: &Circuit, output: &Circuit, proof: Proof<'_>, asked: &[[Qubit; 2]]) -> Result<Replayed, String> {
    let lower = |circuit| VerifiedCircuit::lower(circuit, false).map_err(|e| e.to_string());
    let n_passes = proof.n_passes();
    let mut circuit = lower(input)?;
    let before = circuit.circuit().n_two_qubit();
    let mut windows = WindowCounts::default();
    for (pass, edit) in proof.enumerate() {
        let edit = edit.map_err(|e| e.to_string())?;
        let (next, seen) = circuit.replay(&edit).map_err(|e| format!("pass {pass}: {e}"))?;
        circuit = next;
        windows += seen;
    }
    if !circuit.is_same(&lower(output)?) {
        return Err("it ends at another circuit than the output".into());
    }
    let moved = agreed(output, &circuit, asked)?;
    let n_two_qubit = [before, circuit.circuit().n_two_qubit()];
    Ok(Replayed { bound: circuit.bound(), n_passes, windows, n_two_qubit, moved })
}

/// The qubits that the output leaves on other wires, in words, if they are those that the user says. Measured ones need
/// not be said: their bits are the same.
fn agreed(output: &Circuit, proven: &VerifiedCircuit, asked: &[[Qubit; 2]]) -> Result<String, String> {
    let moved = proven.moved();
    let is_true = |[qubit, wire]: &[Qubit; 2]| proven.permutation().wire_of(*qubit) == *wire;
    let text = permutation_text(output, &moved);
    match (moved.iter().all(|pair| asked.contains(pair)), asked.iter().all(is_true)) {
        (true, true) => Ok(if moved.is_empty() { String::new() } else { text }),
        (false, true) if asked.is_empty() => Err(format!(
            "it leaves qubits on other wires ({text}); `--permutation comment` or `--permutation \"{text}\"` asks for that"
        )),
        _ => Err(format!("it leaves qubits on other wires than `--permutation` says: {text}")),
    }
}
