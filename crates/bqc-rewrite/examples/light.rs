//! What the light passes leave of OpenQASM files, and how long they take.
//!
//! `cargo run --release -p bqc-rewrite --example light -- [--keep-angles] FILE…`
//! One line a file: wires; CX, one-qubit gates and rotations by no multiple of π/2 (in Clifford+T circuits the T gates)
//! before and after; the milliseconds of the passes on one thread (the best of three; reading and lowering are left
//! out). Rotations before are those after cancellation. Measurements and barriers are left out of a circuit, so that
//! files which end with them can be counted; the counts of files with them inside mean nothing. Up to 8 wires the
//! result is compared with the circuit over all columns. The last line is the geometric mean of CX after by before.

use bqc_circuit::{BlockCircuit, BlockQubit, Lowered, Wire};
use bqc_qasm::{ParseOptions, SourceText, parse};
use bqc_rewrite::light::{Angles, light_with_evidence};
use std::time::Instant;

const RUNS: usize = 3;
/// Comparing more wires over all columns takes longer than everything else.
const MAX_COMPARED: usize = 8;

fn main() {
    let (flags, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word.starts_with("--"));
    let angles = match flags.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Angles::Free,
        ["--keep-angles"] => Angles::Kept,
        _ => usage(),
    };
    if files.is_empty() {
        usage();
    }
    println!("file,wires,cx,u3,rotations,cx_after,u3_after,rotations_after,ms,distance");
    let mut logarithms = Vec::new();
    for file in files {
        match read(&file) {
            Ok(circuit) => logarithms.extend(measure(&file, &circuit, angles)),
            Err(problem) => eprintln!("{file}: {problem}"),
        }
    }
    let mean = logarithms.iter().sum::<f64>() / logarithms.len().max(1) as f64;
    println!("geometric mean of {} circuits: {:.4}", logarithms.len(), mean.exp());
}

fn usage() -> ! {
    eprintln!("usage: light [--keep-angles] FILE.qasm…");
    std::process::exit(2);
}

/// The gates of a file on its wires.
fn read(file: &str) -> Result<BlockCircuit, String> {
    let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
    let circuit =
        parse(&SourceText::new(file, bytes), &ParseOptions::default()).map_err(|diagnostic| diagnostic.render())?;
    let lowered = Lowered::of(&circuit);
    let width = lowered.n_qubits().try_into().map_err(|_| format!("{} wires are too many", lowered.n_qubits()))?;
    let mut block = BlockCircuit::new(width);
    block.gates.extend(lowered.gates().map(|gate| gate.map(|wire| BlockQubit::at(wire.index()))));
    Ok(block)
}

/// Prints a line, and gives the logarithm of CX after by before, of one CX where there are none.
fn measure(file: &str, circuit: &BlockCircuit, angles: Angles) -> Option<f64> {
    let mut seconds = f64::INFINITY;
    let (mut result, mut evidence) = light_with_evidence(circuit, angles);
    for _ in 0..RUNS {
        let start = Instant::now();
        (result, evidence) = light_with_evidence(circuit, angles);
        seconds = seconds.min(start.elapsed().as_secs_f64());
    }
    let distance = if usize::from(circuit.width()) <= MAX_COMPARED {
        format!("{:.1e}", bqc_verify::block_distance(circuit, &result).expect("both have the same few wires"))
    } else {
        "-".into()
    };
    let name = file.rsplit('/').next().unwrap_or(file).trim_end_matches(".qasm");
    let (before, after) = (circuit.n_cx(), result.n_cx());
    let mut taken = evidence.passes.iter().filter(|pass| pass.is_taken).map(|pass| pass.n_rotations);
    let rotations = taken.next().unwrap_or(0);
    let rotations_after = taken.next_back().unwrap_or(rotations);
    println!(
        "{name},{},{before},{},{rotations},{after},{},{rotations_after},{:.3},{distance}",
        circuit.width(),
        circuit.n_one_qubit(),
        result.n_one_qubit(),
        seconds * 1e3
    );
    (before > 0).then(|| (after.max(1) as f64 / before as f64).ln())
}
