//! Counts and times of the Pauli passes on OpenQASM files, beside the goals of structure-first compiling.
//!
//! `cargo run --release -p bqc-rewrite --example pauli_counts -- [--seconds S] [--seed N] FILE…`
//! For each file: CX of the input, of greedy synthesis from both ends with the time of each, and the least of `N_RANDOM`
//! further ones with random parameters; then, with `--seconds`, what the block search makes of the best in that time, and its
//! syntheses a second of CPU time. Measurements and barriers are left out.

use bqc_circuit::{BlockCircuit, BlockQubit, Lowered, Wire};
use bqc_qasm::{ParseOptions, SourceText, parse};
use bqc_rewrite::pauli::{BlockSearch, BlockSettings, Direction, Greedy, synthesize};
use std::path::Path;
use std::time::Instant;

/// Greedy runs with random parameters.
const N_RANDOM: u64 = 20;
/// Moves between two looks at the clock.
const MOVES_PER_LOOK: u64 = 256;

fn main() {
    let mut files = Vec::new();
    let (mut seconds, mut seed) = (0.0, 1);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => seconds = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(seconds),
            "--seed" => seed = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(seed),
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        eprintln!("usage: pauli_counts [--seconds S] [--seed N] FILE.qasm…");
        std::process::exit(2);
    }
    for file in files {
        match read(&file) {
            Ok(block) => measure(&file, &block, seconds, seed),
            Err(message) => eprintln!("{file}: {message}"),
        }
    }
}

fn read(file: &str) -> Result<BlockCircuit, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    let circuit = parse(&SourceText::new(file, text), &ParseOptions::default()).map_err(|found| found.render())?;
    let lowered = Lowered::of(&circuit);
    let width = lowered.n_qubits().try_into().map_err(|_| "too many wires for a block".to_string())?;
    let mut block = BlockCircuit::new(width);
    block.gates.extend(lowered.gates().map(|gate| gate.map(|wire| BlockQubit::at(wire.index()))));
    Ok(block)
}

fn measure(file: &str, block: &BlockCircuit, seconds: f64, seed: u64) {
    let name = Path::new(file).file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut line = format!("{name:24} {:3} wires {:6} CX;", block.width(), block.n_cx());
    let mut best = block.clone();
    for direction in [Direction::Forward, Direction::Backward] {
        let greedy = Greedy { direction, ..Greedy::default() };
        let start = Instant::now();
        let found = synthesize(block, &greedy, None);
        let milliseconds = start.elapsed().as_secs_f64() * 1e3;
        let n_cx = found.as_ref().map_or("-".into(), |found| found.n_cx().to_string());
        line += &format!(" {direction:?} {n_cx} in {milliseconds:.2} ms;");
        keep_best(&mut best, found);
    }
    for k in 0..N_RANDOM {
        let found = synthesize(block, &Greedy::random(seed << 20 | k), Some(best.n_cx()));
        keep_best(&mut best, found);
    }
    line += &format!(" best of {} {};", N_RANDOM + 2, best.n_cx());
    if seconds > 0.0 {
        let (n_cx, per_second) = search(&best, seconds, seed);
        line += &format!(" blocks {n_cx} at {:.0}k/s", per_second / 1e3);
    }
    println!("{line}");
}

/// The count that the block search reaches, and how many blocks it synthesises in a second of CPU time.
fn search(block: &BlockCircuit, seconds: f64, seed: u64) -> (usize, f64) {
    let (start, start_cpu) = (Instant::now(), cpu_seconds());
    let Some(mut search) = BlockSearch::new(block, BlockSettings::default(), seed) else { return (block.n_cx(), 0.0) };
    loop {
        let progress = start.elapsed().as_secs_f64() / seconds;
        if progress >= 1.0 {
            let busy = match (start_cpu, cpu_seconds()) {
                (Some(start), Some(end)) => end - start,
                _ => seconds,
            };
            return (search.n_cx(), search.n_syntheses() as f64 / busy);
        }
        search.run(MOVES_PER_LOOK, progress);
    }
}

/// CPU time of this thread, where the system tells.
fn cpu_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

fn keep_best(best: &mut BlockCircuit, found: Option<BlockCircuit>) {
    if let Some(found) = found.filter(|found| found.n_cx() < best.n_cx()) {
        *best = found;
    }
}
